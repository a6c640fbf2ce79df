/**
 * The loop on workerd: several edge locations, each a Worker of its own, share KV, D1 and the Durable Objects.
 *
 * `pop-a` and `pop-b` look at KV again and again; `pop-late` looked once, and keeps what it saw.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf, experiment, openWorld, otherExperiment, until } from './kit.mjs';

const PAGE = '/product/OLIVE-500';
const ARM_PRICES = experiment().arms.map(({ price_minor }) => price_minor);
const LOCATIONS = { 'pop-a': {}, 'pop-b': {}, 'pop-late': { SNAPSHOT_TTL_MS: '600000' } };

/** @type {import('./kit.mjs').World} */
let world;
before(async () => { world = await openWorld({ locations: LOCATIONS, experiments: [experiment(), otherExperiment('kozani', 'SAFFRON-2', 1490)] }); });
after(() => world?.close());

/** The difference that an action makes to the totals of an experiment and to the ledger, in the central store. */
async function change(action) {
  await world.sync();
  const [totals, ledger] = [await world.totals(), await world.ledger()];
  await action();
  await world.sync();
  const minus = (now, then) => Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - then[name]]));
  return { totals: minus(await world.totals(), totals), ledger: minus(await world.ledger(), ledger) };
}

test('a sale is priced at one location, told to another as often as may be, and counts once', async () => {
  const shopper = world.shopper();
  let revenue_minor = 0;
  const difference = await change(async () => {
    const { prices, shown: told, quotes, reason } = await shopper.look(PAGE, { location: 'pop-a' });
    assert.equal(reason, 'priced');
    const shown = prices.find(({ sku }) => sku === 'OLIVE-500').price_minor;
    const quote = quotes['OLIVE-500'];
    assert.ok(ARM_PRICES.includes(shown));
    assert.equal(claimsOf(quote).p, shown);
    const seen = told.filter(({ sku }) => sku === 'OLIVE-500');
    assert.deepEqual(seen, [{ sku: 'OLIVE-500', price_minor: shown }]);
    assert.deepEqual((await shopper.expose(seen, { location: 'pop-a' })).statuses, ['recorded']);
    assert.deepEqual((await shopper.expose(seen, { location: 'pop-b' })).statuses, ['duplicate']);
    assert.deepEqual((await world.expose([quote], 'pop-b')).statuses, ['duplicate'], 'as the app that has the quote and no cookies tells it');
    const order = world.order([quote], { units: 2, revenue_minor: 2 * shown, cost_minor: 1600 });
    assert.deepEqual((await world.reward(order, 'pop-b')).statuses, ['matched']);
    assert.deepEqual((await world.reward(order, 'pop-b')).statuses, ['duplicate']);
    const again = await Promise.all(['pop-a', 'pop-b', 'pop-late', 'pop-a', 'pop-b'].map((location) => world.reward(order, location)));
    assert.deepEqual(again.map(({ statuses }) => statuses), Array(5).fill(['duplicate']));
    revenue_minor = 2 * shown;
  });
  assert.deepEqual(difference.totals, { exposures: 1, conversions: 1, rewards: 1, units: 2, revenue_minor, cost_minor: 1600 });
  assert.deepEqual(difference.ledger, { stored: 1, matched: 1, unmatched: 0, exposures: 1 });
});

test('five requests at once with one order count it once', async () => {
  const [quote] = await world.quotes(1);
  const difference = await change(async () => {
    await world.expose([quote]);
    const order = world.order([quote]);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((at) => world.reward(order, at % 2 ? 'pop-a' : 'pop-b')));
    assert.deepEqual(answers.flatMap(({ statuses }) => statuses).sort(), ['duplicate', 'duplicate', 'duplicate', 'duplicate', 'matched']);
  });
  assert.deepEqual([difference.totals.conversions, difference.totals.revenue_minor, difference.ledger.stored], [1, 1900, 1]);
});

