import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { documentationOf, documentationOfMember } from '../../packages/rpc/src/rest/openapi/comments.ts';
import { messageRuleTexts } from '../../packages/rpc/src/rest/openapi/field-rules.ts';
import { shortName } from './contracts.ts';
import { cell, code, escapeText, linkTo, table } from './markdown.ts';
import { choicesInWords, rulesInWords } from './rules.ts';

/** What a message or an enum means, and each of its fields or values. */
export function typeSection(desc: DescMessage | DescEnum): string {
  const parts = [`### ${shortName(desc)}`, escapeText(documentationOf(desc).text)];
  if (desc.kind === 'enum') return [...parts, valueTable(desc)].join('\n\n');
  const rules = [...messageRuleTexts(desc).map((text) => `Rule: ${text}.`), ...choicesInWords(desc)];
  return [...parts, ...rules, desc.fields.length > 0 ? fieldTable(desc) : 'It has no fields.'].join('\n\n');
}

function fieldTable(desc: DescMessage): string {
  const hasRules = desc.fields.some((field) => rulesInWords(field) !== '');
  const rows = desc.fields.map((field) => {
    const { text, example } = documentationOfMember(desc, field);
    const meaning = [cell(text), ...(example === undefined ? [] : [`Example: ${code(example)}.`])].join(' ');
    return [code(field.name), typeOf(field), ...(hasRules ? [rulesInWords(field)] : []), meaning];
  });
  return table(['field', 'type', ...(hasRules ? ['rules'] : []), 'meaning'], rows);
}

function valueTable(desc: DescEnum): string {
  const rows = desc.values.map((value) => [
    code(value.name),
    String(value.number),
    cell(documentationOfMember(desc, value).text),
  ]);
  return table(['value', 'number', 'meaning'], rows);
}

function typeOf(field: DescField): string {
  const { message, enum: enumType, scalar, fieldKind } = field;
  const from = field.parent.file.proto.package;
  const type = message ?? enumType;
  const single = type === undefined ? (ScalarType[scalar ?? 0] ?? '').toLowerCase() : linkTo(type, from);
  if (fieldKind === 'list') return `repeated ${single}`;
  if (fieldKind === 'map') return `map of ${ScalarType[field.mapKey]?.toLowerCase()} to ${single}`;
  return single;
}
