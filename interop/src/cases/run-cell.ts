import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '@bufbuild/protobuf';
import { eventually } from '@orderflow/testing/eventually';
import type { Call, Client, Ending } from '../clients/client.ts';
import { methodOf } from '../clients/connect-call.ts';
import type { ConnectEs } from '../clients/connect-es.ts';
import type { Contracts } from '../clients/contracts.ts';
import { calledBy } from './called.ts';
import type { CallStep, Case, GivenStep, HttpStep, Server, Step } from './case-schema.ts';
import { differences } from './compare.ts';
import type { createNames } from './names.ts';
import { substitute } from './substitute.ts';
import type { Tokens } from './tokens.ts';

/** The system that cases run against. */
export interface Target {
  readonly contracts: Pick<Contracts, 'services'>;
  urlOf(server: Server): string;
  readonly tokens: Tokens;
  readonly namesOf: ReturnType<typeof createNames>;
  /** Makes the calls that prepare a case. */
  readonly preparing: ConnectEs;
  /** Holds streams open, on connections of its own: of one only so many are allowed. */
  readonly holding: ConnectEs;
}

/** What a case has at hand while it runs in one cell. */
interface Cell {
  readonly target: Target;
  readonly names: ReturnType<Target['namesOf']>;
}

/** Longer than an order takes on a busy machine. */
const UNTIL_MS = 60_000;

/** Runs a case with a client. Rejects with what was not as expected. `id` is only used by this cell. */
export async function runCell(
  target: Target,
  { given, steps }: Case,
  { client, id }: { client: Client; id: string },
): Promise<void> {
  const cell: Cell = { target, names: target.namesOf(id) };
  const ended = new AbortController();
  const background: Promise<void>[] = [];
  const beside = (...work: Promise<void>[]) => {
    background.push(...work);
    // It is waited for at the end, and may fail before.
    for (const each of work) each.catch(() => {});
  };
  try {
    for (const step of given) {
      if (step.held !== undefined) beside(...(await hold(cell, step, ended.signal)));
      else if (step.meanwhile) beside(repeat(cell, step, ended.signal));
      else await runCall(cell, target.preparing, step);
    }
    for (const step of steps) await runStep(cell, client, step);
  } finally {
    ended.abort();
    // An error of a step is not hidden by one of these.
    await Promise.allSettled(background);
  }
  await Promise.all(background);
}

/** Opens streams that stay open until the signal; one that ends before, such as RATE_LIMITED, is opened again. */
async function hold(cell: Cell, step: GivenStep, signal: AbortSignal): Promise<Promise<void>[]> {
  const call = await callOf(cell, step);
  return Array.from({ length: step.held ?? 0 }, async () => {
    while (!signal.aborted) {
      await cell.target.holding.call(call, signal);
      await sleep(PAUSE_MS);
    }
  });
}

/** Between attempts to open a stream. */
const PAUSE_MS = 100;

async function repeat(cell: Cell, step: GivenStep, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await makeCall(cell, cell.target.preparing, step);
}

const runStep = (cell: Cell, client: Client, step: Step) =>
  'call' in step ? runCall(cell, client, step) : runHttp(cell, client, step);

async function runCall(cell: Cell, client: Client, step: CallStep): Promise<void> {
  const once = async () => {
    const ending = await makeCall(cell, client, step);
    const expected = substitute(step.expect, cell.names.lookup);
    const found = differences(comparable(ending), expected);
    if (found.length > 0) throw new Error(`${step.call}: ${found.join('\n')}\nIt ended with ${say(ending)}`);
    return ending;
  };
  const ending = step.until ? await eventually(once, { timeoutMs: UNTIL_MS, intervalMs: 50 }) : await once();
  for (const [name, path] of Object.entries(step.keep)) {
    cell.names.keep(name, valueAt(ending.messages.at(-1), path));
  }
}

/** Makes the calls that prepare the system for all cases. */
export async function prepare(target: Target, steps: readonly CallStep[]): Promise<void> {
  const cell: Cell = { target, names: target.namesOf('before') };
  for (const step of steps) await runCall(cell, target.preparing, step);
}

