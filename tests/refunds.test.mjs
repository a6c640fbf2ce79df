/**
 * What was sold and is given back, on workerd: whatever comes first or twice, the totals are those of what is left, in
 * the cohort of the exposure; and the delay of every conversion reaches the central store.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf, experiment, openWorld, until } from './kit.mjs';

const HOUR_S = 3600, WINDOW_S = 168 * HOUR_S, REFUND_WINDOW_S = 30 * 24 * HOUR_S;
const now_s = () => Math.floor(Date.now() / 1000);

/** @type {import('./kit.mjs').World} */
let world;
before(async () => { world = await openWorld({ locations: { 'pop-a': {}, 'pop-b': {} }, experiments: [experiment()] }); });
after(() => world?.close());

const NOTHING = { exposures: 0, conversions: 0, rewards: 0, units: 0, revenue_minor: 0, cost_minor: 0 };

/** Sums of squares of one arm are texts: they add up as BigInt. */
async function squares() {
  const { results } = await world.edge.db.prepare('SELECT revenue_sq, profit_sq FROM tallies').all();
  return results.reduce(([r, p], row) => [r + BigInt(row.revenue_sq), p + BigInt(row.profit_sq)], [0n, 0n]);
}

/** Conversions by delay, as the central store has them. @returns {Promise<Map<string, number>>} by `hour+delay` */
async function delays() {
  const { results } = await world.edge.db.prepare('SELECT hour, delay_h, SUM(conversions) AS n FROM delays GROUP BY hour, delay_h').all();
  return new Map(results.map(({ hour, delay_h, n }) => [`${hour}+${delay_h}`, n]));
}

/** The difference that an action makes in the central store. */
async function change(action) {
  const look = async () => {
    await world.sync();
    return { totals: await world.totals(), ledger: await world.ledger(), squares: await squares(), delays: await delays() };
  };
  const then = await look();
  await action();
  const now = await look();
  const minus = (one, other) => Object.fromEntries(Object.entries(one).map(([name, value]) => [name, value - other[name]]));
  const moved = [...now.delays].map(([key, n]) => [key, n - (then.delays.get(key) ?? 0)]).filter(([, n]) => n !== 0);
  assert.equal(now.ledger.stored, now.ledger.matched + now.ledger.unmatched);
  return { totals: minus(now.totals, then.totals), ledger: minus(now.ledger, then.ledger),
    squares: now.squares.map((sum, at) => sum - then.squares[at]), delays: Object.fromEntries(moved) };
}

/** A part of an order's first line given back. @param {any} order @param {string} refund_id @param {Record<string, number>} amounts */
function refund({ order_id, lines: [{ line_id, quote }] }, refund_id, amounts) {
  return { order_id, lines: [{ line_id, quote, kind: 'refund', refund_id, ...amounts }] };
}

/** @param {any} order @param {string} [refund_id] */
const cancellation = ({ order_id, lines }, refund_id = 'c-1') => ({ order_id,
  lines: lines.map(({ line_id, quote }) => ({ line_id, quote, kind: 'cancellation', refund_id })) });

const ONE = { units: 1, revenue_minor: 1900, cost_minor: 800 };

test('a refund takes its part out of the totals, and a cancellation the rest with the conversion', async () => {
  const [quote] = await world.quotes(1);
  const order = world.order([quote], { units: 3, revenue_minor: 5700, cost_minor: 2400 });
  const partly = await change(async () => {
    await world.expose([quote]);
    assert.deepEqual((await world.reward(order)).statuses, ['matched']);
    assert.deepEqual((await world.reward(refund(order, 'r-1', ONE), 'pop-b')).statuses, ['matched']);
    assert.deepEqual((await world.reward(refund(order, 'r-2', { units: 0, revenue_minor: 300 }), 'pop-b')).statuses, ['matched']);
  });
  assert.deepEqual(partly.totals, { exposures: 1, conversions: 1, rewards: 1, units: 2, revenue_minor: 3500, cost_minor: 1600 });
  assert.deepEqual(partly.squares, [3500n ** 2n, 1900n ** 2n]);
  assert.deepEqual(partly.ledger, { stored: 3, matched: 3, unmatched: 0, exposures: 1 });
  const { iat } = claimsOf(quote), key = `${Math.floor(iat / HOUR_S)}+0`;
  assert.deepEqual(partly.delays, { [key]: 1 });
  const cancelled = await change(async () => assert.deepEqual((await world.reward(cancellation(order))).statuses, ['matched']));
  assert.deepEqual(cancelled.totals, { exposures: 0, conversions: -1, rewards: -1, units: -2, revenue_minor: -3500, cost_minor: -1600 });
  assert.deepEqual(cancelled.squares, [-(3500n ** 2n), -(1900n ** 2n)]);
  assert.deepEqual(cancelled.delays, { [key]: -1 });
});

