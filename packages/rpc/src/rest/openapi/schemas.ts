import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt';
import { DEFAULT_MAX_ITEMS, longScalars } from '@orderflow/contracts';
import { MoneySchema } from '@orderflow/contracts/google/type/money';
import { shortEnumNames } from '../enum-names.ts';
import { documentationOf, documentationOfMember } from './comments.ts';
import { messageRuleTexts, requiredMembers, rulesOf } from './field-rules.ts';
import { eventMoneySchema, moneySchema } from './money-schemas.ts';

/**
 * What is described: JSON of REST, or of protobuf as Connect has it; in requests, responses or events, or parameters of
 * paths and queries.
 */
export interface Form {
  readonly protocol: 'rest' | 'connect';
  readonly direction: 'parameter' | 'request' | 'response' | 'event';
}

/** Describes messages as JSON Schemas, which refer to each other as components of the document. */
export interface Schemas {
  /** A message, by reference. */
  message(desc: DescMessage, form: Form): JsonObject;
  /** A whole response: its lists are always there. */
  response(desc: DescMessage, form: Form): JsonObject;
  /** A whole request, in place, without some of its fields. */
  request(desc: DescMessage, form: Form, without?: ReadonlySet<DescField>): JsonObject;
  /** The value of a field, with its description. */
  field(field: DescField, form: Form): JsonObject;
  /** Every schema that was referred to, by its name. */
  components(): JsonObject;
}

export function createSchemas(): Schemas {
  const components = new Map<string, JsonObject>();
  const owners = new Map<string, string>();

  /** Refers to the component of a type, which is made first if it does not exist. */
  function refer(
    desc: DescMessage | DescEnum,
    form: Form,
    suffix: string,
    make: () => JsonObject,
  ): JsonObject {
    const { typeName, file } = desc;
    const packageLength = file.proto.package.length + 1;
    const short = `${form.protocol === 'rest' ? typeName.slice(packageLength) : typeName}${suffix}`;
    // Two packages may have types of the same name.
    const name = (owners.get(short) ?? typeName) === typeName ? short : `${typeName}${suffix}`;
    if (!components.has(name)) {
      owners.set(name, typeName);
      // A type may contain itself.
      components.set(name, {});
      components.set(name, make());
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  function message(desc: DescMessage, form: Form): JsonObject {
    const { typeName } = desc;
    if (typeName === 'google.protobuf.Timestamp') return { type: 'string', format: 'date-time' };
    if (typeName === 'google.protobuf.Duration')
      return { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?s$' };
    if (typeName === 'google.protobuf.FieldMask') return { type: 'string' };
    // Whatever JSON has for these.
    if (typeName.startsWith('google.protobuf.')) return {};
    if (typeName === MoneySchema.typeName && form.protocol === 'rest' && form.direction === 'response')
      return refer(desc, form, '', () => moneySchema);
    if (typeName === MoneySchema.typeName && form.direction === 'event')
      return refer(desc, form, '', () => eventMoneySchema);
    return refer(desc, form, form.direction === 'request' ? 'Input' : '', () => object(desc, form));
  }

  function object(
    desc: DescMessage,
    form: Form,
    options: { readonly without?: ReadonlySet<DescField>; readonly isWhole?: boolean } = {},
  ): JsonObject {
    const fields = desc.fields.filter((field) => !options.without?.has(field));
    const needed: ReadonlySet<DescField | DescOneof> =
      form.direction === 'request' ? requiredMembers(desc) : new Set();
    const isRequired = (field: DescField) =>
      needed.has(field) ||
      (form.direction === 'event' && isInEveryEvent(field)) ||
      (form.direction === 'response' &&
        form.protocol === 'rest' &&
        (isAlwaysThere(field) || (options.isWhole === true && field.fieldKind === 'list')));
    const required = fields.filter(isRequired).map(({ jsonName }) => jsonName);
    const texts = form.direction === 'request' ? messageRuleTexts(desc).map(asRule) : [];
    // Of a whole request it only says which method's it is.
    const isRequest = form.direction === 'request' && options.isWhole === true;
    const description = [isRequest ? '' : documentationOf(desc).text, ...texts].filter(Boolean).join('\n\n');
    return {
      type: 'object',
      ...(description !== '' && { description }),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, property(field, form)])),
      ...(required.length > 0 && { required }),
      ...choices(desc.oneofs, fields, needed),
      // REST refuses fields that do not exist; over RPC they are dropped.
      ...(form.direction === 'request' && form.protocol === 'rest' && { additionalProperties: false }),
    };
  }

  function property(field: DescField, form: Form): JsonObject {
    const { text, example } = documentationOfMember(field.parent, field);
    const examples = examplesOf(field, example);
    const texts = isChecked(form) ? rulesOf(field).texts.map(asRule) : [];
    const description = [text, ...texts].filter(Boolean).join(' ');
    return {
      ...value(field, form),
      ...(description !== '' && { description }),
      ...(examples.length > 0 && { examples }),
    };
  }

  function value(field: DescField, form: Form): JsonObject {
    const isRequest = isChecked(form);
    const { own, element } = isRequest ? rulesOf(field) : { own: {}, element: {} };
    switch (field.fieldKind) {
      case 'list':
        return {
          type: 'array',
          items: { ...single(field, form), ...element },
          ...(isRequest && { maxItems: DEFAULT_MAX_ITEMS }),
          ...own,
        };
      case 'map':
        return {
          type: 'object',
          additionalProperties: { ...single(field, form), ...element },
          ...(isRequest && { maxProperties: DEFAULT_MAX_ITEMS }),
          ...own,
        };
      default:
        return { ...single(field, form), ...own };
    }
  }

  function single(field: DescField, form: Form): JsonObject {
    if (field.message) return message(field.message, form);
    const { enum: enumType } = field;
    if (enumType) return refer(enumType, form, '', () => enumSchema(enumType, form));
    return scalarSchema(field.scalar ?? ScalarType.STRING, form);
  }

  return {
    message,
    response: (desc, form) => refer(desc, form, '', () => object(desc, form, { isWhole: true })),
    request: (desc, form, without = new Set()) => object(desc, form, { without, isWhole: true }),
    field: property,
    components: () =>
      Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))) satisfies JsonObject,
  };
}

