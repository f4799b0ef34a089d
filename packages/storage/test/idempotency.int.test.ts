import { MikroORM } from '@mikro-orm/postgresql';
import { createLogger, type RepeatableRequest, type StoredResponse } from '@orderflow/runtime';
import { createDatabase, eventually, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Database,
  databaseOf,
  findResponse,
  idempotencyMigration,
  responseExpiry,
  runEachIdempotent,
  runIdempotent,
} from '../src/index.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
let orm: MikroORM;
let database: Database;
beforeAll(async () => {
  orm = new MikroORM({
    clientUrl: await createDatabase(uniqueName('answers')),
    discovery: { warnWhenNoEntities: false },
    driverOptions: { pipeline: true },
  });
  database = databaseOf(orm);
  for (const statement of idempotencyMigration) await database.query(statement);
});
afterAll(() => orm.close());

const now = new Date('2026-11-24T12:00:00Z');

function request(change: Partial<RepeatableRequest> = {}): RepeatableRequest {
  return {
    callerId: 'anonymous',
    method: 'orderflow.test.v1.TestService/Create',
    requestId: uniqueName('r'),
    contentHash: Buffer.from('content'),
    ...change,
  };
}

/** One transaction whose work returns `bytes`. */
function runOnce(asked: RepeatableRequest | undefined, bytes: () => Promise<Uint8Array> | Uint8Array) {
  return database.transaction((transaction) => runIdempotent(transaction, asked, now, async () => bytes()));
}

const bytes = (...values: number[]) => new Uint8Array(values);
const textOf = (stored: StoredResponse | undefined) =>
  stored?.kind === 'response' ? Buffer.from(stored.bytes).toString('hex') : stored?.kind;

/** Resolves once `count` transactions wait for another one to end. */
async function transactionsWait(count: number): Promise<void> {
  await eventually(async () => {
    const [row] = await database.query<{
      waiting: number;
    }>(`select count(*)::int as waiting from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`);
    return row?.waiting === count;
  });
}

test('a repeat gets the bytes of the first response, and its work is not done', async () => {
  const asked = request();
  expect(textOf(await runOnce(asked, () => bytes(0, 1, 255)))).toBe('0001ff');
  const repeated = await runOnce(asked, () => expect.unreachable('the work was done twice'));
  expect(textOf(repeated)).toBe('0001ff');
});

test('an empty response is a response', async () => {
  const asked = request();
  await runOnce(asked, () => bytes());
  expect(textOf(await runOnce(asked, () => bytes(1)))).toBe('');
});

test('repeats at the same time wait for the first, whose work is the only one', async () => {
  const asked = request();
  let works = 0;
  const hold = Promise.withResolvers<void>();
  const responses = Array.from({ length: 5 }, () =>
    runOnce(asked, async () => {
      works += 1;
      await hold.promise;
      return bytes(works);
    }),
  );
  await transactionsWait(4);
  hold.resolve();
  expect((await Promise.all(responses)).map(textOf)).toEqual(Array(5).fill('01'));
  expect(works).toBe(1);
});

test('rolled-back work leaves no claim: a repeat that waited does the work itself', async () => {
  const asked = request();
  const working = Promise.withResolvers<void>();
  const hold = Promise.withResolvers<void>();
  const first = runOnce(asked, async () => {
    working.resolve();
    await hold.promise;
    throw new Error('refused');
  });
  await working.promise;
  const second = runOnce(asked, () => bytes(2));
  await transactionsWait(1);
  hold.resolve();
  await expect(first).rejects.toThrow('refused');
  expect(textOf(await second)).toBe('02');
  expect(textOf(await findResponse(database, asked))).toBe('02');
});

test('other content under the same request id is distinguished, and its work is not done', async () => {
  const asked = request();
  await runOnce(asked, () => bytes(1));
  const other = { ...asked, contentHash: Buffer.from('other content') };
  const work = () => expect.unreachable('the work was done');
  expect(await runOnce(other, work)).toEqual({ kind: 'reused' });
  expect(await findResponse(database, other)).toEqual({ kind: 'reused' });
});

