import type { JsonObject } from '@bufbuild/protobuf';
import { readers, topics, watchGroup } from '@orderflow/contracts';
import { applications, type Topic } from './applications.ts';
import { bindingVersion, camel, capital, channelName, deadLetterName } from './channel-names.ts';

/** An operation, its name in the document, and the process that does it. */
export interface NamedOperation {
  readonly name: string;
  readonly process: string;
  readonly operation: JsonObject;
}

/** Describes who writes and reads each topic, and who watches. */
export function describeOperations(): NamedOperation[] {
  return [...Object.values(topics).flatMap(sendOperations), ...readers.flatMap(readOperations), watch()];
}

function sendOperations(topic: Topic): NamedOperation[] {
  const channel = channelName(topic);
  const own = operation(`Sends${capital(channel)}`, applications.writers[topic], 'send', channel, {
    summary: topic === topics.orders ? 'Sends orders that were taken over RPC and REST' : 'Publishes events',
    description: 'From the outbox: what the transaction has written that made it true.',
  });
  if (topic !== topics.orders) return [own];
  return [
    own,
    operation('SendsOrders', 'producer', 'send', channel, { summary: 'Any producer sends orders' }),
  ];
}

function readOperations([topic, group]: (typeof readers)[number]): NamedOperation[] {
  const { process, does } = applications.readers[group];
  const [from, to] = [channelName(topic), deadLetterName(topic, group)];
  return [
    operation(`Receives${capital(from)}`, process, 'receive', from, {
      summary: `As group \`${group}\`: ${does}`,
      bindings: { kafka: { groupId: { type: 'string', const: group }, bindingVersion } },
    }),
    operation(`Sends${capital(to)}`, process, 'send', to, {
      summary: `Dead-letters what group \`${group}\` cannot handle`,
      description: 'The group commits the offset after the broker has acknowledged the dead letter.',
    }),
  ];
}

/** Watches read all events while they last, and commit nothing. */
function watch(): NamedOperation {
  const groupId = { type: 'string', pattern: `^${watchGroup}\\.` };
  return operation('WatchesOrderEvents', 'order-api', 'receive', channelName(topics.orderEvents), {
    summary: 'Wakes the callers of WatchOrder and WatchOrders',
    description: 'Each process as a group of its own, which commits nothing.',
    bindings: { kafka: { groupId, bindingVersion } },
  });
}

function operation(
  name: string,
  process: string,
  action: 'send' | 'receive',
  channel: string,
  more: JsonObject,
): NamedOperation {
  const described = {
    action,
    channel: { $ref: `#/channels/${channel}` },
    tags: [{ name: process }],
    ...more,
  };
  return { name: `${camel(process)}${name}`, process, operation: described };
}
