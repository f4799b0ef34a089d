import { Code, ConnectError, type UnaryRequest } from '@connectrpc/connect';
import { afterEach, expect, test, vi } from 'vitest';
import { correctedErrors } from '../src/transport-errors.ts';

afterEach(() => vi.restoreAllMocks());

/** The code of a call whose stream is reset with CANCEL after `elapsedMs`. */
async function codeOf(
  elapsedMs: number,
  header: Record<string, string>,
  signal = new AbortController().signal,
) {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1_000);
  const call = correctedErrors(async () => {
    now.mockReturnValue(1_000 + elapsedMs);
    throw new ConnectError('http/2 stream closed with error code CANCEL (0x8)', Code.Canceled);
  });
  const request = { stream: false, header: new Headers(header), signal } as UnaryRequest;
  return ConnectError.from(await call(request).catch((error: unknown) => error)).code;
}

test.each([
  { header: { 'grpc-timeout': '200m' }, elapsedMs: 200, code: Code.DeadlineExceeded },
  { header: { 'grpc-timeout': '1S' }, elapsedMs: 1_001, code: Code.DeadlineExceeded },
  { header: { 'connect-timeout-ms': '200' }, elapsedMs: 201, code: Code.DeadlineExceeded },
  { header: { 'grpc-timeout': '200m' }, elapsedMs: 199, code: Code.Canceled },
  { header: {}, elapsedMs: 1_000_000, code: Code.Canceled },
])('a stream that the peer resets after $elapsedMs ms of $header', async ({ header, elapsedMs, code }) => {
  expect(await codeOf(elapsedMs, header as Record<string, string>)).toBe(code);
});

test('what the caller has cancelled stays so, also after the deadline', async () => {
  expect(await codeOf(300, { 'grpc-timeout': '200m' }, AbortSignal.abort())).toBe(Code.Canceled);
});
