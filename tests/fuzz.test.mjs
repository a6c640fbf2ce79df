/**
 * Hundreds of requests that nobody would send, from a printed seed: none is answered with a 5xx, none hangs, and what
 * was recorded before or meanwhile is counted exactly. `HAGGLE_SEED=n` repeats a run.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ADMIN_HOST } from './edge.mjs';
import { ALONE, experiment, openWorld, otherExperiment, received } from './kit.mjs';
import { send } from './http.mjs';
import { stream } from './shop/random.mjs';

const SEED = Number(process.env.HAGGLE_SEED ?? 20_260_901);
const REQUESTS = 800, AT_ONCE = 8, TIMEOUT_MS = 10_000;

const METHODS = ['GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];
const ROUTES = ['/haggle/v1/price', '/haggle/v1/exposures', '/haggle/v1/rewards', '/haggle/health', '/haggle/haggle.js', '/haggle/v1/sync',
  '/haggle/v1/experiments', '/haggle/v1/experiments/murcia', '/haggle/v1/snapshot', '/haggle/v1/unit',
  '/haggle/v1/quotes/verify', '/haggle/v1/quotes/keys', '/haggle/v1/site', '/haggle/v1/stop', '/haggle/v1/resume', '/haggle/', '/haggle',
  '/haggle/v1/experiments/murcia/stop', '/haggle/v1/experiments/murcia/report', '/haggle/v1/experiments/sevilla/prices', '/haggle/v1/experiments/sevilla/log',
  '/haggle/v1/rollback', '/haggle/v1/snapshots', '/haggle/v1/audit', '/haggle/v1/catalogue', '/haggle/v1/sales',
  '/product/OLIVE-500', '/'];
const PIECES = ['%', '%zz', '%00', '%ff%fe', '%E2%82', '..', '%2e%2e', '/', '//', '\\', ';', ':', '@', '*', "'", '(', '%F0%9F%8D%8B',
  'x'.repeat(300), '~', '+', '|', '^', '{', '}', '"', '<'];
const QUERIES = ['sku=OLIVE-500', 'sku=%', 'sku=%zz', 'sku', 'sku=', '=', '&&&', 'sku=%ff', 'experiment=sevilla', 'experiment=%27%3B--',
  'visitor=x', 'visitor=', 'scheduled=1', 'a=b=c', '?', '%', `sku=${'x'.repeat(4000)}`];
const HEADERS = [['accept', '*/*'], ['accept', 'application/json'], ['accept', ''], ['content-type', 'multipart/form-data'],
  ['content-type', ';;'], ['content-encoding', 'gzip'], ['if-none-match', '*'], ['range', 'bytes=-1'], ['accept-encoding', 'zstd;q=nan'], ['x-forwarded-host', '\u00ff'],
  ['transfer-encoding', 'chunked'], ['origin', 'null'], ['user-agent', ''], ['cf-worker', 'x'], ['haggle-actor', '\u00ff'], ['if-match', '"1"'], ['if-match', '*'],
  ['idempotency-key', 'the-same'], ['cf-access-jwt-assertion', 'e30.e30.']];

/** What is sent to the administration, and by what it is known there. */
const ADMIN = /^\/haggle\/v1\/(experiments|site|catalogue|sales)/;

/** @type {import('./kit.mjs').World} */
let world;
before(async () => { world = await openWorld({ experiments: [experiment()] }); });
after(() => world?.close());

/** Random things out of one stream of numbers. */
class Fuzz {
  /** @param {() => number} next @param {{ secrets: import('./edge.mjs').Secrets, quotes: string[] }} known */
  constructor(next, known) {
    this.next = next;
    this.known = known;
  }

  below = (count) => Math.floor(this.next() * count);

  one = (list) => list[this.below(list.length)];

  text(most = 40) {
    const sign = () => String.fromCharCode(this.one([33, 65, 97, 48, 200]) + this.below(40));
    return Array.from({ length: this.below(most) }, sign).join('').replaceAll('\u007f', '');
  }

  path() {
    const route = this.one(ROUTES), extra = this.below(3) ? '' : `/${this.one(PIECES)}${this.one(PIECES)}`;
    const query = this.below(2) ? '' : `?${this.one(QUERIES)}&${this.one(QUERIES)}`;
    return `${route}${extra}${query}`.replace(/[^\x21-\x7e]/g, '_');
  }

  value() {
    const values = [null, true, 0, -1, 1.5, 1e308, 2 ** 53, '', this.text(), [], {}, [[]], this.one(this.known.quotes), '\u0000', '漢🍋',
      Array(300).fill(0)];
    return this.one(values);
  }

