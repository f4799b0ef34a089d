import { expect, test } from 'vitest';
import { createLogger, newTraceparent, withTrace } from '../src/index.ts';

function capture(options: { role?: string; level?: 'debug' | 'info' } = {}) {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  const logger = createLogger({ service: 'order', level: 'info', destination, ...options });
  return { logger, lines: () => written.map((line) => JSON.parse(line)) };
}

test('a line is one JSON object with time, level, service and role', () => {
  const { logger, lines } = capture({ role: 'worker' });
  logger.info({ records: 3 }, 'batch done');
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'order',
      role: 'worker',
      pid: process.pid,
      records: 3,
      msg: 'batch done',
    },
  ]);
});

test('lines below the level are not written', () => {
  const { logger, lines } = capture();
  logger.debug('not this');
  logger.warn('but this');
  expect(lines().map((line) => line.msg)).toEqual(['but this']);
});

test('lines written within a trace carry its id and the order id', () => {
  const { logger, lines } = capture();
  const traceparent = newTraceparent();
  logger.info('outside');
  withTrace({ traceparent, orderId: 'o-1' }, () => logger.child({ component: 'relay' }).info('inside'));
  expect(lines()[0]).not.toHaveProperty('trace_id');
  expect(lines()[1]).toMatchObject({
    trace_id: traceparent.slice(3, 35),
    order_id: 'o-1',
    component: 'relay',
  });
});

test('an error is written with type, message, stack and causes, without passwords', () => {
  const { logger, lines } = capture();
  const cause = new Error('refused by postgres://app:s3cret@db/x');
  logger.error({ err: new TypeError('cannot connect', { cause }) }, 'database');
  const { err } = lines()[0];
  expect(err).toMatchObject({ type: 'TypeError', message: 'cannot connect' });
  expect(err.stack).toContain('refused by postgres://app:***@db/x');
  expect(JSON.stringify(err)).not.toContain('s3cret');
});

test('values under well-known secret names are masked', () => {
  const { logger, lines } = capture();
  logger.info({
    password: 's3cret',
    config: { apiKey: 's3cret', host: 'db' },
    request: { headers: { authorization: 's3cret' } },
  });
  expect(lines()[0]).toMatchObject({ password: '***', config: { apiKey: '***', host: 'db' } });
  expect(JSON.stringify(lines()[0])).not.toContain('s3cret');
});
