import {
  authSettings,
  type ConfigOf,
  commonSettings,
  defineSettings,
  infrastructureSettings,
  port,
} from '@orderflow/runtime';
import { z } from 'zod';

const { postgresUrl, databasePrefix } = infrastructureSettings;
const percent = 'a whole number from 0 to 100';

/** Settings of the payment gateway stub. */
export const settings = defineSettings({
  ...commonSettings,
  ...authSettings,
  postgresUrl,
  databasePrefix,
  port: {
    env: 'PORT',
    schema: port,
    default: '8006',
    description: 'Where RPC, health and metrics are served; 0 takes a free port.',
  },
  seed: {
    env: 'GATEWAY_SEED',
    schema: z.string(),
    default: 'orderflow',
    description: 'Decides, with the order id, which orders are declined.',
  },
  declinedPercent: {
    env: 'GATEWAY_DECLINED_PERCENT',
    schema: z.coerce.number(percent).int(percent).min(0, percent).max(100, percent),
    default: '20',
    description: 'The percentage of orders that are permanently declined.',
  },
});

export type Config = ConfigOf<typeof settings>;
