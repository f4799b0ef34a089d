import type { SigningKeys } from '../../ports.ts';

const usage = `keys add          creates a key, which signs from now on, and prints its id
keys list         prints the ids of all keys, the newest first
keys remove ID    takes a key out of the set: no token that it signed is valid any more`;

/** Runs a command about keys. Returns the exit code. */
export async function runKeysCommand(args: readonly string[], keys: SigningKeys): Promise<number> {
  const [topic, command, kid, ...rest] = args;
  const isKeys = topic === 'keys' && rest.length === 0;
  if (isKeys && command === 'add' && kid === undefined) {
    console.log(await keys.add());
    return 0;
  }
  if (isKeys && command === 'list' && kid === undefined) {
    for (const key of await keys.list()) console.log(key.kid);
    return 0;
  }
  if (isKeys && command === 'remove' && kid !== undefined) {
    if (await keys.remove(kid)) return 0;
    console.error(`${kid} is not removed: there is no such key, or it is the last one`);
    return 1;
  }
  console.error(usage);
  return 64;
}
