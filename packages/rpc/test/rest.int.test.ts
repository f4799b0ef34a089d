import { expect, test } from 'vitest';
import { type RawResponse, send, startRestServer } from './rest-fixture.ts';
import { type Vector, vectors } from './rest-vectors/index.ts';

/** The name of a case: what is sent, short. */
function nameOf({ send, headers, json, raw }: Vector): string {
  const rest = [
    headers && JSON.stringify(headers),
    json !== undefined && JSON.stringify(json),
    raw?.toString('utf8' as never),
  ];
  return [send, ...rest.filter(Boolean)].join(' ').slice(0, 160);
}

test.for(vectors.map((vector) => [nameOf(vector), vector] as const))('%s', async ([, vector]) => {
  const { port, calls } = await startRestServer();
  const [method = '', path = ''] = vector.send.split(/ (.*)/);
  const { json, raw } = vector;
  const response = await send(port, {
    method,
    path,
    headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...vector.headers },
    ...(json !== undefined ? { body: JSON.stringify(json) } : raw !== undefined && { body: raw }),
  });

  expect(response, JSON.stringify(response.body)).toMatchObject({ status: vector.status ?? 200 });
  expect(calls).toEqual(vector.call ? [vector.call] : []);
  if (vector.responseHeaders) expect(response.headers).toMatchObject(vector.responseHeaders);
  if (response.status === 200) expectAnswer(vector, response);
  else if (method !== 'HEAD') expectProblem(vector, response);
});

function expectAnswer(vector: Vector, { headers, body }: RawResponse): void {
  expect(headers['content-type']).toBe('application/json');
  if (vector.body !== undefined) expect(body).toEqual(vector.body);
}

function expectProblem(vector: Vector, { status, headers, body }: RawResponse): void {
  expect(headers['content-type']).toBe('application/problem+json');
  const problem = body as Record<string, unknown>;
  expect(problem).toMatchObject({ status, title: expect.stringMatching(/\w/), code: expect.any(String) });
  expect(problem['detail']).toBe(problem['message']);
  if (vector.error) expect(problem['error']).toBe(vector.error);
  if (vector.body) expect(problem).toMatchObject(vector.body);
  const violations = (problem['violations'] ?? []) as { field: string; message: string; reason: string }[];
  if (vector.fields) expect(violations.map(({ field }) => field)).toEqual(vector.fields);
  for (const { message, reason } of violations) expect([message, reason]).not.toContain('');
  const texts = [problem['message'], ...violations.map(({ message }) => message)].join('\n');
  if (vector.says) expect(texts).toContain(vector.says);
  expect(texts).not.toContain('secret');
}
