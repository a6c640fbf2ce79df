/**
 * The final answer: its sums are the central store's, it says what was written before the start and what was done since,
 * and once an experiment is archived it never changes. And the log of decisions, which `haggle evaluate` reads.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { credentials, file, haggle } from './binary.mjs';
import { claimsOf, experiment, openWorld, otherExperiment } from './kit.mjs';

const SKU = 'OLIVE-500', HOUR_MS = 3_600_000, START_MS = Date.UTC(2027, 0, 4, 9);
const HYPOTHESIS = 'At <16.00> more visitors buy & earn more than at 19.00.';
/** Of ten visitors, how many buy at which price. */
const DEMAND = { 1600: 6, 1900: 3, 2400: 1, 3000: 1, 1750: 4 };

/** @type {import('./kit.mjs').World} */
let world;
/** Quotes that were shown, the newest last. @type {string[]} */
const quotes = [];
before(async () => {
  world = await openWorld({ clock: true, vars: { EPOCH_MIN_S: '0' } });
  await world.edge.setClock(START_MS);
  await world.run([experiment({ hypothesis: HYPOTHESIS, author: 'Maria Ruiz', holdout: 0.2, reward_window_hours: 24 }),
    otherExperiment('kozani', 'SAFFRON-2', 1490)]);
});
after(() => world?.close());

const path = (name, more) => `/haggle/v1/experiments/${name}/${more}`;
const report = async (name = 'sevilla') => {
  const { status, text, body } = await world.admin('GET', path(name, 'report'));
  assert.equal(status, 200, text);
  return { text, body };
};
const run = (...args) => haggle(args, { env: credentials(world) });

/** So many new visitors look at the item, and some of them buy. */
async function traffic(count) {
  for (let done = 0; done < count; done += 20) {
    await Promise.all(Array.from({ length: 20 }, async (_, at) => {
      const { quote, price_minor } = await world.shopper().price(SKU);
      assert.deepEqual((await world.expose([quote])).statuses, ['recorded']);
      quotes.push(quote);
      if (at % 10 >= DEMAND[price_minor]) return;
      const order = world.order([quote], { revenue_minor: price_minor - 100, cost_minor: 800 });
      assert.deepEqual((await world.reward(order)).statuses, ['matched']);
    }));
  }
}

/** An hour of the virtual clock, and what all locations serve then. @param {number} hours since the start */
async function at(hours) {
  await world.edge.setClock(START_MS + hours * HOUR_MS);
  const { version } = await world.sync();
  await world.served(version);
}

/** Sums straight from D1, by arm. */
async function sums(name = 'sevilla') {
  const { results } = await world.edge.db.prepare('SELECT arm, SUM(exposures) AS exposures, SUM(conversions) AS orders, SUM(rewards) AS reward_lines, '
    + 'SUM(units) AS pieces, SUM(revenue_minor) AS revenue_minor, SUM(cost_minor) AS cost_minor FROM tallies WHERE experiment = ? GROUP BY arm').bind(name).all();
  return new Map(results.map(({ arm, ...of }) => [arm, { ...of, profit_minor: of.revenue_minor - of.cost_minor }]));
}
const FIELDS = ['exposures', 'orders', 'reward_lines', 'pieces', 'revenue_minor', 'cost_minor', 'profit_minor'];
const part = (of) => Object.fromEntries(FIELDS.map((field) => [field, of?.[field] ?? 0]));

/** Every sum of a report is that of D1. */
async function assertSums({ arms, holdout, total }) {
  const stored = await sums();
  for (const arm of arms) assert.deepEqual(part(arm), part(stored.get(arm.name)), arm.name);
  assert.deepEqual(part(holdout), part(stored.get('holdout')));
  const all = [...stored.values()];
  assert.deepEqual(part(total), Object.fromEntries(FIELDS.map((field) => [field, all.reduce((sum, of) => sum + of[field], 0)])));
}

