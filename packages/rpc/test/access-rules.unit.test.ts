import { create, type DescMethod, setExtension } from '@bufbuild/protobuf';
import { MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { type Access, AccessSchema, access, Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { expect, test } from 'vitest';
import { accessRule, checkAccessRules } from '../src/access/rules.ts';
import { startServer } from './fixture.ts';

/** GetCustomer with another option; undefined: without one. */
function methodWith(option: Partial<Access> | undefined): DescMethod {
  const options = create(MethodOptionsSchema);
  if (option) setExtension(options, access, create(AccessSchema, option as never));
  const method = CustomerService.method.getCustomer;
  return { ...method, proto: { ...method.proto, options } } as DescMethod;
}

test.for([
  ['no option', undefined, 'has no option'],
  ['no roles', {}, 'has no roles, and is not public'],
  ['both', { public: true, roles: [Role.OPERATOR] }, 'is public, and so needs no roles'],
  ['a role without a name', { roles: [Role.UNSPECIFIED] }, 'not specified'],
  ['customers, but not their own', { roles: [Role.CUSTOMER] }, 'how a customer'],
  [
    "customers' own without customers",
    { roles: [Role.OPERATOR], own: { case: 'stored', value: true } },
    'how a customer',
  ],
  [
    'a field that does not exist',
    { roles: [Role.CUSTOMER], own: { case: 'customerField', value: 'id' } },
    'no field id',
  ],
] as const)('a contract with %s is refused', ([, option, problem]) => {
  expect(() => accessRule(methodWith(option as Partial<Access>))).toThrow(problem);
});

test('all methods without one are named at once, and such a server is not created', async () => {
  const methods = [methodWith(undefined), methodWith({})];
  expect(() => checkAccessRules(methods)).toThrow(/GetCustomer has no option.*\n.*GetCustomer has no roles/);
  const bare = { ...CustomerService, methods: [methodWith(undefined)] };
  await expect(startServer({ services: [bare as never] })).rejects.toThrow('do not say who may call');
});

test('health and reflection are public, though their contracts do not say so', () => {
  expect(accessRule(Health.method.check).isPublic).toBe(true);
});
