import type { DescMessage } from '@bufbuild/protobuf';
import { file_orderflow_enrichment_event_v1_customer_updated } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { file_orderflow_inventory_event_v1_inventory_events } from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import { file_orderflow_order_event_v1_order_events } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { file_orderflow_order_event_v1_order_submitted } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { file_orderflow_payment_event_v1_payment_events } from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import { documentationOf } from '@orderflow/rpc/documentation';

/** The files of the contracts that declare events. */
export const eventFiles = [
  file_orderflow_order_event_v1_order_submitted,
  file_orderflow_order_event_v1_order_events,
  file_orderflow_inventory_event_v1_inventory_events,
  file_orderflow_payment_event_v1_payment_events,
  file_orderflow_enrichment_event_v1_customer_updated,
];

/** A message that is the value of records, not only a part of one. */
export interface Event {
  readonly desc: DescMessage;
  /** Without the prefix. */
  readonly topic: string;
  /** The field that is also the key; undefined: the key may be anything. */
  readonly key: string | undefined;
  /** What the contract says about it, without its topic and key. */
  readonly text: string;
}

/** What the comment of an event says: `Topic order-events, key = order_id.` */
const topicSentence = /\s*\bTopic ([\w-]+), (?:key = (\w+)|any producer)\./;

/** Every event of the contracts. Which they are, their topics and their keys are in their comments. */
export const events: readonly Event[] = eventFiles
  .flatMap(({ messages }) => messages)
  .flatMap((desc) => {
    const { text } = documentationOf(desc);
    const [sentence, topic, key] = topicSentence.exec(text) ?? [];
    if (sentence === undefined || topic === undefined) return [];
    return [{ desc, topic, key, text: text.replace(sentence, '') }];
  });
