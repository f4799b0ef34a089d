import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import type { TestProcess } from '@orderflow/testing/process';
import { cpuSeconds } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median } from './report.ts';

/** In each round, by each way. */
const calls = 5_000;
/** A request, as REST and as Connect have it: HTTP method, path and body; `#` is replaced by an id. */
const requests = {
  'GET of an order': {
    rest: ['GET', '/orders/#', ''],
    connect: ['POST', `/${OrderService.typeName}/GetOrder`, JSON.stringify({ orderId: '#' })],
  },
  'POST of an order': {
    rest: ['POST', '/orders', orderWith({ items: [item('p-1'), item('p-2')] })],
    connect: [
      'POST',
      `/${OrderService.typeName}/CreateOrder`,
      orderWith({ lines: [line('p-1'), line('p-2')] }),
    ],
  },
} as const;
type Name = keyof typeof requests;

function orderWith(lines: object): string {
  return JSON.stringify({ orderId: '#', customerId: 'c-1', ...lines });
}

function item(productId: string) {
  return { product_id: productId, quantity: 1, price: 9.99 };
}

function line(productId: string) {
  return { productId, quantity: '1', quotedPrice: { currencyCode: 'USD', units: '9', nanos: 990_000_000 } };
}

/**
 * Measures the CPU of a call over REST and of the same call over Connect, both in JSON over HTTP/1.1, in pairs A B B A.
 * The handlers do nothing: what they do differs by more from run to run than what is measured.
 */
export async function measureRest(
  running: TestProcess[],
  rounds: number,
  say: (text: string) => void,
): Promise<Figure[]> {
  const api = startProgram({ running }, 'empty-api');
  const url = `http://127.0.0.1:${(await api.waitForLine(/^port \d+$/)).split(' ')[1]}`;

  /** Microseconds for a call. */
  async function cpuOf(name: Name, way: 'rest' | 'connect', tag: string): Promise<number> {
    const [method, path, body] = requests[name][way];
    const before = cpuSeconds(api.pid);
    await resultOf(startProgram({ running }, 'rest-load', method, url + path, body, tag, String(calls)));
    return ((cpuSeconds(api.pid) - before) / calls) * 1e6;
  }

  const names = Object.keys(requests) as Name[];
  const ways = ['rest', 'connect'] as const;
  const measured = new Map(names.map((name) => [name, { rest: [] as number[], connect: [] as number[] }]));
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'REST: warming up' : `REST: round ${round} of ${rounds}`);
    for (const [name, runs] of measured) {
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const cpu = await cpuOf(name, way, `${way}-${round}`);
        if (round > 0) runs[way].push(cpu);
      }
    }
  }
  await api.kill();
  return [...measured].flatMap(([name, { rest, connect }]): Figure[] => [
    { name: `${name} over REST: CPU`, value: median(rest), unit: 'µs/call' },
    { name: `${name} over Connect: CPU`, value: median(connect), unit: 'µs/call' },
    {
      name: `${name}: REST above Connect`,
      value: median(rest.map((cpu, round) => cpu - (connect[round] ?? Number.NaN))),
      unit: 'µs/call',
    },
  ]);
}
