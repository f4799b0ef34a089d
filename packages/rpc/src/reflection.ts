import { create, createRegistry, type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '@orderflow/contracts/google/rpc/error_details';
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionV1Alpha } from '@orderflow/contracts/grpc/reflection/v1alpha/reflection';
import type { OpenStreams } from './open-streams.ts';
import { echoed } from './short-text.ts';
import { untilAborted } from './until-aborted.ts';

type Question = ServerReflectionRequest['messageRequest'];
type MessageResponse = ServerReflectionResponse['messageResponse'];

/**
 * Adds `grpc.reflection.v1` and `v1alpha` for these services and all files they need. `closing`: aborted when the
 * server stops; idle streams end then. They also end after `idleTimeoutMs` without a request.
 */
export function reflectionRoutes(options: {
  services: readonly DescService[];
  closing: AbortSignal;
  openStreams: OpenStreams;
  idleTimeoutMs: number;
}): (router: ConnectRouter) => void {
  const { services, closing, openStreams, idleTimeoutMs } = options;
  const respond = createResponder(services);

  async function* responses(requests: AsyncIterable<ServerReflectionRequest>, signal: AbortSignal) {
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), idleTimeoutMs);
    const ended = AbortSignal.any([signal, closing, idle.signal]);
    const iterator = requests[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await untilAborted(iterator.next(), ended, () => {});
        if (next.done) return;
        timer.refresh();
        yield {
          validHost: next.value.host,
          originalRequest: next.value,
          messageResponse: respond(next.value.messageRequest),
        };
      }
    } catch (error) {
      if (!idle.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  return (router) =>
    router
      .service(ServerReflection, {
        serverReflectionInfo: (requests, { signal }) => openStreams.hold(responses(requests, signal)),
      })
      // Identical to v1 field by field; only the names of the types differ.
      .service(ServerReflectionV1Alpha, {
        serverReflectionInfo: (requests, { signal }) =>
          openStreams.hold(responses(requests as never, signal)) as never,
      });
}

function createResponder(services: readonly DescService[]): (question: Question) => MessageResponse {
  const files = new Map<string, DescFile>();
  for (const service of services) addWithDependencies(files, service.file);
  // No method refers to them, but clients need them to decode the details of errors.
  addWithDependencies(files, file_google_rpc_error_details);
  const registry = createRegistry(...files.values());
  const fileOfSymbol = new Map<string, DescFile>();
  for (const file of files.values()) {
    for (const symbol of symbolsOf(file)) fileOfSymbol.set(symbol, file);
  }

  return (question) => {
    switch (question.case) {
      case 'listServices':
        return respond({
          case: 'listServicesResponse',
          value: { service: services.map((service) => ({ name: service.typeName })) },
        });
      case 'fileByFilename':
        return fileResponse(files.get(question.value), question.value);
      case 'fileContainingSymbol':
        return fileResponse(fileOfSymbol.get(question.value.replace(/^\./, '')), question.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = question.value;
        const extendee = registry.getMessage(containingType);
        const extension = extendee && registry.getExtensionFor(extendee, extensionNumber);
        return fileResponse(extension?.file, `extension ${extensionNumber} of ${containingType}`);
      }
      case 'allExtensionNumbersOfType': {
        if (!registry.getMessage(question.value)) return fileResponse(undefined, question.value);
        const extensionNumber = [...registry]
          .filter((type) => type.kind === 'extension')
          .filter((extension) => extension.extendee.typeName === question.value)
          .map((extension) => extension.number);
        return respond({
          case: 'allExtensionNumbersResponse',
          value: { baseTypeName: question.value, extensionNumber },
        });
      }
      default:
        return errorResponse(Code.InvalidArgument, 'the request is empty: set one field of message_request');
    }
  };
}

function fileResponse(file: DescFile | undefined, asked: string): MessageResponse {
  if (!file) return errorResponse(Code.NotFound, `unknown: ${echoed(asked)}`);
  // Clients request the imports by name.
  const fileDescriptorProto = [toBinary(FileDescriptorProtoSchema, file.proto)];
  return respond({ case: 'fileDescriptorResponse', value: { fileDescriptorProto } });
}

function errorResponse(errorCode: Code, errorMessage: string): MessageResponse {
  return respond({ case: 'errorResponse', value: { errorCode, errorMessage } });
}

type ResponseInit = NonNullable<Parameters<typeof create<typeof ServerReflectionResponseSchema>>[1]>;

function respond(messageResponse: NonNullable<ResponseInit['messageResponse']>): MessageResponse {
  return create(ServerReflectionResponseSchema, { messageResponse }).messageResponse;
}

function addWithDependencies(files: Map<string, DescFile>, file: DescFile): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, file);
  for (const dependency of file.dependencies) addWithDependencies(files, dependency);
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const type of nestedTypes(file)) {
    yield type.typeName;
    switch (type.kind) {
      case 'message':
        for (const member of [...type.proto.field, ...type.proto.oneofDecl])
          yield `${type.typeName}.${member.name}`;
        break;
      case 'service':
        for (const method of type.methods) yield `${type.typeName}.${method.name}`;
        break;
      case 'enum': {
        // The values of an enum are in the enclosing scope.
        const scope = type.typeName.slice(0, -type.name.length);
        for (const value of type.values) yield `${scope}${value.name}`;
        break;
      }
    }
  }
}
