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
import type { Answer } from '../../ports.ts';

/**
 * The event that tells a reservation's state. It is a function of the stored row, and its id is that of the order with
 * the kind of event, so that telling it again is the same event.
 */
export function toEvent(answer: Answer): OutboxMessage {
  return { topic: topics.inventoryEvents, key: answer.reservation.orderId, ...encodeAnswer(answer) };
}

function encodeAnswer({ reservation, traceparent }: Answer): EncodedEvent {
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
      if (payable === undefined) throw new Error(`order ${orderId} is reserved, and has no total`);
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
