import type { JsonObject } from '@bufbuild/protobuf';
import { healthPaths as paths } from '../../health-paths.ts';

const checks: JsonObject = {
  type: 'object',
  description: 'Each part of the process that can be checked.',
  additionalProperties: {
    type: 'object',
    properties: {
      ok: { type: 'boolean' },
      error: { type: 'string', description: 'Why it is not.' },
      ms: { type: 'number', description: 'How long the check took, in milliseconds.' },
    },
    required: ['ok', 'ms'],
  },
};

const readiness = {
  ready: { type: 'boolean', description: 'Whether the process should get calls.' },
  draining: { type: 'boolean', description: 'Whether it is stopping.' },
  checks,
} satisfies JsonObject;

const detailed = {
  service: { type: 'string', description: 'The name of the process.' },
  status: { type: 'string', enum: ['healthy', 'unhealthy'] },
  uptime_seconds: { type: 'integer', description: 'Since when it runs.' },
  ...readiness,
} satisfies JsonObject;

function page(properties: JsonObject): JsonObject {
  const schema = { type: 'object', properties, required: Object.keys(properties) };
  return { content: { 'application/json': { schema } } };
}

/** Describes the pages about health, by their paths. */
export function healthOperations(tag: string): [path: string, operation: JsonObject][] {
  const operation = (path: string, summary: string, responses: JsonObject): [string, JsonObject] => [
    path,
    { operationId: path.slice(1).replaceAll('/', '_'), tags: [tag], summary, responses },
  ];
  return [
    ...paths.live.map((path) =>
      operation(path, 'Whether the process turns its event loop', {
        200: { description: 'It does.', ...page({ live: { const: true } }) },
      }),
    ),
    ...paths.ready.map((path) => operation(path, 'Whether the process should get calls', states(readiness))),
    ...paths.detailed.map((path) => operation(path, 'How the process and its parts are', states(detailed))),
  ];
}

function states(properties: JsonObject): JsonObject {
  return {
    200: { description: 'It is ready.', ...page(properties) },
    503: { description: 'It is not ready.', ...page(properties) },
  };
}
