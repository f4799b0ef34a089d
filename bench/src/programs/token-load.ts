// Calls GetOrder over gRPC, 16 calls at once: URL COUNT [KIND KEY]. KIND: `known`, all calls have one token, or `new`,
// each has its own; KEY: the private JWK that signs them. Without: no tokens. Prints {seconds}.
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { importJWK, SignJWT } from 'jose';
import { tokenAlgorithm, tokenTerms } from '../token-terms.ts';

const [baseUrl = '', count = '0', kind = 'none', jwk = '{}'] = process.argv.slice(2);
const callers = 16;
const client = createClient(OrderService, createGrpcTransport({ baseUrl }));

async function signTokens(number: number): Promise<string[]> {
  const key = await importJWK(JSON.parse(jwk), tokenAlgorithm);
  const { issuer, audience } = tokenTerms;
  return Promise.all(
    Array.from({ length: number }, (_, jti) =>
      new SignJWT({ roles: ['customer'], jti: `${process.pid}-${jti}` })
        .setProtectedHeader({ alg: tokenAlgorithm, kid: 'bench' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject('c-1')
        .setExpirationTime('1h')
        .sign(key),
    ),
  );
}

const tokens = kind === 'none' ? [] : await signTokens(kind === 'new' ? Number(count) : 1);
const began = performance.now();
let next = 0;
await Promise.all(
  Array.from({ length: callers }, async () => {
    while (next < Number(count)) {
      const token = tokens[next % tokens.length];
      next += 1;
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      await client.getOrder({ orderId: 'o-1' }, { headers });
    }
  }),
);
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000 }));
process.exit();
