/**
 * A kill switch waits for nothing: whatever has its turn in the Publisher gives way to it, at whatever statement of the
 * central store it is, and is done when it is sent again. Statements here never end, so that nothing is a matter of time:
 * what waited for them would say so.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { behindFaultyKv, FAULTY_KV, setFault } from './faulty-kv.mjs';
import { behindStubbornDatabase, setStubborn, STUBBORN_DATABASE } from './faulty-stores.mjs';
import { experiment, openWorld, otherExperiment, until } from './kit.mjs';

const OLIVE = 'OLIVE-500', LISTED = 1900, KNIFE = 'KNIFE-21', SALT = otherExperiment('cadiz', 'SALT-200', 790);
const FIRST = 'a kill switch came first; send the same again';

const behindBoth = { kvNamespaces: {}, d1Databases: {}, wrappedBindings: { ...behindStubbornDatabase.wrappedBindings, ...behindFaultyKv.wrappedBindings } };

/** @type {import('./kit.mjs').World} */
let world;
/** What the Worker has written to its console. @type {string[]} */
const log = [];
before(async () => {
  world = await openWorld({ vars: { SNAPSHOT_TTL_MS: '0', EPOCH_MIN_S: '3600' }, locations: { 'pop-a': {}, 'pop-b': {} }, onLog: (line) => log.push(line), workers: [STUBBORN_DATABASE, FAULTY_KV],
    worker: (location) => (location === 'pop-a' ? behindBoth : {}), experiments: [experiment(), otherExperiment('toledo', KNIFE, 12_900), otherExperiment('kozani', 'SAFFRON-2', 1490)] });
});
after(() => world?.close());
afterEach(async () => {
  await setFault(world, 'none');
  await setStubborn(world, {});
  const resumed = await world.everywhere('resume');
  assert.equal(resumed.status, 200, resumed.text);
  assert.equal((await world.sync()).stopped, false);
  assert.deepEqual(log.filter((line) => line.includes('no answer in')), [], 'what was waited for in vain');
});

/**
 * Sends a request that comes to a statement which never ends, and waits until it is there.
 * @param {string} statement a part of it
 * @param {() => Promise<any>} ask
 */
async function heldAt(statement, ask) {
  await setStubborn(world, { hold: statement });
  log.length = 0;
  const answer = ask();
  await until(`it is at ${statement}`, async () => log, (lines) => lines.some((line) => line.includes(`held: ${statement}`)));
  return { answer };
}

/** Stops everything, and shows that it holds everywhere. */
async function stops() {
  const answer = await world.everywhere('stop', { location: 'pop-b' });
  assert.deepEqual([answer.status, answer.body.stopped], [200, true], answer.text);
  for (const location of ['pop-a', 'pop-b']) {
    assert.equal((await world.shopper().price(OLIVE, { location })).price_minor, LISTED, location);
    assert.equal((await world.shopper().look(`/product/${OLIVE}`, { location })).reason, 'stopped', location);
  }
}

const logged = (text) => assert.ok(log.some((line) => line.includes(text)), `${text} in ${JSON.stringify(log)}`);

test('the standings of a publication give way, and what is published is said to be', async () => {
  const { answer } = await heldAt('at_ms FROM standings', () => world.admin('POST', '/haggle/v1/sync'));
  await stops();
  const { status, body, text } = await answer;
  assert.deepEqual([status, body?.published], [200, true], text);
  logged(`standings: ${FIRST}`);
});

test('what a publication reads gives way: a sync is sent again, and what somebody did is done and published by the next', async () => {
  const sync = await heldAt('FROM tallies', () => world.admin('POST', '/haggle/v1/sync'));
  await stops();
  assert.deepEqual([(await sync.answer).status, (await sync.answer).body.error], [503, FIRST]);

  const pause = await heldAt('FROM tallies', () => world.act('sevilla', 'pause'));
  await stops();
  const { status, body, text } = await pause.answer;
  assert.deepEqual([status, body.state], [200, 'paused'], text);
  logged(`a change waits for the next sync: ${FIRST}`);
  await setStubborn(world, {});
  await world.sync();
  assert.equal((await world.act('sevilla', 'resume')).status, 200);
});

test('of the standings the longest ago comes first, and those that took all of the time come last, so that none waits for them for ever', async () => {
  for (const [at, name] of ['toledo', 'sevilla', 'kozani'].entries()) {
    await world.edge.db.prepare('UPDATE standings SET at_ms = at_ms - ?2 WHERE experiment = ?1').bind(name, 3000 - 1000 * at).run();
  }
  const ofQuick = () => world.edge.db.prepare("SELECT version FROM standings WHERE experiment = 'kozani'").first('version');
  const before = await ofQuick();
  await setStubborn(world, { hold: 'WITH t AS (SELECT *', of: ['toledo', 'sevilla'] });
  for (const [at, name] of ['toledo', 'sevilla', 'toledo'].entries()) {
    log.length = 0;
    assert.equal((await world.sync()).published, true, `${at}`);
    logged(`standing of ${name} and those after it wait`);
  }
  assert.ok(await ofQuick() > before, 'a third one that is quick has its turn');
  log.length = 0;
});

