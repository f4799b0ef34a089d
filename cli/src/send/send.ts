import { randomUUIDv7 } from 'node:crypto';
import type { ParseArgsConfig } from 'node:util';
import { formatMoney, toMinorUnits, topics } from '@orderflow/contracts';
import { type Order, Order_State, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { createProducer } from '@orderflow/messaging';
import { type Cli, type Command, CommandError, UsageError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { callOrderApi, describe } from '../orders/order-api.ts';
import { printable, printableCell } from '../table.ts';
import { linesOf } from './order-lines.ts';
import { type RecordFormat, recordOf } from './order-record.ts';
import { type OrderText, orderOfFile, orderOfFlags } from './order-text.ts';
import { orderExists, untilEnded, whereToLook } from './until-ended.ts';

const HELP = `Usage: pnpm orders send --customer ID (--product ID[=QUANTITY] | --sku SKU[=QUANTITY])… [options]
       pnpm orders send --file FILE [options]

Sends one order, and prints its id.

  --customer ID       who orders
  --product ID=2      a line: 2 of a product, by its id; 1 without a quantity. May be repeated
  --sku SKU=2         the same, by the stock keeping unit
  --file FILE         the order as JSON, in any shape that POST /orders takes; - is standard input
  --id ID             the order's id; without it the file's, or one that is made and printed
  --to rpc            calls CreateOrder of the order API (ORDER_API_URL); the default
  --to kafka          writes a record to the topic ${topics.orders}, as a producer of yours would
  --format FORMAT     of the record: json, the default, which is the file's text, or protobuf
  --dry-run           stores nothing, and shows what the order would be; only with --to rpc
  --wait              waits until the order has ended; the exit code is 1 when it is not COMPLETED

Sending the same order again changes nothing: repeat it with its id when the outcome is unknown. A record may
order for any customer; CreateOrder for those that your token allows.`;

const options = {
  customer: { type: 'string' },
  product: { type: 'string', multiple: true },
  sku: { type: 'string', multiple: true },
  file: { type: 'string' },
  id: { type: 'string' },
  to: { type: 'string' },
  format: { type: 'string' },
  'dry-run': { type: 'boolean' },
  wait: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

/** `orders send` */
export const send: Command = {
  help: HELP,
  async run(args, cli) {
    const { values } = parseOptions({ args, options });
    const { file, wait = false, 'dry-run': dryRun = false } = values;
    const to = oneOf('--to', values.to, ['rpc', 'kafka']);
    const format = oneOf<RecordFormat>('--format', values.format, ['json', 'protobuf']);
    if (to === 'rpc' && values.format !== undefined)
      throw new UsageError('--format is that of a record: give --to kafka, too.');
    if (dryRun && to === 'kafka')
      throw new UsageError('--dry-run asks CreateOrder: a record on Kafka is always processed.');
    if (dryRun && wait) throw new UsageError('--dry-run stores no order that --wait could wait for.');
    if (file !== undefined && (values.customer ?? values.product ?? values.sku) !== undefined)
      throw new UsageError('--file has the whole order: leave out --customer, --product and --sku.');

    const made = randomUUIDv7();
    const order =
      file === undefined ? orderOfFlags(values.id ?? made, values) : await orderOfFile(file, values.id, made);
    const { orderId } = order.request;
    if (orderId === made && !dryRun) cli.note(`The order's id is ${orderId}.`);

    if (to === 'kafka') {
      const record = recordOf(order, format, new Date());
      if (wait && orderId !== made && (await orderExists(cli, orderId)))
        cli.note(
          `Order ${orderId} exists: with the same content the record changes nothing, with other content it becomes a dead letter.`,
        );
      const producer = createProducer(cli.kafka, { retries: 2 });
      try {
        await producer.send([record]);
      } finally {
        await producer.close();
      }
      cli.print(`${orderId} is a record on ${topics.orders}, as ${format}.`);
      if (!wait) cli.print(`  ${whereToLook(orderId)}`);
    } else {
      const created = await createOrder(cli, order, dryRun);
      if (dryRun || order.request.validateOnly) return cli.print(quoteOf(created));
      if (!wait) return cli.print(describe(created));
    }
    if (!wait) return;
    const ended = await untilEnded(cli, orderId);
    cli.print(describe(ended));
    if (ended.state !== Order_State.COMPLETED) throw new CommandError('The order is not completed.');
  },
};

/** The first one when nothing is given. */
function oneOf<T extends string>(option: string, given: string | undefined, known: readonly [T, ...T[]]): T {
  const found = given === undefined ? known[0] : known.find((one) => one === given);
  if (found === undefined)
    throw new UsageError(`${option} ${printableCell(given ?? '', 40)}: ${known.join(' or ')} is expected.`);
  return found;
}

async function createOrder(cli: Cli, order: OrderText, dryRun: boolean): Promise<Order> {
  const { orderId, customerId, requestId, validateOnly } = order.request;
  const request = {
    ...{ orderId, customerId, requestId },
    lines: linesOf(order),
    validateOnly: validateOnly || dryRun,
  };
  const response = await callOrderApi(cli, (orders, call) => orders.createOrder(request, call), order);
  if (response?.order === undefined) throw new CommandError('The order API has returned no order.');
  return response.order;
}

function quoteOf({ state, lines, total }: Order): string {
  const whole = total && toMinorUnits(total);
  const price = whole === undefined ? '' : `, for ${formatMoney(whole, total?.currencyCode ?? '')}`;
  const names = lines.map(({ quantity, productName }) => `  ${quantity} × ${productName}`);
  const head = `The order would be ${Order_StateSchema.value[state]?.localName}${price}; nothing is stored.`;
  return printable([head, ...names].join('\n'));
}
