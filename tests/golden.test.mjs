/**
 * The golden vectors of `tests/golden.rs` again: written a second time in JavaScript, in the preview's wasm under Node,
 * and over HTTP in the Worker's wasm on workerd. All give the same shares, decisions, bytes and tokens as native.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { MERCHANT, startEdge } from './edge.mjs';
import { checksum, draw, exposureId, redated, sealedPins, shardOf, signed, unitOf } from './golden/by-hand.mjs';

const golden = (name) => JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8'));
const [allocations, snapshots, decisions, tokens] = ['allocations', 'snapshots', 'decisions', 'tokens'].map(golden);
const decided = snapshots.cases.find(({ name }) => name === decisions.snapshot);
const bytes = (/** @type {{ bytes: string }} */ { bytes }) => Buffer.from(bytes, 'hex');
const minute = 60_000;

/** Claims of a token. @param {string} token */
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

/** The published experiment of an item, its definition, and its place in the snapshot. @param {string} sku */
function experimentOf(sku) {
  const at = decided.experiments.findIndex(({ definition }) => definition.item.sku === sku);
  return { at, published: decided.view.experiments.find((one) => one.sku === sku), definition: decided.experiments[at].definition };
}

describe('golden vectors, written a second time', () => {
  test('a unit is the keyed hash of the visitor', () => {
    for (const { visitor, unit } of decisions.visitors) assert.equal(unitOf(decisions.unit_key, visitor), unit);
  });

  test('units go to the arms that the hashes say', () => {
    for (const { unit, decisions: all } of decisions.visitors) {
      for (const [sku, arm, propensity, price] of all) {
        const { published, definition } = experimentOf(sku);
        const at = draw(definition, published, unit);
        const told = at < 0
          ? ['holdout', 65536, definition.item.price_minor]
          : [published.arms[at].name, published.arms[at].share, published.arms[at].price_minor];
        assert.deepEqual([arm, propensity, price], told, `${unit} ${sku}`);
      }
    }
  });

  test('snapshots carry the first bytes of their SHA-256', () => {
    for (const one of [...allocations.snapshots, ...snapshots.cases, ...snapshots.many]) assert.equal(checksum(bytes(one)), one.bytes.slice(16, 24));
  });

  test('tokens are standard JSON Web Tokens, each of one shard', () => {
    for (const { claims, token, shard } of tokens.signed) {
      assert.equal(signed(tokens.keys, claims), token);
      assert.equal(shardOf(claims), shard);
    }
  });

  test('pins are 12 bytes for each experiment', () => {
    for (const { visitor, now_ms, catalogue, cookie } of tokens.pins) {
      const { unit, decisions: all } = decisions.visitors[visitor];
      assert.equal(sealedPins(tokens.keys, unit, pinsOf(all, Math.floor(now_ms / minute), catalogue)), cookie);
    }
  });
});

/**
 * @param {[string, string, number, number][]} all @param {number} decidedAt_min
 * @param {string[]} [catalogue] items that were seen at the catalogue price before
 */
function pinsOf(all, decidedAt_min, catalogue = []) {
  const pins = all.map(([sku, arm, propensity]) => {
    const { at, published } = experimentOf(sku);
    if (catalogue.includes(sku)) return { at, experiment: published.name, arm: -2, propensity: 1, epoch: 0, decidedAt_min };
    const place = published.arms.findIndex(({ name }) => name === arm);
    return { at, experiment: published.name, arm: place, propensity, epoch: published.epoch, decidedAt_min };
  });
  return pins.sort((a, b) => a.at - b.at);
}

