/**
 * The shop's pages at the edge: asked of the shop once, for nobody in particular, and given to each visitor with the
 * visitor's own prices; and what must never lie there. That visitors never share a body: `cache.test.mjs`.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { BROWSER, experiment, openWorld, otherExperiment, until } from './kit.mjs';

const HTML = 'text/html; charset=utf-8';
const price = (text, sku = 'OLIVE-500') => `<span data-haggle-sku="${sku}">${text}</span>`;
/** A page that says how often its path was asked for. @param {number} count */
const page = (count) => `<!doctype html><p id="count">${count}</p>${price('19,00 €')} ${price('1.899,00 €', 'OVEN-80')}`
  + '<form data-haggle-sku="OLIVE-500" method="post"></form>';
const CACHED = { 'cache-control': 'public, max-age=60', etag: '"h-1"', 'last-modified': 'Tue, 01 Sep 2026 10:00:00 GMT', vary: 'Accept-Encoding', 'x-shop': 'yes' };

/** Headers of a page by the first part of its path; all of these may be kept. @type {Record<string, Record<string, string | string[]>>} */
const KEPT = {
  '/plain': CACHED, '/gzip': { ...CACHED, 'content-encoding': 'gzip' }, '/shared': { 'cache-control': 's-maxage=60, max-age=0' },
  '/general': { 'cache-control': 'max-age=60' }, '/own': { 'cache-control': 'no-cache', 'cdn-cache-control': 'max-age=60' },
  '/upper': { 'cache-control': 'Public, Max-Age="60"' },
  '/cloudflare': { 'cache-control': 'no-cache', 'cdn-cache-control': 'no-store', 'cloudflare-cdn-cache-control': 'max-age=60' },
};
/** None of these may be kept. @type {Record<string, Record<string, string | string[]>>} */
const NOT_KEPT = {
  '/silent': {}, '/private': { 'cache-control': 'private, max-age=60' }, '/no-store': { 'cache-control': 'no-store, max-age=60' },
  '/no-cache': { 'cache-control': 'public, no-cache, max-age=60' }, '/field': { 'cache-control': 'private="x", max-age=60' },
  '/zero': { 'cache-control': 'public, max-age=0' }, '/shared-zero': { 'cache-control': 'max-age=60, s-maxage=0' }, '/no-age': { 'cache-control': 'public' },
  '/set-cookie': { ...CACHED, 'set-cookie': 'a=1' }, '/vary-cookie': { ...CACHED, vary: 'accept-encoding, cookie' }, '/vary-all': { ...CACHED, vary: '*' },
  '/old': { ...CACHED, age: '60' }, '/own-no': { 'cache-control': 'max-age=60', 'cdn-cache-control': 'no-store' },
  '/cloudflare-no': { 'cdn-cache-control': 'max-age=60', 'cloudflare-cdn-cache-control': 'private' },
};

/** The origin, and every request that it got. */
const origin = {
  /** @type {{ url: string, headers: import('node:http').IncomingHttpHeaders }[]} */
  requests: [],
  asked: (path) => origin.requests.filter(({ url }) => url === path).length,
  server: createServer((request, response) => {
    const url = request.url ?? '', path = url.split('?')[0];
    origin.requests.push({ url, headers: request.headers });
    if (path === '/404') return void response.writeHead(404, { ...CACHED, 'content-type': HTML }).end(page(0));
    if (path === '/json') return void response.writeHead(200, { ...CACHED, 'content-type': 'application/json' }).end(String(origin.asked(url)));
    const headers = { ...(KEPT[path] ?? NOT_KEPT[path] ?? CACHED), 'content-type': HTML };
    const body = path === '/gzip' ? gzipSync(page(origin.asked(url))) : page(origin.asked(url));
    response.writeHead(200, headers).end(body);
  }),
};

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  origin.server.listen(0, '127.0.0.1');
  await once(origin.server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (origin.server.address());
  world = await openWorld({ origin: `http://127.0.0.1:${port}`, experiments: [experiment(), otherExperiment('napoli', 'OVEN-80', 189_900)],
    vars: { HTML_CACHE: 'on', HTML_CACHE_IGNORED_COOKIES: '_ga*, consent' },
    locations: { stream: {}, proven: { MODE: 'proven' }, atomic: { MODE: 'atomic' }, first: { FIRST_VIEW: 'catalogue' }, off: { HTML_CACHE: 'off' } } });
  const { version } = await world.sync();
  await Promise.all([...world.edge.urls.keys()].map((location) => world.served(version, location)));
});
after(async () => {
  await world?.close();
  origin.server.closeAllConnections();
  origin.server.close();
});

const count = ({ text }) => Number(/<p id="count">(\d+)</.exec(text)?.[1]);

/** Asks until the shop is not asked any more: putting a page into the cache goes on after the answer. @param {string} path @param {{ location?: string }} [where] */
const fill = (path, where = {}) => until(`${path} is kept`, async () => {
  const before = origin.asked(path);
  await world.shopper().ask(path, where);
  return origin.asked(path) - before;
}, (more) => more === 0);

test('a page that the shop lets caches keep is asked for once, whoever asks', async () => {
  for (const path of Object.keys(KEPT)) {
    await fill(path);
    const asked = origin.asked(path);
    for (let at = 0; at < 5; at += 1) {
      const answer = await world.shopper().ask(path);
      assert.deepEqual([answer.status, answer.reason, count(answer) <= asked, answer.headers['content-type']], [200, 'priced', true, HTML], path);
    }
    assert.equal(origin.asked(path), asked, path);
  }
});

