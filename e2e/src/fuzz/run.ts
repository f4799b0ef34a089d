import { type Clients, ordersCommand } from '@orderflow/local/clients';
import type { Stores } from '@orderflow/local/stores';
import type { System } from '@orderflow/local/system';
import { type Vitals, watchVitals } from '../vitals.ts';
import { fuzzRpc, type Outcomes } from './fuzz-rpc.ts';
import { fuzzTopics, ownPrefix, wrongOfOthers } from './fuzz-topics.ts';
import { startGoodOrders } from './good-orders.ts';

/** Cases that are run first, so that loading and compiling do not count as growth of memory. */
const WARM_UP_CASES = 50;

/** The result of a run of the fuzzer. */
export interface FuzzResult {
  readonly vitals: readonly Vitals[];
  /** The number of valid orders; all of them were completed. */
  readonly goodOrders: number;
  /** Violations that `orders check` finds for orders that are no mutants. */
  readonly wrong: readonly string[];
}

/** Runs the fuzzer over RPC, see {@link fuzzRpc}, together with valid orders. */
export async function runRpcFuzz(
  system: System,
  clients: Clients,
  stores: Stores,
  options: { cases: number; seed: number },
): Promise<FuzzResult & { readonly outcomes: ReadonlyMap<string, Outcomes> }> {
  await fuzzRpc(system, { ...options, cases: Math.min(WARM_UP_CASES, options.cases) });
  let outcomes: ReadonlyMap<string, Outcomes> = new Map();
  const result = await amongGoodOrders(system, clients, stores, async () => {
    outcomes = await fuzzRpc(system, options);
  });
  return { ...result, outcomes };
}

/** Runs the fuzzer over the topics, see {@link fuzzTopics}, together with valid orders. */
export async function runTopicFuzz(
  system: System,
  clients: Clients,
  stores: Stores,
  options: { cases: number; seed: number },
): Promise<FuzzResult> {
  await fuzzTopics(system, clients, stores, { ...options, cases: Math.min(WARM_UP_CASES, options.cases) });
  return amongGoodOrders(system, clients, stores, () => fuzzTopics(system, clients, stores, options));
}

async function amongGoodOrders(
  system: System,
  clients: Clients,
  stores: Stores,
  fuzz: () => Promise<void>,
): Promise<FuzzResult> {
  const good = startGoodOrders(clients, stores, ownPrefix());
  const watch = watchVitals(Object.values(system.services));
  let vitals: readonly Vitals[];
  try {
    await fuzz();
  } finally {
    vitals = await watch.stop();
  }
  const goodOrders = await good.allCompleted();
  const { said } = await ordersCommand(system.env, 'check', '--all', '--wait', '30');
  return { vitals, goodOrders, wrong: wrongOfOthers(said) };
}