describe('golden vectors in wasm under Node', () => {
  const load = createRequire(import.meta.url), { viewOf } = load('../target/browser-node/haggle_lab.js');
  const { Preview } = load('../target/browser-node/haggle_preview.js');
  /** The lab has every policy, the preview has none: it is given the shares. */
  const previewOf = (one) => new Preview(bytes(one), viewOf(bytes(one)));
  const shares = (item) => item.arms.map(({ share }) => share);

  test('allocations', () => {
    const items = new Map(allocations.snapshots.flatMap((one) => previewOf(one).items()).map((item) => [item.sku, item]));
    for (const one of allocations.cases) assert.deepEqual(shares(items.get(one.name)), one.shares, one.name);
    assert.equal(items.size, allocations.cases.length);
  });

  test('snapshots', () => {
    for (const one of snapshots.cases) {
      const preview = previewOf(one);
      assert.deepEqual([preview.version, preview.publishedAtMs], [one.version, one.published_at_ms]);
      const view = one.view.experiments.map(({ sku, name, policy, arms }) =>
        ({ sku, experiment: name, policy, arms: arms.map(({ name, price_minor, share }) => ({ name, price_minor, share })) }));
      const listed = preview.items().map(({ sku, experiment, policy, arms }) => ({ sku, experiment, policy, arms: arms.map(({ state, ...arm }) => arm) }));
      assert.deepEqual(listed, view);
    }
  });

  test('of many items each has its prices on the arms, and what everybody sees', () => {
    for (const one of snapshots.many) {
      const preview = previewOf(one), listed = preview.items();
      assert.deepEqual(listed.map(({ sku, experiment, catalogue_minor, arms }) => [sku, experiment, catalogue_minor, arms.map(({ price_minor }) => price_minor)]),
        one.items.map(([sku, experiment, catalogue, prices]) => [sku, experiment, catalogue, prices.map((price) => price ?? catalogue)]), one.name);
      for (const [sku, , , , now] of one.items) {
        if (now !== null) assert.equal(preview.decide('0'.repeat(32), sku).price_minor, now, `${one.name}: ${sku}`);
      }
    }
  });

  test('bytes that are no snapshot are refused with the same reason', () => {
    const none = { version: 0, experiments: [] };
    for (const one of snapshots.refused) {
      const refused = (error) => error.message === one.error;
      assert.throws(() => new Preview(bytes(one), none), refused, one.name);
      assert.throws(() => viewOf(bytes(one)), refused, one.name);
    }
  });

  test('shares of another version, or that no policy can have made, are refused', () => {
    const view = viewOf(bytes(decided)), refused = (changed) => {
      try {
        new Preview(bytes(decided), changed);
      } catch (error) {
        return error.message;
      }
    };
    assert.equal(refused(view), undefined);
    assert.match(refused({ ...view, version: view.version + 1 }), /of two versions; fetch them again/);
    const [first, ...others] = view.experiments, { name, arms } = first;
    const withArms = (arms) => refused({ ...view, experiments: [{ name, arms }, ...others] });
    assert.match(withArms(arms.slice(1)), /number of shares of \S+ is \d+; it must be \d+/);
    assert.match(withArms(arms.map(({ share }, at) => ({ share: at ? share : share + 1 }))), /sum of the shares of \S+ is 65537; it must be 65536/);
    assert.match(refused({ ...view, experiments: others }), /shares of \S+ is missing; it must be given/);
    assert.match(refused(null), /./);
  });

  test('decisions', () => {
    const preview = previewOf(decided);
    for (const { unit, decisions: all } of decisions.visitors) {
      for (const [sku, arm, propensity, price_minor] of all) {
        const shown = preview.decide(unit, sku);
        assert.deepEqual([shown.arm, shown.propensity, shown.price_minor], [arm, propensity, price_minor], `${unit} ${sku}`);
        assert.equal(shown.why, arm === 'holdout' ? 'holdout' : 'arm');
      }
    }
  });

  test(`the fingerprint of ${decisions.digest.decisions} decisions`, () => {
    const preview = previewOf(decided);
    const skus = decided.view.experiments.map(({ sku }) => sku);
    const hash = createHash('sha256');
    for (let n = 0; n < decisions.digest.units; n++) {
      const unit = unitOf(decisions.unit_key, n.toString(16).padStart(32, '0'));
      for (const sku of skus) {
        const shown = preview.decide(unit, sku);
        hash.update(`${sku} ${shown.arm} ${shown.propensity} ${shown.price_minor}\n`);
      }
    }
    assert.equal(hash.digest('hex'), decisions.digest.sha256);
  });
});

