/**
 * Where items are randomised, on workerd: sales by order line and by daily file, each once; the arms of items by period;
 * and what the policy is told of it, held against sums of our own.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { experiment, openWorld } from './kit.mjs';

const HOUR_MS = 3_600_000, DAY_MS = 24 * HOUR_MS;
/** A midnight, which the machine's clock is far from. */
const START_MS = Date.UTC(2026, 11, 1);
const SALES = '/haggle/v1/sales';

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld({ clock: true, locations: { 'pop-a': {}, 'pop-b': {} } });
  await world.edge.setClock(START_MS);
});
after(() => world?.close());

/** What the shop's server sends. @param {unknown} body @param {{ location?: string, token?: string }} [init] */
async function sell(body, { location, token = world.edge.secrets.REWARDS_TOKEN } = {}) {
  return world.post(SALES, body, { location, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } });
}

const line = (order_id, changes = {}) => ({ order_id, line_id: '1', sku: 'S-000', units: 2, revenue_minor: 3800, cost_minor: 1600, ...changes });
const stored = async (order_id) => (await world.edge.db.prepare('SELECT line_id, kind, sku, hour, units, revenue_minor, cost_minor FROM sales WHERE order_id = ? ORDER BY line_id, kind')
  .bind(order_id).all()).results;

test('lines are stored once, wherever and however often they are sent; each is answered by itself', async () => {
  const lines = [line('o-1'), line('o-1', { line_id: '2', sku: 'not in any experiment', units: 1 }), line('o-1', { line_id: '3', units: 0 }), line('o-1')];
  const first = await sell({ lines });
  assert.deepEqual([first.status, first.statuses], [200, ['recorded', 'refused', 'refused', 'duplicate']]);
  assert.match(first.body.results[2].error, /^units is 0; it must be 1 to 10000$/);
  assert.equal(first.body.results[0].order_id, 'o-1');
  assert.deepEqual((await sell({ lines: [line('o-1'), line('o-1', { line_id: '4' })] }, { location: 'pop-b' })).statuses, ['duplicate', 'recorded']);
  const hour = START_MS / HOUR_MS, sale = { kind: 'sale', sku: 'S-000', hour, units: 2, revenue_minor: 3800, cost_minor: 1600 };
  assert.deepEqual(await stored('o-1'), [{ line_id: '1', ...sale }, { line_id: '4', ...sale }]);
  const refund = line('o-1', { kind: 'refund', refund_id: 'r-1', units: 1, revenue_minor: 1900, cost_minor: 800 });
  assert.deepEqual((await sell({ lines: [refund, refund] })).statuses, ['recorded', 'duplicate']);
  assert.deepEqual((await stored('o-1'))[0], { line_id: '1', ...sale, kind: 'refund', units: -1, revenue_minor: -1900, cost_minor: -800 });
  const onAdminHost = await world.admin('POST', SALES, { lines: [line('o-2'), line('o-1')] });
  assert.deepEqual(onAdminHost.body.results.map((one) => one.status), ['recorded', 'duplicate'], onAdminHost.text);
});

test('five hundred lines at once, sent ten times at once, are stored once', async () => {
  const lines = Array.from({ length: 500 }, (_, n) => line('o-many', { line_id: String(n), sku: `S-${n % 40}`, revenue_minor: n }));
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => sell({ lines }, { location: n % 2 ? 'pop-a' : 'pop-b' })));
  const recorded = answers.flatMap((answer) => answer.statuses).filter((status) => status === 'recorded');
  assert.equal(recorded.length, 500);
  const { count, sum } = await world.edge.db.prepare("SELECT COUNT(*) AS count, SUM(revenue_minor) AS sum FROM sales WHERE order_id = 'o-many'").first();
  assert.deepEqual([count, sum], [500, 500 * 499 / 2]);
});

