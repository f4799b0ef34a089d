import { storeNames } from '@orderflow/devstack';
import { serviceNames, sumOf } from '@orderflow/local/system';
import type { Bench } from './on-fresh-system.ts';
import { cpuSeconds, machineCpuSeconds, treeContextSwitches, treeCpuSeconds } from './processes.ts';
import { requestsOf } from './requests.ts';

/** What was used, by its name: CPU in seconds, everything else as a count. */
export type Usage = ReadonlyMap<string, number>;

/** The processes that stand in for those of others. */
export const standIns: readonly string[] = ['payment-gateway-stub', 'mongo'];
const ours = 'all our processes';
const stores = 'all stores';
const order = 'a whole order';
const withoutStandIns = 'a whole order without the stand-ins';

/** The processes, and what they belong to, in the order in which they are reported. */
export const reported = [...serviceNames, ours, ...storeNames, stores, order, withoutStandIns];
const kafkaApis = ['Produce', 'Fetch', 'OffsetCommit', 'Heartbeat'];

/** Adds `value` for a process and for everything that it belongs to. */
function addOf(used: Map<string, number>, what: string, name: string, value: number): void {
  const group = storeNames.some((part) => part === name) ? stores : ours;
  const sums = standIns.includes(name) ? [group, order] : [group, order, withoutStandIns];
  for (const each of [name, ...sums]) add(used, `${what} of ${each}`, value);
}

function add(used: Map<string, number>, name: string, value: number): void {
  used.set(name, (used.get(name) ?? 0) + value);
}

/** Reads what all processes of the system and the stores have used so far. */
async function readUsage({ system, stack }: Bench): Promise<Usage> {
  const used = new Map<string, number>();
  for (const name of serviceNames) {
    const pid = system.services[name].pid();
    const { sql, kafka } = await requestsOf(pid);
    addOf(used, 'SQL round trips', name, sql);
    for (const [api, count] of Object.entries(kafka)) {
      add(used, `Kafka requests: ${kafkaApis.includes(api) ? api : 'other'}`, count);
    }
    addOf(used, 'CPU', name, cpuSeconds(pid));
    addSwitches(used, name, pid);
  }
  for (const name of storeNames) {
    const pid = stack.parts[name].pid() ?? 0;
    addOf(used, 'CPU', name, treeCpuSeconds(pid));
    addSwitches(used, name, pid);
  }
  used.set('CPU of the machine', machineCpuSeconds());
  used.set('seconds', performance.now() / 1000);
  return used;
}

function addSwitches(used: Map<string, number>, name: string, pid: number): void {
  const { voluntary, involuntary } = treeContextSwitches(pid);
  addOf(used, 'voluntary context switches', name, voluntary);
  addOf(used, 'involuntary context switches', name, involuntary);
}

/** The calls that all services have served so far. */
async function readRpcs({ system }: Bench): Promise<number> {
  const all = await Promise.all(Object.values(system.services).map((service) => service.metrics()));
  return all.reduce((sum, metrics) => sum + sumOf(metrics, 'orderflow_rpc_server_duration_count'), 0);
}

/** Runs an action; returns what the system and the stores have used meanwhile. */
export async function usedBy(bench: Bench, action: () => Promise<void>): Promise<Usage> {
  // Reading metrics costs CPU and SQL itself: hence outside of what is measured.
  const rpcs = await readRpcs(bench);
  const before = await readUsage(bench);
  await action();
  const after = await readUsage(bench);
  const used = new Map([...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)]));
  return used.set('RPCs', (await readRpcs(bench)) - rpcs);
}

/** The CPU that neither the system nor the stores have used, of a core. */
export function elsewhereOf(used: Usage): number {
  const of = (name: string) => used.get(name) ?? 0;
  return (of('CPU of the machine') - of(`CPU of ${order}`)) / of('seconds');
}

/** The names of what is counted, in the order in which they are reported. */
export const counted = [
  ...[...serviceNames, ours].map((name) => `SQL round trips of ${name}`),
  ...[...kafkaApis, 'other'].map((api) => `Kafka requests: ${api}`),
  'RPCs',
  ...[...serviceNames, ours, ...storeNames, stores].map((name) => `voluntary context switches of ${name}`),
  `involuntary context switches of ${ours}`,
  `involuntary context switches of ${stores}`,
];
