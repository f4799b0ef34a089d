import type { DescService } from '@bufbuild/protobuf';
import { settings as enrichmentStub } from '../../services/enrichment-stub/src/config.ts';
import { settings as inventory } from '../../services/inventory/src/config.ts';
import { settings as notification } from '../../services/notification/src/config.ts';
import { rolePorts } from '../../services/order/src/config.ts';
import { settings as payment } from '../../services/payment/src/config.ts';
import { settings as gatewayStub } from '../../services/payment-gateway-stub/src/config.ts';

/** Ports by the part of a package's name that says whose it is. */
const ports: Readonly<Record<string, number>> = {
  order: rolePorts.api,
  inventory: Number(inventory.port.default),
  payment: Number(payment.port.default),
  notification: Number(notification.port.default),
  enrichment: Number(enrichmentStub.port.default),
  gateway: Number(gatewayStub.port.default),
  // Both stubs have it.
  testing: Number(enrichmentStub.port.default),
};

/** The port on which `pnpm dev` serves a service. */
export function portOf({ typeName }: DescService): number {
  const port = ports[typeName.split('.')[1] ?? ''];
  if (port === undefined) throw new Error(`${typeName} has no port in tools/reference/ports.ts`);
  return port;
}
