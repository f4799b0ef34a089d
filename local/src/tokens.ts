import { developmentClients } from '@orderflow/identity-stub/domain/clients';
import { type Person, personGrantType } from '@orderflow/identity-stub/domain/person';

export type { Person } from '@orderflow/identity-stub/domain/person';

/** Where the identity stub of `pnpm dev` and `docker compose up` issues tokens. */
export const usualIssuer = 'http://localhost:8007';

/**
 * Fetches a token of a person from the identity stub at `issuer`, as the client `dev`. Rejects with a sentence that has
 * the cause.
 */
export async function fetchPersonToken(issuer: string, { role, subject }: Person): Promise<string> {
  const { id, secret } = developmentClients.dev;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: personGrantType,
      client_id: id,
      client_secret: secret,
      ...{ role, subject },
    }),
  }).catch((cause: unknown) => {
    throw new Error(`no identity stub responds at ${issuer}; \`pnpm dev --auth\` starts one`, { cause });
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${issuer} gives no token: ${response.status} ${text}`);
  return (JSON.parse(text) as { access_token: string }).access_token;
}

/** Returns a function that fetches the token of each person once: it is valid for longer than tests and demos run. */
export function createPersonTokens(issuer: string): (person: Person) => Promise<string> {
  const fetched = new Map<string, Promise<string>>();
  return (person) => {
    const key = `${person.role} ${person.subject}`;
    let token = fetched.get(key);
    if (token === undefined) {
      token = fetchPersonToken(issuer, person);
      fetched.set(key, token);
      token.catch(() => fetched.delete(key));
    }
    return token;
  };
}
