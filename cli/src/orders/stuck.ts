import type { Command } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { openStores } from '../stores.ts';
import { printableCell, table } from '../table.ts';

const HELP = `Usage: pnpm orders stuck

Lists the orders that need attention, the longest first, with the cause. "pnpm orders show ORDER_ID" says
more; "pnpm orders retry" and "pnpm orders cancel" do something about it.`;

const LIMIT = 200;

/** `orders stuck` */
export const stuck: Command = {
  help: HELP,
  async run(args, { config, print }) {
    parseOptions({ args });
    await using stores = openStores(config);
    const rows = await stores.orders<{
      id: string;
      state: string;
      needs_attention: string;
      update_time: Date;
    }>(
      `select id, state, needs_attention, update_time from orders
       where needs_attention is not null order by update_time, id limit ${LIMIT}`,
    );
    const [all] = await stores.orders<{ count: number }>(
      'select count(*)::int as count from orders where needs_attention is not null',
    );
    if (rows.length === 0) {
      print('No order needs attention.');
      return;
    }
    print(
      table(
        ['order id', 'state', 'cause', 'since'],
        rows.map((row) => [
          printableCell(row.id, 64),
          row.state,
          row.needs_attention,
          row.update_time.toISOString().slice(0, 19).replace('T', ' '),
        ]),
      ),
    );
    const hidden = (all?.count ?? 0) - rows.length;
    if (hidden > 0) print(`… and ${hidden} more`);
  },
};
