import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney, topics } from '@orderflow/contracts';
import {
  InventoryCommittedSchema,
  InventoryReleasedSchema,
  InventoryReservedSchema,
  InventoryUnavailableSchema,
} from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import { type EncodedEvent, encodeEvent, type OutboxMessage } from '@orderflow/messaging';
import type { Reply } from '../../ports.ts';

/**
 * The event of a reservation's state. A function of the stored row, with an id made of the order id and the kind of
 * event, so that a republished event is the same.
 */
export function toEvent(reply: Reply): OutboxMessage {
  return { topic: topics.inventoryEvents, key: reply.reservation.orderId, ...encodeReply(reply) };
}

function encodeReply({ reservation, traceparent }: Reply): EncodedEvent {
  const { orderId, lines, payable, updateTime } = reservation;
  const time = timestampFromDate(updateTime);
  const encode = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>) =>
    encodeEvent(schema, message, {
      id: `${orderId}/${schema.name}`,
      source: '/orderflow/inventory',
      subject: orderId,
      time: updateTime,
      traceparent,
    });

  switch (reservation.state) {
    case 'RESERVED': {
      if (payable === undefined) throw new Error(`order ${orderId} is reserved, but has no total`);
      const { customerId, total, currency } = payable;
      return encode(
        InventoryReservedSchema,
        create(InventoryReservedSchema, {
          orderId,
          customerId,
          lines: lines.map(({ productId, quantity }) => ({ productId, quantity })),
          total: toMoney(total, currency),
          reserveTime: time,
        }),
      );
    }
    case 'UNAVAILABLE':
      return encode(
        InventoryUnavailableSchema,
        create(InventoryUnavailableSchema, {
          orderId,
          shortages: lines.flatMap(({ productId, quantity: requested, available }) =>
            available === undefined ? [] : [{ productId, available, requested }],
          ),
          refuseTime: time,
        }),
      );
    case 'RELEASED':
      return encode(InventoryReleasedSchema, create(InventoryReleasedSchema, { orderId, releaseTime: time }));
    case 'COMMITTED':
      return encode(
        InventoryCommittedSchema,
        create(InventoryCommittedSchema, { orderId, commitTime: time }),
      );
  }
}
