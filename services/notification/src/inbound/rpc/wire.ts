import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  Notification_Kind as Kind,
  NotificationSchema,
  Notification_State as State,
  type Notification as WireNotification,
} from '@orderflow/contracts/orderflow/notification/v1/notification';
import type { MailState } from '../../domain/delivery.ts';
import type { MailKind } from '../../domain/draft.ts';
import type { StoredMail } from '../../ports.ts';

/** Converts a mail, with its text where it was read. */
export function toWireNotification(mail: StoredMail): WireNotification {
  const { id, kind, state, nextAttemptTime, eventTime, createTime, updateTime, ...rest } = mail;
  return create(NotificationSchema, {
    ...rest,
    notificationId: id,
    kind: Kind[kind],
    state: State[state],
    ...(nextAttemptTime && { nextAttemptTime: timestampFromDate(nextAttemptTime) }),
    eventTime: timestampFromDate(eventTime),
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
  });
}

/** The state to list; undefined for all. */
export function fromWireState(state: State): MailState | undefined {
  return nameOf(State, state);
}

/** The kind to list; undefined for all. */
export function fromWireKind(kind: Kind): MailKind | undefined {
  return nameOf(Kind, kind);
}

function nameOf<Name extends string>(
  names: Readonly<Record<Name | 'UNSPECIFIED', number>>,
  value: number,
): Exclude<Name, 'UNSPECIFIED'> | undefined {
  const name = (Object.keys(names) as Name[]).find((candidate) => names[candidate] === value);
  return name === 'UNSPECIFIED' ? undefined : (name as Exclude<Name, 'UNSPECIFIED'> | undefined);
}
