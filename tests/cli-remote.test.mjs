/**
 * The command line against the administration on workerd: each command, what it prints, and that nothing happens twice
 * or unseen.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { credentials, file, folder, haggle } from './binary.mjs';
import { ADMIN_HOST } from './edge.mjs';
import { send } from './http.mjs';
import { experiment, openWorld, received, until } from './kit.mjs';

const SKU = 'OLIVE-500';

/** @type {import('./kit.mjs').World} */
let world;
before(async () => { world = await openWorld(); });
after(() => world?.close());

/** Runs a command that must work. @param {string[]} args @param {Record<string, string>} [env] */
async function done(args, env = {}) {
  const { code, out, err } = await haggle(args, { env: { ...credentials(world), ...env } });
  assert.deepEqual([code, err], [0, ''], `haggle ${args.join(' ')}: ${err}`);
  assert.ok(!out.includes(world.edge.secrets.ADMIN_TOKEN));
  return out;
}

/** Runs a command that must be refused, and gives what it says. @param {string[]} args @param {Record<string, string>} [env] */
async function refused(args, env = {}) {
  const { code, out, err } = await haggle(args, { env: { ...credentials(world), ...env } });
  assert.deepEqual([code, out], [2, ''], err);
  assert.ok(!err.includes(world.edge.secrets.ADMIN_TOKEN), err);
  return err;
}

const why = (reason) => ['--reason', reason];
const records = async (name = 'sevilla') => (await world.admin('GET', `/haggle/v1/audit?experiment=${name}`)).body.records;
const view = async (name = 'sevilla') => (await world.admin('GET', `/haggle/v1/experiments/${name}`)).body;

/** What stands before the administration and answers in its place, as long as it is asked to. @param {(passed: number) => number | null} status */
async function startTrouble(status) {
  const keys = [];
  let passed = 0;
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method !== 'GET') keys.push(request.headers['idempotency-key']);
    const { host, connection, ...headers } = request.headers;
    const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
    const answer = await received(await send(world.edge.url + request.url, { method: request.method, host: ADMIN_HOST, headers: /** @type {any} */ (headers), ...body }));
    if (request.method !== 'GET') passed += 1;
    const instead = request.method === 'GET' ? null : status(passed);
    if (instead === 0) return response.destroy();
    response.writeHead(instead ?? answer.status, { 'content-type': 'application/json', ...(answer.headers.etag ? { etag: answer.headers.etag } : {}) });
    return response.end(instead ? '{"error":"the storage is away"}' : answer.text);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { keys, url: `http://localhost:${port}`, stop: () => new Promise((closed) => { server.closeAllConnections(); server.close(closed); }) };
}