test('a report has the sums of the central store, the hypothesis as it was written, and every intervention', async () => {
  await traffic(120);
  await at(8);
  await traffic(80);
  assert.equal((await world.act('sevilla', 'add-arm', { arm: { name: 'middle', price_minor: 1750 }, reason: 'sales asked for it' })).status, 200);
  assert.equal((await world.act('sevilla', 'retire-arm', { arm: 'gift' })).status, 200);
  assert.equal((await world.act('sevilla', 'extend-holdout', { holdout: 0.4 })).status, 200);
  await at(16);
  await traffic(120);
  await at(41);
  const { body } = await report();
  await assertSums(body);
  assert.equal(body.total.exposures, 320);
  assert.equal(body.hypothesis, HYPOTHESIS);
  assert.deepEqual([body.author, body.state, body.unit, body.objective, body.currency], ['Maria Ruiz', 'running', 'visitor', 'profit', 'EUR']);
  assert.equal(body.dates.started_at_ms, START_MS);
  assert.deepEqual(body.interventions.map(({ action }) => action), ['draft', 'start', 'add-arm', 'retire-arm', 'extend-holdout']);
  const added = body.interventions.find(({ action }) => action === 'add-arm');
  assert.deepEqual([added.who, added.reason, added.at_ms], ['maria (bearer)', 'sales asked for it', START_MS + 8 * HOUR_MS]);
  const low = body.arms.find(({ name }) => name === 'low');
  assert.ok(low.value.at_any_look[0] < low.value.value && low.value.value < low.value.at_any_look[1]);
  assert.deepEqual(body.arms.map(({ name, state }) => [name, state]).slice(3), [['gift', 'retired'], ['middle', 'live']]);
  assert.equal(body.sample_ratio.alarm, false, 'an extended holdout is no loss of exposures');
  assert.deepEqual([body.basis.matured, body.basis.exposures, body.basis.young], [true, 320, 0]);
  assert.match(body.conclusion.text, /^(Confirmed|Rejected|Open): /);
  assert.deepEqual(body.allocations.at(-1)[1].length, 5);
  assert.deepEqual([body.original.hypothesis, body.original.holdout, body.definition.holdout], [HYPOTHESIS, 0.2, 0.4]);
});

test('there is no report of what was never there or never started', async () => {
  assert.equal((await world.admin('GET', path('nowhere', 'report'))).status, 404);
  assert.equal((await world.admin('GET', path('nowhere', 'log'))).status, 404);
  assert.equal((await world.admin('POST', path('sevilla', 'report'))).status, 405);
  const draft = await world.admin('PUT', '/haggle/v1/experiments/draft', otherExperiment('draft', 'ALMOND-400', 1150));
  assert.equal(draft.status, 201, draft.text);
  const { status, body } = await world.admin('GET', path('draft', 'report'));
  assert.deepEqual([status, body.error], [409, 'the experiment was not started; there is nothing to report']);
});

