import { fromBinary } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { formatAmount, formatMoney, toMinorUnits } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  type EnrichedOrder,
  EnrichedOrder_OutcomeSchema,
  EnrichedOrderSchema,
} from '@orderflow/contracts/orderflow/order/v1/enriched_order';
import type { Stores } from '../stores.ts';
import { printable, printableCell, table } from '../table.ts';
import { formatTime } from './time.ts';

/** Formats the decision of an order, with its lines and prices or its rejections; empty when it is not decided. */
export async function decision({ orders }: Stores, id: string): Promise<string> {
  const [row] = await orders<{ enriched_order: Buffer }>(
    'select enriched_order from order_history where order_id = $1 and enriched_order is not null',
    [id],
  );
  return row === undefined ? '' : describe(fromBinary(EnrichedOrderSchema, row.enriched_order));
}

/** Formats a decision. */
export function describe(order: EnrichedOrder): string {
  const { source, decideTime, customer } = order;
  const from = source && `${source.topic}/${source.partition}/${source.offset}`;
  const parts = [
    `Decision: ${EnrichedOrder_OutcomeSchema.value[order.outcome]?.localName}`,
    decideTime && ` ${formatTime(timestampDate(decideTime))}`,
    from && `, of the record ${from}`,
    customer?.freshness?.stale && ', with a stale customer',
  ];
  const blocks = [
    parts.filter(Boolean).join(''),
    ...order.rejections.map(({ reason, field, message }) =>
      printable(`  ${reason}${field === '' ? '' : ` (${field})`}: ${message}`),
    ),
    ...(order.lines.length === 0 ? [] : [linesOf(order)]),
    ...(order.total === undefined ? [] : [sumsOf(order)]),
  ];
  return blocks.join('\n');
}

function linesOf({ lines }: EnrichedOrder): string {
  return table(
    ['product', 'sku', 'quantity', 'price', 'seen as', 'amount', ''],
    lines.map(({ product, quantity, unitPrice, quotedPrice, amount, freshness }) => [
      printableCell(product?.productId ?? '', 40),
      printableCell(product?.sku ?? '', 40),
      Number(quantity),
      textOf(unitPrice),
      textOf(quotedPrice) || '-',
      textOf(amount),
      freshness?.stale ? 'stale' : '',
    ]),
  );
}

function sumsOf({ subtotal, tax, taxBasisPoints, total }: EnrichedOrder): string {
  const sum = total && toMinorUnits(total);
  const whole = sum === undefined ? '' : formatMoney(sum, total?.currencyCode ?? '');
  return `  ${textOf(subtotal)} and ${taxBasisPoints / 100} % tax ${textOf(tax)}: ${whole}`;
}

function textOf(money: Money | undefined): string {
  const amount = money && toMinorUnits(money);
  return amount === undefined ? '' : formatAmount(amount);
}
