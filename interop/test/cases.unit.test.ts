import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { root } from '../src/builds.ts';
import { type Column, columns } from '../src/cases/case-schema.ts';
import { differences } from '../src/cases/compare.ts';
import { loadCases, readCases } from '../src/cases/load-cases.ts';
import { createNames } from '../src/cases/names.ts';
import { runCell } from '../src/cases/run-cell.ts';
import { substitute } from '../src/cases/substitute.ts';
import { Expected } from '../src/cases/tags.ts';
import { type Ending, emptyEnding } from '../src/clients/client.ts';
import { createConnectEs } from '../src/clients/connect-es.ts';
import { buildContracts } from '../src/clients/contracts.ts';
import { startDriver } from '../src/clients/driver.ts';

const { cases } = loadCases();
// In a fresh clone it downloads protos, which may take longer than a test.
const contracts = await buildContracts();

/** Reasons that no case expects, and why. */
const notCaused: Readonly<Record<string, string>> = {
  SHUTTING_DOWN: 'while a process stops, and all cases share the processes',
  CIRCUIT_OPEN: 'while a dependency keeps failing, which other cases need',
  TOO_MANY_CALLS: 'while a dependency is slow, which other cases need',
  INTERNAL: 'a bug',
  WATCH_TOO_OLD: 'once events are minutes old',
  SLOW_CONSUMER: 'while more events come than are kept in memory',
};

test('there are at least 80 cases', () => {
  expect(cases.length).toBeGreaterThanOrEqual(80);
});

test('every RPC of the contracts is called by a case', () => {
  const called = new Set(
    cases.flatMap(({ steps }) => steps.flatMap((step) => ('call' in step ? step.call : []))),
  );
  const all = [...contracts.services.values()].flatMap(({ typeName, methods }) =>
    typeName.startsWith('orderflow.') ? methods.map(({ name }) => `${typeName}/${name}`) : [],
  );
  expect(all.length).toBeGreaterThan(40);
  expect(all.filter((method) => !called.has(method))).toEqual([]);
});

test('every reason of docs/errors.md is expected by a case, or it is said why none can cause it', () => {
  const [, section = ''] = readFileSync(join(root, 'docs/errors.md'), 'utf8').split('\n## RPC reasons\n');
  const [table = ''] = section.split('\n## ');
  const reasons = [...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, reason = '']) => reason);
  expect(reasons.length).toBeGreaterThan(40);
  const expected = JSON.stringify(
    cases.flatMap(({ steps }) => steps.map((step) => step.expect)),
  ).toUpperCase();
  const missing = reasons.filter((reason) => !expected.includes(`"${reason}"`));
  expect(missing.sort()).toEqual(Object.keys(notCaused).sort());
});

test('docs/polyglot.md has the versions of the clients, in the order of the table', () => {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const { catalog } = parse(read('pnpm-workspace.yaml')) as { catalog: Record<string, string> };
  const goVersion = (module: string) =>
    new RegExp(`\\s${module} v(\\S+)`).exec(read('interop/go/go.mod'))?.[1];
  const pythonVersion = (name: string) =>
    new RegExp(`^${name}==(.*)$`, 'm').exec(read('interop/python/requirements.txt'))?.[1];
  const versions: Record<Column, string | undefined> = {
    grpcurl: goVersion('github.com/fullstorydev/grpcurl'),
    'buf curl': catalog['@bufbuild/buf'],
    'curl Connect': 'any',
    'curl Connect GET': 'any',
    'curl REST': 'any',
    'grpc-js': catalog['@grpc/grpc-js'],
    'Connect-ES': catalog['@connectrpc/connect-node'],
    'connect-go': goVersion('connectrpc.com/connect'),
    'grpc-go': goVersion('google.golang.org/grpc'),
    grpcio: pythonVersion('grpcio'),
    connectrpc: pythonVersion('connectrpc'),
    'Chromium Connect': catalog['@connectrpc/connect-web'],
    'Chromium gRPC-Web': catalog['@connectrpc/connect-web'],
  };
  const [, section = ''] = read('docs/polyglot.md').split('\n## Clients\n');
  const [table = ''] = section.split('\n## ');
  const rows = [...table.matchAll(/^\| ([^|]+) \| ([^|]+) \|/gm)].map(([, name, version]) => [name, version]);
  expect(rows.slice(2)).toEqual(Object.entries(versions));
  expect(Object.keys(versions)).toEqual(columns);
});

