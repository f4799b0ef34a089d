import type { JsonObject } from '@bufbuild/protobuf';
import type { FieldViolation } from '../invalid-request.ts';
import type { Route } from './routes.ts';

/** Fields that are about the call. */
const aboutCall: ReadonlySet<string> = new Set(['request_id', 'reason']);

/**
 * The violation of a PUT whose body, `request`, has no value to put. Over RPC it would be that of 0, which protobuf
 * leaves out; JSON has it.
 */
export function emptyPut(
  { httpMethod, method, body, variables }: Route,
  request: JsonObject,
): FieldViolation[] {
  if (httpMethod !== 'PUT' || body?.field !== undefined) return [];
  const inPath = new Set(variables.map(({ fields: [field] }) => field));
  const fields = method.input.fields.filter((field) => !inPath.has(field) && !aboutCall.has(field.name));
  if (fields.some(({ jsonName }) => request[jsonName] !== undefined)) return [];
  const description = `has no value: send ${fields.map(({ name }) => name).join(' or ')}`;
  return [{ field: 'body', description, reason: 'json.nothing_to_put' }];
}
