import { type DescField, type DescMessage, getOption, isFieldSet, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { field as fieldRules, MapRulesSchema, RepeatedRulesSchema } from '../gen/buf/validate/validate_pb.ts';
import { enumProblem, timeProblem } from './json-text.ts';

/** The limit for lists and maps for which the contract has no rule. */
export const DEFAULT_MAX_ITEMS = 1000;

/** The properties of a field that are needed to check encoded bytes. */
export interface FieldPlan {
  readonly name: string;
  /** The wire type of a value; of an element, where the field is a list. */
  readonly wireType: WireType;
  /** Whether a packed list of numbers is also accepted. */
  readonly packable: boolean;
  /** The maximum number of elements or entries of a list or map; undefined for other fields. */
  readonly maxItems: number | undefined;
  /** The rule of the contract that `maxItems` comes from, or the one that would express it. */
  readonly rule: 'repeated.max_items' | 'map.max_pairs';
  /** A 64-bit number, which JSON writes as a string. */
  readonly isLong: boolean;
  /** An enum, or a list of one. */
  readonly isEnum: boolean;
  /** The message in it, or the entry of a map. */
  readonly message: MessagePlan | undefined;
  /** Why a JSON text is not a value of this field, where the decoder would misread it. */
  readonly textProblem?: (text: string) => string | undefined;
}

/** The properties of a message type that are needed to check encoded bytes. */
export interface MessagePlan {
  readonly typeName: string;
  readonly byNumber: ReadonlyMap<number, FieldPlan>;
  /** By both names that JSON may use. Empty for types with a special JSON representation. */
  readonly byJsonName: ReadonlyMap<string, FieldPlan>;
  /** Has neither lists nor messages. */
  readonly isFlat: boolean;
}

const plans = new WeakMap<DescMessage, MessagePlan>();

/** The plan of a message type, cached. */
export function planOf(desc: DescMessage): MessagePlan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const byNumber = new Map<number, FieldPlan>();
  const byJsonName = new Map<string, FieldPlan>();
  const plan = {
    typeName: desc.typeName,
    byNumber,
    byJsonName,
    isFlat: desc.fields.every((field) => field.fieldKind === 'scalar' || field.fieldKind === 'enum'),
  };
  // Registered before its fields are planned: a type may contain itself.
  plans.set(desc, plan);
  for (const field of desc.fields) {
    const fieldPlan = planField(field);
    byNumber.set(field.number, fieldPlan);
    if (desc.typeName.startsWith('google.protobuf.')) continue;
    byJsonName.set(field.jsonName, fieldPlan);
    byJsonName.set(field.name, fieldPlan);
  }
  return plan;
}

/** The maximum total number of elements of the lists and maps of a message, including nested messages. */
export function maxElements(desc: DescMessage): number {
  let max = maxElementsOf.get(desc);
  if (max === undefined) {
    max = sumOfElements(desc, []);
    maxElementsOf.set(desc, max);
  }
  return max;
}

const maxElementsOf = new WeakMap<DescMessage, number>();

function sumOfElements(desc: DescMessage, above: readonly DescMessage[]): number {
  // A recursive type has no limit: one level of it counts.
  if (above.includes(desc)) return 0;
  let sum = 0;
  for (const field of desc.fields) {
    const inside = field.message ? sumOfElements(field.message, [...above, desc]) : 0;
    const items = maxItemsOf(field);
    sum += items === undefined ? inside : items * (1 + inside);
  }
  return sum;
}

function planField(field: DescField): FieldPlan {
  const common = {
    name: field.name,
    isEnum: field.enum !== undefined,
    maxItems: maxItemsOf(field),
    rule: field.fieldKind === 'map' ? ('map.max_pairs' as const) : ('repeated.max_items' as const),
  };
  if (field.fieldKind === 'map') {
    const message = planEntry(field);
    return { ...common, wireType: WireType.LengthDelimited, packable: false, isLong: false, message };
  }
  if (field.message) {
    const message = planOf(field.message);
    return {
      ...common,
      wireType: WireType.LengthDelimited,
      packable: false,
      isLong: false,
      message,
      ...(field.message.typeName === TimestampSchema.typeName && { textProblem: timeProblem }),
    };
  }
  const wireType = field.enum ? WireType.Varint : wireTypeOf(field.scalar);
  const packable = field.fieldKind === 'list' && wireType !== WireType.LengthDelimited;
  const isLong = field.scalar !== undefined && longScalars.has(field.scalar);
  const textProblem = field.enum && enumProblem(field.enum);
  return { ...common, wireType, packable, isLong, message: undefined, ...(textProblem && { textProblem }) };
}

/** An entry of a map is encoded as a message of two fields. */
function planEntry(field: DescField & { fieldKind: 'map' }): MessagePlan {
  const common = {
    maxItems: undefined,
    packable: false,
    rule: 'map.max_pairs' as const,
    isLong: false,
    isEnum: false,
  };
  const message = field.message && planOf(field.message);
  const wireType = field.enum
    ? WireType.Varint
    : field.message
      ? WireType.LengthDelimited
      : wireTypeOf(field.scalar);
  const byNumber = new Map<number, FieldPlan>([
    [1, { ...common, name: 'key', wireType: wireTypeOf(field.mapKey), message: undefined }],
    [2, { ...common, name: 'value', wireType, message }],
  ]);
  return {
    typeName: `an entry of ${field.name}`,
    byNumber,
    byJsonName: new Map(),
    isFlat: message === undefined,
  };
}

function maxItemsOf(field: DescField): number | undefined {
  if (field.fieldKind !== 'list' && field.fieldKind !== 'map') return undefined;
  const { type } = getOption(field, fieldRules);
  if (type.case === 'repeated' && isFieldSet(type.value, RepeatedRulesSchema.field.maxItems)) {
    return Number(type.value.maxItems);
  }
  if (type.case === 'map' && isFieldSet(type.value, MapRulesSchema.field.maxPairs)) {
    return Number(type.value.maxPairs);
  }
  return DEFAULT_MAX_ITEMS;
}

/** The types whose values a double does not always hold: JSON has them as texts. */
export const longScalars: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

function wireTypeOf(scalar: ScalarType | undefined): WireType {
  switch (scalar) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    default:
      return WireType.Varint;
  }
}
