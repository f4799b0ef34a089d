// A page that makes the calls it is asked to make: Connect-Web, with the generated code.
import type { DescService, Registry } from '@bufbuild/protobuf';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
// The module of generated code: `contracts` is an alias of its place.
// @ts-expect-error: it is generated JavaScript
// biome-ignore lint/correctness/noUndeclaredDependencies: it is no package
import * as generated from 'contracts';
import type { Call } from '../src/clients/client.ts';
import { callWith } from '../src/clients/connect-call.ts';

const { registry, services } = generated as { registry: Registry; services: readonly DescService[] };
const contracts = { registry, services: new Map(services.map((service) => [service.typeName, service])) };
const transports = { connect: createConnectTransport, 'grpc-web': createGrpcWebTransport };

Object.assign(globalThis, {
  callOrderflow: (protocol: keyof typeof transports, call: Call) =>
    callWith(transports[protocol]({ baseUrl: call.url }), contracts, call),
});
