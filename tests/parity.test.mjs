/**
 * Parity: what the preview decides in the browser is what the Worker answers, for a thousand visitors drawn at random in
 * each run, on every item: running with a holdout, paused, stopped, of many items, and where items are randomised.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { startChromium } from './chromium.mjs';
import { unitOf } from './golden/by-hand.mjs';
import { experiment, openWorld, otherExperiment } from './kit.mjs';
import { itemsOf, publish } from './many-items.mjs';

const { Preview } = createRequire(import.meta.url)('../target/browser-node/haggle_preview.js');
const VISITORS = Array.from({ length: 1000 }, () => randomBytes(16).toString('hex')), IN_BROWSER = 300, AT_ONCE = 16;

/** The preview of what a world's Worker uses now. @param {import('./kit.mjs').World} world */
async function previewOf(world) {
  const { body } = await world.admin('GET', '/haggle/v1/snapshot');
  const bytes = await (await world.edge.fetchAdmin('/haggle/v1/snapshot')).arrayBuffer();
  return new Preview(new Uint8Array(bytes), body);
}

/**
 * What the Worker answers each visitor, compared with the preview under Node.
 * @param {import('./kit.mjs').World} world
 * @param {string[]} visitors
 * @param {string[]} skus
 */
async function compare(world, visitors, skus) {
  const preview = await previewOf(world), answered = new Map(), whys = new Map();
  for (let at = 0; at < visitors.length; at += AT_ONCE) {
    await Promise.all(visitors.slice(at, at + AT_ONCE).map(async (visitor) => {
      const unit = unitOf(world.edge.secrets.UNIT_KEY, visitor), prices = {};
      for (const sku of skus) {
        const { status, price_minor, reason, currency } = await world.shopper({ haggle_vid: visitor }).price(sku), shown = preview.decide(unit, sku);
        assert.equal(status, 200, `${visitor} ${sku}`);
        assert.deepEqual([shown.price_minor, shown.currency], [price_minor, currency], `${visitor} ${sku}: the preview says ${JSON.stringify(shown)}`);
        const isDecided = ['arm', 'holdout', 'everybody'].includes(shown.why) || (shown.why === 'negative' && reason === 'priced');
        assert.equal(reason, isDecided ? 'priced' : 'catalogue', `${visitor} ${sku}: ${shown.why}`);
        prices[sku] = price_minor;
        whys.set(`${sku} ${shown.why} ${shown.arm}`, (whys.get(`${sku} ${shown.why} ${shown.arm}`) ?? 0) + 1);
      }
      answered.set(visitor, prices);
    }));
  }
  assert.equal((await previewOf(world)).version, preview.version, 'nothing was published meanwhile');
  return { answered, whys };
}

/** Which reasons occurred for an item. @param {Map<string, number>} whys @param {string} sku */
const reasonsOf = (whys, sku) => [...new Set([...whys.keys()].filter((key) => key.startsWith(`${sku} `)).map((key) => key.split(' ')[1]))].sort();

describe('experiments of one item', () => {
  /** @type {import('./kit.mjs').World} */
  let world;
  /** @type {Map<string, Record<string, number>>} */
  let answered;
  before(async () => {
    world = await openWorld({ experiments: [experiment({ holdout: 0.2 }), otherExperiment('kozani', 'SAFFRON-2', 1490),
      otherExperiment('toledo', 'KNIFE-21', 12900), otherExperiment('napoli', 'OVEN-80', 189900)] });
    for (const [name, action] of [['toledo', 'pause'], ['napoli', 'stop']]) {
      const { status, text } = await world.act(name, action);
      assert.ok(status < 300, text);
    }
    await world.served((await world.sync()).version);
  });
  after(() => world?.close());

  test('every price of a thousand visitors is that of the Worker', async () => {
    const skus = ['OLIVE-500', 'SAFFRON-2', 'KNIFE-21', 'OVEN-80'], result = await compare(world, VISITORS, skus);
    answered = result.answered;
    assert.deepEqual(skus.map((sku) => reasonsOf(result.whys, sku)), [['arm', 'holdout'], ['arm'], ['paused'], ['stopped']]);
    const arms = [...result.whys.keys()].filter((key) => key.startsWith('OLIVE-500 arm'));
    assert.equal(arms.length, 4, 'each arm has visitors');
  });

  test(`and that of the page's own modules in Chromium, for ${IN_BROWSER} of them, with units of the Worker`, async () => {
    const browser = await startChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${world.edge.adminUrl}/`);
      const shown = await page.evaluate(async ({ visitors, token }) => {
        sessionStorage.setItem('haggle_admin_token', token);
        const load = (path) => import(path);
        const [{ getBytes, getJson, ask }, { default: init, Preview: Read }] = await Promise.all([load('/api.js'), load('/pkg/haggle_preview.js')]);
        await init();
        const view = await (await ask('/haggle/v1/snapshot', { headers: { accept: 'application/json' } })).json();
        const preview = new Read(await getBytes('/haggle/v1/snapshot'), view), all = [];
        const skus = preview.items().map(({ sku }) => sku);
        for (const visitor of visitors) {
          const { unit } = await getJson(`/haggle/v1/unit?visitor=${visitor}`);
          all.push([visitor, Object.fromEntries(skus.map((sku) => [sku, preview.decide(unit, sku).price_minor]))]);
        }
        return all;
      }, { visitors: VISITORS.slice(0, IN_BROWSER), token: world.edge.secrets.ADMIN_TOKEN });
      assert.equal(shown.length, IN_BROWSER);
      for (const [visitor, prices] of shown) assert.deepEqual(prices, answered.get(visitor), visitor);
    } finally {
      await browser.close();
    }
  });

  test('with the kill switch set, everybody has the catalogue price', async () => {
    const { body: { version } } = await world.everywhere('stop');
    await world.served(version);
    const { whys } = await compare(world, VISITORS.slice(0, 50), ['OLIVE-500', 'SAFFRON-2']);
    assert.deepEqual([...whys.keys()].sort(), ['OLIVE-500 stopped undefined', 'SAFFRON-2 stopped undefined']);
  });
});

describe('experiments of many items', () => {
  /** @type {import('./kit.mjs').World} */
  let world;
  before(async () => {
    world = await openWorld();
  });
  after(() => world?.close());

  test('a visitor’s prices, everybody’s, and those of items that stay outside', async () => {
    await publish(world, 'both');
    const skus = itemsOf('both').map(({ sku }) => sku), { whys } = await compare(world, VISITORS.slice(0, 100), skus);
    const reasons = new Set([...whys.keys()].map((key) => key.split(' ')[1]));
    for (const why of ['arm', 'everybody', 'negative']) assert.ok(reasons.has(why), `${why} among ${[...reasons]}`);
    const one = skus.filter((sku) => reasonsOf(whys, sku).includes('arm')).slice(0, 1);
    await compare(world, VISITORS, one);
  });
});