test('five beacons at once with one quote count it once', async () => {
  const [quote] = await world.quotes(1);
  const difference = await change(async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5].map((at) => world.expose([quote], at % 2 ? 'pop-a' : 'pop-b')));
    assert.deepEqual(answers.flatMap(({ statuses }) => statuses).sort(), ['duplicate', 'duplicate', 'duplicate', 'duplicate', 'recorded']);
  });
  assert.deepEqual(difference.ledger, { stored: 0, matched: 0, unmatched: 0, exposures: 1 });
});

test('after D1 lost its tallies the shards report everything again', async () => {
  await world.sync();
  const { exposures } = await world.ledger();
  await world.expose(await world.quotes(5));
  // By their alarms: no report is under way while the rows go.
  await until('the shards have reported', () => world.ledger(), (now) => now.exposures === exposures + 5);
  const [before, ledger] = [await world.totals(), await world.ledger()];
  await world.edge.db.batch(['tallies', 'sources'].map((table) => world.edge.db.prepare(`DELETE FROM ${table}`)));
  await world.sync();
  assert.deepEqual(await world.totals(), before);
  assert.deepEqual({ ...(await world.ledger()), oldest_report_at_ms: 0 }, { ...ledger, oldest_report_at_ms: 0 });
});

test('an order with lines on several shards counts every line once, whichever lines are repeated', async () => {
  const quotes = await world.quotes(12);
  const touched = async () => (await world.edge.db.prepare('SELECT source, stored FROM sources').all()).results;
  await world.sync();
  const stored = new Map((await touched()).map((row) => [row.source, row.stored]));
  const difference = await change(async () => {
    await world.expose(quotes, 'pop-b');
    const order = world.order(quotes);
    const half = { ...order, lines: order.lines.slice(0, 6) };
    assert.deepEqual((await world.reward(half, 'pop-a')).statuses, Array(6).fill('matched'));
    const { body } = await world.reward({ orders: [order, order] }, 'pop-b');
    assert.deepEqual(body.results.map(({ status }) => status),
      [...Array(6).fill('duplicate'), ...Array(6).fill('matched'), ...Array(12).fill('duplicate')]);
    assert.deepEqual(body.results.slice(0, 12).map(({ order_id, line_id }) => [order_id, line_id]),
      order.lines.map(({ line_id }) => [order.order_id, line_id]));
  });
  const shards = (await touched()).filter((row) => row.stored > (stored.get(row.source) ?? 0));
  assert.ok(shards.length >= 2, `12 lines on ${shards.length} shard`);
  const { exposures, conversions, rewards, revenue_minor } = difference.totals;
  assert.deepEqual([exposures, conversions, rewards, revenue_minor], [12, 12, 12, 12 * 1900]);
});

test('a reward without its exposure waits, and is matched when the exposure arrives', async () => {
  const [quote] = await world.quotes(1), order = world.order([quote]);
  const waiting = await change(async () => assert.deepEqual((await world.reward(order)).statuses, ['unmatched']));
  assert.deepEqual(waiting.ledger, { stored: 1, matched: 0, unmatched: 1, exposures: 0 });
  assert.deepEqual([waiting.totals.rewards, waiting.totals.revenue_minor], [0, 0], 'sales of unseen exposures stay out of the tally');
  const repeated = await change(async () => assert.deepEqual((await world.reward(order)).statuses, ['duplicate']));
  assert.deepEqual(repeated.ledger, { stored: 0, matched: 0, unmatched: 0, exposures: 0 });
  const matched = await change(async () => assert.deepEqual((await world.expose([quote])).statuses, ['recorded']));
  assert.deepEqual(matched.ledger, { stored: 0, matched: 1, unmatched: -1, exposures: 1 });
  assert.deepEqual([matched.totals.conversions, matched.totals.rewards, matched.totals.revenue_minor, matched.totals.cost_minor], [1, 1, 1900, 800]);
});

test('a reward and its exposure at the same time are matched, whichever comes first', async () => {
  const quotes = await world.quotes(24);
  const difference = await change(async () => {
    await Promise.all(quotes.flatMap((quote, at) => {
      const both = [() => world.reward(world.order([quote]), 'pop-b'), () => world.expose([quote], 'pop-a')];
      return (at % 2 ? both : both.reverse()).map((send) => send());
    }));
  });
  assert.deepEqual(difference.ledger, { stored: 24, matched: 24, unmatched: 0, exposures: 24 });
  assert.deepEqual([difference.totals.rewards, difference.totals.revenue_minor], [24, 24 * 1900]);
});

