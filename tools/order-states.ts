// pnpm states: writes docs/order-states.md from the table of the saga; with --check only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Cell,
  cancelReasons,
  type Happening,
  happenings,
  type Place,
  places,
  sagaTable,
} from '../services/order/src/domain/saga.ts';
import { root } from './run.ts';

const allHappenings = Object.keys(happenings) as Happening[];
const allPlaces = Object.keys(places) as Place[];
const isCancelled = (place: Place) => places[place].state.startsWith('CANCEL');

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

function shown(cell: Cell): string {
  switch (cell.kind) {
    case 'apply':
      return `**→ ${cell.to}**`;
    case 'requery':
      return 'ask again';
    case 'resubmit':
      return 'send again';
    case 'attention':
      return `call: ${cell.cause}`;
    case 'done':
      return '·';
    case 'refuse':
      return 'refused';
    case 'alarm':
      return 'alarm';
  }
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function matrix(of: readonly Place[]): string {
  return table(
    ['', ...of],
    allHappenings.map((happening) => [happening, ...of.map((place) => shown(sagaTable[place][happening]))]),
  );
}

const moves = allPlaces.flatMap((place) =>
  allHappenings.flatMap((happening) => {
    const cell = sagaTable[place][happening];
    if (cell.kind !== 'apply') return [];
    return [[place, happening, cell.to, cell.tells.join(', ')]];
  }),
);

const text = `# The states of an order

Written by \`pnpm states\` from \`services/order/src/domain/saga.ts\`: the table that the order service runs, and that
the exhaustive search of \`e2e/test/saga-search.unit.test.ts\` tries out. \`pnpm check\` compares.

## The life of an order
\`\`\`${picture}\`\`\`

An event implies its causes. PaymentProcessed in ACCEPTED applies the reservation too, and tells both; the late
InventoryReserved then finds it done. So nothing ever waits inside a consumer for another topic.

There is one way back. Whatever fails, \`OrderCancelRequested\` asks stock and payment to undo their parts. Each answers,
also when it has nothing to undo. Both answers, and the order is CANCELLED. The first reason stays:

${table(
  ['cancelled by', 'reason'],
  Object.entries(cancelReasons).map(([happening, reason]) => [happening, `\`${reason}\``]),
)}

## What can happen

${table(
  ['what', 'means'],
  allHappenings.map((happening) => [happening, happenings[happening]]),
)}

## What moves an order on

${table(['in', 'by', 'to', 'tells'], moves)}

## The whole table

| in a cell | means |
| --- | --- |
| **→ STATE** | the order goes on |
| · | done before, or too late to matter: nothing changes |
| ask again | its last event is told once more, with header \`requery\`: who has answered it answers again, who has not does its work now |
| send again | what was submitted is sent to the worker once more |
| call | the order needs attention, with this cause |
| refused | the caller is told that it cannot be |
| alarm | it cannot be true together with what is known: the order stays as it is and needs attention, \`CONTRADICTORY_EVENT\` |

${matrix(allPlaces.filter((place) => !isCancelled(place)))}

"CANCELLED, undecided" was cancelled while PENDING: no participant has ever heard of it.

${matrix(allPlaces.filter(isCancelled))}

## Deadlines

| in | after | what happens |
| --- | --- | --- |
| PENDING | \`PENDING_DEADLINE\` | somebody is called; it is never cancelled for that |
| ACCEPTED, RESERVED | half of \`ORDER_DEADLINE\` from the decision | it asks again |
| ACCEPTED, RESERVED | the other half, from the re-query | it is cancelled |
| CONFIRMED, CANCELLING | \`SETTLE_DEADLINE\` | it asks again |
| CONFIRMED, CANCELLING | \`SETTLE_DEADLINE\` from the re-query | somebody is called |

A deadline that is reached fires only once everything that was there at that moment has been told and read: the outbox,
and the answers of stock and payment (for PENDING, the topic \`orders\`). So an outage of ours cancels nothing.
`;

const file = join(root, 'docs/order-states.md');
if (process.argv[2] === '--check') {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/order-states.md does not say what the table says');
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
