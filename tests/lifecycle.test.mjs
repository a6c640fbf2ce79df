/**
 * The life of an experiment through the admin API: each thing that is done to it has its record, happens once, and is
 * what every location serves with the next snapshot that it reads.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf, experiment, openWorld, otherExperiment, until } from './kit.mjs';

const LOCATIONS = ['pop-a', 'pop-b'];
const SKU = 'OLIVE-500', PAGE = `/product/${SKU}`;
const DAY_MS = 86_400_000;

/** @type {import('./kit.mjs').World} */
let world;
before(async () => { world = await openWorld({ locations: { 'pop-a': {}, 'pop-b': {} } }); });
after(() => world?.close());

const path = (name, more = '') => `/haggle/v1/experiments/${name}${more}`;
const get = async (name) => (await world.admin('GET', path(name))).body;
const records = async (query = '') => (await world.admin('GET', `/haggle/v1/audit${query}`)).body.records;
const last = async () => (await records()).at(-1);
const snapshot = async (name = 'sevilla', location = 'pop-a') => (await world.admin('GET', '/haggle/v1/snapshot', undefined, { location })).body.experiments
  .find((one) => one.name === name);

/** Until both locations serve what is published now. */
async function everywhere() {
  const { version } = await world.edge.db.prepare('SELECT MAX(version) AS version FROM snapshots').first();
  await Promise.all(LOCATIONS.map((location) => world.served(version, location)));
  return version;
}

/** Does something, and waits until both locations know. */
async function done(action, more = {}, name = 'sevilla') {
  const answer = await world.act(name, action, more);
  assert.equal(answer.status, 200, answer.text);
  await everywhere();
  return answer;
}

/** Prices of so many new visitors, each asked at both locations. */
async function newPrices(count = 60, sku = SKU) {
  const prices = await Promise.all(Array.from({ length: count }, async () => {
    const shopper = world.shopper();
    const [a, b] = [await shopper.price(sku, { location: 'pop-a' }), await shopper.price(sku, { location: 'pop-b' })];
    assert.equal(a.price_minor, b.price_minor, 'one price at both locations');
    return a.price_minor;
  }));
  return new Set(prices);
}

/** Shoppers who were shown a price of an arm. @param {string} arm @param {number} count */
async function pinnedTo(arm, count) {
  const found = [];
  while (found.length < count) {
    const shopper = world.shopper(), shown = await shopper.price(SKU);
    if (shown.quote && claimsOf(shown.quote).a === arm) found.push({ shopper, shown });
  }
  return found;
}

async function assertKept(pinned) {
  for (const { shopper, shown } of pinned) {
    for (const location of LOCATIONS) assert.equal((await shopper.price(SKU, { location })).price_minor, shown.price_minor, 'a shown price is kept');
  }
}

test('a draft is written, replaced and deleted by those who have seen its newest revision', async () => {
  const one = experiment();
  const put = (body, headers = {}) => world.admin('PUT', path('sevilla'), body, { headers });
  const created = await put(one);
  assert.deepEqual([created.status, created.headers.get('etag'), created.body.state, created.body.revision], [201, '"1"', 'draft', 1]);
  assert.deepEqual([created.body.definition, created.body.original, created.body.stopped], [one, null, false]);
  const unseen = await put({ ...one, floor: 0.05 });
  assert.deepEqual([unseen.status, /If-Match is missing.*"1"/.test(unseen.body.error)], [428, true], unseen.text);
  assert.equal((await put({ ...one, floor: 0.05 }, { 'if-match': '"1"' })).headers.get('etag'), '"2"');
  const stale = await put({ ...one, floor: 0.06 }, { 'if-match': '"1"' });
  assert.deepEqual([stale.status, /"1".*"2"/.test(stale.body.error)], [412, true], stale.text);
  assert.equal((await get('sevilla')).definition.floor, 0.05);
  assert.deepEqual((({ action, before, after }) => ({ action, before, after }))(await last()), { action: 'draft', before: { floor: 0.02 }, after: { floor: 0.05 } });

  for (const [action, more] of [['pause'], ['decide', { arm: 'low' }], ['set-floor', { floor: 0.1 }]]) {
    const refused = await world.act('sevilla', action, more);
    assert.deepEqual([refused.status, /in state draft; it must be start/.test(refused.body.error)], [409, true], refused.text);
  }
  const deleted = (headers) => world.admin('DELETE', path('sevilla'), undefined, { headers });
  assert.equal((await deleted({})).status, 428);
  assert.deepEqual([(await deleted({ 'if-match': '"2"' })).body, (await world.admin('GET', path('sevilla'))).status], [{ name: 'sevilla', state: 'deleted' }, 404]);
  assert.equal((await last()).action, 'delete');
  assert.equal((await put(one, { 'if-match': '"2"' })).status, 412, 'there is nothing to replace');
});