test('who asks without a credential, with a wrong one or in the clear hears what to set', async () => {
  assert.match(await refused(['history'], { HAGGLE_TOKEN: '' }), /set HAGGLE_TOKEN .*--token-file/);
  assert.match(await refused(['history'], { HAGGLE_URL: '' }), /set HAGGLE_URL/);
  assert.match(await refused(['history'], { HAGGLE_TOKEN: 'x'.repeat(32) }), /401: .*\nHAGGLE_TOKEN .* must be the Worker's ADMIN_TOKEN/);
  assert.match(await refused(['history'], { HAGGLE_URL: 'http://haggle-admin.example.com' }), /in the clear; it must be https/);
  assert.match(await refused(['history'], { HAGGLE_ACCESS_CLIENT_ID: 'x' }), /HAGGLE_ACCESS_CLIENT_SECRET is not/);
  assert.match(await refused(['history'], { HAGGLE_URL: world.edge.url }), /404: .*\nHAGGLE_URL must be the administration's host/);
  const token = file('token', `${world.edge.secrets.ADMIN_TOKEN}\n`);
  assert.equal(await done(['history', '--token-file', token], { HAGGLE_TOKEN: '' }), 'no records\n');
  assert.match(await refused(['history', 'sevila']), /404: no experiment sevila/);
});

test('an experiment lives through the command line, and each step says what is different and stands in the history', async () => {
  const draft = file('sevilla.json', JSON.stringify(experiment()));
  assert.match(await refused(['put', draft]), /give --reason/);
  assert.equal(await done(['put', draft, ...why('first')]), 'sevilla: draft, revision 1\n');
  const changed = file('sevilla.json', JSON.stringify(experiment({ floor: 0.05 })));
  assert.equal(await done(['put', changed, ...why('more floor')]), 'sevilla: revision 1 -> revision 2\n  floor: 0.02 -> 0.05\n');
  assert.match(await done(['start', 'sevilla', ...why('go')]), /^sevilla: revision 2 -> revision 3\n(  .*\n)*  state: draft -> running\n/);
  assert.match(await done(['arm', 'add', 'sevilla', 'lower', '--price', '15.50', ...why('a rival went down')]), /  arms\.lower: added .*1550/);
  assert.match(await done(['arm', 'retire', 'sevilla', 'gift', ...why('sold out')]), /  arms\.gift\.state: live -> retired/);
  assert.match(await done(['arm', 'revive', 'sevilla', 'gift', ...why('back again')]), /  arms\.gift\.state: retired -> live/);
  assert.match(await done(['arm', 'pause', 'sevilla', 'gift', ...why('complaints')]), /  arms\.gift\.state: live -> paused/);
  assert.match(await done(['change', 'sevilla', '--floor', '0.08', ...why('faster')]), /  floor: 0.05 -> 0.08/);
  assert.match(await done(['change', 'sevilla', '--end', '2099-01-15', ...why('holidays')]), /  end: none -> 2099-01-15/);
  assert.match(await done(['change', 'sevilla', '--holdout', '0.2', ...why('surer')]), /  holdout: 0 -> 0.2/);
  const limits = file('limits.toml', '[guardrails]\nmin_price_minor = 1500\n');
  assert.match(await done(['change', 'sevilla', '--guardrails', limits, ...why('a lowest price')]), /  guardrails.*1500/);
  assert.match(await done(['pause', 'sevilla', ...why('stocktaking')]), /  state: running -> paused/);
  assert.match(await done(['resume', 'sevilla', ...why('done')]), /  state: paused -> running/);
  assert.equal(await done(['stop', 'sevilla']), 'sevilla: stopped: catalogue prices everywhere\n', 'a stop needs no reason');
  assert.match(await done(['resume', 'sevilla', ...why('it was the theme')]), /  stopped: true -> false/);
  assert.match(await done(['decide', 'sevilla', '--arm', 'low', ...why('it wins')]), /  state: running -> decided/);
  assert.match(await done(['archive', 'sevilla', ...why('rolled out')]), /  state: decided -> archived/);
  const kept = await records();
  const actions = ['draft', 'draft', 'start', 'add-arm', 'retire-arm', 'revive-arm', 'pause-arm', 'set-floor', 'set-end', 'extend-holdout', 'set-guardrails',
    'pause', 'resume', 'stop', 'resume', 'decide', 'archive'];
  assert.deepEqual(kept.map(({ action }) => action), actions);
  assert.ok(kept.every(({ who, reason }) => who === 'maria (bearer)' && reason), JSON.stringify(kept.map(({ who, reason }) => [who, reason])));
  const told = (await done(['history', 'sevilla'])).trim().split('\n');
  assert.equal(told.length, 1 + actions.length);
  assert.match(told[4], /^20\d\d-\S+ +maria \(bearer\) +add-arm +sevilla +a rival went down$/);
  assert.deepEqual(JSON.parse(await done(['history', 'sevilla', '--json'])), kept);
});

test('what somebody else changed meanwhile is not written over, and the refusal says who did what', async () => {
  await done(['put', file('toledo.json', JSON.stringify(experiment({ name: 'toledo', salt: 'toledo' }))), ...why('first')]);
  await done(['start', 'toledo', ...why('go')]);
  await done(['change', 'toledo', '--floor', '0.07', '--by', 'ana', ...why('the meeting on Monday')]);
  const said = await refused(['change', 'toledo', '--floor', '0.03', '--revision', '2', ...why('mine')]);
  assert.match(said, /412: .*\nNothing was changed\.\nMeanwhile ana \(bearer\) did set-floor at 20\S+: the meeting on Monday\n.*--revision 3/);
  assert.equal((await view('toledo')).definition.floor, 0.07);
  assert.match(await refused(['arm', 'add', 'toledo', 'x', '--price', '15.505', ...why('x')]), /--price 15\.505 is not an amount in EUR/);
  assert.match(await refused(['decide', 'toledo', '--arm', 'nobody', ...why('x')]), /nobody/);
  assert.match(await refused(['delete', 'toledo', ...why('x')]), /only a draft can be deleted/);
  assert.match(await refused(['pause', 'nobody', ...why('x')]), /404: no experiment nobody/);
});

test('an answer that is lost, or a store that is away, is asked for again under the same key, and happens once', async () => {
  const before = (await records('toledo')).length;
  for (const [floor, status] of [['0.04', 503], ['0.06', 0]]) {
    const trouble = await startTrouble((passed) => (passed < 3 ? /** @type {number} */ (status) : null));
    const { code, out, err } = await haggle(['change', 'toledo', '--floor', String(floor), ...why('again')], { env: { ...credentials(world), HAGGLE_URL: trouble.url } });
    await trouble.stop();
    assert.deepEqual([code, /asking again/.test(err)], [0, true], err);
    assert.match(out, new RegExp(`floor: .* -> ${floor}`));
    assert.deepEqual([trouble.keys.length, new Set(trouble.keys).size], [3, 1]);
  }
  assert.equal((await records('toledo')).length, before + 2, 'each happened once');
  const key = ['--key', 'deploy-17', '--revision', '5', ...why('by the pipeline')];
  await done(['change', 'toledo', '--floor', '0.05', ...key]);
  await done(['change', 'toledo', '--floor', '0.05', ...key]);
  assert.equal((await records('toledo')).length, before + 3, 'a pipeline that repeats itself changes nothing');
  assert.match(await refused(['change', 'toledo', '--floor', '0.09', ...key]), /422: .*another request/);
  const trouble = await startTrouble(() => 503);
  assert.match((await haggle(['stop', '--all'], { env: { ...credentials(world), HAGGLE_URL: trouble.url } })).err, /503: the storage is away\n.*may be asked again/);
  await trouble.stop();
});

test('the whole shop stops, goes back to an earlier snapshot, and goes on', async () => {
  await done(['resume', '--all', ...why('begin')]);
  const first = JSON.parse(await done(['snapshots', '--json'])).snapshots;
  assert.match(await done(['stop', '--all']), /^the whole shop: stopped: catalogue prices everywhere, from snapshot \d+ on\n$/);
  await until('prices are stopped', () => world.shopper().price(SKU), ({ price_minor, quote }) => price_minor === 1900 && !quote);
  assert.match(await done(['list']), /\n! The whole shop is stopped: .* `haggle resume --all`\n$/);
  assert.match(await done(['resume', '--all', ...why('on we go')]), /prices go on/);
  const table = (await done(['snapshots'])).trim().split('\n');
  assert.ok(/^version +published +bytes$/.test(table[0]) && table.length > 2, table.join('\n'));
  const { version } = first.at(0);
  assert.match(await done(['rollback', String(version), ...why('wrong column')]), new RegExp(`the content of snapshot ${version} is out as \\d+, and held`));
  assert.match(await refused(['pause', 'toledo', ...why('x')]), /held after a rollback/);
  assert.match(await done(['list']), /\n! An earlier snapshot is held: /);
  assert.match(await done(['resume', '--all', ...why('fixed')]), /prices go on/);
  const shop = await records('');
  assert.ok(['stop', 'resume', 'rollback'].every((action) => shop.some((one) => one.action === action)));
});

test('a catalogue is pushed, an experiment on it drawn, and its groups and prices are files that reproduce it', async () => {
  const rows = Array.from({ length: 2500 }, (_, at) => `SKU-${at},${(10 + (at % 40)).toFixed(2)},3.00,${at % 2 ? 'Fabrikam' : 'Contoso'}`);
  const items = file('items.csv', ['sku,price,cost,brand', ...rows].join('\n'));
  assert.match(await done(['catalogue', 'push', items, '--currency', 'EUR']), /^2500 items were stored in the catalogue\n$/);
  const again = JSON.parse(await done(['catalogue', 'push', items, '--currency', 'EUR', '--json']));
  assert.deepEqual([again.rows, again.changed_in_live], [2500, []]);
  const wrong = file('wrong.csv', ['sku,price', 'A,10.00', 'B,ten'].join('\n'));
  assert.match(await refused(['catalogue', 'push', wrong, '--currency', 'EUR']), /wrong\.csv: line 3: price is "ten"/);
  const many = { name: 'winter', hypothesis: 'a tenth less sells more', document: 'https://wiki.example/pricing', currency: 'EUR', objective: 'revenue',
    salt: 'winter', control: 'list', holdout: 0, policy: { name: 'thompson' }, scope: { where: { brand: 'Fabrikam' } }, sample: { positive: 400, negative: 400 },
    arms: [{ name: 'list', multiplier: 1 }, { name: 'tenth', multiplier: 0.9 }] };
  const put = (one) => done(['put', file(`${one.name}.json`, JSON.stringify(one)), ...why('winter sale')]);
  await put(many);
  await done(['start', 'winter', ...why('go')]);
  const out = folder();
  assert.match(await done(['groups', 'winter', '--out', out]), /g-winter\.tsv: 800 items\n.*p-winter\.tsv: \d+ items/);
  const groups = readFileSync(join(out, 'g-winter.tsv'), 'utf8');
  assert.match(groups, /^Id\tDate\tEndDate\tControl\tPrice\n/);
  assert.equal(await done(['prices', 'winter', '--format', 'tsv']), readFileSync(join(out, 'p-winter.tsv'), 'utf8'));
  await done(['archive', 'winter', ...why('drawn')]);
  await put({ ...many, name: 'winter-2', salt: 'another' });
  await done(['start', 'winter-2', '--groups', join(out, 'g-winter.tsv'), ...why('the same groups')]);
  await done(['groups', 'winter-2', '--out', out]);
  const members = (text) => text.trim().split('\n').slice(1).map((line) => line.split('\t')).map(([id, , , control]) => `${id} ${control}`).sort();
  assert.deepEqual(members(readFileSync(join(out, 'g-winter-2.tsv'), 'utf8')), members(groups));
});

test('where items are randomised their prices are a feed that passes the audit, and their sales come as a file', async () => {
  const rows = ['OIL-1,10.00', 'OIL-2,20.00', 'OIL-3,30.00', 'OIL-4,40.00'].map((row) => `${row},4.00,Oils`);
  await done(['catalogue', 'push', file('oils.csv', ['sku,price,cost,brand', ...rows].join('\n')), '--currency', 'EUR']);
  const oils = { name: 'oils', hypothesis: 'a tenth less sells more', document: 'https://wiki.example/pricing', currency: 'EUR', objective: 'revenue', salt: 'oils', unit: 'item',
    control: 'list', holdout: 0, policy: { name: 'thompson' }, scope: { where: { brand: 'Oils' } }, arms: [{ name: 'list', multiplier: 1 }, { name: 'tenth', multiplier: 0.9 }] };
  await done(['put', file('oils.json', JSON.stringify(oils)), ...why('a safe feed')]);
  await done(['start', 'oils', ...why('go')]);
  await world.served((await world.sync()).version);
  const feed = await done(['prices', 'oils', '--format', 'merchant']);
  assert.match(feed, /^id\tprice\nOIL-1\t(10|9)\.00 EUR\n/);
  const { code, out, err } = await haggle(['audit', 'oils', '--feed', file('feed.tsv', feed)], { env: credentials(world) });
  assert.deepEqual([code, /compared: feed 4\nno mismatch/.test(out)], [0, true], out + err);
  const other = file('feed.tsv', feed.replace(/OIL-3\t\S+/, 'OIL-3\t31.00'));
  assert.match((await haggle(['audit', 'oils', '--feed', other], { env: credentials(world) })).out, /OIL-3 +feed +price +\d+\.00 EUR +31\.00 EUR .*line 4\n[^]*mismatches: 1/);
  assert.equal(JSON.parse(await done(['prices', 'oils', '--format', 'json'])).items?.length ?? 4, 4);
  assert.match(await refused(['prices', 'toledo', '--format', 'merchant']), /400: .*each visitor has its own price/);

  const today = new Date().toISOString().slice(0, 10);
  const sold = (revenue) => file('sales.csv', `day;sku;units;revenue;cost\n${today};OIL-1;3;${revenue};12.00\n${today};OIL-2;1;20.00;4.00\n`);
  assert.match(await done(['sales', 'push', sold('30.00'), '--currency', 'EUR']), /^2 rows: 2 new or changed, 0 known before, 0 refused\n$/);
  assert.match(await done(['sales', 'push', sold('27.00'), '--currency', 'EUR']), /^2 rows: \d new or changed, \d known before, 0 refused\n$/);
  const { n } = await world.edge.db.prepare("SELECT SUM(revenue_minor) AS n FROM sales WHERE sku = 'OIL-1'").first();
  assert.equal(n, 2700, 'a day that is sent again replaces itself');
  assert.match(await refused(['sales', 'push', file('sales.csv', 'day,sku,units,revenue,cost\n2026-02-30,A,1,1.00,1.00\n'), '--currency', 'EUR']), /sales\.csv: line 2: day is "2026-02-30"/);
  const old = await haggle(['sales', 'push', file('sales.csv', `day,sku,units,revenue_minor,cost_minor\n2001-01-01,OIL-1,1,1,1\n${today},OIL-3,1,1,1\n`)], { env: credentials(world) });
  assert.deepEqual([old.code, /refused: .*2001-01-01.*\n2 rows: 1 new or changed, 0 known before, 1 refused/.test(old.out)], [1, true], old.out + old.err);
});