  /** Bodies of the right shape, by the path that reads them. */
  shapes() {
    const quote = this.one(this.known.quotes);
    const line = { line_id: String(this.below(3)), quote, units: 1, revenue_minor: 1900, cost_minor: 800 };
    const back = { ...line, kind: 'refund', refund_id: `r-${this.below(3)}`, units: this.below(2), revenue_minor: this.below(1900) };
    const cancelled = { line_id: line.line_id, quote, kind: 'cancellation', refund_id: `c-${this.below(2)}` };
    const order_id = `f-${this.below(40)}`;
    const cart = { lines: [{ line_id: '1', sku: 'OLIVE-500', quote, currency: 'EUR' }, { sku: this.text(), quote: this.one([null, quote]) }] };
    const site = { preset: 'woocommerce', charge: 'server', field: 'q', skus: { a: 'OLIVE-500' }, pages: [{ path: '/product/{sku}' }],
      cards: [{ selector: 'li.card', sku: { attribute: 'data-sku' } }], surfaces: [{ selector: '.price', place: 'text', required: true }],
      forms: [{ selector: 'form' }] };
    return [['POST', '/haggle/v1/quotes/verify', cart], ['PUT', '/haggle/v1/site', site],
      ['POST', '/haggle/v1/exposures', { shown: [{ sku: 'OLIVE-500', price_minor: 1600 }, { sku: this.text(), price_minor: this.below(3000) }] }],
      ['POST', '/haggle/v1/exposures', { quotes: [quote] }], ['POST', '/haggle/v1/exposures', { quotes: [quote, this.text()] }],
      ['POST', '/haggle/v1/rewards', { order_id: `f-${this.below(40)}`, lines: [line] }],
      ['POST', '/haggle/v1/rewards', { orders: [{ order_id: `f-${this.below(40)}`, lines: [line, line] }] }],
      ['POST', '/haggle/v1/rewards', { order_id, lines: [back] }], ['POST', '/haggle/v1/rewards', { order_id, lines: [cancelled, line, back] }],
      ['PUT', '/haggle/v1/experiments/murcia', otherExperiment('murcia', 'MURCIA', 1000)], ['POST', '/haggle/v1/experiments/murcia/start', { by: 'maria', reason: 'x' }],
      ['POST', '/haggle/v1/experiments/murcia/add-arm', { by: 'maria', reason: 'x', arm: { name: `a-${this.below(9)}`, price_minor: 1100 + this.below(90) } }],
      ['POST', '/haggle/v1/experiments/murcia/set-guardrails', { by: 'maria', reason: 'x', guardrails: { min_price_minor: 700 } }],
      ['POST', '/haggle/v1/catalogue', { sku: `S-${this.below(9)}`, price_minor: 1000, brand: this.text() }],
      ['POST', '/haggle/v1/sales', { lines: [{ order_id, line_id: '1', sku: 'MURCIA', units: 1, revenue_minor: 1000, cost_minor: 1 }] }]];
  }

  /** A shape with something wrong in it, or no shape at all. @param {any} shape */
  spoiled(shape) {
    if (this.below(2)) this.spoil(shape);
    const bytes = Buffer.from(this.below(8) ? JSON.stringify(shape) : this.text(2000), 'utf8');
    if (this.below(3) === 0 && bytes.length > 0) bytes[this.below(bytes.length)] ^= 1 << this.below(8);
    return this.below(4) ? bytes : bytes.subarray(0, this.below(bytes.length + 1));
  }

  /** Puts a wrong value somewhere into an object. @param {any} shape */
  spoil(shape) {
    const name = this.one([...Object.keys(shape), 'more']);
    const inner = Array.isArray(shape[name]) ? shape[name][0] : shape[name];
    if (inner && typeof inner === 'object' && this.below(2)) this.spoil(inner);
    else shape[name] = this.value();
  }

  headers() {
    const { REWARDS_TOKEN, ADMIN_TOKEN } = this.known.secrets, headers = {};
    const authorization = this.one(['', '', `Bearer ${REWARDS_TOKEN}`, `Bearer ${REWARDS_TOKEN}`, `Bearer ${ADMIN_TOKEN}`, 'Bearer', 'Basic eDp5',
      `Bearer ${this.text()}`]);
    if (authorization) headers.authorization = authorization;
    if (this.below(2)) headers.cookie = this.one([`haggle_vid=${this.text()}`, `haggle_vid=${'a'.repeat(32)}; haggle_pins=${this.text(900)}`,
      ';;=;', `haggle_pins=${this.one(this.known.quotes)}`, '\u00ff=\u00fe',
      'x'.repeat(6000)]);
    if (this.below(2)) Object.assign(headers, Object.fromEntries([this.one(HEADERS)]));
    return headers;
  }

  request() {
    return this.below(2) ? this.aimed() : this.stray();
  }

  /** A request that gets as far as its body. */
  aimed() {
    const [method, path, shape] = this.one(this.shapes());
    const [host, token] = ADMIN.test(path) ? [ADMIN_HOST, this.known.secrets.ADMIN_TOKEN] : ['shop.example', this.known.secrets.REWARDS_TOKEN];
    const headers = { ...this.headers(), authorization: `Bearer ${token}` };
    if (host === ADMIN_HOST) Object.assign(headers, { 'idempotency-key': `f-${this.below(1e6)}`, 'if-match': `"${1 + this.below(4)}"` });
    if (this.below(2)) delete headers['if-match'];
    return { path, init: { method, host, headers, body: this.spoiled(shape) } };
  }

