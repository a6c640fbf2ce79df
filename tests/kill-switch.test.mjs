/**
 * The kill switch, of one experiment and of everything, on two edge locations: catalogue prices with the next snapshot
 * that is read, nothing that was learned is touched, and what goes on goes on as it was. A location here asks KV for the
 * snapshot with every request, so that «the next» is the first one after the command was answered.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { newSecrets } from './edge.mjs';
import { DOWN, withHangingDatabase, withoutDatabase } from './faulty-stores.mjs';
import { claimsOf, experiment, openWorld, otherExperiment } from './kit.mjs';

const OLIVE = 'OLIVE-500', KNIFE = 'KNIFE-21', LISTED = { [OLIVE]: 1900, [KNIFE]: 12_900 };
const VARS = { SNAPSHOT_TTL_MS: '0', EPOCH_MIN_S: '3600' };
const LOCATIONS = ['pop-a', 'pop-b'];
/** How many there are at least. */
const SHOPPERS = 20;

let persist;
const secrets = newSecrets();
/** @type {import('./kit.mjs').World} */
let world;
/** Shoppers who have their prices, with what they were shown. @type {{ shopper: any, shown: Record<string, any> }[]} */
let shoppers;

before(async () => {
  persist = await mkdtemp(join(tmpdir(), 'haggle-kill-switch-'));
  world = await openWorld({ persist, secrets, vars: VARS, locations: { 'pop-a': {}, 'pop-b': {} }, experiments: [experiment({ objective: 'conversion' }), otherExperiment('toledo', KNIFE, LISTED[KNIFE])] });
  // Visitors are drawn: of the oil somebody sees a lower and somebody a higher price than the catalogue's, of the knife a lower one.
  const sees = (sku, is) => shoppers.some(({ shown }) => is(shown[sku].price_minor - LISTED[sku]));
  shoppers = [];
  while (shoppers.length < SHOPPERS || !sees(OLIVE, (more) => more < 0) || !sees(OLIVE, (more) => more > 0) || !sees(KNIFE, (more) => more < 0)) {
    const shopper = world.shopper();
    shoppers.push({ shopper, shown: await pricesOf(shopper, 'pop-a') });
  }
  const quotes = shoppers.map(({ shown }) => shown[OLIVE].quote);
  assert.deepEqual((await world.expose(quotes)).statuses, quotes.map(() => 'recorded'));
  assert.deepEqual((await world.reward(world.order(quotes.slice(0, 9)))).statuses, Array(9).fill('matched'));
  await world.sync();
});
after(async () => {
  await world?.close();
  await rm(persist, { recursive: true, force: true });
});

/** Both items as this shopper sees them by the API and in pages. */
async function pricesOf(shopper, location) {
  const prices = {};
  for (const sku of [OLIVE, KNIFE]) {
    const { price_minor, quote } = await shopper.price(sku, { location });
    const page = await shopper.look(`/product/${sku}`, { location });
    const inPage = page.prices.find((one) => one.sku === sku)?.price_minor;
    assert.equal(inPage, price_minor, `${sku} has one price`);
    prices[sku] = { price_minor, quote, reason: page.reason };
  }
  return prices;
}

/** What was learned, table by table: every epoch with all that its policy looked at, every tally, the sums of the ledger. */
async function learned() {
  const { db } = world.edge, digests = {};
  const inputs = (await db.prepare('SELECT experiment, epoch, hex(input) AS input FROM epochs ORDER BY experiment, epoch').all()).results;
  assert.ok(inputs.length >= 2 && inputs.every(({ input }) => input.length > 100), 'inputs are among it');
  for (const [table, columns] of [['epochs', '*'], ['tallies', '*'], ['delays', '*'], ['item_tallies', '*'], ['sources', 'source, exposures, stored, matched']]) {
    const { results } = await db.prepare(`SELECT ${columns} FROM ${table}`).all();
    digests[table] = `${results.length} rows ${createHash('sha256').update(JSON.stringify(results)).digest('hex')}`;
  }
  return { ...digests, inputs };
}

