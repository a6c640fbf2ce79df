/**
 * The final answer where items are randomised: items (here families) are what is compared and counted, groups are there
 * with their digest, and the log has what each family brought.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { credentials, file, haggle } from './binary.mjs';
import { experiment, openWorld } from './kit.mjs';

const HOUR_MS = 3_600_000, DAY_MS = 24 * HOUR_MS, START_MS = Date.UTC(2026, 11, 1), DAYS = 8;
/** Families of two items each in the positive group. */
const FAMILIES = 30;
const ITEMS = Array.from({ length: 72 }, (_, n) => ({ sku: `S-${String(n).padStart(3, '0')}`, family: `F-${n >> 1}` }));
/** Pieces that an item sells in a day at each arm. */
const SOLD = [3, 6, 1];

/** @type {import('./kit.mjs').World} */
let world;
/** What was sold of items of the positive group, by arm. */
const sold = SOLD.map(() => ({ revenue_minor: 0, cost_minor: 0, pieces: 0, observations: new Set() }));
before(async () => {
  world = await openWorld({ clock: true });
  await world.edge.setClock(START_MS);
  const put = world.edge.db.prepare('INSERT INTO catalogue (sku, item, changed_at_ms) VALUES (?, ?, 0)');
  await world.edge.db.batch(ITEMS.map(({ sku, family }, n) => put.bind(sku, JSON.stringify({ sku, family, price_minor: 2000, cost_minor: 900, past: 3000 + 10 * n }))));
  const { item: _item, arms: _arms, ...rest } = experiment();
  const arms = [['list', 1], ['low', 0.9], ['high', 1.1]].map(([name, multiplier]) => ({ name, multiplier }));
  await world.run([{ ...rest, name: 'jaen', salt: 'jaen-test', floor: 0.2, unit: 'item-period', period_hours: 24, washout_hours: 2, families: true,
    scope: { items: 'all' }, sample: { positive: 60, negative: 12, strata: 1 }, arms }]);
  for (let day = 0; day < DAYS; day += 1) await sellAll(day);
  await world.edge.setClock(START_MS + DAYS * DAY_MS + 60_000);
  await world.sync();
});
after(() => world?.close());

/** At noon of a day each item sells, after its arm. @param {number} day */
async function sellAll(day) {
  await world.edge.setClock(START_MS + day * DAY_MS + 60_000);
  await world.sync();
  await world.edge.setClock(START_MS + day * DAY_MS + 12 * HOUR_MS);
  const { results } = await world.edge.db.prepare('SELECT sku, unit, arm, epoch FROM assignments WHERE experiment = ? AND epoch = (SELECT MAX(epoch) FROM epochs)').bind('jaen').all();
  const arms = new Map(results.map((one) => [one.sku, one]));
  const lines = ITEMS.map(({ sku }, n) => {
    const of = arms.get(sku), units = SOLD[of?.arm ?? 0] + (n + day) % 2, price = [2000, 1800, 2200][of?.arm ?? 0];
    if (of) {
      const sum = sold[of.arm];
      Object.assign(sum, { revenue_minor: sum.revenue_minor + units * price, cost_minor: sum.cost_minor + units * 900, pieces: sum.pieces + units });
      sum.observations.add(`${of.unit} ${of.epoch}`);
    }
    return { order_id: `d-${day}`, line_id: sku, sku, units, revenue_minor: units * price, cost_minor: units * 900 };
  });
  const { status, text } = await world.admin('POST', '/haggle/v1/sales', { lines });
  assert.equal(status, 200, text);
}

const report = async () => {
  const { status, text, body } = await world.admin('GET', '/haggle/v1/experiments/jaen/report');
  assert.equal(status, 200, text);
  return body;
};