test('a resume that was asked for before a stop never undoes it, and is not to be sent again unseen', async () => {
  assert.equal((await world.everywhere('stop')).status, 200);
  const { answer } = await heldAt('FROM tallies', () => world.admin('POST', '/haggle/v1/sync'));
  const [all, one] = [world.everywhere('resume'), world.act('toledo', 'resume')];
  // Asked after them and answered: they are where they wait by now.
  for (let asked = 0; asked < 20; asked += 1) await world.health();
  await stops();
  assert.equal((await answer).status, 503);
  for (const { status, body } of await Promise.all([all, one])) assert.deepEqual([status, body.error], [409, 'a kill switch came first; look why, and resume then']);
  await setStubborn(world, {});
  assert.equal((await world.sync()).stopped, true);
});

test('a resume of one experiment that is on its way is finished before another one is stopped', async () => {
  assert.equal((await world.act('sevilla', 'stop')).status, 200);
  await setFault(world, 'hold-put');
  log.length = 0;
  const resume = world.act('sevilla', 'resume');
  await until('the resume is on its way', async () => log, (lines) => lines.some((line) => line.includes('held: put')));
  const stop = world.act('toledo', 'stop');
  for (let asked = 0; asked < 20; asked += 1) await world.health();
  await setFault(world, 'none');
  const [resumed, stopped] = await Promise.all([resume, stop]);
  assert.deepEqual([resumed.status, stopped.status], [200, 200], resumed.text + stopped.text);
  const known = await Promise.all(['sevilla', 'toledo'].map((name) => world.admin('GET', `/haggle/v1/experiments/${name}`)));
  assert.deepEqual(known.map(({ body }) => body.stopped), [false, true]);
  assert.equal((await world.act('toledo', 'resume')).status, 200);
});

test('a version that gave way is never that of something else', async () => {
  const { version } = await world.sync();
  const { answer } = await heldAt('INTO snapshots', () => world.admin('POST', '/haggle/v1/sync'));
  const stopped = await world.everywhere('stop');
  assert.deepEqual([stopped.status, stopped.body.version], [200, version + 2], stopped.text);
  assert.equal((await answer).status, 503);
});

test('KV takes one snapshot in a second: a stop that comes too soon after another publication is put again', async () => {
  await setFault(world, 'refuse-put');
  await stops();
  logged('429');
});

test('a snapshot that arrives in KV after that of the kill switch is replaced by the next sync', async () => {
  await setFault(world, 'hold-put');
  log.length = 0;
  const late = await world.admin('POST', '/haggle/v1/sync');
  assert.notEqual(late.status, 200, late.text);
  await stops();
  const stopped = await world.health('pop-b');
  await setFault(world, 'none');
  const inKv = async () => Number(Buffer.from(await world.edge.kv.get('snapshot', 'arrayBuffer')).readBigUInt64LE(16));
  await until('the late one has arrived', inKv, (version) => version < stopped.snapshot.version);
  const worker = await world.edge.mf.getWorker('pop-a');
  assert.equal((await worker.scheduled({ cron: '* * * * *' })).outcome, 'ok');
  assert.ok(await inKv() > stopped.snapshot.version);
  log.length = 0;
});

test('a change that gave way is made once, when it is sent again under the same key', async () => {
  const headers = { 'idempotency-key': 'gave-way' };
  const put = () => world.admin('PUT', `/haggle/v1/experiments/${SALT.name}`, SALT, { headers });
  const { answer } = await heldAt('INSERT INTO audit', put);
  await setStubborn(world, {});
  await stops();
  assert.deepEqual([(await answer).status, (await answer).body.error], [503, FIRST]);
  assert.equal((await world.admin('GET', `/haggle/v1/experiments/${SALT.name}`)).status, 404);
  const again = [await put(), await put()];
  assert.deepEqual(again.map(({ status }) => status), [201, 201]);
  assert.equal(again[1].headers.get('idempotency-replayed'), 'true');
  assert.equal((await world.admin('DELETE', `/haggle/v1/experiments/${SALT.name}`, undefined, { headers: { 'if-match': '"1"' } })).status, 200);
});

