import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import {
  GatewayService,
  LedgerEntry_Kind as Kind,
} from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { errorReasons, errorsOf } from '@orderflow/rpc';
import { expect, test } from 'vitest';
import type { Call } from '../src/domain/input.ts';
import { createGateway } from '../src/outbound/gateway.ts';
import { states } from './states.ts';

const refund: Call = { kind: 'REFUND', number: 2, key: 'o-1:refund' };
const voiding: Call = { kind: 'VOID', number: 2, key: 'o-1:1' };
const charge: Call = { kind: 'CHARGE', number: 2, key: 'o-1:1' };

type Movement = readonly [kind: keyof typeof Kind, amount: bigint, chargeKey?: string];

/** Asks a gateway that fails every call, and whose ledger has these movements, or fails too. */
function ask(call: Call, error: ConnectError, ledger: readonly Movement[] | ConnectError = []) {
  const fail = () => {
    throw error;
  };
  const transport = createRouterTransport(({ service }) =>
    service(GatewayService, {
      charge: fail,
      voidCharge: fail,
      refundCharge: fail,
      listLedger({ orderId }) {
        if (ledger instanceof ConnectError) throw ledger;
        return {
          entries: ledger.map(([kind, amount, chargeKey = 'o-1:1']) => ({
            orderId,
            chargeKey,
            kind: Kind[kind],
            amount: toMoney(amount, 'USD'),
          })),
        };
      },
    }),
  );
  return createGateway(createClient(GatewayService, transport)).call(states['refunding, cancelled'], call);
}

const gatewayReasons = {
  ...errorReasons,
  CHARGE_NOT_REFUNDABLE: { code: Code.FailedPrecondition, status: 409, description: '' },
  VERSION_MISMATCH: { code: Code.Aborted, status: 412, description: '' },
};
const gatewayError = errorsOf(gatewayReasons);
const no = (reason: keyof typeof gatewayReasons = 'CHARGE_NOT_REFUNDABLE') => gatewayError(reason, 'no');

test.each<[string, readonly Movement[]]>([
  [
    'refunded',
    [
      ['CHARGE', 12_99n],
      ['REFUND', 12_99n],
    ],
  ],
  [
    'voided',
    [
      ['CHARGE', 12_99n],
      ['VOID', 12_99n],
    ],
  ],
  [
    'refunded in two parts',
    [
      ['CHARGE', 12_99n],
      ['REFUND', 10_00n],
      ['REFUND', 2_99n],
    ],
  ],
])('a refund that is refused is done when the ledger says that the charge was %s', async (_, ledger) => {
  expect(await ask(refund, no(), ledger)).toEqual({ kind: 'refunded' });
  expect(await ask(voiding, no(), ledger)).toEqual({ kind: 'voided' });
});

test.each<[string, readonly Movement[]]>([
  ['says that the charge stands', [['CHARGE', 12_99n]]],
  [
    'says that the charge stands',
    [
      ['CHARGE', 12_99n],
      ['REFUND', 10_00n],
    ],
  ],
  [
    'says that the charge stands',
    [
      ['CHARGE', 12_99n],
      ['CHARGE', 12_99n, 'o-1:2'],
      ['REFUND', 12_99n, 'o-1:2'],
    ],
  ],
  ['has no such charge', []],
])('a refund that is refused stays so when the ledger %s', async (truth, ledger) => {
  const refused = { kind: 'refused', detail: `CHARGE_NOT_REFUNDABLE: no; its ledger ${truth}` };
  expect(await ask(refund, no(), ledger)).toEqual(refused);
  expect(await ask(voiding, no(), ledger)).toEqual(refused);
});

test('it is not known while the ledger cannot be read; a gateway that will not show it has refused', async () => {
  const away = await ask(refund, no(), no('DEPENDENCY_UNAVAILABLE'));
  expect(away).toMatchObject({ kind: 'unknown', detail: expect.stringContaining('DEPENDENCY_UNAVAILABLE') });
  expect(await ask(refund, no(), no('UNIMPLEMENTED'))).toMatchObject({ kind: 'refused' });
});

test('only a permanent error of the gateway itself is a refusal', async () => {
  const stands = [['CHARGE', 12_99n]] as const;
  const kindOf = async (call: Call, error: ConnectError) => (await ask(call, error, stands)).kind;
  for (const reason of ['REQUEST_ID_REUSED', 'INVALID_REQUEST', 'UNIMPLEMENTED'] as const) {
    expect(await kindOf(refund, no(reason))).toBe('refused');
  }
  for (const reason of ['INTERNAL', 'SHUTTING_DOWN', 'DEADLINE_EXCEEDED', 'VERSION_MISMATCH'] as const) {
    expect(await kindOf(refund, no(reason))).toBe('unknown');
  }
  // A proxy's page, say: it gives no reason.
  expect(await kindOf(refund, new ConnectError('no', Code.NotFound))).toBe('unknown');
  // A charge is voided in the end.
  expect(await kindOf(charge, no('REQUEST_ID_REUSED'))).toBe('unknown');
});
