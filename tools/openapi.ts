// Writes docs/openapi.json, what the order API serves over REST; with --check only compares. Either way
// the document must be valid, and its examples must be what it says.
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { CatalogService } from '../packages/contracts/src/gen/orderflow/order/v1/catalog_service_pb.ts';
import { OrderService } from '../packages/contracts/src/gen/orderflow/order/v1/order_service_pb.ts';
import { errorReasons as rpcReasons } from '../packages/rpc/src/errors.ts';
import { openApiOf } from '../packages/rpc/src/rest/openapi/document.ts';
import { routesOf, routesOfMethod } from '../packages/rpc/src/rest/routes.ts';
import { createOrderAdapter } from '../services/order/src/inbound/rest/create-order.ts';
import { errorReasons as orderReasons } from '../services/order/src/inbound/rpc/error-reasons.ts';
import { forwardedMethods } from '../services/order/src/roles/other-services.ts';
import { finish } from './generated.ts';

const services = [OrderService, CatalogService];
const document = openApiOf({
  service: 'order-api',
  services,
  routes: [...routesOf(services), ...forwardedMethods.flatMap(routesOfMethod)],
  adapters: [createOrderAdapter],
  reasons: { ...rpcReasons, ...orderReasons },
  hasEventDocs: true,
});

/** Every media type that has examples: where it is in the document, and what they are. */
function examplesIn(
  json: unknown,
  pointer = '',
): [pointer: string, examples: Record<string, { value: unknown }>][] {
  if (typeof json !== 'object' || json === null) return [];
  const inside = Object.entries(json).flatMap(([key, value]) =>
    examplesIn(value, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
  return 'schema' in json && 'examples' in json ? [[pointer, json.examples as never], ...inside] : inside;
}

async function problemsOf(): Promise<string[]> {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  if (!valid) return [`it is not OpenAPI 3.1: ${JSON.stringify(errors, undefined, 2)}`];
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi.json');
  return examplesIn(document).flatMap(([pointer, examples]) => {
    const validate = ajv.compile({ $ref: `openapi.json#${encodeURI(pointer)}/schema` });
    return Object.entries(examples).flatMap(([name, { value }]) =>
      validate(value) ? [] : [`the example ${name} at ${pointer}: ${ajv.errorsText(validate.errors)}`],
    );
  });
}

finish(new Map([['docs/openapi.json', `${JSON.stringify(document, undefined, 2)}\n`]]), await problemsOf());
