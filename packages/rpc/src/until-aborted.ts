import type { Ending } from './call-end.ts';

/**
 * Resolves to the result of `work`, or rejects with the reason of the ending if that comes first. The work then
 * continues, and `onLateError` is called if it fails, or `onLateResult` with its result.
 */
export function untilAborted<T>(
  work: Promise<T>,
  ending: Ending,
  onLateError: (error: unknown) => void,
  onLateResult?: (result: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    function onAbort(): void {
      reject(ending.reason);
    }
    work.then(
      (result) => {
        ending.removeEventListener('abort', onAbort);
        if (ending.aborted) onLateResult?.(result);
        resolve(result);
      },
      (error: unknown) => {
        ending.removeEventListener('abort', onAbort);
        if (ending.aborted) onLateError(error);
        reject(error);
      },
    );
    if (ending.aborted) onAbort();
    else ending.addEventListener('abort', onAbort, { once: true });
  });
}
