/**
 * Who sees which price: the first view and what it keeps, clicks on ads, agreement, and that the user agent changes nothing.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { BROWSER, experiment, openWorld, otherExperiment, received } from './kit.mjs';
import { send } from './http.mjs';
import { pricesIn } from './shop/markup.mjs';

const OLIVE = '/product/OLIVE-500', OVEN = '/product/OVEN-80', SAFFRON = '/product/SAFFRON-2';
const LISTED = { 'OLIVE-500': 1900, 'OVEN-80': 189_900, 'SAFFRON-2': 1490 };
const CLICKS = ['gclid=x', 'a=b&gclsrc=aw.ds', 'gbraid=1', 'wbraid=1', 'dclid=1', 'gad_source=1', 'msclkid=1', 'srsltid=1', 'gclid'];
const NO_CLICKS = ['x=gclid', 'agclid=1', 'gclids=1', 'q=%26gclid=1', 'utm_source=google'];
const HTTP_AGENTS = {
  browser: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  crawler: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  middle: 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/140.0.0.0',
  shopping: 'Mozilla/5.0 (Linux) Storebot-Google/1.0', curl: 'curl/8.5.0', none: '',
};
const CONSENT = 'consent~marketing:true';

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  // Nobody is shown the catalogue price who is priced: that somebody is, is seen.
  const moved = (one) => {
    const others = one.arms.filter(({ name }) => name !== 'list').length;
    return { ...one, policy: { name: 'fixed', shares: one.arms.map(({ name }) => (name === 'list' ? 0 : 1 / others)) }, floor: 0 };
  };
  world = await openWorld({
    locations: { catalogue: { FIRST_VIEW: undefined }, 'catalogue-proven': { FIRST_VIEW: 'catalogue', MODE: 'proven' },
      'catalogue-atomic': { FIRST_VIEW: 'catalogue', MODE: 'atomic' }, assign: {}, consent: { CONSENT }, 'consent-first': { CONSENT, FIRST_VIEW: 'catalogue' } },
    experiments: [moved(experiment()), moved(otherExperiment('napoli', 'OVEN-80', 189_900)), moved(otherExperiment('kozani', 'SAFFRON-2', 1490))],
  });
  await everywhere((await world.sync()).version);
});
after(() => world?.close());

const everywhere = (version) => Promise.all([...world.edge.urls.keys()].map((location) => world.served(version, location)));
const originPage = async (path) => received(await send(world.shop.url + path, { headers: BROWSER }));
const isOurs = ({ headers }) => String(headers['set-cookie'] ?? '').includes('haggle_');

/** The price of an item on a page. @param {{ text: string }} page @param {string} sku */
const priceOf = ({ text }, sku) => pricesIn(text).find((one) => one.sku === sku)?.price_minor;

test('a first view has the origin\'s bytes in every mode, keeps the prices of its items, and leaves the others open', async () => {
  for (const location of ['catalogue', 'catalogue-proven', 'catalogue-atomic']) {
    const shopper = world.shopper(), where = { location };
    const first = await shopper.ask(OLIVE, where);
    assert.deepEqual([first.reason, first.headers['cache-control']], ['first-view', 'private, no-store']);
    assert.ok(first.bytes.equals((await originPage(OLIVE)).bytes));
    for (let at = 0; at < 3; at += 1) {
      assert.equal(priceOf(await shopper.ask(OLIVE, where), 'OLIVE-500'), 1900, 'what it has seen stays');
      assert.equal((await shopper.price('OLIVE-500', where)).price_minor, 1900);
      const oven = await shopper.ask(OVEN, where);
      assert.deepEqual([oven.reason, priceOf(oven, 'OVEN-80')], ['priced', 151_920], 'what it has not seen is priced');
      const list = await shopper.ask('/', where);
      assert.deepEqual(Object.keys(LISTED).map((sku) => priceOf(list, sku)), [1900, 151_920, 1192]);
    }
  }
});

