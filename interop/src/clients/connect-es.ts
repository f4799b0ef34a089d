import { createConnectTransport } from '@connectrpc/connect-node';
import type { Call, Client, Ending } from './client.ts';
import { callWith } from './connect-call.ts';
import type { Contracts } from './contracts.ts';

/** The client Connect-ES. */
export interface ConnectEs extends Client {
  /** Makes a call that the signal cancels. */
  call(call: Call, signal?: AbortSignal): Promise<Ending>;
}

/** Creates the client Connect-ES in Node: the Connect protocol with protobuf, over HTTP/2. */
export function createConnectEs(contracts: Contracts): ConnectEs {
  const transports = new Map<string, ReturnType<typeof createConnectTransport>>();
  const transportTo = (baseUrl: string) => {
    const transport = transports.get(baseUrl) ?? createConnectTransport({ baseUrl, httpVersion: '2' });
    transports.set(baseUrl, transport);
    return transport;
  };
  return { call: (call, signal) => callWith(transportTo(call.url), contracts, call, signal) };
}
