// pnpm settings: writes .env.example from the settings that the services declare; with --check only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings as cli } from '../cli/src/config.ts';
import {
  authSettings,
  commonSettings,
  envExample,
  infrastructureSettings,
} from '../packages/runtime/src/index.ts';
import { settings as enrichmentStub } from '../services/enrichment-stub/src/config.ts';
import { settings as identityStub } from '../services/identity-stub/src/config.ts';
import { settings as inventory } from '../services/inventory/src/config.ts';
import { settings as notification } from '../services/notification/src/config.ts';
import { settings as order } from '../services/order/src/config.ts';
import { settings as payment } from '../services/payment/src/config.ts';
import { settings as gatewayStub } from '../services/payment-gateway-stub/src/config.ts';
import { root } from './run.ts';

const shared = { ...commonSettings, ...authSettings, ...infrastructureSettings };

/** The settings that are a service's own. */
function own<T extends Record<string, unknown>>(settings: T): T {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !(name in shared))) as T;
}

const text = envExample([
  { title: 'every process', settings: commonSettings },
  { title: 'access', settings: authSettings },
  { title: 'stores and broker', settings: infrastructureSettings },
  { title: 'order service', settings: own(order) },
  { title: 'inventory', settings: own(inventory) },
  { title: 'payment', settings: own(payment) },
  { title: 'notification', settings: own(notification) },
  { title: 'enrichment stub', settings: own(enrichmentStub) },
  { title: 'payment gateway stub', settings: own(gatewayStub) },
  { title: 'identity stub', settings: own(identityStub) },
  { title: 'pnpm orders', settings: own(cli) },
]);

const file = join(root, '.env.example');
if (process.argv[2] === '--check') {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('.env.example does not match the settings in the code');
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
