// A process of a service without parts and without RPCs.
import { commonSettings, loadConfigOrExit, runProcess } from '@orderflow/runtime';
import { openService } from '../../src/index.ts';

const config = loadConfigOrExit(commonSettings);
const skeleton = openService({ service: 'empty', settings: commonSettings, config });
const app = skeleton.createApp({
  parts: [],
  services: [],
  routes() {},
  port: Number(process.env['PORT'] ?? 0),
});
await runProcess({ ...app, name: 'empty', graceMs: config.shutdownGraceMs });
