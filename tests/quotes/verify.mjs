/**
 * A shop's server verifies quotes in Node.js with `jose` (npm install jose).
 *
 *   QUOTE_KEYS  the shared keys, `kid:hex64[,kid:hex64]`, for quotes signed by HS256
 *   QUOTE_JWKS  https://SHOP/haggle/v1/quotes/keys, for quotes signed by ES256
 *   MERCHANT    the shop, as in the Worker's variable
 *
 *   echo '{"lines":[{"sku":"OLIVE-500","currency":"EUR","quote":"eyJ…"}]}' | node verify.mjs
 */
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

/** What `jose` throws, as the code that haggle's own endpoint gives. */
const CODES = [[errors.JWTExpired, 'expired'], [errors.JWSSignatureVerificationFailed, 'wrong-signature'],
  [errors.JWKSNoMatchingKey, 'unknown-key'], [errors.JOSEAlgNotAllowed, 'wrong-algorithm'], [errors.JWSInvalid, 'malformed'],
  [errors.JWTInvalid, 'malformed']];

class Refusal extends Error {}

/** @param {{ QUOTE_KEYS?: string, QUOTE_JWKS?: string, MERCHANT?: string }} settings */
export function verifier({ QUOTE_KEYS = '', QUOTE_JWKS = '', MERCHANT = '' }) {
  const secrets = new Map(QUOTE_KEYS.split(',').filter(Boolean).map((key) => key.trim().split(':'))
    .map(([kid, hex]) => [kid, new Uint8Array(Buffer.from(hex, 'hex'))]));
  const published = QUOTE_JWKS ? createRemoteJWKSet(new URL(QUOTE_JWKS)) : undefined;
  // Which keys may verify an algorithm is said here: a public key must never be taken for a shared secret.
  const algorithms = [...(secrets.size > 0 ? ['HS256'] : []), ...(published ? ['ES256'] : [])];
  const keyOf = (header, token) => {
    if (header.alg === 'ES256') return published(header, token);
    const secret = secrets.get(header.kid);
    if (!secret) throw new Refusal('unknown-key');
    return secret;
  };

  /**
   * The price to charge, or why the catalogue price stands.
   * @param {{ quote?: string, sku: string, currency?: string }} line
   */
  return async ({ quote = '', sku, currency }) => {
    try {
      const { payload } = await jwtVerify(quote, keyOf, { algorithms, requiredClaims: ['exp', 'iat', 'm', 'o', 'c', 'p'] });
      if (payload.preview) throw new Refusal('preview');
      if (payload.iat > Date.now() / 1000 + 300) throw new Refusal('not-yet-valid');
      if (payload.m !== MERCHANT) throw new Refusal('another-merchant');
      if (payload.o !== sku) throw new Refusal('another-item');
      if (currency !== undefined && payload.c !== currency) throw new Refusal('another-currency');
      return { status: 'valid', price_minor: payload.p };
    } catch (error) {
      const code = error instanceof Refusal ? error.message : CODES.find(([kind]) => error instanceof kind)?.[1];
      // Anything else, such as keys that cannot be fetched now, is no statement about the quote.
      if (!code) throw error;
      return { status: 'refused', code };
    }
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const verify = verifier(process.env);
  const { lines } = JSON.parse(await text(process.stdin));
  process.stdout.write(JSON.stringify({ results: await Promise.all(lines.map(verify)) }));
}
