import { defineEntity, p } from '@mikro-orm/postgresql';
import { createLogger } from '@orderflow/runtime';
import { eventually, testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { databaseClock } from '../src/database-clock.ts';
import { createPostgres, millis } from '../src/index.ts';

const Note = defineEntity({ name: 'Note', tableName: 'notes', properties: { id: p.integer().primary() } });
const postgres = createPostgres({
  url: testStack().urls.POSTGRES_URL,
  database: uniqueName('clock'),
  applicationName: 'test',
  entities: [Note],
  migrations: [],
  logger: createLogger({ service: 'test', level: 'silent' }),
});
beforeAll(() => postgres.component.start());
afterAll(async () => {
  vi.useRealTimers();
  await postgres.component.stop();
});

/** How far a clock is from the database's, at least, in milliseconds. */
async function offBy(now: () => Date): Promise<number> {
  const before = now().getTime();
  const [row] = await postgres.database.query<{ time: number }>(
    `select ${millis('clock_timestamp()')} as time`,
  );
  const time = row?.time ?? 0;
  return Math.max(before - time, time - now().getTime(), 0);
}

test('shows the time of the database, whatever the clock of this machine says', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
  expect(await offBy(() => new Date())).toBeGreaterThan(3_000_000);
  expect(await offBy(postgres.now)).toBeLessThan(1_000);
});

test('is compared again and again, and has no time before the first time', async () => {
  let elapsedMs = 0;
  const clock = databaseClock(postgres.database, { everyMs: 10, elapsed: () => elapsedMs });
  expect(() => clock.now()).toThrow('not known');
  await clock.compare();
  // As if the clock that it is compared with had gone wrong.
  elapsedMs += 86_400_000;
  expect(await offBy(clock.now)).toBeGreaterThan(80_000_000);
  clock.start();
  await eventually(async () => expect(await offBy(clock.now)).toBeLessThan(1_000));
  await clock.stop();
});
