// pnpm states: writes docs/order-states.md from the table of the saga; with --check only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cancelReasons,
  type Rule,
  type SagaInputKind,
  type SagaState,
  sagaInputs,
  sagaStates,
  sagaTable,
} from '../services/order/src/domain/saga.ts';
import { root } from './run.ts';

const allInputKinds = Object.keys(sagaInputs) as SagaInputKind[];
const allSagaStates = Object.keys(sagaStates) as SagaState[];
const isCancelled = (state: SagaState) => sagaStates[state].state.startsWith('CANCEL');

const picture = `
                     ┌──────────┐  Reject    ┌──────────┐
  CreateOrder ──────►│ PENDING  ├───────────►│ REJECTED │
  or a record        └─┬──────┬─┘            └──────────┘
                Accept │      │ Cancel
                       ▼      └──────────────────────────────────────────┐
                 ┌──────────┐  InventoryUnavailable, PaymentFailed,      │
                 │ ACCEPTED ├──────────────┐  Cancel, EndDeadline        │
                 └─────┬────┘              │                             │
     InventoryReserved │                   │                             │
                       ▼                   ▼                             ▼
                 ┌──────────┐        ┌────────────┐  both marks    ┌───────────┐
                 │ RESERVED ├───────►│ CANCELLING ├───────────────►│ CANCELLED │
                 └─────┬────┘        └─┬───────┬──┘                └───────────┘
      PaymentProcessed │               │       │
                       ▼               ▼       ▼
                 ┌───────────┐     stock     money
                 │ CONFIRMED │     released  undone
                 └─────┬─────┘
    InventoryCommitted │
                       ▼   PaymentRefunded
                 ┌───────────┐      ┌──────────────────────┐
                 │ COMPLETED ├─────►│ COMPLETED, refunded  │
                 └───────────┘      └──────────────────────┘
`;

function shown(rule: Rule): string {
  switch (rule.kind) {
    case 'apply':
      return `**→ ${rule.to}**`;
    case 'requery':
      return 'requery';
    case 'resubmit':
      return 'resubmit';
    case 'attention':
    case 'undecidable':
      return `attention: ${rule.cause}`;
    case 'done':
      return '·';
    case 'refuse':
      return 'refused';
    case 'needs_review':
      return 'needs review';
  }
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function matrix(of: readonly SagaState[]): string {
  return table(
    ['', ...of],
    allInputKinds.map((input) => [input, ...of.map((state) => shown(sagaTable[state][input]))]),
  );
}

const moves = allSagaStates.flatMap((state) =>
  allInputKinds.flatMap((input) => {
    const rule = sagaTable[state][input];
    if (rule.kind !== 'apply') return [];
    return [[state, input, rule.to, rule.publishes.join(', ')]];
  }),
);

const text = `# Order states

\`pnpm states\` writes this page from \`services/order/src/domain/saga.ts\`, the table that the order service runs and that
the exhaustive search of \`e2e/test/saga-search.unit.test.ts\` checks. \`pnpm check\` compares page and table. The sequence
of a whole order is drawn in [architecture.md](architecture.md#a-whole-order).

## Order lifecycle
\`\`\`${picture}\`\`\`

An event implies its causes. PaymentProcessed in ACCEPTED applies the reservation too, and publishes both events; a
later InventoryReserved changes nothing. So no consumer ever waits for another topic.

There is one way back. Whatever fails, \`OrderCancelRequested\` asks inventory and payment to undo their parts. Each
replies, also when it has nothing to undo. With both replies the order is CANCELLED. The first reason stays:

${table(
  ['cancelled by', 'reason'],
  Object.entries(cancelReasons).map(([input, reason]) => [input, `\`${reason}\``]),
)}

## Inputs

${table(
  ['input', 'means'],
  allInputKinds.map((input) => [input, sagaInputs[input]]),
)}

## Transitions

${table(['from', 'input', 'to', 'publishes'], moves)}

## Transition table

| rule | meaning |
| --- | --- |
| **→ STATE** | the order moves to this state |
| · | no change: a repeat, or too late to matter |
| requery | the order's last event is republished with header \`requery\` (in RESERVED after OrderAccepted, which payment needs to charge): a participant that has replied replies again, one that has not does its work now |
| resubmit | the submission is sent to the worker again |
| attention | the order needs attention, with this cause |
| refused | the call is refused |
| needs review | the input contradicts what is known: the order stays unchanged and needs attention, \`CONTRADICTORY_EVENT\` |

${matrix(allSagaStates.filter((state) => !isCancelled(state)))}

"CANCELLED, undecided" was cancelled while PENDING: no participant has ever heard of it.

${matrix(allSagaStates.filter(isCancelled))}

## Deadlines

| in | after | what happens |
| --- | --- | --- |
| PENDING | \`PENDING_DEADLINE\` | it needs attention; it is never cancelled for that |
| ACCEPTED, RESERVED | half of \`ORDER_DEADLINE\` from the decision | requery |
| ACCEPTED, RESERVED | the other half, from the requery | it is cancelled, unless a participant is behind: see below |
| CONFIRMED, CANCELLING | \`SETTLE_DEADLINE\` | requery |
| CONFIRMED, CANCELLING | \`SETTLE_DEADLINE\` from the requery | it needs attention |

A deadline fires only once everything that existed when it passed has been published and read: the outbox, and the
replies of inventory and payment (for PENDING, the topic \`orders\`).

The deadline that cancels is postponed while a participant is behind: the group \`inventory\` on order-events, or the
group \`payment\` on order-events or inventory-events, on the order's partition. Once the participant has caught up, the
order is requeried and has half of \`ORDER_DEADLINE\` again. An order whose deadline has been postponed for longer than
\`SETTLE_DEADLINE\`, without interruption or over several requeries, needs attention, \`PARTICIPANT_BEHIND\`, and stays
postponed; CancelOrder works as ever. So a process or store of ours that is down cancels no order. A payment gateway that
is down does: payment has read the order then, and has no reply.
`;

const file = join(root, 'docs/order-states.md');
if (process.argv[2] === '--check') {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/order-states.md differs from the table');
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
