import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { DEFAULT_MAX_ITEMS } from '../shape/message-plan.ts';
import { tooMany } from '../shape/shape-error.ts';
import { duplicateMember } from './duplicate-member.ts';
import { isObject, type MemberProblem, Members } from './members.ts';
import { names, readMoney, readReference, type SubmittedLine, toQuotedPrice } from './submitted-order.ts';

/** The text is not JSON, or has another shape. The message says where and what was expected. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** An order in one of the two JSON shapes, parsed and not yet validated. */
export interface JsonOrder {
  readonly format: 'plain_json' | 'protobuf_json';
  readonly submission: {
    readonly orderId: string;
    readonly customerId: string;
    readonly lines: readonly SubmittedLine[];
  };
}

/**
 * Parses the order of a record as JSON. With `products` or `items` it is plain JSON:
 * `{"orderId":"o-1","customerId":"c-1","products":[{"productId":"p-1","name":"Laptop","price":999.99}]}` A product
 * without `quantity` counts 1; the price has no currency. Otherwise it is the JSON mapping of OrderSubmitted, with
 * `lines`. Either may be the only member of an object, `{"order": …}`, and have its customer's id inside of `customer`.
 * The same rules apply to both: names in either spelling (`orderId`, `order_id`), ids as text or whole numbers, numbers as
 * numbers or as text ({@link jsonNumber}), null like absent, unknown members ignored. Duplicates are refused: a name that
 * an object has twice, both spellings of a name, `products` with `lines`, two references of a line.
 * `readOrderRequest` reads the same order as a request.
 * @throws UnreadableError; ShapeError when there are more than 1,000 lines
 */
export function readJsonOrder(text: string): JsonOrder {
  const problems: MemberProblem[] = [];
  const whole = new Members(parse(text), '', problems);
  const isOnly = Object.keys(whole.json).length === 1;
  const order = (isOnly && isObject(whole.json['order']) ? whole.object(['order']) : undefined) ?? whole;
  const list = order.used(['products', 'lines']) ?? (order.used(['items']) || 'lines');
  const isPlain = list !== 'lines';
  const submission = {
    orderId: order.id(names.orderId),
    customerId: readCustomerId(order),
    lines: order.list(list).flatMap((line) => (line ? (isPlain ? readProduct(line) : readLine(line)) : [])),
  };
  const [problem] = problems;
  if (problem?.rule === 'repeated.max_items') {
    throw tooMany(problem.rule, DEFAULT_MAX_ITEMS).in(problem.field);
  }
  if (problem !== undefined) throw new UnreadableError(`${problem.field}: ${problem.description}`);
  return { format: isPlain ? 'plain_json' : 'protobuf_json', submission };
}

function parse(text: string): JsonObject {
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UnreadableError(error instanceof Error ? error.message : String(error));
  }
  if (!isObject(json)) throw new UnreadableError('a JSON object is expected');
  const twice = duplicateMember(text);
  if (twice !== undefined)
    throw new UnreadableError(`an object has the member ${JSON.stringify(twice.slice(0, 64))} twice`);
  return json;
}

/** A `customer` is read only where nothing else names the customer: it may be anything otherwise. */
function readCustomerId(order: Members): string {
  const customerId = order.id(names.customerId);
  if (customerId !== '' || !isObject(order.json['customer'])) return customerId;
  return order.object(['customer'])?.id(names.idOfCustomer) ?? '';
}

function readProduct(product: Members): SubmittedLine {
  const price = product.number(['price']);
  return {
    reference: readReference(product),
    quantity: product.number(names.quantity) ?? 1,
    quotedPrice: price === undefined ? undefined : toQuotedPrice(price),
  };
}

function readLine(line: Members): SubmittedLine {
  const money = line.object(names.quotedPrice);
  return {
    reference: readReference(line),
    quantity: line.number(names.quantity) ?? 0,
    quotedPrice: money && readMoney(money),
  };
}
