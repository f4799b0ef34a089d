import type { JsonObject } from '@bufbuild/protobuf';
import { blocksOf, escapeHtml, inlineOf } from './markdown.ts';
import { anchorOf, link, linkTo, objectOf, schemaTable } from './schema-table.ts';
import { style } from './style.ts';

const DAY_MS = 86_400_000;

/**
 * Renders an AsyncAPI document of ours as a page of HTML, with its style in it and without scripts. Its links are
 * relative to `/docs/events`.
 */
export function htmlOf(document: JsonObject): string {
  const { title = '', description = '' } = objectOf(document['info']) as Record<string, string>;
  const components = objectOf(document['components']);
  const schemas = objectOf(components['schemas']);
  const messages = Object.entries(objectOf(components['messages'])).map(
    ([name, message]) => [name, objectOf(message)] as const,
  );
  const channels = Object.entries(objectOf(document['channels'])).map(
    ([name, channel]) => [name, objectOf(channel)] as const,
  );
  const topics = channels.filter(([name]) => !isForDeadLetters(name));
  const whole = new Set(messages.map(([, { payload }]) => objectOf(payload)['$ref']));
  const partsOfMessages = Object.keys(schemas).filter((name) => !whole.has(`#/components/schemas/${name}`));
  const parts = [
    `<h1>${escapeHtml(title)}</h1>`,
    '<p><a href="../docs">RPC and REST</a> · <a href="../asyncapi.json">this document for programs</a> (AsyncAPI)</p>',
    blocksOf(description),
    '<h2 id="servers">Servers</h2>',
    serverTable(objectOf(document['servers'])),
    '<h2 id="topics">Topics</h2>',
    ...topics.map(([name, channel]) => topicSection(document, name, channel)),
    '<h3 id="dead-letters">Dead letters</h3>',
    deadLetterTable(document, channels),
    '<h2 id="messages">Messages</h2>',
    ...messages.map(([name, message]) => messageSection(name, message, schemas)),
    '<h2 id="schemas">Parts of messages</h2>',
    ...partsOfMessages.map((name) => partSection(name, objectOf(schemas[name]))),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<nav aria-label="Contents">
${contents(
  'Topics',
  'topics',
  topics.map(([name, channel]) => link(`#/channels/${name}`, String(channel['address']))),
)}
<strong><a href="#dead-letters">Dead letters</a></strong>
${contents(
  'Messages',
  'messages',
  messages.map(([name]) => linkTo(`#/messages/${name}`)),
)}
${contents(
  'Parts of messages',
  'schemas',
  partsOfMessages.map((name) => linkTo(`#/schemas/${name}`)),
)}
</nav>
<main>
${parts.join('\n')}
</main>
</body>
</html>
`;
}

function contents(title: string, anchor: string, links: readonly string[]): string {
  const items = links.map((one) => `<li>${one}</li>`).join('');
  return `<strong><a href="#${anchor}">${title}</a></strong><ul>${items}</ul>`;
}

function isForDeadLetters(name: string): boolean {
  return name.endsWith('DeadLetters');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (name: string, row: readonly string[]) =>
    row.map((cell) => `<${name}>${cell}</${name}>`).join('');
  return (
    `<div class="wide"><table><thead><tr>${cells('th', head)}</tr></thead>` +
    `<tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n')}</tbody></table></div>`
  );
}

