import { openTopicOffsets } from '@orderflow/messaging';
import { type Cli, type Command, CommandError } from '../cli.ts';
import { lettersOfOrder, lettersOfOrderTable } from '../dlq/of-order.ts';
import { parseOptions } from '../dlq/options.ts';
import { kafkaProblem } from '../kafka-problem.ts';
import { openStores } from '../stores.ts';
import { printableCell } from '../table.ts';
import { decision } from './decision.ts';
import { mailsOfOrder } from './mails.ts';
import { headline, readOrder } from './order.ts';
import { oneOrderId } from './order-api.ts';
import { document, history, inFlight, reservation } from './parts.ts';
import { payment } from './payment.ts';
import { unread } from './unread.ts';

const HELP = `Usage: pnpm orders show ORDER_ID

Shows everything about one order: its state, what it waits for and why; the decision, with prices or reasons;
each transition with its cause and caller; its reservation and payment; its document, events in flight, dead
letters, and mails.

A part that cannot be read is replaced by the problem, and the others are shown; the exit code is 1 then.`;

/** `orders show` */
export const show: Command = {
  help: HELP,
  async run(args, cli) {
    const { positionals } = parseOptions({ args, allowPositionals: true });
    const orderId = oneOrderId(positionals);
    await using stores = openStores(cli.config);

    /** A store that is unavailable is a reason to look at the others. */
    async function part(name: string, read: () => Promise<string>): Promise<Part> {
      try {
        return { name, text: await read(), isRead: true };
      } catch (error) {
        const problem = error instanceof CommandError ? error.message : kafkaProblem(error, cli.config);
        if (problem === undefined) throw error;
        return { name, text: `${name}: ${problem}`, isRead: false };
      }
    }

    // Everything is read at once, also what turns out to be of no order.
    const found = readOrder(stores, orderId);
    const order = found.catch(() => undefined);
    const parts = Promise.all([
      part('Decision', () => decision(stores, orderId)),
      part('Transitions', () => history(stores, orderId)),
      part('Inventory', () => reservation(stores, orderId)),
      part('Payment', () => payment(stores, orderId)),
      part('Document', async () => document(stores, orderId, await order)),
      part('In flight', () => inFlight(stores, orderId)),
      part('Dead letters', () => letters(orderId, cli)),
      part('Mails', () => mailsOfOrder(cli, orderId)),
    ]);
    // It is awaited below, but not if the order's own row fails unexpectedly.
    parts.catch(() => {});
    const head = await part('Order', async () => {
      const known = await found;
      return known === undefined ? '' : headline(known);
    });
    if (head.text === '') {
      const ahead = await part('Records not read yet', async () => {
        await using offsets = await openTopicOffsets(cli.kafka);
        // Awaited: `offsets` is closed when this returns.
        return await unread(offsets);
      });
      const deadLetters = (await parts).filter(({ name }) => name === 'Dead letters');
      cli.print(textOf([...deadLetters, ahead]));
      const maybe = ahead.text === '' ? '' : 'its record has not been read yet, ';
      throw new CommandError(
        `Order ${printableCell(orderId, 80)} does not exist: ${maybe}its record could not be read or was never sent, or the call with it was refused.`,
      );
    }
    const all = [head, ...(await parts)];
    cli.print(textOf(all));
    const missing = all.filter(({ isRead }) => !isRead).map(({ name }) => name);
    if (missing.length > 0) throw new CommandError(`This could not be read: ${missing.join(', ')}.`);
  },
};

/** A part of what is shown; empty when there is nothing to say. */
interface Part {
  readonly name: string;
  readonly text: string;
  /** False: the text is the problem. */
  readonly isRead: boolean;
}

function textOf(parts: readonly Part[]): string {
  return parts
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join('\n\n');
}

async function letters(orderId: string, cli: Cli): Promise<string> {
  const found = await lettersOfOrder(orderId, cli);
  return found.length === 0 ? 'No dead letters.' : `Dead letters\n${lettersOfOrderTable(found)}`;
}