test('two rewards of one exposure are two sales and one conversion', async () => {
  const [quote] = await world.quotes(1);
  const difference = await change(async () => {
    await world.expose([quote]);
    await world.reward(world.order([quote, quote]));
  });
  assert.deepEqual(difference.totals, { exposures: 1, conversions: 1, rewards: 2, units: 2, revenue_minor: 3800, cost_minor: 1600 });
});

test('a quote from before a change of the shard count is counted by its own shard, once, without a sync on demand', async () => {
  const [quote] = await world.quotes(1, { s: 2 }), order = world.order([quote]);
  await world.sync();
  const before = await world.ledger();
  assert.deepEqual((await world.expose([quote])).statuses, ['recorded']);
  assert.deepEqual((await world.reward(order, 'pop-b')).statuses, ['matched']);
  assert.deepEqual((await world.reward(order, 'pop-a')).statuses, ['duplicate']);
  const after = await until('the alarm of the old shard reports', () => world.ledger(), ({ matched }) => matched > before.matched);
  assert.deepEqual([after.stored - before.stored, after.matched - before.matched, after.exposures - before.exposures], [1, 1, 1]);
});

test('what a shard has counted reaches the central store by its alarm, and the next snapshot by cron', async () => {
  const quotes = await world.quotes(5);
  const { version } = await world.sync();
  const ledger = await world.ledger();
  await world.expose(quotes);
  await until('the alarms report', () => world.ledger(), ({ exposures }) => exposures === ledger.exposures + 5);
  const worker = await world.edge.mf.getWorker('pop-a');
  const { outcome } = await worker.scheduled({ cron: '* * * * *' });
  assert.equal(outcome, 'ok');
  const row = await world.edge.db.prepare('SELECT version FROM snapshots ORDER BY version DESC LIMIT 1').first();
  assert.equal(row.version, version + 1);
  await world.served(row.version, 'pop-b');
});

test('a sync publishes the next version; a location serves it once its time to live is over, and not before', async () => {
  const { version } = await world.sync('pop-b');
  await world.served(version, 'pop-a');
  const late = (await world.health('pop-late')).snapshot.version;
  assert.ok(late <= version);
  const next = await world.sync('pop-a');
  assert.equal(next.version, version + 1);
  await Promise.all([world.served(next.version, 'pop-a'), world.served(next.version, 'pop-b')]);
  assert.equal((await world.health('pop-late')).snapshot.version, late);
});

test('syncs at the same time publish different versions, and KV ends with the newest', async () => {
  const { version } = await world.sync();
  const reports = await Promise.all(['pop-a', 'pop-b', 'pop-a', 'pop-b'].map((location) => world.sync(location)));
  assert.deepEqual(reports.map((report) => report.version).sort((a, b) => a - b), [1, 2, 3, 4].map((step) => version + step));
  const bytes = Buffer.from(await world.edge.kv.get('snapshot', 'arrayBuffer'));
  assert.equal(Number(bytes.readBigUInt64LE(16)), version + 4);
});

test('a scheduled sync publishes where something changed, and nothing where nothing did', async () => {
  const worker = await world.edge.mf.getWorker('pop-a');
  const scheduled = async () => {
    assert.equal((await worker.scheduled({ cron: '* * * * *' })).outcome, 'ok');
    return (await world.edge.db.prepare('SELECT MAX(version) AS version FROM snapshots').first()).version;
  };
  const { version } = await world.sync();
  assert.equal(await scheduled(), version);
  // A draft is nothing yet; its start publishes at once.
  assert.equal((await world.edge.startExperiment(otherExperiment('cadiz', 'SALT-200', 790))).status, 200);
  assert.equal(await scheduled(), version + 1);
  await world.served(version + 1, 'pop-b');
  assert.equal((await world.shopper().price('SALT-200', { location: 'pop-b' })).status, 200);
  await world.admin('PUT', '/haggle/v1/site', { field: 'agreed_price' });
  assert.equal(await scheduled(), version + 2);
  assert.equal(await scheduled(), version + 2);
  await world.admin('DELETE', '/haggle/v1/site');
  assert.equal((await world.act('cadiz', 'archive')).status, 200);
  assert.equal(await scheduled(), version + 3);
});