/** What the edge decides with: arms, shares, epochs and posteriors, without version and time. */
async function decidedWith(location) {
  const { body } = await world.admin('GET', '/haggle/v1/snapshot', undefined, { location });
  return body.experiments.map(({ name, epoch, holdout, floor, arms }) => ({ name, epoch, holdout, floor, arms })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every shopper, known and new, at both locations: of `stopped` the catalogue price without a quote, else what was shown before. @param {string[]} stopped */
async function assertPrices(stopped) {
  for (const location of LOCATIONS) {
    await Promise.all(shoppers.map(async ({ shopper, shown }) => {
      const now = await pricesOf(shopper, location);
      for (const sku of [OLIVE, KNIFE]) {
        const expected = stopped.includes(sku) ? LISTED[sku] : shown[sku].price_minor;
        assert.equal(now[sku].price_minor, expected, `${sku} at ${location}`);
        assert.equal(now[sku].quote === null, stopped.includes(sku), `a quote of ${sku} at ${location}`);
        if (!stopped.includes(sku)) {
          const [one, other] = [claimsOf(now[sku].quote), claimsOf(shown[sku].quote)];
          assert.deepEqual([one.jti, one.a, one.w, one.e, one.iat], [other.jti, other.a, other.w, other.e, other.iat], 'the same decision, pinned');
        }
      }
    }));
    const fresh = await Promise.all(Array.from({ length: 12 }, () => world.shopper().price(stopped[0] ?? OLIVE, { location })));
    const prices = new Set(fresh.map(({ price_minor }) => price_minor));
    if (stopped.length > 0) assert.deepEqual([...prices], [LISTED[stopped[0]]], `new visitors at ${location}`);
    else assert.ok(prices.size > 1, `new visitors at ${location} are priced`);
  }
}

/** What checkout is told to charge for a quote. */
async function charged(sku, quote, location) {
  const { body } = await world.post('/haggle/v1/quotes/verify', { lines: [{ sku, quote }] }, { location, headers: { authorization: `Bearer ${secrets.REWARDS_TOKEN}` } });
  return body.results[0];
}

/** A quote from before is charged where it is lower than the catalogue price, and the catalogue price where it is higher. */
async function assertHonoured(sku) {
  const seen = { lower: 0, higher: 0 };
  for (const { shown } of shoppers) {
    const { price_minor, quote } = shown[sku];
    for (const location of LOCATIONS) {
      const line = await charged(sku, quote, location);
      assert.equal(line.price_minor, Math.min(price_minor, LISTED[sku]), `${price_minor} of ${sku} at ${location}`);
      assert.deepEqual([line.status, line.code], price_minor <= LISTED[sku] ? ['valid', undefined] : ['refused', 'stopped']);
    }
    if (price_minor < LISTED[sku]) seen.lower += 1;
    if (price_minor > LISTED[sku]) seen.higher += 1;
  }
  return seen;
}

test('everything: from the command on both locations show catalogue prices, and go on as they were; nothing learned is touched', async () => {
  const [before, deciding] = [await learned(), await decidedWith('pop-a')];
  await assertPrices([]);
  const stopped = await world.everywhere('stop', { location: 'pop-b' });
  assert.deepEqual([stopped.status, stopped.body.stopped], [200, true], stopped.text);
  await assertPrices([OLIVE, KNIFE]);
  for (const location of LOCATIONS) {
    assert.equal((await world.shopper().look(`/product/${OLIVE}`, { location })).reason, 'stopped');
    assert.equal((await world.health(location)).snapshot.stopped, true);
    assert.deepEqual(await decidedWith(location), deciding, 'what it would decide with is as it was');
  }
  assert.deepEqual(await learned(), before, 'epochs, their inputs and tallies');
  const { lower, higher } = await assertHonoured(OLIVE);
  assert.ok(lower > 0 && higher > 0, `lower ${lower}, higher ${higher}`);

  const synced = await world.sync();
  assert.deepEqual([synced.stopped, synced.epochs_opened], [true, 0], 'a sync does not end it');
  await assertPrices([OLIVE, KNIFE]);
  assert.deepEqual(await learned(), before, 'nor is anything learned from nothing');

  const resumed = await world.everywhere('resume');
  assert.deepEqual([resumed.status, resumed.body.stopped], [200, false], resumed.text);
  await assertPrices([]);
  for (const location of LOCATIONS) assert.deepEqual(await decidedWith(location), deciding, 'the same allocation');
  assert.deepEqual(await learned(), before);
});

test('one experiment: its items show catalogue prices everywhere while the other goes on', async () => {
  const [before, deciding] = [await learned(), await decidedWith('pop-a')];
  const stopped = await world.act('sevilla', 'stop');
  assert.equal(stopped.status, 200, stopped.text);
  await assertPrices([OLIVE]);
  const { lower, higher } = await assertHonoured(OLIVE);
  assert.ok(lower > 0 && higher > 0);
  assert.deepEqual(await learned(), before);
  assert.equal((await world.sync()).epochs_opened, 0);
  await assertPrices([OLIVE]);
  const resumed = await world.act('sevilla', 'resume');
  assert.equal(resumed.status, 200, resumed.text);
  await assertPrices([]);
  for (const location of LOCATIONS) assert.deepEqual(await decidedWith(location), deciding, 'the same allocation');
  assert.deepEqual(await learned(), before);
  const { records } = (await world.admin('GET', '/haggle/v1/audit')).body;
  assert.deepEqual(records.filter(({ action }) => /stop|resume/.test(action)).map(({ action, experiment: of, who }) => [action, of, who]),
    [['stop', '', 'maria (bearer)'], ['resume', '', 'maria (bearer)'], ['stop', 'sevilla', 'maria (bearer)'], ['resume', 'sevilla', 'maria (bearer)']]);
});

test('without the central store both switches work, and their records follow when it is there', async () => {
  const before = await learned();
  await world.close();
  const open = async (first) => {
    world = await openWorld({ persist, secrets, vars: VARS, locations: { 'pop-a': {}, 'pop-b': {}, 'pop-c': {} }, workers: first ? DOWN : [],
      worker: (location) => (first && location === 'pop-a' ? withoutDatabase : {}) });
    for (const { shopper } of shoppers) shopper.base = world.base;
  };
  // The Publisher lives in the first location, and has no database any more.
  await open(true);
  assert.equal((await world.admin('POST', '/haggle/v1/sync')).status, 503, 'it is down indeed');
  const one = await world.admin('POST', '/haggle/v1/experiments/toledo/stop', { by: 'maria', reason: 'the price is wrong' });
  assert.equal(one.status, 200, one.text);
  await assertPrices([KNIFE]);
  const other = await world.admin('POST', '/haggle/v1/experiments/sevilla/stop', { by: 'maria', reason: 'this one too' });
  assert.equal(other.status, 200, other.text);
  const key = { headers: { 'idempotency-key': 'stop-without-d1' } };
  const all = await world.everywhere('stop', key);
  assert.deepEqual([all.status, all.body.stopped], [200, true], all.text);
  await assertPrices([OLIVE, KNIFE]);
  assert.deepEqual((await world.everywhere('stop', key)).body, all.body, 'sent again it is answered the same');
  await assertHonoured(KNIFE);
  assert.equal((await world.everywhere('resume')).status, 200);
  await assertPrices([OLIVE, KNIFE]);
  assert.deepEqual(await learned(), before);
  await world.close();

  await open(false);
  // Before any sync: what was done without the central store must not come there after this, and undo it.
  const changed = await world.act('sevilla', 'resume');
  // The stop gets there first, so that whoever has looked before it is told that something has changed.
  const resumed = changed.status === 412 ? await world.act('sevilla', 'resume') : changed;
  assert.equal(resumed.status, 200, resumed.text);
  await assertPrices([KNIFE]);
  await world.sync();
  await assertPrices([KNIFE]);
  const { records } = (await world.admin('GET', '/haggle/v1/audit')).body;
  assert.deepEqual(records.slice(-5).map(({ action, experiment: of }) => [action, of]),
    [['stop', 'toledo'], ['stop', 'sevilla'], ['stop', ''], ['resume', ''], ['resume', 'sevilla']]);
  assert.equal((await world.admin('GET', '/haggle/v1/experiments/sevilla')).body.stopped, false);
  assert.equal((await world.admin('GET', '/haggle/v1/experiments/toledo')).body.stopped, true);
  assert.equal((await world.act('toledo', 'resume')).status, 200);
  await assertPrices([]);
});

test('a central store that never answers does not keep prices from stopping, either', async () => {
  await world.close();
  world = await openWorld({ persist, secrets, vars: VARS, locations: { 'pop-a': {}, 'pop-b': {} }, workers: DOWN,
    worker: (location) => (location === 'pop-a' ? withHangingDatabase : {}) });
  for (const { shopper } of shoppers) shopper.base = world.base;
  const one = await world.admin('POST', '/haggle/v1/experiments/toledo/stop', { by: 'maria', reason: 'the price is wrong' }, { location: 'pop-b' });
  assert.equal(one.status, 200, one.text);
  await assertPrices([KNIFE]);
  const all = await world.everywhere('stop', { location: 'pop-b' });
  assert.equal(all.status, 200, all.text);
  await assertPrices([OLIVE, KNIFE]);
});
