import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { toMinorUnits, toMoney } from '@orderflow/contracts';
import {
  ChargeResponse_Outcome as ChargeOutcome,
  type GatewayService,
  LedgerEntry_Kind as Kind,
  type LedgerEntry,
} from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { errorReason, wasNotSent } from '@orderflow/rpc';
import type { Call, Outcome } from '../domain/input.ts';
import { chargeKeyOf, type DuePayment } from '../domain/payment.ts';
import type { Gateway } from '../ports.ts';

/** Creates the payment gateway client. `client` must not retry: the domain decides when to. */
export function createGateway(client: Client<typeof GatewayService>): Gateway {
  async function ask(payment: DuePayment, { kind, key }: Call): Promise<Outcome> {
    const { orderId, customerId } = payment;
    switch (kind) {
      case 'CHARGE': {
        const amount = toMoney(payment.amount, payment.currency);
        return chargeOutcome(await client.charge({ key, orderId, customerId, amount }));
      }
      case 'VOID':
        await client.voidCharge({ key, orderId });
        return { kind: 'voided' };
      case 'REFUND':
        await client.refundCharge({ key, chargeKey: chargeKeyOf(payment) });
        return { kind: 'refunded' };
    }
  }

  return {
    async call(payment, call) {
      try {
        return await ask(payment, call);
      } catch (error) {
        const detail = shortDetail(error);
        if (wasNotSent(error)) return { kind: 'unreachable', detail };
        // A refused charge needs no ledger check: it is voided in the end, like any charge of unknown outcome.
        if (call.kind === 'CHARGE' || !isRefusal(error)) return { kind: 'unknown', detail };
        return afterRefusal(payment, call, detail);
      }
    },
  };

  /** After a refusal, checks the gateway's ledger: the charge may have been undone otherwise. */
  async function afterRefusal(payment: DuePayment, { kind }: Call, refusal: string): Promise<Outcome> {
    try {
      const { entries } = await client.listLedger({ orderId: payment.orderId });
      const moved = entries.filter(({ chargeKey }) => chargeKey === chargeKeyOf(payment));
      const charged = sumOf(moved.filter((entry) => entry.kind === Kind.CHARGE));
      const back = sumOf(moved.filter((entry) => entry.kind !== Kind.CHARGE));
      if (charged > 0n && back >= charged) return { kind: kind === 'VOID' ? 'voided' : 'refunded' };
      const truth = charged === 0n ? 'has no such charge' : 'says that the charge stands';
      return { kind: 'refused', detail: `${refusal}; its ledger ${truth}` };
    } catch (error) {
      const detail = `${refusal}; its ledger cannot be read: ${shortDetail(error)}`;
      return { kind: isRefusal(error) ? 'refused' : 'unknown', detail };
    }
  }
}

const refusals: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
  Code.Unauthenticated,
]);

/** Whether the gateway itself refuses, as opposed to something in between. */
function isRefusal(error: unknown): boolean {
  return errorReason(error) !== undefined && refusals.has(ConnectError.from(error).code);
}

const shortLength = 200;

/** The part of an error that is stored in Postgres, which accepts no NUL. */
function shortDetail(error: unknown): string {
  const { code, rawMessage } = ConnectError.from(error);
  return `${errorReason(error) ?? Code[code]}: ${rawMessage}`.slice(0, shortLength).replaceAll('\0', '');
}

function sumOf(entries: readonly LedgerEntry[]): bigint {
  return entries.reduce((sum, { amount }) => sum + ((amount && toMinorUnits(amount)) ?? 0n), 0n);
}

/** The longest id of any gateway. */
const longestName = 256;

/** Shortens a code for people. */
function shortCode(code: string): string {
  return code.slice(0, longestName).replaceAll('\0', '');
}

function chargeOutcome(response: {
  outcome: ChargeOutcome;
  transactionId: string;
  declineCode: string;
}): Outcome {
  const { outcome, transactionId, declineCode: code } = response;
  switch (outcome) {
    case ChargeOutcome.APPROVED:
      // A transaction id that no event or row can hold cannot be used; the charge is then voided in the end.
      return transactionId.length <= longestName && !transactionId.includes('\0')
        ? { kind: 'approved', transactionId }
        : { kind: 'unknown', detail: `a transaction id of ${transactionId.length} characters, or with NUL` };
    case ChargeOutcome.DECLINED:
      return { kind: 'declined', code: shortCode(code) };
    case ChargeOutcome.TEMPORARILY_DECLINED:
      return { kind: 'temporarily_declined', code: shortCode(code) };
    case ChargeOutcome.VOIDED:
      return { kind: 'voided' };
    default:
      return { kind: 'unknown', detail: `the gateway returned outcome ${outcome}` };
  }
}
