import { fromBinary, type JsonObject, type Registry, toJson } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { Code, type ConnectError } from '@connectrpc/connect';
import { type Detail, type Ending, emptyEnding } from './client.ts';

/** The codes as Connect writes them, by their numbers; 0 is ok. */
const codeNames = new Map<number, string>([
  [0, 'ok'],
  ...Object.entries(Code).flatMap(([name, number]): [number, string][] =>
    typeof number === 'number' ? [[number, snakeCase(name)]] : [],
  ),
]);

/** Returns the name of a code as Connect writes it: `not_found` for 5. */
export function codeName(code: number): string {
  return codeNames.get(code) ?? `code ${code}`;
}

function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase();
}

/** Returns a detail as JSON; one of a type that the contracts do not have with its bytes, in base64. */
export function detailOf(type: string, value: Uint8Array, registry: Registry): Detail {
  const schema = registry.getMessage(type);
  const json =
    schema === undefined
      ? { value: base64Encode(value) }
      : (toJson(schema, fromBinary(schema, value), { registry }) as JsonObject);
  return { '@type': `type.googleapis.com/${type}`, ...json };
}

/** Returns the ending of a call that has failed with this error. */
export function endingOf(error: ConnectError, registry: Registry): Ending {
  return {
    ...emptyEnding,
    code: codeName(error.code),
    message: error.rawMessage,
    details: error.details.flatMap((detail) =>
      'type' in detail ? [detailOf(detail.type, detail.value, registry)] : [],
    ),
    headers: Object.fromEntries(error.metadata),
  };
}

/** An error as Connect writes it in JSON. */
interface ConnectErrorJson {
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** Returns the ending of a call from the JSON of its error. */
export function endingOfJson(json: unknown, registry: Registry): Ending {
  const { code, message = '', details = [] } = json as ConnectErrorJson;
  if (typeof code !== 'string') throw new Error(`no error of Connect: ${JSON.stringify(json)}`);
  return {
    ...emptyEnding,
    code,
    message,
    details: details.map(({ type, value }) => detailOf(type, Buffer.from(value, 'base64'), registry)),
  };
}
