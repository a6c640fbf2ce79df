/**
 * What was acknowledged survives the loss of the process: workerd is killed with signal 9 and started again on the
 * storage that it left.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { newSecrets } from './edge.mjs';
import { ALONE, experiment, openWorld, until } from './kit.mjs';

const secrets = newSecrets();
/** A shard reports so late that nothing reaches D1 by itself before the kill. */
const SLOW = { LEDGER_PUSH_MS: '600000' };
/** A kill in the middle of many comes with this answer. */
const KILL_AT = 20;

let persist;
/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  persist = await mkdtemp(join(tmpdir(), 'haggle-durability-'));
  world = await openWorld({ persist, secrets, vars: SLOW, experiments: [experiment()] });
});
after(async () => {
  await world?.close();
  await rm(persist, { recursive: true, force: true });
});

/** @param {Record<string, string>} [vars] */
async function killAndRestart(vars = SLOW, killed = world.edge.kill()) {
  await killed;
  await world.shop.stop();
  const { orders } = world;
  world = await openWorld({ persist, secrets, vars });
  world.orders = orders;
}

let totals, ledger;
beforeEach(async () => {
  await world.sync();
  [totals, ledger] = [await world.totals(), await world.ledger()];
});

/** What D1 has more than before the test, without any sync. */
async function gained() {
  const [now, books] = [await world.totals(), await world.ledger()];
  const minus = (one, other) => Object.fromEntries(Object.keys(one).map((name) => [name, one[name] - other[name]]));
  return { totals: minus(now, totals), ledger: minus(books, ledger) };
}

test('a kill between the acknowledgement of rewards and the next sync loses none of them', async () => {
  const quotes = await world.quotes(30);
  const waiting = quotes.slice(20);
  assert.deepEqual((await world.expose(quotes.slice(0, 20))).statuses, Array(20).fill('recorded'));
  const order = world.order(quotes);
  assert.deepEqual((await world.reward(order)).statuses, [...Array(20).fill('matched'), ...Array(10).fill('unmatched')]);
  assert.equal((await gained()).ledger.stored, 0, 'nothing is in D1 yet, else this shows nothing');
  await killAndRestart();
  assert.deepEqual((await world.reward(order)).statuses, Array(30).fill('duplicate'), 'the shards remember every line');
  assert.deepEqual((await world.expose(quotes.slice(0, 20))).statuses, Array(20).fill('duplicate'));
  await world.sync();
  const now = await gained();
  assert.deepEqual(now.ledger, { stored: 30, matched: 20, unmatched: 10, exposures: 20 });
  assert.deepEqual(now.totals, { exposures: 20, conversions: 20, rewards: 20, units: 20, revenue_minor: 20 * 1900, cost_minor: 20 * 800 });
  assert.deepEqual((await world.expose(waiting)).statuses, Array(10).fill('recorded'), 'what waited still waits');
  await world.sync();
  assert.deepEqual((await gained()).ledger, { stored: 30, matched: 30, unmatched: 0, exposures: 30 });
});

test('a kill in the middle of many rewards loses none that was acknowledged, and sending all again counts each once', async () => {
  const quotes = await world.quotes(120);
  for (let from = 0; from < 120; from += 60) await world.expose(quotes.slice(from, from + 60));
  const orders = quotes.map((quote) => world.order([quote]));
  const acknowledged = new Set();
  let settled = 0, killed;
  const post = async (order) => {
    const headers = { authorization: `Bearer ${secrets.REWARDS_TOKEN}` };
    const answer = await world.post('/haggle/v1/rewards', order, { headers, ...ALONE }).catch(() => null);
    if (answer?.statuses?.[0] === 'matched') acknowledged.add(order.order_id);
    settled += 1;
    if (settled === KILL_AT) killed = world.edge.kill();
  };
  // Eight at a time; the kill comes with the 20th answer, whoever is quick.
  const rest = [...orders], lanes = Array.from({ length: 8 },
    async () => { for (let order = rest.pop(); order; order = rest.pop()) await post(order); });
  await Promise.all(lanes);
  assert.ok(acknowledged.size >= KILL_AT && acknowledged.size < 120, `${acknowledged.size} of 120 acknowledged: the kill was not in the middle`);
  await killAndRestart(SLOW, killed);
  for (const order of orders) {
    const [status] = (await world.reward(order)).statuses;
    if (acknowledged.has(order.order_id)) assert.equal(status, 'duplicate', `${order.order_id} was acknowledged and is lost`);
    else assert.ok(['matched', 'duplicate'].includes(status), status);
  }
  await world.sync();
  const { totals: now, ledger: books } = await gained();
  assert.deepEqual([now.rewards, now.revenue_minor, books.stored, books.matched, books.exposures], [120, 120 * 1900, 120, 120, 120]);
});