test('sale, refund and exposure in any order come to the same, and repeating any of them changes nothing', async () => {
  const steps = ['expose', 'sell', 'refund', 'cancel'];
  const orders = steps.flatMap((a) => steps.flatMap((b) => steps.flatMap((c) => steps.flatMap((d) =>
    (new Set([a, b, c, d]).size === 4 ? [[a, b, c, d]] : [])))));
  assert.equal(orders.length, 24);
  const quotes = await world.quotes(24);
  const all = await change(async () => {
    await Promise.all(orders.map(async (order, at) => {
      const quote = quotes[at], sold = { ...world.order([quote], { units: 2, revenue_minor: 3800, cost_minor: 1600 }) };
      const send = { expose: () => world.expose([quote]), sell: () => world.reward(sold), refund: () => world.reward(refund(sold, 'r', ONE)),
        cancel: () => world.reward(cancellation(sold)) };
      for (const step of order) {
        const [status] = (await send[step]()).statuses;
        const isLate = step === 'refund' && order.indexOf('cancel') < order.indexOf('refund')
          && order.indexOf('sell') < order.indexOf('refund') && order.indexOf('expose') < order.indexOf('refund');
        assert.equal(status === 'refused', isLate, `${order}: ${step} is ${status}`);
      }
      for (const step of order) assert.match((await send[step]()).statuses[0], /^(duplicate|refused)$/);
    }));
  });
  assert.deepEqual(all.totals, { ...NOTHING, exposures: 24 }, 'as if never sold');
  assert.deepEqual(all.squares, [0n, 0n]);
  assert.deepEqual(all.delays, {});
  assert.equal(all.ledger.unmatched, 0, 'nothing is left waiting');
});

test('a refund before its sale waits, is shown as unmatched, and counts when the sale arrives', async () => {
  const [quote] = await world.quotes(1), order = world.order([quote], { units: 2, revenue_minor: 3800, cost_minor: 1600 });
  const early = await change(async () => {
    await world.expose([quote]);
    assert.deepEqual((await world.reward(refund(order, 'r-1', ONE))).statuses, ['unmatched']);
    assert.deepEqual((await world.reward(refund(order, 'r-1', ONE), 'pop-b')).statuses, ['duplicate']);
  });
  assert.deepEqual(early.totals, { ...NOTHING, exposures: 1 });
  assert.deepEqual(early.ledger, { stored: 1, matched: 0, unmatched: 1, exposures: 1 });
  const sold = await change(async () => assert.deepEqual((await world.reward(order)).statuses, ['matched']));
  assert.deepEqual(sold.totals, { ...NOTHING, conversions: 1, rewards: 1, ...ONE });
  assert.deepEqual(sold.ledger, { stored: 1, matched: 2, unmatched: -1, exposures: 0 });
  assert.deepEqual(sold.squares, [1900n ** 2n, 1100n ** 2n]);
});