test.each([{ callerId: 'another-caller' }, { method: 'Other' }, { requestId: 'r-other' }])(
  'request ids count per caller and method: %o is another request',
  async (difference) => {
    const asked = request();
    await runOnce(asked, () => bytes(1));
    const other = { ...asked, contentHash: Buffer.from('other content'), ...difference };
    expect(textOf(await runOnce(other, () => bytes(2)))).toBe('02');
  },
);

test('a running request has no stored response, a finished one has', async () => {
  const asked = request();
  await database.transaction(async (transaction) => {
    await runIdempotent(transaction, asked, now, async () => bytes(1));
    expect(await findResponse(database, asked)).toBeUndefined();
  });
  expect(textOf(await findResponse(database, asked))).toBe('01');
});

test('without a request the work is done every time', async () => {
  expect(textOf(await runOnce(undefined, () => bytes(1)))).toBe('01');
  expect(textOf(await runOnce(undefined, () => bytes(2)))).toBe('02');
});

/** One transaction for all of them; what `work` gives for a request id is its response. */
function runEach(
  asked: readonly (RepeatableRequest | undefined)[],
  work: (request: RepeatableRequest | undefined) => Uint8Array | undefined,
) {
  return database.transaction((transaction) =>
    runEachIdempotent(
      transaction,
      asked,
      now,
      async (indexes) => new Map(indexes.map((index) => [index, work(asked[index])])),
    ),
  );
}

test('each of many requests has its own result: new, repeated, reused, or refused with nothing stored', async () => {
  const [old, other, fresh, refused] = [request(), request(), request(), request()];
  await runOnce(old, () => bytes(1));
  await runOnce({ ...other, contentHash: Buffer.from('other content') }, () => bytes(2));
  const done: (RepeatableRequest | undefined)[] = [];
  const responses = await runEach([old, undefined, other, refused, fresh], (asked) => {
    done.push(asked);
    return asked === refused ? undefined : bytes(3);
  });
  expect(responses.map(textOf)).toEqual(['01', '03', 'reused', undefined, '03']);
  expect(done).toEqual([undefined, refused, fresh]);
  expect(textOf(await runOnce(refused, () => bytes(4)))).toBe('04');
  expect(textOf(await findResponse(database, fresh))).toBe('03');
});

test('transactions with the same requests in opposite order do not lock each other out', async () => {
  const asked = Array.from({ length: 20 }, () => request());
  const responses = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      runEach(index % 2 === 0 ? asked : asked.toReversed(), () => bytes(index)),
    ),
  );
  const texts = responses.map((each, index) => (index % 2 === 0 ? each : each.toReversed()).map(textOf));
  expect(new Set(texts.flat()).size).toBe(1);
});

test('two requests of one transaction with the same request id are a mistake', async () => {
  const asked = request();
  await expect(runEach([asked, asked], () => bytes(1))).rejects.toThrow('the same request id');
});

test('stored responses are deleted after 30 days, also by a process that runs for longer', async () => {
  // More than are deleted at once.
  const asked = Array.from({ length: 2_500 }, () => request());
  await runEach(asked, () => bytes(1));
  const left = async () => {
    const found = await Promise.all(
      [0, 2_499].map((index) => findResponse(database, asked[index] ?? request())),
    );
    return found.filter((each) => each !== undefined).length;
  };
  const month = 30 * 86_400_000;
  let time = new Date(now.getTime() + month);
  let polls = 0;
  const clock = () => {
    polls += 1;
    return time;
  };
  const expiry = responseExpiry({ database, now: clock, logger, everyMs: 10 });
  await expiry.start();
  try {
    await eventually(() => polls > 2);
    expect(await left()).toBe(2);
    time = new Date(now.getTime() + month + 1);
    await eventually(async () => (await left()) === 0);
  } finally {
    await expiry.stop();
  }
});
