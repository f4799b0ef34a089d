// The conformance suite's messages and its wire format, for the server and the client under test.
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** A message of the suite; `Fields` is its type for the reader, as there is no generated code. */
export type Known<Fields> = Message & Fields;

export interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

export interface ErrorDefinition {
  readonly code: number;
  readonly message?: string;
  readonly details: readonly Any[];
}

export interface Protos {
  readonly registry: FileRegistry;
  /** The service that the suite calls. */
  readonly service: DescService;
  /** A message by its short name. */
  message(name: string, fields: Record<string, unknown>): Message;
  pack(message: Message): Any;
  /** A detail of an error as received. */
  any(typeName: string, value: Uint8Array): Any;
  /** The messages on a stream: four bytes of length, big-endian, then the message. */
  read<Fields>(stream: Readable, name: string): AsyncGenerator<Known<Fields>>;
  /** Writes a message in the format that `read` reads. */
  write(stream: Writable, name: string, fields: Record<string, unknown>): void;
}

/** Loads the protos of the suite from its descriptor set. */
export function loadProtos(protoset: string): Protos {
  const scope = 'connectrpc.conformance.v1';
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(protoset)));
  const service = registry.getService(`${scope}.ConformanceService`);
  if (!service) throw new Error(`${protoset} has no ConformanceService`);

  function descOf(typeName: string): DescMessage {
    const desc = registry.getMessage(typeName);
    if (!desc) throw new Error(`${protoset} has no message ${typeName}`);
    return desc;
  }

  function message(name: string, fields: Record<string, unknown>): Message {
    return create(descOf(`${scope}.${name}`), fields as never);
  }

  return {
    registry,
    service,
    message,
    pack: (packed) => anyPack(descOf(packed.$typeName), packed),
    any: (typeName, value) => create(AnySchema, { typeUrl: `type.googleapis.com/${typeName}`, value }),

    async *read(stream, name) {
      let bytes = Buffer.alloc(0);
      for await (const chunk of stream) {
        bytes = Buffer.concat([bytes, chunk]);
        while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
          const end = 4 + bytes.readUInt32BE();
          yield fromBinary(descOf(`${scope}.${name}`), bytes.subarray(4, end)) as never;
          bytes = bytes.subarray(end);
        }
      }
    },

    write(stream, name, fields) {
      const bytes = toBinary(descOf(`${scope}.${name}`), message(name, fields));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      stream.write(Buffer.concat([length, bytes]));
    },
  };
}

/** The format of Headers: several values of one name are joined. */
export function fromHeaders(headers: Headers): Header[] {
  return [...headers].map(([name, value]) => ({ name, value: [value] }));
}

export function addHeaders(target: Headers, headers: readonly Header[] = []): void {
  for (const { name, value } of headers) {
    for (const text of value) target.append(name, text);
  }
}