test('it starts when it may, once, and what it asks can never be changed afterwards', async () => {
  const one = experiment({ floor: 0.02 });
  const start_ms = Date.now() + DAY_MS;
  const put = (body) => world.admin('PUT', path('sevilla'), body, { headers: body.etag ?? {} });
  assert.equal((await put({ ...one, start: new Date(start_ms).toISOString() })).status, 201);
  const early = await world.act('sevilla', 'start');
  assert.deepEqual([early.status, /not to be started before/.test(early.body.error)], [409, true], early.text);
  assert.equal((await get('sevilla')).state, 'draft');
  await world.admin('DELETE', path('sevilla'), undefined, { headers: { 'if-match': '"1"' } });

  assert.equal((await put(one)).status, 201);
  const unsigned = await world.act('sevilla', 'start', { by: undefined });
  assert.deepEqual([unsigned.status, /by is missing/.test(unsigned.body.error)], [400, true], unsigned.text);
  assert.match((await world.act('sevilla', 'start', { reason: ' ' })).body.error, /1 to 500 characters/);
  const started = await done('start');
  assert.deepEqual([started.body.state, started.body.revision, started.headers.get('etag'), started.body.groups],
    ['running', 2, '"2"', { positive: 1, negative: 0 }]);
  assert.deepEqual(await get('sevilla'), { ...started.body, mismatches: [] });
  assert.ok(Math.abs(started.body.started_at_ms - Date.now()) < 60_000);
  const { who, action, reason, before, after } = await last();
  assert.deepEqual({ who, action, reason, before, state: after.state }, { who: 'maria (bearer)', action: 'start', reason: 'a test of start', before: { state: 'draft' }, state: 'running' });
  assert.ok((await newPrices()).size > 1, 'it prices at both locations with the first snapshot');

  assert.equal((await world.act('sevilla', 'start')).status, 409);
  for (const [change, why] of [[{ hypothesis: 'it was the other way round', salt: 'x' }, /hypothesis is another one; it must be as it was/], [{ salt: 'x' }, /salt/],
    [{ floor: 0.1 }, /floor is another one; it must be changed by set-floor/]]) {
    const refused = await world.admin('PUT', path('sevilla'), { ...one, ...change }, { headers: { 'if-match': '"2"' } });
    assert.deepEqual([refused.status, why.test(refused.body.error)], [409, true], refused.text);
  }
  assert.equal((await world.admin('DELETE', path('sevilla'), undefined, { headers: { 'if-match': '"2"' } })).status, 409);
  assert.equal((await get('sevilla')).definition.hypothesis, one.hypothesis);
});

test('an added arm has the floor exactly and takes visitors from the others, until a hundred exposures are known', async () => {
  const before = await snapshot();
  const answer = await done('add-arm', { arm: { name: 'mid', price_minor: 1750 } });
  assert.deepEqual(answer.body.definition.arms.at(-1), { name: 'mid', price_minor: 1750, added: true });
  const floor = Math.ceil(0.02 * 65_536);
  for (const location of LOCATIONS) {
    const { arms, epoch } = await snapshot('sevilla', location);
    assert.deepEqual([epoch, arms.length, arms.at(-1).name, arms.at(-1).share], [before.epoch + 1, 5, 'mid', floor]);
    assert.equal(arms.reduce((sum, { share }) => sum + share, 0), 65_536);
  }
  const { after: now } = await last();
  assert.deepEqual(now.arms.map(({ name }) => name), ['low', 'list', 'high', 'gift', 'mid']);
  for (const [arm, why] of [[{ name: 'mid', price_minor: 1760 }, /"mid" twice/], [{ name: 'mid-2', price_minor: 1750 }, /1750 in both/],
    [{ name: 'loss', price_minor: 700 }, /above the unit cost/]]) {
    const refused = await world.act('sevilla', 'add-arm', { arm });
    assert.deepEqual([refused.status, why.test(refused.body.error)], [400, true], refused.text);
  }
  // Counted by two shards; it converts always, and so gets more as soon as it has entered.
  const count = (source, n) => world.edge.db.prepare('INSERT INTO tallies (source, sequence, experiment, arm, epoch, hour, exposures, conversions, rewards, '
    + "units, revenue_minor, cost_minor, revenue_sq, profit_sq) VALUES (?, 1, 'sevilla', 'mid', ?, ?, ?, ?, ?, ?, ?, ?, '0', '0')")
    .bind(source, before.epoch + 1, Math.floor(Date.now() / 3_600_000), n, n, n, n, n * 1750, n * 800).run();
  const share = async () => { await world.served((await world.sync()).version); return (await snapshot()).arms.at(-1).share; };
  await count('x', 99);
  assert.equal(await share(), floor);
  await count('y', 1);
  assert.ok(await share() > 2 * floor);
  await world.edge.db.prepare("DELETE FROM tallies WHERE source IN ('x', 'y')").run();
  await world.served((await world.sync()).version);
});

