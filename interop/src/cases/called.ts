import type { CallStep, Server } from './case-schema.ts';

/** The process that serves the methods of a package, where a step does not say `at`. */
const defaultServers: readonly (readonly [prefix: string, server: Server])[] = [
  ['orderflow.order.', 'order-api'],
  ['orderflow.inventory.', 'inventory'],
  ['orderflow.payment.', 'payment'],
  ['orderflow.notification.', 'notification'],
  ['orderflow.enrichment.', 'enrichment-stub'],
  ['orderflow.gateway.', 'payment-gateway-stub'],
];

/** Returns the method that a step calls, and the process. */
export function calledBy({ call, at }: CallStep): { service: string; method: string; server: Server } {
  const [service = '', method = ''] = call.split('/');
  const server = at ?? defaultServers.find(([prefix]) => service.startsWith(prefix))?.[1];
  if (server === undefined) throw new Error(`${call} has no default process: say \`at\``);
  return { service, method, server };
}