  stray() {
    const method = this.one(METHODS), host = this.one(['shop.example', 'shop.example', ADMIN_HOST, ADMIN_HOST, 'ADMIN.LOCALHOST:1', '127.0.0.1',
      '[::1]:9', 'x.example']);
    const bodiless = method === 'GET' || method === 'HEAD' || (method === 'OPTIONS' && this.below(2));
    return { path: this.path(), init: { method, host, headers: this.headers(),
      ...(bodiless ? {} : { body: this.spoiled(this.one(this.shapes())[2]) }) } };
  }
}

/** What an answer says it has counted. */
function acknowledged(text) {
  const count = { recorded: 0, matched: 0, unmatched: 0 };
  let results;
  try {
    ({ results } = JSON.parse(text));
  } catch {
    return count;
  }
  for (const { status } of Array.isArray(results) ? results : []) if (status in count) count[status] += 1;
  return count;
}

test(`no request of ${REQUESTS} is answered with a 5xx or not at all, and the books stay exact (seed ${SEED})`, async () => {
  const quotes = await world.quotes(40);
  await world.expose(quotes.slice(0, 10));
  await world.reward(world.order(quotes.slice(0, 12)));
  await world.sync();
  const before = await world.ledger(), counted = { recorded: 0, matched: 0, unmatched: 0 };
  const statuses = new Map(), problems = [];
  const fuzz = new Fuzz(stream(SEED, 0), { secrets: world.edge.secrets, quotes });
  const requests = Array.from({ length: REQUESTS }, () => fuzz.request());
  const lane = async () => {
    for (let one = requests.pop(); one; one = requests.pop()) {
      const { path, init } = one;
      const told = `${init.method} ${path} ${JSON.stringify(init.headers)} host ${init.host} body ${init.body?.toString('latin1')}`.slice(0, 600);
      try {
        const answer = await received(await send(world.edge.url + path, { ...init, ...ALONE, timeout_ms: TIMEOUT_MS }));
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status >= 500) problems.push(`${answer.status} ${answer.text.slice(0, 300)} to ${told}`);
        if (answer.status >= 400 && path.startsWith('/haggle/v1/') && init.method !== 'HEAD'
          && typeof JSON.parse(answer.text).error !== 'string') problems.push(`no error in ${answer.text} to ${told}`);
        // Sales by item are recorded too, in books of their own.
        if (!path.startsWith('/haggle/v1/sales')) for (const [name, count] of Object.entries(acknowledged(answer.text))) counted[name] += count;
      } catch (error) {
        problems.push(`${error} after ${told}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  assert.deepEqual(problems.slice(0, 5), [], `${problems.length} problems`);
  assert.ok((statuses.get(200) ?? 0) > 50 && (statuses.get(400) ?? 0) > 50, `too one-sided to show much: ${JSON.stringify([...statuses])}`);
  await world.sync();
  const now = await world.ledger();
  assert.equal(now.exposures - before.exposures, counted.recorded);
  assert.equal(now.stored - before.stored, counted.matched + counted.unmatched);
  assert.equal(now.stored, now.matched + now.unmatched);
  const { results } = await world.edge.db.prepare('SELECT SUM(conversions) AS n FROM tallies UNION ALL SELECT SUM(conversions) FROM delays '
    + 'UNION ALL SELECT COUNT(*) FROM tallies WHERE MIN(conversions, units, revenue_minor, cost_minor, exposures - conversions) < 0').all();
  assert.deepEqual([results[0].n, results[2].n], [results[1].n, 0], 'one delay for each conversion, and nothing given back that was not sold');
});

test('afterwards the loop works as before', async () => {
  // Some of it may have been meant: the administration's own token was among what was sent.
  assert.equal((await world.admin('DELETE', '/haggle/v1/site')).status, 200);
  assert.equal((await world.everywhere('resume')).status, 200);
  await world.served((await world.sync()).version);
  const shopper = world.shopper(), { quotes, reason } = await shopper.look('/product/OLIVE-500');
  assert.equal(reason, 'priced');
  const before = await world.totals();
  assert.deepEqual((await world.expose([quotes['OLIVE-500']])).statuses, ['recorded']);
  assert.deepEqual((await world.reward(world.order([quotes['OLIVE-500']]))).statuses, ['matched']);
  const { version } = await world.sync();
  await world.served(version);
  const now = await world.totals();
  assert.deepEqual([now.exposures - before.exposures, now.conversions - before.conversions], [1, 1]);
  const { experiments } = (await world.admin('GET', '/haggle/v1/experiments')).body;
  assert.equal(experiments.find(({ name }) => name === 'sevilla').state, 'running');
});