test('a retired arm gets nobody new, and who was shown its price keeps it', async () => {
  await everywhere();
  const pinned = await pinnedTo('high', 3);
  const answer = await done('retire-arm', { arm: 'high' });
  assert.equal(answer.body.definition.arms[2].state, 'retired');
  assert.equal((await snapshot()).arms[2].share, 0);
  const prices = await newPrices(80);
  assert.ok(!prices.has(2400) && prices.size > 1, [...prices].join());
  await assertKept(pinned);
  assert.match((await world.act('sevilla', 'retire-arm', { arm: 'list' })).body.error, /"list", the control/);
  assert.equal((await done('pause-arm', { arm: 'gift' })).body.definition.arms[3].state, 'paused');
  assert.ok(!(await newPrices(40)).has(3000));
  await done('revive-arm', { arm: 'gift' });
  assert.ok((await snapshot()).arms[3].share > 0);
});

test('guardrails, floor, end and holdout are changed within their bounds, and nothing else', async () => {
  const tight = await world.act('sevilla', 'set-guardrails', { guardrails: { max_price_minor: 2000 } });
  assert.deepEqual([tight.status, /arm gift is 3000; it must be at most 2000, by guardrails.max_price_minor/.test(tight.body.error)], [400, true], tight.text);
  const bounded = await done('set-guardrails', { guardrails: { min_price_minor: 1500, max_price_minor: 3000 } });
  assert.deepEqual(bounded.body.definition.guardrails, { min_price_minor: 1500, max_price_minor: 3000 });
  assert.deepEqual((await last()).after, { guardrails: { min_price_minor: 1500, max_price_minor: 3000 } });
  await done('set-floor', { floor: 0.1 });
  assert.equal((await snapshot()).floor, Math.ceil(0.1 * 65_536));
  assert.match((await world.act('sevilla', 'set-floor', { floor: 0.3 })).body.error, /floor is 0\.3/);
  const end = new Date(Date.now() + 30 * DAY_MS).toISOString();
  await done('set-end', { end });
  const { experiments } = (await world.admin('GET', '/haggle/v1/experiments')).body;
  assert.equal(experiments.find(({ name }) => name === 'sevilla').end_ms, Math.floor(Date.parse(end) / 1000) * 1000);
  assert.match((await world.act('sevilla', 'set-end', { end: '2020-01-01' })).body.error, /later than now/);
  await done('extend-holdout', { holdout: 0.25 });
  assert.equal((await snapshot()).holdout, 16_384);
  assert.match((await world.act('sevilla', 'extend-holdout', { holdout: 0.2 })).body.error, /more than 0\.25/);
  const { original, definition, revision } = await get('sevilla');
  assert.deepEqual([original.holdout, original.floor, original.arms.length, definition.holdout, definition.arms.length], [0, 0.02, 4, 0.25, 5]);
  assert.equal((await records('?experiment=sevilla')).filter(({ action }) => action !== 'draft' && action !== 'delete').length, revision - 1, 'every change has its record');
});

test('while it is paused nothing new is decided, and shown prices stay; then it goes on', async () => {
  const pinned = await pinnedTo('low', 3);
  assert.equal((await done('pause')).body.state, 'paused');
  await assertKept(pinned);
  assert.deepEqual([...await newPrices(40)], [1900]);
  assert.equal((await world.shopper().look(PAGE)).quotes[SKU], undefined);
  assert.match((await world.act('sevilla', 'pause')).body.error, /in state paused/);
  const resumed = await done('resume');
  assert.deepEqual([resumed.body.state, resumed.headers.get('etag')], ['running', `"${resumed.body.revision}"`]);
  assert.ok((await newPrices(60)).size > 1);
});

