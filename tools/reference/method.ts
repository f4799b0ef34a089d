import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { access } from '../../packages/contracts/src/gen/orderflow/access/v1/access_pb.ts';
import { callersOf } from '../../packages/rpc/src/rest/openapi/access.ts';
import { documentationOfMethod } from '../../packages/rpc/src/rest/openapi/comments.ts';
import { routesOfMethod } from '../../packages/rpc/src/rest/routes.ts';
import { exampleOf } from './example.ts';
import { escapeText, linkTo } from './markdown.ts';

/** Where `pnpm dev` serves a method, so that an example can be pasted. */
export interface Origin {
  readonly port: number;
}

const errors = '../errors.md#rpc-reasons';

/** What a method does, who may call it, what it fails with, and a call of it. */
export function methodSection(method: DescMethod, { port }: Origin): string {
  const { summary, text, errorsText } = documentationOfMethod(method);
  const from = method.parent.file.proto.package;
  const { weight } = getOption(method, access);
  const output = linkTo(method.output, from);
  const routes = routesOf(method);
  const facts = [
    `- **Request**: ${isStreamed(method, 'client') ? 'a stream of ' : ''}${linkTo(method.input, from)}`,
    `- **Response**: ${isStreamed(method, 'server') ? 'a stream of ' : ''}${output}`,
    `- **Callers**: ${callersOf(method).join(', ')}`,
    `- **May be repeated**: ${repetition(method)}`,
    ...(routes.length > 0 ? [`- **REST**: ${routes.map((route) => `\`${route}\``).join(', ')}`] : []),
    ...(weight > 1 ? [`- **Rate limits**: counts as ${weight} calls`] : []),
    `- **Errors**: ${errorsText === '' ? '' : `${linked(errorsText)}; and `}[those of every call](${errors})`,
  ];
  return [
    `### ${method.name}`,
    escapeText(text.startsWith(summary) ? text : `${summary}. ${text}`).trim(),
    facts.join('\n'),
    ['```sh', callOf(method, port), '```'].join('\n'),
  ].join('\n\n');
}

/** The paths of a method, with their HTTP methods. */
export function routesOf(method: DescMethod): string[] {
  return routesOfMethod(method).map(({ httpMethod, template }) => `${httpMethod} ${template}`);
}

function isStreamed({ methodKind }: DescMethod, side: 'client' | 'server'): boolean {
  return methodKind === `${side}_streaming` || methodKind === 'bidi_streaming';
}

function repetition({ idempotency, input }: DescMethod): string {
  if (idempotency === IdempotencyLevel.NO_SIDE_EFFECTS) return 'yes; it changes nothing';
  if (idempotency !== IdempotencyLevel.IDEMPOTENT) return 'no';
  return input.fields.some(({ name }) => name === 'request_id') ? 'yes, with the same `request_id`' : 'yes';
}

/** `NOT_FOUND (ORDER_NOT_FOUND)` as a link to what the reason means. */
function linked(text: string): string {
  return escapeText(text).replaceAll(
    /\b([A-Z_]+) \(([A-Z_]+)\b/g,
    (_, code: string, reason: string) => `\`${code}\` ([\`${reason}\`](${errors})`,
  );
}

/** A line to paste, for `pnpm dev`. Streams need gRPC. */
function callOf(method: DescMethod, port: number): string {
  const json = JSON.stringify(exampleOf(method.input));
  const path = `${method.parent.typeName}/${method.name}`;
  if (method.methodKind === 'unary') {
    return `curl -H 'content-type: application/json' http://localhost:${port}/${path} \\\n  -d '${json}'`;
  }
  return `grpcurl -plaintext -d '${json}' localhost:${port} ${path}`;
}