test('a case that is not what it should be is named, with its file and what is wrong', () => {
  const read = (text: string) => () => readCases(text, 'wrong.yaml');
  expect(read('topic: Wrong\ncases: []')).toThrow('wrong.yaml: cases');
  const steps = (step: string) => `topic: Wrong\ncases: [{ name: a case of mine, steps: [${step}] }]`;
  expect(read(steps('{ call: NoMethod }'))).toThrow(
    'wrong.yaml: case "a case of mine", steps.0.call: call: the full name of a service, a slash, and a method',
  );
  expect(read(steps('{ call: a.B/C, exepct: {} }'))).toThrow(/a case of mine.*exepct/);
  for (const ofGiven of ['held: 100', 'meanwhile: true'])
    expect(read(steps(`{ call: a.B/C, ${ofGiven} }`))).toThrow(/a case of mine.*Unrecognized key/);
  expect(read(steps('{ http: nothing, expect: { status: 200 } }'))).toThrow(
    /a case of mine.*a method and a path/,
  );
});

test('what is expected is compared member by member', () => {
  const actual = { id: 'o-1', count: '2', lines: [{ sku: 'A' }, { sku: 'B' }], empty: undefined };
  const expected = (pattern: Expected['pattern']) => new Expected(pattern);
  expect(differences(actual, { id: 'o-1', count: 2, lines: [{}, { sku: 'B' }] })).toEqual([]);
  expect(differences(actual, { id: expected({ kind: 'matches', text: '^o-' }) })).toEqual([]);
  expect(differences(actual, { lines: expected({ kind: 'including', items: [{ sku: 'B' }] }) })).toEqual([]);
  expect(differences(actual, { other: expected({ kind: 'absent' }), id: expected({ kind: 'any' }) })).toEqual(
    [],
  );
  expect(differences(actual, { id: 'o-2' })).toEqual(['id is "o-1" instead of "o-2"']);
  expect(differences(actual, { lines: [{}] })[0]).toMatch(/^lines has 2 items instead of 1/);
  expect(differences(actual, { lines: expected({ kind: 'including', items: [{ sku: 'C' }] }) })).toHaveLength(
    1,
  );
  expect(differences(actual, { id: expected({ kind: 'absent' }) })).toHaveLength(1);
  for (const pattern of [{ kind: 'any' }, { kind: 'matches', text: '' }] as const)
    expect(differences(actual, { none: expected(pattern) })).toEqual(['none is missing']);
  expect(differences(actual, { lines: expected({ kind: 'length', length: 3 }) })).toHaveLength(1);
});

test('names are replaced everywhere in a request, and repeated as often as it says', () => {
  const request = `{ a: "\${x}-1", b: !repeat { times: 2, of: { c: "\${index}" } }, d: !text { times: 3, of: e } }`;
  const text = `topic: Some\ncases: [{ name: a case of mine, steps: [{ call: a.B/C, request: ${request} }] }]`;
  const [step] = readCases(text, 'some.yaml').cases[0]?.steps ?? [];
  const read = step && 'call' in step ? step.request : undefined;
  expect(substitute(read, (name) => name.toUpperCase())).toEqual({
    a: 'X-1',
    b: [{ c: '1' }, { c: '2' }],
    d: 'eee',
  });
});

test('a call without a response has not succeeded, even where nothing of it is compared', async () => {
  const text = `topic: Some\ncases: [{ name: a case of mine, steps: [{ call: ${aMethod} }] }]`;
  const [each] = readCases(text, 'some.yaml').cases;
  if (each === undefined) throw new Error('the file has no case');
  const unused = createConnectEs(contracts);
  const target = {
    ...{ contracts, preparing: unused, holding: unused, namesOf: createNames() },
    urlOf: () => 'http://127.0.0.1:1',
    tokens: async () => undefined,
  };
  const endingWith = (messages: Ending['messages']) =>
    runCell(target, each, { id: 'x', client: { call: async () => ({ ...emptyEnding, messages }) } });
  await expect(endingWith([])).rejects.toThrow(`${aMethod} succeeded with 0 responses`);
  await expect(endingWith([{}, {}])).rejects.toThrow(`${aMethod} succeeded with 2 responses`);
  await endingWith([{}]);
});

const aMethod = 'orderflow.order.v1.OrderService/GetOrder';
const aCall = { url: '', service: '', method: '', request: {}, headers: {} };

test.for([
  ['no JSON', 'head -1 > /dev/null; echo panic', /has written what answers no call: panic/],
  ['null', 'head -1 > /dev/null; echo null', /has written what answers no call: null/],
  [
    'the answer to no call',
    `head -1 > /dev/null; echo '{"id":7}'`,
    /has written what answers no call: {"id":7}/,
  ],
  ['nothing', 'exit 3', /has exited: 3/],
] as const)('a driver that writes %s fails its calls at once', async ([, script, message]) => {
  const driver = startDriver('sh', ['-c', script]);
  await expect(driver.call(aCall)).rejects.toThrow(message);
  await driver.stop?.();
});
