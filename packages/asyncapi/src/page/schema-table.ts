import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { blocksOf, escapeHtml, inlineOf } from './markdown.ts';

/** One member of an object, or of an object inside of it. */
interface Row {
  /** Its path, such as `lines[].quantity`. */
  readonly path: string;
  readonly schema: JsonObject;
  readonly isRequired: boolean;
}

/** Renders the members of a schema as a table; a schema that is no object, as a paragraph. */
export function schemaTable(schema: JsonObject): string {
  const rows = rowsOf(schema, '');
  if (rows.length === 0) return `<p>${typeOf(schema)}</p>${blocksOf(textOf(schema))}`;
  const body = rows.map(
    ({ path, schema: member, isRequired }) =>
      `<tr><td><code>${escapeHtml(path)}</code></td><td>${typeOf(member)}</td><td>${isRequired ? 'always' : ''}</td>` +
      `<td>${inlineOf(textOf(member))}${rulesOf(member)}</td></tr>`,
  );
  return (
    '<div class="wide"><table><thead><tr><th>name</th><th>type</th><th>present</th><th>meaning</th></tr></thead>' +
    `<tbody>${body.join('\n')}</tbody></table></div>`
  );
}

function rowsOf(schema: JsonObject, prefix: string): Row[] {
  const required = new Set(listOf(schema['required']));
  return Object.entries(objectOf(schema['properties'])).flatMap(([name, value]) => {
    const member = objectOf(value);
    const path = `${prefix}${name}`;
    const items = objectOf(member['items']);
    return [
      { path, schema: member, isRequired: required.has(name) },
      ...rowsOf(member, `${path}.`),
      ...rowsOf(items, `${path}[].`),
    ];
  });
}

/** The type of a value, with a link where the document has a schema of its own. */
function typeOf(schema: JsonObject): string {
  const { $ref: ref, type, format, items, const: only, enum: values } = schema;
  if (typeof ref === 'string') return linkTo(ref);
  if (type === 'array') return `list of ${typeOf(objectOf(items))}`;
  if (only !== undefined) return `<code>${escapeHtml(String(only))}</code>`;
  if (Array.isArray(values)) {
    return values.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(' or ');
  }
  if (type === undefined) return 'anything';
  return escapeHtml([listOf(type).join(' or '), format].filter(Boolean).join(', '));
}

/** Limits that a reader has to know. */
function rulesOf(schema: JsonObject): string {
  const names = [
    'pattern',
    'minimum',
    'maximum',
    'multipleOf',
    'minItems',
    'maxItems',
    'minLength',
    'maxLength',
  ];
  const rules = names
    .filter((name) => schema[name] !== undefined && !(name === 'pattern' && schema['format'] === 'int64'))
    .map((name) => `${name} <code>${escapeHtml(String(schema[name]))}</code>`);
  return rules.length === 0 ? '' : ` <span class="quiet">${rules.join(', ')}</span>`;
}

/** A link to the part of the page about what `ref` names, with the last part of its name as text. */
export function linkTo(ref: string): string {
  const name = ref.split('/').at(-1) ?? '';
  return link(ref, name.split('.').at(-1) ?? name);
}

/** A link to the part of the page about what `ref` names. */
export function link(ref: string, text: string): string {
  return `<a href="#${anchorOf(ref)}">${escapeHtml(text)}</a>`;
}

/** The id of the part of the page about `#/channels/orders`. */
export function anchorOf(ref: string): string {
  return escapeHtml(ref.replace('#/', '').replace('components/', '').replaceAll('/', '-'));
}

/** The description of a schema, of an enum without its values, which the type lists. */
function textOf({ description }: JsonObject): string {
  return typeof description === 'string' ? description : '';
}

/** The value as an object; an empty one where it is none. */
export function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/** The texts of a list, or the one that stands for it. */
export function listOf(value: JsonValue | undefined): string[] {
  if (Array.isArray(value)) return value.map(String);
  return value === undefined ? [] : [String(value)];
}
