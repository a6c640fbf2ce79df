/**
 * What the team says about the shop as a whole: its site, the stop of all prices, and what its pages did not hold.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { experiment, openWorld, otherExperiment, until } from './kit.mjs';

const SKU = 'OLIVE-500', PAGE = `/product/${SKU}`, SITE = '/haggle/v1/site';

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld({ vars: { MODE: 'atomic' } });
  await world.sync();
});
after(() => world?.close());

/** @param {unknown} site @returns {Promise<[number, string]>} status and what was wrong */
async function put(site) {
  const { status, body } = await world.admin('PUT', SITE, site);
  return [status, body?.error ?? ''];
}

test('where there is none, the site is the empty one; a bad one is refused by its field', async () => {
  const { status, body } = await world.admin('GET', SITE);
  assert.deepEqual([status, body], [200, {}]);
  for (const [site, why] of [['{', /not a site in JSON/], [{ preset: 'wix' }, /preset is "wix"; it must be one of/], [{ charge: 'perhaps' }, /charge is "perhaps"/],
    [{ surfaces: [{ selector: 'p >' }] }, /selector/], [{ prices: [] }, /field prices is not known/]]) {
    const [refused, error] = await put(site);
    assert.equal(refused, 400, JSON.stringify(site));
    assert.match(error, why);
  }
  assert.equal((await world.admin('PUT', SITE, 'x'.repeat(65 * 1024))).status, 413);
  assert.equal((await world.admin('PATCH', SITE, {})).status, 405);
  assert.equal((await world.admin('GET', SITE, undefined, { headers: { authorization: 'Bearer nobody' } })).status, 401);
  assert.equal((await world.shopper().ask(SITE)).status, 404, 'not on the shop\'s host');
});

test('where no quote reaches the charge, prices that differ between visitors are refused, whatever came first', async () => {
  const hosted = { preset: 'shopify' };
  assert.deepEqual(await put(hosted), [200, '']);
  const refused = await world.admin('PUT', '/haggle/v1/experiments/sevilla', experiment());
  assert.equal(refused.status, 409);
  assert.match(refused.body.error, /experiment sevilla has unit visitor: .*Cart Transform/);
  assert.deepEqual(await put({ ...hosted, charge: 'cart-transform' }), [200, '']);
  await world.run([experiment()]);
  for (const site of [hosted, { preset: 'bigcommerce' }, { charge: 'none' }]) {
    const [status, error] = await put(site);
    assert.equal(status, 409, JSON.stringify(site));
    assert.match(error, /experiment sevilla has unit visitor: charge of the site is none/);
  }
  assert.deepEqual((await world.admin('GET', SITE)).body, { ...hosted, charge: 'cart-transform' }, 'the one before stays');
  assert.equal((await world.admin('DELETE', SITE)).status, 200);
  assert.deepEqual((await world.admin('GET', SITE)).body, {});
});

test('a site is in the pages from the next publication on', async () => {
  assert.deepEqual(await put({ field: 'agreed_price' }), [200, '']);
  await world.served((await world.sync()).version);
  assert.match((await world.shopper().ask(PAGE)).text, /<input type="hidden" name="agreed_price" value="eyJ/);
  await world.admin('DELETE', SITE);
  await world.served((await world.sync()).version);
  assert.match((await world.shopper().ask(PAGE)).text, /<input type="hidden" name="haggle_quote" value="eyJ/);
});

test('all prices stop at once, without the central store, and go on where they were', async () => {
  const shopper = world.shopper(), before = await shopper.look(PAGE);
  assert.equal(before.reason, 'priced');
  const { version } = await world.sync();
  // Without this table no sync can end: the central store is as good as gone.
  await world.edge.db.prepare('ALTER TABLE experiments RENAME TO gone').run();
  assert.equal((await world.admin('POST', '/haggle/v1/sync')).status, 503);
  const stopped = await world.everywhere('stop');
  assert.deepEqual([stopped.status, stopped.body.stopped, stopped.body.version > version], [200, true, true], stopped.text);
  await until('the page is stopped', () => shopper.look(PAGE), ({ reason }) => reason === 'stopped');
  const page = await shopper.ask(PAGE);
  assert.ok(!/haggle\.js|haggle_quote/.test(page.text.replace(/<form[^>]*>/g, '')), 'nothing of haggle is in it');
  assert.deepEqual([(await shopper.price(SKU)).price_minor, (await shopper.price(SKU)).quote], [1900, null]);
  await world.edge.db.prepare('ALTER TABLE gone RENAME TO experiments').run();

  const synced = await world.sync();
  assert.deepEqual([synced.stopped, synced.version > stopped.body.version], [true, true], 'a sync does not end it');
  await world.served(synced.version);
  const { snapshot } = await world.health();
  assert.deepEqual([snapshot.stopped, snapshot.experiments], [true, 1]);
  assert.equal((await shopper.look(PAGE)).reason, 'stopped');

  const resumed = await world.everywhere('resume');
  assert.equal(resumed.body.stopped, false);
  const now = await until('the page is priced', () => shopper.look(PAGE), ({ reason }) => reason === 'priced');
  assert.deepEqual(now.prices, before.prices, 'the price of before');
  assert.equal((await world.admin('GET', '/haggle/v1/stop')).status, 405);
  assert.equal((await world.post('/haggle/v1/stop', '')).status, 404, 'not on the shop\'s host');
});

test('what a page does not hold is counted by item and place, in health and at its experiment', async () => {
  const today = () => new Date().toISOString().slice(0, 10), since = today();
  // The shop sells it at 14.90.
  await world.run([otherExperiment('kozani', 'SAFFRON-2', 1234)]);
  const look = () => world.shopper().ask('/product/SAFFRON-2');
  const stored = () => world.edge.db.prepare('SELECT COALESCE(SUM(count), 0) AS n FROM mismatches WHERE sku = ?').bind('SAFFRON-2').first('n');
  await look();
  const first = await until('a page stores what it found', stored, (n) => n > 0);
  await look();
  await look();
  assert.equal(await stored(), first, 'not more often than every ten seconds');
  const of = (await world.health()).mismatches.filter(({ sku }) => sku === 'SAFFRON-2');
  assert.deepEqual([of.every(({ surface }) => surface), of.reduce((sum, { count }) => sum + count, 0)], [true, 3 * first], 'health stores the rest');
  const { status, body } = await world.admin('GET', '/haggle/v1/experiments/kozani');
  assert.deepEqual([status, body.name, body.state, body.definition.item.price_minor], [200, 'kozani', 'running', 1234]);
  assert.ok(body.mismatches.every(({ day }) => since <= day && day <= today()), JSON.stringify(body.mismatches));
  // Midnight may have been in between.
  const ofDays = (rows) => [...rows.reduce((all, { surface, count }) => all.set(surface, (all.get(surface) ?? 0) + count), new Map())].sort();
  assert.deepEqual(ofDays(body.mismatches), ofDays(of));
  assert.deepEqual((await world.admin('GET', '/haggle/v1/experiments/sevilla')).body.mismatches, []);
  assert.equal((await world.admin('GET', '/haggle/v1/experiments/nobody')).status, 404);
  assert.ok(!('mismatches' in JSON.parse((await world.shopper().ask('/haggle/health')).text)), 'only the administration sees them');
});
