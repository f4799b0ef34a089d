import {
  type ConfigOf,
  commonSettings,
  defineSettings,
  durationMs,
  infrastructureSettings,
  port,
} from '@orderflow/runtime';
import { z } from 'zod';
import { type Client, clientKinds, clientsText, developmentClients, readClients } from './domain/clients.ts';

const { postgresUrl, databasePrefix } = infrastructureSettings;

const issuer = 'a URL without a path, such as http://localhost:8007';
const clients = `clients as id:secret:kind, separated by commas; kinds are ${clientKinds.join(', ')}`;
const lifetime = 'a duration of at least 1s, such as 2h';

/** The lifetime of a token, in whole seconds. */
const lifetimeSeconds = durationMs.transform((ms) => Math.floor(ms / 1000)).pipe(z.number().min(1, lifetime));

/** Settings of the identity stub. */
export const settings = defineSettings({
  ...commonSettings,
  postgresUrl,
  databasePrefix,
  port: {
    env: 'PORT',
    schema: port,
    default: '8007',
    description: 'Where tokens, keys, health and metrics are served; 0 takes a free port.',
  },
  issuer: {
    env: 'IDENTITY_ISSUER',
    schema: z
      .string()
      .refine((value) => URL.canParse(value) && new URL(value).origin === value, issuer)
      .optional(),
    example: 'http://localhost:8007',
    description: 'The name of the issuer in tokens, without a path. Not set: http://localhost: and the port.',
  },
  clients: {
    env: 'IDENTITY_CLIENTS',
    schema: z.string(clients).transform((text, context): readonly Client[] => {
      const found = readClients(text);
      if (found === undefined) context.addIssue(clients);
      return found ?? [];
    }),
    default: clientsText(Object.values(developmentClients)),
    secret: true,
    description:
      'The programs that get tokens, as id:secret:kind. The kind is the role of its tokens; or tool: operator and service; or people: it gets those of any person.',
  },
  clientTokenSeconds: {
    env: 'IDENTITY_CLIENT_TOKEN_LIFETIME',
    schema: lifetimeSeconds,
    default: '2h',
    description: 'How long a token of a program is valid.',
  },
  personTokenSeconds: {
    env: 'IDENTITY_PERSON_TOKEN_LIFETIME',
    schema: lifetimeSeconds,
    default: '12h',
    description: 'How long a token of a person is valid.',
  },
});

export type Config = ConfigOf<typeof settings>;
