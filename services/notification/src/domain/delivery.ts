/** The states of a mail. */
export type MailState = 'NEW' | DeliveryState | 'SKIPPED';

/** The states of a rendered mail. */
type DeliveryState = 'READY' | 'SENDING' | 'SENT' | 'FAILED';

/** The delivery of a rendered mail. */
export interface Delivery {
  readonly id: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** The number of attempts whose outcome is unknown: each may have delivered it. */
  readonly unknown: number;
  readonly lastDetail: string;
  /** When it is sent next, or its outcome is missing; undefined when it has ended. */
  readonly sendTime: Date | undefined;
  /** When it is no longer sent. */
  readonly giveUpTime: Date;
}

/** How an attempt to deliver a mail to the mail server ended. */
export interface Outcome {
  readonly kind: OutcomeKind;
  /** Short, for people, without an address. */
  readonly detail: string;
}

type OutcomeKind =
  /** The server has replied to the end of DATA with 2xx. */
  | 'accepted'
  /** 4xx: not accepted; may be tried again. */
  | 'deferred'
  /** 5xx: not accepted, and will not be. */
  | 'refused'
  /** All of DATA was sent, and its reply is missing: the server may have accepted the mail. */
  | 'unknown'
  /** The server was not reached, spoke no SMTP, refused TLS or us, or was lost before the end of DATA: not accepted. */
  | 'unreachable';

/**
 * How long the outcome of an attempt may be missing, and the delay before a mail that may have been delivered is
 * repeated: longer than any attempt takes, and than a mail server needs to finish what it has begun.
 */
const repeatDelayMs = 600_000;
/** A mail is sent once more after an unknown outcome, not twice. */
const maxUnknown = 2;
const firstRetryDelayMs = 10_000;
const maxRetryDelayMs = 300_000;

/** Begins the next attempt of a due delivery, which is SENDING then, or ends it as FAILED. */
export function begin(due: Delivery, now: Date): Delivery {
  // The process that made the attempt was killed, or could not record its outcome.
  const delivery = due.state === 'SENDING' ? withUnknown(due, 'the outcome was not recorded', now) : due;
  if (delivery.state === 'FAILED') return delivery;
  if (now >= delivery.giveUpTime) {
    const problem = delivery.lastDetail === '' ? '' : `: ${delivery.lastDetail}`;
    return failed(delivery, `not accepted in time${problem}`);
  }
  return {
    ...delivery,
    state: 'SENDING',
    attempts: delivery.attempts + 1,
    sendTime: after(now, repeatDelayMs),
  };
}

/** Applies the outcome of attempt number `attempt`. One that comes late counts only if it says that the mail is sent. */
export function end(delivery: Delivery, attempt: number, outcome: Outcome, now: Date): Delivery {
  if (delivery.state === 'SENT' || delivery.state === 'FAILED') return delivery;
  const { kind, detail } = outcome;
  if (kind === 'accepted') return { ...delivery, state: 'SENT', lastDetail: detail, sendTime: undefined };
  if (delivery.state !== 'SENDING' || delivery.attempts !== attempt) return delivery;
  switch (kind) {
    case 'refused':
      return failed(delivery, detail);
    case 'unknown':
      return withUnknown(delivery, detail, now);
    default: {
      const delayMs = Math.min(firstRetryDelayMs * 2 ** (attempt - 1), maxRetryDelayMs);
      return { ...delivery, state: 'READY', lastDetail: detail, sendTime: after(now, delayMs) };
    }
  }
}

function withUnknown(delivery: Delivery, detail: string, now: Date): Delivery {
  const unknown = delivery.unknown + 1;
  const next = { ...delivery, unknown };
  if (unknown >= maxUnknown) return failed(next, detail);
  return { ...next, state: 'READY', lastDetail: detail, sendTime: after(now, repeatDelayMs) };
}

function failed(delivery: Delivery, detail: string): Delivery {
  const doubt = ['', 'one attempt may have delivered it: ', 'two attempts may have delivered it: '];
  const lastDetail = `${doubt[delivery.unknown]}${detail}`;
  return { ...delivery, state: 'FAILED', lastDetail, sendTime: undefined };
}

function after(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}
