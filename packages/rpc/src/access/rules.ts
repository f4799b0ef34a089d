import { type DescField, type DescMethod, getOption, hasOption, ScalarType } from '@bufbuild/protobuf';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionV1Alpha } from '@orderflow/contracts/grpc/reflection/v1alpha/reflection';
import { type Access, access, Role } from '@orderflow/contracts/orderflow/access/v1/access';

/** Who may call a method, as its contract says. */
export interface AccessRule {
  /** Every caller, without a token. */
  readonly isPublic: boolean;
  readonly roles: ReadonlySet<Role>;
  /** The field of the request with the id of the customer whose objects are asked for. */
  readonly customerField: DescField | undefined;
  /** What a call counts in rate limits. */
  readonly weight: number;
}

/** Their contracts are not ours. Probes and tools call them without a token. */
const alwaysPublic: ReadonlySet<string> = new Set(
  [Health, ServerReflection, ServerReflectionV1Alpha].map(({ typeName }) => typeName),
);

const publicRule: AccessRule = { isPublic: true, roles: new Set(), customerField: undefined, weight: 1 };

const rules = new WeakMap<DescMethod, AccessRule>();

/**
 * Returns who may call a method.
 * @throws Error when its contract does not say that, or contradicts itself
 */
export function accessRule(method: DescMethod): AccessRule {
  let rule = rules.get(method);
  if (rule === undefined) {
    rule = alwaysPublic.has(method.parent.typeName) ? publicRule : readRule(method);
    rules.set(method, rule);
  }
  return rule;
}

/**
 * Checks that the contract of every method says who may call it.
 * @throws Error that names every method of which it does not
 */
export function checkAccessRules(methods: readonly DescMethod[]): void {
  const problems = methods.flatMap((method) => {
    try {
      accessRule(method);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
  if (problems.length > 0) throw new Error(`Contracts do not say who may call:\n  ${problems.join('\n  ')}`);
}

function readRule(method: DescMethod): AccessRule {
  const name = `${method.parent.typeName}/${method.name}`;
  if (!hasOption(method, access)) throw new Error(`${name} has no option (orderflow.access.v1.access)`);
  const option = getOption(method, access);
  const { public: isPublic, roles, own, weight } = option;
  if (isPublic && (roles.length > 0 || own.case)) throw new Error(`${name} is public, and so needs no roles`);
  if (!isPublic && roles.length === 0) throw new Error(`${name} has no roles, and is not public`);
  if (roles.includes(Role.UNSPECIFIED)) throw new Error(`${name} has a role that is not specified`);
  if (roles.includes(Role.CUSTOMER) !== (own.case !== undefined)) {
    throw new Error(`${name} must say how a customer's own are known, exactly if customers may call it`);
  }
  return {
    isPublic,
    roles: new Set(roles),
    customerField: customerFieldOf(method, option, name),
    weight: weight || 1,
  };
}

function customerFieldOf(method: DescMethod, { own }: Access, name: string): DescField | undefined {
  if (own.case !== 'customerField') return undefined;
  const field = method.input.fields.find((each) => each.name === own.value);
  if (field?.fieldKind === 'scalar' && field.scalar === ScalarType.STRING && !field.oneof) return field;
  throw new Error(`${name} has no field ${own.value} of type string`);
}