test('versions go on from what is published when D1 was set back to an earlier day', async () => {
  const { version } = await world.sync();
  const since = (table) => world.edge.db.prepare(`DELETE FROM ${table} WHERE version > ?`).bind(version - 2);
  await world.edge.db.batch(['snapshots', 'epochs'].map(since));
  const next = await world.sync();
  assert.equal(next.version, version + 1);
  await world.served(next.version, 'pop-a');
});

test('an older snapshot in KV never replaces a newer one in an isolate', async () => {
  const older = await world.edge.kv.get('snapshot', 'arrayBuffer');
  const { version } = await world.sync();
  await Promise.all([world.served(version, 'pop-a'), world.served(version, 'pop-b')]);
  await world.edge.kv.put('snapshot', older);
  const began = performance.now();
  while (performance.now() - began < 700) {
    for (const location of ['pop-a', 'pop-b']) assert.equal((await world.health(location)).snapshot.version, version);
  }
  const next = await world.sync();
  assert.equal(next.version, version + 1);
  await world.served(next.version, 'pop-b');
});

test('both locations give one visitor the same price, on the page and by the API', async () => {
  const { version } = await world.sync();
  await Promise.all([world.served(version, 'pop-a'), world.served(version, 'pop-b')]);
  const seen = new Set();
  for (let at = 0; at < 24; at += 1) {
    const haggle_vid = at.toString(16).padStart(32, '7');
    const look = (location) => world.shopper({ haggle_vid }).look('/product/SAFFRON-2', { location });
    const [a, b] = await Promise.all(['pop-a', 'pop-b'].map(look));
    assert.deepEqual(a.prices, b.prices);
    const { price_minor } = await world.shopper({ haggle_vid }).price('SAFFRON-2', { location: 'pop-b' });
    assert.equal(price_minor, a.prices.find(({ sku }) => sku === 'SAFFRON-2').price_minor);
    seen.add(price_minor);
  }
  assert.ok(seen.size > 1, 'all visitors have one price: this shows nothing');
});

test('a pinned visitor keeps the price after a new allocation, at every location; unpinned ones move', async () => {
  const shoppers = Array.from({ length: 60 }, () => world.shopper());
  const prices = (everybody, where) => Promise.all(everybody.map((one, at) => one.price('SAFFRON-2', { location: where(at) })));
  const shown = (answers) => answers.map(({ price_minor }) => price_minor);
  const first = await prices(shoppers, () => 'pop-a');
  // Most buy at the lower price and nobody at the catalogue's.
  const kozani = { x: 'kozani', o: 'SAFFRON-2', pp: 1490 };
  const [list, low] = [await world.quotes(60, { ...kozani, a: 'list', p: 1490 }), await world.quotes(60, { ...kozani, a: 'low', p: 1192 })];
  await world.expose(list);
  await world.expose(low);
  assert.equal((await world.reward(world.order(low.slice(0, 50), { revenue_minor: 1192 }))).status, 200);
  const { version, epochs_opened } = await world.sync();
  assert.ok(epochs_opened >= 1);
  await Promise.all([world.served(version, 'pop-a'), world.served(version, 'pop-b')]);
  const again = await prices(shoppers, (at) => (at % 2 ? 'pop-a' : 'pop-b'));
  assert.deepEqual(shown(again), shown(first));
  const exposures = (answers) => answers.map(({ quote }) => claimsOf(quote).jti);
  assert.deepEqual(exposures(again), exposures(first), 'one exposure per quote lifetime');
  const unpinned = await prices(shoppers.map(({ cookies }) => world.shopper({ haggle_vid: cookies.get('haggle_vid') })), () => 'pop-a');
  const moved = shown(unpinned).filter((price_minor, at) => price_minor !== first[at].price_minor);
  assert.ok(moved.length > 0, 'nobody would have moved: this shows nothing');
  assert.deepEqual([...new Set(moved)], [1192], 'who moves, moves to the arm that gained');
  const { arms } = (await world.admin('GET', '/haggle/v1/snapshot')).body.experiments.find(({ name }) => name === 'kozani');
  assert.equal(arms.reduce((sum, { share }) => sum + share, 0), 65_536);
  assert.ok(arms.find(({ name }) => name === 'low').share > 60_000);
});

