/**
 * Two visitors never share a body, nor a part of one, with the cache on: a property of any order of visitors, pages
 * and ways to ask for them. And no conditional request matches across prices.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import { claimsOf, experiment, openWorld, otherExperiment, until } from './kit.mjs';
import { continental } from './shop/money.mjs';
import { pick, stream } from './shop/random.mjs';
import { shownIn } from './undo.mjs';

// That so many see two prices at most happens once in 20 000 runs.
const VISITORS = 24, STEPS = 20;
const LISTED = { 'OLIVE-500': 1900, 'OVEN-80': 18_900 };
const TAG = /<script type="module" src="\/haggle\/haggle\.js" data-haggle='[^']*'><\/script>$/;
const FIELD = /<input type="hidden" name="haggle_quote" value="([\w.-]+)">/g;
const MODIFIED = 'Tue, 01 Sep 2026 10:00:00 GMT';
const PUBLIC = { 'cache-control': 'public, max-age=60', 'last-modified': MODIFIED, vary: 'accept-encoding' };

/** Ways in which the shop sends a page. @type {Record<string, Record<string, string>>} */
const PATHS = { '/plain': PUBLIC, '/gzip': { ...PUBLIC, 'content-encoding': 'gzip' }, '/br': { ...PUBLIC, 'content-encoding': 'br' }, '/chunked': PUBLIC,
  '/private': { 'cache-control': 'private', 'last-modified': MODIFIED }, '/silent': { 'last-modified': MODIFIED } };

/** What a page is, of somebody's session and with somebody's prices. @param {string} path @param {string} session @param {Record<string, number>} prices */
const pageOf = (path, session, prices) => `<!doctype html><title>${path}</title><p id="session">${session}</p>`
  + Object.keys(LISTED).map((sku) => `<p data-haggle-sku="${sku}">${continental(prices[sku])}</p>`
    + `<form data-haggle-sku="${sku}" method="post"></form>`).join('') + '</html>';

const sessionIn = (cookie = '') => /session=(\w+)/.exec(cookie)?.[1] ?? 'nobody';
const etagOf = (path, session) => `"${path.slice(1)}-${session}"`;

/** A shop that heeds what a browser asks for: parts of pages, and whether they changed. */
const origin = createServer((request, response) => {
  const path = (request.url ?? '').split('?')[0], session = sessionIn(request.headers.cookie);
  if (request.method === 'POST') return void response.writeHead(303, { location: path, 'set-cookie': `session=${session}; Path=/` }).end();
  const headers = { 'content-type': 'text/html; charset=utf-8', etag: etagOf(path, session), ...PATHS[path] };
  const { 'if-none-match': match, 'if-modified-since': since, range } = request.headers;
  if (match?.includes(headers.etag) || match === '*' || since) return void response.writeHead(304, headers).end();
  const text = pageOf(path, session, LISTED);
  const bytes = { gzip: gzipSync, br: brotliCompressSync }[headers['content-encoding']]?.(text) ?? Buffer.from(text);
  if (range) return void response.writeHead(206, { ...headers, 'content-range': `bytes 0-9/${bytes.length}` }).end(bytes.subarray(0, 10));
  if (path === '/chunked') {
    response.writeHead(200, headers);
    for (const piece of text.split(/(?<=>)/)) response.write(piece);
    return void response.end();
  }
  response.writeHead(200, { ...headers, 'content-length': String(bytes.length) }).end(request.method === 'HEAD' ? undefined : bytes);
});

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (origin.address());
  world = await openWorld({ origin: `http://127.0.0.1:${port}`, experiments: [experiment(), otherExperiment('napoli', 'OVEN-80', LISTED['OVEN-80'])],
    vars: { HTML_CACHE: 'on' }, locations: { stream: {}, proven: { MODE: 'proven' }, atomic: { MODE: 'atomic' }, first: { FIRST_VIEW: 'catalogue' } } });
  const { version } = await world.sync();
  await Promise.all([...world.edge.urls.keys()].map((location) => world.served(version, location)));
});
after(async () => {
  await world?.close();
  origin.closeAllConnections();
  origin.close();
});

/** A visitor, what it has seen, and what no other may see. */
class Visitor {
  /** @param {number} number */
  constructor(number) {
    this.session = number % 2 ? `v${number}` : 'nobody';
    this.shopper = world.shopper(number % 2 ? { session: this.session } : {});
    /** @type {Record<string, number>} */
    this.prices = {};
  }