function serverTable(servers: JsonObject): string {
  const rows = Object.entries(servers).map(([name, server]) => {
    const { host = '', protocol = '', description = '' } = objectOf(server) as Record<string, string>;
    return [escapeHtml(name), `<code>${escapeHtml(`${protocol}://${host}`)}</code>`, inlineOf(description)];
  });
  return table(['name', 'address', 'what it is'], rows);
}

function operationsOf(document: JsonObject, channel: string): JsonObject[] {
  return Object.values(objectOf(document['operations']))
    .map(objectOf)
    .filter((operation) => objectOf(operation['channel'])['$ref'] === `#/channels/${channel}`);
}

/** The process of an operation is its only tag. */
function processOf({ tags }: JsonObject): string {
  const [tag] = Array.isArray(tags) ? tags : [];
  return escapeHtml(String(objectOf(tag)['name'] ?? ''));
}

function kafkaOf(channel: JsonObject) {
  const kafka = objectOf(objectOf(channel['bindings'])['kafka']);
  const settings = objectOf(kafka['topicConfiguration']);
  const retentionMs = Number(settings['retention.ms']);
  return {
    partitions: String(kafka['partitions']),
    kept: retentionMs < 0 ? 'for ever' : `${retentionMs / DAY_MS} days`,
    largest: `${Number(settings['max.message.bytes']) / 1024} KiB`,
  };
}

function topicSection(document: JsonObject, name: string, channel: JsonObject): string {
  const { partitions, kept, largest } = kafkaOf(channel);
  const operations = operationsOf(document, name).map((operation) => {
    const action = String(operation['action']);
    return [
      processOf(operation),
      `<span class="${action === 'send' ? 'send' : 'receive'}">${action === 'send' ? 'writes' : 'reads'}</span>`,
      inlineOf(String(operation['summary'] ?? '')),
    ];
  });
  const messages = Object.keys(objectOf(channel['messages'])).map((name) => linkTo(`#/messages/${name}`));
  return `<h3 id="${anchorOf(`#/channels/${name}`)}">${escapeHtml(String(channel['address']))}</h3>
${blocksOf(String(channel['description']))}
<p>Created with ${partitions} partitions; records are kept ${kept}, and have at most ${largest}.</p>
<p>Messages: ${messages.join(', ')}.</p>
${table(['process', '', 'for'], operations)}`;
}

function deadLetterTable(document: JsonObject, channels: readonly (readonly [string, JsonObject])[]): string {
  const rows = channels
    .filter(([name]) => isForDeadLetters(name))
    .map(([name, channel]) => [
      `<code>${escapeHtml(String(channel['address']))}</code>`,
      operationsOf(document, name).map(processOf).join(', '),
      inlineOf(String(channel['description'])),
    ]);
  return `<p>Each of these topics has the message ${linkTo('#/messages/DeadLetter')}, and keeps it for ever.</p>
${table(['topic', 'written by', 'holds'], rows)}`;
}

function messageSection(name: string, message: JsonObject, schemas: JsonObject): string {
  const kafka = objectOf(objectOf(message['bindings'])['kafka']);
  const key = String(objectOf(kafka['key'])['description'] ?? '');
  const type = message['contentType'];
  const [example] = Array.isArray(message['examples']) ? message['examples'].map(objectOf) : [];
  const { headers, payload: value } = example ?? {};
  const shown = [
    ...Object.entries(objectOf(headers)).map(([header, value]) => `${header}: ${String(value)}`),
    ...(headers !== undefined && value !== undefined ? [''] : []),
    ...(value === undefined ? [] : [JSON.stringify(value, undefined, 2)]),
  ];
  const payload = objectOf(message['payload']);
  const schema = String(payload['$ref'] ?? '').replace('#/components/schemas/', '');
  return `<h3 id="messages-${escapeHtml(name)}">${escapeHtml(String(message['title'] ?? name))}</h3>
<p><strong>${inlineOf(String(message['summary'] ?? ''))}.</strong></p>
${blocksOf(String(message['description'] ?? ''))}
<p>${type === undefined ? '' : `Content type: <code>${escapeHtml(String(type))}</code>. `}Key: ${inlineOf(key)}</p>
<h4>Value</h4>
${schemaTable(objectOf(schemas[schema] ?? payload))}
<h4>Headers</h4>
${schemaTable(objectOf(message['headers']))}
<h4>Example</h4>
<pre tabindex="0">${escapeHtml(shown.join('\n'))}</pre>`;
}

function partSection(name: string, schema: JsonObject): string {
  return `<h3 id="schemas-${escapeHtml(name)}">${escapeHtml(name.split('.').at(-1) ?? name)}</h3>
${blocksOf(String(schema['description'] ?? ''))}
${'properties' in schema ? schemaTable(schema) : ''}`;
}
