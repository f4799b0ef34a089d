import { join } from 'node:path';
import { Notification_State as State } from '@orderflow/contracts/orderflow/notification/v1/notification';
import { type SmtpServer, startProcess, startSmtpServer, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CrashPoint, crashPoints } from '../src/crash-points.ts';
import { idOf, runNotification, startSurroundings } from './running-notification.ts';

let smtp: SmtpServer;

beforeAll(async () => {
  smtp = await startSmtpServer();
});
afterAll(() => smtp?.close());

/** The state after the crash, and how often the mail server accepts the mail until the end. */
const ends: Record<CrashPoint, { readonly left: string; readonly accepted: number }> = {
  'notification-after-insert': { left: 'NEW', accepted: 1 },
  'notification-after-render': { left: 'READY', accepted: 1 },
  'notification-after-attempt-written': { left: 'SENDING', accepted: 1 },
  'notification-after-delivery': { left: 'SENDING', accepted: 2 },
  'notification-after-settle': { left: 'SENT', accepted: 1 },
};

describe.concurrent('killed between two durable steps', () => {
  test.each(crashPoints)(
    '%s: the mail is sent, and a second time only if it may not have been',
    async (point) => {
      const around = await startSurroundings();
      const order = uniqueName('o');
      const id = `${order}.confirmed`;
      const env = { ...around.env, SMTP_URL: smtp.url };
      const dying = startProcess({
        command: process.execPath,
        args: [join(import.meta.dirname, '../src/main.ts')],
        env: { ...env, ORDERFLOW_TEST: '1', CRASH_AT: `${point}#1` },
      });
      await around.events.confirmed(order);
      expect((await dying.exited).signal, dying.output()).toBe('SIGKILL');
      const { left, accepted } = ends[point];
      const rows = await around.database.query<{ state: string; due: boolean }>(
        `select state, send_time < now() + interval '590 seconds' as due from mail`,
      );
      expect(rows.map(({ state }) => state)).toEqual([left]);
      // The outcome of an attempt may be missing for ten minutes.
      if (left === 'SENDING') expect(rows[0]?.due).toBe(false);

      await around.makeDue(id);
      const notification = await runNotification(env, {});
      await notification.untilState(id, State.SENT);
      // The record of the event comes again.
      await around.events.completed(order);
      await notification.untilState(`${order}.completed`, State.SENT);
      await notification.stop();
      await around.close();
      const copies = smtp
        .accepted()
        .map(({ message }) => message.toString())
        .filter((message) => idOf(message) === id);
      expect(copies).toHaveLength(accepted);
      expect(new Set(copies).size).toBe(1);
    },
    90_000,
  );
});
