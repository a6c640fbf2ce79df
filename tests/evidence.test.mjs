/**
 * The evidence of one experiment, which its page draws and computes from: every integer is the central store's, however old
 * and however it was summed up, and stands as it does in the report; who has it already is told so at once.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { assertWhole } from './answers.mjs';
import { experiment, openWorld, otherExperiment, until } from './kit.mjs';

const HOUR_MS = 3_600_000, DAY_MS = 24 * HOUR_MS, START_MS = Date.UTC(2027, 0, 4, 9);
const DEMAND = { 1600: 6, 1900: 3, 2400: 1, 3000: 1, 1750: 4 };
const SUMS = ['exposures', 'conversions', 'rewards', 'units', 'revenue_minor', 'cost_minor'];
const SQUARES = ['revenue_sq', 'profit_sq'];

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld({ clock: true, vars: { EPOCH_MIN_S: '0' } });
  await world.edge.setClock(START_MS);
  const items = Array.from({ length: 40 }, (_, n) => JSON.stringify({ sku: `SKU-${String(n).padStart(2, '0')}`, price_minor: 1000 + n, cost_minor: 400 }));
  assert.equal((await world.admin('POST', '/haggle/v1/catalogue', items.join('\n'))).status, 200);
  await world.run([experiment({ author: 'Maria Ruiz', holdout: 0.2, reward_window_hours: 24 }), otherExperiment('kozani', 'SAFFRON-2', 1490)]);
});
after(() => world?.close());

const path = (name, more = 'evidence') => `/haggle/v1/experiments/${name}/${more}`;
/** @param {string} [name] @param {string} [etag] */
async function ask(name = 'sevilla', etag) {
  const answer = await world.admin('GET', path(name), undefined, etag === undefined ? {} : { headers: { 'if-none-match': etag } });
  return { ...answer, etag: answer.headers.get('etag') };
}
/** @param {string} [name] */
async function evidence(name = 'sevilla') {
  const { status, text, body, etag } = await ask(name);
  assert.equal(status, 200, text);
  assert.match(String(etag), /^W\/"[0-9a-f]{32}"$/);
  assertWhole('Evidence', body);
  return body;
}
const report = async (name = 'sevilla') => (await world.admin('GET', path(name, 'report'))).body;

/** So many new visitors look at the item, and some of them buy. @param {number} count */
async function traffic(count) {
  for (let done = 0; done < count; done += 20) {
    await Promise.all(Array.from({ length: 20 }, async (_, at) => {
      const { quote, price_minor } = await world.shopper().price('OLIVE-500');
      assert.deepEqual((await world.expose([quote])).statuses, ['recorded']);
      if (at % 10 >= DEMAND[price_minor]) return;
      assert.deepEqual((await world.reward(world.order([quote], { revenue_minor: price_minor - 100, cost_minor: 800 }))).statuses, ['matched']);
    }));
  }
}

/** An hour of the virtual clock, and what is served then. @param {number} hours since the start */
async function at(hours) {
  await world.edge.setClock(START_MS + hours * HOUR_MS);
  const { version } = await world.sync();
  await world.served(version);
}

/** The sums of a list of D1's tallies, squares as well. @param {any[]} rows */
function summed(rows) {
  const plain = SUMS.map((field) => [field, rows.reduce((sum, row) => sum + row[field], 0)]);
  const squares = SQUARES.map((field) => [field, String(rows.reduce((sum, row) => sum + BigInt(row[field]), 0n))]);
  return Object.fromEntries([...plain, ...squares]);
}
/** The sums of what the evidence has of an arm, from some period on. @param {any} of @param {number[]} [places] */
function added(of, places = of.exposures.map((_, place) => place)) {
  return summed(places.map((place) => Object.fromEntries([...SUMS, ...SQUARES].map((field) => [field, of[field][place]]))));
}
const tallies = async (name = 'sevilla') => (await world.edge.db.prepare('SELECT * FROM tallies WHERE experiment = ?').bind(name).all()).results;

