import { createReadStream } from 'node:fs';
import type { JsonObject } from '@bufbuild/protobuf';
import { isObject, type OrderRequest, readOrderRequest } from '@orderflow/contracts';
import { CommandError, UsageError } from '../cli.ts';
import { printableCell } from '../table.ts';

/** No topic takes a larger order. */
const MAX_FILE_BYTES = 1024 * 1024;

/** An order as its sender wrote it, and as it was read. */
export interface OrderText {
  /** Its JSON. */
  readonly text: string;
  readonly json: JsonObject;
  readonly request: OrderRequest;
  /** Returns what the sender calls a field of the contract: `items[0].price`, or `--sku MOUSE001=2`. */
  readonly nameOf: (field: string) => string;
}

/** The options that are an order. */
export interface OrderFlags {
  readonly customer?: string | undefined;
  readonly product?: readonly string[] | undefined;
  readonly sku?: readonly string[] | undefined;
}

/**
 * Makes the order of command line options.
 * @throws UsageError when there is no line, or one that is not `REFERENCE` or `REFERENCE=QUANTITY`.
 */
export function orderOfFlags(id: string, { customer, product = [], sku = [] }: OrderFlags): OrderText {
  const lines = [
    ...product.map((flag) => lineOf('--product', 'product_id', flag)),
    ...sku.map((flag) => lineOf('--sku', 'sku', flag)),
  ];
  if (lines.length === 0)
    throw new UsageError(
      'An order has at least one line: --product ID=QUANTITY, --sku SKU=QUANTITY, or --file FILE.',
    );
  const order = {
    order_id: id,
    ...(customer !== undefined && { customer_id: customer }),
    products: lines.map(({ line }) => line),
  };
  const names: Readonly<Record<string, string>> = { order_id: '--id', customer_id: '--customer' };
  return {
    ...orderOf(JSON.stringify(order)),
    nameOf(field) {
      const line = lines[Number(/^lines\[(\d+)\]/.exec(field)?.[1])];
      return line?.written ?? names[field] ?? field;
    },
  };
}

function lineOf(option: string, member: string, flag: string): { written: string; line: JsonObject } {
  const at = flag.lastIndexOf('=');
  const [reference, quantity] = at < 0 ? [flag, '1'] : [flag.slice(0, at), flag.slice(at + 1)];
  const written = `${option} ${flag}`;
  // `p-1=two` is a typo, and no product's id.
  if (reference === '' || !/^\d{1,9}$/.test(quantity))
    throw new UsageError(
      `${printableCell(written, 100)}: a whole number is expected behind the last "=", the quantity.`,
    );
  return { written, line: { [member]: reference, quantity: Number(quantity) } };
}

/**
 * Reads the order of a file, `-` is standard input, and gives it this id if it has none.
 * @throws CommandError when it cannot be read, is larger than 1 MiB or is not a JSON object; UsageError when it has
 *   another id than the one that `--id` names.
 */
export async function orderOfFile(file: string, given: string | undefined, made: string): Promise<OrderText> {
  const read = orderOf(await contentOf(file), file);
  const { orderId } = read.request;
  if (orderId !== '') {
    if (given === undefined || given === orderId) return read;
    throw new UsageError(
      `--id ${printableCell(given, 64)}: the order in ${file} has the id ${printableCell(orderId, 64)}; leave one of them out.`,
    );
  }
  // An unusable id is named, not replaced.
  if (read.request.problems.length > 0) return read;
  const inside = isObject(read.json['order']) ? read.json['order'] : read.json;
  delete inside['order_id'];
  delete inside['orderId'];
  inside['order_id'] = given ?? made;
  return orderOf(JSON.stringify(read.json), file);
}

function orderOf(text: string, file = ''): OrderText {
  const json = parse(text, file);
  const request = readOrderRequest(json, text);
  return { text, json, request, nameOf: request.nameOf };
}

function parse(text: string, file: string): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(json as JsonObject)) throw new CommandError(`${file}: a JSON object is expected, one order.`);
  return json as JsonObject;
}

async function contentOf(file: string): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of file === '-' ? process.stdin : createReadStream(file)) {
      const bytes = Buffer.from(part);
      size += bytes.length;
      if (size > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB');
      parts.push(bytes);
    }
    // Without a byte order mark; wrong bytes are not replaced.
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch (error) {
    throw new CommandError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
