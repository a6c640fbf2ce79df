/**
 * One thing is broken and all others go on: an experiment that no snapshot can carry, a ledger shard that does not answer.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { DOWN, withoutObjects } from './faulty-stores.mjs';
import { experiment, openWorld, otherExperiment } from './kit.mjs';

const OLIVE = 'OLIVE-500', KNIFE = 'KNIFE-21';
const ITEMS = Array.from({ length: 12 }, (_, at) => ({ sku: `SALT-${at}`, price_minor: 500 + at, cost_minor: 200 }));
const DAY_MS = 86_400_000, START_MS = Date.UTC(2026, 11, 1);

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld({ clock: true, vars: { EPOCH_MIN_S: '3600' } });
  await world.edge.setClock(START_MS);
  const pushed = await world.admin('POST', '/haggle/v1/catalogue', ITEMS.map((item) => JSON.stringify(item)).join('\n'));
  assert.equal(pushed.status, 200, pushed.text);
  await world.run([experiment(), otherExperiment('toledo', KNIFE, 12_900), ofItems('cadiz')]);
});
after(() => world?.close());

/** Items whose arms are drawn anew each day. @param {string} name */
function ofItems(name) {
  const { item, arms, ...rest } = experiment({ name, salt: name, control: 'list' });
  return { ...rest, unit: 'item-period', period_hours: 24, scope: { items: 'all' }, reward_model: 'normal',
    arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }] };
}

/** What is published now, by name. */
async function published() {
  await world.served((await world.sync()).version);
  const { body } = await world.admin('GET', '/haggle/v1/snapshot');
  return body.experiments.map(({ name }) => name).sort();
}

/** Changes what the central store has, as a release with a fault in it would. @param {string} sql @param {unknown[]} values */
const broken = (sql, ...values) => world.edge.db.prepare(sql).bind(...values).run();

test('a definition that cannot be read leaves out its experiment, and no other', async () => {
  const { definition } = await world.edge.db.prepare("SELECT definition FROM experiments WHERE name = 'toledo'").first();
  await broken("UPDATE experiments SET definition = '{}' WHERE name = 'toledo'");
  const { left_out, version } = await world.sync();
  assert.deepEqual(left_out, ['toledo']);
  await world.served(version);
  assert.deepEqual(await published(), ['cadiz', 'sevilla']);
  assert.equal((await world.shopper().price(OLIVE)).reason, 'priced');
  assert.equal((await world.shopper().price(KNIFE)).status, 404);
  await broken('UPDATE experiments SET definition = ?1 WHERE name = ?2', definition, 'toledo');
  assert.deepEqual(await published(), ['cadiz', 'sevilla', 'toledo']);
});

test('a price that no snapshot takes leaves out its experiment, and no other', async () => {
  const { members } = await world.edge.db.prepare("SELECT members FROM groups WHERE experiment = 'cadiz'").first();
  await broken('UPDATE groups SET members = ?1 WHERE experiment = ?2', members.replaceAll('"price_minor":50', '"price_minor":9999999950'), 'cadiz');
  await broken("UPDATE experiments SET revision = revision + 1 WHERE name = 'cadiz'");
  assert.deepEqual((await world.sync()).left_out, ['cadiz']);
  assert.deepEqual(await published(), ['sevilla', 'toledo']);
  await broken('UPDATE groups SET members = ?1 WHERE experiment = ?2', members, 'cadiz');
  await broken("UPDATE experiments SET revision = revision + 1 WHERE name = 'cadiz'");
  assert.deepEqual(await published(), ['cadiz', 'sevilla', 'toledo']);
});

test('sales that cannot be summed up leave the items on their arms, and stop nobody else', async () => {
  const prices = () => Promise.all(ITEMS.map(async ({ sku }) => (await world.shopper().price(sku)).price_minor));
  const shown = await prices();
  await broken("INSERT INTO sales SELECT 'o' || value, '1', 'sale', '', 'SALT-1', ?1, 1, 9000000000000000, 0 FROM json_each('[1,2,3,4]')", START_MS / 3_600_000 + 3);
  await world.edge.setClock(START_MS + DAY_MS + 60_000);
  const { left_out, version } = await world.sync();
  assert.deepEqual(left_out, []);
  await world.served(version);
  assert.deepEqual(await prices(), shown);
  await broken('DELETE FROM sales');
  assert.equal((await world.sync()).epochs_opened >= 1, true, 'the day that is due');
});

test('the same sync again publishes nothing and has the same answer', async () => {
  const init = { headers: { 'idempotency-key': 'one-sync' } };
  const [first, second] = [await world.admin('POST', '/haggle/v1/sync', undefined, init), await world.admin('POST', '/haggle/v1/sync', undefined, init)];
  assert.deepEqual([first.status, second.status, second.text], [200, 200, first.text]);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  const other = await world.everywhere('stop', init);
  assert.equal(other.status, 422, other.text);
});

test('nothing is archived while a shard does not report, since its report is for ever', async () => {
  const LEDGER = withoutObjects.durableObjects.LEDGER;
  const worker = () => ({ durableObjects: { LEDGER, PUBLISHER: { className: 'Publisher', useSQLite: true } } });
  const without = await openWorld({ workers: DOWN, worker, experiments: [experiment()] });
  try {
    const { status, text } = await without.act('sevilla', 'archive');
    assert.equal(status, 503, text);
    assert.match(text, /shard/);
    assert.equal((await without.admin('GET', '/haggle/v1/experiments/sevilla')).body.state, 'running');
  } finally {
    await without.close();
  }
});