/** Every integer of the history is D1's, arm by arm and period by period where periods are not summed up. @param {any} body */
async function assertCounts(body) {
  const stored = await tallies(body.name), { history } = body;
  const all = [...body.definition.arms.map(({ name }, place) => [name, history.arms[place]]), ['holdout', history.holdout]];
  for (const [name, of] of all) {
    const rows = stored.filter(({ arm }) => arm === name);
    assert.deepEqual(added(of), summed(rows), name);
    history.epochs.forEach((epoch, place) => {
      if (epoch > 0) assert.deepEqual(added(of, [place]), summed(rows.filter((row) => row.epoch === epoch && row.hour === history.hours[place])), `${name} ${epoch}`);
    });
  }
  const sum = (list) => list.reduce((total, one) => total + one, 0);
  assert.equal(sum(body.delays.map(([, , conversions]) => conversions)), sum(stored.map(({ conversions }) => conversions)), 'each conversion has its delay, those of the negative group too');
  for (const shares of history.shares.filter(({ length }) => length > 0)) assert.equal(sum(shares.slice(0, body.definition.arms.length)), 65_536);
}

const COUNTED = ['exposures', 'orders', 'reward_lines', 'pieces', 'revenue_minor', 'cost_minor', 'profit_minor'];
const counted = (of) => Object.fromEntries(COUNTED.map((field) => [field, of[field]]));
/** The sums of a standing are those of the report, arm by arm. @param {any} standing @param {any} of the report */
function assertStanding(standing, of) {
  assert.deepEqual(standing.arms.map((arm) => [arm.name, arm.state, arm.added, counted(arm)]), of.arms.map((arm) => [arm.name, arm.state, arm.added, counted(arm)]));
  for (const part of ['holdout', 'negative', 'total']) assert.deepEqual(counted(standing[part]), counted(of[part]), part);
  assert.deepEqual([standing.text, standing.value_remaining, standing.per, standing.matured], [of.standing, of.value_remaining, of.per, of.basis.matured]);
  assert.deepEqual(standing.arms.map(({ p_best, expected_loss_minor }) => [p_best, expected_loss_minor]), of.arms.map(({ p_best, expected_loss_minor }) => [p_best, expected_loss_minor]));
}

test('the counts are those of the central store, and the rest is what was published, done and is believed', async () => {
  await traffic(60);
  await at(2);
  await traffic(60);
  assert.equal((await world.act('sevilla', 'add-arm', { arm: { name: 'middle', price_minor: 1750 }, reason: 'sales asked for it' })).status, 200);
  assert.equal((await world.act('sevilla', 'extend-holdout', { holdout: 0.4 })).status, 200);
  await at(3);
  await traffic(80);
  await at(4);
  const body = await evidence();
  await assertCounts(body);
  assertStanding(body.standing, await report());
  assert.deepEqual([body.state, body.stopped, body.held, body.decided, body.started_at_ms, body.end_ms, body.unit, body.objective, body.currency, body.minor_digits],
    ['running', false, false, null, START_MS, null, 'visitor', 'profit', 'EUR', 2]);
  assert.deepEqual([body.definition.holdout, body.original.holdout, body.definition.arms.length, body.original.arms.length], [0.4, 0.2, 5, 4]);
  assert.equal(body.standing.total.exposures, 200);
  assert.deepEqual(body.interventions, (await report()).interventions);

  const { results } = await world.edge.db.prepare("SELECT opened_at_ms, arms FROM epochs WHERE experiment = 'sevilla' ORDER BY epoch").all();
  const epochs = results.map(({ opened_at_ms, arms }) => [opened_at_ms, JSON.parse(arms).map(({ share }) => share)]);
  assert.deepEqual(body.published, epochs);
  assert.deepEqual(body.standing.arms.map(({ share }) => share), epochs.at(-1)?.[1]);
  body.history.epochs.forEach((epoch, place) => {
    const holdout = Math.round(65_536 * (epochs[epoch - 1][1].length < 5 ? 0.2 : 0.4)), five = [...epochs[epoch - 1][1], 0].slice(0, 5);
    assert.deepEqual(body.history.shares[place].slice(0, 5), five);
    assert.ok(epoch === 2 || body.history.shares[place][5] === holdout, `the holdout of epoch ${epoch}`);
  });
  const { version, published_at_ms } = (await world.health()).snapshot;
  assert.deepEqual([body.version, body.published_at_ms], [version, published_at_ms]);
});

