/**
 * Whatever is down, late or broken: the shopper gets the shop's page as the shop sent it, or with the right prices, and
 * the reason says why. One table, in each of the three modes.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { BROWSER, experiment, openWorld, received, until } from './kit.mjs';
import { FAULTY_KV, behindFaultyKv, setFault } from './faulty-kv.mjs';
import { DOWN, withoutDatabase, withoutObjects } from './faulty-stores.mjs';
import { send } from './http.mjs';
import { continental } from './shop/money.mjs';

const MODES = ['proven', 'atomic', 'stream'];
/** Longer than anything takes here, and far shorter than a Worker may wait. */
const ANSWER_MAX_MS = 10_000;
const HTML = { 'content-type': 'text/html; charset=utf-8', etag: '"f-1"', 'last-modified': 'Tue, 01 Sep 2026 10:00:00 GMT',
  'cache-control': 'public, max-age=60', 'content-language': 'es' };
const TOLD = [...Object.keys(HTML), 'retry-after', 'content-length', 'set-cookie', 'vary', 'expires'];

/** The items, each with its catalogue price and the one that everybody sees. @type {[sku: string, from: number, to: number][]} */
const ITEMS = [['OLIVE-500', 1900, 2400],
  ...Array.from({ length: 59 }, (_, at) => /** @type {[string, number, number]} */ ([`ITEM-${at}`, 2000 + 10 * at, 1600 + 8 * at]))];
const FROM = new Map(ITEMS.map(([sku, from]) => [sku, from])), TO = new Map(ITEMS.map(([sku, , to]) => [sku, to]));

/** @typedef {(sku: string) => string} Prices what a page shows for an item */
/** @type {Prices} */
const catalogue = (sku) => continental(FROM.get(sku) ?? 0);
/** @type {Prices} */
const moved = (sku) => continental(TO.get(sku) ?? 0);

const marked = (price, sku = 'OLIVE-500') => `<b data-haggle-sku="${sku}">${price(sku)}</b>`;
const FORM = '<form data-haggle-sku="OLIVE-500" method="post" action="/cart"></form>';

/** Pages with prices. @type {Record<string, (price: Prices) => string>} */
const PAGES = {
  '/page': (price) => `<!doctype html><title>19,00 €</title><p>${marked(price)} or ${marked(price, 'ITEM-7')}</p>${FORM}</html>`,
  '/two-megabytes': (price) => `<p>${marked(price)}</p>${'<p class="text">lorem ipsum</p>\n'.repeat(64_400)}<p>${marked(price)}</p>`,
  '/two-thousand': (price) => '<ul>' + Array.from({ length: 2_000 }, (_, at) => ITEMS[at % ITEMS.length][0]).map((sku) => `<li>`
    + `${marked(price, sku)}<form data-haggle-sku="${sku}" method="post"><button>add</button></form></li>`).join('\n') + '</ul>',
  '/malformed/unclosed': (price) => `<div><p><b><table><tr><td>${marked(price)}<td><li>${marked(price)}</ul></p></body></html><p>${marked(price)}`,
  '/malformed/signs': (price) => `<<p>>a < b && c > d </> <1> </ > <? <!x> <a href='"> ${marked(price)} "'>${marked(price)} &euro &#; & &#x110000;`
    .replace(marked(price), 'quoted'),
  '/malformed/attributes': (price) => `<p a=1 a=2 = "x" 'y' / /><b data-haggle-sku=OLIVE-500 data-haggle-sku=NO class="a>b" x=">">${price('OLIVE-500')}</b`
    + `><br/>${marked(price)}<b data-haggle-sku=OLIVE-500 `,
  '/malformed/comments': (price) => `<!--> ${marked(price)} <!-- --!> ${marked(price)} <!-- ${marked(catalogue)} --> ${marked(price)}<!-- ${marked(catalogue)}`,
  '/malformed/script': (price) => `<script><!--<script>'${marked(catalogue)}'</script>${marked(catalogue)}--></script>${marked(price)}<script>${marked(catalogue)}`,
  '/malformed/nesting': (price) => `<form><form><a><b><i></a></b>${marked(price)}</i></form><button><button>${marked(price)}</form></svg></math><svg></p>${marked(price)}`,
  '/malformed/zeros': (price) => `\0<p\0>\0${marked(price)}\0</p>\ufffd`,
};
const MALFORMED = Object.keys(PAGES).filter((path) => path.startsWith('/malformed/'));

