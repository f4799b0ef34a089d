import { type OrderRequest, toMoney } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import { CommandError } from '../cli.ts';
import { listOf, type Violation } from '../orders/violations.ts';
import type { OrderText } from './order-text.ts';

/** A line as the messages have it: CreateOrder's and the record's are alike. */
export interface Line {
  readonly reference?: { readonly case: 'productId' | 'sku'; readonly value: string };
  readonly quantity: bigint;
  readonly quotedPrice?: Money;
}

/**
 * Converts the lines of an order to those of a message. Whether products exist and quantities are allowed is for the
 * receiver to say.
 * @throws CommandError that lists everything in the order that the message cannot express.
 */
export function linesOf({ request, nameOf }: OrderText): Line[] {
  const violations: Violation[] = [...request.problems];
  const lines = request.lines.map((line, index): Line => {
    if (line === undefined) return { quantity: 0n };
    const { reference, quantity, quotedPrice } = line;
    const violate = (member: string, description: string) =>
      violations.push({ field: nameOf(`lines[${index}].${member}`), description });
    if (!Number.isSafeInteger(quantity)) violate('quantity', 'must be a whole number');
    if (quotedPrice !== undefined && quotedPrice.amount === undefined)
      violate('quoted_price', `${quotedPrice.text} is not an amount with at most two decimals`);
    return {
      ...(reference && { reference: referenceOf(reference) }),
      quantity: Number.isSafeInteger(quantity) ? BigInt(quantity) : 0n,
      ...(quotedPrice?.amount !== undefined && {
        quotedPrice: toMoney(quotedPrice.amount, quotedPrice.currency ?? ''),
      }),
    };
  });
  refuse(violations);
  return lines;
}

type Reference = NonNullable<NonNullable<OrderRequest['lines'][number]>['reference']>;

function referenceOf({ by, value }: Reference): Line['reference'] & {} {
  return by === 'sku' ? { case: 'sku', value } : { case: 'productId', value };
}

/** @throws CommandError that lists the violations, if there are any. */
export function refuse(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  throw new CommandError(`The order was not sent:\n${listOf(violations)}`);
}