  /** Looks at a page in one of the ways in which browsers and scripts ask. @param {string} path @param {string} location @param {Record<string, string>} headers */
  async get(path, location, headers) {
    const answer = await this.shopper.ask(path, { location, headers });
    const how = `${path} at ${location} with ${JSON.stringify(headers)}`;
    assert.equal(answer.status, 200, how);
    assert.deepEqual(['cache-control', 'etag', 'last-modified', 'expires', 'content-range'].map((name) => answer.headers[name]),
      ['private, no-store', undefined, undefined, undefined, undefined], how);
    const shown = shownIn(answer.text);
    for (const [sku, listed] of Object.entries(LISTED)) this.prices[sku] ??= shown[sku]?.price ?? listed;
    assert.equal(answer.text.replace(TAG, '').replace(FIELD, ''), pageOf(path.split('?')[0], this.session, this.prices), how);
    const quotes = [...answer.text.matchAll(FIELD)].map(([, token]) => claimsOf(token));
    for (const { o, p } of quotes) assert.equal(p, this.prices[o], how);
    return quotes.map(({ jti }) => jti);
  }
}

/** Ways to ask for a page. @param {() => number} random @returns {Record<string, string>} */
function way(random) {
  const sessions = ['nobody', ...Array.from({ length: VISITORS }, (_, at) => `v${at}`)];
  const paths = Object.keys(PATHS), etag = etagOf(paths[Math.floor(random() * paths.length)], sessions[Math.floor(random() * sessions.length)]);
  const script = { accept: '*/*', 'sec-fetch-dest': 'empty' };
  return pick(random, [[{}, 6], [{ 'if-none-match': etag }, 2], [{ 'if-none-match': `W/"x", ${etag}` }, 1], [{ 'if-none-match': '*' }, 1],
    [{ 'if-modified-since': MODIFIED }, 2], [{ range: 'bytes=0-9' }, 2], [{ range: 'bytes=0-9', 'if-range': etag }, 1],
    [{ ...script, 'if-none-match': etag }, 1], [{ 'accept-encoding': 'gzip, br' }, 2]]);
}

test('visitors never share a body, whatever the order in which they ask, for what, and how', async (t) => {
  const seed = Number(process.env.HAGGLE_SEED ?? 20_261_123);
  t.diagnostic(`HAGGLE_SEED=${seed}`);
  const visitors = Array.from({ length: VISITORS }, (_, at) => new Visitor(at));
  /** Whose a quote is. @type {Map<string, Visitor>} */
  const owners = new Map();
  // A visitor's requests come one after the other (a cookie that is set by two at a time is set by the last), those of
  // different visitors in any order and at the same time.
  await Promise.all(visitors.map(async (visitor, number) => {
    const random = stream(seed, number), one = (list) => list[Math.floor(random() * list.length)];
    for (let at = 0; at < STEPS; at += 1) {
      const path = one(Object.keys(PATHS)) + one(['', '', '?x=1']), location = one(['stream', 'proven', 'atomic', 'first']);
      const kind = pick(random, [['get', 8], ['head', 1], ['post', 1]]);
      if (kind === 'get') {
        for (const jti of await visitor.get(path, location, way(random))) {
          assert.equal(owners.get(jti) ?? visitor, visitor, `the quote of another visitor, seed ${seed}`);
          owners.set(jti, visitor);
        }
      } else {
        const answer = await visitor.shopper.ask(path, { location, method: kind.toUpperCase() });
        const expected = kind === 'head' ? [200, etagOf(path.split('?')[0], visitor.session), ''] : [303, undefined, ''];
        assert.deepEqual([answer.status, answer.headers.etag, answer.text], expected, `${kind} ${path}`);
        if (kind === 'post') assert.deepEqual(answer.headers['set-cookie'], [`session=${visitor.session}; Path=/`]);
        if (kind === 'post' && visitor.session === 'nobody') visitor.shopper.cookies.delete('session');
      }
    }
  }));
  const seen = new Set(visitors.map(({ prices }) => prices['OLIVE-500']));
  assert.ok(seen.size > 2 && owners.size > VISITORS, `only ${[...seen]} were shown in ${owners.size} quotes: this shows little`);
  const names = visitors.map(({ shopper }) => shopper.cookies.get('haggle_vid'));
  assert.equal(new Set(names).size, VISITORS, 'each visitor has a name of its own');
});

test('nothing that a visitor may remember of a page makes it «unchanged» for one who sees another price', async () => {
  for (const path of Object.keys(PATHS)) {
    for (const location of ['stream', 'proven', 'atomic']) {
      // Kept by now, where the shop allows it.
      const fill = await until('a page', () => world.shopper().ask(path, { location }), ({ status }) => status === 200);
      const given = ['etag', 'last-modified'].filter((name) => fill.headers[name]);
      assert.deepEqual(given, [], 'nothing to remember');
      for (const headers of [{ 'if-none-match': etagOf(path, 'nobody') }, { 'if-none-match': '*' }, { 'if-modified-since': MODIFIED },
        { 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() }, { range: 'bytes=0-9' }]) {
        const visitors = await Promise.all([0, 2, 4].map(async (number) => {
          const visitor = new Visitor(number);
          await visitor.get(path, location, headers);
          await visitor.get(path, location, headers);
          return visitor;
        }));
        assert.equal(visitors.length, 3);
      }
    }
  }
});