test('what the shop does not let caches keep is asked for each time', async () => {
  for (const path of [...Object.keys(NOT_KEPT), '/404']) {
    for (let at = 1; at <= 3; at += 1) {
      await world.shopper().ask(path);
      assert.equal(origin.asked(path), at, path);
    }
  }
  for (let at = 1; at <= 3; at += 1) assert.equal((await world.shopper().ask('/json')).text, String(at), 'what is no page');
  for (let at = 1; at <= 3; at += 1) assert.equal(count(await world.shopper().ask('/off', { location: 'off' })), at, 'switched off');
});

test('a request with a session, a login or a cookie that the shop may know somebody by goes to the shop, with its cookies', async () => {
  await fill('/session');
  for (const headers of [{ cookie: 'session=1' }, { cookie: '_ga=1; cart=2' }, { cookie: 'g_ga=1' }, { cookie: 'consents=1' }, { authorization: 'Basic eDp5' }]) {
    const asked = origin.asked('/session');
    const answer = await world.shopper().ask('/session', { headers });
    assert.equal(count(answer), asked + 1, JSON.stringify(headers));
    const seen = origin.requests.at(-1)?.headers;
    assert.deepEqual([seen?.cookie, seen?.authorization], [headers.cookie, headers.authorization]);
  }
  const asked = origin.asked('/session');
  for (const cookie of ['_ga=1', '_ga_X=2; consent=yes', `haggle_vid=${'3'.repeat(32)}; _gat=1`]) await world.shopper().ask('/session', { headers: { cookie } });
  assert.equal(origin.asked('/session'), asked, 'cookies that the shop knows nobody by');
});

test('who asks by a header for another page than the address names gets none that is kept, and leaves none', async () => {
  const asks = ['forwarded', 'x-forwarded-host', 'x-forwarded-scheme', 'x-host', 'x-original-url', 'x-rewrite-url', 'x-http-method',
    'x-http-method-override', 'x-method-override', 'x-requested-with', 'x-pjax', 'x-inertia', 'hx-request', 'turbo-frame'];
  for (const headers of [...asks.map((name) => ({ [name]: 'evil.example' })), { 'sec-fetch-dest': 'empty', accept: '*/*' }]) {
    const path = `/asks-${Object.keys(headers)[0]}`;
    for (let at = 1; at <= 3; at += 1) {
      await world.shopper().ask(path, { headers });
      assert.equal(origin.asked(path), at, JSON.stringify(headers));
    }
    await fill(path);
    const asked = origin.asked(path);
    await world.shopper().ask(path, { headers });
    assert.equal(origin.asked(path), asked + 1, JSON.stringify(headers));
  }
});

test('dots in an address lay no page where another one belongs', async () => {
  for (const [at, dots] of ['/%2e%2e/html', '/..%2Fx/%2E%2E/..\\html', '/./%2e./haggle/x/.%2e/html', '/..\\html'].entries()) {
    const path = `/dots-${at}`;
    // As it is written: a client that reads addresses would resolve the dots.
    const { hostname, port } = new URL(world.base());
    const ask = () => new Promise((resolve, reject) => {
      request({ hostname, port, path: dots + path, headers: BROWSER }, (incoming) => incoming.resume().on('end', resolve)).on('error', reject).end();
    });
    for (let times = 0; times < 3; times += 1) await ask();
    assert.ok(origin.requests.some(({ url }) => url !== path && url.endsWith(path)), 'the shop has heard of it');
    await world.shopper().ask(path);
    assert.equal(origin.asked(path), 1, dots);
  }
});

test('what is kept was asked for by nobody, and nothing of it can be revalidated', async () => {
  const shopper = world.shopper({ haggle_vid: '4'.repeat(32), _ga: 'x' });
  const path = '/nobody';
  for (let at = 0; at < 5; at += 1) {
    const answer = await shopper.ask(path, { headers: { 'if-none-match': '"h-1"', range: 'bytes=0-9' } });
    assert.deepEqual([answer.status, answer.headers['cache-control'], answer.headers.etag, answer.headers['last-modified'], answer.headers.expires],
      [200, 'private, no-store', undefined, undefined, undefined]);
    assert.equal(answer.headers['x-shop'], 'yes', 'the shop\'s other headers stay');
  }
  for (const { url, headers } of origin.requests) {
    if (url !== path) continue;
    assert.deepEqual([headers.cookie, headers['if-none-match'], headers.range], [undefined, undefined, undefined]);
  }
});

test('the query, and the host, are part of what is asked for', async () => {
  await fill('/query?a=1');
  assert.equal(count(await world.shopper().ask('/query?a=2')), 1);
  assert.equal(origin.asked('/query?a=2'), 1);
  await world.shopper().ask('/query?a=1', { host: 'another.example' });
  assert.ok(origin.requests.some(({ url, headers }) => url === '/query?a=1' && headers['x-forwarded-host'] === 'another.example'));
});

test('no request of a browser leads to what is kept', async () => {
  await fill('/inside');
  assert.equal((await world.shopper().ask('/haggle/html/inside')).status, 404);
});

test('a page out of the cache that is left alone is nobody else\'s either', async () => {
  await fill('/first', { location: 'first' });
  const first = await world.shopper().ask('/first', { location: 'first' });
  assert.deepEqual([first.reason, first.headers['cache-control'], first.headers.etag], ['first-view', 'private, no-store', undefined]);
});