test('the same request again changes nothing and has the same answer; another one under its key is refused', async () => {
  const { revision } = await get('sevilla');
  const headers = { 'if-match': `"${revision}"`, 'idempotency-key': 'floor-1' };
  const send = (floor, by = 'maria') => world.admin('POST', path('sevilla', '/set-floor'), { by, reason: 'once', floor }, { headers });
  const first = await send(0.03);
  assert.deepEqual([first.status, first.headers.get('idempotency-replayed')], [200, null], first.text);
  const again = await Promise.all([1, 2, 3].map(() => send(0.03)));
  for (const one of again) assert.deepEqual([one.status, one.text, one.headers.get('idempotency-replayed')], [200, first.text, 'true']);
  assert.equal((await get('sevilla')).revision, revision + 1);
  assert.equal((await records()).filter(({ reason }) => reason === 'once').length, 1);
  const other = await send(0.04);
  assert.deepEqual([other.status, /Idempotency-Key was used for another request/.test(other.body.error)], [422, true]);
  assert.equal((await send(0.03, 'jo')).status, 422);
  const none = await world.admin('POST', path('sevilla', '/set-floor'), { by: 'maria', reason: 'none', floor: 0.02 },
    { headers: { 'if-match': '"1"', 'idempotency-key': '' } });
  assert.deepEqual([none.status, /Idempotency-Key/.test(none.body.error)], [400, true]);
  await done('set-floor', { floor: 0.02 });
});

test('of two people who act at once one is told that it has changed, and no change is lost', async () => {
  const { revision } = await get('sevilla');
  const act = (action, more) => world.admin('POST', path('sevilla', `/${action}`), { by: 'maria', reason: 'at once', ...more },
    { headers: { 'if-match': `"${revision}"` } });
  const both = await Promise.all([act('set-floor', { floor: 0.05 }), act('set-end', { end: null })]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412]);
  const [refused] = both.filter(({ status }) => status === 412);
  assert.ok(refused.body.error.includes(`"${revision}"`) && refused.body.error.includes(`"${revision + 1}"`), refused.text);
  const now = await get('sevilla');
  assert.equal(now.revision, revision + 1);
  await done('set-floor', { floor: 0.02 });
  await done('set-end', { end: null });
});

test('one experiment stops without the central store, its record follows, and its posterior is untouched', async () => {
  await world.run([otherExperiment('kozani', 'SAFFRON-2', 1490)]);
  await everywhere();
  const pinned = await pinnedTo('low', 2);
  const before = await snapshot();
  await world.edge.db.prepare('ALTER TABLE experiments RENAME TO gone').run();
  const body = { by: 'jo', reason: 'a price is wrong' }, key = { 'idempotency-key': 'stop-sevilla' };
  let stopped;
  try {
    stopped = await world.admin('POST', path('sevilla', '/stop'), body, { headers: key });
    assert.deepEqual([stopped.status, stopped.body.stopped], [200, true], stopped.text);
    await Promise.all(LOCATIONS.map((location) => world.served(stopped.body.version, location)));
    assert.equal((await world.admin('POST', path('nobody', '/stop'), body)).status, 503);
    assert.equal((await world.act('sevilla', 'pause')).status, 503);
  } finally {
    await world.edge.db.prepare('ALTER TABLE gone RENAME TO experiments').run();
  }
  for (const { shopper } of pinned) {
    for (const location of LOCATIONS) assert.equal((await shopper.price(SKU, { location })).price_minor, 1900, 'catalogue prices for all');
  }
  assert.ok((await newPrices(40, 'SAFFRON-2')).size > 1, 'the other one goes on');
  assert.equal((await records('?experiment=sevilla')).some(({ action }) => action === 'stop'), false);
  await world.served((await world.sync()).version);
  const { who, reason, before: was, after: is } = (await records('?experiment=sevilla')).find(({ action }) => action === 'stop');
  assert.deepEqual({ who, reason, was, is }, { who: 'jo (bearer)', reason: 'a price is wrong', was: { stopped: false }, is: { stopped: true } });
  const again = await world.admin('POST', path('sevilla', '/stop'), body, { headers: key });
  assert.deepEqual([again.text, again.headers.get('idempotency-replayed')], [stopped.text, 'true']);
  const { state, stopped: flag } = await get('sevilla');
  assert.deepEqual([state, flag, (await world.shopper().price(SKU)).price_minor], ['running', true, 1900]);

  assert.equal((await world.act('sevilla', 'resume')).body.stopped, false);
  await until('it goes on', () => world.shopper().price(SKU), ({ quote }) => quote);
  await assertKept(pinned);
  const { arms, epoch } = await snapshot();
  assert.deepEqual([epoch, arms], [before.epoch, before.arms], 'as if nothing had been');
});

