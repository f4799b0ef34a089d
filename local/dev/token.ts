import { developmentClients } from '@orderflow/identity-stub/domain/clients';
import { personGrantType, readPerson } from '@orderflow/identity-stub/domain/person';

const usage = `pnpm dev token customer c-1    prints a token of the customer c-1
pnpm dev token operator ann    prints a token of the operator ann`;

/** Who a token is for when only the role is given. */
const usual: Readonly<Record<string, string>> = { customer: 'c-1', operator: 'operator' };

/**
 * Prints a token of a person, from the identity stub at `AUTH_ISSUER` or on its usual port. `args`: the role, and the
 * customer's id or the operator's name. Returns the exit code.
 */
export async function printToken([
  role = '',
  subject = usual[role],
  ...rest
]: readonly string[]): Promise<number> {
  const person = readPerson({ role, subject });
  if (typeof person === 'string' || rest.length > 0) {
    console.error(typeof person === 'string' ? `${person}\n\n${usage}` : usage);
    return 64;
  }
  const issuer = process.env['AUTH_ISSUER'] || 'http://localhost:8007';
  try {
    console.log(await fetchToken(issuer, person));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function fetchToken(issuer: string, person: Record<'role' | 'subject', string>): Promise<string> {
  const { id, secret } = developmentClients.dev;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: personGrantType,
      client_id: id,
      client_secret: secret,
      ...person,
    }),
  }).catch((cause: unknown) => {
    throw new Error(
      `no identity stub responds at ${issuer}; start it with \`node services/identity-stub/src/main.ts\``,
      { cause },
    );
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${issuer} gives no token: ${response.status} ${text}`);
  return (JSON.parse(text) as { access_token: string }).access_token;
}
