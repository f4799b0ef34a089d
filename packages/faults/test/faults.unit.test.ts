import { createClient, createRouterTransport } from '@connectrpc/connect';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { errorReason } from '@orderflow/rpc';
import { beforeEach, expect, test } from 'vitest';
import { createFaults } from '../src/index.ts';

/** A stub of which each carried-out call leaves an effect, and its clients. */
function stub() {
  const effects: string[] = [];
  const faults = createFaults({
    services: [CustomerService],
    requestedIds: (request) => ('customerId' in request ? [String(request.customerId)] : []),
    ownKinds: [Fault_Kind.WRONG_ID],
    corruptResponse(response, { kind }) {
      if (kind === Fault_Kind.WRONG_ID) Object.assign(response, { customer: undefined });
    },
    random: () => 0.5,
  });
  const transport = createRouterTransport((router) => {
    router.service(FaultService, faults.handlers);
    router.service(
      CustomerService,
      faults.misbehave(CustomerService, {
        getCustomer({ customerId }) {
          effects.push(customerId);
          return { customer: { customerId, name: `name ${effects.length}` } };
        },
        batchGetCustomers: () => ({}),
        listCustomers: () => ({}),
        createCustomer: () => ({}),
        updateCustomer: () => ({}),
        putCustomer: () => ({}),
      }),
    );
  });
  return {
    effects,
    faults: createClient(FaultService, transport),
    customers: createClient(CustomerService, transport),
  };
}

let running: ReturnType<typeof stub>;
beforeEach(() => {
  running = stub();
});

const method = 'GetCustomer';
const ask = (customerId = 'c-1', timeoutMs = 5_000) =>
  running.customers.getCustomer({ customerId }, { timeoutMs });

async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(() => expect.unreachable('the call should have failed'), errorReason);
}

test('an error comes before the effect, or after it when asked for', async () => {
  await running.faults.setFault({ fault: { method, errorRate: 1, errorCode: 13 } });
  expect(await reasonOf(ask())).toBe('FAULT_INJECTED');
  expect(running.effects).toEqual([]);
  await running.faults.setFault({ fault: { method, errorRate: 1, errorCode: 13, afterEffect: true } });
  expect(await reasonOf(ask())).toBe('FAULT_INJECTED');
  expect(running.effects).toEqual(['c-1']);
});

test('a call that hangs is carried out first when asked for', async () => {
  await running.faults.setFault({ fault: { method, kind: Fault_Kind.HANG } });
  await expect(ask('c-1', 50)).rejects.toThrow();
  expect(running.effects).toEqual([]);
  await running.faults.setFault({ fault: { method, kind: Fault_Kind.HANG, afterEffect: true } });
  await expect(ask('c-2', 50)).rejects.toThrow();
  expect(running.effects).toEqual(['c-2']);
});

test('a call is carried out twice, and the second answer counts', async () => {
  await running.faults.setFault({ fault: { method, kind: Fault_Kind.TWICE } });
  expect((await ask()).customer?.name).toBe('name 2');
  expect(running.effects).toEqual(['c-1', 'c-1']);
});

test('faults limited to ids leave other calls alone; a kind of the stub corrupts its response', async () => {
  await running.faults.setFault({ fault: { method, kind: Fault_Kind.WRONG_ID, ids: ['c-1'] } });
  expect((await ask('c-1')).customer).toBeUndefined();
  expect((await ask('c-2')).customer?.customerId).toBe('c-2');
});

test('a kind that the stub cannot do is refused', async () => {
  const fault = { method, kind: Fault_Kind.HUGE_REPLY };
  expect(await reasonOf(running.faults.setFault({ fault }))).toBe('INVALID_REQUEST');
});
