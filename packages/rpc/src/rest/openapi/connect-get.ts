import type { DescMethod, DescService, JsonObject } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { describeAccess } from './access.ts';
import { documentationOfMethod } from './comments.ts';
import { connectErrorResponses, type Reasons } from './error-responses.ts';
import type { Schemas } from './schemas.ts';

/** Methods without side effects, which Connect also serves as GET. */
export function connectReads(services: readonly DescService[]): DescMethod[] {
  return services.flatMap(({ methods }) =>
    methods.filter(
      ({ methodKind, idempotency }) =>
        methodKind === 'unary' && idempotency === IdempotencyLevel.NO_SIDE_EFFECTS,
    ),
  );
}

/** Describes a read over Connect with GET, whose request is JSON in the query. */
export function connectOperation(
  method: DescMethod,
  tag: string,
  schemas: Schemas,
  reasons: Reasons,
): JsonObject {
  const { summary, text, errors } = documentationOfMethod(method);
  const schema = schemas.request(method.input, { protocol: 'connect', direction: 'request' });
  return {
    operationId: `${method.parent.typeName}.${method.name}`,
    tags: [tag],
    summary,
    ...describeAccess(method, text),
    parameters: [
      { name: 'encoding', in: 'query', required: true, schema: { const: 'json' } },
      {
        name: 'message',
        in: 'query',
        required: true,
        description: `The message ${method.input.typeName} as JSON.`,
        content: { 'application/json': { schema } },
      },
      { $ref: '#/components/parameters/Deadline' },
    ],
    responses: {
      200: {
        description: `The message ${method.output.typeName} as JSON.`,
        content: {
          'application/json': {
            schema: schemas.response(method.output, { protocol: 'connect', direction: 'response' }),
          },
        },
      },
      ...connectErrorResponses(errors, reasons),
      415: { description: 'The encoding is neither json nor proto.' },
    },
  };
}
