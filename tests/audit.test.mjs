/**
 * The audit of published prices: nothing on a clean shop; each of 25 faults of five kinds that were planted behind the
 * Worker's back, and nothing else.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { credentials, file, haggle } from './binary.mjs';
import { send } from './http.mjs';
import { experiment, openWorld, otherExperiment, received, until } from './kit.mjs';
import { CATALOGUE } from './shop/server.mjs';

const WRONG = 1234, KINDS = ['text', 'meta', 'json-ld', 'cart', 'feed'];
const ITEMS = CATALOGUE.items;
/** Five items of each kind. */
const PLANTED = KINDS.flatMap((kind, k) => [0, 1, 2, 3, 4].map((i) => ({ kind, sku: ITEMS[(5 * k + i) % ITEMS.length].sku })));

/** All items of the shop, at three prices. */
const SEVILLA = { name: 'sevilla', hypothesis: 'less sells more', document: 'https://wiki.example/pricing', currency: 'EUR', objective: 'revenue', salt: 'sevilla',
  control: 'list', holdout: 0, policy: { name: 'thompson' }, scope: { items: 'all' }, arms: [['list', 1], ['low', 0.9], ['lower', 0.8]].map(([name, multiplier]) => ({ name, multiplier })) };

/** @type {import('./kit.mjs').World} */
let world;
/** @type {Awaited<ReturnType<typeof startFront>>} */
let front;
before(async () => {
  world = await openWorld();
  const run = async (args) => {
    const { code, err } = await haggle(args, { env: credentials(world) });
    assert.equal(code, 0, err);
  };
  await run(['catalogue', 'push', file('items.csv', ['sku,price', ...ITEMS.map(({ sku, price_minor }) => `${sku},${plain(price_minor)}`)].join('\n')), '--currency', 'EUR']);
  await run(['put', file('sevilla.json', JSON.stringify(SEVILLA)), '--reason', 'a test']);
  await run(['start', 'sevilla', '--reason', 'a test']);
  await world.served((await world.sync()).version);
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

/** Audits every item of the shop, as three visitors. @param {{ kind: string, sku: string }[]} faults @param {string[]} [more] */
async function audit(faults, more = []) {
  front.state.faults = faults;
  const { code, out, err } = await haggle(['audit', 'sevilla', '--json', '--shop', front.url, '--url-template', '/product/{sku}',
    '--cart-template', '/buy?sku={sku}&haggle_quote={quote}', '--cart-selector', 'tr[data-cart-sku="{sku}"] .unit', '--feed', feed(faults),
    '--enter', '/about', '--delay-ms', '0', '--concurrency', '3', ...more], { env: credentials(world) });
  assert.ok(code === 0 || code === 1, err);
  const answer = JSON.parse(out);
  assert.equal(code, answer.mismatches.length > 0 ? 1 : 0);
  return answer;
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

test('a list of prices, and a page that cannot be read, are compared too', async () => {
  front.state.faults = [];
  const list = (wrong) => file('prices.csv', ['Id,Price', ...ITEMS.slice(1).map(({ sku, price_minor }) => `${sku},${plain(sku === wrong ? WRONG : price_minor)}`)].join('\n'));
  const { code, out } = await haggle(['audit', 'sevilla', '--json', '--prices', list('HAM-7')], { env: credentials(world) });
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(out).mismatches.map(({ sku, kind, found }) => [sku, kind, found]), [['HAM-7', 'prices', '12.34'], [ITEMS[0].sku, 'prices', 'not in the file']]);
  const pages = file('pages.tsv', 'sku\turl\nHAM-7\t/nowhere\nOLIVE-3L\t/about\nelsewhere\t/x\n');
  const looked = await haggle(['audit', 'sevilla', '--json', '--shop', front.url, '--pages', pages, '--delay-ms', '0'], { env: credentials(world) });
  assert.deepEqual(JSON.parse(looked.out).mismatches.map(({ sku, kind, found }) => [sku, kind, found]),
    [['HAM-7', 'page', 'status 404'], ['OLIVE-3L', 'page', 'no place with a price of the item']]);
  const nobody = await haggle(['audit', 'nobody', '--prices', list('')], { env: credentials(world) });
  assert.deepEqual([nobody.code, /nobody is not in the snapshot in use; there are \["sevilla"\]/.test(nobody.err)], [2, true], nobody.err);
  const text = await haggle(['audit', 'sevilla', '--prices', list('HAM-7')], { env: credentials(world) });
  assert.match(text.out, /HAM-7 +prices +price +389\.00 EUR +12\.34 .*\n[^]*mismatches: 2\n$/);
});

test('on a first view every price is the catalogue\'s, and the audit says so', async () => {
  front.state.faults = [];
  const shy = await openWorld({ vars: { FIRST_VIEW: 'catalogue' }, experiments: [otherExperiment('kozani', 'SAFFRON-2', 1490)] });
  try {
    const look = (enter) => haggle(['audit', 'kozani', '--shop', shy.edge.url, '--url-template', '/product/{sku}', '--enter', enter, '--delay-ms', '0'], { env: credentials(shy) });
    const [listing, about] = [await look('/'), await look('/about')];
    assert.deepEqual([listing.code, about.code], [0, 0], listing.err + about.err);
    assert.match(listing.out, /at a decided price 0, at the catalogue price 1\n.*--enter/);
    assert.match(about.out, /at a decided price 1, at the catalogue price 0\nno mismatch/);
  } finally {
    await shy.close();
  }
});

test('the Worker reads what it sends again, and counts what does not say the visitor\'s price', async () => {
  // What a search engine reads stands where no mark and no rule of the shop names it.
  const page = (meta) => `<!doctype html><head><meta name="haggle-sku" content="OLIVE-500">${meta}</head><body><b data-haggle-sku="OLIVE-500">19,00 €</b></body>`;
  const forgotten = page('<meta property="og:price:amount" content="19.00">');
  const extra = new Map([['/forgotten', { type: 'text/html', body: forgotten }], ['/right', { type: 'text/html', body: page('') }]]);
  const arms = [['list', 1900], ['low', 1600]].map(([name, price_minor]) => ({ name, price_minor }));
  const one = experiment({ arms, objective: 'revenue', policy: { name: 'fixed', shares: [0.02, 0.98] } });
  const other = await openWorld({ vars: { MODE: 'atomic', AUDIT_SAMPLE: '1' }, shop: { extra }, experiments: [one], locations: { all: {}, none: { AUDIT_SAMPLE: '0' } } });
  try {
    const low = other.shopper();
    await until('a visitor at another price', async () => { low.cookies.clear(); return low.ask('/right'); }, ({ text }) => text.includes('16,00'), 30_000);
    assert.deepEqual((await other.health('all')).mismatches, [], 'a page that is right is not counted');
    assert.ok((await low.ask('/forgotten', { location: 'none' })).text.includes('content="19.00"'));
    assert.deepEqual((await other.health('none')).mismatches, [], 'nothing is read again where the share is 0');
    const { text, reason } = await low.ask('/forgotten');
    assert.deepEqual([reason, text.includes('16,00'), text.includes('content="19.00"')], ['priced', true, true]);
    const found = { sku: 'OLIVE-500', surface: 'meta[property="og:price:amount"]', kind: 'output', count: 1 };
    assert.deepEqual((await other.health('all')).mismatches, [found]);
    const { body } = await other.admin('GET', '/haggle/v1/experiments/sevilla');
    assert.deepEqual(body.mismatches.map(({ surface, kind, count }) => ({ sku: 'OLIVE-500', surface, kind, count })), [found]);
  } finally {
    await other.close();
  }
});
