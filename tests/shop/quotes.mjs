/**
 * The shop's side of a quote: a JSON Web Token (HS256) that says at which price an item was offered.
 *
 * Whoever charges a price must check where it comes from: the algorithm is ours and not the token's, the comparison
 * takes the same time whatever differs, and a quote is good for its own item and until it expires.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * @typedef {{ m?: string, o: string, c: string, p: number, pp?: number, x?: string, a?: string, exp: number, jti?: string }} Claims
 */

/**
 * Reads keys written as `kid:hex64,kid2:hex64`.
 * @param {string} text
 * @returns {Map<string, Buffer>}
 */
export function readKeys(text) {
  const keys = new Map();
  for (const entry of text.split(',').filter(Boolean)) {
    const [, kid, hex] = /^([^:]+):([0-9a-f]{64})$/i.exec(entry.trim()) ?? [];
    if (!kid) throw new Error('a quote key must be written as kid:64-hex-digits');
    keys.set(kid, Buffer.from(hex, 'hex'));
  }
  return keys;
}

/** @param {string} part @returns {any} the JSON object of one part of a token, or null */
function decodePart(part) {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return value && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/**
 * The claims of a quote that nobody has checked; for looking, never for charging.
 * @param {string} token
 * @returns {Claims | null}
 */
export const peek = (token) => decodePart(token.split('.')[1] ?? '');

/**
 * The claims of a quote that may be charged, or why it may not.
 * @param {unknown} token
 * @param {{ keys: Map<string, Buffer>, sku: string, currency: string, merchant?: string, now_s: number }} expected
 * @returns {{ claims: Claims } | { refused: string }}
 */
export function verifyQuote(token, { keys, sku, currency, merchant, now_s }) {
  if (typeof token !== 'string' || token === '') return { refused: 'no quote' };
  const parts = token.split('.');
  if (parts.length !== 3 || token.length > 4096) return { refused: 'not a token' };
  const header = decodePart(parts[0]);
  if (header?.alg !== 'HS256') return { refused: 'wrong algorithm' };
  const key = keys.get(header.kid);
  if (!key) return { refused: 'unknown key' };
  const right = createHmac('sha256', key).update(`${parts[0]}.${parts[1]}`).digest();
  const given = Buffer.from(parts[2], 'base64url');
  if (given.length !== right.length || !timingSafeEqual(given, right)) return { refused: 'wrong signature' };
  const claims = decodePart(parts[1]);
  if (!claims || !(claims.exp > now_s)) return { refused: 'expired' };
  if (claims.o !== sku) return { refused: 'another item' };
  if (claims.c !== currency) return { refused: 'another currency' };
  if (merchant !== undefined && claims.m !== merchant) return { refused: 'another merchant' };
  if (!Number.isSafeInteger(claims.p) || claims.p <= 0) return { refused: 'no price' };
  return { claims };
}