test('while D1 fails rewards are acknowledged, and reach it afterwards by an alarm that sets itself again', async () => {
  const quotes = await world.quotes(10);
  await world.sync();
  const [before, ledger] = [await world.totals(), await world.ledger()];
  const newest = async () => (await world.edge.db.prepare('SELECT MAX(version) AS version FROM snapshots').first()).version;
  const version = await newest();
  await world.edge.db.prepare('ALTER TABLE tallies RENAME TO tallies_away').run();
  const failures = () => world.edge.log.filter((line) => line.includes('ledger report')).length;
  const failed = failures();
  try {
    assert.deepEqual((await world.expose(quotes)).statuses, Array(10).fill('recorded'));
    assert.deepEqual((await world.reward(world.order(quotes), 'pop-b')).statuses, Array(10).fill('matched'));
    const { status, body } = await world.admin('POST', '/haggle/v1/sync');
    assert.equal(status, 503);
    assert.match(body.error, /the tables in D1 are older than this version/);
    await until('an alarm fails', async () => failures(), (count) => count > failed);
    assert.equal(await newest(), version);
  } finally {
    await world.edge.db.prepare('ALTER TABLE tallies_away RENAME TO tallies').run();
  }
  const after = await until('the alarms set again report', () => world.totals(), ({ rewards }) => rewards === before.rewards + 10);
  assert.deepEqual([after.exposures - before.exposures, after.conversions - before.conversions, after.revenue_minor - before.revenue_minor],
    [10, 10, 19_000]);
  const now = await world.ledger();
  assert.deepEqual([now.stored - ledger.stored, now.matched - ledger.matched, now.exposures - ledger.exposures], [10, 10, 10]);
  assert.equal((await world.sync()).version, version + 1);
});

test('an experiment is started once, refused when it contradicts what runs, and archived for good', async () => {
  const put = (one) => world.admin('PUT', `/haggle/v1/experiments/${one.name}`, one);
  const one = otherExperiment('alicante', 'ALMOND-400', 1150);
  assert.equal((await world.edge.startExperiment(one)).status, 200);
  assert.equal((await put(one)).status, 200, 'the same again changes nothing');
  const changed = await put({ ...one, salt: 'another' });
  assert.deepEqual([changed.status, /salt is another one; it must be as it was when the experiment started/.test(changed.body.error)], [409, true]);
  const rival = await world.edge.startExperiment({ ...one, name: 'murcia' });
  assert.deepEqual([rival.status, /ALMOND-400 is priced by alicante/.test(await rival.text())], [409, true]);
  const page = () => world.shopper().look('/product/ALMOND-400');
  await world.served((await world.sync()).version);
  const { quotes } = await page();
  assert.ok(quotes['ALMOND-400']);
  assert.equal((await world.act('alicante', 'archive')).status, 200);
  assert.equal((await world.act('nowhere', 'archive')).status, 404);
  await world.served((await world.sync()).version);
  const later = await page();
  assert.equal('ALMOND-400' in later.quotes, false);
  assert.equal(later.prices.find(({ sku }) => sku === 'ALMOND-400').price_minor, 1150);
  assert.equal((await world.shopper().price('ALMOND-400')).status, 404);
  assert.deepEqual((await world.expose([quotes['ALMOND-400']])).statuses, ['recorded'], 'a quote already given is still counted');
  assert.deepEqual((await world.reward(world.order([quotes['ALMOND-400']]))).statuses, ['matched']);
  assert.equal((await put({ ...one, hypothesis: 'something else' })).status, 409);
  const { experiments } = (await world.admin('GET', '/haggle/v1/experiments')).body;
  const states = Object.fromEntries(experiments.map(({ name, state }) => [name, state]));
  assert.deepEqual([states.sevilla, states.kozani, states.alicante], ['running', 'running', 'archived']);
});