test('a day of a sales file replaces what was known of that day and item', async () => {
  const day = (changes = {}) => ({ day: '2026-11-30', sku: 'S-000', units: 20, revenue_minor: 38_000, cost_minor: 16_000, ...changes });
  const first = await sell({ days: [day(), day({ sku: 'S-001' }), day({ day: '2026-12-02' })] });
  assert.deepEqual(first.statuses, ['recorded', 'recorded', 'refused']);
  assert.match(first.body.results[2].error, /^day is 2026-12-02T00:00:00Z; it must be at most 5 minutes ahead$/);
  assert.deepEqual([first.body.results[0].day, first.body.results[0].sku], ['2026-11-30', 'S-000']);
  assert.deepEqual((await sell({ days: [day({ units: 21 }), day({ units: 22, revenue_minor: -5 })] })).statuses, ['recorded', 'recorded']);
  const hour = (START_MS - DAY_MS) / HOUR_MS;
  assert.deepEqual(await stored('day'), [
    { line_id: 'S-000 2026-11-30', kind: 'day', sku: 'S-000', hour, units: 22, revenue_minor: -5, cost_minor: 16_000 },
    { line_id: 'S-001 2026-11-30', kind: 'day', sku: 'S-001', hour, units: 20, revenue_minor: 38_000, cost_minor: 16_000 }]);
});

test('what is no report is refused with what is allowed, and nobody reports without the secret', async () => {
  for (const [body, why] of [
    ['{', /^not a sales report in JSON: expected/], ['{}', /it must have lines or days, one of them$/],
    [{ lines: [] }, /^number of sales lines is 0; it must be 1 to 500 in one request$/],
    [{ lines: Array(501).fill(line('o-9')) }, /is 501/], [{ lines: [line('o-9', { at: 'noon' })] }, /^lines\[0\]\.at is "noon"; it must be a time/],
    [{ lines: [line('o-9', { at: '2026-12-01T00:10:00Z' })] }, /^at is 2026-12-01T00:10:00Z; it must be at most 5 minutes ahead$/],
    [{ lines: [line('o-9', { at: '2026-08-01T00:00:00Z' })] }, /within the last 90 days/],
    [{ days: [{ day: '2026-02-30', sku: 'A', units: 1, revenue_minor: 1, cost_minor: 1 }] }, /^days\[0\]\.day is "2026-02-30"; it must be a date/],
  ]) {
    const answer = await sell(body);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.body.error, why);
  }
  assert.equal((await sell({ lines: [line('o-9')] }, { token: 'guess' })).status, 401);
  assert.equal((await sell({ lines: [line('o-9')] }, { token: world.edge.secrets.ADMIN_TOKEN })).status, 401);
  assert.equal((await sell(`{"lines": ["${'x'.repeat(300_000)}"]}`)).status, 413);
  assert.equal((await world.shopper().ask(SALES)).status, 405);
  assert.deepEqual(await stored('o-9'), []);
});

const FAMILIES = 30, ITEMS = Array.from({ length: 60 }, (_, n) => ({ sku: `S-${String(n).padStart(3, '0')}`, family: `F-${n % FAMILIES}` }));

/** An experiment on all items, whose families are drawn anew each day. */
const jaen = (changes = {}) => {
  const { item: _item, arms: _arms, ...rest } = experiment();
  const arms = [['list', 1], ['low', 0.9], ['high', 1.1]].map(([name, multiplier]) => ({ name, multiplier }));
  return { ...rest, name: 'jaen', salt: 'jaen-test', floor: 0.1, unit: 'item-period', period_hours: 24, washout_hours: 2, families: true,
    scope: { items: 'all' }, sample: { negative: 6 }, arms, ...changes };
};

async function pushCatalogue() {
  const item = ({ sku, family }) => JSON.stringify({ sku, family, price_minor: 2000, cost_minor: 900, past: 100 });
  const put = world.edge.db.prepare('INSERT INTO catalogue (sku, item, changed_at_ms) VALUES (?, ?, 0)');
  await world.edge.db.batch(ITEMS.map((one) => put.bind(one.sku, item(one))));
}

const epochs = async () => (await world.edge.db.prepare('SELECT epoch, opened_at_ms, arms, hex(input) AS input FROM epochs WHERE experiment = ? ORDER BY epoch').bind('jaen').all())
  .results.map((row) => ({ ...row, arms: JSON.parse(row.arms) }));
