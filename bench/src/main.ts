// pnpm bench NAME: measures, prints a table, writes bench/results/NAME.json and the documents that show it.
import { benchApi } from './api.ts';
import { benchGrowth } from './growth.ts';
import { benchOverload } from './overload.ts';
import { writePage } from './page.ts';
import { benchRpc } from './rpc.ts';
import { benchSaga } from './saga.ts';
import { benchSurvive } from './survive.ts';
import { benchWatch } from './watch.ts';
import { benchWorker } from './worker.ts';

const benchmarks: Record<string, () => Promise<boolean>> = {
  api: benchApi,
  growth: benchGrowth,
  overload: benchOverload,
  page: async () => {
    writePage();
    return true;
  },
  rpc: benchRpc,
  saga: benchSaga,
  survive: benchSurvive,
  watch: benchWatch,
  worker: benchWorker,
};

const run = benchmarks[process.argv[2] ?? ''];
if (run === undefined) {
  console.error(`usage: pnpm bench ${Object.keys(benchmarks).join('|')}`);
  process.exit(2);
}
process.exitCode = (await run()) ? 0 : 1;
