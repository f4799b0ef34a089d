/** The terms of tokens in the benchmark of access. */
export const tokenTerms = {
  issuer: 'https://id.example',
  audience: 'orderflow',
  rolesClaim: 'roles',
  customerClaim: 'sub',
};

/** What most identity providers sign with. */
export const tokenAlgorithm = 'RS256';