/** What the origin sends as it is. @type {Record<string, { status?: number, headers?: Record<string, string>, body: string | Buffer }>} */
const OTHERS = {
  '/503': { status: 503, headers: { 'retry-after': '7' }, body: `<p>closed, back soon: ${marked(catalogue)}</p>` },
  '/image': { headers: { 'content-type': 'image/png' }, body: Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * 7) % 256)) },
  '/json': { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ html: marked(catalogue), price: 19 }) },
  '/other-number': { body: `<p><b data-haggle-sku="OLIVE-500">18,00 €</b></p>${FORM}` },
  // Deeper than browsers tell elements apart: what stands there cannot be told to be inside of anything.
  '/malformed/deep': { body: `<p>${marked(catalogue)}</p>${'<div>'.repeat(3_000)}${marked(catalogue)}` },
};

const origin = createServer((request, response) => {
  const path = (request.url ?? '').split('?')[0];
  if (path === '/reset') {
    response.writeHead(200, HTML).write(PAGES['/page'](catalogue));
    setTimeout(() => response.destroy(), 50);
    return;
  }
  const { status = 200, headers = {}, body } = OTHERS[path] ?? { body: PAGES[path](catalogue) };
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...HTML, 'content-length': String(bytes.length), ...headers }).end(bytes);
});

