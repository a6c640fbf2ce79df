/**
 * The overview of all experiments: where each stood at the last publication, by the central store's integers, what is
 * wrong, and that nothing of it is computed twice or holds up a publication. And what a page of the admin host may do.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { assertWhole } from './answers.mjs';
import { experiment, openWorld, otherExperiment, until } from './kit.mjs';

const DAY_MS = 86_400_000, START_MS = Date.UTC(2027, 0, 4, 9), PATH = '/haggle/v1/overview';

/** @type {import('./kit.mjs').World} */
let world;
let now_ms = START_MS;
before(async () => {
  world = await openWorld({ clock: true, vars: { EPOCH_MIN_S: '3600' } });
  await world.edge.setClock(now_ms);
});
after(() => world?.close());

/** @param {string} [etag] */
async function ask(etag) {
  const answer = await world.admin('GET', PATH, undefined, etag === undefined ? {} : { headers: { 'if-none-match': etag } });
  return { ...answer, etag: String(answer.headers.get('etag')) };
}
async function overview() {
  const { status, text, body, etag } = await ask();
  assert.equal(status, 200, text);
  assertWhole('Overview', body);
  return { ...body, etag, of: (name) => body.experiments.find((one) => one.name === name) };
}

/** Moves the clock on, and nothing else. @param {number} ms */
async function later(ms) {
  now_ms += ms;
  await world.edge.setClock(now_ms);
}
async function publish() {
  const { version } = await world.sync();
  await world.served(version);
}
/** The sync of every minute; says whether a version went out. */
async function scheduled() {
  const newest = () => world.edge.db.prepare('SELECT MAX(version) AS version FROM snapshots').first('version');
  const before = await newest();
  assert.equal((await (await world.edge.mf.getWorker()).scheduled({ cron: '* * * * *' })).outcome, 'ok');
  return await newest() !== before;
}
/** A visitor who looks, and buys if asked to. @param {string} sku @param {boolean} [buys] */
async function visit(sku, buys = false) {
  const { quote, price_minor } = await world.shopper().price(sku);
  assert.deepEqual((await world.expose([quote])).statuses, ['recorded']);
  if (buys) assert.deepEqual((await world.reward(world.order([quote], { revenue_minor: price_minor, cost_minor: 800 }))).statuses, ['matched']);
}

/** Every sum of a standing is D1's. @param {any} standing @param {string} name */
async function assertSums({ arms, holdout, total }, name) {
  const { results } = await world.edge.db.prepare('SELECT arm, SUM(exposures) AS exposures, SUM(conversions) AS orders, SUM(rewards) AS reward_lines, SUM(units) AS pieces, '
    + 'SUM(revenue_minor) AS revenue_minor, SUM(cost_minor) AS cost_minor FROM tallies WHERE experiment = ? GROUP BY arm').bind(name).all();
  const fields = ['exposures', 'orders', 'reward_lines', 'pieces', 'revenue_minor', 'cost_minor'];
  const part = (of) => Object.fromEntries(fields.map((field) => [field, of?.[field] ?? 0]));
  for (const of of [...arms, { ...holdout, name: 'holdout' }]) {
    assert.deepEqual(part(of), part(results.find(({ arm }) => arm === of.name)), `${name} ${of.name}`);
    assert.equal(of.profit_minor, of.revenue_minor - of.cost_minor);
  }
  assert.deepEqual(part(total), Object.fromEntries(fields.map((field) => [field, results.reduce((sum, of) => sum + of[field], 0)])));
}

test('an empty shop has an empty overview, and nothing is wrong', async () => {
  const empty = await overview();
  assert.deepEqual([empty.experiments, empty.version, empty.published_at_ms, empty.stopped, empty.held, empty.stale, empty.now_ms], [[], 0, null, false, false, false, START_MS]);
  assert.equal((await ask(empty.etag)).status, 304);
});

