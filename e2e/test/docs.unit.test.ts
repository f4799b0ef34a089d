import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create, type DescField, ScalarType } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import { file_orderflow_enrichment_event_v1_customer_updated } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { file_orderflow_inventory_event_v1_inventory_events } from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import {
  file_orderflow_order_event_v1_order_events,
  OrderAcceptedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { file_orderflow_order_event_v1_order_submitted } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { file_orderflow_payment_event_v1_payment_events } from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import { repositoryRoot } from '@orderflow/devstack';
import { metric } from '@orderflow/runtime';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { toDeadLetter } from '../../packages/messaging/src/dead-letters.ts';
import { encodeEvent } from '../../packages/messaging/src/envelope.ts';
import { errorReasons } from '../../packages/rpc/src/errors.ts';
import { settings as stubSettings } from '../../services/enrichment-stub/src/config.ts';
import { settings as inventorySettings } from '../../services/inventory/src/config.ts';
import { rolePorts } from '../../services/order/src/config.ts';
import { limits } from '../../services/order/src/domain/judge.ts';
import { rejectionReasons } from '../../services/order/src/domain/rejection.ts';
import { unreadableReasons } from '../../services/order/src/inbound/kafka/read-order.ts';
import type { SetAsideReason } from '../../services/order/src/use-cases/decide-orders.ts';
import { settings as paymentSettings } from '../../services/payment/src/config.ts';
import { settings as gatewaySettings } from '../../services/payment-gateway-stub/src/config.ts';

const eventFiles = [
  file_orderflow_order_event_v1_order_submitted,
  file_orderflow_order_event_v1_order_events,
  file_orderflow_inventory_event_v1_inventory_events,
  file_orderflow_payment_event_v1_payment_events,
  file_orderflow_enrichment_event_v1_customer_updated,
];

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8');

/** The text below a heading, up to the next heading that is not further down. */
function section(file: string, heading: string): string {
  const lines = read(file).split('\n');
  const start = lines.findIndex(
    (line) => line.startsWith('#') && line.replace(/^#+ /, '').replaceAll('`', '') === heading,
  );
  if (start < 0) throw new Error(`${file} has no heading "${heading}"`);
  const depth = /^#+/.exec(lines[start] ?? '')?.[0].length ?? 0;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex(
    (line) => (/^#+(?= )/.exec(line)?.[0].length ?? Number.POSITIVE_INFINITY) <= depth,
  );
  return rest.slice(0, end < 0 ? undefined : end).join('\n');
}

/** The rows of the tables in a text, cell by cell; code marks are left out. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n');
  return lines
    .filter((line, index) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.replaceAll('`', '').trim()),
    );
}

const isRule = (line: string | undefined) => line !== undefined && /^\|( ?-+ ?\|)+$/.test(line);

/** The first table below a heading, as first column → second column. */
function table(file: string, heading: string): Record<string, string> {
  return Object.fromEntries(rowsOf(section(file, heading)).map(([key = '', value = '']) => [key, value]));
}

const plain = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, text.replaceAll('`', '')]));