test('more than is left of the line is refused, with what was given and what is left', async () => {
  const [quote] = await world.quotes(1), order = world.order([quote]);
  const difference = await change(async () => {
    await world.expose([quote]);
    await world.reward(order);
    for (const [amounts, says] of [[{ ...ONE, units: 2 }, /units is 2; it must be at most 1, which is left of the line/],
      [{ ...ONE, revenue_minor: 1901 }, /revenue_minor is 1901; it must be at most 1900/],
      [{ ...ONE, cost_minor: 801 }, /cost_minor is 801; it must be at most 800/]]) {
      const { status, statuses, body } = await world.reward(refund(order, 'r-1', amounts));
      assert.deepEqual([status, statuses], [400, ['refused']]);
      assert.match(body.error, says);
    }
    // A refused refund is not remembered: the right one may come under its name.
    assert.deepEqual((await world.reward(refund(order, 'r-1', { units: 0, revenue_minor: 1000 }))).statuses, ['matched']);
    assert.match((await world.reward(refund(order, 'r-2', { units: 0, revenue_minor: 901 }))).body.error, /901; it must be at most 900/);
    assert.deepEqual((await world.reward(cancellation(order))).statuses, ['matched']);
    assert.match((await world.reward(cancellation(order, 'c-2'))).body.error, /what is given back is 0/);
  });
  assert.deepEqual(difference.totals, { ...NOTHING, exposures: 1 });
  assert.deepEqual(difference.ledger, { stored: 3, matched: 3, unmatched: 0, exposures: 1 });
});

test('refunds that waited and together exceed their sale: what fits counts, the rest goes on waiting', async () => {
  const [quote] = await world.quotes(1), order = world.order([quote]);
  const difference = await change(async () => {
    await world.expose([quote]);
    for (const [id, revenue_minor] of [['r-1', 1500], ['r-2', 1200], ['r-3', 400]]) {
      assert.deepEqual((await world.reward(refund(order, id, { units: 0, revenue_minor }))).statuses, ['unmatched']);
    }
    assert.deepEqual((await world.reward(order)).statuses, ['matched']);
  });
  assert.deepEqual(difference.totals, { exposures: 1, conversions: 1, rewards: 1, units: 1, revenue_minor: 0, cost_minor: 800 });
  assert.deepEqual(difference.ledger, { stored: 4, matched: 3, unmatched: 1, exposures: 1 });
  // A sale that waits for its exposure refuses at once what can never fit.
  const [later] = await world.quotes(1), unseen = world.order([later]);
  await change(async () => {
    assert.deepEqual((await world.reward(unseen)).statuses, ['unmatched']);
    assert.match((await world.reward(refund(unseen, 'r-1', { ...ONE, units: 2 }))).body.error, /units is 2; it must be at most 1/);
    assert.deepEqual((await world.reward(refund(unseen, 'r-1', ONE))).statuses, ['unmatched']);
  });
  const seen = await change(() => world.expose([later]));
  assert.deepEqual([seen.totals, seen.ledger], [{ ...NOTHING, exposures: 1 }, { stored: 0, matched: 2, unmatched: -2, exposures: 1 }]);
});

test('a refund of an order that never was waits and changes no total, and one at another quote is refused', async () => {
  const difference = await change(async () => {
    const quotes = await world.quotes(40), order = world.order([quotes[0]]);
    assert.deepEqual((await world.reward(refund(world.order([quotes[1]]), 'r-1', ONE))).statuses, ['unmatched']);
    await world.expose(quotes);
    await world.reward(order);
    // Of the other quotes some are on the same shard, and know that the line was sold at another.
    const answers = await Promise.all(quotes.slice(2).map((quote, at) => world.reward(refund({ ...order, lines: [{ ...order.lines[0], quote }] }, `r-${at}`, ONE))));
    const refused = answers.filter(({ statuses }) => statuses[0] === 'refused');
    assert.ok(refused.length > 0 && refused.length < answers.length);
    for (const { body } of refused) assert.match(body.error, /quote is another one; it must be the one that this line was sold at/);
  });
  assert.deepEqual(difference.totals, { exposures: 40, conversions: 1, rewards: 1, ...ONE });
});

test('of refunds at the same time only as much counts as was sold', async () => {
  const [quote] = await world.quotes(1), order = world.order([quote]);
  const difference = await change(async () => {
    await world.expose([quote]);
    await world.reward(order);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((at) =>
      world.reward(refund(order, `r-${Math.ceil(at / 2)}`, ONE), at % 2 ? 'pop-a' : 'pop-b')));
    const statuses = answers.map(({ statuses: [status] }) => status);
    assert.equal(statuses.filter((status) => status === 'matched').length, 1, statuses.join());
  });
  assert.deepEqual(difference.totals, { ...NOTHING, exposures: 1 });
  assert.deepEqual(difference.ledger, { stored: 2, matched: 2, unmatched: 0, exposures: 1 });
});

