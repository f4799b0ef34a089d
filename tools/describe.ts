// pnpm describe: writes every description that is made from the contracts: OpenAPI, AsyncAPI.
import { run } from './run.ts';

for (const tool of ['openapi', 'asyncapi']) await run('node', [`tools/${tool}.ts`]);
