import { Code, ConnectError } from '@connectrpc/connect';

/** The reason of every signal after a call without an error; making one for each would record a stack. */
export const hasEnded = new DOMException('This operation was aborted', 'AbortError');

/** The reason of a call whose stream its caller, or the server, has reset; see `callerHasGone`. */
export function resetBy(code: number | undefined): ConnectError {
  return new ConnectError(`http/2 stream closed with error code ${code}`, Code.Canceled);
}

/** Tells of the end of a call, or of other work, and why. An `AbortSignal` is one. */
export interface Ending {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once: true }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/**
 * The end of a call, without the cost of an `AbortSignal`, its event and their listeners: one is made for a handler
 * that asks for it.
 */
export class CallEnd implements Ending {
  aborted = false;
  reason: unknown;
  #listeners: readonly (() => void)[] = [];
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** Only the first reason counts. The listeners, which must not throw, are called before those of the signal. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners) listener();
    this.#controller?.abort(reason);
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = [...this.#listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((each) => each !== listener);
  }
}

/**
 * Whether the caller reset its stream. Connect says so only in its text, and uses the caller's error code as its own.
 */
export function callerHasGone(reason: unknown): boolean {
  return (
    reason instanceof ConnectError && reason.rawMessage.startsWith('http/2 stream closed with error code')
  );
}
