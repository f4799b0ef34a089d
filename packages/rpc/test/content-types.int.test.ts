import { connect as connectHttp2 } from 'node:http2';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { describe, expect, onTestFinished, test } from 'vitest';
import { normalContentType } from '../src/content-type.ts';
import { startServer } from './fixture.ts';

const path = '/orderflow.enrichment.v1.CustomerService/GetCustomer';
const watchPath = `/${Health.typeName}/Watch`;

test.for([
  ['Application/JSON; Charset="UTF-8"', 'application/json'],
  ['application/json ;charset=utf-8', 'application/json'],
  ['application/json;', 'application/json'],
  ['application/json;;charset=UTF8 ; ', 'application/json'],
  ['application/json;\tcharset="utf\\-8"; version=1', 'application/json'],
  ['application/grpc;charset=utf-8', 'application/grpc'],
  ['application/grpc-web+proto; charset=utf-8', 'application/grpc-web+proto'],
  ['application/proto', 'application/proto'],
])('%s is %s', ([header, normal]) => {
  expect(normalContentType(header as string)).toBe(normal);
});

test.for([
  'application/json; charset=latin1',
  'application/json; charset="utf-8',
  'application/json charset=utf-8',
  'application/json, application/proto',
  'application/json; charset',
  'json',
  '',
])('other content types stay unchanged: %s', (header) => {
  expect(normalContentType(header)).toBe(header);
});

async function post(url: string, to: string, contentType: string, body: string | Uint8Array<ArrayBuffer>) {
  const response = await fetch(`${url}${to}`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  });
  return { status: response.status, body: await response.text(), allow: response.headers.get('allow') };
}

describe('calls', () => {
  test.for([
    ['Application/JSON; Charset="UTF-8"', '{"customerId":"c-1"}'],
    ['application/json ; charset=utf-8', '{"customerId":"c-1"}'],
    ['application/json;', '{"customerId":"c-1"}'],
    ['application/grpc-web+json; charset=utf-8', Buffer.from('\0\0\0\0\u0014{"customerId":"c-1"}')],
  ] as const)('%s is answered', async ([contentType, body]) => {
    const { url } = await startServer();
    const response = await post(url, path, contentType, body);
    expect(response.status).toBe(200);
    expect(response.body).toContain('Ann');
  });

  test('application/grpc;charset=utf-8 gets a response', async () => {
    const { url } = await startServer();
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc;charset=utf-8',
      te: 'trailers',
    });
    stream.end(Buffer.from('\0\0\0\0\u0005\n\u0003c-1'));
    const trailers = new Promise((resolve) => stream.once('trailers', resolve));
    stream.resume();
    expect(await trailers).toMatchObject({ 'grpc-status': '0' });
  });

  test.for([
    [path, 'application/grpc-web-text', /base64, is not supported: GetCustomer accepts application\/json/],
    [path, 'application/grpc-web-text+proto; charset=utf-8', /base64, is not supported/],
    [
      path,
      'text/plain',
      /^GetCustomer accepts application\/json, .* and application\/grpc-web\+json, in UTF-8$/,
    ],
    [path, 'application/json; charset=latin1', /in UTF-8$/],
    [path, 'application/connect+json', /^GetCustomer accepts application\/json/],
    [watchPath, 'application/json', /^Watch accepts application\/connect\+json/],
  ] as const)('%s, %s: 415 says what is supported', async ([to, contentType, text]) => {
    const { url } = await startServer();
    const response = await post(url, to, contentType, '{}');
    expect(response.status).toBe(415);
    expect(response.body.trim()).toMatch(text);
  });

  test('no content type is 415, too', async () => {
    const { url } = await startServer();
    const response = await fetch(`${url}${path}`, { method: 'POST', body: Buffer.from('{}') });
    expect(response.status).toBe(415);
  });

  test.for([
    ['DELETE', path, 'POST, GET'],
    ['HEAD', path, 'POST, GET'],
    ['GET', watchPath, 'POST'],
    ['GET', '/orderflow.enrichment.v1.CustomerService/CreateCustomer?connect=v1', 'POST'],
    ['POST', '/metrics', 'GET, HEAD'],
  ])('%s %s: 405 says what is allowed', async ([method, to, allowed]) => {
    const { url } = await startServer();
    const response = await fetch(`${url}${to}`, { method: method as string });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
    // No JSON: that would be taken for an error of Connect, which has a code.
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    if (method !== 'HEAD') expect(await response.text()).toContain('accepts only');
  });
});