/** Item to arm. @param {number} epoch @returns {Promise<Map<string, number>>} */
const assigned = async (epoch) => new Map((await world.edge.db.prepare('SELECT sku, unit, arm FROM assignments WHERE experiment = ? AND epoch = ?').bind('jaen', epoch).all())
  .results.map(({ sku, unit, arm }) => {
    assert.equal(unit, ITEMS.find((one) => one.sku === sku)?.family);
    return [sku, arm];
  }));
const familyOf = (sku) => ITEMS.find((one) => one.sku === sku)?.family ?? assert.fail(sku);

/** At a time, a sync. @param {number} after_ms the start */
async function syncAt(after_ms) {
  await world.edge.setClock(START_MS + after_ms);
  return world.sync();
}

test('families share an arm for a period and are drawn anew in the next; a sync within it changes nothing', async () => {
  await pushCatalogue();
  await world.edge.setClock(START_MS + 20_000);
  await world.run([jaen()]);
  const first = await assigned(1);
  assert.equal(first.size, 54, 'all of the positive group, none of the negative');
  for (const [sku, arm] of first) for (const [other, its] of first) if (familyOf(sku) === familyOf(other)) assert.equal(arm, its);
  assert.ok(new Set(first.values()).size === 3, 'all arms have families');
  for (const hours of [1, 13, 23.9]) assert.equal((await syncAt(hours * HOUR_MS)).epochs_opened, 0);
  assert.equal((await epochs()).length, 1);
  await syncAt(DAY_MS + 40_000);
  const second = await assigned(2);
  assert.deepEqual([...second.keys()], [...first.keys()]);
  assert.ok([...second].some(([sku, arm]) => arm !== first.get(sku)), 'a new period is a new draw');
});

/** Mean, kappa, shape and scale of each arm's belief, after so many observations of these values. */
function belief(values) {
  // As of one observation of 0.5 with a variance of 0.25, the prior of an arm whose conversion is worth 1.
  const n = values.length, sum = values.reduce((a, b) => a + b, 0), mean = n > 0 ? sum / n : 0;
  const squares = values.reduce((all, value) => all + (value - mean) ** 2, 0);
  return [(0.5 + sum) / (1 + n), 1 + n, 1.5 + n / 2, 0.125 + squares / 2 + ((mean - 0.5) ** 2 * n) / (2 * (1 + n))];
}

/** Whether these four numbers stand in the bytes of an epoch's snapshot, one after the other, up to rounding. */
function holds(hex, numbers) {
  const bytes = Buffer.from(hex, 'hex');
  const near = (one, other) => Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(other));
  return Array.from({ length: bytes.length - 32 }, (_, at) => at).some((at) => numbers.every((number, place) => near(bytes.readDoubleLE(at + 8 * place), number)));
}