test('the log has every exposure once, pages lead through it, and haggle evaluate reads it', async () => {
  const out = file('sevilla.jsonl', '');
  const saved = await run('export', 'sevilla', '--out', out);
  assert.equal(saved.code, 0, saved.err);
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, 320);
  assert.deepEqual(new Set(lines.map(({ unit }) => unit)), new Set(quotes.map((quote) => claimsOf(quote).jti)));
  const stored = await sums();
  for (const [arm, { exposures, orders, profit_minor }] of stored) {
    const of = lines.filter((line) => line.arm === arm), sum = (field) => of.reduce((all, line) => all + line[field], 0);
    assert.deepEqual([of.length, sum('conversion'), sum('reward_minor')], [exposures, orders, profit_minor], arm);
    assert.ok(of.every(({ propensity }) => (arm === 'holdout' ? propensity === null : propensity > 0)), arm);
  }
  const evaluated = await haggle(['evaluate', out, '--policy', 'logged', '--json']);
  const found = JSON.parse(evaluated.out);
  assert.deepEqual([found.rows, found.skipped], [320 - stored.get('holdout').exposures, stored.get('holdout').exposures]);

  // As if it had broken off in the middle of the second page.
  const whole = readFileSync(out, 'utf8');
  const first = await world.edge.fetchAdmin(path('sevilla', 'log')), page = await first.text(), next = first.headers.get('haggle-next');
  assert.ok(next && whole.startsWith(page) && page.length < whole.length, 'a page of one shard');
  const half = `${page}{"experiment":"sev`;
  writeFileSync(out, half);
  writeFileSync(`${out}.part`, JSON.stringify({ name: 'sevilla', after: next, bytes: page.length, lines: page.split('\n').length - 1 }));
  const again = await run('export', 'sevilla', '--out', out);
  assert.equal(again.code, 0, again.err);
  assert.match(again.err, /going on after line/);
  assert.equal(readFileSync(out, 'utf8'), whole);
  assert.equal(existsSync(`${out}.part`), false);
  const refused = await run('export', 'nowhere', '--out', out);
  assert.deepEqual([refused.code, /404: no experiment nowhere\n$/.test(refused.err)], [2, true], refused.err);
  assert.equal(readFileSync(out, 'utf8'), whole, 'a refusal leaves the file as it was');
  const { status, body } = await world.admin('GET', path('sevilla', 'log?after=elsewhere'));
  assert.deepEqual([status, /after is not what the header/.test(body.error)], [400, true]);
});

test('the command line shows the report as a table, as JSON and as a page that loads nothing', async () => {
  const { text } = await report();
  const json = await run('report', 'sevilla', '--json');
  assert.equal(json.code, 0, json.err);
  const without = (answer) => ({ ...JSON.parse(answer), dates: null, ledger: null });
  assert.deepEqual(without(json.out), without(text));
  const table = await run('report', 'sevilla');
  for (const words of [HYPOTHESIS, 'middle', 'low − list', 'add-arm by maria', 'Sample ratio: as served']) assert.ok(table.out.includes(words), `${words}:\n${table.out}`);
  const page = file('report.html', '');
  assert.equal((await run('report', 'sevilla', '--html', page)).code, 0);
  const html = readFileSync(page, 'utf8');
  assert.ok(html.includes('At &lt;16.00&gt; more visitors buy &amp; earn more'), 'what people write is text');
  assert.equal(/<script|<link|<img|url\(|@import/i.test(html), false, 'nothing is loaded');
  assert.ok(html.split('<svg').length >= 4, 'three plots');
  const list = await run('list');
  assert.equal(list.code, 0, list.err);
  assert.match(list.out, /^sevilla +running +2027-01-04 +2 +320 /m);
  assert.match(list.out, /^draft +draft$/m);
  const lines = JSON.parse((await run('list', '--json')).out);
  assert.deepEqual(lines.map(({ name }) => name).sort(), ['draft', 'kozani', 'sevilla']);
});

test('the report of an archived experiment never changes, although rewards still arrive', async () => {
  // What the shards have not reported by themselves when it is archived is in it, too.
  await traffic(20);
  assert.equal((await world.act('sevilla', 'decide', { arm: 'low' })).status, 200);
  const archived = await world.act('sevilla', 'archive', { reason: 'done' });
  assert.equal(archived.status, 200, archived.text);
  const { text, body } = await report();
  await assertSums(body);
  assert.equal(body.total.exposures, 340);
  assert.deepEqual([body.state, body.decision.arm, body.dates.archived_at_ms], ['archived', 'low', START_MS + 41 * HOUR_MS]);
  assert.deepEqual(body.interventions.slice(-2).map(({ action, reason }) => [action, reason]), [['decide', 'a test of decide'], ['archive', 'done']]);
  const before = await sums();
  const late = quotes.at(-1);
  assert.deepEqual((await world.reward(world.order([late]))).statuses, ['matched']);
  await at(42);
  assert.notDeepEqual(await sums(), before, 'the reward is counted');
  assert.equal((await report()).text, text);
});
