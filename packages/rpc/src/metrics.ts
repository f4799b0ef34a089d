import type { Metric } from '@orderflow/runtime';

/** The metrics of RPC servers and clients. */
export const metric = {
  breakerState: {
    kind: 'gauge',
    name: 'orderflow.breaker.state',
    unit: '{state}',
    description: 'Circuit breaker: 0 closed, 1 half-open, 2 open',
    attributes: { api: 'The API that is called, such as customers or gateway' },
  },
  rpcConnectionsCut: {
    kind: 'counter',
    name: 'orderflow.rpc.connections_cut',
    unit: '{connection}',
    description:
      'Connections refused or closed because a limit was reached: refused, refused_address or yielded',
    attributes: { outcome: 'refused, refused_address or yielded' },
  },
  rpcCallsRefused: {
    kind: 'counter',
    name: 'orderflow.rpc.calls_refused',
    unit: '{call}',
    description: 'Calls refused as OVERLOADED, or reset for want of memory for a refusal',
    attributes: { cause: 'memory, calls, event_loop, streams or decompression' },
  },
  rpcCallsRateLimited: {
    kind: 'counter',
    name: 'orderflow.rpc.calls_rate_limited',
    unit: '{call}',
    description: 'Calls refused as RATE_LIMITED',
    attributes: { role: 'customer, operator or service' },
  },
  rpcServerDuration: {
    kind: 'histogram',
    name: 'orderflow.rpc.server.duration',
    unit: 's',
    description: 'Time from the arrival of a request to the end of its response',
    attributes: {
      service: 'The full name of the RPC service',
      method: 'The RPC method, such as BatchGetCustomers',
      code: 'The Connect code of the response, such as ok or not_found',
      protocol: 'connect, grpc, grpc-web or rest',
    },
  },
} as const satisfies Record<string, Metric>;