test('of two orders at one exposure each is given back by itself; the last one takes the conversion', async () => {
  const [quote] = await world.quotes(1), [one, two] = [world.order([quote]), world.order([quote])];
  const first = await change(async () => {
    await world.expose([quote]);
    await world.reward({ orders: [one, two] });
    await world.reward(cancellation(one));
  });
  assert.deepEqual(first.totals, { exposures: 1, conversions: 1, rewards: 1, ...ONE });
  assert.deepEqual(first.squares, [1900n ** 2n, 1100n ** 2n]);
  const second = await change(() => world.reward(cancellation(two)));
  assert.deepEqual([second.totals.conversions, second.totals.rewards, second.squares[0]], [-1, -1, -(1900n ** 2n)]);
  // And sold once more it is a conversion again.
  const third = await change(() => world.reward(world.order([quote])));
  assert.deepEqual([third.totals.conversions, third.totals.rewards, Object.values(third.delays)], [1, 1, [1]]);
});

test('sales and refunds count in the cohort of the exposure, and the delay in whole hours from its decision', async () => {
  const iat = now_s() - 30 * HOUR_S - 60, hour = Math.floor(iat / HOUR_S);
  const [quote] = await world.quotes(1, { iat, exp: now_s() + HOUR_S, e: 1 }), order = world.order([quote]);
  const cohort = () => world.edge.db.prepare("SELECT SUM(exposures) AS exposures, SUM(conversions) AS conversions, SUM(revenue_minor) AS revenue_minor "
    + "FROM tallies WHERE experiment = 'sevilla' AND hour = ? AND epoch = 1").bind(hour).first();
  const sold = await change(async () => {
    await world.reward(order);
    await world.expose([quote]);
  });
  assert.deepEqual(sold.delays, { [`${hour}+30`]: 1 });
  assert.deepEqual(await cohort(), { exposures: 1, conversions: 1, revenue_minor: 1900 });
  const back = await change(() => world.reward(refund(order, 'r', ONE)));
  assert.deepEqual(back.delays, { [`${hour}+30`]: -1 });
  assert.deepEqual(await cohort(), { exposures: 1, conversions: 0, revenue_minor: 0 });
});

test('a refund counts until its window after the reward window is over, and a sale does not', async () => {
  const at = (age_s) => world.quotes(1, { iat: now_s() - age_s, exp: now_s() - age_s + 2 * HOUR_S });
  const [late] = await at(WINDOW_S + REFUND_WINDOW_S - 60), [over] = await at(WINDOW_S + REFUND_WINDOW_S + 60);
  await change(async () => {
    const order = world.order([late]);
    assert.match((await world.reward(order)).body.error, /reward window of 604800 s ended/);
    assert.deepEqual((await world.reward(cancellation(order))).statuses, ['unmatched']);
    assert.match((await world.reward(cancellation(world.order([over])))).body.error, /refund window of 3196800 s ended \d+ s ago/);
  });
});

test('after D1 lost them the delays are reported again, and a late report changes nothing', async () => {
  const quotes = await world.quotes(20);
  await world.sync();
  const { exposures, stored } = await world.ledger();
  await world.expose(quotes);
  await world.reward(world.order(quotes));
  // By their alarms: no report is under way while the rows go.
  await until('the shards have reported', () => world.ledger(), (now) => now.exposures === exposures + 20 && now.stored === stored + 20);
  const known = await delays();
  assert.ok([...known.values()].reduce((sum, n) => sum + n, 0) >= 20);
  await world.edge.db.batch(['delays', 'sources'].map((table) => world.edge.db.prepare(`DELETE FROM ${table}`)));
  await world.sync();
  assert.deepEqual(await delays(), known);
  const { results } = await world.edge.db.prepare("SELECT SUM(conversions) AS n FROM delays UNION ALL SELECT SUM(conversions) FROM tallies").all();
  assert.equal(results[0].n, results[1].n, 'every conversion has one delay');
});

