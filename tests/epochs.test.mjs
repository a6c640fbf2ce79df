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

/** Puts totals of a source into the central store. @param {bigint} [profit_sq] */
const report = (source, arm, epoch, hour, exposures, conversions, profit_sq = 0n, name = 'sevilla') => world.edge.db.prepare(
  'INSERT INTO tallies (source, sequence, experiment, arm, epoch, hour, exposures, conversions, rewards, units, revenue_minor, cost_minor, '
  + "revenue_sq, profit_sq) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '0', ?)").bind(source, name, arm, epoch, hour, exposures, conversions,
  conversions, conversions, conversions * 1900, conversions * 800, String(profit_sq)).run();

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
  const { arms } = await newest();
  // As if EPOCH_MIN_S were an hour: an epoch of the future is never old enough.
  await world.edge.db.prepare('UPDATE epochs SET opened_at_ms = ? WHERE epoch = ?').bind(Date.now() + HOUR_MS, opened.epoch).run();
  await report('c', 'high', 1, now_h(), 5000, 2500);
  assert.deepEqual(await snapshot(), opened);
  // What the policy looked at decides, and not the counts that stand beside it for older releases.
  const beside = (text) => world.edge.db.prepare('UPDATE epochs SET arms = ? WHERE epoch = ?').bind(text, opened.epoch).run();
  await beside(arms.replace(/"exposures":\d+/g, '"exposures":99999'));
  assert.deepEqual(await snapshot(), opened);
  await beside(arms);
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

test('squares of every size add up over sources and cohorts as if they were counted in one', async () => {
  const normal = { reward_model: 'normal', objective: 'profit' };
  const [spread, whole] = ['granada', 'almeria'].map((name, at) => experiment({ ...normal, name, salt: 'the same',
    item: { sku: ['SAFFRON-2', 'SALT-200'][at], price_minor: 1900, cost_minor: 800 } }));
  await world.run([spread, whole]);
  const sums = [0, 0, 0n];
  // Up to 31 digits, as a revenue within 2^53 has; and zero.
  for (const [at, square] of [0n, 1n, 999_999_999n, 10n ** 9n, 123_456_789_012_345_678_901n, 10n ** 27n - 1n, 10n ** 27n, 7n * 10n ** 30n].entries()) {
    for (const [source, hours] of [['a', 0], ['b', 0], ['a', 100], ['b', 101], ['c', 400]]) {
      await report(source, 'low', 1, now_h() - hours - at % 3, 1000 + at, 10 + at, square, 'granada').catch(() => assert.fail('one report a cell'));
      [sums[0], sums[1], sums[2]] = [sums[0] + 1000 + at, sums[1] + 10 + at, sums[2] + square];
      await world.edge.db.prepare("UPDATE tallies SET source = source || ? WHERE experiment = 'granada' AND length(source) = 1").bind(String(at)).run();
    }
  }
  await report('a', 'low', 1, now_h(), sums[0], sums[1], sums[2], 'almeria');
  await world.sync();
  const bytes = Buffer.from(await world.edge.kv.get('snapshot', 'arrayBuffer'));
  // src/snapshot/layout.rs: where the experiments begin, how long they and their arms are.
  const [header, record, arm] = [64, 168, 88], experiments = bytes.readUInt32LE(32);
  const texts = bytes.length - bytes.readUInt32LE(52) - bytes.readUInt32LE(44);
  const [low, same] = [...Array(experiments).keys()].map((at) => header + record * at).flatMap((at) => {
    const name = bytes.toString('utf8', texts + bytes.readUInt32LE(at)).slice(0, bytes.readUInt16LE(at + 4));
    const first = header + record * experiments + arm * bytes.readUInt32LE(at + 24);
    return ['granada', 'almeria'].includes(name) ? [[0, 1, 2, 3].map((place) => bytes.readDoubleLE(first + 24 + 8 * place))] : [];
  });
  assert.ok(low[3] > 1e30, `the sum of squares is in the posterior: ${low}`);
  for (const [place, value] of low.entries()) assert.ok(Math.abs(value / same[place] - 1) < 1e-12, `${low} beside ${same}`);
});