describe('docs/events.md', () => {
  const file = 'docs/events.md';
  const [topicTable = '', groupTable = ''] = section(file, 'Topics')
    .trim()
    .split('\n\n')
    .filter((part) => part.startsWith('|'));
  const topicRows = rowsOf(topicTable);

  test('names every topic', () => {
    expect(topicRows.map(([topic]) => topic)).toEqual(Object.values(topics));
  });

  test('names every consumer group, in both tables', () => {
    const all = Object.values(groups).sort();
    expect(
      rowsOf(groupTable)
        .map(([group]) => group)
        .sort(),
    ).toEqual(all);
    const readers = topicRows.flatMap(([, , , , cell = '']) => cell.split(', '));
    expect([...new Set(readers)].sort()).toEqual(all);
  });

  test('says how dead-letter topics are named', () => {
    expect(section(file, 'Topics')).toContain(`\`${deadLetterTopic('<topic>', '<group>')}\``);
  });

  test('describes every message of the events, field by field', () => {
    const messages = eventFiles.flatMap(({ messages }) => messages);
    const documented = [...section(file, 'Messages').matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    expect(documented).toEqual(messages.map(({ typeName }) => typeName));
    for (const { typeName, fields } of messages) {
      const inCode = Object.fromEntries(fields.map((field) => [field.name, typeOf(field)]));
      expect(table(file, typeName), typeName).toEqual(inCode);
    }
  });

  test('leaves out no file of events', () => {
    const there = globSync('orderflow/*/event/v1/*.proto', { cwd: join(repositoryRoot, 'proto') });
    expect(eventFiles.map(({ proto }) => proto.name).sort()).toEqual(there.sort());
  });

  test('names every header of an event', () => {
    const about = { id: 'o-1/1', source: '/orderflow/order', subject: 'o-1', time: new Date() };
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { headers } = encodeEvent(OrderAcceptedSchema, create(OrderAcceptedSchema), {
      ...about,
      traceparent,
    });
    const documented = table(file, 'How our events are written');
    expect(Object.keys(documented).sort()).toEqual(Object.keys(headers).sort());
    expect(documented).toMatchObject({
      ce_type: headers['ce_type'],
      'content-type': headers['content-type'],
    });
  });

  test('names every header of a dead letter', () => {
    const record = {
      topic: 't',
      partition: 0,
      offset: 0n,
      key: null,
      value: null,
      headers: {},
      rawHeaders: {},
    };
    const letter = toDeadLetter(
      { record: { ...record, timestamp: new Date() }, reason: 'R', detail: '' },
      'g',
      new Date(),
    );
    const documented = rowsOf(section(file, 'Dead letters')).map(([name = '']) => name);
    expect(documented.filter((name) => name.startsWith('dlq_'))).toEqual(Object.keys(letter.headers ?? {}));
  });

  test('says why records cannot be read', () => {
    expect(table(file, 'Why a record on orders cannot be read')).toEqual(unreadableReasons);
  });

  test('says why readable orders are set aside', () => {
    // Checked by the compiler to hold every reason.
    const reasons: Record<SetAsideReason, true> = {
      ORDER_ID_CONFLICT: true,
      ENRICHMENT_INVALID: true,
      DOCUMENT_REFUSED: true,
    };
    expect(Object.keys(table(file, 'Why a readable order is set aside'))).toEqual(Object.keys(reasons));
  });

  test('gives the limits of the code, and reasons that exist', () => {
    const rows = rowsOf(section(file, 'Limits'));
    const limitOf = Object.fromEntries(rows.map(([what = '', limit = '']) => [what, limit]));
    expect(limitOf).toMatchObject({
      'customer id': expect.stringContaining(`1 to ${limits.textLength} characters`),
      'product id or SKU': expect.stringContaining(`1 to ${limits.textLength} characters`),
      lines: `1 to ${limits.lines}`,
      quantity: expect.stringContaining(`1 to ${limits.quantity.toLocaleString('en')} `),
    });
    const named = rows.flatMap(([, , otherwise = '']) => otherwise.match(/[A-Z]+(_[A-Z]+)+/g) ?? []);
    for (const reason of named) expect({ ...rejectionReasons, ...unreadableReasons }).toHaveProperty(reason);
    expect(named.length).toBeGreaterThan(5);
  });
});

describe('docs/errors.md', () => {
  test('lists every reason of an RPC with its code and meaning', () => {
    const documented = rowsOf(section('docs/errors.md', 'RPC reasons'));
    const inCode = Object.entries(errorReasons).map(([reason, { code, description }]) => [
      reason,
      (Code[code] ?? '').replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
      description.replaceAll('`', ''),
    ]);
    expect(documented).toEqual(inCode);
  });

  test('lists every reason of a rejection with its meaning', () => {
    expect(table('docs/errors.md', 'Rejection reasons')).toEqual(plain(rejectionReasons));
  });
});

describe('docs/operations.md', () => {
  test('lists every metric with its attributes, as /metrics shows them', () => {
    const documented = rowsOf(section('docs/operations.md', 'Metrics')).map(([name, attributes]) => [
      name,
      attributes,
    ]);
    const underscored = (name: string) => name.replaceAll('.', '_');
    const inCode = Object.values(metric).map(({ name, kind, attributes }) => [
      underscored(name) + (kind === 'counter' ? '_total' : ''),
      attributes.map(underscored).join(', '),
    ]);
    expect(documented).toEqual(inCode);
  });
});

describe('README.md', () => {
  test('gives the ports that the processes listen on', () => {
    const documented = rowsOf(section('README.md', 'Processes')).map(([name, role, , port]) => [
      role || name,
      Number(port),
    ]);
    const inCode = {
      ...rolePorts,
      inventory: Number(inventorySettings.port.default),
      payment: Number(paymentSettings.port.default),
      'enrichment-stub': Number(stubSettings.port.default),
      'payment-gateway-stub': Number(gatewaySettings.port.default),
    };
    expect(Object.fromEntries(documented)).toEqual(inCode);
  });

  test('names every folder of the workspace', () => {
    const { packages } = parse(read('pnpm-workspace.yaml')) as { packages: string[] };
    const folders = packages
      .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: repositoryRoot }))
      .map((manifest) => `${dirname(manifest)}/`);
    const documented = rowsOf(section('README.md', 'Find your way around')).map(([folder]) => folder);
    expect(documented).toEqual(expect.arrayContaining(folders));
    for (const folder of documented)
      expect(existsSync(join(repositoryRoot, folder ?? '')), folder).toBe(true);
  });
});

describe('CONTRIBUTING.md', () => {
  test('explains every command of the workspace, and none that is not there', () => {
    const commands = rowsOf(section('CONTRIBUTING.md', 'Commands')).flatMap(
      ([command]) => /^pnpm ([a-z][a-z:-]*)/.exec(command ?? '')?.[1] ?? [],
    );
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect([...new Set(commands)].sort()).toEqual(Object.keys(scripts).sort());
  });
});

describe('docs/decisions', () => {
  test('the list of libraries is the catalog, version by version', () => {
    const { catalog } = parse(read('pnpm-workspace.yaml')) as { catalog: Record<string, string> };
    const documented = rowsOf(read('docs/decisions/0001-libraries.md'));
    expect(Object.fromEntries(documented.map(([name, version]) => [name, version]))).toEqual(catalog);
    for (const [name, , reason] of documented) expect(reason, name).not.toBe('');
  });
});

const documents = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: repositoryRoot })];

test.each(documents)('every link in %s leads somewhere', (document) => {
  for (const [, target = ''] of withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? document : join(dirname(document), path);
    expect(existsSync(join(repositoryRoot, file)), target).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(file), target).toContain(anchor);
  }
});

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}

/** Headings as GitHub makes anchors of them. */
function anchorsOf(file: string): string[] {
  return [...withoutCode(read(file)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function typeOf(field: DescField): string {
  if (field.fieldKind === 'list')
    return `repeated ${field.message?.name ?? ScalarType[field.scalar ?? 0]?.toLowerCase()}`;
  return (field.message ?? field.enum)?.name ?? ScalarType[field.scalar ?? 0]?.toLowerCase() ?? '';
}
