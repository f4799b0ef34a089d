import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { SigningKey } from '../../domain/signing-key.ts';
import type { SigningKeys } from '../../ports.ts';

type Callback = ReturnType<Provider['callback']>;

/**
 * Creates the handler of all paths of oidc-provider, which takes its keys once and for all: whenever the keys have
 * changed, it is created again. The keys are read for every request, so that all instances have the same at any time.
 * While they cannot be read, no tokens are issued; the last known keys are still served, and so is discovery.
 */
export function identityHandler(options: {
  readonly keys: SigningKeys;
  readonly createProvider: (keys: readonly SigningKey[]) => Provider;
  /** Whether an error means that the keys cannot be read now. */
  readonly isOutage: (error: unknown) => boolean;
}): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  let last: { readonly kids: string; readonly callback: Callback } | undefined;

  function callbackFor(keys: readonly SigningKey[]): Callback {
    const kids = keys.map(({ kid }) => kid).join(' ');
    if (last?.kids !== kids) last = { kids, callback: options.createProvider(keys).callback() };
    return last.callback;
  }

  return async (req, res) => {
    let callback: Callback;
    try {
      callback = callbackFor(await options.keys.list());
    } catch (error) {
      if (!options.isOutage(error)) throw error;
      if (req.method !== 'GET' || last === undefined) {
        sendUnavailable(res);
        return;
      }
      callback = last.callback;
    }
    await callback(req, res);
  };
}

function sendUnavailable(res: ServerResponse): void {
  res.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', 'cache-control': 'no-store' });
  res.end(
    JSON.stringify({
      error: 'temporarily_unavailable',
      error_description: 'the keys cannot be read: their database is unavailable',
    }),
  );
}
