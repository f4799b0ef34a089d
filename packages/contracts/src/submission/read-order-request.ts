import type { JsonObject } from '@bufbuild/protobuf';
import { duplicateMember } from './duplicate-member.ts';
import { jsonNumber } from './json-number.ts';
import { isObject, type MemberProblem, Members, type Names } from './members.ts';
import {
  names,
  type QuotedPrice,
  readMoney,
  readReference,
  type SubmittedLine,
  toQuotedPrice,
} from './submitted-order.ts';

/** An order that is sent as a request, as far as it could be read. */
export interface OrderRequest {
  readonly orderId: string;
  readonly customerId: string;
  /** Undefined is no line. */
  readonly lines: readonly (SubmittedLine | undefined)[];
  readonly validateOnly: boolean;
  readonly requestId: string;
  /** All that is wrong with it. */
  readonly problems: readonly MemberProblem[];
  /** Returns what the sender calls a field of the contract: `items[0].price` for `lines[0].quoted_price`. */
  readonly nameOf: (field: string) => string;
}

const lists = ['lines', 'items', 'products'] as const;
const price: Names = [...names.quotedPrice, 'price', 'unit_price', 'unitPrice'];
const validateOnly: Names = ['validate_only', 'validateOnly'];
const requestId: Names = ['request_id', 'requestId'];

/**
 * Members that such orders often have, and that orderflow has no use for: names come from the catalogue, amounts are
 * computed from it. docs/errors.md lists them.
 */
export const ignoredMembers = {
  order: ['email', 'total', 'total_amount', 'totalAmount', 'subtotal', 'tax'],
  customer: ['name', 'email', 'phone'],
  line: ['name', 'product_name', 'productName', 'description', 'total', 'subtotal', 'amount'],
} as const;

const envelope = [...validateOnly, ...requestId];
const ofOrder = [...names.orderId, ...names.customerId, 'customer', ...lists];
const known = {
  envelope: new Set(['order', ...envelope]),
  wrapped: new Set([...ofOrder, ...ignoredMembers.order]),
  order: new Set(['order', ...ofOrder, ...envelope, ...ignoredMembers.order]),
  customer: new Set([...names.idOfCustomer, ...ignoredMembers.customer]),
  line: new Set([...names.productId, ...names.sku, ...names.quantity, ...price, ...ignoredMembers.line]),
  money: new Set([...names.currency, 'units', 'nanos', 'amount']),
};

/**
 * Reads an order that is sent as a request: what `readJsonOrder` reads of a record, and prices by more names, options
 * beside `{"order": …}`, money with a decimal `amount`. Where records ignore what they do not know, it is a problem here.
 * `text` is what `json` was parsed from.
 */
export function readOrderRequest(json: JsonObject, text: string): OrderRequest {
  const problems: MemberProblem[] = [];
  const whole = new Members(json, '', problems);
  const inside = isObject(json['order']) ? whole.object(['order']) : undefined;
  const order = inside ?? whole;
  if (inside) whole.refuseOthers(known.envelope, 'an order, validate_only and request_id');
  order.refuseOthers(
    inside ? known.wrapped : known.order,
    'the members are order_id, customer_id or customer.user_id, and lines, items or products',
  );
  const twice = duplicateMember(text);
  if (twice !== undefined) whole.report(twice, 'is given twice by one object', 'json.repeated_field');

  const list = order.used(lists) ?? 'lines';
  const lines = order.list(list);
  return {
    orderId: order.id(names.orderId),
    customerId: readCustomerId(order),
    lines: lines.map((line) => line && readLine(line, list === 'lines' ? 0 : 1)),
    validateOnly: whole.boolean(validateOnly),
    requestId: whole.text(requestId),
    problems,
    nameOf: namesIn(order, list),
  };
}

function readCustomerId(order: Members): string {
  const customerId = order.id(names.customerId);
  const customer = order.object(['customer']);
  customer?.refuseOthers(known.customer, 'the members are user_id, name and email');
  const inside = customer?.id(names.idOfCustomer) ?? '';
  if (customerId === '' || inside === '') return customerId || inside;
  if (customerId !== inside) order.report('customer', 'differs from the customer id', 'json.contradiction');
  return customerId;
}

function readLine(line: Members, defaultQuantity: number): SubmittedLine {
  line.refuseOthers(known.line, 'the members are product_id or sku, quantity and price');
  return {
    reference: readReference(line),
    quantity: line.number(names.quantity) ?? defaultQuantity,
    quotedPrice: readPrice(line),
  };
}

function readPrice(line: Members): QuotedPrice | undefined {
  const name = line.used(price);
  const value = name === undefined ? null : line.json[name];
  if (name === undefined || value === null || value === undefined) return undefined;
  if (isObject(value)) return readAmount(line.object([name]));
  const number = jsonNumber(value);
  if (number !== undefined) return toQuotedPrice(number);
  line.report(name, 'must be a number, or an object with currency_code and amount');
  return undefined;
}

/** Money as `google.type.Money` has it, or as responses do: with a decimal amount. */
function readAmount(money: Members | undefined): QuotedPrice | undefined {
  money?.refuseOthers(known.money, 'the members are currency_code and amount');
  if (money?.used(['amount']) === undefined) return money && readMoney(money);
  money.used(['amount', 'units', 'nanos']);
  const amount = money.number(['amount']);
  const currency = money.text(names.currency) || undefined;
  const quoted = amount === undefined ? undefined : toQuotedPrice(amount);
  return quoted?.amount === undefined ? quoted : { ...quoted, currency };
}

/** The names that an order uses; of its lines, those of the first that has such a member. */
function namesIn(order: Members, list: string): (field: string) => string {
  const { json } = order;
  const customer = isObject(json['customer']) ? [json['customer']] : [];
  const lines = (Array.isArray(json[list]) ? json[list] : []).filter(isObject);
  const isNested = usedIn([json], names.customerId) === undefined && 'customer' in json;
  const ofOrder: Readonly<Record<string, string>> = {
    order_id: order.at(usedIn([json], names.orderId) ?? names.orderId[0]),
    customer_id: order.at(
      isNested
        ? `customer.${usedIn(customer, names.idOfCustomer) ?? names.idOfCustomer[0]}`
        : (usedIn([json], names.customerId) ?? names.customerId[0]),
    ),
    lines: order.at(list),
  };
  const productId = usedIn(lines, names.productId) ?? names.productId[0];
  const ofLine: Readonly<Record<string, string>> = {
    product_id: productId,
    reference: productId,
    quoted_price: usedIn(lines, price) ?? names.quotedPrice[0],
  };
  return renaming(ofOrder, ofLine);
}

function usedIn(objects: readonly JsonObject[], among: Names): string | undefined {
  for (const json of objects) {
    const used = among.find((name) => Object.hasOwn(json, name));
    if (used !== undefined) return used;
  }
  return undefined;
}

/** A function of its own, which keeps the names and not the order. */
function renaming(
  ofOrder: Readonly<Record<string, string>>,
  ofLine: Readonly<Record<string, string>>,
): (field: string) => string {
  return (field) => {
    const [, name = '', index = '', member] = /^(\w+)(\[\d+\])?(?:\.(.+))?$/.exec(field) ?? [];
    const of = ofOrder[name];
    if (of === undefined) return field;
    return `${of}${index}${member === undefined ? '' : `.${ofLine[member] ?? member}`}`;
  };
}