test('who has the evidence is told so; whatever is counted, done or published is other evidence', async () => {
  // What the shards still have to say of the traffic of before: one alarm follows the other after 0.2 s.
  const settled = await until('the shards have said all', async () => {
    const tags = /** @type {(string | null)[]} */ ([]);
    for (; tags.length < 12; await sleep(100)) tags.push((await ask()).etag);
    return tags;
  }, (tags) => tags.every((tag) => tag === tags[0]));
  const same = await ask('sevilla', String(settled[0]));
  assert.deepEqual([same.status, same.text, same.etag], [304, '', settled[0]]);
  assert.match(String(same.headers.get('cache-control')), /no-store/);
  for (const given of ['*', `"x", ${settled[0]}`, String(settled[0]).slice(2), ` ${settled[0]} ,W/"y"`]) assert.equal((await ask('sevilla', given)).status, 304, given);
  for (const given of ['', '"', 'W/', ',,,', '""', 'W/"0"', '\u00e9', 'x'.repeat(4000), String(settled[0]).slice(0, -3)]) assert.equal((await ask('sevilla', given)).status, 200, given);
  assert.notEqual((await ask('kozani')).etag, settled[0]);

  const before = await evidence(), hour = START_MS + 4 * HOUR_MS;
  await world.edge.setClock(hour + HOUR_MS - 1);
  assert.equal((await ask('sevilla', String(settled[0]))).status, 304, 'that time goes by is nothing new');
  await world.edge.setClock(hour + HOUR_MS);
  assert.equal((await ask('sevilla', String(settled[0]))).status, 200, 'another hour is: what was shown is older by it');
  await world.edge.setClock(hour);
  await traffic(20);
  const counted = before.standing.total.exposures + 20;
  await until('the shards have reported it', () => world.totals(), ({ exposures }) => exposures === counted);
  const unpublished = await ask('sevilla', String(settled[0]));
  assert.deepEqual([unpublished.status, unpublished.body?.standing.total.exposures, unpublished.body?.version], [200, counted, before.version], 'before it is published');
  await world.sync();
  const now = await ask('sevilla', String(unpublished.etag));
  assert.equal(now.status, 200);
  assert.equal(now.body.standing.total.exposures, counted);
  await assertCounts(now.body);
  const day = Math.floor((START_MS + 4 * HOUR_MS) / DAY_MS), wrong = () => world.edge.db.prepare(`INSERT INTO mismatches (sku, surface, kind, day, count) VALUES ('OLIVE-500', 'meta', 'input', ${day}, 1)
    ON CONFLICT DO UPDATE SET count = count + 1`).run();
  let known = now.etag;
  for (const count of [1, 2]) {
    await wrong();
    const changed = await ask('sevilla', String(known));
    assert.deepEqual([changed.status, changed.body?.mismatches], [200, [{ sku: 'OLIVE-500', surface: 'meta', count }]], 'what is wrong on a page is told at once');
    known = changed.etag;
  }
  await world.edge.db.prepare('DELETE FROM mismatches').run();
  const paused = await world.act('sevilla', 'pause');
  assert.equal(paused.status, 200, paused.text);
  const after = await ask('sevilla', String(now.etag));
  assert.deepEqual([after.status, after.body.state, after.body.interventions.at(-1).action], [200, 'paused', 'pause']);
  assert.equal((await world.act('sevilla', 'resume')).status, 200);
  assert.equal((await world.act('sevilla', 'stop')).status, 200);
  assert.equal((await evidence()).stopped, true);
  assert.equal((await world.act('sevilla', 'resume')).status, 200);
  assert.deepEqual([(await evidence()).stopped, (await evidence()).state], [false, 'running']);
});

