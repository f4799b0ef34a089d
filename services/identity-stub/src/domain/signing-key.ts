/** A private key that signs tokens, as a JSON Web Key with its id and its algorithm. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly [member: string]: string;
}