test('stops that come at once are all carried out, and so is what waited with them', async () => {
  const { answer } = await heldAt('FROM tallies', () => world.admin('POST', '/haggle/v1/sync'));
  await setStubborn(world, {});
  const all = await Promise.all([world.everywhere('stop'), world.act('sevilla', 'stop'), world.everywhere('stop', { location: 'pop-b' }), world.act('toledo', 'stop')]);
  assert.deepEqual(all.map(({ status }) => status), [200, 200, 200, 200]);
  assert.equal((await answer).status, 503);
  for (const name of ['sevilla', 'toledo']) assert.equal((await world.act(name, 'resume')).status, 200);
});

test('a snapshot on its way to KV arrives before that of the kill switch, and not after it', async () => {
  await setFault(world, 'hold-put');
  log.length = 0;
  const sync = world.admin('POST', '/haggle/v1/sync');
  await until('a snapshot is on its way', async () => log, (lines) => lines.some((line) => line.includes('held: put')));
  const stop = world.everywhere('stop');
  // Asked after it and answered: the stop is where it waits by now.
  for (let asked = 0; asked < 20; asked += 1) await world.health();
  await setFault(world, 'none');
  const [{ status, body, text }, stopped] = await Promise.all([sync, stop]);
  assert.deepEqual([status, body?.published, stopped.status], [200, true, 200], text);
  assert.equal(stopped.body.version, body.version + 1);
  assert.equal((await world.shopper().look(`/product/${OLIVE}`)).reason, 'stopped');
  const { snapshot } = await world.health('pop-b');
  assert.deepEqual([snapshot.version, snapshot.stopped], [stopped.body.version, true]);
});

const held = async () => Promise.all(['/haggle/v1/overview', '/haggle/v1/experiments/sevilla/evidence'].map(async (path) => (await world.admin('GET', path)).body.held));
const rollBack = async (headers = {}) => {
  const { version } = await world.sync();
  return () => world.admin('POST', '/haggle/v1/rollback', { by: 'maria', reason: 'a test', version }, { headers });
};

test('whoever looks while a rollback is on its way is told afterwards that it is held', async () => {
  const ask = await rollBack();
  await setFault(world, 'hold-put');
  log.length = 0;
  const answer = ask();
  await until('a snapshot is on its way', async () => log, (lines) => lines.some((line) => line.includes('held: put')));
  const path = '/haggle/v1/experiments/sevilla/evidence', early = await world.admin('GET', path);
  await setFault(world, 'none');
  const { status, body, text } = await answer;
  assert.deepEqual([status, early.body.version, early.body.held], [200, body?.version, false], text);
  const late = await world.admin('GET', path, undefined, { headers: { 'if-none-match': early.headers.get('etag') } });
  assert.deepEqual([late.status, late.body?.version, late.body?.held], [200, body.version, true], 'of the same version');
});

test('a rollback that KV does not take is on record all the same, goes out with the next sync, and can be resumed', async () => {
  const ask = await rollBack({ 'idempotency-key': 'no-kv' }), LAST = "SELECT action FROM audit WHERE experiment = '' ORDER BY id DESC LIMIT 1";
  await setFault(world, 'fail');
  const { status, text } = await ask();
  await setFault(world, 'none');
  assert.ok(status >= 500, text);
  assert.equal((await world.edge.db.prepare(LAST).first()).action, 'rollback');
  assert.deepEqual(await held(), [true, true]);
  assert.match((await world.act('sevilla', 'pause')).body.error, /held after a rollback/);
  // Even by an object that knows nothing of the put that failed.
  await setStubborn(world, { breaks: 'FROM snapshots' });
  log.length = 0;
  world.admin('POST', '/haggle/v1/sync').catch(() => {});
  await until('it has broken off', async () => log, (lines) => lines.some((line) => line.includes('no such statement')));
  await setStubborn(world, {});
  const { held: isHeld, published, version } = await until('the new one answers', () => world.sync().catch(() => ({ held: undefined })), ({ held: known }) => known !== undefined);
  assert.deepEqual([isHeld, published], [true, true]);
  await world.served(version);
  assert.equal((await world.everywhere('resume')).status, 200);
  assert.deepEqual(await held(), [false, false]);
});

test('where the Publisher breaks off in the middle of its turn, the next request has its own', async () => {
  await setStubborn(world, { breaks: 'FROM snapshots' });
  log.length = 0;
  // Nobody answers this one: what would have is gone.
  world.admin('POST', '/haggle/v1/sync').catch(() => {});
  await until('it has broken off', async () => log, (lines) => lines.some((line) => line.includes('no such statement')));
  await setStubborn(world, {});
  await until('what comes next is answered', () => world.everywhere('stop').catch(() => ({ status: 0 })), ({ status }) => status === 200);
  await stops();
});
