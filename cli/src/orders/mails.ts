import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import {
  type Notification,
  Notification_KindSchema,
  Notification_State,
  Notification_StateSchema,
} from '@orderflow/contracts/orderflow/notification/v1/notification';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { tokenProblem } from '../call-headers.ts';
import { type Cli, CommandError } from '../cli.ts';
import { unreachable } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { formatTime } from './time.ts';

const TIMEOUT_MS = 5_000;
const api = 'The notification service';

const LIMIT = 50;
/** Failed mails have no later state: older ones are not listed as what needs attention. */
const RECENT_MS = 30 * 24 * 3_600_000;

/**
 * Formats the mails about an order, oldest first; those that are not sent with the reason.
 * @throws CommandError when the notification service is unavailable, or refuses the token.
 */
export async function mailsOfOrder(cli: Cli, orderId: string): Promise<string> {
  const mails = await list(cli, { orderId });
  if (mails.length === 0) return 'No mails.';
  const rows = mails
    .toReversed()
    .map((mail) => [
      Notification_KindSchema.value[mail.kind]?.localName ?? '',
      Notification_StateSchema.value[mail.state]?.localName ?? '',
      mail.attempts,
      timeOf(mail),
      mail.state === Notification_State.SENT ? '' : printableCell(mail.lastDetail, 200),
    ]);
  return `Mails\n${table(['about', 'state', 'attempts', 'since', ''], rows)}`;
}

/**
 * Formats the mails that have failed in the last 30 days, newest first, at most 50. Empty when there are none.
 * @throws CommandError as {@link mailsOfOrder}
 */
export async function failedMails(cli: Cli, now: Date): Promise<string> {
  const failed = await list(cli, { state: Notification_State.FAILED, pageSize: LIMIT + 1 });
  const recent = failed.filter(
    ({ updateTime }) =>
      updateTime !== undefined && now.getTime() - timestampDate(updateTime).getTime() < RECENT_MS,
  );
  if (recent.length === 0) return '';
  const shown = recent.slice(0, LIMIT);
  const lines = [
    'Mails that have failed in the last 30 days, see "Mails are not sent" in docs/operations.md:',
    table(
      ['mail', 'customer', 'since', ''],
      shown.map((mail) => [
        printableCell(mail.notificationId, 80),
        printableCell(mail.customerId, 64),
        timeOf(mail),
        printableCell(mail.lastDetail, 200),
      ]),
    ),
    ...(recent.length > shown.length ? ['… and more'] : []),
  ];
  return lines.join('\n');
}

function timeOf({ updateTime }: Notification): string {
  return updateTime === undefined ? '' : formatTime(timestampDate(updateTime));
}

/** One page: an order has at most a handful. */
async function list(
  { config, callHeaders, signal }: Cli,
  request: { orderId?: string; state?: Notification_State; pageSize?: number },
): Promise<Notification[]> {
  const { notificationUrl: baseUrl } = config;
  const notifications = createClient(
    NotificationService,
    createConnectTransport({ baseUrl, httpVersion: '1.1', defaultTimeoutMs: TIMEOUT_MS }),
  );
  const headers = await callHeaders();
  try {
    return (await notifications.listNotifications(request, { headers, signal })).notifications;
  } catch (thrown) {
    signal.throwIfAborted();
    const error = ConnectError.from(thrown);
    const isDown = [Code.Unavailable, Code.DeadlineExceeded, Code.Unknown].includes(error.code);
    throw new CommandError(
      isDown
        ? unreachable(api, 'NOTIFICATION_URL', error)
        : (tokenProblem(api, error, config) ?? `${api} refuses: ${error.rawMessage}`),
    );
  }
}
