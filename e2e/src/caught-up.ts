import type { Stores } from '@orderflow/local/stores';
import { eventually } from '@orderflow/testing';

/**
 * Waits until each group has committed all that its topic holds at the time of the call. While orders come, a lag of 0 is
 * a matter of luck.
 */
export async function untilCaughtUp(
  stores: Stores,
  readers: readonly (readonly [topic: string, group: string])[],
  timeoutMs: number,
): Promise<void> {
  await Promise.all(
    readers.map(async ([topic, group]) => {
      const then = await stores.offsets(topic, group);
      const isPast = async () => {
        const now = await stores.offsets(topic, group);
        const behind = now.filter(({ committed }, index) => committed < (then[index]?.end ?? 0n));
        if (behind.length > 0)
          throw new Error(`${group} is behind in ${behind.length} partitions of ${topic}`);
      };
      await eventually(isPast, { timeoutMs, intervalMs: 100 });
    }),
  );
}