test('a period opens with what the families sold in the periods before, without the washout, less what was given back', async () => {
  const second = await assigned(2), begun = START_MS + DAY_MS;
  const at = (hours) => new Date(begun + hours * HOUR_MS + 1000).toISOString();
  const [one, two, three, gone] = ['S-000', 'S-007', 'S-013', 'S-024'].map((sku) => [...second.keys()].find((known) => known >= sku));
  const brought = new Map();
  const counts = (sku, minor) => brought.set(familyOf(sku), (brought.get(familyOf(sku)) ?? 0) + minor);
  await world.edge.setClock(begun + 23 * HOUR_MS + 1_800_000);
  const lines = [
    line('p-1', { sku: one, at: at(1.9), revenue_minor: 5_000 }), // washout
    line('p-2', { sku: one, at: at(2), revenue_minor: 4_000, cost_minor: 1_000 }),
    line('p-2', { line_id: '2', sku: two, at: at(5), revenue_minor: 1_000_000_000_000, cost_minor: 7 }),
    line('p-3', { sku: three, at: at(23), revenue_minor: 6_000, cost_minor: 2_000 }),
    line('p-4', { sku: gone, at: at(9), revenue_minor: 9_000, cost_minor: 1_000 }),
    line('p-5', { sku: 'elsewhere', at: at(9) }),
    line('p-6', { sku: one, at: at(-3), revenue_minor: 7_000, cost_minor: 0 }), // in the first period
  ];
  assert.ok((await sell({ lines })).statuses.every((status) => status === 'recorded'));
  counts(one, 3_000);
  counts(two, 999_999_999_993);
  counts(three, 4_000);
  await world.edge.setClock(begun + DAY_MS);
  // Given back on the next day, it counts where it was sold; a cancellation takes the whole line; a refund of no known
  // sale waits.
  assert.deepEqual((await sell({ lines: [
    line('p-3', { kind: 'refund', refund_id: 'r', sku: three, units: 1, revenue_minor: 5_500, cost_minor: 500 }),
    { kind: 'cancellation', refund_id: 'c', order_id: 'p-4', line_id: '1', sku: gone },
    line('p-7', { kind: 'refund', refund_id: 'r', sku: two }),
  ] })).statuses, ['recorded', 'recorded', 'recorded']);
  counts(three, -5_000);
  // A day's file knows nothing of hours: its day is in the period as a whole, and a washout of two hours is no day.
  assert.deepEqual((await sell({ days: [{ day: '2026-12-02', sku: one, units: 3, revenue_minor: 800, cost_minor: 100 },
    { day: '2026-12-03', sku: one, units: 3, revenue_minor: 900, cost_minor: 0 }] })).statuses, ['recorded', 'recorded']);
  counts(one, 700);
  await syncAt(2 * DAY_MS + 30_000);
  const [, , third] = await epochs();
  const drawn_by = [[1, await assigned(1)], [2, second]];
  const arms = [0, 1, 2].map((arm) => {
    const values = [];
    for (const [epoch, drawn] of drawn_by) {
      const families = new Set([...drawn].filter(([, its]) => its === arm).map(([sku]) => familyOf(sku)));
      const sold = epoch === 2 ? brought : new Map([[familyOf(one), 7_000]]);
      for (const family of families) values.push(sold.get(family) ?? 0);
    }
    return values;
  });
  for (const [arm, values] of arms.entries()) {
    assert.equal(third.arms[arm].exposures, values.length, 'each family in each epoch is one observation');
    assert.ok(holds(third.input, belief(values)), `arm ${arm}: ${JSON.stringify(belief(values))} of ${JSON.stringify(values)}`);
  }
});

test('an arm that is added within a period takes items from the others and moves none between them', async () => {
  const third = await assigned(3);
  await world.edge.setClock(START_MS + 2 * DAY_MS + 10 * HOUR_MS);
  const { status, text } = await world.act('jaen', 'add-arm', { arm: { name: 'lower', multiplier: 0.8 } });
  assert.equal(status, 200, text);
  await world.sync();
  const fourth = await assigned(4);
  assert.equal((await epochs()).length, 4);
  const moved = [...fourth].filter(([sku, arm]) => arm !== third.get(sku));
  assert.ok(moved.length > 0 && moved.every(([, arm]) => arm === 3), JSON.stringify(moved));
  await world.act('jaen', 'retire-arm', { arm: 'lower' });
  await world.sync();
  assert.deepEqual(await assigned(5), third, 'they go back to where they were');
});

test("a reward with the quote of everybody's price is a sale of its item", async () => {
  const [sku, arm] = [...await assigned(5)][0], prices = [2000, 1800, 2200];
  const { version } = await world.sync();
  await world.served(version);
  const shown = await world.shopper().price(sku);
  assert.equal(shown.price_minor, prices[arm], 'the price of its arm');
  assert.equal((await world.shopper().price(sku)).price_minor, shown.price_minor, 'everybody sees it');
  const order = { order_id: 'q-1', lines: [{ line_id: '1', quote: shown.quote, units: 1, revenue_minor: 1700, cost_minor: 900 }] };
  const before_that = await world.ledger();
  assert.deepEqual((await world.reward(order)).statuses, ['recorded']);
  assert.deepEqual((await world.reward(order, 'pop-b')).statuses, ['duplicate']);
  const [sold] = await stored('q-1');
  assert.deepEqual(sold, { line_id: '1', kind: 'sale', sku, hour: START_MS / HOUR_MS + 58, units: 1, revenue_minor: 1700, cost_minor: 900 });
  await world.sync();
  assert.deepEqual(await world.ledger(), before_that, 'no exposure and no line of any visitor');
});
