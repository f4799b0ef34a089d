import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { toMinorUnits, toMoney } from '@orderflow/contracts';
import type { Money } from '@orderflow/contracts/google/type/money';
import {
  ChargeResponse_Outcome,
  type GatewayService,
  LedgerEntry_Kind,
} from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { decodePageToken, encodePageToken, invalidRequest } from '@orderflow/rpc';
import { type LedgerEntry, outcomeOf, wasTakenBack } from '../../domain/charge.ts';
import type { DecliningRule } from '../../domain/verdict.ts';
import type { LedgerReader, LedgerTransaction } from '../../ports.ts';
import { charge } from '../../use-cases/charge.ts';
import { listLedger } from '../../use-cases/list-ledger.ts';
import { refundCharge } from '../../use-cases/refund-charge.ts';
import { voidCharge } from '../../use-cases/void-charge.ts';

/** What the contract says that 0 means. */
const defaultPageSize = 1000;

/** GatewayService on its use cases. `declinesNow`: whether a fault has these ids declined for now. */
export function gatewayHandlers({
  inTransaction,
  reader,
  rule,
  declinesNow,
}: {
  /** A transaction that has a charge's key for itself. */
  readonly inTransaction: <T>(
    key: string,
    work: (transaction: LedgerTransaction) => Promise<T>,
  ) => Promise<T>;
  readonly reader: LedgerReader;
  readonly rule: DecliningRule;
  readonly declinesNow: (ids: readonly string[]) => boolean;
}): ServiceImpl<typeof GatewayService> {
  return {
    async charge({ key, orderId, customerId, amount }) {
      const purchase = { orderId, customerId, ...readAmount(amount) };
      const notNow = declinesNow([key, orderId, customerId]);
      const charged = await inTransaction(key, (transaction) =>
        charge({ transaction, rule }, key, purchase, { notNow }),
      );
      const outcome = outcomeOf(charged);
      return {
        outcome: ChargeResponse_Outcome[outcome],
        transactionId: outcome === 'APPROVED' ? charged.transactionId : '',
        declineCode: outcome === 'VOIDED' ? '' : charged.declineCode,
      };
    },

    async voidCharge({ key, orderId }) {
      const voided = await inTransaction(key, (transaction) => voidCharge({ transaction }, key, orderId));
      return { wasCharged: wasTakenBack(voided) };
    },

    async refundCharge({ key, chargeKey }) {
      return {
        transactionId: await inTransaction(chargeKey, (transaction) =>
          refundCharge({ transaction }, key, chargeKey),
        ),
      };
    },

    async listLedger({ orderId, pageSize, pageToken }) {
      const [after = '0'] = decodePageToken('ledger', pageToken) ?? [];
      const { entries, last } = await listLedger(reader, {
        orderId: orderId === '' ? undefined : orderId,
        after: BigInt(after),
        size: pageSize || defaultPageSize,
      });
      return {
        entries: entries.map(toWireEntry),
        nextPageToken: last === undefined ? '' : encodePageToken('ledger', [String(last)]),
      };
    },
  };
}

/** @throws INVALID_REQUEST */
function readAmount(money: Money | undefined): { amount: bigint; currency: string } {
  const amount = money && toMinorUnits(money);
  const currency = money?.currencyCode ?? '';
  if (amount !== undefined && amount > 0n && /^[A-Z]{3}$/.test(currency)) return { amount, currency };
  throw invalidRequest([
    {
      field: 'amount',
      description: 'must be more than 0, in whole minor units of a currency',
      reason: 'amount',
    },
  ]);
}

function toWireEntry({ kind, amount, currency, createTime, ...entry }: LedgerEntry) {
  return {
    ...entry,
    kind: LedgerEntry_Kind[kind],
    amount: toMoney(amount, currency),
    createTime: timestampFromDate(createTime),
  };
}
