import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create, type DescField, ScalarType } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { applications, deadLetterHeaders, eventFiles, eventHeaderSchemas, events } from '@orderflow/asyncapi';
import { deadLetterTopic, groups, ignoredMembers, readers, topics, watchGroup } from '@orderflow/contracts';
import { OrderAcceptedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { repositoryRoot } from '@orderflow/devstack';
import { errorReasons, errorsOf, type ReasonDeclaration } from '@orderflow/rpc';
import type { Metric } from '@orderflow/runtime';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { auditTopic } from '../../cli/src/audit.ts';
import { replayGroup } from '../../cli/src/dlq/send-letters.ts';
import { SKIPPED_BY_HAND } from '../../cli/src/records/skip.ts';
import { toDeadLetter } from '../../packages/messaging/src/consumer/dead-letters.ts';
import { skipGroup } from '../../packages/messaging/src/consumer/skips.ts';
import { encodeEvent } from '../../packages/messaging/src/envelope.ts';
import { toProblem } from '../../packages/rpc/src/rest/problem.ts';
import { settings as stubSettings } from '../../services/enrichment-stub/src/config.ts';
import { settings as identitySettings } from '../../services/identity-stub/src/config.ts';
import { settings as inventorySettings } from '../../services/inventory/src/config.ts';
import { settings as notificationSettings } from '../../services/notification/src/config.ts';
import { unreadableReasons } from '../../services/order/src/codec/read-submission.ts';
import { rolePorts } from '../../services/order/src/config.ts';
import { limits } from '../../services/order/src/domain/judge.ts';
import { rejectionReasons } from '../../services/order/src/domain/rejection.ts';
import type { DeadLetterReason } from '../../services/order/src/use-cases/decide-orders.ts';
import { settings as paymentSettings } from '../../services/payment/src/config.ts';
import { settings as gatewaySettings } from '../../services/payment-gateway-stub/src/config.ts';

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

/** The only table below a heading, as first column → second column: no row stands outside of it. */
function tableWhole(file: string, heading: string): Record<string, string> {
  const blocks = section(file, heading)
    .trim()
    .split(/\n\s*\n/);
  expect(blocks.filter((block) => block.startsWith('|'))).toHaveLength(1);
  return table(file, heading);
}

/** The first table below a heading, as first column → second column. */
function table(file: string, heading: string): Record<string, string> {
  return Object.fromEntries(rowsOf(section(file, heading)).map(([key = '', value = '']) => [key, value]));
}

/**
 * Puts together what all files of these patterns export under `name`. Two files may declare the same entry, but not
 * differently.
 */
async function assemble<T>(name: string, patterns: readonly string[]): Promise<Record<string, T>> {
  const all: Record<string, T> = {};
  for (const file of globSync(patterns, { cwd: repositoryRoot })) {
    const declared: Record<string, T> = (await import(join(repositoryRoot, file)))[name];
    for (const [key, entry] of Object.entries(declared)) {
      if (key in all) expect(entry, `${key} in ${file}`).toEqual(all[key]);
      all[key] = entry;
    }
  }
  return all;
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
    const inTable = topicRows.flatMap(([, , , , cell = '']) => cell.split(', '));
    expect([...new Set(inTable)].sort()).toEqual(all);
  });

  test('says who reads and writes which topic, as the code does it', () => {
    const runsIn = new Map(rowsOf(groupTable).map(([group = '', where = '']) => [group, where]));
    const processOf = (group: string) => (runsIn.get(group) ?? '').replace('order service', 'order');
    const reads = new Map<string, string[]>();
    const writes = new Map<string, string[]>();
    const note = (into: typeof reads, process: string, what: string) =>
      into.set(process, [...(into.get(process) ?? []), what].sort());
    for (const [topic, group] of readers) {
      note(reads, processOf(group), `${topic} as ${group}`);
      note(writes, processOf(group), deadLetterTopic(topic, group));
    }
    note(reads, 'order, role api', `${topics.orderEvents} as ${watchGroup}.*`);
    // What is appended to an outbox, the relay of the service writes.
    for (const source of globSync('services/*/src/{codec,outbound}/**/*.ts', { cwd: repositoryRoot })) {
      const service = source.split('/')[1] ?? '';
      const process = service === 'order' ? 'order, role relay' : service;
      for (const [, name] of read(source).matchAll(/\btopic: topics\.(\w+)\b(?!, group)/g)) {
        const topic = topics[name as keyof typeof topics];
        if (!writes.get(process)?.includes(topic)) note(writes, process, topic);
      }
    }
    const documented = rowsOf(section(file, 'Topic permissions').split('###')[0] ?? '');
    expect(documented.length).toBeGreaterThan(0);
    const listed = (cell: string) => (cell === '' ? [] : cell.split(', ').sort());
    for (const [process = '', written = '', seen = ''] of documented) {
      const name = process.split(', or ')[0] ?? '';
      if (name === 'any sender of orders') continue;
      expect({ process, writes: listed(written), reads: listed(seen) }).toEqual({
        process,
        writes: writes.get(name) ?? [],
        reads: reads.get(name) ?? [],
      });
      writes.delete(name);
      reads.delete(name);
    }
    expect([...writes.keys(), ...reads.keys()]).toEqual([]);
  });

  test('and the AsyncAPI document say the same of who reads, writes and sends what', () => {
    const { readers: described, writers } = applications;
    for (const [group = '', where = '', does = ''] of rowsOf(groupTable)) {
      const { process, ...reader } = described[group as keyof typeof described];
      expect(process, group).toBe(where.replace('order service, role ', 'order-'));
      expect(does.replace(/, see .*/, ''), group).toBe(reader.does.replaceAll('`', ''));
    }
    const documented = rowsOf(section(file, 'Topic permissions').split('###')[0] ?? '');
    const writes = documented.flatMap(([process = '', written = '']) => {
      const name = process.split(', or ')[0]?.replace('order, role ', 'order-');
      const own = written.split(', ').filter((topic) => topic !== '' && !topic.endsWith('.dlq'));
      return name === 'any sender of orders' ? [] : own.map((topic) => [topic, name] as const);
    });
    expect(Object.fromEntries(writes)).toEqual(writers);
    for (const [topic = '', messages = ''] of topicRows.slice(1))
      expect(messages.split(', ')).toEqual(
        events.filter((event) => event.topic === topic).map(({ desc }) => desc.name),
      );
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
    const documented = table(file, 'Event format');
    expect(Object.keys(documented).sort()).toEqual(Object.keys(headers).sort());
    expect(Object.keys(eventHeaderSchemas).sort()).toEqual(Object.keys(headers).sort());
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
      { group: 'g', time: new Date(), omitted: 'headers' },
    );
    const documented = rowsOf(section(file, 'Dead letters')).map(([name = '']) => name);
    expect(documented.filter((name) => name.startsWith('dlq_'))).toEqual(Object.keys(letter.headers ?? {}));
    expect(Object.keys(deadLetterHeaders)).toEqual(Object.keys(letter.headers ?? {}));
  });

  test('says why records cannot be read', () => {
    expect(table(file, 'Dead-letter reasons of unreadable records')).toEqual(unreadableReasons);
  });

  test('says why readable orders are dead-lettered', () => {
    // Checked by the compiler to hold every reason.
    const reasons: Record<DeadLetterReason, true> = {
      ORDER_ID_CONFLICT: true,
      ENRICHMENT_INVALID: true,
      DOCUMENT_REFUSED: true,
    };
    expect(Object.keys(table(file, 'Dead-letter reasons of readable orders'))).toEqual(Object.keys(reasons));
  });

  test('says why events are dead-lettered, why handling fails, and why a person has skipped a record', () => {
    const reasonsIn = (files: readonly string[]) => {
      const sources = files.map(read);
      const found = sources.flatMap((source) =>
        [...source.matchAll(/\breason: '([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, reason]) => reason),
      );
      return [...new Set(found)].sort();
    };
    const documented = (heading: string) => Object.keys(tableWhole(file, heading)).sort();
    const filesOf = (pattern: string) => globSync(pattern, { cwd: repositoryRoot });
    // The events of every consumer are read by it.
    const readBatch = 'packages/messaging/src/consumer/read-batch.ts';
    expect(documented('Dead-letter reasons of events')).toEqual(
      reasonsIn([readBatch, ...filesOf('services/*/src/inbound/kafka/*.ts')]),
    );
    expect(documented('Dead-letter reasons of failed handling')).toEqual(
      reasonsIn(filesOf('packages/messaging/src/**/*.ts').filter((file) => file !== readBatch)),
    );
    expect(documented('Dead-letter reason of skipped records')).toEqual([SKIPPED_BY_HAND]);
  });

  test('names the rights that are needed beside those to read and write', () => {
    const rights = section(file, 'Topic permissions').split('###')[0] ?? '';
    expect(rights).toContain(`\`${skipGroup('<group>')}\``);
    expect(rights).toContain(`\`${replayGroup({ source: '', topic: '<topic of the dead letters>' })}\``);
    expect(rights).toContain(`\`${auditTopic}\``);
    // Whom the saga waits for.
    const line = rights.split('\n- ').find((part) => part.startsWith('The saga')) ?? '';
    const watched = readers.filter(([, group]) =>
      ([groups.orderWorker, groups.inventory, groups.payment] as string[]).includes(group),
    );
    for (const [topic, group] of watched) {
      expect(line).toContain(`\`${group}\``);
      // Its own it reads anyway.
      if (!readers.some(([name, reader]) => name === topic && reader === groups.orderSaga))
        expect(line).toContain(`\`${topic}\``);
    }
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
  test('lists every reason of an RPC with its code, status and meaning', async () => {
    const documented = rowsOf(section('docs/errors.md', 'RPC reasons'));
    const reasons = await assemble<ReasonDeclaration>('errorReasons', [
      'packages/rpc/src/errors.ts',
      'services/*/src/inbound/rpc/error-reasons.ts',
    ]);
    const inCode = Object.entries(reasons).map(([reason, { code, status, description }]) => [
      reason,
      (Code[code] ?? '').replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
      String(status),
      description.replaceAll('`', ''),
    ]);
    expect(documented.toSorted()).toEqual(inCode.toSorted());
    for (const [reason, , , meaning] of documented) expect(meaning, reason).toMatch(/^[A-Z].*\.$/);
  });

  test('the order API, which does not know the reasons of other services, gives them their status', async () => {
    const reasons = await assemble<ReasonDeclaration>('errorReasons', [
      'services/{enrichment-stub,inventory,notification,payment}/src/inbound/rpc/error-reasons.ts',
    ]);
    expect(Object.keys(reasons).length).toBeGreaterThan(5);
    for (const [reason, { status }] of Object.entries(reasons)) {
      expect(toProblem(errorsOf(reasons)(reason, ''), errorReasons).status, reason).toBe(status);
    }
  });

  test('lists the members of POST /orders that are not used', () => {
    const listed = /These members are not used.*?\n\n/s.exec(section('docs/errors.md', 'POST /orders'))?.[0];
    const inCode = Object.values(ignoredMembers).map((names) => names.filter((name) => !/[A-Z]/.test(name)));
    const inText = listed
      ?.split(/\sof\s+an?\s+\w+[;.]/)
      .map((part) => [...part.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(inText?.slice(0, 3)).toEqual(inCode);
  });

  test('lists every reason of a rejection with its meaning', () => {
    expect(table('docs/errors.md', 'Rejection reasons')).toEqual(plain(rejectionReasons));
  });
});

describe('docs/operations.md', () => {
  test('lists every metric with its attributes, as /metrics shows them', async () => {
    const metrics = await assemble<Metric>('metric', ['{packages,services}/*/src/metrics.ts']);
    for (const { name, attributes } of Object.values(metrics))
      for (const word of [name, ...Object.keys(attributes)])
        expect(word).toMatch(/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/);
    const documented = rowsOf(section('docs/operations.md', 'Metrics')).map(([name, attributes]) => [
      name,
      attributes,
    ]);
    const underscored = (name: string) => name.replaceAll('.', '_');
    const inCode = Object.values(metrics).map(({ name, kind, attributes }) => [
      underscored(name) + (kind === 'counter' ? '_total' : ''),
      Object.keys(attributes).map(underscored).join(', '),
    ]);
    expect(documented.toSorted()).toEqual(inCode.toSorted());
  });

  test('quotes log lines that are written', () => {
    // Without comments, which say similar things.
    const sources = globSync('{packages,services}/*/src/**/*.ts', { cwd: repositoryRoot })
      .map((file) => read(file).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ''))
      .join('\n');
    const quoted = [
      ...read('docs/operations.md').matchAll(/\blog(?:s| lines?| says)?(?: of the saga)?\s`([^`]+)`/gi),
    ];
    expect(quoted.length).toBeGreaterThan(10);
    for (const [, line = ''] of quoted) expect(sources).toContain(line.replaceAll(/\s+/g, ' '));
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
      notification: Number(notificationSettings.port.default),
      'enrichment-stub': Number(stubSettings.port.default),
      'payment-gateway-stub': Number(gatewaySettings.port.default),
      'identity-stub': Number(identitySettings.port.default),
    };
    expect(Object.fromEntries(documented)).toEqual(inCode);
  });

  test('names every folder of the workspace', () => {
    const { packages } = parse(read('pnpm-workspace.yaml')) as { packages: string[] };
    const folders = packages
      .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: repositoryRoot }))
      .map((manifest) => `${dirname(manifest)}/`);
    const documented = rowsOf(section('README.md', 'Repository layout')).map(([folder]) => folder);
    expect(documented).toEqual(expect.arrayContaining(folders));
    for (const folder of documented)
      expect(existsSync(join(repositoryRoot, folder ?? '')), folder).toBe(true);
  });
});

describe('CONTRIBUTING.md', () => {
  test('explains every command of the workspace, and none that does not exist', () => {
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

const documents = globSync(
  [
    '*.md',
    '*/README.md',
    '{packages,services,examples}/*/README.md',
    'examples/*/*/README.md',
    'docs/**/*.md',
  ],
  {
    cwd: repositoryRoot,
  },
);

test.each(documents)('every link in %s leads somewhere', (document) => {
  for (const [, target = ''] of withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? document : join(dirname(document), path);
    expect(existsSync(join(repositoryRoot, file)), target).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(file), target).toContain(anchor);
  }
});

/** Decisions and the changelog speak of the files of their day. */
const current = documents.filter((document) => !/^(docs\/decisions\/|CHANGELOG)/.test(document));
const files = globSync('**/*.{ts,json,yml,yaml,go,proto}', {
  cwd: repositoryRoot,
  exclude: ['**/node_modules', '**/.orderflow'],
});

test.each(current)('every source file that %s names exists', (document) => {
  const named = withoutCode(read(document)).matchAll(
    /`((?:\.\w+\/|\w)[\w./-]*\.(?:ts|json|yml|yaml|go|proto))`/g,
  );
  for (const [, name = ''] of named) {
    const exists = existsSync(join(repositoryRoot, name)) || files.some((file) => file.endsWith(`/${name}`));
    expect(exists, name).toBe(true);
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
