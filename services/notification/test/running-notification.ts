import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { groups, toMoney, topics } from '@orderflow/contracts';
import type {
  Notification,
  Notification_State as State,
} from '@orderflow/contracts/orderflow/notification/v1/notification';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import {
  CancelReason,
  OrderAcceptedSchema,
  OrderCancelledSchema,
  OrderCompletedSchema,
  OrderConfirmedSchema,
  OrderRefundedSchema,
  OrderRejectedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import {
  createKafka,
  createProducer,
  deadLetterSpec,
  encodeEvent,
  ensureTopics,
  eventSpec,
} from '@orderflow/messaging';
import { createRpcTransport } from '@orderflow/rpc';
import { createLogger, loadConfig, runComponents } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { eventually, testStack, uniqueName } from '@orderflow/testing';
import { createApp, type Overrides } from '../src/app.ts';
import { settings } from '../src/config.ts';
import type { Outcome } from '../src/domain/delivery.ts';
import { migrations } from '../src/migrations/index.ts';
import { MailRow } from '../src/outbound/postgres/entities.ts';
import type { MailServer } from '../src/ports.ts';
import { fakeServices } from './fake-services.ts';

/** Says nothing: kafkajs and the migrator are talkative. */
export const quietLogger = createLogger({ service: 'test', level: 'silent' });

/** A mail server in this process: accepts everything, unless `respond` says otherwise, and remembers it. */
export function recordingMailServer() {
  const delivered: { readonly to: string; readonly message: string }[] = [];
  const server = {
    delivered,
    respond: (_id: string): Outcome | Promise<Outcome> => ({
      kind: 'accepted',
      detail: '250 ok',
    }),
    /** The bytes that were sent for a mail, once for each attempt. */
    of: (id: string) => delivered.map(({ message }) => message).filter((message) => idOf(message) === id),
    async deliver({ to, message }: { to: string; message: Uint8Array }) {
      const text = Buffer.from(message).toString();
      delivered.push({ to, message: text });
      return server.respond(idOf(text));
    },
    close() {},
  };
  return server satisfies MailServer;
}

/** The notification's id, from the Message-ID of a message. */
export function idOf(message: string): string {
  return /^Message-ID: <([^>]+)@/im.exec(message)?.[1] ?? '';
}

/** What stands around notification: its stores, its topic, and the two services that it calls. */
export type Surroundings = Awaited<ReturnType<typeof startSurroundings>>;

/** Starts them for one file of tests. */
export async function startSurroundings() {
  const name = uniqueName('notification');
  const { KAFKA_BROKERS, POSTGRES_URL } = testStack().urls;
  const services = await fakeServices();
  const env = {
    KAFKA_BROKERS,
    POSTGRES_URL,
    TOPIC_PREFIX: `${name}.`,
    DATABASE_PREFIX: `${name}_`,
    PORT: '0',
    HOST: '127.0.0.1',
    SHUTDOWN_GRACE: '2s',
    KAFKA_SESSION_TIMEOUT: '3s',
    CUSTOMER_API_URL: services.url,
    ORDER_API_URL: services.url,
    MAIL_FROM: 'Shop <orders@shop.example>',
  };
  const { kafkaBrokers: brokers, topicPrefix, postgresUrl, databasePrefix } = loadConfig(settings, env);
  const { orm, database, component } = createPostgres({
    url: postgresUrl,
    database: `${databasePrefix}notification`,
    applicationName: 'test',
    entities: [MailRow],
    migrations,
    logger: quietLogger,
  });
  await component.start();

  const kafka = createKafka({ brokers, clientId: 'test', topicPrefix, logger: quietLogger });
  const source = eventSpec(topics.orderEvents);
  await ensureTopics(kafka, [source, deadLetterSpec(source, groups.notification)]);
  const producer = createProducer(kafka);

  async function publish<Desc extends DescMessage>(
    schema: Desc,
    event: MessageInitShape<Desc> & { readonly orderId: string },
  ): Promise<void> {
    const about = {
      id: `${event.orderId}/${schema.name}`,
      source: '/orderflow/test',
      subject: event.orderId,
      time: new Date(),
    };
    const { value, headers } = encodeEvent(schema, create(schema, event), about);
    await producer.send([
      { topic: topics.orderEvents, key: event.orderId, value: Buffer.from(value), headers },
    ]);
  }

  services.state.customers.set('c-1', { name: 'Ada Almeida', email: 'ada@example.com' });
  const now = () => timestampFromDate(new Date());
  const customerId = 'c-1';
  const total = toMoney(2807_98n, 'USD');
  return {
    env,
    orm,
    database,
    /** The services that notification calls. */
    services: services.state,
    producer,
    /** The events of an order, of each kind. */
    events: {
      accepted: (orderId: string) =>
        publish(OrderAcceptedSchema, { orderId, customerId, total, decideTime: now() }),
      confirmed: (orderId: string, of: { customerId?: string; confirmTime?: Date } = {}) =>
        publish(OrderConfirmedSchema, {
          ...{ orderId, customerId: of.customerId ?? customerId, total },
          confirmTime: timestampFromDate(of.confirmTime ?? new Date()),
        }),
      completed: (orderId: string, of: { customerId?: string } = {}) =>
        publish(OrderCompletedSchema, { orderId, customerId, total, completeTime: now(), ...of }),
      cancelled: (orderId: string) =>
        publish(OrderCancelledSchema, {
          ...{ orderId, customerId, cancelTime: now() },
          reason: CancelReason.OUT_OF_STOCK,
        }),
      rejected: (orderId: string, of: { customerId?: string } = {}) =>
        publish(OrderRejectedSchema, {
          ...{ orderId, customerId, decideTime: now(), ...of },
          rejections: [
            { reason: 'CUSTOMER_INACTIVE', field: 'customer_id', message: 'customer c-1 is inactive' },
          ],
        }),
      refunded: (orderId: string) =>
        publish(OrderRefundedSchema, { orderId, customerId, amount: total, refundTime: now() }),
    },
    /** Makes a mail due, as if its time had come. */
    async makeDue(id: string): Promise<void> {
      await database.query(
        `update mail set send_time = case when send_time is not null then now() - interval '1 second' end,
           render_time = case when render_time is not null then now() - interval '1 second' end
         where id = $1`,
        [id],
      );
    },
    async close() {
      await producer.close();
      await component.stop();
      await services.stop();
    },
  };
}

/** Notification in this process, ready. */
export async function runNotification(env: Record<string, string>, overrides: Overrides) {
  const config = loadConfig(settings, env);
  const app = createApp(config, { logger: quietLogger, ...overrides });
  const components = runComponents(app.components, { logger: quietLogger, graceMs: config.shutdownGraceMs });
  await components.start();
  const url = `http://127.0.0.1:${app.server.port}`;
  const clients = clientsOf(url);
  return {
    ...clients,
    url,
    health: app.health,
    async stop() {
      clients.close();
      await components.stop();
    },
  };
}

/** Clients of a running notification service. */
export function clientsOf(baseUrl: string) {
  const transport = createRpcTransport({
    name: 'under test',
    baseUrl,
    logger: quietLogger,
    policies: { retries: 0, breakerFailures: 100_000, tryTimeoutMs: 20_000, totalTimeoutMs: 20_000 },
  });
  const notifications = createClient(NotificationService, transport);
  return {
    notifications,
    /** The notification, once it is as it should be. */
    until: (notificationId: string, isSo: (notification: Notification) => boolean): Promise<Notification> =>
      eventually(
        async () => {
          const { notification } = await notifications.getNotification({ notificationId });
          if (notification === undefined || !isSo(notification)) {
            const { state = 0, lastDetail, attempts } = notification ?? {};
            throw new Error(`not yet: state ${state}, attempts ${attempts}, ${lastDetail}`);
          }
          return notification;
        },
        { timeoutMs: 25_000 },
      ),
    untilState(notificationId: string, state: State): Promise<Notification> {
      return this.until(notificationId, (notification) => notification.state === state);
    },
    close: () => transport.close(),
  };
}