test('what was sold is remembered for its refunds after the shard has dropped what is over', async () => {
  // The alarm comes after quote and reward window are over, and it is the first one: it drops, then reports.
  const brief = await openWorld({ vars: { LEDGER_PUSH_MS: '3000' }, clock: true, experiments: [experiment()] }), iat = now_s();
  try {
    await brief.edge.setClock(iat * 1000);
    const quotes = await brief.quotes(2, { iat, exp: iat + 2, rw: 2, s: 1 }), order = brief.order(quotes.slice(0, 1));
    assert.deepEqual((await brief.expose(quotes)).statuses, ['recorded', 'recorded']);
    assert.deepEqual((await brief.reward(order)).statuses, ['matched']);
    await brief.edge.setClock((iat + 3) * 1000);
    await until('the alarm has dropped and reported', () => brief.ledger(), ({ exposures }) => exposures === 2);
    assert.match((await brief.reward(order)).body.error, /reward window of 2 s ended/);
    assert.deepEqual((await brief.reward(cancellation(order))).statuses, ['matched']);
    assert.deepEqual((await brief.reward(cancellation(order))).statuses, ['duplicate']);
    const now = await until('it reports again', () => brief.totals(), ({ conversions }) => conversions === 0);
    assert.deepEqual(now, { ...NOTHING, exposures: 2 });
  } finally {
    await brief.close();
  }
});

test('what each item brought under one exposure is told apart, and adds up to the totals of the arms', async () => {
  const claims = await world.claims(), [olive, vinegar] = ['OLIVE-500', 'VINEGAR-250'].map((o) => world.sign({ ...claims, o }));
  const items = async () => {
    const { results } = await world.edge.db.prepare('SELECT sku, SUM(units) AS units, SUM(revenue_minor) AS revenue_minor, SUM(cost_minor) AS cost_minor '
      + 'FROM item_tallies GROUP BY sku').all();
    return new Map(results.map(({ sku, ...sums }) => [sku, sums]));
  };
  const oil = world.order([olive], { units: 2, revenue_minor: 3800, cost_minor: 1600 }), sour = world.order([vinegar], { units: 3, revenue_minor: 900, cost_minor: 300 });
  const one = await change(async () => {
    // One of them waits for its exposure and the other does not; a part of each is given back.
    assert.deepEqual((await world.reward(oil)).statuses, ['unmatched']);
    await world.expose([olive]);
    assert.deepEqual((await world.reward(sour, 'pop-b')).statuses, ['matched']);
    assert.deepEqual((await world.reward(refund(oil, 'r-1', ONE))).statuses, ['matched']);
    assert.deepEqual((await world.reward(refund(sour, 'r-2', { units: 1, revenue_minor: 300, cost_minor: 100 }))).statuses, ['matched']);
  });
  assert.deepEqual(one.totals, { exposures: 1, conversions: 1, rewards: 2, units: 3, revenue_minor: 2500, cost_minor: 1000 });
  assert.deepEqual((await items()).get('VINEGAR-250'), { units: 2, revenue_minor: 600, cost_minor: 200 });
  const sums = async (table) => (await world.edge.db.prepare(`SELECT arm, SUM(units) AS units, SUM(revenue_minor) AS revenue_minor, `
    + `SUM(cost_minor) AS cost_minor FROM ${table} GROUP BY arm HAVING SUM(units) <> 0 OR SUM(revenue_minor) <> 0 ORDER BY arm`).all()).results;
  assert.deepEqual(await sums('item_tallies'), await sums('tallies'), 'of all that was sold and given back in this file');
  assert.deepEqual((await world.reward(cancellation(sour))).statuses, ['matched']);
  await world.sync();
  assert.deepEqual((await items()).get('VINEGAR-250'), { units: 0, revenue_minor: 0, cost_minor: 0 });
  assert.deepEqual(await sums('item_tallies'), await sums('tallies'));
});
