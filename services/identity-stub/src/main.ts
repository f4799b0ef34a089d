import { createLogger, loadConfigOrExit, runProcess } from '@orderflow/runtime';
import { createApp, openKeys } from './app.ts';
import { settings } from './config.ts';
import { runKeysCommand } from './inbound/cli/keys.ts';

const config = loadConfigOrExit(settings);
const args = process.argv.slice(2);
if (args.length > 0) {
  const { keys, component } = openKeys(config, createLogger({ service: 'identity-stub', level: 'error' }));
  await component.start();
  process.exitCode = await runKeysCommand(args, keys);
  await component.stop();
} else {
  const { components, health, logger } = createApp(config);
  await runProcess({ name: 'identity-stub', logger, components, health, graceMs: config.shutdownGraceMs });
}
