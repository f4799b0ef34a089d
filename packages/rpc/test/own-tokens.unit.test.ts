import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createOwnTokens, createSigningKeys, errorReason } from '../src/index.ts';
import { newKey } from './access-fixture.ts';
import { failure, recordingLogger } from './fixture.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A second passes, in which the time of day is set back by an hour. */
function setTimeOfDayBack(): void {
  vi.advanceTimersByTime(1_000);
  vi.setSystemTime(Date.now() - 3_600_000);
}

/** An issuer that responds with what its test has set. */
function startIssuer() {
  const issuer = { response: {} as unknown, fetch: async () => Response.json(issuer.response) };
  return issuer;
}

test('an own token that is refused is replaced, also when the time of day was set back', async () => {
  const issuer = startIssuer();
  const { logger } = recordingLogger();
  const client = { tokenUrl: 'http://id.example/token', clientId: 'order', clientSecret: 's' };
  const tokens = createOwnTokens({ ...client, audience: 'orderflow', logger, fetch: issuer.fetch });
  issuer.response = { access_token: 't-1', expires_in: 7_200 };
  expect(await tokens.current()).toBe('t-1');
  issuer.response = { access_token: 't-2', expires_in: 7_200 };
  setTimeOfDayBack();
  tokens.refused('t-1');
  expect(await tokens.current()).toBe('t-2');
});

test('keys are fetched after a failure, also when the time of day was set back', async () => {
  const issuer = startIssuer();
  const key = await newKey('k-1');
  const { logger } = recordingLogger();
  const find = createSigningKeys({ url: 'http://id.example/jwks', logger, fetch: issuer.fetch });
  const found = async () => find({ alg: key.alg, kid: key.kid });
  expect(errorReason(await failure(found()))).toBe('DEPENDENCY_UNAVAILABLE');
  issuer.response = { keys: [key.jwk] };
  setTimeOfDayBack();
  expect(await found()).toBeDefined();
});

test('the log has no password of a URL that cannot be fetched', async () => {
  const { logger, lines } = recordingLogger();
  const url = 'http://order:hunter2@id.example/';
  const client = { tokenUrl: url, clientId: 'order', clientSecret: 'hunter3' };
  await failure(
    Promise.try(async () => createOwnTokens({ ...client, audience: 'orderflow', logger }).current()),
  );
  const find = createSigningKeys({ url, logger });
  await failure(Promise.try(async () => find({ alg: 'ES256' })));
  expect(lines.map(({ url }) => url)).toEqual([
    expect.stringContaining('id.example'),
    expect.stringContaining('id.example'),
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/hunter/);
});