/** @type {import('./kit.mjs').World} */
let world;
/** @type {string} */
let originUrl;
before(async () => {
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  originUrl = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (origin.address()).port}`;
  const fixed = (shares) => ({ policy: { name: 'fixed', shares }, floor: 0 });
  const { item, arms, ...many } = experiment({ name: 'many', salt: 'many', scope: { items: 'all' }, ...fixed([0, 1]) });
  const experiments = [experiment(fixed([0, 0, 1, 0])), { ...many, arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.8 }] }];
  const of = (mode, name = '') => (name ? `${mode}-${name}` : mode);
  /** The time that a page waits for KV: what it is where nobody sets it. */
  const KV_BUDGET_MS = undefined;
  const locations = { first: { FIRST_VIEW: 'catalogue' } }, workers = {};
  for (const MODE of MODES) {
    locations[of(MODE)] = { MODE };
    locations[of(MODE, 'cold')] = { MODE, KV_BUDGET_MS };
    locations[of(MODE, 'warm')] = { MODE, KV_BUDGET_MS };
    locations[of(MODE, 'stale')] = { MODE, SNAPSHOT_MAX_AGE_S: '1' };
    locations[of(MODE, 'no-objects')] = { MODE };
    locations[of(MODE, 'no-database')] = { MODE };
    for (const name of ['cold', 'warm']) workers[of(MODE, name)] = behindFaultyKv;
    workers[of(MODE, 'no-objects')] = withoutObjects;
    workers[of(MODE, 'no-database')] = withoutDatabase;
  }
  world = await openWorld({ origin: originUrl, locations, workers: [FAULTY_KV, ...DOWN], worker: (location) => workers[location] });
  const lines = ITEMS.slice(1).map(([sku, price_minor]) => JSON.stringify({ sku, price_minor, cost_minor: 800 })).join('\n');
  assert.equal((await world.admin('POST', '/haggle/v1/catalogue', lines)).status, 200);
  const { version } = await world.run(experiments);
  const served = Object.keys(locations).filter((location) => !/cold|stale|no-/.test(location));
  await Promise.all(served.map((location) => world.served(version, location)));
  const { published_at_ms } = (await world.health()).snapshot;
  await until('the snapshot is older than its limit', async () => Date.now() - published_at_ms, (age_ms) => age_ms > 1000);
});
after(async () => {
  if (world) await setFault(world, 'none').catch(() => {});
  await world?.close();
  origin.closeAllConnections();
  origin.close();
});

const look = (path, location) => world.shopper().ask(path, { location, timeout_ms: ANSWER_MAX_MS });
const TAG = /<script type="module" src="\/haggle\/haggle\.js" data-haggle='[^']*'><\/script>$/;
const FIELD = /<input type="hidden" name="haggle_quote" value="[\w.-]+">/g;

/** The page has the origin's bytes, status and headers, and says why. @param {string} path @param {string} location @param {string} reason */
async function assertLeftAlone(path, location, reason) {
  const page = await look(path, location), direct = await received(await send(originUrl + path, { headers: BROWSER }));
  const seen = ({ status, headers }) => [status, ...TOLD.map((name) => headers[name])];
  assert.deepEqual([page.reason, ...seen(page)], [reason, ...seen(direct)]);
  assert.ok(page.raw.equals(direct.raw), `${page.raw.length} bytes are not the ${direct.raw.length} of the origin`);
}

/** The page is the origin's but for the prices, all of them the right ones, their quotes and the tag of the client. @param {string} path @param {string} location */
async function assertPriced(path, location) {
  const page = await look(path, location);
  assert.deepEqual([page.status, page.reason, page.headers['content-type'], page.headers['content-language']],
    [200, 'priced', HTML['content-type'], HTML['content-language']]);
  assert.deepEqual([page.headers['cache-control'], page.headers.etag, page.headers['last-modified']], ['private, no-store', undefined, undefined]);
  assert.match(page.text, TAG);
  const taken = page.text.replace(TAG, '').replace(FIELD, ''), expected = PAGES[path](moved);
  if (taken !== expected) {
    let at = 0;
    while (taken[at] === expected[at]) at += 1;
    assert.fail(`${path} differs at ${at}: ${JSON.stringify(taken.slice(at - 60, at + 60))} instead of ${JSON.stringify(expected.slice(at - 60, at + 60))}`);
  }
  const forms = PAGES[path](moved).match(/<form data-haggle-sku/g)?.length ?? 0;
  assert.equal(page.text.match(FIELD)?.length ?? 0, forms, 'a quote in each form');
}

/** The page breaks off for the client too, where that is known before it is sent. @param {string} path @param {string} location @param {string} mode */
async function assertBroken(path, location, mode) {
  const incoming = await send(world.base(location) + path, { headers: BROWSER, timeout_ms: ANSWER_MAX_MS });
  const chunks = [];
  const isClean = await (async () => {
    for await (const chunk of incoming) chunks.push(chunk);
    return true;
  })().catch(() => false);
  const text = Buffer.concat(chunks).toString();
  // How a page of unknown length that streams ends here is the runtime's own doing, also of one that it passes on.
  if (mode !== 'stream') assert.equal(isClean, false, `looks whole and is not: ${text}`);
  assert.ok(PAGES[path === '/reset' ? '/page' : path](mode === 'stream' ? moved : catalogue).startsWith(text.replace(FIELD, '')), text);
  assert.doesNotMatch(text, TAG);
}

/**
 * @typedef {object} Row
 * @property {string} what goes wrong
 * @property {string} [at] the location, after its mode
 * @property {'fail' | 'hang'} [kv] what KV does meanwhile
 * @property {string[]} paths
 * @property {string} reason
 * @property {(location: string) => Promise<unknown>} [then] what else is to be seen
 */

/** With a reason other than `priced`, all is the origin's. @type {Row[]} */
const TABLE = [
  { what: 'nothing', paths: ['/page'], reason: 'priced' },
  { what: 'KV is down, and no snapshot at hand', at: 'cold', kv: 'fail', paths: ['/page'], reason: 'no-snapshot',
    then: async (location) => {
      const price = await world.shopper().price('OLIVE-500', { location });
      assert.deepEqual([price.status, /no-snapshot/.test(price.error)], [404, true], JSON.stringify(price));
      const { snapshot, error } = await world.health(location);
      assert.deepEqual([snapshot, error], [null, 'no-snapshot']);
    } },
  { what: 'KV is slow, and no snapshot at hand', at: 'cold', kv: 'hang', paths: ['/page', '/two-megabytes'], reason: 'no-snapshot',
    then: async (location) => {
      await setFault(world, 'none');
      await until('KV answers again', () => look('/page', location), ({ reason }) => reason === 'priced');
    } },
  { what: 'KV is down, and a snapshot at hand', at: 'warm', kv: 'fail', paths: ['/page', '/page'], reason: 'priced' },
  { what: 'KV is slow, and a snapshot at hand', at: 'warm', kv: 'hang', paths: ['/page', '/page'], reason: 'priced' },
  { what: 'the snapshot is older than its limit', at: 'stale', paths: ['/page'], reason: 'old-snapshot' },
  { what: 'the Durable Objects are down', at: 'no-objects', paths: ['/page', '/page'], reason: 'priced',
    then: async (location) => {
      const shopper = world.shopper();
      await shopper.look('/page', { location });
      const { status } = await shopper.expose([{ sku: 'OLIVE-500', price_minor: 2400 }], { location });
      assert.ok(status >= 500, `what is not stored is not acknowledged: ${status}`);
    } },
  { what: 'D1 is down', at: 'no-database', paths: ['/page'], reason: 'priced',
    then: async (location) => {
      // What was found wrong goes to D1 after the page.
      await assertLeftAlone('/other-number', location, 'surface-mismatch').catch((error) => {
        if (!location.startsWith('stream')) throw error;
      });
      assert.equal((await world.admin('GET', '/haggle/v1/experiments', undefined, { location })).status, 503);
      await assertPriced('/page', location);
    } },
  { what: 'the origin says 503, with a body', paths: ['/503'], reason: 'origin-status' },
  { what: 'the origin breaks off in the middle of a page', paths: ['/reset', '/reset'], reason: 'broken', then: () => assertBroken('/reset', 'first', 'atomic') },
  { what: 'an image', paths: ['/image'], reason: 'not-html' },
  { what: 'JSON', paths: ['/json'], reason: 'not-html' },
  { what: 'two megabytes', paths: ['/two-megabytes', '/two-megabytes'], reason: 'priced' },
  { what: 'malformed HTML', paths: [...MALFORMED, ...MALFORMED], reason: 'priced',
    then: async (location) => {
      // Read while it streams by, a page shows a price before it turns out that not all of it can be read.
      if (!location.startsWith('stream')) await assertLeftAlone('/malformed/deep', location, 'surface-mismatch');
      assert.doesNotMatch((await look('/malformed/deep', location)).text, /haggle_quote|data-haggle=/);
    } },
  { what: 'two thousand priced places', paths: ['/two-thousand', '/two-thousand'], reason: 'priced' },
];

for (const mode of MODES) {
  for (const { what, at, kv, paths, reason, then } of TABLE) {
    test(`${mode}: ${what}`, async () => {
      const location = at ? `${mode}-${at}` : mode;
      if (kv) {
        await setFault(world, kv);
        // The isolate asks KV again by now.
        await sleep(250);
      }
      try {
        for (const path of paths) {
          if (reason === 'priced') await assertPriced(path, location);
          else if (reason === 'broken') await assertBroken(path, location, mode);
          else await assertLeftAlone(path, location, reason);
        }
        await then?.(location);
      } finally {
        if (kv) await setFault(world, 'none');
      }
    });
  }
}
