import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import {
  ChargeResponse_Outcome as ChargeOutcome,
  type GatewayService,
} from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { wasNotSent } from '@orderflow/rpc';
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
        const { code, rawMessage } = ConnectError.from(error);
        const detail = `${Code[code]}: ${rawMessage}`;
        return { kind: wasNotSent(error) ? 'unreachable' : 'unknown', detail };
      }
    },
  };
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