describe('golden vectors over HTTP on workerd', () => {
  const HOLD_S = 172_800, CART_HOLD_S = 174_600, SHARDS = 4;
  const secrets = { QUOTE_KEYS: tokens.keys, UNIT_KEY: decisions.unit_key, REWARDS_TOKEN: 'golden-rewards-token', ADMIN_TOKEN: 'golden-admin-token' };
  /** @type {Awaited<ReturnType<typeof startEdge>>} */
  let edge;
  before(async () => {
    const vars = { SNAPSHOT_TTL_MS: '0', QUOTE_HOLD_S: String(HOLD_S), CART_HOLD_S: String(CART_HOLD_S), LEDGER_SHARDS: String(SHARDS) };
    edge = await startEdge({ origin: 'http://127.0.0.1:9', vars, secrets });
  });
  after(() => edge?.stop());

  /** Publishes a golden snapshot as of now; an old one would not be used. @param {{ bytes: string }} one */
  async function publish(one) {
    const now_ms = Date.now(), recent = redated(bytes(one), now_ms);
    await edge.kv.put('snapshot', Uint8Array.from(recent));
    const served = await edge.fetchAdmin('/haggle/v1/snapshot');
    assert.deepEqual(Buffer.from(await served.arrayBuffer()), recent, 'the Worker gives out the bytes that it uses');
    const view = await edge.fetchAdmin('/haggle/v1/snapshot', { headers: { accept: 'application/json' } });
    return { now_ms, view: /** @type {any} */ (await view.json()) };
  }

  test('allocations', async () => {
    const served = new Map();
    for (const one of allocations.snapshots) {
      const { view } = await publish(one);
      for (const { sku, arms } of view.experiments) served.set(sku, arms.map(({ share }) => share));
    }
    for (const one of allocations.cases) assert.deepEqual(served.get(one.name), one.shares, one.name);
  });

  test('snapshots', async () => {
    const { now_ms, view } = await publish(decided);
    assert.deepEqual(view, { ...decided.view, published_at_ms: now_ms });
  });

  test('units', async () => {
    await inBatches(decisions.visitors, async ({ visitor, unit }) => {
      const answer = await edge.fetchAdmin(`/haggle/v1/unit?visitor=${visitor}`);
      assert.deepEqual(await answer.json(), { unit });
    });
  });

  test('decisions, in the price and in every claim of its signed quote', async () => {
    await inBatches(decisions.visitors, async ({ visitor, unit, decisions: all }) => {
      for (const [sku, a, w, p] of all) {
        const from_s = Math.floor(Date.now() / minute) * 60;
        const answer = await edge.fetchShop(`/haggle/v1/price?sku=${encodeURIComponent(sku)}`, { headers: { cookie: `haggle_vid=${visitor}` } });
        const body = /** @type {any} */ (await answer.json());
        const { published: { name: x, currency: c, epoch: e }, definition } = experimentOf(sku);
        assert.deepEqual([body.sku, body.price_minor, body.currency], [sku, p, c], `${visitor} ${sku}`);
        const { iat, exp, ...claims } = claimsOf(body.quote);
        assert.ok(iat % 60 === 0 && iat >= from_s && iat * 1000 <= Date.now(), `issued at ${iat}`);
        assert.ok(exp >= from_s + CART_HOLD_S && (exp - CART_HOLD_S) * 1000 <= Date.now(), `held until ${exp}`);
        assert.deepEqual(claims, {
          m: MERCHANT, o: sku, c, p, pp: definition.item.price_minor, x, a, w, e, v: decided.version,
          rw: definition.reward_window_hours * 3600, s: SHARDS, jti: exposureId(unit, x, sku, iat),
        });
        assert.equal(body.quote, signed(tokens.keys, claimsOf(body.quote)));
        const pins = sealedPins(tokens.keys, unit, pinsOf(all, iat / 60));
        assert.ok(answer.headers.getSetCookie().some((cookie) => cookie.startsWith(`haggle_pins=${pins};`)), 'the pins');
      }
    });
  });

  test('genuine tokens are accepted, once', async () => {
    const own = tokens.signed.filter(({ claims }) => claims.m === MERCHANT);
    const genuine = [...own, ...tokens.opened].map(({ token }) => token);
    for (const status of ['recorded', 'duplicate']) {
      const { code, results } = await expose(genuine);
      assert.equal(code, 200);
      assert.deepEqual(results, genuine.map(() => ({ status })));
    }
    const reward = (quote, at) => ({ order_id: `golden-${at}`, lines: [{ line_id: '1', quote, units: 1, revenue_minor: 1750 }] });
    const headers = { authorization: `Bearer ${secrets.REWARDS_TOKEN}` };
    const answer = await edge.fetchShop('/haggle/v1/rewards', { method: 'POST', headers, body: JSON.stringify({ orders: genuine.slice(0, 3).map(reward) }) });
    const { results } = /** @type {any} */ (await answer.json());
    assert.deepEqual(results.map(({ status }) => status), ['matched', 'matched', 'matched']);
  });

  test('genuine tokens of another shop with the same key are refused', async () => {
    const foreign = tokens.signed.filter(({ claims }) => claims.m !== MERCHANT);
    assert.ok(foreign.length > 0);
    const { code, results } = await expose(foreign.map(({ token }) => token));
    assert.equal(code, 400);
    results.forEach(({ error }) => assert.match(error, /issued by .*; it must be "almazara"/));
  });

  test('other tokens are refused with the same reason', async () => {
    const { code, results } = await expose(tokens.refused.map(({ token }) => token));
    assert.equal(code, 400);
    tokens.refused.forEach(({ name, error }, at) => {
      assert.equal(results[at].status, 'refused', name);
      assert.ok(results[at].error.startsWith(error), `${name}: ${results[at].error}`);
    });
  });

  test('genuine tokens are refused before and after their time', async () => {
    const late = tokens.timed.filter(({ exposure_error }) => exposure_error);
    const { code, results } = await expose(late.map(({ token }) => token));
    assert.equal(code, 400);
    const timeless = (error) => error.replace(/\d+ s /, '');
    assert.deepEqual(results.map(({ error }) => timeless(error)), late.map(({ exposure_error }) => timeless(exposure_error)));
  });

  /** @param {string[]} quotes */
  async function expose(quotes) {
    const answer = await edge.fetchShop('/haggle/v1/exposures', { method: 'POST', body: JSON.stringify({ quotes }) });
    return { code: answer.status, results: /** @type {any} */ (await answer.json()).results };
  }
});

/** @template T @param {T[]} items @param {(item: T) => Promise<void>} work some at a time, first fault first */
async function inBatches(items, work) {
  for (let at = 0; at < items.length; at += 16) await Promise.all(items.slice(at, at + 16).map(work));
}
