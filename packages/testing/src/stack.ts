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

/** A stack of this test's own, for killing and freezing. Disposing of it, or the end of this process, removes it. */
export async function privateStack({
  parts,
}: {
  parts: readonly PartName[];
}): Promise<Pick<Stack, 'urls' | 'parts'> & AsyncDisposable> {
  const { stack, release } = await privateTestStack(parts);
  return { urls: stack.urls, parts: stack.parts, [Symbol.asyncDispose]: release };
}

/** `prefix` and a random end, in letters that Kafka topics, Postgres databases and MongoDB collections all allow. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(5).toString('hex')}`;
}

/** Makes an empty database of this name and resolves to its URL. On the shared stack unless another is given. */
export async function createDatabase(
  name: string,
  { urls }: Pick<Stack, 'urls'> = testStack(),
): Promise<string> {
  const client = new pg.Client({ connectionString: `${urls.POSTGRES_URL}/postgres` });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  return `${urls.POSTGRES_URL}/${encodeURIComponent(name)}`;
}
