import { formatAmount, formatMoney } from '@orderflow/contracts';
import type { EnrichedOrder } from '../../domain/enriched-order.ts';
import type { Customer, Freshness, Product } from '../../domain/enrichment.ts';
import { limits } from '../../domain/judge.ts';
import type { QuotedPrice, SubmittedLine } from '../../domain/submission.ts';

/** The MongoDB document of a decided order, without its progress. */
export type OrderDocument = ReturnType<typeof toDocument>;

/**
 * Computes the document of a decided order. Pure: the same order gives the same document, so that it can be written
 * again, or rebuilt from the order's history. Amounts are exact decimals as text, all in the one currency.
 */
export function toDocument(order: EnrichedOrder) {
  const { decision, submission, source, customer } = order;
  return {
    _id: order.orderId,
    outcome: decision.outcome,
    decide_time: order.decideTime,
    currency: order.currency,
    ...(decision.outcome === 'REJECTED' ? { rejections: decision.rejections.map((r) => ({ ...r })) } : {}),
    ...(customer === undefined
      ? {}
      : {
          customer: customerDocument(customer.customer, customer.freshness),
        }),
    lines: order.lines.map(({ product, freshness, quantity, quotedPrice, amount }) => ({
      product: productDocument(product, freshness),
      quantity,
      unit_price: formatAmount(product.price),
      ...(quotedPrice === undefined ? {} : { quoted_price: formatAmount(quotedPrice) }),
      amount: formatAmount(amount),
    })),
    ...(decision.outcome === 'ACCEPTED'
      ? {
          subtotal: formatAmount(decision.subtotal),
          tax: formatAmount(decision.tax),
          tax_rate: taxRate(order),
          total: formatAmount(decision.total),
        }
      : {}),
    submission: {
      customer_id: submission.customerId,
      line_count: submission.lines.length,
      // An order with more lines is rejected; half a million of them would exceed the size of a document.
      lines: submission.lines.slice(0, limits.lines).map(submittedLineOf),
    },
    source: {
      topic: source.topic,
      partition: source.partition,
      offset: source.offset,
      format: source.format,
      record_time: source.recordTime,
    },
  };
}

/** The customer in the document. */
export const customerDocument = (customer: Customer, freshness: Freshness) => ({
  customer_id: customer.customerId,
  name: customer.name,
  email: customer.email,
  active: customer.active,
  version: customer.version,
  ...freshnessOf(freshness),
});

/** The product in a line of the document, without its price. */
export const productDocument = (product: Product, freshness: Freshness) => ({
  product_id: product.productId,
  sku: product.sku,
  name: product.name,
  description: product.description,
  retired: product.retired,
  version: product.version,
  ...freshnessOf(freshness),
});

function freshnessOf({ fetchTime, stale }: Freshness) {
  return { fetch_time: fetchTime, stale };
}

function submittedLineOf({ reference, quantity, quotedPrice }: SubmittedLine) {
  return {
    ...(reference === undefined ? {} : { [reference.by]: reference.value }),
    quantity,
    ...(quotedPrice === undefined ? {} : { quoted_price: quotedText(quotedPrice) }),
  };
}

/** A price as the sender quoted it, for people. */
export function quotedText(quotedPrice: QuotedPrice): string {
  if (quotedPrice.amount === undefined) return quotedPrice.text;
  const { amount, currency } = quotedPrice;
  return currency === undefined ? formatAmount(amount) : formatMoney(amount, currency);
}

/** The tax rate of an order, for people: `8 %`. */
export function taxRate({ taxBasisPoints }: EnrichedOrder): string {
  return `${taxBasisPoints / 100} %`;
}
