// Runs in a thread of its own, so that it measures the server and not the attacker.
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { GoodCalls } from './good-caller.ts';

const { url, path, body, isFresh } = workerData as {
  url: string;
  path: string;
  body: string;
  isFresh: boolean;
};
const EVERY_MS = 20;
const CALL_MS = 5_000;

const agent = new Agent({ keepAlive: true });
let calls: GoodCalls = { ms: [], errors: [] };

async function call(): Promise<void> {
  const began = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const outgoing = request(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    agent: isFresh ? false : agent,
    timeout: CALL_MS,
  });
  outgoing.on('response', (response) => {
    response.resume();
    response.on('end', () =>
      response.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${response.statusCode}`)),
    );
    response.on('error', reject);
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no response within ${CALL_MS} ms`)));
  outgoing.on('error', reject);
  outgoing.end(body);
  try {
    await promise;
    calls.ms.push(performance.now() - began);
  } catch (error) {
    calls.errors.push(error instanceof Error ? error.message : String(error));
  }
}

parentPort?.on('message', () => {
  parentPort?.postMessage(calls);
  calls = { ms: [], errors: [] };
});
for (;;) {
  await call();
  await sleep(EVERY_MS);
}