test('a kept catalogue price comes with no quote: there is nothing to hold the shop to, or to count', async () => {
  const shopper = world.shopper();
  await shopper.ask(OLIVE);
  const { text } = await shopper.ask(OLIVE);
  assert.doesNotMatch(text, /haggle_quote|data-haggle='/);
  const { quote, price_minor, reason } = await shopper.price('OLIVE-500');
  assert.deepEqual([quote, price_minor, reason], [null, 1900, 'catalogue']);
});

test('a first view of the listing keeps all of its prices, one of a page without items keeps none', async () => {
  const seen = world.shopper();
  await seen.ask('/');
  for (const [path, sku] of [[OLIVE, 'OLIVE-500'], [OVEN, 'OVEN-80'], [SAFFRON, 'SAFFRON-2']]) {
    assert.equal(priceOf(await seen.ask(path), sku), LISTED[sku]);
  }
  const fresh = world.shopper();
  assert.equal((await fresh.ask('/about')).reason, 'first-view');
  assert.equal(priceOf(await fresh.ask(OVEN), 'OVEN-80'), 151_920);
});

test('the price API is a first view too', async () => {
  const shopper = world.shopper();
  const { price_minor, quote, reason } = await shopper.price('OLIVE-500');
  assert.deepEqual([price_minor, quote, reason], [1900, null, 'first-view']);
  assert.equal((await shopper.price('OLIVE-500')).price_minor, 1900, 'and keeps what it has said');
  assert.equal((await shopper.price('OVEN-80')).price_minor, 151_920);
});

test('with FIRST_VIEW=assign the first view is priced, and the price kept', async () => {
  const shopper = world.shopper(), where = { location: 'assign' };
  const first = await shopper.ask(OVEN, where);
  assert.deepEqual([first.reason, priceOf(first, 'OVEN-80')], ['priced', 151_920]);
  const shown = priceOf(await shopper.ask(OLIVE, where), 'OLIVE-500');
  assert.notEqual(shown, 1900);
  assert.equal(priceOf(await shopper.ask('/', where), 'OLIVE-500'), shown);
});

test('who comes by an ad sees the catalogue prices of the page, whatever was shown before, and keeps them', async () => {
  for (const click of CLICKS) {
    const shopper = world.shopper(), where = { location: 'assign' };
    assert.notEqual(priceOf(await shopper.ask(OLIVE, where), 'OLIVE-500'), 1900);
    const landed = await shopper.ask(`${OLIVE}?${click}`, where);
    assert.deepEqual([landed.reason, priceOf(landed, 'OLIVE-500'), landed.headers['cache-control']], ['ad-click', 1900, 'private, no-store'], click);
    assert.ok(landed.bytes.equals((await originPage(OLIVE)).bytes));
    assert.equal(priceOf(await shopper.ask(OLIVE, where), 'OLIVE-500'), 1900, 'also without the click');
    assert.equal(priceOf(await shopper.ask(OVEN, where), 'OVEN-80'), 151_920, 'other items are priced');
  }
  for (const other of NO_CLICKS) {
    const page = await world.shopper().ask(`${OVEN}?${other}`, { location: 'assign' });
    assert.deepEqual([page.reason, priceOf(page, 'OVEN-80')], ['priced', 151_920], other);
  }
});

/** Puts the snapshot that lies in KV again, newer and with a site. @param {object} site */
async function publishWith(site) {
  const old = Buffer.from(await world.edge.kv.get('snapshot', 'arrayBuffer'));
  const before = old.readUInt32LE(52), json = Buffer.from(JSON.stringify(site));
  const bytes = Buffer.concat([old.subarray(0, old.length - before), json]);
  bytes.writeUInt32LE(json.length, 52);
  const version = Number(old.readBigUInt64LE(16)) + 1;
  bytes.writeBigUInt64LE(BigInt(version), 16);
  createHash('sha256').update(bytes.subarray(12)).digest().copy(bytes, 8, 0, 4);
  await world.edge.kv.put('snapshot', new Uint8Array(bytes).buffer);
  await everywhere(version);
}

test('where the address names the item, an ad keeps that item only: others on the page are priced', async () => {
  await publishWith({ pages: [{ path: '/product/{sku}' }] });
  const shopper = world.shopper(), where = { location: 'assign' };
  const landed = await shopper.ask(`${OLIVE}?gclid=1`, where);
  assert.deepEqual([landed.reason, priceOf(landed, 'OLIVE-500')], ['ad-click', 1900]);
  assert.doesNotMatch(landed.text, /haggle_quote/);
  const list = await shopper.ask('/?gclid=1', where);
  assert.deepEqual([list.reason, priceOf(list, 'OVEN-80')], ['ad-click', 189_900], 'a page that is about no item keeps all');
  const saffron = await world.shopper().ask(`${SAFFRON}?gclid=1`, where);
  assert.equal(priceOf(saffron, 'SAFFRON-2'), 1490);
  await publishWith({});
});

test('without consent nobody is priced or named, however often a page is seen, and our cookies are taken back', async () => {
  for (const cookies of [{}, { consent: 'marketing:false' }, { consent: '' }, { other: 'marketing:true' }, { xconsent: 'marketing:true' }]) {
    const shopper = world.shopper(cookies), where = { location: 'consent' };
    for (let at = 0; at < 3; at += 1) {
      const page = await shopper.ask(OLIVE, where), origin = await originPage(OLIVE);
      assert.deepEqual([page.reason, isOurs(page), page.headers.etag], ['no-consent', false, origin.headers.etag]);
      assert.ok(page.bytes.equals(origin.bytes));
      const { price_minor, quote, reason } = await shopper.price('OVEN-80', where);
      assert.deepEqual([price_minor, quote, reason, shopper.cookies.has('haggle_vid')], [189_900, null, 'no-consent', false]);
    }
  }
  const shopper = world.shopper({ haggle_vid: 'a'.repeat(32), haggle_pins: 'x' });
  const page = await shopper.ask(OLIVE, { location: 'consent' });
  assert.deepEqual([page.reason, page.headers['cache-control']], ['no-consent', 'private, no-store']);
  const set = page.headers['set-cookie'];
  assert.deepEqual(set.map((line) => line.split('=')[0]), ['haggle_vid', 'haggle_pins']);
  for (const line of set) assert.match(line, /^\w+=; Path=\/; Max-Age=0; Secure; HttpOnly; SameSite=Lax$/);
});

test('after consent the first view keeps the catalogue prices that were seen before it, also with FIRST_VIEW=assign', async () => {
  for (const location of ['consent', 'consent-first']) {
    for (const consent of ['marketing:true', 'a%2Cmarketing%3Atrue%2Cb', '%7B"x":1,marketing:true%7D', '100%marketing:true']) {
      const shopper = world.shopper(), where = { location };
      await shopper.ask(OLIVE, where);
      shopper.cookies.set('consent', consent);
      const first = await shopper.ask(OLIVE, where);
      assert.deepEqual([first.reason, priceOf(first, 'OLIVE-500'), isOurs(first)], ['first-view', 1900, true], consent);
      for (let at = 0; at < 3; at += 1) assert.equal(priceOf(await shopper.ask(OLIVE, where), 'OLIVE-500'), 1900, 'no other draw');
      assert.equal(priceOf(await shopper.ask(OVEN, where), 'OVEN-80'), 151_920);
      shopper.cookies.set('consent', 'none');
      assert.equal(priceOf(await shopper.ask(OVEN, where), 'OVEN-80'), 189_900, 'what was agreed can be taken back');
    }
  }
});

test('the user agent changes nothing: a crawler gets what everybody gets', async () => {
  for (const location of ['catalogue', 'assign']) {
    for (const cookies of [{}, { haggle_vid: '5'.repeat(32) }]) {
      const pages = await Promise.all(Object.values(HTTP_AGENTS).map((agent) => world.shopper(cookies).ask('/', { location, headers: { 'user-agent': agent } })));
      // A new visitor with FIRST_VIEW=assign is another one each time; what it is shown is drawn, and not looked up.
      const isDrawn = location === 'assign' && !('haggle_vid' in cookies);
      const same = (page) => [page.status, page.reason, page.headers['cache-control'], isOurs(page), ...(isDrawn ? [] : [pricesIn(page.text)])];
      for (const page of pages) assert.deepEqual(same(page), same(pages[0]));
      if (isDrawn) for (const page of pages) assert.equal(priceOf(page, 'OVEN-80'), 151_920, 'the one price that is drawn');
    }
  }
});
