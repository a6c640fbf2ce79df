/**
 * What time it is: in production the machine's, which no request can alter; in tests of weeks that of a bound service.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { experimental_readRawConfig } from 'wrangler';

import { claimsOf, experiment, openWorld } from './kit.mjs';

const SKU = 'OLIVE-500', HOLD_S = 1800, MINUTE_MS = 60_000, DAY_MS = 86_400_000;

/** Names under which one might try to say what time it is, with values in the past and far ahead. */
const TIMES = ['1', '1893456000', '1893456000000', 'Tue, 01 Jan 2030 00:00:00 GMT', '2030-01-01T00:00:00Z'];
const HEADERS = ['date', 'x-now', 'x-date', 'x-time', 'now', 'clock', 'test-clock', 'test_clock', 'x-test-clock', 'haggle-now', 'haggle-clock', 'cf-now',
  'cf-time', 'cf-ray-time', 'cf-connecting-time', 'x-request-start', 'x-forwarded-time', 'if-modified-since', 'age', 'expires', 'x-amz-date'];

/** @type {import('./kit.mjs').World} */
let world, clocked;
before(async () => {
  world = await openWorld({ experiments: [experiment()] });
  clocked = await openWorld({ experiments: [experiment()], clock: true, vars: { QUOTE_HOLD_S: String(HOLD_S) }, locations: { 'pop-a': {}, 'pop-b': {} } });
});
after(() => Promise.all([world?.close(), clocked?.close()]));

test('wrangler.toml binds no clock, in no environment', () => {
  const configPath = fileURLToPath(new URL('../wrangler.toml', import.meta.url));
  const { rawConfig } = experimental_readRawConfig({ config: configPath });
  assert.equal(rawConfig.name, 'haggle', 'it was read');
  const names = [];
  JSON.stringify(rawConfig, (key, value) => (names.push(key, typeof value === 'string' ? value : ''), value));
  assert.ok(names.includes('SNAPSHOTS'), 'bindings are among what was read');
  assert.deepEqual(names.filter((name) => /clock/i.test(name)), []);
  assert.equal(rawConfig.services, undefined);
  assert.ok(!/TEST_CLOCK/.test(readFileSync(configPath, 'utf8')), 'not even in a comment');
});

test('no header, parameter or cookie alters the time: quotes and publications have that of the machine, or of the bound clock', async () => {
  const ahead_ms = Date.now() + 3 * DAY_MS;
  await clocked.edge.setClock(ahead_ms);
  for (const [one, time_ms] of [[world, undefined], [clocked, ahead_ms]]) {
    const is = (ms, what) => {
      const [from, to] = time_ms === undefined ? [began - MINUTE_MS, Date.now()] : [time_ms - MINUTE_MS, time_ms];
      assert.ok(ms >= from && ms <= to, `${what}: ${new Date(ms).toISOString()} instead of ${new Date(to).toISOString()}`);
    };
    const began = Date.now();
    await one.served((await one.sync()).version);
    for (const name of HEADERS) {
      for (const value of TIMES) {
        const headers = { [name]: value, cookie: `${name}=${value}` };
        const answer = await one.shopper().ask(`/haggle/v1/price?sku=${SKU}&${name}=${encodeURIComponent(value)}`, { headers });
        assert.equal(answer.status, 200, answer.text);
        is(claimsOf(JSON.parse(answer.text).quote).iat * 1000, `${name}: ${value}`);
      }
      await one.edge.fetchAdmin('/haggle/v1/sync', { method: 'POST', headers: { [name]: TIMES[2] } }).then((answer) => answer.text());
      const { snapshot } = await one.health();
      is(snapshot.published_at_ms, `a sync with ${name}`);
    }
  }
});

test('with the clock bound, a pin ends when its time has come, at every location', async () => {
  const start_ms = Math.ceil(Date.now() / DAY_MS + 7) * DAY_MS;
  const at = (s) => clocked.edge.setClock(start_ms + s * 1000);
  await at(0);
  const { version } = await clocked.sync();
  for (const location of ['pop-a', 'pop-b']) await clocked.served(version, location);
  const shopper = clocked.shopper();
  const first = claimsOf((await shopper.price(SKU)).quote);
  assert.equal(first.iat * 1000, start_ms);
  for (const location of ['pop-a', 'pop-b']) {
    await at(HOLD_S - 1);
    const held = claimsOf((await shopper.price(SKU, { location })).quote);
    assert.deepEqual([held.jti, held.a, held.iat], [first.jti, first.a, first.iat], 'the same decision');
  }
  await at(HOLD_S);
  const next = claimsOf((await shopper.price(SKU, { location: 'pop-b' })).quote);
  assert.notEqual(next.jti, first.jti);
  assert.equal(next.iat * 1000, start_ms + HOLD_S * 1000, 'decided anew, now');
  const { quote } = await shopper.price(SKU);
  const charge = async () => (await clocked.post('/haggle/v1/quotes/verify', { lines: [{ sku: SKU, quote }] },
    { headers: { authorization: `Bearer ${clocked.edge.secrets.REWARDS_TOKEN}` } })).body.results[0];
  assert.equal((await charge()).status, 'valid');
  await clocked.edge.setClock(claimsOf(quote).exp * 1000 + 1000);
  assert.deepEqual([(await charge()).status, (await charge()).code], ['refused', 'expired']);
});
