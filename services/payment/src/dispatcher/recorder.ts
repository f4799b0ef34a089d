import type { Logger, Pacer } from '@orderflow/runtime';
import type { EndedCall } from '../ports.ts';

/** Records the outcomes of calls. */
export interface Recorder {
  /** Returns when the outcome is recorded, or will never be. Never throws. */
  record(ended: EndedCall): Promise<void>;
}

/** Creates a recorder. Calls that end while others are being recorded are recorded together. */
export function createRecorder({
  record,
  isOutage,
  logger,
  pacer,
  errorBackoffMs,
}: {
  /** Records the outcomes of calls; returns contradictions as sentences. */
  readonly record: (ended: readonly EndedCall[]) => Promise<string[]>;
  readonly isOutage: (error: unknown) => boolean;
  readonly logger: Logger;
  readonly pacer: Pick<Pacer, 'stopped' | 'pause'>;
  readonly errorBackoffMs: number;
}): Recorder {
  let next: { readonly ended: EndedCall[]; readonly written: Promise<void> } | undefined;
  let last: Promise<void> = Promise.resolve();

  async function write(ended: readonly EndedCall[]): Promise<void> {
    for (;;) {
      try {
        for (const contradiction of await record(ended))
          logger.error({ contradiction }, 'the gateway contradicts an earlier response');
        return;
      } catch (error) {
        // An outcome that is not recorded is unknown: the call is repeated later, under the same key.
        if (!isOutage(error) || pacer.stopped) {
          logger.error(
            { err: error },
            'recording the outcome of gateway calls failed; the calls will be repeated',
          );
          return;
        }
        logger.warn({ err: error }, 'recording the outcome of gateway calls failed; retrying');
        await pacer.pause(errorBackoffMs);
      }
    }
  }

  return {
    record(one) {
      if (next === undefined) {
        const ended: EndedCall[] = [];
        last = last.then(() => {
          next = undefined;
          return write(ended);
        });
        next = { ended, written: last };
      }
      next.ended.push(one);
      return next.written;
    },
  };
}
