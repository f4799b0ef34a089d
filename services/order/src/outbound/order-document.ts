import { formatMoney } from '@orderflow/contracts';
import type { EnrichedOrder } from '../domain/enriched-order.ts';
import type { Freshness } from '../domain/enrichment.ts';
import { limits } from '../domain/judge.ts';
import type { SubmittedLine } from '../domain/submission.ts';

/** An amount in a document: exact, and readable. */
export interface AmountDocument {
  /** In the document's currency: 1299 is 12.99 USD. */
  readonly minor_units: bigint;
  readonly text: string;
}

/** The MongoDB document of a decided order, without its progress. */
export type OrderDocument = ReturnType<typeof toDocument>;

/**
 * Computes the document that shows a decided order. Pure: the same order gives the same document, so that it can be
 * written again, or rebuilt from the order's history.
 */
export function toDocument(order: EnrichedOrder) {
  const amount = (minorUnits: bigint): AmountDocument => ({
    minor_units: minorUnits,
    text: formatMoney(minorUnits, order.currency),
  });
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
          customer: {
            customer_id: customer.customer.customerId,
            name: customer.customer.name,
            email: customer.customer.email,
            active: customer.customer.active,
            version: customer.customer.version,
            ...freshnessOf(customer.freshness),
          },
        }),
    lines: order.lines.map(({ product, freshness, quantity, quotedPrice, amount: lineAmount }) => ({
      product: {
        product_id: product.productId,
        sku: product.sku,
        name: product.name,
        description: product.description,
        retired: product.retired,
        version: product.version,
        ...freshnessOf(freshness),
      },
      quantity,
      unit_price: amount(product.price),
      ...(quotedPrice === undefined ? {} : { quoted_price: amount(quotedPrice) }),
      amount: amount(lineAmount),
    })),
    ...(decision.outcome === 'ACCEPTED'
      ? {
          subtotal: amount(decision.subtotal),
          tax: amount(decision.tax),
          tax_rate: `${order.taxBasisPoints / 100} %`,
          total: amount(decision.total),
        }
      : {}),
    submission: {
      customer_id: submission.customerId,
      line_count: submission.lines.length,
      // An order with more lines is rejected; showing half a million of them would burst the document.
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

function freshnessOf({ fetchTime, stale }: Freshness) {
  return { fetch_time: fetchTime, stale };
}

function submittedLineOf({ reference, quantity, quotedPrice }: SubmittedLine) {
  return {
    ...(reference === undefined ? {} : { [reference.by]: reference.value }),
    quantity,
    ...(quotedPrice === undefined
      ? {}
      : {
          quoted_price:
            quotedPrice.amount === undefined
              ? quotedPrice.text
              : formatMoney(quotedPrice.amount, quotedPrice.currency ?? '').trim(),
        }),
  };
}
