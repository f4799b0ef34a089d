import type { DescService, JsonObject } from '@bufbuild/protobuf';
import type { RestAdapter } from '../adapter.ts';
import type { Route } from '../routes.ts';
import { securitySchemes } from './access.ts';
import { documentationOf } from './comments.ts';
import { connectOperation, connectReads } from './connect-get.ts';
import { commonErrorResponses, connectErrorSchema, problemSchema, type Reasons } from './error-responses.ts';
import { healthOperations } from './health.ts';
import { headerParameters, operationOf } from './operations.ts';
import { createSchemas } from './schemas.ts';

/** What a server serves. */
export interface Served {
  /** The name of the process. */
  readonly service: string;
  /** What it serves over RPC. */
  readonly services: readonly DescService[];
  /** Of these services, and of others that it calls. */
  readonly routes: readonly Route[];
  readonly adapters: readonly RestAdapter[];
  /** The reasons of these services. */
  readonly reasons: Reasons;
  /** Whether the server has the page `/docs/events`. */
  readonly hasEventDocs?: boolean | undefined;
}

const healthTag = 'Health';
const connectTag = 'Connect';

const introduction = `\
Every path is served below \`/\` and below \`/api/v1\`.

**Names.** Responses have names such as \`customerId\`; requests may also have them as \`customer_id\`, as queries do. A
field or parameter that does not exist is refused by name; one that is \`null\` counts as left out.

**Values.** Whole numbers may also be sent as texts; beyond ±(2^53 − 1) responses have them as texts, too. Money has its
exact amount as a text. Numbers and booleans of a response, and the lists of the response itself, are always there;
whatever else is empty is left out. New fields may be added to responses.

**Pages.** A list has \`nextPageToken\` until its last page: send it as \`page_token\`, with the same conditions.

**Errors** are \`application/problem+json\`: \`error\` is for programs, \`message\` for people, \`violations\` has
everything that is wrong. Repeat a call after 503, and not before \`Retry-After\`. A path that does not exist is 404
with \`route_not_found\`; another HTTP method on one that does is 405, and \`Allow\` lists those that it has. HEAD is
there wherever GET is.
`;

/** Returns the OpenAPI 3.1 document of what a server serves. */
export function openApiOf({
  service,
  services,
  routes,
  adapters,
  reasons,
  hasEventDocs,
}: Served): JsonObject {
  const schemas = createSchemas();
  const reads = connectReads(services);
  const paths: Record<string, JsonObject> = {};
  const add = (path: string, httpMethod: string, operation: JsonObject, rest: JsonObject = {}) => {
    paths[path] = { ...rest, ...paths[path], [httpMethod.toLowerCase()]: operation };
  };
  const idOf = uniqueIds();
  const pathOf = uniquePaths();
  for (const route of routes) {
    const { path, variables } = pathOf(route);
    const names = { operationId: idOf(route), tag: tagOf(route.method.parent), variables };
    const adapter = adapters.find(({ method }) => method === route.method);
    add(path, route.httpMethod, operationOf(route, names, adapter?.description, schemas, reasons));
  }
  // These are not below /api/v1.
  const servers = [{ url: '/' }];
  for (const [path, operation] of healthOperations(healthTag)) add(path, 'GET', operation, { servers });
  for (const method of reads) {
    const path = `/${method.parent.typeName}/${method.name}`;
    add(path, 'GET', connectOperation(method, connectTag, schemas, reasons), { servers });
  }
  const described = new Set(routes.map(({ method }) => method.parent));
  return {
    openapi: '3.1.0',
    info: { title: `orderflow: ${service}`, version: '1', description: introduction },
    ...(hasEventDocs && { externalDocs: { url: 'docs/events', description: 'Topics and events on Kafka' } }),
    servers: [{ url: '/' }, { url: '/api/v1' }],
    tags: [
      ...[...described].map((desc) => ({ name: tagOf(desc), description: documentationOf(desc).text })),
      { name: healthTag, description: 'Whether the process works.' },
      {
        name: connectTag,
        description: 'The same reads over Connect. Every method is there with POST, too, and over gRPC.',
      },
    ],
    paths,
    components: {
      schemas: { ...schemas.components(), Problem: problemSchema, ConnectError: connectErrorSchema },
      parameters: headerParameters,
      responses: commonErrorResponses(reasons),
      securitySchemes,
    },
  };
}

/** `OrderService` is `Order`. */
function tagOf({ name }: DescService): string {
  return name.replace(/Service$/, '');
}

/** Names operations after their methods; further routes of a method, and methods of the same name, have a number. */
function uniqueIds(): (route: Route) => string {
  const counts = new Map<string, number>();
  return ({ method: { localName } }) => {
    const count = (counts.get(localName) ?? 0) + 1;
    counts.set(localName, count);
    return count === 1 ? localName : `${localName}${count}`;
  };
}

/** Paths that differ only in the names of their variables are one in the document: it has the first names. */
function uniquePaths(): (route: Route) => { path: string; variables: readonly string[] } {
  const known = new Map<string, readonly string[]>();
  return ({ segments, variables }) => {
    const form = segments.map((segment) => ('literal' in segment ? segment.literal : '{}')).join('/');
    // Of a field inside of a message its own name.
    const names = known.get(form) ?? variables.map(({ fields }) => fields.at(-1)?.name ?? '');
    known.set(form, names);
    let at = 0;
    return { path: `/${form.replaceAll('{}', () => `{${names[at++]}}`)}`, variables: names };
  };
}
