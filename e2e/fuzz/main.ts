// pnpm fuzz: hostile requests and records against the whole system, for as long as you like.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createStack, repositoryRoot } from '@orderflow/devstack';
import { clientsOf } from '@orderflow/local/clients';
import { openStores } from '@orderflow/local/stores';
import { createSystem, type System } from '@orderflow/local/system';
import { type FuzzResult, runRpcFuzz, runTopicFuzz } from '../src/fuzz/run.ts';
import { vitalsText } from '../src/vitals.ts';

const USAGE = `Usage: pnpm fuzz [--cases N] [--seed S]

  --cases N   requests for each method, and records on each topic (1000)
  --seed S    drives every choice: the same seed makes the same requests and records (random; printed)`;

function readArguments(): { cases: number; seed: number } | undefined {
  try {
    const { values } = parseArgs({ options: { cases: { type: 'string' }, seed: { type: 'string' } } });
    const cases = Number(values.cases ?? 1_000);
    const seed = Number(values.seed ?? randomInt(2 ** 31));
    return Number.isSafeInteger(cases) && cases > 0 && Number.isSafeInteger(seed)
      ? { cases, seed }
      : undefined;
  } catch {
    return undefined;
  }
}

function isUnharmed({ vitals, goodOrders, wrong }: FuzzResult): boolean {
  console.log(`\n${vitalsText(vitals)}\n${goodOrders} sound orders completed beside it`);
  for (const line of wrong) console.log(`WRONG ${line.trim()}`);
  return (
    wrong.length === 0 &&
    vitals.every(({ isAlive, loopDelayMax, pausedMax }) => isAlive && loopDelayMax < 1 && pausedMax < 5)
  );
}

async function fuzz(options: { cases: number; seed: number }): Promise<boolean> {
  const dir = join(repositoryRoot, '.orderflow/fuzz');
  console.log(`seed ${options.seed}, ${options.cases} cases; logs in .orderflow/fuzz\n`);
  const stack = await createStack({ dir, ports: 'free', onProgress: (line) => console.log(line) });
  let system: System | undefined;
  try {
    await stack.reset();
    await stack.up();
    const env = { GATEWAY_DECLINED_PERCENT: '0' };
    system = await createSystem({ urls: stack.urls, ports: 'free', logDir: join(dir, 'logs'), env });
    await system.start();
    await using stores = await openStores(stack.urls);
    console.log('every method of every service …');
    const rpc = await runRpcFuzz(system, clientsOf(system), stores, options);
    for (const [method, outcomes] of rpc.outcomes) {
      console.log(`  ${method}: ${[...outcomes].map(([name, count]) => `${name} ${count}`).join(', ')}`);
    }
    const rpcHolds = isUnharmed(rpc);
    console.log('\nmutants on every topic …');
    return isUnharmed(await runTopicFuzz(system, clientsOf(system), stores, options)) && rpcHolds;
  } finally {
    await system?.stop();
    await stack.down();
  }
}

const options = readArguments();
if (options === undefined) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = (await fuzz(options)) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