test('each experiment has what it is and where it stood at the last publication, live ones first', async () => {
  await world.run([experiment({ author: 'Maria Ruiz', holdout: 0.1, document: 'https://wiki.example/<b>' }), otherExperiment('kozani', 'SAFFRON-2', 1490)]);
  assert.equal((await world.admin('PUT', '/haggle/v1/experiments/almagro', { ...otherExperiment('almagro', 'ALMOND-400', 1150), currency: 'JPY' })).status, 201);
  await publish();
  for (let at = 0; at < 30; at += 1) await visit('OLIVE-500', at % 3 === 0);
  await visit('SAFFRON-2', true);
  await publish();
  const body = await overview();
  assert.deepEqual(body.experiments.map(({ name, state }) => [name, state]), [['kozani', 'running'], ['sevilla', 'running'], ['almagro', 'draft']]);
  const { standing: none, currency, minor_digits } = body.of('almagro');
  assert.deepEqual([none, currency, minor_digits], [null, 'JPY', 0]);
  for (const name of ['kozani', 'sevilla']) await assertSums(body.of(name).standing, name);
  const { standing, ...sevilla } = body.of('sevilla');
  assert.equal(standing.total.exposures, 30);
  assert.deepEqual([sevilla.author, sevilla.document, sevilla.policy, sevilla.control, sevilla.currency, sevilla.minor_digits, sevilla.items, sevilla.mismatches, sevilla.revision],
    ['Maria Ruiz', 'https://wiki.example/<b>', 'thompson', 'list', 'EUR', 2, 1, 0, 2]);
  const report = (await world.admin('GET', '/haggle/v1/experiments/sevilla/report')).body;
  assert.deepEqual([standing.text, standing.total], [report.standing, report.total]);
  const best = standing.arms.reduce((most, arm) => (arm.p_best > most.p_best ? arm : most));
  assert.deepEqual([standing.leader, standing.p_best], [best.name, best.p_best]);
  const shares = await world.edge.db.prepare("SELECT arms FROM epochs WHERE experiment = 'sevilla' ORDER BY epoch DESC LIMIT 1").first('arms');
  assert.deepEqual(standing.arms.map(({ share }) => share), JSON.parse(String(shares)).map(({ share }) => share));
  const { snapshot, ledger } = await world.health();
  assert.deepEqual([body.version, body.published_at_ms, body.ledger], [snapshot.version, snapshot.published_at_ms, ledger]);
});

test('who has the overview is told so until something is other; what was sold is in it with the next publication', async () => {
  const { etag, ...before } = await overview();
  const same = await ask(etag);
  assert.deepEqual([same.status, same.text, same.etag], [304, '', etag]);
  await later(1000);
  assert.equal((await ask(etag)).status, 304, 'that time goes by is nothing new');
  for (const given of ['*', `W/"x",${etag}`, etag.slice(2)]) assert.equal((await ask(given)).status, 304, given);
  for (const given of ['', '"', 'W/"', ',', '\u00ff', 'x'.repeat(5000), etag.slice(0, -2), `"${etag}"`]) assert.equal((await ask(given)).status, 200, given);

  await visit('OLIVE-500', true);
  await publish();
  const after = await ask(etag);
  assert.equal(after.status, 200);
  const total = (body) => body.experiments.find(({ name }) => name === 'sevilla').standing.total;
  assert.deepEqual([total(after.body).exposures, total(after.body).orders], [total(before).exposures + 1, total(before).orders + 1]);
  const draft = await world.admin('PUT', '/haggle/v1/experiments/almagro', otherExperiment('almagro', 'ALMOND-400', 1160), { headers: { 'if-match': '"1"' } });
  assert.equal(draft.status, 200, draft.text);
  assert.equal((await ask(after.etag)).status, 200, 'a draft was changed');
});

test('where nothing is published nothing is computed anew', async () => {
  await publish();
  const settled = await until('the shards have said all', scheduled, (published) => !published);
  assert.equal(settled, false);
  const stored = async () => (await world.edge.db.prepare('SELECT experiment, version, at_ms FROM standings ORDER BY experiment').all()).results;
  const before = await stored();
  assert.deepEqual(before.map(({ experiment: name }) => name), ['kozani', 'sevilla']);
  await later(60_000);
  assert.equal(await scheduled(), false);
  assert.deepEqual(await stored(), before);
  await later(600_000);
  assert.equal(await scheduled(), true, 'the same content goes out again after ten minutes');
  assert.deepEqual((await stored()).map(({ at_ms }) => at_ms), [now_ms, now_ms]);
});

