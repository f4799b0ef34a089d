import { randomBytes } from 'node:crypto';
import { attachStack, type PartName, privateTestStack, type Stack } from '@orderflow/devstack';
import pg from 'pg';
import { inject } from 'vitest';
import type {} from './global-setup.ts';

/**
 * The Kafka, MongoDB, Redis and Postgres that all suites share: use names of your own in it, and leave its parts
 * running. Needs `@orderflow/testing/global-setup` as globalSetup of the suite.
 */
export function testStack(): Pick<Stack, 'urls' | 'parts'> {
  const dir = inject('stackDir');
  if (!dir)
    throw new Error(
      "No test stack: add '@orderflow/testing/global-setup' to globalSetup in vitest.config.ts",
    );
  return attachStack({ dir });
}

/**
 * Starts a stack for this test only, for killing and freezing. It is removed when disposed or when this process ends.
 */
export async function privateStack({
  parts,
}: {
  parts: readonly PartName[];
}): Promise<Pick<Stack, 'urls' | 'parts'> & AsyncDisposable> {
  const { stack, release } = await privateTestStack(parts);
  return { urls: stack.urls, parts: stack.parts, [Symbol.asyncDispose]: release };
}

/** `prefix` and a random suffix, in letters that Kafka topics, Postgres databases and MongoDB collections all allow. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(5).toString('hex')}`;
}

/**
 * Makes an empty database of this name and resolves to its URL. On the shared stack unless another is given.
 * `icuLocale`: text sorts by the rules of this language, such as `en-US`; by its bytes when not given.
 */
export async function createDatabase(
  name: string,
  { urls, icuLocale }: Pick<Stack, 'urls'> & { readonly icuLocale?: string } = testStack(),
): Promise<string> {
  const client = new pg.Client({ connectionString: `${urls.POSTGRES_URL}/postgres` });
  await client.connect();
  try {
    const locale = icuLocale
      ? `TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE ${client.escapeLiteral(icuLocale)}`
      : '';
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)} ${locale}`);
  } finally {
    await client.end();
  }
  return `${urls.POSTGRES_URL}/${encodeURIComponent(name)}`;
}
