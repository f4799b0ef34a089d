import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { formatMoney, hasTwoDecimals, toMinorUnits, toMoney } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  ChargeResponse_Outcome,
  type GatewayService,
  LedgerEntry_Kind,
} from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { invalidRequest, numberKey, pageRequest, pageTokens } from '@orderflow/rpc';
import { type CoalesceOptions, coalesce, readPage } from '@orderflow/runtime';
import { isPostgresOutage } from '@orderflow/storage';
import { type LedgerEntry, outcomeOf, wasTakenBack } from '../../domain/charge.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { DecliningRule } from '../../domain/verdict.ts';
import type { InLedgerTransaction, LedgerReader } from '../../ports.ts';
import { type ChargeRequest, chargeAll } from '../../use-cases/charge.ts';
import { refundCharge } from '../../use-cases/refund-charge.ts';
import { voidCharge } from '../../use-cases/void-charge.ts';

/** The size of a page of the ledger unless the request says otherwise. */
const defaultPageSize = 1_000;

/** How charges that arrive while others are written are written together: each ledger entry locks the last one. */
const coalescing: CoalesceOptions<ChargeRequest> = {
  maxItems: 100,
  maxWaitMs: 10,
  conflictKeys: ({ key }) => [key],
  retryIndividually: (error) => !isPostgresOutage(error),
};

const tokens = pageTokens<[bigint]>('ledger', numberKey);

/** Implements GatewayService. `declinesNow`: whether a fault temporarily declines charges with these ids. */
export function gatewayHandlers({
  inTransaction,
  reader,
  rule,
  declinesNow,
}: {
  readonly inTransaction: InLedgerTransaction;
  readonly reader: LedgerReader;
  readonly rule: DecliningRule;
  readonly declinesNow: (ids: readonly string[]) => boolean;
}): ServiceImpl<typeof GatewayService> {
  const charge = coalesce(
    (requests: readonly ChargeRequest[]) =>
      inTransaction(
        requests.map(({ key }) => key),
        (transaction) => chargeAll({ transaction, rule }, requests),
      ),
    coalescing,
  );
  return {
    async charge({ key, orderId, customerId, amount }) {
      const purchase = { orderId, customerId, ...readAmount(amount) };
      const notNow = declinesNow([key, orderId, customerId]);
      const charged = await charge({ key, purchase, notNow });
      if (charged instanceof Refusal) throw charged;
      const outcome = outcomeOf(charged);
      return {
        outcome: ChargeResponse_Outcome[outcome],
        transactionId: outcome === 'APPROVED' ? charged.transactionId : '',
        declineCode: outcome === 'VOIDED' ? '' : charged.declineCode,
      };
    },

    async voidCharge({ key, orderId }) {
      const voided = await inTransaction([key], (transaction) => voidCharge({ transaction }, key, orderId));
      return { wasCharged: wasTakenBack(voided) };
    },

    async refundCharge({ key, chargeKey }) {
      return {
        transactionId: await inTransaction([chargeKey], (transaction) =>
          refundCharge({ transaction }, key, chargeKey),
        ),
      };
    },

    async listLedger(request) {
      const { after: [sequence = 0n] = [], size } = pageRequest(tokens, request, defaultPageSize);
      const { items, last } = await readPage(size, (limit) =>
        reader.page(request.orderId || undefined, sequence, limit),
      );
      return { entries: items.map(toWireEntry), nextPageToken: tokens.encode(last && [last.sequence]) };
    },
  };
}

/** The largest amount that the ledger's columns hold. */
const maxAmount = 2n ** 63n - 1n;

/** @throws INVALID_REQUEST */
function readAmount(money: Money | undefined): { amount: bigint; currency: string } {
  const amount = money && toMinorUnits(money);
  const currency = money?.currencyCode ?? '';
  if (!hasTwoDecimals(currency)) {
    const description = 'must be a currency with two decimals, such as USD';
    throw invalidRequest([{ field: 'amount.currency_code', description, reason: 'amount.currency' }]);
  }
  if (amount !== undefined && amount > 0n && amount <= maxAmount) return { amount, currency };
  const description = `must be more than 0, in whole hundredths, and at most ${formatMoney(maxAmount, currency)}`;
  throw invalidRequest([{ field: 'amount', description, reason: 'amount' }]);
}

function toWireEntry({ kind, amount, currency, createTime, ...entry }: LedgerEntry) {
  return {
    ...entry,
    kind: LedgerEntry_Kind[kind],
    amount: toMoney(amount, currency),
    createTime: timestampFromDate(createTime),
  };
}