test('what is wrong on pages counts for the experiments of the items, both kinds, for seven days', async () => {
  const { etag } = await overview(), today = Math.floor(now_ms / DAY_MS);
  const add = (sku, kind, day, count) => world.edge.db.prepare('INSERT INTO mismatches (sku, surface, kind, day, count) VALUES (?, ?, ?, ?, ?)').bind(sku, `json-ld ${kind} ${day}`, kind, day, count).run();
  await add('OLIVE-500', 'input', today, 3);
  await add('OLIVE-500', 'output', today - 6, 40);
  await add('OLIVE-500', 'input', today - 7, 500);
  await add('NOBODYS', 'input', today, 6000);
  await world.edge.db.prepare("INSERT OR REPLACE INTO groups (experiment, part, members) VALUES ('kozani', 0, ?)").bind(JSON.stringify([{ sku: 'A' }, { sku: 'NOBODYS' }])).run();
  const found = await ask(etag);
  assert.equal(found.status, 200);
  await world.edge.db.prepare('UPDATE mismatches SET count = count - 1 WHERE day = ?').bind(today - 6).run();
  assert.equal((await ask(found.etag)).status, 200, 'one more at a place that is known, or less');
  await world.edge.db.prepare('UPDATE mismatches SET count = count + 1 WHERE day = ?').bind(today - 6).run();
  const body = await overview();
  assert.deepEqual(body.experiments.map(({ name, mismatches }) => [name, mismatches]), [['kozani', 6000], ['sevilla', 43], ['almagro', 0]]);
  await world.edge.db.prepare("DELETE FROM groups WHERE experiment = 'kozani'").run();
});

test('what is stopped, held or too old is said', async () => {
  const flags = async () => { const { stopped, held, stale, of } = await overview(); return [stopped, held, stale, of('sevilla').stopped]; };
  const { version } = await overview();
  assert.deepEqual(await flags(), [false, false, false, false]);
  assert.equal((await world.act('sevilla', 'stop')).status, 200);
  assert.deepEqual((await flags())[3], true);
  assert.equal((await world.act('sevilla', 'resume')).status, 200);
  const going = await ask(), { body } = await world.everywhere('stop');
  await world.served(body.version);
  assert.equal((await ask(going.etag)).status, 200, 'that all is stopped is something other');
  assert.equal((await flags())[0], true);
  await world.served((await world.everywhere('resume')).body.version);
  assert.deepEqual(await flags(), [false, false, false, false]);
  const back = await world.admin('POST', '/haggle/v1/rollback', { by: 'maria', reason: 'a test', version });
  assert.equal(back.status, 200, back.text);
  assert.equal((await flags())[1], true);
  assert.equal((await world.everywhere('resume')).status, 200);
  await publish();
  const { etag } = await overview();
  await later(DAY_MS + 60_000);
  assert.equal((await ask(etag)).status, 200, 'the same content is too old now');
  assert.equal((await flags())[2], true);
  await publish();
  assert.equal((await flags())[2], false);
});

test('the oldest report is one of the shards that there are: one of an earlier LEDGER_SHARDS is late no more', async () => {
  const { ledger, etag } = await overview();
  assert.ok(ledger.oldest_report_at_ms > 0 && ledger.sources > 0, JSON.stringify(ledger));
  const { results } = await world.edge.db.prepare('SELECT reported_at_ms FROM sources').all();
  assert.equal(ledger.oldest_report_at_ms, Math.min(...results.map(({ reported_at_ms }) => reported_at_ms)));
  await world.edge.db.prepare("INSERT INTO sources (source, sequence, exposures, stored, matched, reported_at_ms) VALUES ('earlier', 9, 7, 3, 2, 5)").run();
  const now = await overview();
  assert.deepEqual(now.ledger, { ...ledger, stored: ledger.stored + 3, matched: ledger.matched + 2, unmatched: ledger.unmatched + 1, exposures: ledger.exposures + 7, sources: ledger.sources + 1 });
  assert.equal((await ask(etag)).status, 200, 'what it counted is still counted');
  await world.edge.db.prepare("DELETE FROM sources WHERE source = 'earlier'").run();
});

test('an archived experiment stays as it stood, at the end', async () => {
  assert.equal((await world.act('kozani', 'decide', { arm: 'low' })).status, 200);
  const of = (await overview()).of('kozani'), told = (await world.admin('GET', '/haggle/v1/experiments/kozani/report')).body;
  assert.deepEqual([of.standing.text, of.standing.total, of.standing.arms.length], [told.standing, told.total, told.arms.length]);
  assert.deepEqual([(await overview()).of('kozani').decision.arm, (await overview()).of('kozani').decided_at_ms], ['low', now_ms]);
  const archived = await world.act('kozani', 'archive');
  assert.equal(archived.status, 200, archived.text);
  const first = await overview();
  assert.deepEqual(first.experiments.map(({ name }) => name), ['sevilla', 'almagro', 'kozani']);
  await assertSums(first.of('kozani').standing, 'kozani');
  await later(1000);
  await publish();
  const second = await overview();
  assert.deepEqual(second.of('kozani').standing, first.of('kozani').standing);
  assert.equal(second.of('sevilla').standing.at_ms, now_ms);
});

