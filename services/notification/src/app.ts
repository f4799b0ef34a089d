import { createClient } from '@connectrpc/connect';
import { groups, topics } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import {
  createBatchConsumer,
  createKafka,
  deadLetterSpec,
  eventSpec,
  topicsComponent,
} from '@orderflow/messaging';
import { createRpcTransport, refusalErrors } from '@orderflow/rpc';
import { type Component, kafkaSecurity, type Logger } from '@orderflow/runtime';
import { type App, openService } from '@orderflow/service';
import { createPostgres, findResponse, isPostgresOutage, responseExpiry } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { createMailDispatcher } from './dispatcher/mail-dispatcher.ts';
import { createMailRenderer } from './dispatcher/mail-renderer.ts';
import { Refusal } from './domain/refusal.ts';
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { errorReasons } from './inbound/rpc/error-reasons.ts';
import { notificationHandlers } from './inbound/rpc/notification-handlers.ts';
import { migrations } from './migrations/index.ts';
import { createCustomers } from './outbound/customers.ts';
import { composeMessage } from './outbound/message/compose-message.ts';
import { renderMail } from './outbound/message/render-mail.ts';
import { createOrders } from './outbound/orders.ts';
import { deliveryTransactions } from './outbound/postgres/deliveries.ts';
import { MailRow } from './outbound/postgres/entities.ts';
import { messageTransactions, postgresMailReader } from './outbound/postgres/mail-reader.ts';
import { mailContentExpiry, mailGauge } from './outbound/postgres/mail-upkeep.ts';
import { postgresNewMails } from './outbound/postgres/new-mails.ts';
import { createMailServer } from './outbound/smtp/mail-server.ts';
import type { MailServer } from './ports.ts';
import { beginDeliveries } from './use-cases/begin-deliveries.ts';
import { endDelivery } from './use-cases/end-delivery.ts';
import { renderMails } from './use-cases/render-mails.ts';

const service = 'notification';

/** Replacements for real dependencies in tests. */
export interface Overrides {
  readonly logger?: Logger;
  readonly mailServer?: MailServer;
}

/** Creates the service: the only place that knows every concrete part. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const skeleton = openService({ service, settings, config, ...overrides });
  const { logger, meter, ownTokens } = skeleton;
  const { mailMaxAgeMs: maxAgeMs, mailFrom: from } = config;

  const postgres = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}notification`,
    applicationName: service,
    entities: [MailRow],
    migrations,
    logger,
  });
  const { database, readGauge, now } = postgres;

  const connect = (name: string, baseUrl: string) =>
    createRpcTransport({
      ...{ name, baseUrl, ownTokens, logger, meter },
      policies: { tryTimeoutMs: 1_000, totalTimeoutMs: 3_000 },
    });
  const customerTransport = connect('customers', config.customerApiUrl);
  const orderTransport = connect('orders', config.orderApiUrl);
  const connections: Component = {
    name: 'connections',
    start: async () => {},
    async stop() {
      customerTransport.close();
      orderTransport.close();
    },
  };
  const customers = createCustomers(createClient(CustomerService, customerTransport));
  const orders = createOrders(createClient(OrderService, orderTransport));

  const inTransaction = deliveryTransactions(database);
  const dispatcher = createMailDispatcher({
    begin: (limit) => inTransaction((transaction) => beginDeliveries({ transaction, now: now() }, limit)),
    end: (delivery, outcome) =>
      inTransaction((transaction) => endDelivery({ transaction, now: now() }, delivery, outcome)),
    server: overrides.mailServer ?? createMailServer({ url: config.smtpUrl, from }),
    isOutage: isPostgresOutage,
    now,
    stopAfterMs: config.shutdownGraceMs / 2,
    logger,
    meter,
  });
  const mails = postgresNewMails(database);
  const rendering = { customers, orders, render: renderMail, compose: composeMessage, from, maxAgeMs };
  const renderer = createMailRenderer({
    mails,
    render: (claimed) => renderMails(rendering, claimed, now()),
    onRendered: dispatcher.wake,
    isOutage: isPostgresOutage,
    now,
    logger,
  });

  const kafka = createKafka({
    brokers: config.kafkaBrokers,
    security: kafkaSecurity(config),
    clientId: service,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const source = eventSpec(topics.orderEvents);
  const consumer = createBatchConsumer({
    kafka,
    groupId: groups.notification,
    topics: [source.name],
    handle: createOrderEventsHandler({ mails, now, maxAgeMs, onInserted: renderer.wake }),
    isOutage: isPostgresOutage,
    logger,
    meter,
    batchSize: config.batchSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
    // A mail may come a moment later; larger batches cost less.
    minFetchDelayMs: 200,
  });

  return skeleton.createApp({
    // Neither the mail server nor the two services are checked: while one is unavailable mails wait.
    parts: [
      postgres.component,
      connections,
      topicsComponent(kafka, [source, deadLetterSpec(source, groups.notification)]),
      responseExpiry({ database, now, logger }),
      mailContentExpiry({ database, now, logger }),
      mailGauge(readGauge, meter),
      dispatcher,
      renderer,
      consumer,
    ],
    port: config.port,
    routes(router) {
      router.service(
        NotificationService,
        notificationHandlers({
          reader: postgresMailReader(database),
          customers,
          inTransaction: messageTransactions(database, now),
          findResponse: (request) => findResponse(database, request),
          now,
          onInserted: renderer.wake,
        }),
      );
    },
    services: [NotificationService],
    refusalError: refusalErrors(Refusal, errorReasons),
    reasons: errorReasons,
  });
}