test('a rollback goes back to older content under a newer version and holds it, until somebody resumes', async () => {
  const old = (await snapshot()).arms;
  const version = await everywhere();
  await done('add-arm', { arm: { name: 'late', price_minor: 1850 } });
  const held = await world.admin('POST', '/haggle/v1/rollback', { by: 'jo', reason: 'the new arm is a mistake', version });
  assert.deepEqual([held.status, held.body.held, held.body.content_of, held.body.version > version], [200, true, version, true], held.text);
  await Promise.all(LOCATIONS.map((location) => world.served(held.body.version, location)));
  assert.deepEqual((await snapshot()).arms, old);
  const synced = await world.sync();
  assert.deepEqual([synced.held, synced.published, synced.version], [true, false, held.body.version]);
  const refused = await world.act('sevilla', 'set-floor', { floor: 0.03 });
  assert.deepEqual([refused.status, /held after a rollback; resume the shop first/.test(refused.body.error)], [409, true]);
  assert.equal((await world.admin('POST', '/haggle/v1/rollback', { by: 'jo', reason: 'x', version: 99_999 })).status, 404);
  const { snapshots } = (await world.admin('GET', '/haggle/v1/snapshots')).body;
  assert.deepEqual([snapshots[0].version, snapshots[0].bytes > 500], [held.body.version, true]);
  assert.equal((await world.everywhere('resume')).body.held, false);
  await everywhere();
  assert.equal((await snapshot()).arms.at(-1).name, 'late');
  const [back, on] = (await records()).slice(-2);
  assert.deepEqual([back.action, back.after.content_of, on.action, on.before.held], ['rollback', version, 'resume', true]);
});

test('decided, everybody new has the one price and who was shown another keeps it; archived, nothing is left and nothing changes', async () => {
  const pinned = await pinnedTo('gift', 2);
  assert.match((await world.act('sevilla', 'decide', { arm: 'high' })).body.error, /which is not live/);
  const decided = await done('decide', { arm: 'low' });
  assert.deepEqual([decided.body.state, decided.body.decision.arm, decided.body.decision.rule], ['decided', 'low', 'by hand']);
  const { arms, holdout } = await snapshot();
  assert.deepEqual([arms.filter(({ share }) => share > 0).map(({ name, share }) => [name, share]), holdout], [[['low', 65_536]], 16_384]);
  assert.deepEqual([...await newPrices(60)].sort(), [1600, 1900], 'the decided price, and the holdout');
  await assertKept(pinned);
  assert.match((await world.act('sevilla', 'add-arm', { arm: { name: 'x', price_minor: 1700 } })).body.error, /it must be one of resume, stop, archive/);
  const archived = await done('archive');
  assert.equal(archived.body.state, 'archived');
  assert.equal(await snapshot(), undefined);
  assert.deepEqual([...await newPrices(10)], [undefined]);
  const late = await world.act('sevilla', 'resume');
  assert.deepEqual([late.status, /archived never changes/.test(late.body.error)], [409, true], late.text);
  assert.equal((await world.admin('PUT', path('sevilla'), experiment({ hypothesis: 'I knew it' }))).status, 409);
});

test('the record is whole, in its order, and read in parts', async () => {
  const all = await records();
  assert.deepEqual(all.map(({ id }) => id), [...all.map(({ id }) => id)].sort((a, b) => a - b));
  assert.ok(all.every(({ who, at_ms, action }) => who && at_ms > 0 && action));
  assert.deepEqual(await records(`?after=${all[4].id}`), all.slice(5));
  assert.deepEqual(await records('?experiment=sevilla&after=0'), all.filter((one) => one.experiment === 'sevilla'));
  assert.equal((await world.admin('GET', '/haggle/v1/audit?after=x')).status, 400);
  assert.equal((await world.admin('POST', '/haggle/v1/audit', {})).status, 405);
});
