import { randomUUIDv7 } from 'node:crypto';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type NotificationService,
  SendNotificationRequestSchema,
  SendNotificationResponseSchema,
} from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import {
  earlierResponse,
  pageRequest,
  pageTokens,
  repeatableRequest,
  respondIdempotently,
  textKey,
  timeKey,
} from '@orderflow/rpc';
import { type FindResponse, type InTransaction, readPage } from '@orderflow/runtime';
import type { Customers, MailReader, MessageTransaction } from '../../ports.ts';
import { getNotification } from '../../use-cases/get-notification.ts';
import { checkRecipient, sendNotification } from '../../use-cases/send-notification.ts';
import { fromWireKind, fromWireState, toWireNotification } from './wire.ts';

const tokens = pageTokens<[Date, string]>('notifications', timeKey, textKey);

/** Implements NotificationService. Throws refusals unchanged. `onInserted`: called when a mail can be rendered. */
export function notificationHandlers({
  reader,
  customers,
  inTransaction,
  findResponse,
  now,
  onInserted,
}: {
  readonly reader: MailReader;
  readonly customers: Customers;
  readonly inTransaction: InTransaction<MessageTransaction>;
  readonly findResponse: FindResponse;
  readonly now: () => Date;
  readonly onInserted: () => void;
}): ServiceImpl<typeof NotificationService> {
  return {
    async sendNotification(request, context) {
      const repeatable = repeatableRequest(SendNotificationRequestSchema, request, context);
      // A repeat has its response, whatever has become of the customer.
      const earlier = await earlierResponse(SendNotificationResponseSchema, repeatable, findResponse);
      if (earlier !== undefined) return earlier;
      await checkRecipient(customers, request.customerId);
      const response = await inTransaction((transaction, runIdempotent) =>
        respondIdempotently(SendNotificationResponseSchema, repeatable, runIdempotent, async () => {
          const mail = await sendNotification({ transaction, now: now(), id: randomUUIDv7() }, request);
          return { notification: toWireNotification(mail) };
        }),
      );
      onInserted();
      return response;
    },

    async getNotification({ notificationId }) {
      return { notification: toWireNotification(await getNotification(reader, notificationId)) };
    },

    async listNotifications(request) {
      const { after, size } = pageRequest(tokens, request);
      const filters = {
        orderId: request.orderId || undefined,
        customerId: request.customerId || undefined,
        state: fromWireState(request.state),
        kind: fromWireKind(request.kind),
        after: after && { createTime: after[0], id: after[1] },
      };
      const { items, last } = await readPage(size, (limit) => reader.page({ ...filters, limit }));
      return {
        notifications: items.map(toWireNotification),
        nextPageToken: tokens.encode(last && [last.createTime, last.id]),
      };
    },
  };
}
