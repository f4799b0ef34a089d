/**
 * Resolves to the result of `work`, or rejects with the signal's reason if that comes first. The work then continues,
 * and `onLateError` is called if it fails.
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  onLateError: (error: unknown) => void,
): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    work.catch(onLateError);
    reject(signal.reason);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
