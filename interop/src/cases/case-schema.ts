import { z } from 'zod';

/** The columns of the table. */
export const columns = [
  'grpcurl',
  'buf curl',
  'curl Connect',
  'curl Connect GET',
  'curl REST',
  'grpc-js',
  'Connect-ES',
  'connect-go',
  'grpc-go',
  'grpcio',
  'connectrpc',
  'Chromium Connect',
  'Chromium gRPC-Web',
] as const;
export type Column = (typeof columns)[number];

/** The processes that a case can call. */
export const servers = [
  'order-api',
  'inventory',
  'payment',
  'notification',
  'enrichment-stub',
  'payment-gateway-stub',
] as const;
export type Server = (typeof servers)[number];

const pattern = z.unknown();
const object = z.record(z.string(), z.unknown());
const texts = z.record(z.string(), z.string());
const count = z.int().positive();

/** What is expected of a call. What is not named is not compared, except for the code. */
const expectation = z.strictObject({
  code: z.string().default('ok'),
  reason: z.string().optional(),
  metadata: object.optional(),
  details: pattern.optional(),
  text: pattern.optional(),
  message: pattern.optional(),
  messages: pattern.optional(),
  headers: object.optional(),
});

/** Whose token a call has. */
const as = z
  .string()
  .regex(
    /^(?:customer|operator|service|none|expired|forged|unsigned|customer \S+|operator \S+)$/,
    'as: customer [ID], operator [NAME], service, none, expired, forged or unsigned',
  );

const callStep = z.strictObject({
  call: z.string().regex(/^[\w.]+\/\w+$/, 'call: the full name of a service, a slash, and a method'),
  at: z.enum(servers).optional(),
  as: as.default('operator'),
  request: object.default({}),
  headers: object.default({}),
  timeoutMs: count.optional(),
  cancelAfterMessages: count.optional(),
  cancelAfterMs: count.optional(),
  /** Every page is read, and the items of this field are put together. */
  allPagesOf: z.string().optional(),
  /** The call is repeated until it ends as expected. */
  until: z.boolean().default(false),
  expect: expectation.default({ code: 'ok' }),
  keep: texts.default({}),
});
export type CallStep = z.output<typeof callStep>;

const givenStep = callStep.extend({
  /** The call is repeated until the case has ended, whatever becomes of it. */
  meanwhile: z.boolean().default(false),
  /** So many streams are opened, and stay open until the case has ended. */
  held: count.optional(),
});
export type GivenStep = z.output<typeof givenStep>;

const httpStep = z.strictObject({
  http: z.string().regex(/^[A-Z]+ \//, 'http: a method and a path'),
  at: z.enum(servers).default('order-api'),
  as: as.default('operator'),
  headers: object.default({}),
  body: z.unknown().optional(),
  expect: z.strictObject({
    status: z.int(),
    headers: object.optional(),
    json: pattern.optional(),
  }),
});
export type HttpStep = z.output<typeof httpStep>;

const step = z.union([callStep, httpStep]);
export type Step = CallStep | HttpStep;

const because = z.string().min(10);

const oneCase = z.strictObject({
  name: z.string().min(10),
  /** Prepares the case; these calls are made by Connect-ES, whatever the column is. */
  given: z.array(givenStep).default([]),
  steps: z.array(step).min(1),
  /** Cases that have the same name here do not run at the same time. */
  alone: z.string().optional(),
  /** The only columns that can do it, and why. */
  only: z.strictObject({ columns: z.array(z.enum(columns)).min(1), because }).optional(),
  /** Columns that cannot do it, and why. */
  except: z.partialRecord(z.enum(columns), because).default({}),
});

/** A file of cases. */
export const caseFile = z.strictObject({
  topic: z.string().min(3),
  /** What cases have in common, as anchors of YAML; not read. */
  shared: z.unknown().optional(),
  /** Calls that prepare the system for all cases. */
  before: z.array(callStep).default([]),
  cases: z.array(oneCase).min(1),
});

/** One case, with the topic of its file. */
export type Case = z.output<typeof oneCase> & { readonly topic: string };
