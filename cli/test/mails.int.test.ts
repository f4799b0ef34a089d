import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  Notification_Kind,
  Notification_State,
} from '@orderflow/contracts/orderflow/notification/v1/notification';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { loadConfig } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import { createCallHeaders } from '../src/call-headers.ts';
import type { Cli } from '../src/cli.ts';
import { settings } from '../src/config.ts';
import { failedMails, mailsOfOrder } from '../src/orders/mails.ts';
import { startApi } from './stub-api.ts';

const now = new Date('2026-11-30T10:00:00Z');
const daysAgo = (days: number) => timestampFromDate(new Date(now.getTime() - days * 24 * 3_600_000));

const cliWith = (env: Record<string, string>): Cli => {
  const config = loadConfig(settings, env);
  const callHeaders = createCallHeaders(config);
  return { config, callHeaders, signal: new AbortController().signal } as Cli;
};

const mail = (kind: Notification_Kind, state: Notification_State, days: number) => ({
  notificationId: `o-1.${kind}`,
  ...{ kind, state, customerId: 'c-1', orderId: 'o-1', attempts: 2, updateTime: daysAgo(days) },
  lastDetail: `detail ${kind}`,
});

const { CONFIRMED, CANCELLED } = Notification_Kind;
const { SENT, FAILED } = Notification_State;

test('the mails of an order are listed oldest first, those that are not sent with the reason', async () => {
  const NOTIFICATION_URL = await startApi((router) =>
    router.rpc(NotificationService.method.listNotifications, ({ orderId }) => ({
      notifications: orderId === 'o-1' ? [mail(CANCELLED, FAILED, 1), mail(CONFIRMED, SENT, 2)] : [],
    })),
  );
  const cli = cliWith({ NOTIFICATION_URL });
  expect(await mailsOfOrder(cli, 'o-1')).toBe(
    [
      'Mails',
      'about      state   attempts  since',
      'CONFIRMED  SENT           2  2026-11-28 10:00:00.000Z',
      'CANCELLED  FAILED         2  2026-11-29 10:00:00.000Z  detail 3',
    ].join('\n'),
  );
  expect(await mailsOfOrder(cli, 'o-2')).toBe('No mails.');
});

test('mails that failed are listed for 30 days', async () => {
  const seen: Notification_State[] = [];
  const NOTIFICATION_URL = await startApi((router) =>
    router.rpc(NotificationService.method.listNotifications, ({ state }) => {
      seen.push(state);
      const recent = seen.length === 1 ? [mail(CANCELLED, FAILED, 1)] : [];
      return { notifications: [...recent, mail(CONFIRMED, FAILED, 31)] };
    }),
  );
  const cli = cliWith({ NOTIFICATION_URL });
  const listed = await failedMails(cli, now);
  expect(listed).toContain('o-1.3  c-1       2026-11-29 10:00:00.000Z  detail 3');
  expect(listed).not.toContain('o-1.1');
  expect(await failedMails(cli, now)).toBe('');
  expect(seen).toEqual([FAILED, FAILED]);
});

test('a notification service that is unavailable, or refuses, is named in one line', async () => {
  const down = mailsOfOrder(cliWith({ NOTIFICATION_URL: 'http://127.0.0.1:1' }), 'o-1');
  await expect(down).rejects.toThrow(
    /^The notification service is unavailable: is it running, and is NOTIFICATION_URL right\?/,
  );
  const NOTIFICATION_URL = await startApi((router) =>
    router.rpc(NotificationService.method.listNotifications, () => {
      throw new ConnectError('no token', Code.Unauthenticated);
    }),
  );
  await expect(failedMails(cliWith({ NOTIFICATION_URL }), now)).rejects.toThrow(
    'The notification service wants a token',
  );
});