/** Whether rules hold: responses may come from servers of others, and no rule is about an event. */
function isChecked({ direction }: Form): boolean {
  return direction === 'request' || direction === 'parameter';
}

/**
 * Whether the field of an event always has a value. Its comment says so when it may have none; JSON of protobuf leaves
 * out 0 and false, too.
 */
function isInEveryEvent(field: DescField): boolean {
  const { parent, scalar, oneof } = field;
  if (!parent.typeName.startsWith('orderflow.') || scalar === ScalarType.BOOL || oneof !== undefined)
    return false;
  return !/\b(?:empty|absent|optional|0 for)\b/i.test(documentationOfMember(parent, field).text);
}

/** Numbers and booleans are there also when they are 0 or false; whatever else is empty is left out. */
function isAlwaysThere({ fieldKind, scalar, presence }: DescField): boolean {
  if (fieldKind !== 'scalar' || presence !== Presence.IMPLICIT) return false;
  return scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES;
}

function asRule(text: string): string {
  return `Rule: ${text}.`;
}

/** The example of a field as JSON has it; of maps and messages it is about a part of them only. */
function examplesOf({ fieldKind, scalar }: DescField, text: string | undefined): JsonValue[] {
  if (text === undefined || scalar === undefined || fieldKind === 'map') return [];
  const value = scalar === ScalarType.STRING ? text : (JSON.parse(text) as JsonValue);
  return [fieldKind === 'list' ? [value] : value];
}

/** Of the fields of a oneof at most one is there; exactly one, where the contract needs one. */
function choices(
  oneofs: readonly DescOneof[],
  fields: readonly DescField[],
  needed: ReadonlySet<DescField | DescOneof>,
): JsonObject {
  const all = oneofs.flatMap((oneof): JsonObject[] => {
    const names = oneof.fields.filter((field) => fields.includes(field)).map(({ jsonName }) => jsonName);
    // Of an optional field, or bound elsewhere.
    if (names.length < 2) return [];
    if (needed.has(oneof)) return [{ oneOf: names.map((name) => ({ required: [name] })) }];
    const pairs = names.flatMap((name, at) =>
      names.slice(at + 1).map((other) => ({ required: [name, other] })),
    );
    return [{ not: { anyOf: pairs } }];
  });
  return all.length > 1 ? { allOf: all } : (all[0] ?? {});
}

function enumSchema(desc: DescEnum, { protocol }: Form): JsonObject {
  const values = desc.values.filter(({ number, name }) => number !== 0 || !name.endsWith('_UNSPECIFIED'));
  const short = protocol === 'rest' ? shortEnumNames(desc) : undefined;
  const nameOf = ({ number, name }: DescEnum['values'][number]) => short?.get(number) ?? name;
  const meanings = values.map(
    (value) => `- \`${nameOf(value)}\`: ${documentationOfMember(desc, value).text}`,
  );
  return {
    type: 'string',
    enum: values.map(nameOf),
    description: `${documentationOf(desc).text}\n\n${meanings.join('\n')}`,
  };
}

function scalarSchema(scalar: ScalarType, { protocol, direction }: Form): JsonObject {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.BYTES:
      return { type: 'string', contentEncoding: 'base64' };
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: 'number' };
    default:
      return wholeNumberSchema(scalar, { protocol, direction });
  }
}

function wholeNumberSchema(scalar: ScalarType, { protocol, direction }: Form): JsonObject {
  const isLong = longScalars.has(scalar);
  const format = isLong ? 'int64' : 'int32';
  if (isChecked({ protocol, direction })) {
    const isUnsigned = unsigned.has(scalar);
    // A parameter is a text, which may have all of 64 bits; JavaScript cannot write their limits, the format says them.
    if (isLong && direction === 'parameter')
      return { type: 'integer', format, ...(isUnsigned && { minimum: 0 }) };
    // A JSON number beyond a double's whole numbers is refused: it may have been rounded already.
    const limit = isLong ? Number.MAX_SAFE_INTEGER : isUnsigned ? 2 ** 32 - 1 : 2 ** 31 - 1;
    const [minimum, maximum] = [isUnsigned ? 0 : isLong ? -limit : -limit - 1, limit];
    return { type: 'integer', format, minimum, maximum };
  }
  if (!isLong) return { type: 'integer', format };
  if (protocol === 'connect') return { type: 'string', format, pattern: '^-?[0-9]+$' };
  // Beyond what a double holds exactly it is a text.
  return { type: ['integer', 'string'], format, pattern: '^-?[0-9]{16,20}$' };
}

const unsigned: ReadonlySet<ScalarType> = new Set([
  ScalarType.UINT32,
  ScalarType.FIXED32,
  ScalarType.UINT64,
  ScalarType.FIXED64,
]);
