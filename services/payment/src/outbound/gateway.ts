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
import { chargeKeyOf, type Payment } from '../domain/payment.ts';
import type { Gateway } from '../ports.ts';

/** The payment gateway over RPC. Its client must not repeat calls: when to try again is for the rules to say. */
export function createGateway(client: Client<typeof GatewayService>): Gateway {
  async function ask(payment: Payment, { kind, key }: Call): Promise<Outcome> {
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
        const detail = inShort(error);
        if (wasNotSent(error)) return { kind: 'unreachable', detail };
        // A charge that is refused needs no look: it is voided in the end, like any that is not known.
        if (call.kind === 'CHARGE' || !isRefusal(error)) return { kind: 'unknown', detail };
        return afterRefusal(payment, call, detail);
      }
    },
  };

  /** Perhaps the gateway refuses to undo the charge because it was undone otherwise: its ledger tells. */
  async function afterRefusal(payment: Payment, { kind }: Call, refusal: string): Promise<Outcome> {
    try {
      const { entries } = await client.listLedger({ orderId: payment.orderId });
      const moved = entries.filter(({ chargeKey }) => chargeKey === chargeKeyOf(payment));
      const charged = sumOf(moved.filter((entry) => entry.kind === Kind.CHARGE));
      const back = sumOf(moved.filter((entry) => entry.kind !== Kind.CHARGE));
      if (charged > 0n && back >= charged) return { kind: kind === 'VOID' ? 'voided' : 'refunded' };
      const truth = charged === 0n ? 'knows no such charge' : 'says that it stands charged';
      return { kind: 'refused', detail: `${refusal}; its ledger ${truth}` };
    } catch (error) {
      const detail = `${refusal}; its ledger cannot be read: ${inShort(error)}`;
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

/** Whether the gateway itself says no, in contrast to something on the way to it. */
function isRefusal(error: unknown): boolean {
  return errorReason(error) !== undefined && refusals.has(ConnectError.from(error).code);
}

const shortLength = 200;

/** Of an error what is worth keeping in a row of Postgres, which takes no zero bytes. */
function inShort(error: unknown): string {
  const { code, rawMessage } = ConnectError.from(error);
  return `${errorReason(error) ?? Code[code]}: ${rawMessage}`.slice(0, shortLength).replaceAll('\0', '');
}

function sumOf(entries: readonly LedgerEntry[]): bigint {
  return entries.reduce((sum, { amount }) => sum + ((amount && toMinorUnits(amount)) ?? 0n), 0n);
}

function chargeOutcome(answer: {
  outcome: ChargeOutcome;
  transactionId: string;
  declineCode: string;
}): Outcome {
  const { outcome, transactionId, declineCode: code } = answer;
  switch (outcome) {
    case ChargeOutcome.APPROVED:
      return { kind: 'approved', transactionId };
    case ChargeOutcome.DECLINED:
      return { kind: 'declined', code };
    case ChargeOutcome.TEMPORARILY_DECLINED:
      return { kind: 'temporarily_declined', code };
    case ChargeOutcome.VOIDED:
      return { kind: 'voided' };
    default:
      return { kind: 'unknown', detail: `the gateway answered outcome ${outcome}` };
  }
}
