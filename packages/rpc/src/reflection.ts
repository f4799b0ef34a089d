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

type Question = ServerReflectionRequest['messageRequest'];
type Answer = ServerReflectionResponse['messageResponse'];

/** `grpc.reflection.v1` and `v1alpha` for these services and all files they need. */
export function reflectionRoutes(services: readonly DescService[]): (router: ConnectRouter) => void {
  const answer = createAnswers(services);

  return (router) =>
    router
      .service(ServerReflection, {
        async *serverReflectionInfo(requests) {
          for await (const request of requests) {
            yield {
              validHost: request.host,
              originalRequest: request,
              messageResponse: answer(request.messageRequest),
            };
          }
        },
      })
      // Field by field the same as v1, only the names of the types differ.
      .service(ServerReflectionV1Alpha, {
        async *serverReflectionInfo(requests) {
          for await (const request of requests) {
            yield {
              validHost: request.host,
              originalRequest: request,
              messageResponse: answer(request.messageRequest as Question) as never,
            };
          }
        },
      });
}

function createAnswers(services: readonly DescService[]): (question: Question) => Answer {
  const files = new Map<string, DescFile>();
  for (const service of services) addWithDependencies(files, service.file);
  // No method names them, and clients want to read the details of errors.
  addWithDependencies(files, file_google_rpc_error_details);
  const registry = createRegistry(...files.values());
  const fileOfSymbol = new Map<string, DescFile>();
  for (const file of files.values()) {
    for (const symbol of symbolsOf(file)) fileOfSymbol.set(symbol, file);
  }

  return (question) => {
    switch (question.case) {
      case 'listServices':
        return answer({
          case: 'listServicesResponse',
          value: { service: services.map((service) => ({ name: service.typeName })) },
        });
      case 'fileByFilename':
        return fileAnswer(files.get(question.value), question.value);
      case 'fileContainingSymbol':
        return fileAnswer(fileOfSymbol.get(question.value.replace(/^\./, '')), question.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = question.value;
        const extendee = registry.getMessage(containingType);
        const extension = extendee && registry.getExtensionFor(extendee, extensionNumber);
        return fileAnswer(extension?.file, `extension ${extensionNumber} of ${containingType}`);
      }
      case 'allExtensionNumbersOfType': {
        if (!registry.getMessage(question.value)) return fileAnswer(undefined, question.value);
        const extensionNumber = [...registry]
          .filter((type) => type.kind === 'extension')
          .filter((extension) => extension.extendee.typeName === question.value)
          .map((extension) => extension.number);
        return answer({
          case: 'allExtensionNumbersResponse',
          value: { baseTypeName: question.value, extensionNumber },
        });
      }
      default:
        return errorAnswer(
          Code.InvalidArgument,
          'the request asks nothing: set one field of message_request',
        );
    }
  };
}

function fileAnswer(file: DescFile | undefined, asked: string): Answer {
  if (!file) return errorAnswer(Code.NotFound, `not known here: ${asked}`);
  // Clients ask for the imports by name.
  const fileDescriptorProto = [toBinary(FileDescriptorProtoSchema, file.proto)];
  return answer({ case: 'fileDescriptorResponse', value: { fileDescriptorProto } });
}

function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return answer({ case: 'errorResponse', value: { errorCode, errorMessage } });
}

type ResponseInit = NonNullable<Parameters<typeof create<typeof ServerReflectionResponseSchema>>[1]>;

function answer(messageResponse: NonNullable<ResponseInit['messageResponse']>): Answer {
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
        // The values of an enum live beside it, not in it.
        const scope = type.typeName.slice(0, -type.name.length);
        for (const value of type.values) yield `${scope}${value.name}`;
        break;
      }
    }
  }
}
