/**
 * The protocol from the first line to the last answer, over a catalogue of 10 000 items and four virtual weeks: new,
 * check, put, start, traffic, two interventions, a second experiment beside it, report, archive.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { credentials, file, folder, haggle } from './binary.mjs';
import { openWorld } from './kit.mjs';
import { Market, catalogue, csv, pages, prices, sides } from './market.mjs';

const ITEMS = 10_000, VISITS = 50_000, WEEKS = 4;
const HOUR_MS = 3_600_000, DAY_H = 24, WEEK_H = 7 * DAY_H;
const START_MS = Date.UTC(2026, 11, 1);
/** Virtual hours from one publication to the next, and the shoppers of that time: two looks each, one a page. */
const STEP_H = 4, SHOPPERS = Math.ceil(VISITS * STEP_H / (WEEKS * WEEK_H) / 2) + 1;
const PAGES = 40, BRAND = 'Fabrikam';

const items = catalogue(ITEMS);
const home = folder();

/** @type {import('./kit.mjs').World} */
let world;
/** @type {Market} */
let market;
before(async () => {
  // An epoch of six hours at least, and of eight with a publication every four: what is learned in a night is used in the morning.
  world = await openWorld({ clock: true, vars: { EPOCH_MIN_S: '21600' }, shop: { extra: pages(items.filter(({ brand }) => brand === BRAND)) } });
  await world.edge.setClock(START_MS);
  market = new Market(world, items);
});
after(() => world?.close());

const path = (name, more = '') => `/haggle/v1/experiments/${name}${more}`;
const text = async (name, what) => (await world.admin('GET', path(name, `/${what}`))).text;

/** Runs the command line as Maria. @param {string[]} args @param {number} [code] */
async function cli(args, code = 0) {
  const run = await haggle(args, { env: credentials(world) });
  assert.equal(run.code, code, `haggle ${args.join(' ')}\n${run.out}${run.err}`);
  return run;
}

/** A new experiment of a name, by the command line. @param {string} name @param {string[]} flags */
async function written(name, flags) {
  await cli(['new', name, '--dir', home, '--objective', 'profit', '--positive', '400', '--negative', '400', ...flags]);
  return join(home, `${name}.toml`);
}

test('a catalogue of 10 000 items is pushed, and pushed again without a change', async () => {
  const list = file('items.csv', csv(items));
  await cli(['catalogue', 'push', list]);
  await cli(['catalogue', 'push', list]);
  const { body } = await world.admin('GET', '/haggle/v1/catalogue');
  assert.deepEqual([body.total, body.items.length], [ITEMS, 1000]);
});

test('an experiment is written, checked, put and started, and its groups are drawn', async () => {
  const sevilla = await written('sevilla', ['--where', `brand=${BRAND}`, '--hypothesis', 'a tenth less earns more', '--arm', 'low=x0.9', '--arm', 'high=x1.1']);
  const checked = await cli(['check', sevilla, '--catalogue', file('items.csv', csv(items)), '--write-groups', home, '--date', '2026-12-01']);
  assert.match(checked.out, /400/);
  await cli(['put', sevilla, '--reason', 'after the review']);
  await cli(['start', 'sevilla', '--reason', 'the round of December']);
  const drawn = await text('sevilla', 'groups');
  assert.equal(drawn, readFileSync(join(home, 'g-sevilla.tsv'), 'utf8'), 'what was checked is what was drawn');
  const groups = sides(drawn), counts = { positive: 0, negative: 0 };
  for (const [sku, side] of groups) {
    counts[side] += 1;
    assert.equal(items.find((item) => item.sku === sku)?.brand, BRAND);
  }
  assert.deepEqual(counts, { positive: 400, negative: 400 });
});

test('the hypothesis can never be changed after the start', async () => {
  const { body, headers } = await world.admin('GET', path('sevilla'));
  const changed = { ...body.definition, hypothesis: 'a tenth more earns more' };
  const refused = await world.admin('PUT', path('sevilla'), changed, { headers: { 'if-match': headers.get('etag') ?? '' } });
  assert.deepEqual([refused.status, /hypothesis/.test(refused.body.error)], [409, true], refused.text);
  assert.equal((await world.admin('GET', path('sevilla'))).body.definition.hypothesis, 'a tenth less earns more');
});

/** What the market looks at: the items of these experiments, as they are served from now on. @param {string[]} names */
async function open(names) {
  for (const name of names) market.expected.set(name, prices(await text(name, 'prices?format=tsv')));
  const groups = await Promise.all(names.map(async (name) => sides(await text(name, 'groups'))));
  const { version } = await world.sync();
  await world.served(version);
  const priced = [...groups[0]].filter(([, side]) => side === 'positive').map(([sku]) => sku);
  return { skus: groups.flatMap((group) => [...group.keys()]), withPages: priced.slice(0, PAGES) };
}

