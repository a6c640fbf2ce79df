/**
 * The wire formats of haggle written a second time, from their description and not from the code: a golden file that
 * both agree with is right, and not merely unchanged. Also what a shop needs that reads quotes in another language.
 */
import { createHash, createHmac } from 'node:crypto';

/** @param {string | Uint8Array} text */
const sha256 = (text) => createHash('sha256').update(text).digest();

/** First 16 bytes of SHA-256 over the parts, each closed by a zero byte. @param {...string} parts */
const digest16 = (...parts) => sha256(parts.map((part) => `${part}\0`).join('')).subarray(0, 16);

/** The unit of a visitor id. @param {string} unitKey hexadecimal @param {string} visitor @returns {string} hexadecimal */
export function unitOf(unitKey, visitor) {
  return createHmac('sha256', Buffer.from(unitKey, 'hex')).update(`visitor\0${visitor}`).digest().subarray(0, 16).toString('hex');
}

const WORD = (1n << 64n) - 1n;
const rotate = (word, by) => ((word << by) | (word >> (64n - by))) & WORD;

/** SipHash-2-4 (Aumasson and Bernstein 2012, doi:10.1007/978-3-642-34931-7_28). @param {Buffer} key @param {Buffer} message */
function sipHash(key, message) {
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)];
  let [v0, v1, v2, v3] = [0x736f6d6570736575n ^ k0, 0x646f72616e646f6dn ^ k1, 0x6c7967656e657261n ^ k0, 0x7465646279746573n ^ k1];
  const round = () => {
    v0 = (v0 + v1) & WORD; v1 = rotate(v1, 13n) ^ v0; v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & WORD; v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & WORD; v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & WORD; v1 = rotate(v1, 17n) ^ v2; v2 = rotate(v2, 32n);
  };
  const padded = Buffer.alloc((Math.floor(message.length / 8) + 1) * 8);
  message.copy(padded);
  padded[padded.length - 1] = message.length & 255;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word; round(); round(); v0 ^= word;
  }
  v2 ^= 255n; round(); round(); round(); round();
  return v0 ^ v1 ^ v2 ^ v3;
}

/** A number in (0, 1). @param {Buffer} seed @param {string} unit @param {bigint} stream */
function uniform(seed, unit, stream) {
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(stream);
  return (Number(sipHash(seed, Buffer.concat([Buffer.from(unit, 'hex'), number])) >> 12n) + 0.5) / 2 ** 52;
}

/**
 * Where a unit goes: `-1` for the holdout, or the position of the arm.
 * @param {{ name: string, salt: string }} definition
 * @param {{ holdout: number, arms: { share: number }[] }} published shares out of 65536
 * @param {string} unit
 */
export function draw(definition, published, unit) {
  const seed = digest16('haggle draw', definition.name, definition.salt);
  if (uniform(seed, unit, WORD) * 65536 < published.holdout) return -1;
  const waits = published.arms.map(({ share }, arm) => (share > 0 ? -Math.log(uniform(seed, unit, BigInt(arm))) / share : Infinity));
  return waits.indexOf(Math.min(...waits));
}

/** The first 4 bytes of SHA-256 over all that follows them. @param {Uint8Array} snapshot @returns {string} hexadecimal */
export const checksum = (snapshot) => sha256(snapshot.subarray(12)).subarray(0, 4).toString('hex');

/** The snapshot as if it were published at another time. @param {Buffer} snapshot @param {number} publishedAt_ms */
export function redated(snapshot, publishedAt_ms) {
  const copy = Buffer.from(snapshot);
  copy.writeBigUInt64LE(BigInt(publishedAt_ms), 24);
  Buffer.from(checksum(copy), 'hex').copy(copy, 8);
  return copy;
}

/** Claim `jti`. @param {string} unit @param {string} experiment @param {string} sku @param {number} iat_s */
export function exposureId(unit, experiment, sku, iat_s) {
  return digest16('haggle exposure', unit, experiment, sku, String(iat_s)).toString('base64url');
}

/** The ledger shard of a quote: `0` to `shards - 1`. @param {{ jti: string, s: number }} claims */
export function shardOf(claims) {
  const hash = digest16('haggle shard', claims.jti).readUInt32BE(0);
  return Number((BigInt(hash) * BigInt(claims.s)) >> 32n);
}

/** The first of `kid:hex,kid:hex`, which signs. @param {string} keys */
const signer = (keys) => {
  const [kid, hex] = keys.split(',')[0].split(':');
  return { kid, secret: Buffer.from(hex, 'hex') };
};

/** A JSON Web Token, HS256. @param {string} keys @param {object} claims */
export function signed(keys, claims) {
  const { kid, secret } = signer(keys);
  const text = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const message = `${text({ alg: 'HS256', typ: 'JWT', kid })}.${text(claims)}`;
  return `${message}.${createHmac('sha256', secret).update(message).digest('base64url')}`;
}

const PINS_FROM_MIN = Date.UTC(2020, 0, 1) / 60_000;

/**
 * The cookie of a unit's pins: 12 bytes for each experiment, and the first half of their MAC.
 * @param {string} keys
 * @param {string} unit
 * @param {{ experiment: string, arm: number, propensity: number, epoch: number, decidedAt_min: number }[]} pins arm -1: holdout, -2: catalogue price
 */
export function sealedPins(keys, unit, pins) {
  const payload = Buffer.concat(pins.map((pin) => {
    const record = Buffer.alloc(12);
    digest16('haggle tag', pin.experiment).copy(record, 0, 0, 3);
    record.writeUInt8(pin.arm & 255, 3);
    record.writeUInt16LE(pin.propensity - 1, 4);
    record.writeUIntLE(pin.epoch, 6, 3);
    record.writeUIntLE(pin.decidedAt_min - PINS_FROM_MIN, 9, 3);
    return record;
  }));
  const mac = createHmac('sha256', signer(keys).secret).update('haggle pins 1\0').update(Buffer.from(unit, 'hex')).update(payload).digest();
  return Buffer.concat([payload, mac.subarray(0, 16)]).toString('base64url');
}
