// Calls GetCustomer, 64 calls at once: CLIENT BASE_URL COUNT. CLIENT is grpc-js, orderflow, both over HTTP/2, or
// connect, over HTTP/1.1.
// Calls COUNT times to warm up and COUNT times measured. Prints {seconds, p50Ms, p99Ms, cpuSeconds}, its own CPU.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import * as grpc from '@grpc/grpc-js';
import {
  CustomerService,
  GetCustomerRequestSchema,
  type GetCustomerResponse,
  GetCustomerResponseSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { createRpcClient } from '@orderflow/rpc';
import { createLogger } from '@orderflow/runtime';
import { echoPath } from '../echo.ts';
import { percentile } from '../report.ts';

const [clientName = '', baseUrl = '', count = '0'] = process.argv.slice(2);
const callers = 64;
const customerId = 'c-1';

/** A function that makes one call. */
function caller(): () => Promise<GetCustomerResponse> {
  if (clientName === 'connect') {
    const client = createClient(CustomerService, createConnectTransport({ baseUrl, httpVersion: '1.1' }));
    return () => client.getCustomer({ customerId });
  }
  if (clientName === 'orderflow') {
    const logger = createLogger({ service: 'echo-load', level: 'warn' });
    const policies = { maxConcurrent: callers };
    const { client } = createRpcClient(CustomerService, { name: 'echo', baseUrl, policies, logger });
    return () => client.getCustomer({ customerId });
  }
  const client = new grpc.Client(new URL(baseUrl).host, grpc.credentials.createInsecure());
  const request = create(GetCustomerRequestSchema, { customerId });
  return () =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        echoPath,
        (message: typeof request) => Buffer.from(toBinary(GetCustomerRequestSchema, message)),
        (bytes) => fromBinary(GetCustomerResponseSchema, bytes),
        request,
        (error, response) => (response ? resolve(response) : reject(error)),
      );
    });
}

/** The latencies in milliseconds. */
async function send(call: () => Promise<GetCustomerResponse>): Promise<number[]> {
  let left = Number(count);
  const latencies: number[] = [];
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) {
        const began = performance.now();
        const { customer } = await call();
        if (customer?.customerId !== customerId) throw new Error('this is not the answer to that request');
        latencies.push(performance.now() - began);
      }
    }),
  );
  return latencies;
}

const call = caller();
await send(call);
const began = performance.now();
const cpu = process.cpuUsage();
const latencies = await send(call);
const { user, system } = process.cpuUsage(cpu);
const seconds = (performance.now() - began) / 1000;
console.log(
  JSON.stringify({
    seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuSeconds: (user + system) / 1e6,
  }),
);
process.exit();