test('a history of days is summed up in blocks, and every sum is still the same', async () => {
  for (const hours of [10, 13, 15]) {
    await at(hours);
    await traffic(40);
  }
  await at(17);
  const fine = await evidence();
  await assertCounts(fine);
  assert.equal(fine.history.epochs.includes(0), false);
  // From 72 hours before now on, and from the hour on which that falls in a block: hours of 18 to 24 o'clock, then midnight.
  const midnight = START_MS / HOUR_MS + 15;
  await at(86);
  assert.deepEqual((await evidence()).history.hours.filter((hour) => hour >= midnight - 5), [midnight - 5, midnight - 2, midnight]);
  await at(87);
  const edge = (await evidence()).history;
  assert.deepEqual(edge.hours.filter((hour) => hour >= midnight - 6), [midnight - 1, midnight]);
  assert.deepEqual(edge.epochs.map((epoch) => epoch === 0), edge.hours.map((hour) => hour < midnight));
  await at(120);
  const body = await evidence();
  assert.deepEqual(new Set(body.history.epochs), new Set([0]));
  assert.ok(body.history.hours.length < fine.history.hours.length && body.history.hours.every((hour) => hour % 6 === 5), `${body.history.hours}`);
  await assertCounts(body);
  assertStanding(body.standing, await report());
  assert.equal(body.standing.matured, true);
  assert.equal(body.standing.sample_ratio.left_out, 0, 'the shares of blocks are known, those of the holdout too');
  assert.equal(body.standing.sample_ratio.exposures, body.standing.total.exposures);

  // The shares of a block are those that its exposures on arms were made with.
  const stored = await tallies(), block = body.history.hours[0], count = new Map();
  for (const { arm, epoch, hour, exposures } of stored) if (arm !== 'holdout' && hour <= block) count.set(epoch, (count.get(epoch) ?? 0) + exposures);
  const all = [...count.values()].reduce((sum, one) => sum + one, 0);
  fine.definition.arms.forEach((_, arm) => {
    const mean = [...count].reduce((sum, [epoch, exposures]) => sum + exposures * (fine.published[epoch - 1][1][arm] ?? 0), 0) / all;
    assert.ok(Math.abs(body.history.shares[0][arm] - mean) <= 1, `arm ${arm}: ${body.history.shares[0][arm]} and ${mean}`);
  });
  assert.ok(body.history.shares[0][5] > 0.2 * 65_536 && body.history.shares[0][5] < 0.4 * 65_536, 'the holdout was extended within the block');
});