test('four weeks of traffic, with two interventions and a second experiment in the same scope', async () => {
  let at_h = 0, shelf = await open(['sevilla']);
  const until = async (to_h) => {
    const seen = [];
    for (; at_h < to_h; at_h += STEP_H) {
      await world.edge.setClock(START_MS + at_h * HOUR_MS);
      seen.push(...await market.pass(SHOPPERS, shelf.skus, shelf.withPages));
      await world.sync();
    }
    return seen;
  };
  await until(3 * DAY_H);

  const malaga = await written('malaga', ['--items', 'all', '--hypothesis', 'a twentieth more earns more', '--arm', 'high=x1.05']);
  await cli(['put', malaga, '--reason', 'the whole shop']);
  await cli(['start', 'malaga', '--reason', 'beside the oils']);
  const [one, other] = await Promise.all(['sevilla', 'malaga'].map(async (name) => sides(await text(name, 'groups'))));
  assert.equal(other.size, 800);
  assert.deepEqual([...other.keys()].filter((sku) => one.has(sku)), [], 'an item is in one experiment at a time');
  shelf = await open(['sevilla', 'malaga']);
  await until(WEEK_H + DAY_H);

  await cli(['arm', 'add', 'sevilla', 'lower', '--multiplier', '0.8', '--reason', 'the low arm sells well']);
  shelf = await open(['sevilla', 'malaga']);
  const added = await until(2 * WEEK_H + DAY_H);
  assert.ok(added.some(({ arm }) => arm === 'lower'), 'units are sent to the new arm');

  await cli(['arm', 'retire', 'sevilla', 'high', '--reason', 'it loses']);
  shelf = await open(['sevilla', 'malaga']);
  const last = await until(WEEKS * WEEK_H);
  assert.deepEqual(last.filter(({ experiment, arm }) => experiment === 'sevilla' && arm === 'high'), [], 'no new unit is sent to a retired arm');
  assert.ok(market.visits >= VISITS, `${market.visits} visits`);
  assert.ok(market.pages >= WEEKS * WEEK_H / STEP_H, `${market.pages} pages`);
});

test('the saved groups are drawn again from the file alone, in another shop that has other items, too', async () => {
  const saved = file('g-sevilla.tsv', await text('sevilla', 'groups'));
  const elsewhere = await openWorld({ clock: true });
  try {
    await elsewhere.edge.setClock(START_MS);
    const env = credentials(elsewhere);
    const more = items.concat(catalogue(100).map((item) => ({ ...item, sku: `NEW-${item.sku}`, brand: BRAND })));
    const sevilla = readFileSync(join(home, 'sevilla.toml'), 'utf8').replace('salt = "sevilla"', 'salt = "another"');
    for (const args of [['catalogue', 'push', file('more.csv', csv(more))], ['put', file('sevilla.toml', sevilla), '--reason', 'again'],
      ['start', 'sevilla', '--groups', saved, '--reason', 'the same groups']]) {
      const run = await haggle(args, { env });
      assert.equal(run.code, 0, run.out + run.err);
    }
    assert.equal((await elsewhere.admin('GET', path('sevilla', '/groups'))).text, readFileSync(saved, 'utf8'));
  } finally {
    await elsewhere.close();
  }
});

test('every intervention is in the audit log, with who, when, why, and what was before and after', async () => {
  const { body } = await world.admin('GET', '/haggle/v1/audit?experiment=sevilla');
  const records = body.records.map(({ action, who, reason, at_ms }) => [action, who, reason, Math.floor((at_ms - START_MS) / HOUR_MS)]);
  const maria = 'maria (bearer)', last = (weeks) => weeks * WEEK_H + DAY_H - STEP_H;
  assert.deepEqual(records, [['draft', maria, 'after the review', 0], ['start', maria, 'the round of December', 0],
    ['add-arm', maria, 'the low arm sells well', last(1)], ['retire-arm', maria, 'it loses', last(2)]]);
  const [, , add, retire] = body.records;
  for (const { before, after } of [add, retire]) assert.notDeepEqual(before, after);
  assert.match(JSON.stringify(add.after), /"lower"/);
  assert.match(JSON.stringify(retire.after), /"retired"/);
});

/** Sums of an experiment by arm, straight from the central store. @param {string} name */
async function stored(name) {
  const { results } = await world.edge.db.prepare('SELECT arm, SUM(exposures) AS exposures, SUM(conversions) AS orders, SUM(rewards) AS reward_lines, '
    + 'SUM(units) AS pieces, SUM(revenue_minor) AS revenue_minor, SUM(cost_minor) AS cost_minor FROM tallies WHERE experiment = ? GROUP BY arm ORDER BY arm')
    .bind(name).all();
  return Object.fromEntries(results.map(({ arm, ...sums }) => [arm, sums]));
}

test('the report has the integers of the central store, which are those that shoppers saw and bought', async () => {
  await world.sync();
  for (const name of ['sevilla', 'malaga']) {
    const { body } = await world.admin('GET', path(name, '/report'));
    const sums = await stored(name);
    assert.deepEqual(sums, market.of(name), 'what was shown and sold');
    const columns = Object.keys(sums.list);
    const of = (side) => Object.fromEntries(columns.map((column) => [column, side[column]]));
    const reported = { holdout: of(body.holdout), negative: of(body.negative), ...Object.fromEntries(body.arms.map((arm) => [arm.name, of(arm)])) };
    assert.deepEqual(reported, sums, 'what the report says by arm');
    const total = Object.values(sums).reduce((all, side) => Object.fromEntries(columns.map((column) => [column, all[column] + side[column]])));
    assert.deepEqual(of(body.total), total, 'what the report says in all');
    assert.equal(body.total.profit_minor, total.revenue_minor - total.cost_minor);
  }
});

test('the report is that very hypothesis\'s, and does not change once the experiment is archived', async () => {
  await cli(['archive', 'sevilla', '--reason', 'the four weeks are over']);
  const report = await text('sevilla', 'report'), said = JSON.parse(report);
  assert.deepEqual([said.hypothesis, said.state, said.sample_ratio.alarm], ['a tenth less earns more', 'archived', false]);
  assert.deepEqual(said.interventions.map(({ action }) => action).filter((action) => action.includes('arm')), ['add-arm', 'retire-arm']);
  await world.edge.setClock(START_MS + (WEEKS + 1) * WEEK_H * HOUR_MS);
  await world.sync();
  assert.equal(await text('sevilla', 'report'), report);
  const { out } = await cli(['report', 'sevilla']);
  assert.match(out, /a tenth less earns more/);
  assert.match((await cli(['list'])).out, /malaga[\s\S]*sevilla|sevilla[\s\S]*malaga/);
});
