import { openTopicOffsets } from '@orderflow/messaging';
import type { Cli, Command } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { kafkaProblem } from '../kafka-problem.ts';
import { openStores, type Query } from '../stores.ts';
import { printableCell, table } from '../table.ts';
import { inTheWay, overdueOrders } from './overdue.ts';

const HELP = `Usage: pnpm orders stuck

Lists the orders that need attention, the longest first, with the cause. Then those that should have been
looked at more than a minute ago and were not, with what holds them up. "pnpm orders show ORDER_ID" says more;
"pnpm orders retry" and "pnpm orders cancel" do something about it.`;

const LIMIT = 200;

/** `orders stuck` */
export const stuck: Command = {
  help: HELP,
  async run(args, cli) {
    parseOptions({ args });
    await using stores = openStores(cli.config);
    cli.print(await needAttention(stores.orders));
    const overdue = await overdueOrders(stores.orders);
    if (overdue === '') return;
    const causes = await causesOf(stores.orders, cli);
    cli.print(`\n${overdue}\n`);
    cli.print(
      causes.length === 0
        ? 'Nothing is in the way of their deadlines: is a process with the role saga running?'
        : `Deadlines wait until everything has been told and read. In the way:\n${causes.map((line) => `  ${line}`).join('\n')}`,
    );
  },
};

async function needAttention(orders: Query): Promise<string> {
  const rows = await orders<{
    id: string;
    state: string;
    needs_attention: string;
    update_time: Date;
    count: number;
  }>(
    `select id, state, needs_attention, update_time, count(*) over ()::int as count from orders
     where needs_attention is not null order by update_time, id limit ${LIMIT}`,
  );
  const [first] = rows;
  if (first === undefined) return 'No order needs attention.';
  const lines = [
    table(
      ['order id', 'state', 'cause', 'since'],
      rows.map((row) => [
        printableCell(row.id, 64),
        row.state,
        row.needs_attention,
        row.update_time.toISOString().slice(0, 19).replace('T', ' '),
      ]),
    ),
  ];
  if (first.count > rows.length) lines.push(`… and ${first.count - rows.length} more`);
  return lines.join('\n');
}

/** Kafka that is away is a cause, too. */
async function causesOf(orders: Query, cli: Cli): Promise<string[]> {
  try {
    await using offsets = await openTopicOffsets(cli.kafka);
    return await inTheWay(orders, offsets);
  } catch (error) {
    const problem = kafkaProblem(error, cli.config);
    if (problem === undefined) throw error;
    return [problem];
  }
}
