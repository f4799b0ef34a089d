import { readFile } from 'node:fs/promises';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { createProxy, type SmtpFault, startSmtpServer } from '@orderflow/testing';
import { eventually } from '@orderflow/testing/eventually';
import { seededRandom } from '@orderflow/testing/seeded-random';
import { expect } from 'vitest';
import { startWhole, type Whole } from './whole.ts';

interface MailRow {
  readonly id: string;
  readonly state: string;
  readonly unknown: number;
}

/** Whether an attempt may have delivered it, or one is being made. */
const isUncertain = ({ state, unknown }: MailRow) => state !== 'SENT' && (state === 'SENDING' || unknown > 0);

const domain = 'shop.example';
/** In each, some mails are affected. After those that are certain a mail is sent again, after the others once more. */
const certain: readonly SmtpFault[] = [
  { at: 'RCPT', code: 450, text: '4.2.1 mailbox busy' },
  { at: 'DATA', code: 451, text: '4.3.0 try again later' },
  'CUT_AT_RCPT',
  'GARBAGE_GREETING',
];
const uncertain: readonly SmtpFault[] = ['CUT_IN_DATA', 'CUT_AFTER_DATA', 'SILENT_AFTER_DATA'];

/** The mails that an order in this final state has caused. */
const mailsOf: Partial<Record<Order_State, readonly string[]>> = {
  [Order_State.COMPLETED]: ['confirmed', 'completed'],
  [Order_State.REJECTED]: ['rejected'],
  [Order_State.CANCELLED]: ['cancelled'],
};

/**
 * Places orders, some of which are rejected and cancelled, while there is no mail server for an hour, and then while it
 * fails in every way and the notification service is killed once in each round; then compares what the mail server has
 * accepted with the orders. Expects that none was lost, and that only those came twice, with the same bytes, of which a
 * reply to DATA may have been lost. Returns how many mails there were, and how many of them twice.
 */
export async function mailChaos(options: {
  readonly name: string;
  readonly orders: number;
  readonly rounds: number;
  readonly seed: number;
}): Promise<{ readonly mails: number; readonly repeats: number }> {
  const random = seededRandom(options.seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  await using smtp = await startSmtpServer();
  await using proxy = await createProxy({ target: smtp.port });
  await using whole = await startWhole(options.name, {
    SMTP_URL: `smtp://127.0.0.1:${proxy.port}`,
    MAIL_FROM: `Shop <orders@${domain}>`,
  });
  const { notification } = whole.services;
  const mailRows = () =>
    whole.stores.query<MailRow>('select id, state, unknown from mail', [], 'notification');
  const placed = await awayForAnHour(whole, proxy, options.name);
  expect(smtp.accepted()).toEqual([]);

  for (let round = 0; round < options.rounds; round += 1) {
    smtp.fail(pick(round % 2 === 0 ? certain : uncertain), { times: 1 + Math.floor(random() * 6) });
    const count = Math.round(options.orders / options.rounds);
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const orderId = `${options.name}-${round}-${index}`;
        await place(whole, orderId, index);
        placed.push(orderId);
      }),
    );
    const before = smtp.accepted().length;
    const enough = Math.floor(random() * count);
    await eventually(() => expect(smtp.accepted().length).toBeGreaterThanOrEqual(before + enough), {
      timeoutMs: 60_000,
      intervalMs: 20,
    });
    await notification.kill();
    smtp.heal();
    // Postgres may still execute what the process had sent. Then nothing is in flight: the time of what was may pass.
    await eventually(async () => expect(await connections(whole)).toBe(0), { timeoutMs: 30_000 });
    await makeDue(whole, "state in ('READY', 'SENDING')");
    const uncertainAtKill = (await mailRows()).filter(isUncertain).map(({ id }) => id);
    await notification.start({ LOG_LEVEL: 'debug' });
    // A mail whose outcome is unknown twice is not sent a third time: it ends before the next kill.
    await eventually(
      async () => {
        await makeDue(whole, "state = 'READY'");
        const waiting = (await mailRows()).filter(
          (row) => uncertainAtKill.includes(row.id) || isUncertain(row),
        );
        expect(waiting.filter(({ state }) => state !== 'SENT')).toEqual([]);
      },
      { timeoutMs: 60_000, intervalMs: 100 },
    );
  }

  const expected = new Set<string>();
  for (const orderId of placed) {
    const { state } = await whole.ended(orderId);
    for (const kind of mailsOf[state] ?? []) expected.add(`${orderId}.${kind}`);
  }
  await eventually(
    async () => {
      await makeDue(whole, "state = 'READY'");
      const rows = await mailRows();
      expect(rows.filter(({ state }) => state !== 'SENT')).toEqual([]);
      expect(rows).toHaveLength(expected.size);
    },
    { timeoutMs: 120_000, intervalMs: 200 },
  );

  const copies = Map.groupBy(smtp.accepted(), ({ messageId }) => messageId.replace(`@${domain}`, ''));
  expect([...expected].filter((id) => !copies.has(id))).toEqual([]);
  expect([...copies.keys()].filter((id) => !expected.has(id))).toEqual([]);
  const uncertainIds = new Set((await mailRows()).filter(({ unknown }) => unknown > 0).map(({ id }) => id));
  const repeated = [...copies].filter(([, all]) => all.length > 1);
  for (const [id, all] of repeated) {
    expect(uncertainIds, `${id} was sent twice`).toContain(id);
    expect(all, id).toHaveLength(2);
    expect(all[0]?.message.equals(all[1]?.message ?? Buffer.of()), `${id} has changed`).toBe(true);
  }
  for (const { name, logFile } of whole.processes)
    expect(await readFile(logFile, 'utf8'), `the log of ${name}`).not.toMatch(/@example\.com/);
  await whole.expectSound();
  return { mails: expected.size, repeats: repeated.length };
}

