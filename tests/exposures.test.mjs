/**
 * Exposures: a page reports which prices were seen, the visitor's cookies say of which decisions they are, and only a
 * price that was really this visitor's counts. Crawlers see what everybody sees, and are counted nowhere.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { isbot } from 'isbot';

import { CRAWLERS, crawlers } from '../.ci/crawlers.mjs';
import { experiment, openWorld, otherExperiment } from './kit.mjs';

const SKU = 'OLIVE-500', PAGE = `/product/${SKU}`;
const CHROME = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const BROWSERS = [CHROME,
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/370.0 Mobile/15E148 Safari/604.1'];
const BOTS = ['Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/140.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 (X11; Linux x86_64; Storebot-Google/1.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'AdsBot-Google (+http://www.google.com/adsbot.html)', 'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
  'facebookexternalhit/1.1', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36',
  'curl/8.5.0', 'anythingGooglebotanything'];

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld({ locations: { 'pop-a': {}, catalogue: { FIRST_VIEW: 'catalogue' } },
    experiments: [experiment(), otherExperiment('kozani', 'SAFFRON-2', 1490)] });
});
after(() => world?.close());

/** A visitor who has seen the product page. @param {string} [location] */
async function visitor(location) {
  const shopper = world.shopper();
  const { shown, quotes } = await shopper.look(PAGE, { location });
  return { shopper, shown, quotes };
}

/** What a visitor's page reports. @param {import('./kit.mjs').Shopper} shopper @param {any[]} shown @param {object} [init] */
async function report(shopper, shown, init = {}) {
  const { status, text } = await shopper.ask('/haggle/v1/exposures', { method: 'POST', body: JSON.stringify({ shown }), ...init });
  const { results, error } = JSON.parse(text);
  return { status, error, results, statuses: results?.map((one) => one.status) };
}

test('the price that a page has shown counts once, and the order at its quote finds it', async () => {
  const { shopper, shown, quotes } = await visitor();
  assert.deepEqual(shown.map(({ sku }) => sku), [SKU]);
  const before = (await world.sync(), await world.totals());
  assert.deepEqual((await report(shopper, shown)).statuses, ['recorded']);
  assert.deepEqual((await report(shopper, shown)).statuses, ['duplicate']);
  assert.deepEqual((await world.expose([quotes[SKU]])).statuses, ['duplicate'], 'it is the exposure of the quote in the form');
  assert.deepEqual((await world.reward(world.order([quotes[SKU]]))).statuses, ['matched']);
  await world.sync();
  const now = await world.totals();
  assert.deepEqual([now.exposures - before.exposures, now.conversions - before.conversions], [1, 1]);
});

test('what was not this visitor\'s price is refused by itself, with the reason', async () => {
  const { shopper, shown: [{ price_minor }] } = await visitor();
  const { results } = await report(shopper, [{ sku: SKU, price_minor: price_minor + 1 }, { sku: 'CORK-1', price_minor: 1 }, { sku: SKU, price_minor }]);
  assert.deepEqual(results.map(({ status }) => status), ['refused', 'refused', 'recorded']);
  assert.equal(results[0].error, `price_minor of "${SKU}" is ${price_minor + 1}; it must be ${price_minor}, the visitor's price`);
  assert.equal(results[1].error, 'item "CORK-1" has no price of this visitor\'s own');
  for (const stranger of [world.shopper(), world.shopper({ haggle_vid: 'a'.repeat(32), haggle_pins: shopper.cookies.get('haggle_pins') })]) {
    const { status, statuses, error } = await report(stranger, [{ sku: SKU, price_minor }]);
    assert.deepEqual([status, statuses], [400, ['refused']]);
    assert.match(error, /no price of this visitor's own/);
  }
});

test('an item that a visitor keeps at the catalogue price is not counted', async () => {
  const { shopper, shown } = await visitor('catalogue');
  assert.deepEqual(shown, [], 'the first view shows catalogue prices');
  const again = await shopper.look(PAGE, { location: 'catalogue' });
  assert.deepEqual(again.prices.map(({ price_minor }) => price_minor).filter((price) => price === 1900).length > 0, true);
  assert.deepEqual((await report(shopper, [{ sku: SKU, price_minor: 1900 }], { location: 'catalogue' })).statuses, ['refused']);
});

test('a report of another shape is refused whole', async () => {
  const { shopper, shown } = await visitor();
  const many = Array.from({ length: 61 }, () => shown[0]);
  for (const [body, why] of [[{ shown: [] }, /number of prices is 0; it must be 1 to 60/], [{ shown: many }, /is 61; it must be 1 to 60/],
    [{ shown, quotes: [] }, /shown or quotes, one of them/], [{}, /shown or quotes, one of them/], [{ shown: [SKU] }, /shown\[0\] is "OLIVE-500"/]]) {
    const { status, body: { error } } = await world.post('/haggle/v1/exposures', body);
    assert.equal(status, 400);
    assert.match(error, why);
  }
  assert.equal((await world.post('/haggle/v1/exposures', 'x'.repeat(41 * 1024))).status, 413);
});

test('crawlers are ignored and not counted, in any place of what they call themselves; browsers are not', async () => {
  const before = (await world.sync(), await world.totals());
  for (const agent of BOTS) {
    const { shopper, shown, quotes } = await visitor();
    const init = { headers: { 'user-agent': agent } };
    assert.deepEqual((await report(shopper, shown, init)).statuses, ['ignored'], agent);
    assert.deepEqual((await world.post('/haggle/v1/exposures', { quotes: [quotes[SKU], 'x'] }, init)).statuses, ['ignored', 'ignored'], agent);
    assert.equal(isbot(agent), true, agent);
  }
  for (const agent of [...BROWSERS, '']) {
    const { shopper, shown } = await visitor();
    assert.deepEqual((await report(shopper, shown, { headers: { 'user-agent': agent } })).statuses, ['recorded'], agent);
    assert.equal(isbot(agent), false, agent);
  }
  await world.sync();
  assert.equal((await world.totals()).exposures - before.exposures, BROWSERS.length + 1);
});

test('the list of crawlers is that of the installed package', async () => {
  assert.equal(await readFile(CRAWLERS, 'utf8'), crawlers(), 'run `make crawlers`');
});
