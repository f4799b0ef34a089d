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

/** What the document says of who may call a method. `text`: the description of the method. */
export function describeAccess(method: DescMethod, text: string): JsonObject {
  const { public: isPublic, roles, own } = getOption(method, access);
  if (isPublic) return text === '' ? {} : { description: text };
  const names = roles.map((role) => (role === Role.CUSTOMER && own.case ? ownOf[own.case] : roleName(role)));
  const sentence = `Roles: ${names.join(', ')}.`;
  return {
    description: text === '' ? sentence : `${text}\n\n${sentence}`,
    // None, where the server requires no tokens.
    security: [{ token: [] }, {}],
  };
}
