import { timestampDate } from '@bufbuild/protobuf/wkt';
import { formatAmount, toMinorUnits } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  type EnrichedOrder,
  EnrichedOrder_OutcomeSchema,
} from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import type { DocumentFact } from './facts.ts';

/** How a document differs from its decision; undefined when it does not. */
export function differenceOf(
  document: DocumentFact | undefined,
  decision: EnrichedOrder,
): string | undefined {
  if (document?.outcome === undefined) return 'no document';
  const shown = JSON.stringify(shownContent(document));
  const wanted = JSON.stringify(wantedBy(decision));
  return shown === wanted ? undefined : `the document has ${shown} instead of ${wanted}`;
}

function shownContent(document: DocumentFact) {
  const { customer, lines = [], rejections = [] } = document;
  return {
    outcome: document.outcome,
    decided: document.decide_time?.toISOString(),
    customer: customer && [customer.customer_id, customer.name, customer.email],
    lines: lines.map(({ product, quantity, unit_price, amount }) => [
      product.product_id,
      product.sku,
      product.name,
      String(quantity),
      unit_price,
      amount,
    ]),
    subtotal: document.subtotal,
    tax: document.tax,
    total: document.total,
    rejections: rejections.map(({ reason, field, message }) => [reason, field, message]),
  };
}

/** The same, computed from Postgres. */
function wantedBy(decision: EnrichedOrder): ReturnType<typeof shownContent> {
  const customer = decision.customer?.customer;
  return {
    outcome: EnrichedOrder_OutcomeSchema.value[decision.outcome]?.localName,
    decided: decision.decideTime && timestampDate(decision.decideTime).toISOString(),
    customer: customer && [customer.customerId, customer.name, customer.email],
    lines: decision.lines.map(({ product, quantity, unitPrice, amount }) => [
      product?.productId ?? '',
      product?.sku ?? '',
      product?.name ?? '',
      String(quantity),
      wantedAmount(unitPrice) ?? '',
      wantedAmount(amount) ?? '',
    ]),
    subtotal: wantedAmount(decision.subtotal),
    tax: wantedAmount(decision.tax),
    total: wantedAmount(decision.total),
    rejections: decision.rejections.map(({ reason, field, message }) => [reason, field, message]),
  };
}

function wantedAmount(money: Money | undefined): string | undefined {
  const minorUnits = money && toMinorUnits(money);
  return minorUnits === undefined ? undefined : formatAmount(minorUnits);
}
