import { type Cli, type Command, CommandError } from '../cli.ts';
import { lettersOfOrder, lettersOfOrderTable } from '../dlq/of-order.ts';
import { parseOptions } from '../dlq/options.ts';
import { kafkaProblem } from '../kafka-problem.ts';
import { openStores } from '../stores.ts';
import { printableCell } from '../table.ts';
import { decision } from './decision.ts';
import { headline, type Order, readOrder } from './order.ts';
import { oneOrderId } from './order-api.ts';
import { document, history, onItsWay, payment, reservation } from './parts.ts';

const HELP = `Usage: pnpm orders show ORDER_ID

Everything that is known of one order: where it is, what it waits for and why; what was decided, at which
prices or for which reasons; each step with its cause; what inventory and payment have done for it; what the
document shows, what is still on its way, and what was set aside.

What cannot be asked is named in its place, and all else is shown; the exit code is 1 then.`;

/** `orders show` */
export const show: Command = {
  help: HELP,
  async run(args, cli) {
    const { positionals } = parseOptions({ args, allowPositionals: true });
    const orderId = oneOrderId(positionals);
    await using stores = openStores(cli.config);
    const missing: string[] = [];

    /** A store that is away is why somebody looks at the others. */
    async function part(name: string, read: () => Promise<string>): Promise<string> {
      try {
        return await read();
      } catch (error) {
        const problem = error instanceof CommandError ? error.message : kafkaProblem(error, cli.config);
        if (problem === undefined) throw error;
        missing.push(name);
        return `${name}: ${problem}`;
      }
    }

    const deadLetters = () => part('Dead letters', () => letters(orderId, cli));
    let order: Order | undefined;
    const head = await part('Order', async () => {
      order = await readOrder(stores, orderId);
      return order === undefined ? '' : headline(order);
    });
    if (head === '') {
      cli.print(await deadLetters());
      throw new CommandError(
        `There is no order ${printableCell(orderId, 80)}: perhaps its record could not be read, or was never sent.`,
      );
    }
    const parts = await Promise.all([
      part('Decision', () => decision(stores, orderId)),
      part('Steps', () => history(stores, orderId)),
      part('Inventory', () => reservation(stores, orderId)),
      part('Payment', () => payment(stores, orderId)),
      part('Document', () => document(stores, orderId, order)),
      part('On its way', () => onItsWay(stores, orderId)),
      deadLetters(),
    ]);
    cli.print([head, ...parts].filter((text) => text !== '').join('\n\n'));
    if (missing.length > 0) throw new CommandError(`This could not be read: ${missing.join(', ')}.`);
  },
};

async function letters(orderId: string, cli: Cli): Promise<string> {
  const found = await lettersOfOrder(orderId, cli);
  return found.length === 0 ? 'No dead letters.' : `Dead letters\n${lettersOfOrderTable(found)}`;
}