test('only who may administer sees it, by the one method that it has', async () => {
  assert.equal((await world.admin('GET', PATH, undefined, { headers: { authorization: '' } })).status, 401);
  assert.equal((await world.admin('GET', PATH, undefined, { headers: { authorization: 'Bearer wrong', 'if-none-match': '*' } })).status, 401);
  assert.equal((await world.edge.fetchShop(PATH, { headers: { authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` } })).status, 404);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) assert.equal((await world.admin(method, PATH)).status, 405, method);
});

test('a file of the admin host says what a page may do, and is asked for again after each deploy', async () => {
  for (const path of ['/', '/words.js', '/nothing-there']) {
    const answer = await world.admin('GET', path), { headers } = answer;
    const rules = String(headers.get('content-security-policy')).split(';').map((rule) => rule.trim());
    assert.deepEqual(rules, ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data: blob:", "worker-src 'self'",
      "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"], path);
    assert.deepEqual([headers.get('x-content-type-options'), headers.get('referrer-policy')], ['nosniff', 'no-referrer'], path);
    if (answer.status !== 200) continue;
    assert.equal(headers.get('cache-control'), 'private, no-cache', path);
    assert.equal((await world.admin('GET', path, undefined, { headers: { 'if-none-match': String(headers.get('etag')) } })).status, 304, path);
  }
});

test('of many items there is much to read: a new standing when somebody asks, or after ten minutes; of those that are randomised after ten minutes alone', async () => {
  const items = Array.from({ length: 40 }, (_, n) => JSON.stringify({ sku: `SKU-${n}`, price_minor: 1000 + n, cost_minor: 400 }));
  assert.equal((await world.admin('POST', '/haggle/v1/catalogue', items.join('\n'))).status, 200);
  const { item: _item, arms: _arms, floor: _floor, ...plain } = experiment();
  const many = (name, more) => ({ ...plain, name, salt: name, scope: { items: 'all' }, sample: { positive: 10, negative: 10, strata: 1 }, ...more,
    arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }] });
  await world.run([many('cadiz', {}), many('jaen', { unit: 'item-period', period_hours: 24, reward_model: 'normal' })]);
  const began = now_ms, ages = async () => Object.fromEntries((await world.edge.db.prepare("SELECT experiment, at_ms FROM standings WHERE experiment <> 'kozani'").all()).results
    .map(({ experiment: name, at_ms }) => [name, (at_ms - began) / 60_000]));
  await later(60_000);
  await publish();
  assert.deepEqual(await ages(), { sevilla: 1, cadiz: 1, jaen: 0 }, 'somebody asked');
  await later(60_000);
  assert.equal((await world.admin('PUT', '/haggle/v1/site', { field: 'agreed_price' })).status, 200);
  assert.equal(await scheduled(), true);
  assert.deepEqual(await ages(), { sevilla: 2, cadiz: 1, jaen: 0 }, 'what is published had changed');
  await later(540_000);
  assert.equal((await world.admin('DELETE', '/haggle/v1/site')).status, 200);
  assert.equal(await scheduled(), true);
  assert.deepEqual(await ages(), { sevilla: 11, cadiz: 11, jaen: 11 });
});

test('a standing that cannot be stored holds up no publication', async () => {
  await visit('OLIVE-500', true);
  await world.edge.db.prepare('DROP TABLE standings').run();
  const { version, published } = await world.sync();
  assert.equal(published, true);
  await world.served(version);
  const MISSING = /^the tables in D1 are older than this version; apply worker\/migrations \(npx wrangler d1 migrations apply haggle --remote\)/;
  for (const path of [PATH, '/haggle/v1/experiments/sevilla/evidence', '/haggle/v1/experiments/sevilla/report']) {
    const { status, body } = await world.admin('GET', path);
    assert.equal(status, 503, path);
    assert.match(body.error, MISSING, path);
  }
  const health = await world.health();
  assert.match(health.error, MISSING);
  assert.ok(health.ledger && health.snapshot, 'and all else that it says');
  const migration = readFileSync(new URL('../worker/migrations/0005_standings.sql', import.meta.url), 'utf8').replace(/^--.*$/gm, '');
  for (const statement of migration.split(';').map((one) => one.trim()).filter(Boolean)) await world.edge.db.prepare(statement).run();
  assert.equal((await world.health()).error, undefined);
  assert.equal((await overview()).of('sevilla').standing, null, 'after a migration it waits for the next publication');
  await publish();
  await assertSums((await overview()).of('sevilla').standing, 'sevilla');
});
