/**
 * Experiments over many items of the catalogue, through the admin API on workerd: groups are drawn once, at the start;
 * those of experiments that overlap are disjoint; a saved file reproduces them; interventions price every item.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { experiment, openWorld } from './kit.mjs';

const ITEMS = 600;
const path = (name, more = '') => `/haggle/v1/experiments/${name}${more}`;
const sku = (at) => `SKU-${String(at).padStart(4, '0')}`;

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld();
  const lines = Array.from({ length: ITEMS }, (_, at) => JSON.stringify({ sku: sku(at), price_minor: 1000 + 10 * at, cost_minor: 400 + at,
    brand: at % 3 ? 'Fabrikam' : 'Contoso', test_price: 1100 + 10 * at }));
  const pushed = await world.admin('POST', '/haggle/v1/catalogue', lines.join('\n'));
  assert.equal(pushed.status, 200, pushed.text);
});
after(() => world?.close());

/** An experiment over the catalogue. @param {string} name @param {Record<string, unknown>} [changes] */
function many(name, changes = {}) {
  const { item, arms, floor, ...plain } = experiment({ name, salt: name });
  return { ...plain, scope: { items: 'all' }, sample: { positive: 100, negative: 100, strata: 4 },
    arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }], ...changes };
}

async function start(name, more = {}) {
  const answer = await world.act(name, 'start', more);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

const put = async (one) => assert.equal((await world.admin('PUT', path(one.name), one)).status, 201);
const file = async (name, what = 'groups') => (await world.admin('GET', path(name, `/${what}`))).text;
const rows = (text) => text.trim().split('\n').slice(1).map((line) => line.split('\t'));

test('two experiments that overlap in scope have disjoint groups, and the file gives the first ones back exactly', async () => {
  await put(many('sevilla'));
  assert.equal((await world.admin('GET', path('sevilla', '/groups'))).status, 404, 'a draft has none');
  const { groups, definition } = await start('sevilla');
  assert.deepEqual(groups, { positive: 100, negative: 100 });
  assert.ok(definition.arms[1].price_minor > 0 && definition.arms[1].price_minor < definition.arms[0].price_minor, 'the mean over the positive group');
  await put(many('cadiz', { scope: { where: { brand: 'Fabrikam' } } }));
  await start('cadiz');
  const [first, second] = [rows(await file('sevilla')), rows(await file('cadiz'))];
  assert.deepEqual([first.length, second.length], [200, 200]);
  const taken = new Set(first.map(([id]) => id));
  assert.deepEqual(second.filter(([id]) => taken.has(id)), [], 'no item is in both');
  assert.equal(first.filter(([, , , control]) => control === '1').length, 100);

  // 200 of 400 Fabrikam are with cadiz, and some with sevilla: no third one of that size fits.
  await put(many('malaga', { scope: { where: { brand: 'Fabrikam' } }, sample: { positive: 200, negative: 100 } }));
  const full = await world.act('malaga', 'start');
  assert.deepEqual([full.status, /number of items in scope is \d+, of which \d+ are in other experiments/.test(full.body.error)], [409, true], full.text);

  const saved = await file('sevilla'), prices = await file('sevilla', 'prices');
  assert.equal((await world.act('sevilla', 'archive')).status, 200);
  await put(many('ronda', { salt: 'another' }));
  await start('ronda', { groups: saved });
  const ids = (text) => rows(text).map(([id, , , control, price]) => [id, control, price]);
  assert.deepEqual(ids(await file('ronda')), ids(saved));
  assert.equal(await file('ronda', 'prices'), prices);
  await put(many('almeria', { salt: 'a third' }));
  const conflict = await world.act('almeria', 'start', { groups: saved });
  assert.equal(conflict.status, 409, conflict.text);
});

test('what is in a group is priced as its arm says, the others keep their price; an added arm prices every item', async () => {
  const { version } = await world.sync();
  await world.served(version);
  const groups = rows(await file('cadiz'));
  const [positive, negative] = ['0', '1'].map((side) => groups.filter(([, , , control]) => control === side).map(([id]) => id));
  const of = (id) => 1000 + 10 * Number(id.slice(4));
  const seen = new Set();
  for (let at = 0; at < 30; at += 1) {
    const shopper = world.shopper();
    for (const id of [positive[at], positive[at + 30]]) {
      const { price_minor } = await shopper.price(id);
      const low = Math.round(of(id) * 0.9);
      assert.ok(Math.abs(price_minor - of(id)) < 1 || Math.abs(price_minor - low) <= 1, `${id} at ${price_minor}`);
      seen.add(price_minor < of(id));
    }
    assert.ok([of(negative[at]), undefined].includes((await shopper.price(negative[at])).price_minor));
  }
  assert.equal(seen.size, 2, 'both arms are seen');
  const added = await world.act('cadiz', 'add-arm', { arm: { name: 'file', column: 'test_price' } });
  assert.equal(added.status, 200, added.text);
  for (const [id, list, low, own] of rows(await file('cadiz', 'prices')).filter(([id]) => positive.includes(id)).slice(0, 20)) {
    assert.deepEqual([list, own], [(of(id) / 100).toFixed(2), ((of(id) + 100) / 100).toFixed(2)]);
    assert.ok(Math.abs(Number(low) - of(id) * 0.009) < 0.02);
  }
  const tight = await world.act('cadiz', 'set-guardrails', { guardrails: { max_step: 0.05 } });
  assert.deepEqual([tight.status, /arm low on item SKU-\d+/.test(tight.body.error)], [400, true], tight.text);
  assert.equal((await world.act('cadiz', 'set-guardrails', { guardrails: { max_step: 0.5 } })).status, 200);
});

test('its dates decide: not before its start, and at its end by its own rule, with a record', async () => {
  const later = await openWorld({ clock: true });
  try {
    const begin = Date.UTC(2027, 0, 4);
    await later.edge.setClock(begin);
    await later.run([experiment({ end: '2027-02-01' })]);
    await later.edge.setClock(begin + 27 * 86_400_000);
    await later.sync();
    assert.equal((await later.admin('GET', path('sevilla'))).body.state, 'running');
    await later.edge.setClock(Date.UTC(2027, 1, 1) + 1000);
    await later.sync();
    const { state, decision, revision, decided_at_ms } = (await later.admin('GET', path('sevilla'))).body;
    assert.deepEqual([state, decision.arm, decision.rule, revision, decided_at_ms], ['decided', 'list', 'end date', 3, Date.UTC(2027, 1, 1) + 1000],
      'nothing is known: the control');
    const { records } = (await later.admin('GET', '/haggle/v1/audit?experiment=sevilla')).body;
    assert.deepEqual([records.at(-1).who, records.at(-1).action, /the end date is reached/.test(records.at(-1).reason)], ['haggle', 'decide', true]);
    await later.sync();
    assert.equal((await later.admin('GET', path('sevilla'))).body.revision, 3, 'once');
  } finally {
    await later.close();
  }
});
