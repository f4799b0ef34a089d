// A process of a service without parts, which answers every call of CustomerService with nothing.
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import {
  authSettings,
  commonSettings,
  defineSettings,
  loadConfigOrExit,
  runProcess,
} from '@orderflow/runtime';
import { openService } from '../../src/index.ts';

const settings = defineSettings({ ...commonSettings, ...authSettings });
const config = loadConfigOrExit(settings);
const skeleton = openService({ service: 'empty', settings, config });
const app = skeleton.createApp({
  parts: [],
  services: [CustomerService],
  routes: (router) => router.service(CustomerService, { getCustomer: () => ({}) }),
  port: Number(process.env['PORT'] ?? 0),
});
await runProcess({ ...app, name: 'empty', graceMs: config.shutdownGraceMs });
