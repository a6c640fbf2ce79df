/**
 * Whatever lies in KV and whatever is not set: the shopper gets the shop's page, with a reason, and the API says in
 * words what is wrong. What pages are while KV is down or slow is told in `fail-open.test.mjs`.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { ALONE, BROWSER, experiment, openWorld, received } from './kit.mjs';
import { FAULTY_KV, behindFaultyKv, setFault } from './faulty-kv.mjs';
import { send } from './http.mjs';

const PAGE = '/product/OLIVE-500', DAY_MS = 86_400_000;
/** The value of every setting that is wrong; a secret one must not be shown. */
const WRONG = '5ec2e7';
const HANG_MAX_MS = 5_000;

/**
 * Settings that are missing or wrong: the location, what it changes, and the name that must be said.
 * @type {[string, Record<string, string | undefined>, string][]}
 */
const MISCONFIGURED = [
  ['no-quote-keys', { QUOTE_KEYS: undefined }, 'QUOTE_KEYS'], ['no-unit-key', { UNIT_KEY: undefined }, 'UNIT_KEY'],
  ['no-rewards-token', { REWARDS_TOKEN: undefined }, 'REWARDS_TOKEN'], ['no-admin-token', { ADMIN_TOKEN: undefined }, 'ADMIN_TOKEN'],
  ['empty-unit-key', { UNIT_KEY: '' }, 'UNIT_KEY'], ['bad-quote-keys', { QUOTE_KEYS: `k1:${WRONG}` }, 'QUOTE_KEYS'],
  ['bad-unit-key', { UNIT_KEY: WRONG }, 'UNIT_KEY'], ['short-token', { ADMIN_TOKEN: WRONG }, 'ADMIN_TOKEN'],
  ['bad-mode', { MODE: WRONG }, 'MODE'], ['bad-consent', { CONSENT: WRONG }, 'CONSENT'],
  ['bad-html-cache', { HTML_CACHE: WRONG }, 'HTML_CACHE'], ['bad-budget', { KV_BUDGET_MS: WRONG }, 'KV_BUDGET_MS'],
  ['short-cart-hold', { CART_HOLD_S: '172800' }, 'CART_HOLD_S'],
  ['bad-first-view', { FIRST_VIEW: WRONG }, 'FIRST_VIEW'], ['bad-shards', { LEDGER_SHARDS: 'many' }, 'LEDGER_SHARDS'],
];

/** @type {import('./kit.mjs').World} */
let world;
/** What the first sync has put. @type {Buffer} */
let good;
before(async () => {
  const broken = Object.fromEntries(MISCONFIGURED.map(([name, vars]) => [name, vars]));
  // The first location has the publisher: its puts, too, go through the faulty namespace.
  world = await openWorld({ locations: { 'pop-a': {}, ...broken, last: {} }, workers: [FAULTY_KV],
    worker: (location) => (location === 'pop-a' ? behindFaultyKv : {}) });
  // Not `world.run`: that waits until the isolate has the snapshot, and here it must never have had one.
  assert.equal((await world.edge.startExperiment(experiment())).status, 200);
  await world.sync();
  good = await stored();
});
after(async () => {
  if (world) await setFault(world, 'none').catch(() => {});
  await world?.close();
});

const stored = async () => Buffer.from(await world.edge.kv.get('snapshot', 'arrayBuffer'));
const put = (bytes) => world.edge.kv.put('snapshot', new Uint8Array(bytes).buffer);
const originPage = async () => received(await send(world.shop.url + PAGE));

/** A snapshot with other bytes at a place, and the checksum that belongs to them. @param {number} at @param {Buffer} bytes */
function changed(at, bytes) {
  const copy = Buffer.from(good);
  bytes.copy(copy, at);
  createHash('sha256').update(copy.subarray(12)).digest().copy(copy, 8, 0, 4);
  return copy;
}

const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

/** The page is the origin's to the last byte, with this reason, and the API says so too. @param {string} reason @param {string} [location] */
async function assertLeftAlone(reason, location) {
  const page = await world.shopper().ask(PAGE, { location, timeout_ms: HANG_MAX_MS }), origin = await originPage();
  assert.deepEqual([page.status, page.reason], [200, reason]);
  assert.ok(page.bytes.equals(origin.bytes));
  assert.deepEqual([page.headers.etag, page.headers['cache-control']], [origin.headers.etag, origin.headers['cache-control']],
    'nothing in it is personal');
  assert.equal(page.headers['set-cookie'], undefined);
  const price = await world.shopper().price('OLIVE-500', { location });
  assert.deepEqual([price.status, new RegExp(reason).test(price.error)], [404, true], JSON.stringify(price));
  const health = await world.health(location);
  assert.deepEqual([health.snapshot, health.error], [null, reason]);
}

