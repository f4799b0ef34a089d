import {
  create,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { isReflectList, isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import {
  type FieldRules,
  FieldRulesSchema,
  field as fieldOption,
  Ignore,
  message as messageOption,
} from '@orderflow/contracts/buf/validate/validate';

/** Schemas by the name of a rule, from its value. Other rules need an entry before a contract can use them. */
const schemaOfRule: Readonly<Record<string, (value: JsonValue) => JsonObject>> = {
  const: (value) => ({ const: value }),
  in: (values) => ({ enum: values }),
  not_in: (values) => ({ not: { enum: values } }),
  len: (length) => ({ minLength: length, maxLength: length }),
  min_len: (length) => ({ minLength: length }),
  max_len: (length) => ({ maxLength: length }),
  pattern: (pattern) => ({ pattern }),
  email: () => ({ format: 'email' }),
  uuid: () => ({ format: 'uuid' }),
  uri: () => ({ format: 'uri' }),
  lt: (limit) => ({ exclusiveMaximum: limit }),
  lte: (limit) => ({ maximum: limit }),
  gt: (limit) => ({ exclusiveMinimum: limit }),
  gte: (limit) => ({ minimum: limit }),
  min_items: (count) => ({ minItems: count }),
  max_items: (count) => ({ maxItems: count }),
  unique: (isUnique) => ({ uniqueItems: isUnique }),
  min_pairs: (count) => ({ minProperties: count }),
  max_pairs: (count) => ({ maxProperties: count }),
  // Only names of the enum are listed.
  defined_only: () => ({}),
  finite: () => ({}),
};

/** The rules of a field as keywords of JSON Schema. */
export interface RuleKeywords {
  /** Of the value; of the list or map itself, where it is one. */
  readonly own: JsonObject;
  /** Of each element of a list, or value of a map. */
  readonly element: JsonObject;
  /** Rules that JSON Schema cannot express, for people. */
  readonly texts: readonly string[];
}

/**
 * Returns the rules of the contract for a field. Those of times are left out: they allow every time that JSON can have.
 * @throws Error when a rule is not known here
 */
export function rulesOf(field: DescField): RuleKeywords {
  const rules = getOption(field, fieldOption);
  const texts = rules.cel.map(({ message }) => message);
  if (rules.ignore === Ignore.ALWAYS) return { own: {}, element: {}, texts: [] };
  const typed = typedRules(rules);
  const own = typed === undefined || isTime(field) ? {} : keywordsOf(typed, field);
  // The rule holds for values only that are not empty.
  const isOptional = rules.ignore === Ignore.IF_ZERO_VALUE && field.scalar !== undefined && hasKeys(own);
  return {
    own: isOptional && field.fieldKind === 'scalar' ? { anyOf: [{ maxLength: 0 }, own] } : own,
    element: elementRules(typed, field),
    texts,
  };
}

function hasKeys(object: JsonObject): boolean {
  return Object.keys(object).length > 0;
}

function isTime({ message }: DescField): boolean {
  return message?.typeName.startsWith('google.protobuf.') ?? false;
}

/** The rules for the type of the field, such as StringRules. */
function typedRules(rules: FieldRules): ReflectMessage | undefined {
  const [type] = FieldRulesSchema.oneofs;
  const message = reflect(FieldRulesSchema, rules);
  const field = type && message.oneofCase(type);
  const typed = field && message.get(field);
  return isReflectMessage(typed) ? typed : undefined;
}

function elementRules(typed: ReflectMessage | undefined, field: DescField): JsonObject {
  const elements = typed?.fields.find(({ name }) => name === 'items' || name === 'values');
  if (typed === undefined || elements === undefined || !typed.isSet(elements)) return {};
  const rules = typed.get(elements);
  const inner = isReflectMessage(rules) ? typedRules(rules.message as FieldRules) : undefined;
  return inner === undefined ? {} : keywordsOf(inner, field);
}

function keywordsOf(rules: ReflectMessage, field: DescField): JsonObject {
  const keywords: JsonObject = {};
  for (const rule of rules.fields) {
    if (!rules.isSet(rule) || ['items', 'keys', 'values', 'example'].includes(rule.name)) continue;
    if (field.enum !== undefined && rule.name !== 'defined_only') continue;
    const schema = schemaOfRule[rule.name];
    if (schema === undefined) {
      throw new Error(`${String(field)}: the rule ${rule.name} is not known to the OpenAPI document`);
    }
    Object.assign(keywords, schema(toJson(rules.get(rule))));
  }
  return keywords;
}

function toJson(value: unknown): JsonValue {
  if (isReflectList(value)) return [...value].map(toJson);
  return typeof value === 'bigint' ? Number(value) : (value as JsonValue);
}

/** The rules of a whole message that JSON Schema cannot express, for people. */
export function messageRuleTexts(desc: DescMessage): string[] {
  return getOption(desc, messageOption).cel.map(({ message }) => message);
}

const validator = createValidator();

/** Fields and oneofs that a message must have: those whose rules it breaks when it is empty. */
export function requiredMembers(desc: DescMessage): ReadonlySet<DescField | DescOneof> {
  const result = validator.validate(desc, create(desc));
  if (result.kind === 'error') throw result.error;
  const members = (result.violations ?? []).flatMap(({ field: [member, ...deeper] }) =>
    deeper.length === 0 && (member?.kind === 'field' || member?.kind === 'oneof') ? [member] : [],
  );
  return new Set(members);
}
