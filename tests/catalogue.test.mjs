/**
 * The catalogue by the admin API: ten thousand items go in by pushes of a thousand, come out page by page, and a push
 * with one wrong line changes nothing.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openWorld } from './kit.mjs';

const ITEMS = 10_000;
const PUSH = 1000;
const PATH = '/haggle/v1/catalogue';

/** Prices from 5.00; families of three. @param {number} i */
const item = (i) => ({
  sku: `C${String(i).padStart(6, '0')}`, price_minor: 500 + (i * 7919) % 4500, price_includes_tax: true, tax_rate: 0.21,
  cost_minor: 200, brand: i % 2 ? 'Fabrikam' : 'Contoso', category: 'Food > Oil, "extra"', family: `F${Math.floor(i / 3)}`, colour: 'grün',
});

/** @param {any[]} items */
const lines = (items) => items.map((one) => JSON.stringify(one)).join('\n');

/** @type {Awaited<ReturnType<typeof openWorld>>} */
let world;
before(async () => { world = await openWorld(); });
after(() => world.close());

/** @param {string} text */
const push = (text) => world.admin('POST', PATH, text, { headers: { 'content-type': 'application/x-ndjson' } });
const count = async () => (await world.edge.db.prepare('SELECT COUNT(*) AS n FROM catalogue').first()).n;

test('ten thousand items are stored, read page by page in the order of their keys, and sent again without a change', async () => {
  const items = Array.from({ length: ITEMS }, (_, i) => item(i));
  const began = performance.now();
  for (let from = 0; from < ITEMS; from += PUSH) {
    const { status, body, text } = await push(lines(items.slice(from, from + PUSH)));
    assert.equal(status, 200, text);
    assert.deepEqual(body, { stored: PUSH, changed_in_live: [] });
  }
  assert.ok(performance.now() - began < 60_000);
  assert.equal(await count(), ITEMS);

  const read = [];
  for (let last = ''; ;) {
    const { status, body } = await world.admin('GET', `${PATH}?after=${encodeURIComponent(last)}`);
    assert.equal(status, 200);
    assert.equal(body.total, ITEMS);
    if (body.items.length === 0) break;
    assert.ok(body.items.length <= 1000);
    read.push(...body.items);
    last = body.items.at(-1).sku;
  }
  assert.deepEqual(read, items);

  await world.edge.db.prepare('UPDATE catalogue SET changed_at_ms = 7').run();
  const changed = { ...items[5], price_minor: 1234 };
  assert.equal((await push(lines([items[4], changed]))).status, 200);
  const { results } = await world.edge.db.prepare('SELECT sku FROM catalogue WHERE changed_at_ms <> 7').all();
  assert.deepEqual(results, [{ sku: changed.sku }], 'what is the same is not written');
});

test('a push with a wrong line is refused with its line and field, and nothing of it is stored', async () => {
  const before = await count();
  const good = { sku: 'NEW-1', price_minor: 100 };
  for (const [bad, why] of /** @type {[string, string][]} */ ([
    ['{"sku": "NEW-2", "price_minor": 0}', 'line 2: price_minor is 0; it must be 1 to 1000000000'],
    ['{"sku": "NEW 2", "price_minor": 1}', 'line 2: sku is "NEW 2"; it must be 1 to 64 visible ASCII'],
    ['{"sku": "NEW-2"}', 'line 2: price_minor is missing; it must be an integer'],
    ['{"sku": "NEW-2", "price_minor": 1, "tags": []}', 'line 2: tags is a list; it must be a text, a number, true or false'],
    ['{"sku": "NEW-2", "price_minor": 1', 'line 2: not a catalogue item in JSON: expected a comma or the end of the object'],
    ['{"sku": "NEW-1", "price_minor": 1}', 'line 2: sku "NEW-1" stands in line 1 already; it must be sent once'],
  ])) {
    const { status, body } = await push(`${JSON.stringify(good)}\n${bad}\n`);
    assert.equal(status, 400, bad);
    assert.ok(body.error.startsWith(why), body.error);
  }
  const many = Array.from({ length: PUSH + 1 }, (_, i) => ({ sku: `MANY-${i}`, price_minor: 1 }));
  const over = await push(lines(many));
  assert.equal(over.status, 400);
  assert.match(over.body.error, /^line 1001: more than 1000 items/);
  assert.equal((await push('')).status, 400);
  assert.equal((await push(`${' '.repeat(2 * 1024 * 1024)}${JSON.stringify(good)}`)).status, 413);
  assert.equal((await world.admin('DELETE', PATH)).status, 405);
  assert.equal((await world.admin('GET', `${PATH}?after=${'x'.repeat(65)}`)).status, 400);
  assert.equal(await count(), before);
});

test('a push says which items of live experiments have another price than when their groups were drawn', async () => {
  const of = (name, price_minor) => JSON.stringify([{ sku: name, price_minor, floor_minor: 1, ceiling_minor: 9000, prices: [price_minor] }]);
  const add = (name, state, definition) => world.edge.db.prepare(
    'INSERT INTO experiments (name, revision, state, definition, created_at_ms) VALUES (?, 1, ?, ?, 0)').bind(name, state, JSON.stringify(definition)).run();
  const group = (name, members) => world.edge.db.prepare('INSERT INTO groups (experiment, part, members) VALUES (?, 0, ?)').bind(name, members).run();
  await add('running-one', 'running', {});
  await group('running-one', of('LIVE-1', 500));
  await add('archived-one', 'archived', {});
  await group('archived-one', of('LIVE-2', 500));
  await add('single', 'paused', { item: { sku: 'LIVE-3', price_minor: 500 } });
  const price = (price_minor) => lines(['LIVE-1', 'LIVE-2', 'LIVE-3', 'LIVE-4'].map((sku) => ({ sku, price_minor })));
  assert.deepEqual((await push(price(500))).body, { stored: 4, changed_in_live: [] });
  assert.deepEqual((await push(price(501))).body, { stored: 4, changed_in_live: ['LIVE-1', 'LIVE-3'] });
});
