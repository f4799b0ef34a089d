import { importJWK, SignJWT } from 'jose';

/** The terms of tokens in the benchmark of access. */
export const tokenTerms = {
  issuer: 'https://id.example',
  audience: 'orderflow',
  rolesClaim: 'roles',
  customerClaim: 'sub',
};

/** What most identity providers sign with. */
export const tokenAlgorithm = 'RS256';

/** Signs different tokens of one customer. `jwk`: the private key, as JSON. */
export async function signTokens(jwk: string, customer: string, count: number): Promise<string[]> {
  const key = await importJWK(JSON.parse(jwk), tokenAlgorithm);
  const { issuer, audience } = tokenTerms;
  return Promise.all(
    Array.from({ length: count }, (_, number) =>
      new SignJWT({ roles: ['customer'], jti: `${process.pid}-${number}` })
        .setProtectedHeader({ alg: tokenAlgorithm, kid: 'bench' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(customer)
        .setExpirationTime('1h')
        .sign(key),
    ),
  );
}
