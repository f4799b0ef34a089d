import { defineSettings } from './config.ts';
import { positiveIntegerOrOff } from './setting-schemas.ts';

/** How often callers may call. Callers are known by their tokens: without `AUTH_ISSUER` there are no limits. */
export const rateLimitSettings = defineSettings({
  rateLimit: {
    env: 'RATE_LIMIT',
    schema: positiveIntegerOrOff,
    default: '50',
    description:
      'How many calls a second each customer and each operator may make, on average over two seconds: twice as many may come at once. Heavy methods count as several; off: no limit.',
  },
  serviceRateLimit: {
    env: 'RATE_LIMIT_SERVICES',
    schema: positiveIntegerOrOff,
    default: 'off',
    description: 'The same for each service that calls.',
  },
});
