import { fromBinary } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import {
  OrderAcceptedSchema,
  OrderRejectedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord, SetAside, SliceHandler } from '@orderflow/messaging';
import type { OrderProgress, ProgressStep } from '../../ports.ts';

/** The events that move an order's progress, by type, with the state that each means. */
const steps = {
  [OrderAcceptedSchema.typeName]: { schema: OrderAcceptedSchema, state: 'ACCEPTED' },
  [OrderRejectedSchema.typeName]: { schema: OrderRejectedSchema, state: 'REJECTED' },
} as const;

/** Handles slices of `order-events`: the progress of the order documents follows. */
export function createOrderEventsHandler(progress: OrderProgress): SliceHandler {
  return async (records) => {
    const setAside: SetAside[] = [];
    const advance: ProgressStep[] = [];
    for (const record of records) {
      try {
        const step = readStep(record);
        if (step !== undefined) advance.push(step);
      } catch (error) {
        setAside.push({ record, reason: 'MALFORMED_PROTOBUF', detail: String(error) });
      }
    }
    if (advance.length > 0) await progress.advance(advance);
    return { setAside };
  };
}

/** Undefined for events of types that came after this code: they are for others. */
function readStep(record: ReceivedRecord): ProgressStep | undefined {
  const step = steps[record.headers['ce_type'] as keyof typeof steps];
  if (step === undefined) return undefined;
  const { orderId, version, decideTime } = fromBinary(step.schema, record.value ?? new Uint8Array());
  if (orderId === '' || decideTime === undefined) throw new Error('the event has no order id or no time');
  return { orderId, version: Number(version), state: step.state, time: timestampDate(decideTime) };
}