test('a kill between the acknowledgement of refunds and the next sync loses none of them, also of those that wait', async () => {
  const quotes = await world.quotes(30), order = world.order(quotes);
  await world.expose(quotes);
  const back = { order_id: order.order_id, lines: order.lines.map(({ line_id, quote }, at) => (at % 2
    ? { line_id, quote, kind: 'cancellation', refund_id: 'c' } : { line_id, quote, kind: 'refund', refund_id: 'r', units: 1, revenue_minor: 1900 })) };
  const early = { ...back, lines: back.lines.slice(20) };
  assert.deepEqual((await world.reward(early)).statuses, Array(10).fill('unmatched'));
  await world.reward({ ...order, lines: order.lines.slice(0, 20) });
  assert.deepEqual((await world.reward({ ...back, lines: back.lines.slice(0, 10) })).statuses, Array(10).fill('matched'));
  assert.equal((await gained()).ledger.stored, 0, 'nothing is in D1 yet, else this shows nothing');
  await killAndRestart();
  assert.deepEqual((await world.reward(back)).statuses, [...Array(10).fill('duplicate'), ...Array(10).fill('matched'), ...Array(10).fill('duplicate')]);
  assert.deepEqual((await world.reward(order)).statuses, [...Array(20).fill('duplicate'), ...Array(10).fill('matched')], 'what waited is found by its sale');
  await world.sync();
  const now = await gained();
  assert.deepEqual(now.ledger, { stored: 60, matched: 60, unmatched: 0, exposures: 30 });
  // A refund of the piece leaves its cost of 8.00, a cancellation nothing.
  assert.deepEqual(now.totals, { exposures: 30, conversions: 0, rewards: 0, units: 0, revenue_minor: 0, cost_minor: 15 * 800 });
});

test('a kill in the middle of many refunds counts each once, and sending all again takes back no more than was sold', async () => {
  const quotes = await world.quotes(80);
  for (let from = 0; from < 80; from += 40) await world.expose(quotes.slice(from, from + 40));
  const orders = quotes.map((quote) => world.order([quote], { units: 2, revenue_minor: 3800, cost_minor: 1600 }));
  await world.reward({ orders });
  const refunds = orders.map(({ order_id, lines: [{ line_id, quote }] }) => ({ order_id,
    lines: [{ line_id, quote, kind: 'refund', refund_id: 'r', units: 1, revenue_minor: 1900, cost_minor: 800 }] }));
  const acknowledged = new Set(), headers = { authorization: `Bearer ${secrets.REWARDS_TOKEN}` };
  let settled = 0, killed;
  const rest = [...refunds], lanes = Array.from({ length: 8 }, async () => {
    for (let one = rest.pop(); one; one = rest.pop()) {
      const answer = await world.post('/haggle/v1/rewards', one, { headers, ...ALONE }).catch(() => null);
      if (answer?.statuses?.[0] === 'matched') acknowledged.add(one.order_id);
      settled += 1;
      if (settled === KILL_AT) killed = world.edge.kill();
    }
  });
  await Promise.all(lanes);
  assert.ok(acknowledged.size >= KILL_AT && acknowledged.size < 80, `${acknowledged.size} of 80 acknowledged: the kill was not in the middle`);
  await killAndRestart(SLOW, killed);
  for (const one of refunds) {
    const [status] = (await world.reward(one)).statuses;
    if (acknowledged.has(one.order_id)) assert.equal(status, 'duplicate', `${one.order_id} was acknowledged and is lost`);
    else assert.ok(['matched', 'duplicate'].includes(status), status);
  }
  await world.sync();
  const { totals: now, ledger: books } = await gained();
  assert.deepEqual(now, { exposures: 80, conversions: 80, rewards: 80, units: 80, revenue_minor: 80 * 1900, cost_minor: 80 * 800 });
  assert.deepEqual(books, { stored: 160, matched: 160, unmatched: 0, exposures: 80 });
});

test('after a restart the versions go on growing, and pages are priced at once from what was published', async () => {
  const { version } = await world.sync();
  await killAndRestart();
  const page = await world.shopper().look('/product/OLIVE-500');
  assert.equal(page.reason, 'priced');
  assert.equal((await world.health()).snapshot.version, version);
  assert.equal((await world.sync()).version, version + 1);
});

test('a pinned visitor keeps price and exposure over a restart', async () => {
  const shoppers = Array.from({ length: 12 }, () => world.shopper());
  const first = await Promise.all(shoppers.map((shopper) => shopper.price('OLIVE-500')));
  await world.expose(first.map(({ quote }) => quote));
  await killAndRestart();
  for (const shopper of shoppers) shopper.base = world.base;
  const again = await Promise.all(shoppers.map((shopper) => shopper.price('OLIVE-500')));
  assert.deepEqual(again.map(({ price_minor }) => price_minor), first.map(({ price_minor }) => price_minor));
  assert.deepEqual((await world.expose(again.map(({ quote }) => quote))).statuses, Array(12).fill('duplicate'));
});

test('the alarm that was set before the kill reports after the restart, without a sync', async () => {
  // Long enough that the kill comes first, also where everything takes its time.
  await killAndRestart({ LEDGER_PUSH_MS: '5000' });
  const [quote] = await world.quotes(1);
  await world.expose([quote]);
  await world.reward(world.order([quote]));
  assert.equal((await gained()).ledger.stored, 0);
  await killAndRestart();
  const { totals: now } = await until('the alarm reports', gained, ({ totals, ledger }) => ledger.stored === 1 && totals.rewards === 1);
  assert.deepEqual([now.exposures, now.rewards], [1, 1]);
});
