/**
 * An experiment over many items whose visitors are randomised: one arm for a visitor and all items, the catalogue price
 * and an account of their own for negative items, one exposure for a visitor and a decision.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf, openWorld } from './kit.mjs';
import { itemsOf, publish, startLists } from './many-items.mjs';

const ITEMS = itemsOf('visitors'), POSITIVE = ITEMS.filter(({ prices: [price] }) => price !== null), NEGATIVE = ITEMS.filter(({ prices: [price] }) => price === null);
const ARMS = ['list', 'low', 'high'];
const path = (items) => `/${items.map(({ sku }) => sku).join('+')}`;

/** @type {import('./kit.mjs').World} */
let world;
/** @type {Awaited<ReturnType<typeof startLists>>} */
let lists;
before(async () => {
  lists = await startLists({});
  world = await openWorld({ origin: lists.url, locations: { assign: {}, proven: { MODE: 'proven' }, atomic: { MODE: 'atomic' }, first: { FIRST_VIEW: 'catalogue' } } });
  await publish(world, 'visitors');
});
after(async () => {
  await world?.close();
  lists?.stop();
});

const prices = (page) => Object.fromEntries([...page.text.matchAll(/data-haggle-sku="([^"]+)">([\d.]+),(\d\d)/g)].map(([, sku, major, minor]) => [sku, Number(major.replace('.', '') + minor)]));
const at = (arm) => Object.fromEntries(ITEMS.map(({ sku, catalogue, prices: [, ...rest] }) => [sku, [catalogue, ...rest][arm] ?? catalogue]));

test('a visitor has one arm for all items, and the catalogue price of negative ones', async () => {
  const seen = new Set();
  for (const location of ['assign', 'proven', 'atomic']) {
    for (let n = 0; n < 12; n += 1) {
      const shopper = world.shopper(), shown = prices(await shopper.ask(path(ITEMS), { location }));
      const arm = [1, 2].find((one) => JSON.stringify(at(one)) === JSON.stringify(shown));
      assert.ok(arm, `on one arm: ${JSON.stringify(shown)}`);
      seen.add(arm);
      for (const item of ITEMS) {
        const { price_minor, quote } = await shopper.price(item.sku, { location });
        assert.deepEqual([price_minor, claimsOf(quote).a], [shown[item.sku], NEGATIVE.includes(item) ? 'negative' : ARMS[arm]]);
      }
    }
  }
  assert.equal(seen.size, 2, 'both arms');
});

test('exposures are one for the positive items of a visitor and one for the negative ones', async () => {
  const shopper = world.shopper(), page = await shopper.ask(path(ITEMS)), shown = prices(page);
  const line = ({ sku }) => ({ sku, price_minor: shown[sku] });
  assert.deepEqual((await shopper.expose(POSITIVE.map(line))).statuses, ['recorded', 'duplicate', 'duplicate']);
  assert.deepEqual((await shopper.expose(NEGATIVE.map(line))).statuses, ['recorded', 'duplicate']);
  const quotes = await Promise.all(ITEMS.map(async ({ sku }) => claimsOf((await shopper.price(sku)).quote)));
  const ids = new Set(quotes.map(({ jti }) => jti));
  assert.equal(ids.size, 2);
  assert.deepEqual(new Set(quotes.map(({ a, w }) => `${a === 'negative'} ${w}`)), new Set(['true 65536', 'false 32768']));
  const wrong = await shopper.expose([{ sku: 'OLIVE-500', price_minor: 1900 }]);
  assert.deepEqual(wrong.statuses, ['refused']);
});

test('an item that was seen at the catalogue price keeps it, and the others are priced', async () => {
  const shopper = world.shopper(), where = { location: 'first' }, [first, ...others] = POSITIVE;
  assert.equal((await shopper.ask(path([first, ...NEGATIVE]), where)).reason, 'first-view');
  for (let view = 0; view < 3; view += 1) {
    const page = await shopper.ask(path(ITEMS), where), shown = prices(page);
    assert.equal(page.reason, 'priced');
    assert.equal(shown[first.sku], first.catalogue);
    for (const { sku, catalogue } of others) assert.notEqual(shown[sku], catalogue, sku);
    for (const { sku, catalogue } of NEGATIVE) assert.equal(shown[sku], catalogue, sku);
    const { price_minor, quote } = await shopper.price(first.sku, where);
    assert.deepEqual([price_minor, quote], [first.catalogue, null], 'and is not counted');
  }
});

test('a click on an ad keeps the catalogue price of the item that it led to alone', async () => {
  const shopper = world.shopper();
  assert.notEqual(prices(await shopper.ask(path(ITEMS)))['OLIVE-500'], 1900);
  const clicked = await shopper.ask(`${path(POSITIVE.slice(0, 1))}?gclid=x`), again = prices(await shopper.ask(path(ITEMS)));
  assert.deepEqual([clicked.reason, prices(clicked)[POSITIVE[0].sku], again[POSITIVE[0].sku]], ['ad-click', POSITIVE[0].catalogue, POSITIVE[0].catalogue]);
  assert.notEqual(again['OLIVE-500'], 1900);
});

test('a cart of many items is charged as it was quoted', async () => {
  const shopper = world.shopper(), shown = prices(await shopper.ask(path(ITEMS)));
  const lines = await Promise.all(ITEMS.map(async ({ sku }) => ({ sku, quote: (await shopper.price(sku)).quote })));
  const headers = { authorization: `Bearer ${world.edge.secrets.REWARDS_TOKEN}` };
  const { body } = await world.post('/haggle/v1/quotes/verify', { lines }, { headers });
  assert.deepEqual(body.results.map(({ status, price_minor }) => [status, price_minor]), ITEMS.map(({ sku }) => ['valid', shown[sku]]));
});
