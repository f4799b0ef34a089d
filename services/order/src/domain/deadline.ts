import type { OrderState, SagaInputKind } from './saga.ts';
import type { Limits, SagaInput, SagaOrder } from './transition.ts';

/** An order whose deadline has passed. */
export interface DueOrder {
  readonly orderId: string;
  readonly state: OrderState;
  /** When its deadline was. */
  readonly dueTime: Date;
  /** When its last event was republished; undefined when it was not since its last transition. */
  readonly requeryTime: Date | undefined;
  /** When a deadline first had its last event republished; undefined when none did. */
  readonly firstRequeryTime: Date | undefined;
  readonly needsAttention: string | undefined;
}

/** A partition that a participant's group has not read as far as it should have. */
export interface BehindPartition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** Whether the participants keep up with the partitions of an order. */
export type ParticipantStatus =
  /** The watch has only begun, or was interrupted. */
  | { readonly kind: 'unknown' }
  | ({ readonly kind: 'behind' } & BehindPartition)
  /**
   * They keep up. `since`: when they were last behind, or the watch began; `readUpTo`: they have read all up to then.
   */
  | { readonly kind: 'up_to_date'; readonly since: Date; readonly readUpTo: Date };

/** The kind of deadline that an order has reached. */
export function deadlineOf({
  state,
  requeried,
}: {
  readonly state: OrderState;
} & Pick<SagaOrder, 'requeried'>): SagaInputKind {
  if (state === 'PENDING') return 'DecisionDeadline';
  return requeried ? 'EndDeadline' : 'RequeryDeadline';
}

/**
 * Returns the input that the deadline of an order causes; undefined: none yet. The end deadline that would cancel an
 * order is postponed while a participant is behind. If a participant was behind after the requery, it has not had its
 * full time: the order is requeried again. After `settleMs` of postponement, without interruption or over several
 * requeries, the order needs attention, once. `before`: the time up to which deadlines fire.
 */
export function inputOf(
  due: DueOrder,
  participantStatus: () => ParticipantStatus,
  { before, orderMs, settleMs }: { readonly before: Date } & Pick<Limits, 'orderMs' | 'settleMs'>,
): SagaInput | undefined {
  const { orderId, state, requeryTime, firstRequeryTime = requeryTime, dueTime, needsAttention } = due;
  const kind = deadlineOf({ state, requeried: requeryTime !== undefined });
  const cancels = kind === 'EndDeadline' && (state === 'ACCEPTED' || state === 'RESERVED');
  if (!cancels || requeryTime === undefined || firstRequeryTime === undefined) {
    return { orderId, kind, cause: kind };
  }
  const needsAttentionNow = (since: Date, ms: number) =>
    needsAttention === undefined && before.getTime() - since.getTime() > ms;
  const participants = participantStatus();
  switch (participants.kind) {
    case 'unknown':
      return undefined;
    case 'behind': {
      if (!needsAttentionNow(dueTime, settleMs)) return undefined;
      const { group, topic, partition } = participants;
      const detail = `group ${group} has not read all records of ${topic}, partition ${partition}`;
      return { orderId, kind: 'ParticipantBehind', cause: 'ParticipantBehind', detail };
    }
    case 'up_to_date': {
      if (participants.readUpTo <= requeryTime) return undefined;
      if (participants.since < requeryTime) return { orderId, kind, cause: kind };
      const detail = `a participant was behind, or not watched, until ${participants.since.toISOString()}`;
      // The first time it may be this process that was not watching.
      const isRepeated = firstRequeryTime < requeryTime;
      if (isRepeated && needsAttentionNow(firstRequeryTime, orderMs / 2 + settleMs)) {
        return { orderId, kind: 'ParticipantBehind', cause: 'ParticipantBehind', detail };
      }
      return { orderId, kind: 'RequeryDeadline', cause: 'RequeryDeadline', detail };
    }
  }
}
