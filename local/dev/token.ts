import { readPerson } from '@orderflow/identity-stub/domain/person';
import { fetchPersonToken, usualIssuer } from '../src/tokens.ts';

/** How it is used, for people. */
export const tokenUsage = `pnpm dev token customer c-1    prints a token of the customer c-1
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
    console.error(typeof person === 'string' ? `${person}\n\n${tokenUsage}` : tokenUsage);
    return 64;
  }
  try {
    console.log(await fetchPersonToken(process.env['AUTH_ISSUER'] || usualIssuer, person));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}
