/**
 * From the central store to the policy: what it looks at is summed over sources and cohorts exactly, however old, and an
 * epoch repeats what opened it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { experiment, openWorld } from './kit.mjs';

const HOUR_MS = 3_600_000;
const now_h = () => Math.floor(Date.now() / HOUR_MS);

/** @type {import('./kit.mjs').World} */
let world;
before(async () => { world = await openWorld({ vars: { EPOCH_MIN_S: '0' }, experiments: [experiment()] }); });
after(() => world?.close());

const snapshot = async () => {
  const { version } = await world.sync();
  await world.served(version);
  return (await world.admin('GET', '/haggle/v1/snapshot')).body.experiments[0];
};
const newest = () => world.edge.db.prepare('SELECT epoch, arms, hex(input) AS input FROM epochs ORDER BY epoch DESC LIMIT 1').first();

/** Puts totals of a source into the central store. */
const report = (source, arm, epoch, hour, exposures, conversions, revenue_minor = conversions * 1900) => world.edge.db.prepare(
  'INSERT INTO tallies (source, sequence, experiment, arm, epoch, hour, exposures, conversions, rewards, units, revenue_minor, cost_minor, '
  + "revenue_sq, profit_sq) VALUES (?, 1, 'sevilla', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").bind(source, arm, epoch, hour, exposures, conversions,
  conversions, conversions, revenue_minor, conversions * 800, String(BigInt(revenue_minor) ** 2n), String(BigInt(conversions * 1100) ** 2n)).run();

test('old and young cohorts of every source count once, and the shares of the epoch are those of the edge', async () => {
  const then = await snapshot();
  assert.deepEqual(then.arms.map(({ alpha, beta }) => [alpha, beta]), Array(4).fill([1, 1]));
  const counted = { low: [0, 0], list: [0, 0], high: [0, 0], gift: [0, 0], holdout: [0, 0] };
  let at = 0;
  for (const hours of [0, 1, 30, 71, 72, 73, 77, 78, 79, 80, 200, 1000, 5000]) {
    for (const [arm, sum] of Object.entries(counted)) {
      for (const source of ['a', 'b']) {
        at += 1;
        await report(source, arm, 1 + (at % 3), now_h() - hours, 10 + at, at % 7);
        [sum[0], sum[1]] = [sum[0] + 10 + at, sum[1] + at % 7];
      }
    }
  }
  const now = await snapshot();
  assert.deepEqual(now.arms.map(({ name, alpha, beta }) => [name, alpha - 1, alpha + beta - 2]),
    ['low', 'list', 'high', 'gift'].map((name) => [name, counted[name][1], counted[name][0]]));
  const { epoch, arms } = await newest();
  assert.deepEqual([epoch, JSON.parse(arms).map(({ share }) => share)], [now.epoch, now.arms.map(({ share }) => share)]);
});

test('an epoch repeats what opened it until it is old enough, whatever is counted meanwhile and whatever was kept of it', async () => {
  const opened = await snapshot();
  const { input } = await newest();
  assert.equal(Buffer.from(input, 'hex').subarray(0, 4).length, 4, 'the input is kept');
  // As if EPOCH_MIN_S were an hour: an epoch of the future is never old enough.
  await world.edge.db.prepare('UPDATE epochs SET opened_at_ms = ? WHERE epoch = ?').bind(Date.now() + HOUR_MS, opened.epoch).run();
  await report('c', 'high', 1, now_h(), 5000, 2500);
  assert.deepEqual(await snapshot(), opened);
  // A release that did not keep it, or bytes that this one cannot read: the counts of the epoch are used.
  for (const bytes of [null, new Uint8Array([1, 2, 3]).buffer]) {
    await world.edge.db.prepare('UPDATE epochs SET input = ? WHERE epoch = ?').bind(bytes, opened.epoch).run();
    assert.deepEqual(await snapshot(), opened);
  }
  await world.edge.db.prepare('UPDATE epochs SET opened_at_ms = 0').run();
  const next = await snapshot();
  assert.equal(next.epoch, opened.epoch + 1);
  assert.ok(next.arms.find(({ name }) => name === 'high').share > opened.arms.find(({ name }) => name === 'high').share);
});
