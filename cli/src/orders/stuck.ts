import { openTopicOffsets, type TopicOffsets } from '@orderflow/messaging';
import { type Cli, type Command, CommandError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { kafkaProblem } from '../kafka-problem.ts';
import { openStores, type Query } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { failedMails } from './mails.ts';
import { blockers, overdueOrders } from './overdue.ts';
import { refusedRows } from './refused-rows.ts';
import { stalledPartitions } from './stalled-partitions.ts';
import { formatTime } from './time.ts';
import { unknownOrders } from './unknown-orders.ts';

const HELP = `Usage: pnpm orders stuck

Lists the orders that need attention, the longest first, with the cause. Then the outbox rows that the broker
refuses, payments of orders that the order service does not know, mails that have failed, stalled
partitions, and the orders whose deadline passed more than a minute ago, with what blocks them.
"pnpm orders show ORDER_ID" shows more; "pnpm orders retry" and "cancel" act on an order.`;

const LIMIT = 200;

/** `orders stuck` */
export const stuck: Command = {
  help: HELP,
  async run(args, cli) {
    parseOptions({ args });
    await using stores = openStores(cli.config);
    cli.print(await needAttention(stores.orders));
    const refused = await refusedRows(stores);
    if (refused !== '') cli.print(`\n${refused}`);
    const unknown = await unknownOrders(stores);
    if (unknown !== '') cli.print(`\n${unknown}`);
    const failed = await failedMails(cli, new Date()).catch((error) => {
      if (!(error instanceof CommandError)) throw error;
      return error.message;
    });
    if (failed !== '') cli.print(`\n${failed}`);
    const stalled = await withOffsets(
      cli,
      (offsets) => stalledPartitions(cli, offsets),
      (problem) => problem,
    );
    if (stalled !== '') cli.print(`\n${stalled}`);
    const overdue = await overdueOrders(stores.orders);
    if (overdue === '') return;
    const causes = await withOffsets(
      cli,
      (offsets) => blockers(stores.orders, offsets),
      (problem) => [problem],
    );
    cli.print(`\n${overdue}\n`);
    cli.print(
      causes.length === 0
        ? 'Nothing blocks their deadlines: is a process with the role saga running?'
        : `Deadlines wait until all earlier events are published and read. Blocked by:\n${causes.map((line) => `  ${line}`).join('\n')}`,
    );
  },
};

async function needAttention(orders: Query): Promise<string> {
  const rows = await orders<{
    id: string;
    state: string;
    needs_attention: string;
    detail: string | null;
    update_time: Date;
    count: number;
  }>(
    `select id, state, needs_attention, update_time, count(*) over ()::int as count,
       (select detail from order_history step
        where step.order_id = orders.id and step.revision = orders.revision) as detail
     from orders
     where needs_attention is not null order by update_time, id limit ${LIMIT}`,
  );
  const [first] = rows;
  if (first === undefined) return 'No order needs attention.';
  const lines = [
    table(
      ['order id', 'state', 'cause', 'since', 'last transition'],
      rows.map((row) => [
        printableCell(row.id, 64),
        row.state,
        row.needs_attention,
        formatTime(row.update_time),
        printableCell(row.detail ?? '', 200),
      ]),
    ),
  ];
  if (first.count > rows.length) lines.push(`… and ${first.count - rows.length} more`);
  return lines.join('\n');
}

/** Queries Kafka. If it is unavailable, the problem is shown instead; the other parts come from other stores. */
async function withOffsets<T>(
  cli: Cli,
  ask: (offsets: TopicOffsets) => Promise<T>,
  unavailable: (problem: string) => T,
): Promise<T> {
  try {
    await using offsets = await openTopicOffsets(cli.kafka);
    return await ask(offsets);
  } catch (error) {
    const problem = kafkaProblem(error, cli.config);
    if (problem === undefined) throw error;
    return unavailable(problem);
  }
}
