/**
 * Returns a function that runs `work`, which never rejects, for a cause: not if that was last run for the same cause less
 * than its pause ago, whether it succeeded or not. One run at a time; all who ask meanwhile wait for it.
 */
export function paced<Cause extends string>(
  pausesMs: Readonly<Record<Cause, number>>,
  now: () => number,
  work: () => Promise<void>,
): (cause: Cause) => Promise<void> {
  const beganAt = new Map<Cause, number>();
  let running: Promise<void> | undefined;
  return (cause) => {
    if (running) return running;
    const time = now();
    if (time - (beganAt.get(cause) ?? Number.NEGATIVE_INFINITY) < pausesMs[cause]) return Promise.resolve();
    beganAt.set(cause, time);
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
