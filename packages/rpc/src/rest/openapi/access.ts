import { type DescMethod, getOption, type JsonObject } from '@bufbuild/protobuf';
import { access, Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { roleName } from '../../access/tokens.ts';

/** How calls are authenticated, as a component of the document. */
export const securitySchemes: JsonObject = {
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'A token of the identity provider that the server has in `AUTH_ISSUER`; without that it needs none.',
  },
};

const ownOf = {
  customerField: 'customer (itself)',
  stored: 'customer (its own)',
  shared: 'customer',
} as const;

/** Who may call a method, for people: roles, and whose objects. */
export function callersOf(method: DescMethod): string[] {
  const { public: isPublic, roles, own } = getOption(method, access);
  if (isPublic) return ['everybody'];
  return roles.map((role) => (role === Role.CUSTOMER && own.case ? ownOf[own.case] : roleName(role)));
}

/** What the document says of who may call a method. `text`: the description of the method. */
export function describeAccess(method: DescMethod, text: string): JsonObject {
  if (getOption(method, access).public) return text === '' ? {} : { description: text };
  const sentence = `Roles: ${callersOf(method).join(', ')}.`;
  return {
    description: text === '' ? sentence : `${text}\n\n${sentence}`,
    // None, where the server requires no tokens.
    security: [{ token: [] }, {}],
  };
}
