/**
 * The audit of published prices: nothing on a clean shop; each of 25 faults of five kinds that were planted behind the
 * Worker's back, and nothing else.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { credentials, file, haggle } from './binary.mjs';
import { send } from './http.mjs';
import { openWorld, otherExperiment, received } from './kit.mjs';
import { CATALOGUE } from './shop/server.mjs';

const WRONG = 1234, KINDS = ['text', 'meta', 'json-ld', 'cart', 'feed'];
const ITEMS = CATALOGUE.items;
/** Five items of each kind. */
const PLANTED = KINDS.flatMap((kind, k) => [0, 1, 2, 3, 4].map((i) => ({ kind, sku: ITEMS[(5 * k + i) % ITEMS.length].sku })));

/** @type {import('./kit.mjs').World} */
let world;
/** @type {Awaited<ReturnType<typeof startFront>>} */
let front;
before(async () => {
  world = await openWorld();
  await world.run(ITEMS.map(({ sku, price_minor }) => otherExperiment(`of-${sku.toLowerCase()}`, sku, price_minor)));
  front = await startFront();
});
after(async () => {
  await front?.stop();
  await world?.close();
});

/** What stands in a page in another format than this is none of the shop's. */
const euros = (minor) => `${String(Math.trunc(minor / 100))},${String(minor % 100).padStart(2, '0')} €`;
const plain = (minor) => (minor / 100).toFixed(2);

/** How each kind of fault gets into a page. @type {Record<string, (page: string, sku: string) => string>} */
const FAULTS = {
  text: (page, sku) => page.replace(new RegExp(`(<p class="price big"><span data-haggle-sku="${sku}">).*?(</span>)`), `$1${euros(WRONG)}$2`),
  meta: (page) => page.replace(/(<meta property="product:price:amount" content=")[^"]*/, `$1${plain(WRONG)}`),
  'json-ld': (page) => page.replace(/("@type":"Offer","price":")[^"]*/, `$1${plain(WRONG)}`),
  cart: (page, sku) => page.replace(new RegExp(`(<tr data-cart-sku="${sku}">[\\s\\S]*?<td class="unit">)[^<]*`), `$1${euros(WRONG)}`),
};

/**
 * What stands between the shoppers and the Worker: it hands on, and may plant faults. `/buy?sku=&haggle_quote=` puts an
 * item into the basket by an address, as many shops do.
 */
async function startFront() {
  const state = { faults: /** @type {{ kind: string, sku: string }[]} */ ([]), agents: new Set() };
  const plant = (kinds, sku, page) => state.faults.filter((fault) => fault.sku === sku && kinds.includes(fault.kind))
    .reduce((text, { kind }) => {
      const changed = FAULTS[kind](text, sku);
      assert.notEqual(changed, text, `${kind} of ${sku} is not planted`);
      return changed;
    }, page);
  const answer = async (request) => {
    const url = new URL(request.url, world.edge.url), sku = url.pathname.startsWith('/product/') ? url.pathname.slice(9) : '';
    const cookie = request.headers.cookie ? { cookie: request.headers.cookie } : {};
    state.agents.add(request.headers['user-agent']);
    const ask = async (path, init = {}) => received(await send(world.edge.url + path, { ...init, headers: { ...cookie, ...init.headers } }));
    if (url.pathname !== '/buy') {
      const got = await ask(request.url, { headers: { accept: request.headers.accept } });
      return { ...got, text: sku ? plant(['text', 'meta', 'json-ld'], sku, got.text) : got.text };
    }
    const added = await ask('/cart', { method: 'POST', body: url.searchParams.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    const session = String(added.headers['set-cookie']).split(';')[0];
    const cart = received(await send(`${world.edge.url}/cart`, { headers: { cookie: session } }));
    return { ...await cart, text: plant(['cart'], url.searchParams.get('sku'), (await cart).text) };
  };
  const server = createServer((request, response) => {
    answer(request).then(({ status, headers, text }) => {
      const cookies = headers['set-cookie'] ? { 'set-cookie': headers['set-cookie'] } : {};
      response.writeHead(status, { 'content-type': headers['content-type'] ?? 'text/html', ...cookies });
      response.end(text);
    }, (error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { state, url: `http://127.0.0.1:${port}`, stop: () => new Promise((closed) => { server.closeAllConnections(); server.close(closed); }) };
}

/** The shop's feed, with the faults of this kind. @param {{ kind: string, sku: string }[]} faults */
const feed = (faults) => file('feed.tsv', ['id\ttitle\tprice', ...ITEMS.map(({ sku, name, price_minor }) => {
  const isWrong = faults.some((fault) => fault.kind === 'feed' && fault.sku === sku);
  return `${sku}\t${name}\t${plain(isWrong ? WRONG : price_minor)} EUR`;
})].join('\n'));

/** Audits every item of the shop. @param {{ kind: string, sku: string }[]} faults @param {string[]} [more] */
async function audit(faults, more = []) {
  front.state.faults = faults;
  const all = { mismatches: [], checked: {}, decided: 0, at_catalogue: 0 };
  const path = feed(faults);
  for (const { sku } of ITEMS) {
    const { code, out, err } = await haggle(['audit', `of-${sku.toLowerCase()}`, '--json', '--shop', front.url, '--url-template', '/product/{sku}',
      '--cart-template', '/buy?sku={sku}&haggle_quote={quote}', '--cart-selector', 'tr[data-cart-sku="{sku}"] .unit', '--feed', path,
      '--enter', '/about', '--delay-ms', '0', ...more], { env: credentials(world) });
    assert.ok(code === 0 || code === 1, err);
    const one = JSON.parse(out);
    assert.equal(code, one.mismatches.length > 0 ? 1 : 0);
    all.mismatches.push(...one.mismatches);
    for (const [what, count] of Object.entries(one.checked)) all.checked[what] = (all.checked[what] ?? 0) + count;
    all.decided += one.decided;
    all.at_catalogue += one.at_catalogue;
  }
  return all;
}

const names = (list) => list.map(({ kind, sku }) => `${kind} of ${sku}`).sort();

test('a clean shop has no mismatch, and every place of every item was compared', async () => {
  const { mismatches, checked, decided, at_catalogue } = await audit([]);
  assert.deepEqual(mismatches, []);
  assert.deepEqual([checked.pages, checked.carts, checked.feed, decided, at_catalogue], [16, 16, 16, 16, 0]);
  assert.ok(checked.places >= 16 * 4, `text, two meta tags and JSON-LD of each: ${checked.places}`);
  assert.deepEqual([...front.state.agents].map((name) => /^haggle-audit\/\S+ \(bot/.test(name)), [true], 'it says who it is');
});

test('each of 25 planted faults of five kinds is found, and nothing else', async () => {
  assert.equal(new Set(names(PLANTED)).size, 25);
  const { mismatches } = await audit(PLANTED);
  assert.deepEqual(names(mismatches), names(PLANTED));
  for (const one of mismatches) {
    assert.match(one.found.replace(/\s/g, ' '), /12[.,]34/, JSON.stringify(one));
    assert.ok(one.expected_minor > 0 && one.place.includes(one.kind === 'feed' ? 'feed.tsv line' : one.kind === 'cart' ? '/buy' : `/product/${one.sku}`), JSON.stringify(one));
  }
});