test('a draft has all of it and no counts; nobody else sees any of it', async () => {
  const draft = otherExperiment('draft', 'ALMOND-400', 1150);
  assert.equal((await world.admin('PUT', '/haggle/v1/experiments/draft', draft)).status, 201);
  const body = await evidence('draft');
  assert.deepEqual([body.state, body.standing, body.original, body.started_at_ms, body.published, body.delays, body.mismatches], ['draft', null, null, null, [], [], []]);
  assert.deepEqual(body.history.hours, []);
  assert.deepEqual(body.history.arms.map(({ exposures, revenue_sq }) => [exposures, revenue_sq]), [[[], []], [[], []]]);
  const { etag } = await ask('draft');
  assert.equal((await ask('draft', String(etag))).status, 304);
  assert.equal((await world.admin('PUT', '/haggle/v1/experiments/draft', { ...draft, floor: 0.1 }, { headers: { 'if-match': '"1"' } })).status, 200);
  assert.equal((await ask('draft', String(etag))).body.definition.floor, 0.1);

  for (const name of ['nowhere', '%00', 'x'.repeat(500), '..%2F']) {
    const { status, body: { error } } = await ask(name);
    assert.equal(status, 404, `${name}: ${error}`);
  }
  assert.equal((await ask('nowhere', '*')).status, 404, 'what is not there has not stayed as it was');
  assert.deepEqual([(await world.admin('POST', path('draft'))).status, (await world.admin('PUT', path('draft'))).status], [405, 405]);
  assert.equal((await world.admin('GET', path('sevilla'), undefined, { headers: { authorization: '' } })).status, 401);
  assert.equal((await world.admin('GET', path('sevilla'), undefined, { headers: { authorization: 'Bearer wrong', 'if-none-match': '*' } })).status, 401);
  assert.equal((await world.edge.fetchShop(path('sevilla'), { headers: { authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` } })).status, 404);
});

test('an experiment on many items has the sums of its negative group in the standing, and its arms in the history', async () => {
  const { item: _item, arms: _arms, floor: _floor, ...plain } = experiment({ name: 'cadiz', salt: 'cadiz' });
  await world.run([{ ...plain, scope: { items: 'all' }, sample: { positive: 20, negative: 20, strata: 2 }, arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }] }]);
  const groups = (await world.admin('GET', path('cadiz', 'groups'))).text.trim().split('\n').slice(1).map((line) => line.split('\t'));
  for (const negative of ['0', '1']) {
    const of = groups.filter(([, , , control]) => control === negative).map(([sku]) => sku);
    for (const sku of of.slice(0, 8)) {
      const { quote } = await world.shopper().price(sku);
      assert.deepEqual((await world.expose([quote])).statuses, ['recorded']);
      assert.deepEqual((await world.reward(world.order([quote], { revenue_minor: 900, cost_minor: negative === '1' ? 300 : 400 }))).statuses, ['matched']);
    }
  }
  await at(121);
  const body = await evidence('cadiz');
  await assertCounts(body);
  assertStanding(body.standing, await report('cadiz'));
  const stored = await tallies('cadiz');
  assert.deepEqual([body.standing.negative.exposures, body.standing.negative.revenue_minor], [8, 7200]);
  assert.ok(body.standing.positive_to_negative.value < 0, 'as many sales as there, at the same price and a higher cost');
  assert.equal(body.standing.total.exposures, stored.reduce((sum, { exposures }) => sum + exposures, 0));
});

test('of an archived experiment the standing stays as it was, whatever is counted later', async () => {
  assert.equal((await world.act('sevilla', 'decide', { arm: 'low' })).status, 200);
  const decided = await evidence();
  assert.deepEqual([decided.state, decided.decided, decided.decision.arm], ['decided', 'low', 'low']);
  const { quote } = await world.shopper().price('OLIVE-500');
  await world.expose([quote]);
  assert.equal((await world.act('sevilla', 'archive')).status, 200);
  const archived = await evidence(), final = await report();
  assertStanding(archived.standing, final);
  assert.deepEqual([archived.state, archived.archived_at_ms], ['archived', final.dates.archived_at_ms]);
  await assertCounts(archived);
  assert.deepEqual((await world.reward(world.order([quote]))).statuses, ['matched']);
  await at(130);
  const later = await evidence();
  await assertCounts(later);
  assert.deepEqual(later.standing, archived.standing);
  assert.notDeepEqual(later.history, archived.history);
});

test('where items are randomised a unit in an epoch is an exposure, and the sums are those of the sales', async () => {
  const { item: _item, arms: _arms, ...rest } = experiment();
  assert.equal((await world.act('cadiz', 'decide', { arm: 'low' })).status, 200);
  assert.equal((await world.act('cadiz', 'archive')).status, 200);
  const began = START_MS + 200 * HOUR_MS;
  await world.edge.setClock(began);
  await world.run([{ ...rest, name: 'jaen', salt: 'jaen-test', floor: 0.2, unit: 'item-period', period_hours: 24, scope: { items: 'all' },
    sample: { positive: 30, negative: 10, strata: 1 }, arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }] }]);
  for (let day = 0; day < 3; day += 1) {
    await world.edge.setClock(began + day * DAY_MS + 60_000);
    await world.sync();
    await world.edge.setClock(began + day * DAY_MS + 12 * HOUR_MS);
    const lines = Array.from({ length: 40 }, (_, n) => ({ order_id: `d-${day}`, line_id: String(n), sku: `SKU-${String(n).padStart(2, '0')}`, units: 1 + n % 3, revenue_minor: 1000 * (1 + n % 3), cost_minor: 400 }));
    assert.equal((await world.admin('POST', '/haggle/v1/sales', { lines })).status, 200);
  }
  await world.edge.setClock(began + 3 * DAY_MS + 60_000);
  await world.sync();
  const body = await evidence('jaen'), final = await report('jaen');
  assertStanding(body.standing, final);
  assert.equal(body.standing.sample_ratio, null);
  assert.ok(body.standing.positive_to_negative, 'both groups have sold');
  assert.deepEqual([body.unit, body.delays, body.history.hours.length], ['item-period', [], 3]);
  for (const [place, arm] of final.arms.entries()) {
    const { conversions, rewards, units, revenue_sq, profit_sq, ...more } = added(body.history.arms[place]);
    assert.deepEqual({ ...more, orders: conversions, reward_lines: rewards, pieces: units, profit_minor: more.revenue_minor - more.cost_minor }, counted(arm), arm.name);
    assert.ok(BigInt(revenue_sq) > 0n && BigInt(profit_sq) > 0n);
  }
  assert.equal(body.history.arms.reduce((sum, { exposures }) => sum + exposures.reduce((all, one) => all + one, 0), 0), 3 * 30);
});

test('hourly periods over weeks are read in a few statements, each of which looks at no more than its own hours', async () => {
  const HOURS = 700, { item: _item, arms: _arms, ...rest } = experiment(), { db } = world.edge;
  assert.equal((await world.act('jaen', 'decide', { arm: 'low' })).status, 200);
  assert.equal((await world.act('jaen', 'archive')).status, 200);
  const began = START_MS + 300 * HOUR_MS, first = began / HOUR_MS, over = await evidence('jaen');
  await world.edge.setClock(began);
  await world.run([{ ...rest, name: 'ubeda', salt: 'ubeda-test', floor: 0.2, unit: 'item-period', period_hours: 1, scope: { items: 'all' },
    sample: { positive: 30, negative: 10, strata: 1 }, arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }] }]);
  // As if it had run so long: an epoch each hour, and five sales in it.
  const next = `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ${HOURS})`;
  await db.prepare(`${next} INSERT INTO epochs (experiment, epoch, version, opened_at_ms, arms, definition, input)
    SELECT experiment, i, version, ${began} + (i - 1) * ${HOUR_MS}, arms, definition, input FROM n, epochs WHERE experiment = 'ubeda' AND epoch = 1`).run();
  await db.prepare(`${next} INSERT INTO assignments (experiment, epoch, sku, unit, arm)
    SELECT 'ubeda', i, sku, unit, (i * 7919 + unicode(substr(sku, 6)) * 31 + unicode(substr(sku, 5))) / 3 % 2 FROM n, assignments WHERE experiment = 'ubeda' AND epoch = 1`).run();
  await db.prepare(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${HOURS * 5 - 1})
    INSERT INTO sales (order_id, line_id, kind, refund_id, sku, hour, units, revenue_minor, cost_minor)
    SELECT 'u-' || i, '1', 'sale', '', 'SKU-' || printf('%02d', i * 7 % 40), ${first} + i / 5, 1, 1000 + i % 17, 400 FROM n`).run();
  await world.edge.setClock(began + HOURS * HOUR_MS + 60_000);
  const body = await evidence('ubeda');
  const { results } = await db.prepare(`SELECT a.epoch, a.arm, COUNT(*) AS exposures, SUM(s.revenue_minor) AS revenue_minor, COUNT(s.sku) AS rewards FROM assignments AS a
    LEFT JOIN sales AS s ON s.sku = a.sku AND s.hour = ${first} + a.epoch - 1 WHERE a.experiment = 'ubeda' GROUP BY a.epoch, a.arm`).all();
  assert.equal(body.history.hours.length, HOURS);
  for (const { epoch, arm, ...sums } of results) {
    const of = body.history.arms[arm], place = body.history.epochs.indexOf(epoch);
    assert.deepEqual({ exposures: of.exposures[place], revenue_minor: of.revenue_minor[place] ?? 0, rewards: of.rewards[place] }, { ...sums, revenue_minor: sums.revenue_minor ?? 0 }, `${epoch} ${arm}`);
  }
  const { to_control } = body.standing.arms[1];
  assert.deepEqual([to_control.clusters, to_control.exposures], [30, 30 * HOURS], 'the estimate is of every unit in every epoch');
  assertStanding(body.standing, await report('ubeda'));
  const later = await evidence('jaen');
  assert.deepEqual([later.history, later.standing], [over.history, over.standing], 'what the same items sold since is none of the one that is over');
});