test('an isolate that never had a snapshot leaves pages alone, whatever lies in KV', async () => {
  await world.edge.kv.delete('snapshot');
  await assertLeftAlone('no-snapshot');
  const format = Buffer.from([5, 0]);
  const cases = {
    'random bytes': randomBytes(good.length),
    'no byte': Buffer.alloc(0),
    'a megabyte of zeros': Buffer.alloc(1_000_000),
    text: Buffer.from('{"version":1}'),
    'the right beginning only': good.subarray(0, 8),
    'a header only': good.subarray(0, 64),
    'cut by a byte': good.subarray(0, -1),
    'a byte too many': Buffer.concat([good, Buffer.of(0)]),
    'a wrong checksum': Buffer.concat([good.subarray(0, 8), Buffer.alloc(4), good.subarray(12)]),
    'a changed price': Buffer.from(good).fill(0xff, 120, 124),
    'a newer format': changed(12, format),
    'a newer format of random content': Buffer.concat([changed(12, format).subarray(0, 14), randomBytes(500)]),
    'too many experiments': changed(32, Buffer.from([0xff, 0xff, 0xff, 0x7f])),
    'no arms': changed(36, Buffer.alloc(4)),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    await put(bytes);
    await assertLeftAlone('bad-snapshot').catch((error) => assert.fail(`${name}: ${error.message}`));
  }
});

test('a snapshot cut or changed anywhere is no snapshot', async () => {
  for (let at = 0; at < 60; at += 1) {
    const where = Math.floor((good.length * at) / 60), flipped = Buffer.from(good);
    flipped[where] ^= 0x40;
    for (const bytes of [good.subarray(0, where), flipped]) {
      await put(bytes);
      assert.equal((await world.shopper().ask(PAGE)).reason, 'bad-snapshot', `at byte ${where}`);
    }
  }
});

test('a snapshot that is too old prices nothing, until a newer one is published', async () => {
  await put(changed(24, u64(Date.now() - DAY_MS - 5_000)));
  await assertLeftAlone('old-snapshot');
  await world.served((await world.sync()).version);
  assert.equal((await world.shopper().ask(PAGE)).reason, 'priced');
});

test('an isolate that has a good snapshot keeps it while KV holds anything else', async () => {
  const { version } = (await world.health()).snapshot;
  for (const bytes of [randomBytes(300), Buffer.alloc(0), changed(12, Buffer.from([5, 0]))]) {
    await put(bytes);
    const began = performance.now();
    while (performance.now() - began < 300) assert.equal((await world.shopper().ask(PAGE)).reason, 'priced');
    assert.equal((await world.health()).snapshot.version, version);
  }
  await world.edge.kv.delete('snapshot');
  await world.served((await world.sync()).version);
  assert.ok((await world.health()).snapshot.version > version);
});

test('a sync that cannot put into KV says so, and the next one publishes a newer version', async () => {
  const { version } = await world.sync();
  await setFault(world, 'fail');
  try {
    const { status, body } = await world.admin('POST', '/haggle/v1/sync');
    assert.deepEqual([status, typeof body.error], [503, 'string']);
  } finally {
    await setFault(world, 'none');
  }
  assert.equal(Number((await stored()).readBigUInt64LE(16)), version, 'KV holds what it held');
  const next = await world.sync();
  assert.ok(next.version > version);
  assert.equal(Number((await stored()).readBigUInt64LE(16)), next.version);
  await world.served(next.version, 'last');
});

test('without a setting, or with a wrong one, pages stay untouched and the API is unavailable', async () => {
  for (const [location, vars] of MISCONFIGURED) {
    const page = await world.shopper().ask(PAGE, { location }), origin = await originPage();
    assert.deepEqual([page.status, page.reason], [200, 'misconfigured'], location);
    assert.ok(page.bytes.equals(origin.bytes), location);
    const authorization = `Bearer ${world.edge.secrets.REWARDS_TOKEN}`, admin = { location, ...ALONE };
    const answers = [await world.post('/haggle/v1/exposures', { quotes: ['x'] }, { location, ...ALONE }),
      await world.post('/haggle/v1/rewards', {}, { location, headers: { authorization }, ...ALONE }),
        await world.shopper().price('OLIVE-500', { location }),
      await world.admin('POST', '/haggle/v1/sync', undefined, admin), await world.admin('GET', '/haggle/v1/experiments', undefined, admin)];
    assert.deepEqual(answers.map(({ status }) => status), [503, 503, 503, 503, 503], location);
    const health = await received(await send(`${world.base(location)}/haggle/health`));
    assert.equal(health.status, 200, 'health says what is wrong instead of being ill');
    const said = [...answers.map((answer) => answer.body?.error ?? answer.error), JSON.parse(health.text).error];
    const secret = Object.keys(vars).some((name) => /KEY|TOKEN/.test(name));
    for (const error of said) assert.equal(secret && error.includes(WRONG), false, `a secret is shown: ${error}`);
  }
});

test('what is said of a setting that is missing or wrong names it', async () => {
  const unnamed = [];
  for (const [location, , name] of MISCONFIGURED) {
    const { error } = await world.shopper().price('OLIVE-500', { location });
    if (!error.includes(name)) unnamed.push(`${location}: ${error}`);
  }
  assert.deepEqual(unnamed, []);
});

test('without settings every method still reaches the origin', async () => {
  const location = 'no-quote-keys', form = { 'content-type': 'application/x-www-form-urlencoded' };
  const head = await received(await send(world.base(location) + PAGE, { method: 'HEAD', headers: BROWSER, ...ALONE }));
  assert.deepEqual([head.status, head.headers.etag], [200, (await originPage()).headers.etag]);
  const posted = await received(await send(`${world.base(location)}/cart`,
    { method: 'POST', body: 'sku=OLIVE-500&units=1', headers: form, ...ALONE }));
  assert.deepEqual([posted.status, posted.headers.location], [303, '/cart']);
});