async function makeCall(cell: Cell, client: Client, step: CallStep): Promise<Ending> {
  const call = await callOf(cell, step);
  const ending = await (step.allPagesOf === undefined
    ? client.call(call)
    : callAllPages(client, call, step.allPagesOf));
  // Also where nothing of the response is compared.
  const { methodKind } = methodOf(cell.target.contracts.services, call).method;
  const count = ending.messages.length;
  if (methodKind === 'unary' && ending.code === 'ok' && count !== 1)
    throw new Error(`${step.call} succeeded with ${count} responses`);
  return ending;
}

async function callOf(cell: Cell, step: CallStep): Promise<Call> {
  const { service, method, server } = calledBy(step);
  return {
    ...{ url: cell.target.urlOf(server), service, method },
    request: substitute(step.request, cell.names.lookup) as JsonObject,
    headers: await headersOf(cell, step),
    ...(step.timeoutMs !== undefined && { timeoutMs: step.timeoutMs }),
    ...(step.cancelAfterMessages !== undefined && { cancelAfterMessages: step.cancelAfterMessages }),
    ...(step.cancelAfterMs !== undefined && { cancelAfterMs: step.cancelAfterMs }),
  };
}

/** Reads every page; the ending has one message with the items of all, and the number of pages. */
async function callAllPages(client: Client, call: Call, field: string): Promise<Ending> {
  const items: unknown[] = [];
  let pageToken = '';
  for (let pages = 1; ; pages += 1) {
    const request = { ...call.request, ...(pageToken !== '' && { pageToken }) };
    const ending = await client.call({ ...call, request });
    const [page] = ending.messages;
    if (page === undefined) return ending;
    items.push(...((page[field] ?? []) as unknown[]));
    pageToken = String(page['nextPageToken'] ?? '');
    if (pageToken === '') return { ...ending, messages: [{ [field]: items, pages } as JsonObject] };
  }
}

async function headersOf(cell: Cell, { as, headers }: Pick<Step, 'as' | 'headers'>) {
  const { lookup } = cell.names;
  const [role = '', subject] = String(substitute(as, lookup)).split(' ');
  // Every cell has people of its own, whose calls are limited apart.
  const own: Record<string, () => string> = {
    customer: () => `customer ${subject ?? lookup('customer')}`,
    operator: () => `operator ${subject ?? lookup('id')}`,
  };
  const token = await cell.target.tokens(own[role]?.() ?? role);
  return {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(substitute(headers, lookup) as Record<string, string>),
  };
}

/** What an expectation names of an ending. */
function comparable({ code, message, details, messages, headers, trailers }: Ending) {
  const info = details.find((detail) => String(detail['@type']).endsWith('/google.rpc.ErrorInfo'));
  return {
    ...{ code, text: message, details, messages, message: messages[0] },
    ...{ reason: info?.['reason'], metadata: info?.['metadata'] },
    headers: { ...headers, ...trailers },
  };
}

function say({ code, message, details, messages }: Ending): string {
  return JSON.stringify({ code, message, details, messages }).slice(0, 1500);
}

async function runHttp(cell: Cell, client: Client, step: HttpStep): Promise<void> {
  if (client.send === undefined) throw new Error(`the client cannot send ${step.http}: say \`only\``);
  const { lookup } = cell.names;
  const [method = '', path = ''] = String(substitute(step.http, lookup)).split(' ');
  const body = substitute(step.body, lookup);
  const response = await client.send({
    ...{ url: `${cell.target.urlOf(step.at)}${path}`, method },
    headers: await headersOf(cell, step),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const { json, ...expected } = substitute(step.expect, lookup) as HttpStep['expect'];
  const found = [
    ...differences(response, expected),
    ...(json === undefined ? [] : differences(JSON.parse(response.body), json)),
  ];
  if (found.length > 0) throw new Error(`${step.http}: ${found.join('\n')}\nIt ended with ${response.body}`);
}

function valueAt(json: unknown, path: string): string {
  let value = json;
  for (const name of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[name];
  if (value === undefined) throw new Error(`there is no ${path} in ${JSON.stringify(json)}`);
  return String(value);
}
