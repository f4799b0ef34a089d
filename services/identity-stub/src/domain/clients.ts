/** What a token may say about its subject. */
export const roles = ['customer', 'operator', 'service'] as const;
export type Role = (typeof roles)[number];

/**
 * What a client is: a role, which its tokens have; `tool`: the roles operator and service, so that it may name the person
 * who uses it; or `people`: then it gets no tokens for itself, but those of any person.
 */
export const clientKinds = [...roles, 'tool', 'people'] as const;
export type ClientKind = (typeof clientKinds)[number];

/** A program that gets tokens. */
export interface Client {
  readonly id: string;
  readonly secret: string;
  readonly kind: ClientKind;
}

/** The clients of development and tests, by their id. Their secrets are no secrets. */
export const developmentClients = {
  order: developmentClient('order', 'service'),
  payment: developmentClient('payment', 'service'),
  notification: developmentClient('notification', 'service'),
  enrichment: developmentClient('enrichment', 'service'),
  'orders-cli': developmentClient('orders-cli', 'tool'),
  dev: developmentClient('dev', 'people'),
} as const;

function developmentClient(id: string, kind: ClientKind): Client {
  return { id, secret: `${id}-secret`, kind };
}

/** Clients as the setting has them: `order:its-secret:service,orders-cli:its-secret:tool`. */
export function clientsText(clients: readonly Client[]): string {
  return clients.map(({ id, secret, kind }) => `${id}:${secret}:${kind}`).join(',');
}

/** Reads {@link clientsText}; undefined when it is something else, or an id comes twice. */
export function readClients(text: string): readonly Client[] | undefined {
  const clients = text.split(',').map(readClient);
  if (!clients.every((client) => client !== undefined)) return undefined;
  return new Set(clients.map(({ id }) => id)).size === clients.length ? clients : undefined;
}

function readClient(text: string): Client | undefined {
  const [id = '', secret = '', kind = '', ...rest] = text.trim().split(':');
  const isValid = /^[\w.-]{1,100}$/.test(id) && /^[\x21-\x7e]{1,200}$/.test(secret) && rest.length === 0;
  return isValid && isClientKind(kind) ? { id, secret, kind } : undefined;
}

function isClientKind(text: string): text is ClientKind {
  return (clientKinds as readonly string[]).includes(text);
}
