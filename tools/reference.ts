// Writes docs/reference, one page per package of the contracts: services, methods, messages and enums with their
// comments, rules, errors and examples; with --check only compares. Either way every example must be valid.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { callersOf } from '../packages/rpc/src/rest/openapi/access.ts';
import { documentationOf, documentationOfMethod } from '../packages/rpc/src/rest/openapi/comments.ts';
import { finish } from './generated.ts';
import { type ContractPackage, loadPackages, shortName } from './reference/contracts.ts';
import { anchorOf, cell, escapeText, fileOf, table } from './reference/markdown.ts';
import { methodSection, routesOf } from './reference/method.ts';
import { portOf } from './reference/ports.ts';
import { typeSection } from './reference/types.ts';
import { root } from './run.ts';

const folder = 'docs/reference';
const generated = '<!-- Generated from the contracts by `pnpm describe`: change the comments in proto/. -->';

function pageOf(contracts: ContractPackage): string {
  const { name, files, services, types } = contracts;
  const headings = [
    ...services.flatMap(({ methods }) => methods.map(({ name }) => name)),
    ...types.map(shortName),
  ];
  const anchors = headings.map(anchorOf);
  const twice = headings.find((heading, at) => anchors.indexOf(anchorOf(heading)) !== at);
  if (twice !== undefined) throw new Error(`${name}: two headings are ${twice}`);
  const sources = files.map(({ proto }) => `[${proto.name.split('/').at(-1)}](../../proto/${proto.name})`);
  const parts = [
    `# ${name}`,
    generated,
    `[All packages](README.md) · ${sources.join(', ')}`,
    ...services.flatMap((service) => [
      `## ${service.name}`,
      escapeText(documentationOf(service).text),
      table(
        ['method', 'what it does', 'callers', 'REST'],
        service.methods.map((method) => [
          `[${method.name}](#${anchorOf(method.name)})`,
          cell(documentationOfMethod(method).summary),
          callersOf(method).join(', '),
          routesOf(method)
            .map((route) => `\`${route}\``)
            .join(', '),
        ]),
      ),
      ...service.methods.map((method) => methodSection(method, { port: portOf(service) })),
    ]),
    '## Messages',
    ...(types.length > 5
      ? [types.map((type) => `[${shortName(type)}](#${anchorOf(shortName(type))})`).join(' · ')]
      : []),
    ...types.map(typeSection),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function indexOf(packages: readonly ContractPackage[]): string {
  const rows = packages.map(({ name, services, types }) => [
    `[${name}](${fileOf(name)})`,
    services.map((service) => `[${service.name}](${fileOf(name)}#${anchorOf(service.name)})`).join(', '),
    services.length > 0
      ? cell(services.map((service) => documentationOf(service).text.split(/(?<=\.)\s/)[0]).join(' '))
      : cell(
          types
            .filter(({ parent }) => parent === undefined)
            .map(({ name }) => name)
            .join(', '),
        ),
  ]);
  return `# API reference

${generated}

Every method, message and enum of the contracts, from the comments in [proto/](../../proto). Each method is served over
gRPC, gRPC-Web and Connect; those with a path also over REST, which \`/docs\` of the order API and
[openapi.json](../openapi.json) describe. Topics and events are in [events.md](../events.md), and for programs in
[asyncapi.json](../asyncapi.json).

${table(['package', 'services', 'contents'], rows)}

- **Names.** JSON has \`order_id\` as \`orderId\`; it may be sent as either.
- **Errors** of every method are in [errors.md](../errors.md#rpc-reasons), with what to do; a method names its own.
- **Callers** are roles of the token, see [security.md](../security.md). \`customer (itself)\` is one that names itself,
  \`customer (its own)\` one to whom the stored object belongs. Without \`AUTH_ISSUER\` no token is needed.
- **Repeating.** A \`request_id\` makes a call repeatable, see [errors.md](../errors.md#request-ids-and-retries).
- **Examples** work with \`pnpm dev\`. A stub implements the services of \`enrichment\`, \`gateway\` and \`testing\`.
`;
}

const packages = await loadPackages();
const files = new Map([
  [`${folder}/README.md`, indexOf(packages)],
  ...packages.map((contracts) => [`${folder}/${fileOf(contracts.name)}`, pageOf(contracts)] as const),
]);
const left = readdirSync(join(root, folder)).filter((file) => !files.has(`${folder}/${file}`));
finish(
  files,
  left.map((file) => `${folder}/${file} is of no package: delete it`),
);
