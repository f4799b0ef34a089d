import type { JsonObject } from '@bufbuild/protobuf';
import { type MemberProblem, type OrderRequest, readOrderRequest } from '@orderflow/contracts';
import { type Order, Order_State, OrderSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { type AdaptedBody, type RestAdapter, refusalErrors, restAdapter, toRestJson } from '@orderflow/rpc';
import { Refusal } from '../../domain/refusal.ts';
import { type RejectionReason, rejectionReasons } from '../../domain/rejection.ts';
import { refused } from '../../use-cases/place-order.ts';
import { errorReasons } from '../rpc/error-reasons.ts';
import { createOrderDescription } from './create-order-description.ts';

type Line = NonNullable<OrderRequest['lines'][number]>;
type Violation = AdaptedBody['violations'][number];

/** CreateOrder over REST: takes an order in many shapes, and says that it is not decided yet. */
export const createOrderAdapter: RestAdapter = restAdapter(OrderService.method.createOrder, {
  readBody,
  refuse,
  respond({ order }, { validateOnly }) {
    if (order === undefined) throw new Error('CreateOrder returned no order');
    const { orderId } = order;
    const json = toRestJson(OrderSchema, order);
    return {
      status: validateOnly ? 200 : 202,
      // Relative to `/orders`, also where that is behind a prefix.
      headers: validateOnly || isDots(orderId) ? {} : { location: `orders/${encodeURIComponent(orderId)}` },
      body: {
        orderId,
        status: json['state'] ?? '',
        message: messageOf(order, validateOnly),
        order: json,
      },
    };
  },
  description: createOrderDescription,
});

/** Clients remove such segments from a URL, also when they are percent-encoded. */
function isDots(orderId: string): boolean {
  return orderId === '.' || orderId === '..';
}

function messageOf({ orderId, state }: Order, validateOnly: boolean): string {
  if (validateOnly) return 'nothing was stored: this is the order as it would be';
  return state === Order_State.PENDING
    ? `the order is stored: GET /orders/${orderId}/status says what becomes of it`
    : 'the order was stored before, and is decided';
}

function readBody(json: JsonObject, text: string): AdaptedBody {
  const { orderId, customerId, lines, validateOnly, requestId, problems, nameOf } = readOrderRequest(
    json,
    text,
  );
  const violations = problems.map(toViolation);
  const named = new Set(violations.map(({ field }) => field));

  const isNamed = (line: number, member: string) => named.has(nameOf(`lines[${line}].${member}`));

  function violate(line: number, member: string, description: string, reason: string): void {
    violations.push({ field: nameOf(`lines[${line}].${member}`), description, reason });
  }

  function reject(line: number, member: string, description: string, reason: RejectionReason): void {
    violate(line, member, description, reason.toLowerCase());
  }

  const toLine = ({ reference, quantity, quotedPrice }: Line, at: number): JsonObject => {
    if (reference === undefined && !isNamed(at, 'product_id') && !isNamed(at, 'sku')) {
      const description = 'the line names no product: send its product_id or its sku; a name is not enough';
      reject(at, 'reference', description, 'PRODUCT_REFERENCE_INVALID');
    }
    if (!Number.isSafeInteger(quantity)) violate(at, 'quantity', 'must be a whole number', 'json.type');
    const wrongPrice = priceProblem(quotedPrice);
    if (wrongPrice !== undefined) reject(at, 'quoted_price', wrongPrice, 'QUOTED_PRICE_INVALID');
    return {
      // Without one there is a violation; the contract need not say it again.
      ...(reference ? { [reference.by]: reference.value } : { product_id: '-' }),
      ...(Number.isSafeInteger(quantity) && { quantity }),
      ...(quotedPrice?.amount !== undefined && { quotedPrice: toMoneyJson(quotedPrice) }),
    };
  };

  return {
    request: {
      orderId,
      customerId,
      lines: lines.map((line, at) => (line === undefined ? {} : toLine(line, at))),
      validateOnly,
      requestId,
    },
    violations,
    nameOf,
  };
}

function toViolation({ field, description, rule }: MemberProblem): Violation {
  return { field, description, reason: rule };
}

function priceProblem(price: Line['quotedPrice']): string | undefined {
  if (price === undefined) return undefined;
  if (price.amount === undefined)
    return `${price.text} is not an amount with at most two decimals: round it, or leave it out`;
  return price.amount < 0n ? 'the price is negative' : undefined;
}

function toMoneyJson({ amount, currency }: { amount: bigint; currency: string | undefined }): JsonObject {
  const cents = Number(amount % 100n);
  return { currencyCode: currency ?? '', units: String(amount / 100n), nanos: cents * 10_000_000 };
}

const refusalError = refusalErrors(Refusal, errorReasons);
const rejections = new Map(Object.keys(rejectionReasons).map((reason) => [reason.toLowerCase(), reason]));

/** An order that can be read, and would be rejected, is refused as CreateOrder refuses one. */
function refuse(violations: readonly Violation[]) {
  const refusals = violations.map(({ field, description, reason }) => ({
    type: rejections.get(reason) ?? '',
    subject: field,
    description,
  }));
  return refusals.every(({ type }) => type !== '') ? refusalError(refused(refusals)) : undefined;
}
