import { overloaded } from './overloaded.ts';

/** Per process. */
const MAX_OPEN_STREAMS = 100;

/**
 * Limits the streams that end only when their caller wants, health watches and reflection, all together: each holds a
 * connection that is never closed for another.
 */
export interface OpenStreams {
  /**
   * Returns the messages of a stream, which counts as open until its end.
   * @throws OVERLOADED
   */
  hold<T>(messages: AsyncGenerator<T>): AsyncGenerator<T>;
}

export function createOpenStreams(): OpenStreams {
  let open = 0;

  return {
    async *hold(messages) {
      if (open >= MAX_OPEN_STREAMS) throw overloaded('streams');
      open++;
      try {
        yield* messages;
      } finally {
        open--;
      }
    },
  };
}
