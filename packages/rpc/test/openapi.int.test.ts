import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { gunzipSync } from 'node:zlib';
import type { JsonObject } from '@bufbuild/protobuf';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, onTestFinished, test } from 'vitest';
import { send, startRestServer } from './rest-fixture.ts';
import { type Vector, vectors } from './rest-vectors/index.ts';

interface Operation {
  readonly responses: Record<string, { $ref?: string; content?: Record<string, unknown> }>;
}

interface Document extends JsonObject {
  readonly paths: never;
}

async function documentOf(port: number): Promise<Document> {
  const { status, body } = await send(port, { method: 'GET', path: '/openapi.json' });
  expect(status, JSON.stringify(body)).toBe(200);
  return body as Document;
}

/** Here the fixture fails as GetOrder never does, returns nothing, or has no handler at all. */
const breaksContract =
  /^\w+ \/(?:orders\/(?:refused|short|very-short|unknown-product|paid|nothing)|products)$/;

test('the responses of every REST request are as the document says', async () => {
  const { port } = await startRestServer();
  const document = await documentOf(port);
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(strict(document) as JsonObject, 'openapi.json');
  const compared: string[] = [];

  // Lists that are empty.
  const lists: Vector[] = ['/customers', '/inventory', '/payments', '/notifications'].map((path) => ({
    send: `GET ${path}`,
  }));
  for (const { send: line, headers, json, raw } of [...vectors, ...lists]) {
    if (breaksContract.test(line)) continue;
    const [httpMethod = '', path = ''] = line.split(/ (.*)/);
    const response = await send(port, {
      method: httpMethod,
      path,
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(json !== undefined ? { body: JSON.stringify(json) } : raw !== undefined && { body: raw }),
    });
    const operation = operationAt(document, httpMethod, path);
    if (operation === undefined) {
      // No path, or none with this HTTP method: the introduction says so.
      expect([404, 405], line).toContain(response.status);
      continue;
    }
    if (httpMethod === 'HEAD') continue;
    const described = operation.responses[response.status];
    expect(described, `${line}: ${response.status}`).toBeDefined();
    const at = described?.$ref?.slice(1) ?? `${operation.pointer}/responses/${response.status}`;
    const type = pointerPart(String(response.headers['content-type']));
    const validate = ajv.compile({ $ref: `openapi.json#${at}/content/${type}/schema` });
    validate(response.body);
    expect(validate.errors, `${line}: ${JSON.stringify(response.body)}`).toBeNull();
    compared.push(line);
  }
  expect(compared.length).toBeGreaterThan(120);
});

/** The same document, in which objects have no members that it does not name. */
function strict(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(strict);
  if (typeof json !== 'object' || json === null) return json;
  const object = Object.fromEntries(Object.entries(json).map(([key, value]) => [key, strict(value)]));
  const isClosed =
    'properties' in object && object['type'] === 'object' && !('additionalProperties' in object);
  return isClosed ? { ...object, additionalProperties: false } : object;
}

function pointerPart(text: string): string {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** The operation of a request, of which literals win from left to right, and where it is in the document. */
function operationAt(document: Document, httpMethod: string, target: string) {
  const sent = (target.split('?', 1)[0] ?? '').replace(/^\/api\/v1\//, '/').split('/');
  const rankOf = (template: string) => template.replaceAll(/\{\w+\}/g, '~');
  const [template] = Object.keys(document.paths)
    .filter((template) => {
      const parts = template.split('/');
      return parts.length === sent.length && parts.every((part, at) => isSegment(part, sent[at] ?? ''));
    })
    .sort((one, other) => (rankOf(one) < rankOf(other) ? -1 : 1));
  const name = httpMethod === 'HEAD' ? 'get' : httpMethod.toLowerCase();
  if (template === undefined) return undefined;
  const operation = (document.paths[template] as Record<string, Operation>)[name];
  return operation && { ...operation, pointer: `/paths/${pointerPart(template)}/${name}` };
}

function isSegment(part: string, sent: string): boolean {
  if (part.startsWith('{')) return sent !== '';
  try {
    return decodeURIComponent(sent) === part;
  } catch {
    return false;
  }
}

describe('/openapi.json', () => {
  test('says which parameters a request must have', async () => {
    const { port } = await startRestServer();
    const { paths } = await documentOf(port);
    const parameters = (path: string) => (paths[path] as { get: { parameters: unknown[] } }).get.parameters;
    expect(parameters('/customers:batchGet')[0]).toMatchObject({ name: 'customer_ids', required: true });
    expect(parameters('/orders')[0]).not.toHaveProperty('required');
  });

  test('is of what the server serves', async () => {
    const { port } = await startRestServer({ services: [CustomerService] });
    const { paths, tags } = await documentOf(port);
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining([
        '/customers',
        '/health',
        '/orderflow.enrichment.v1.CustomerService/GetCustomer',
      ]),
    );
    expect(JSON.stringify(tags)).not.toContain('Order');
  });

  test('is sent again only when it has changed', async () => {
    const { port } = await startRestServer();
    const { headers } = await send(port, { method: 'GET', path: '/openapi.json' });
    const again = await send(port, {
      method: 'GET',
      path: '/openapi.json',
      headers: { 'if-none-match': `"other", W/${headers.etag}` },
    });
    expect(again).toMatchObject({ status: 304, body: '', headers: { etag: headers.etag } });
  });

  test('is compressed on request', async () => {
    const { url, port } = await startRestServer();
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':path': '/openapi.json', 'accept-encoding': 'gzip' });
    const [headers] = await once(stream, 'response');
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    const body = gunzipSync(Buffer.concat(await stream.toArray()));
    expect(JSON.parse(body.toString())).toEqual(await documentOf(port));
  });

  test('is there for pages of other origins, as REST is', async () => {
    const origin = 'https://shop.example';
    const { url } = await startRestServer({ cors: { allowedOrigins: [origin] } });
    const { headers } = await fetch(`${url}/openapi.json`, { headers: { origin } });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
  });
});

test('reads over Connect with GET are as the document says', async () => {
  const { port } = await startRestServer();
  const { paths } = await documentOf(port);
  const path = '/orderflow.order.v1.OrderService/GetOrder';
  expect(paths[path]).toHaveProperty('get.responses.200');
  const message = encodeURIComponent(JSON.stringify({ orderId: 'o-1' }));
  const { status, body } = await send(port, {
    method: 'GET',
    path: `${path}?encoding=json&message=${message}`,
  });
  expect([status, body]).toMatchObject([200, { order: { orderId: 'o-1', state: 'STATE_COMPLETED' } }]);
});
