/** The roles that a person can have. */
export const personRoles = ['customer', 'operator'] as const;

/** A person whose token a client of the kind `people` may get. */
export interface Person {
  readonly subject: string;
  readonly role: (typeof personRoles)[number];
}

/**
 * The grant of a person's token: an extension of OAuth (RFC 6749, 4.5) with the parameters `role` and `subject`. It
 * asks for no password.
 */
export const personGrantType = 'urn:orderflow:grant:person';

/** Reads the parameters of {@link personGrantType}. Returns a sentence when they are invalid. */
export function readPerson(parameters: {
  readonly role?: unknown;
  readonly subject?: unknown;
}): Person | string {
  const { role, subject } = parameters;
  const known = personRoles.find((name) => name === role);
  if (known === undefined) return `role must be one of ${personRoles.join(', ')}`;
  if (typeof subject !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(subject)) {
    return 'subject must be 1 to 128 characters without spaces';
  }
  return { subject, role: known };
}
