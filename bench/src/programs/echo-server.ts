// Serves GetCustomer, which returns a customer of the given id and is the same in all of these: SERVER is one of
// orderflow, grpc-js and http2. Prints its port.
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  CustomerService,
  GetCustomerRequestSchema,
  GetCustomerResponseSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { startBareServer } from '../bare-server.ts';
import { echoPath } from '../echo.ts';

const host = '127.0.0.1';
const responseTo = (customerId: string) => create(GetCustomerResponseSchema, { customer: { customerId } });

function orderflow(): Promise<number> {
  return startBareServer({
    service: 'echo',
    routes: (router) =>
      router.service(CustomerService, { getCustomer: ({ customerId }) => responseTo(customerId) }),
    services: [CustomerService],
  });
}

function grpcJs(): Promise<number> {
  const server = new grpc.Server();
  const definition = {
    getCustomer: {
      path: echoPath,
      requestStream: false,
      responseStream: false,
      requestSerialize: (message) => Buffer.from(toBinary(GetCustomerRequestSchema, message)),
      requestDeserialize: (bytes) => fromBinary(GetCustomerRequestSchema, bytes),
      responseSerialize: (message) => Buffer.from(toBinary(GetCustomerResponseSchema, message)),
      responseDeserialize: (bytes) => fromBinary(GetCustomerResponseSchema, bytes),
    },
  } satisfies grpc.ServiceDefinition;
  server.addService(definition, {
    getCustomer: (call: { request: { customerId: string } }, done: grpc.sendUnaryData<unknown>) =>
      done(null, responseTo(call.request.customerId)),
  });
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:0`, grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

/** Reads nothing of a request and answers with the same bytes each time. */
function http2(): Promise<number> {
  const message = toBinary(GetCustomerResponseSchema, responseTo('c-1'));
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(frame);
    });
    stream.resume();
  });
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });
}

const servers: Record<string, () => Promise<number>> = { orderflow, 'grpc-js': grpcJs, http2 };
const start = servers[process.argv[2] ?? ''];
if (start === undefined) throw new Error(`usage: echo-server ${Object.keys(servers).join('|')}`);
console.log(`port ${await start()}`);
