/**
 * The shop's side of a quote: a JSON Web Token (HS256) that says at which price an item was offered.
 *
 * Whoever charges a price must check where it comes from: the algorithm is ours and not the token's, and a quote is good
 * for its own item, in this shop's currency, and until it expires. The rest is left to a stock library.
 */
import { decodeJwt, errors, jwtVerify } from 'jose';

/**
 * @typedef {{ m?: string, o: string, c: string, p: number, pp?: number, x?: string, a?: string, exp: number, jti?: string, preview?: boolean }} Claims
 */

const TOKEN_CHARS_MAX = 4096;

/**
 * Reads keys written as `kid:hex64,kid2:hex64`.
 * @param {string} text
 * @returns {Map<string, Uint8Array>}
 */
export function readKeys(text) {
  const keys = new Map();
  for (const entry of text.split(',').filter(Boolean)) {
    const [, kid, hex] = /^([^:]+):([0-9a-f]{64})$/i.exec(entry.trim()) ?? [];
    if (!kid) throw new Error('a quote key must be written as kid:64-hex-digits');
    keys.set(kid, new Uint8Array(Buffer.from(hex, 'hex')));
  }
  return keys;
}

/**
 * The claims of a quote that nobody has checked; for looking, never for charging.
 * @param {string} token
 * @returns {Claims | null}
 */
export function peek(token) {
  try {
    return /** @type {any} */ (decodeJwt(token));
  } catch {
    return null;
  }
}

/** Why the library refused a token. @param {any} error @returns {string} */
function reason(error) {
  if (error instanceof errors.JOSEAlgNotAllowed) return 'wrong algorithm';
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknown key';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'wrong signature';
  if (error instanceof errors.JWTExpired) return 'expired';
  return error instanceof errors.JWTClaimValidationFailed ? `no good ${error.claim}` : 'not a token';
}

/**
 * The claims of a quote that may be charged, or why it may not.
 * @param {unknown} token
 * @param {{ keys: Map<string, Uint8Array>, sku: string, currency: string, merchant?: string, now_s: number }} expected
 * @returns {Promise<{ claims: Claims } | { refused: string }>}
 */
export async function verifyQuote(token, { keys, sku, currency, merchant, now_s }) {
  if (typeof token !== 'string' || token === '') return { refused: 'no quote' };
  if (token.length > TOKEN_CHARS_MAX) return { refused: 'not a token' };
  const keyOf = ({ kid = '' }) => keys.get(kid) ?? Promise.reject(new errors.JWKSNoMatchingKey());
  const rules = { algorithms: ['HS256'], requiredClaims: ['exp'], currentDate: new Date(now_s * 1000) };
  try {
    const claims = /** @type {Claims} */ (/** @type {any} */ ((await jwtVerify(token, keyOf, rules)).payload));
    if (claims.preview) return { refused: 'preview' };
    if (claims.o !== sku) return { refused: 'another item' };
    if (claims.c !== currency) return { refused: 'another currency' };
    if (merchant !== undefined && claims.m !== merchant) return { refused: 'another merchant' };
    if (!Number.isSafeInteger(claims.p) || claims.p <= 0) return { refused: 'no price' };
    return { claims };
  } catch (error) {
    return { refused: reason(error) };
  }
}