/** Places ten orders while there is no mail server, for an hour as their mails see it. Returns the ids of the orders. */
async function awayForAnHour(
  whole: Whole,
  proxy: Awaited<ReturnType<typeof createProxy>>,
  name: string,
): Promise<string[]> {
  await proxy.refuse();
  const ids = Array.from({ length: 10 }, (_, index) => `${name}-away-${index}`);
  await Promise.all(ids.map((orderId, index) => place(whole, orderId, index)));
  let before = 0;
  for (let minutes = 0; minutes < 60; minutes += 5) {
    before = await eventually(() => attemptsAbove(whole, before), { timeoutMs: 60_000, intervalMs: 50 });
    await whole.stores.query(
      `update mail set send_time = send_time - interval '5 minutes',
         give_up_time = give_up_time - interval '5 minutes' where state = 'READY'`,
      [],
      'notification',
    );
  }
  await proxy.heal();
  return ids;
}

/** Returns how many connections the notification service has to its database. */
async function connections(whole: Whole): Promise<number> {
  const [found] = await whole.stores.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name = 'notification'`,
    [],
    'notification',
  );
  return found?.count ?? 0;
}

/** Returns how many attempts there were, once there are more than `before`. */
async function attemptsAbove(whole: Whole, before: number): Promise<number> {
  const [sum] = await whole.stores.query<{ attempts: number }>(
    'select coalesce(sum(attempts), 0)::int as attempts from mail',
    [],
    'notification',
  );
  const attempts = sum?.attempts ?? 0;
  expect(attempts).toBeGreaterThan(before);
  return attempts;
}

/** Places an order over the API; some of them over Kafka, for what does not exist, and some it cancels at once. */
async function place(whole: Whole, orderId: string, index: number): Promise<void> {
  const customerId = `c-${1 + (index % 40)}`;
  if (index % 5 === 4) {
    const value = { orderId, customerId, products: [{ productId: 'p-none' }] };
    await whole.stores.send([{ value: Buffer.from(JSON.stringify(value)) }]);
    await eventually(() => whole.order(orderId), { timeoutMs: 60_000, intervalMs: 100 });
    return;
  }
  await whole.place({ orderId, customerId, lines: { [`p-${6 + (index % 40)}`]: 1 } });
  // Too late for some: they are completed.
  if (index % 5 === 3) await whole.orders.cancelOrder({ orderId, reason: 'changed my mind' }).catch(() => {});
}

/** Lets the time pass until these mails are due. */
async function makeDue(whole: Whole, which: string): Promise<void> {
  await whole.stores.query(
    `update mail set send_time = now() where send_time > now() and ${which}`,
    [],
    'notification',
  );
}
