// pnpm describe: writes every description that is made from the contracts: OpenAPI, AsyncAPI, the API reference.
import { run } from './run.ts';

for (const tool of ['openapi', 'asyncapi', 'reference']) await run('node', [`tools/${tool}.ts`]);
