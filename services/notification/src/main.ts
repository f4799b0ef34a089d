import { loadConfigOrExit, runProcess } from '@orderflow/runtime';
import { createApp } from './app.ts';
import { settings } from './config.ts';

const config = loadConfigOrExit(settings);
const { components, health, logger } = createApp(config);
await runProcess({
  name: 'notification',
  logger,
  components,
  health,
  graceMs: config.shutdownGraceMs,
});
