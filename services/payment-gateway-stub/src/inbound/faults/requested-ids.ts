import type { Message } from '@bufbuild/protobuf';
import type * as gateway from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';

type Request =
  | gateway.ChargeRequest
  | gateway.VoidChargeRequest
  | gateway.RefundChargeRequest
  | gateway.ListLedgerRequest;

/** The keys, the order and the customer of a request, where it has them. */
export function requestedIds(message: Message): string[] {
  const request = message as Request;
  switch (request.$typeName) {
    case 'orderflow.gateway.v1.ChargeRequest':
      return [request.key, request.orderId, request.customerId];
    case 'orderflow.gateway.v1.VoidChargeRequest':
      return [request.key, request.orderId];
    case 'orderflow.gateway.v1.RefundChargeRequest':
      return [request.key, request.chargeKey];
    case 'orderflow.gateway.v1.ListLedgerRequest':
      return [];
  }
}