test('what items brought is counted by arm, and families are compared, never their sales', async () => {
  const body = await report();
  assert.deepEqual([body.unit, body.per, body.sample_ratio, body.arms[0].rate], ['item-period', 'family and day', null, null]);
  for (const [place, arm] of body.arms.entries()) {
    const { observations, ...sums } = sold[place];
    assert.deepEqual([arm.exposures, arm.pieces, arm.revenue_minor, arm.cost_minor], [observations.size, sums.pieces, sums.revenue_minor, sums.cost_minor], arm.name);
  }
  const { to_control } = body.arms[1];
  assert.equal(to_control.clusters, FAMILIES);
  // Two items of a family: six and a half pieces at a profit of 9 and not three and a half at 11.
  assert.ok(Math.abs(to_control.value - 2 * (6.5 * 900 - 3.5 * 1100)) < 4 * to_control.se, JSON.stringify(to_control));
  assert.equal(body.conclusion.verdict, 'confirmed', body.conclusion.text);
  assert.match(body.conclusion.text, /^Confirmed: arm low earns \d+\.\d{4} EUR more per family and day than list/);
  const [positive, negative] = [body.groups.positive, body.groups.negative];
  assert.deepEqual([positive, negative], [60, 12]);
  assert.equal(body.positive_to_negative.clusters, 36, 'each family came to its group as a whole, and is one observation');
  const groups = await world.admin('GET', '/haggle/v1/experiments/jaen/groups');
  assert.equal(body.groups.sha256, createHash('sha256').update(groups.text).digest('hex'));
});

test('the log has a line for each family and epoch, and the page has no plot of visitors', async () => {
  const out = file('jaen.jsonl', ''), env = credentials(world);
  const saved = await haggle(['export', 'jaen', '--out', out], { env });
  assert.equal(saved.code, 0, saved.err);
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, sold.reduce((sum, { observations }) => sum + observations.size, 0));
  const profit = lines.reduce((sum, line) => sum + line.reward_minor, 0);
  assert.equal(profit, sold.reduce((sum, { revenue_minor, cost_minor }) => sum + revenue_minor - cost_minor, 0));
  const evaluated = await haggle(['evaluate', out, '--policy', 'arm:low', '--json']);
  assert.equal(JSON.parse(evaluated.out).rows, lines.length, evaluated.err);
  const page = file('report.html', '');
  assert.equal((await haggle(['report', 'jaen', '--html', page], { env })).code, 0);
  const html = readFileSync(page, 'utf8');
  assert.match(html, /60 items got the experiment&#39;s prices|60 items got the experiment's prices/);
  assert.match(html, /Each\s+family is one observation/);
});

test('what is sold while the experiment is paused or all is stopped counts for no arm, and what is sold after it does', async () => {
  const began = START_MS + DAYS * DAY_MS, revenues = async () => (await report()).arms.map((arm) => arm.revenue_minor), before = await revenues();
  const at = async (hour, step) => {
    await world.edge.setClock(began + hour * HOUR_MS + 60_000);
    const { status, text } = await step();
    assert.equal(status, 200, text);
  };
  const sell = (hour) => at(hour, () => world.admin('POST', '/haggle/v1/sales', { lines: ITEMS.map(({ sku }) => ({ order_id: `q-${hour}`, line_id: sku, sku, units: 1, revenue_minor: 2000, cost_minor: 900 })) }));
  await at(10, () => world.act('jaen', 'pause'));
  await sell(12);
  await at(13, () => world.act('jaen', 'resume'));
  await at(15, () => world.everywhere('stop'));
  await sell(16);
  await at(17, () => world.everywhere('resume'));
  await world.edge.setClock(began + DAY_MS + 60_000);
  await world.sync();
  assert.deepEqual(await revenues(), before);
  await sell(27);
  await world.edge.setClock(began + 2 * DAY_MS + 60_000);
  await world.sync();
  const after = await revenues();
  assert.equal(after.reduce((sum, revenue, place) => sum + revenue - before[place], 0), 60 * 2000, 'sixty items sold one piece each');
});
