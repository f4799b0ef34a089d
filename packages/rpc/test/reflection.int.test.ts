import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import {
  ExtensionRequestSchema,
  type ServerReflectionRequest,
  ServerReflection as V1,
} from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as V1Alpha } from '@orderflow/contracts/grpc/reflection/v1alpha/reflection';
import { describe, expect, test } from 'vitest';
import { startServer } from './fixture.ts';

type Question = ServerReflectionRequest['messageRequest'];

const service = 'orderflow.enrichment.v1.CustomerService';
const serviceFile = 'orderflow/enrichment/v1/customer_service.proto';
const customerFile = 'orderflow/enrichment/v1/customer.proto';

describe.for([
  ['v1', V1],
  ['v1alpha', V1Alpha as unknown as typeof V1],
] as const)('reflection %s', ([, version]) => {
  async function connect() {
    const { url } = await startServer();
    const client = createClient(version, createGrpcTransport({ baseUrl: url }));

    async function ask(question: Question) {
      async function* requests() {
        yield { host: 'here', messageRequest: question };
      }
      for await (const { messageResponse, originalRequest, validHost } of client.serverReflectionInfo(
        requests(),
      )) {
        expect(originalRequest?.messageRequest).toMatchObject({ case: question.case });
        expect(validHost).toBe('here');
        return messageResponse;
      }
      throw new Error('no answer');
    }

    async function file(question: Question): Promise<FileDescriptorProto> {
      const response = await ask(question);
      if (response.case !== 'fileDescriptorResponse') throw new Error(`got ${response.case}`);
      const [bytes] = response.value.fileDescriptorProto;
      return fromBinary(FileDescriptorProtoSchema, bytes ?? new Uint8Array());
    }

    return { ask, file };
  }

  test('lists the services', async () => {
    const { ask } = await connect();
    const response = await ask({ case: 'listServices', value: '' });
    if (response.case !== 'listServicesResponse') throw new Error(`got ${response.case}`);
    expect(response.value.service.map(({ name }) => name)).toEqual([
      service,
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
  });

  test('a client can build the service from the files, asking for every import by name', async () => {
    const { file } = await connect();
    const files = new Map<string, FileDescriptorProto>();
    async function fetchWithImports(name: string) {
      if (files.has(name)) return;
      const proto = await file({ case: 'fileByFilename', value: name });
      for (const dependency of proto.dependency) await fetchWithImports(dependency);
      files.set(name, proto);
    }
    await fetchWithImports(serviceFile);
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...files.values()] }));
    expect(registry.getService(service)?.methods.map(({ name }) => name)).toContain('BatchGetCustomers');
    expect([...files.keys()]).toEqual(
      expect.arrayContaining([
        'buf/validate/validate.proto',
        'google/protobuf/timestamp.proto',
        customerFile,
      ]),
    );
  });

  test.for([
    [service, serviceFile],
    [`${service}.GetCustomer`, serviceFile],
    [`.${service}`, serviceFile],
    ['orderflow.enrichment.v1.Customer', customerFile],
    ['orderflow.enrichment.v1.Customer.email', customerFile],
    ['grpc.health.v1.HealthCheckResponse.ServingStatus', 'grpc/health/v1/health.proto'],
    ['grpc.health.v1.HealthCheckResponse.NOT_SERVING', 'grpc/health/v1/health.proto'],
    ['grpc.reflection.v1.ServerReflectionRequest.message_request', 'grpc/reflection/v1/reflection.proto'],
    ['buf.validate.field', 'buf/validate/validate.proto'],
    ['google.rpc.ErrorInfo', 'google/rpc/error_details.proto'],
  ])('finds the file of %s', async ([symbol, name]) => {
    const { file } = await connect();
    expect((await file({ case: 'fileContainingSymbol', value: symbol as string })).name).toBe(name);
  });

  test('knows extensions by number', async () => {
    const { ask, file } = await connect();
    const containingType = 'google.protobuf.FieldOptions';
    const all = await ask({ case: 'allExtensionNumbersOfType', value: containingType });
    if (all.case !== 'allExtensionNumbersResponse') throw new Error(`got ${all.case}`);
    expect(all.value.extensionNumber).toContain(1159);
    const value = create(ExtensionRequestSchema, { containingType, extensionNumber: 1159 });
    const response = await file({ case: 'fileContainingExtension', value });
    expect(response.name).toBe('buf/validate/validate.proto');
  });

  test.for<Question>([
    { case: 'fileByFilename', value: 'no/such.proto' },
    { case: 'fileContainingSymbol', value: 'no.Such' },
    { case: 'allExtensionNumbersOfType', value: 'no.Such' },
  ])('what is not known is NOT_FOUND: $case', async (question) => {
    const { ask } = await connect();
    expect(await ask(question)).toMatchObject({ case: 'errorResponse', value: { errorCode: Code.NotFound } });
  });
});
