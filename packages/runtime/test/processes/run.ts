import { type Component, createHealth, createLogger, runProcess } from '../../src/index.ts';

const mode = process.argv[2];
const forever = () => new Promise<void>(() => {});

const database: Component = {
  name: 'database',
  async start() {},
  async stop() {
    console.log(health.draining ? 'database stopped while draining' : 'database stopped');
  },
};

const brokenDown = Promise.withResolvers<Error>();

const worker: Component = {
  name: 'worker',
  async start() {
    if (mode === 'component-fails') setImmediate(() => brokenDown.resolve(new Error('consumer crashed')));
    if (mode === 'start-fails') throw new Error('no broker');
    if (mode === 'start-hangs') {
      console.log('worker starting');
      await forever();
    }
  },
  async stop() {
    if (mode?.startsWith('stop-hangs')) await forever();
    if (mode === 'stop-fails') throw new Error('commit refused');
    console.log('worker stopped');
  },
  failed: brokenDown.promise,
};

const components = [database, worker];
const health = createHealth(components);
const logger = createLogger({ service: 'test', level: 'info' });

if (mode === 'throws') {
  setImmediate(() => {
    throw new Error('thrown in a timer');
  });
}
if (mode === 'rejects') setImmediate(() => void Promise.reject(new Error('an unhandled rejection')));

await runProcess({
  name: 'test',
  logger,
  components,
  graceMs: mode === 'stop-hangs-long' ? 60_000 : 300,
  health,
});
