import { loadConfigOrExit, runProcess } from '@orderflow/runtime';
import { createApp } from './app.ts';
import { type Role, roles, settings } from './config.ts';

const [first, ...others] = process.argv.slice(2);
const isRole = (name: string | undefined): name is Role => roles.some((role) => role === name);
if (!isRole(first) || !others.every(isRole)) {
  console.error(`usage: node services/order/src/main.ts ROLE…   roles: ${roles.join(', ')}`);
  process.exit(2);
}

const config = loadConfigOrExit(settings);
const { components, health, logger } = await createApp(config, [first, ...others]);
await runProcess({ name: 'order', logger, components, graceMs: config.shutdownGraceMs, health });
