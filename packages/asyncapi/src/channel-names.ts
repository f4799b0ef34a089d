import { type groups, topics } from '@orderflow/contracts';

/** Of AsyncAPI's bindings for Kafka. */
export const bindingVersion = '0.5.0';

/** The name of a topic in the document. */
export function channelName(topic: string): string {
  return Object.entries(topics).find(([, name]) => name === topic)?.[0] ?? camel(topic);
}

/** The name in the document of the topic for the dead letters of a group. */
export function deadLetterName(topic: string, group: (typeof groups)[keyof typeof groups]): string {
  return `${channelName(topic)}${capital(camel(group))}DeadLetters`;
}

/** `order-relay` as `orderRelay`. */
export function camel(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `orders` as `Orders`. */
export function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
