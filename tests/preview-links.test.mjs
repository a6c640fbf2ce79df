/**
 * Preview links: a page with the prices of a visitor or of chosen arms, which nobody keeps, counts or charges. What is wrong
 * with a link makes the page anybody's, and is said in `Server-Timing`.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { MERCHANT, newSecrets } from './edge.mjs';
import { claimsOf, experiment, openWorld, otherExperiment, until } from './kit.mjs';
import { startLists, itemsOf, publish } from './many-items.mjs';
import { verifyQuote, readKeys } from './shop/quotes.mjs';

const SKU = 'OLIVE-500', PAGE = `/product/${SKU}`, OTHER = 'SAFFRON-2', CATALOGUE = { [SKU]: 1900, [OTHER]: 1490 };
const ARMS = { low: 1600, list: 1900, high: 2400, gift: 3000 };
const VISITORS = Array.from({ length: 24 }, (_, n) => n.toString(16).padStart(32, '0'));

/** @type {import('./kit.mjs').World} */
let world;
/** A page that holds another price than the catalogue's. */
const ODD = '<!doctype html><html lang="en"><title>Odd</title><p><span data-haggle-sku="OLIVE-500">€18.00</span></p></html>';
/** One without any price, which everybody may keep; and one whose price for search engines stands where nobody looks. */
const BARE = '<!doctype html><html lang="en"><title>About</title><p>We press oil.</p></html>';
const FORGOTTEN = '<!doctype html><head><meta name="haggle-sku" content="OLIVE-500"><meta property="og:price:amount" content="19.00"></head><body><b data-haggle-sku="OLIVE-500">19,00 €</b></body>';
before(async () => {
  const extra = new Map([['/odd', ODD], ['/bare', BARE], ['/forgotten', FORGOTTEN]].map(([path, body]) => [path, { type: 'text/html; charset=utf-8', body }]));
  world = await openWorld({ shop: { extra }, locations: { 'pop-a': {}, reading: { MODE: 'atomic', AUDIT_SAMPLE: '1' }, catalogue: { FIRST_VIEW: 'catalogue' }, asking: { CONSENT: 'consent~yes' }, proving: { MODE: 'proven' } },
    experiments: [experiment({ floor: 0.02 }), otherExperiment('kozani', OTHER, CATALOGUE[OTHER])] });
});
after(() => world?.close());

/** A link to a page as somebody gets it: path and query. @param {Record<string, unknown>} wish @param {string} [page] @param {string} [location] */
async function linkTo(wish, page = PAGE, location = undefined) {
  const { status, text, body } = await world.admin('POST', '/haggle/v1/preview-links', { url: world.base(location) + page, ...wish });
  assert.equal(status, 200, text);
  const { pathname, search, hash } = new URL(body.url);
  return { ...body, path: pathname + search + hash };
}

/** What nothing of a preview may change. */
async function stored() {
  await world.sync();
  const { results } = await world.edge.db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'").all();
  const counts = await Promise.all(results.map(async ({ name }) => [name, (await world.edge.db.prepare(`SELECT COUNT(*) AS n FROM "${name}"`).first()).n]));
  return { ledger: await world.ledger(), totals: [await world.totals(), await world.totals('kozani')], rows: Object.fromEntries(counts.filter(([name]) => !/snapshot|publication|epoch|history/.test(name))) };
}

const pricesOf = ({ prices }) => Object.fromEntries(prices.filter(({ sku }) => sku in CATALOGUE).map(({ sku, price_minor }) => [sku, price_minor]));

/** A page of a preview is nobody's else. @param {{ headers: any }} page */
function isPrivate({ headers }) {
  assert.equal(headers['cache-control'], 'private, no-store');
  assert.equal(headers['x-robots-tag'], 'noindex');
  assert.equal(headers['referrer-policy'], 'same-origin');
  assert.equal(headers.etag, undefined);
  for (const cookie of headers['set-cookie'] ?? []) assert.doesNotMatch(cookie, /^haggle_/, 'no cookie of a visitor');
}

test('a link shows what the visitor is shown, in every mode, also where others see the catalogue prices or must agree first', async () => {
  const seen = new Set();
  for (const visitor of VISITORS) {
    const own = await world.shopper({ haggle_vid: visitor }).look(PAGE), { path } = await linkTo({ visitor });
    for (const location of [undefined, 'catalogue', 'asking', 'proving']) {
      const page = await world.shopper().look(path, { location });
      assert.deepEqual([page.status, page.reason, pricesOf(page)], [200, 'preview', pricesOf(own)], `${visitor} ${location}`);
      isPrivate(page);
    }
    seen.add(pricesOf(own)[SKU]);
  }
  assert.ok(seen.size > 1, 'the visitors see different prices, or nothing was compared');
});

test('a link shows the chosen arms, and the visitor’s prices everywhere else', async () => {
  for (const [arm, price_minor] of Object.entries(ARMS)) {
    const page = await world.shopper().look((await linkTo({ arms: { sevilla: arm } })).path);
    assert.equal(pricesOf(page)[SKU], price_minor, arm);
    assert.equal(claimsOf(page.quotes[SKU]).a, arm);
  }
  const held = await world.shopper().look((await linkTo({ arms: { sevilla: 'holdout', kozani: 'low' } }, '/')).path);
  assert.deepEqual(pricesOf(held), { [SKU]: 1900, [OTHER]: Math.round(CATALOGUE[OTHER] * 0.8) });
  const [visitor] = VISITORS, own = pricesOf(await world.shopper({ haggle_vid: visitor }).look('/'));
  const both = await world.shopper().look((await linkTo({ visitor, arms: { sevilla: 'gift' } }, '/')).path);
  assert.deepEqual(pricesOf(both), { ...own, [SKU]: 3000 });
});

test('the shop’s own links stay in the preview until it is ended, and who was a visitor before is so again', async () => {
  const shopper = world.shopper({ haggle_vid: VISITORS[3] }), own = pricesOf(await shopper.look('/'));
  const visitorCookies = new Map(shopper.cookies);
  const { path } = await linkTo({ arms: { sevilla: 'gift', kozani: 'low' } }, '/?from=mail');
  const first = await shopper.look(path);
  const [cookie, ...others] = first.headers['set-cookie'] ?? [];
  assert.equal(others.length, 0);
  assert.match(cookie, /^__Host-haggle_preview=[\w-]+; Path=\/; Max-Age=(3[5]\d\d|3600); Secure; HttpOnly; SameSite=Lax$/);
  for (const page of [first, await shopper.look('/')]) {
    assert.deepEqual([page.reason, pricesOf(page)], ['preview', { [SKU]: 3000, [OTHER]: 1192 }]);
    isPrivate(page);
  }
  const asked = await shopper.price(SKU);
  assert.deepEqual([asked.price_minor, asked.reason, claimsOf(asked.quote).preview], [3000, 'preview', true]);
  const image = await shopper.ask('/haggle/haggle.js');
  assert.match(String(image.headers['cache-control']), /public/, 'what is no page is left as it is');

  const over = await shopper.look('/?haggle-preview=off');
  assert.deepEqual(pricesOf(over), own);
  assert.equal(over.headers['cache-control'], 'private, no-store');
  assert.ok(over.headers['set-cookie'].includes('__Host-haggle_preview=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax'), String(over.headers['set-cookie']));
  const [bare, last] = await Promise.all(['/bare', '/bare?haggle-preview=off'].map((address) => world.shopper().ask(address, { location: 'asking' })));
  assert.deepEqual([bare.headers['cache-control'] === 'private, no-store', last.headers['cache-control']], [false, 'private, no-store'], 'what ends a preview is nobody else’s');
  shopper.cookies.delete('__Host-haggle_preview');
  assert.deepEqual(shopper.cookies, visitorCookies, 'the visitor and its pins are as they were');
  assert.deepEqual(pricesOf(await shopper.look('/')), own);
});

test('a preview is marked on the page, its client reports nothing, and the shop never sees the token', async () => {
  const { path } = await linkTo({ arms: { sevilla: 'gift' } }), page = await world.shopper().look(path);
  assert.match(page.text, /<div data-haggle-preview role="note"[^>]*>Preview: nothing here is counted/);
  assert.match(page.text, /"preview":true/);
  const plain = await world.shopper().look(PAGE);
  assert.doesNotMatch(plain.text, /preview/);
  // The way out of it is the same page with all else that its address has.
  assert.match(page.text, /<a href="\?haggle-preview=off" [^>]*>End the preview<\/a>/);
  const { path: other } = await linkTo({ arms: { sevilla: 'gift' } }, '/?q=a%22b&copy=1&from=mail');
  assert.match((await world.shopper().look(other)).text, /<a href="\?q=a%22b&amp;copy=1&amp;from=mail&amp;haggle-preview=off" [^>]*>End the preview<\/a>/);
  const script = await (await world.edge.fetchShop('/haggle/haggle.js')).text();
  assert.match(script, /if \(isPreview\) return;/);
});

test('the shop gets the address without the token', async () => {
  const lists = await startLists({ plain: {} });
  const other = await openWorld({ origin: lists.url });
  try {
    await publish(other, 'both');
    const [{ sku }] = itemsOf('both');
    const { body } = await other.admin('POST', '/haggle/v1/preview-links', { url: `${other.base()}/${sku}?plain`, visitor: 'a' });
    const { pathname, search } = new URL(body.url);
    const page = await other.shopper().ask(pathname + search);
    assert.deepEqual([page.status, page.reason], [200, 'preview'], 'the shop knows the query, which is `plain` alone');
    assert.equal(page.headers['last-modified'], undefined);
  } finally {
    await other.close();
    lists.stop();
  }
});

test('the token reaches the shop in no header, and the preview goes along where the shop sends the browser on', async () => {
  /** @type {import('node:http').IncomingHttpHeaders[]} */
  const heard = [];
  const server = createServer(({ url, headers }, response) => {
    heard.push({ ...headers, url });
    if (url === '/moved') return response.writeHead(302, { location: PAGE }).end();
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'public, max-age=600' });
    response.end('<!doctype html><title>Oil</title><p><span data-haggle-sku="OLIVE-500">€19.00</span></p>');
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(undefined)); });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const other = await openWorld({ origin: `http://127.0.0.1:${port}`, experiments: [experiment()], locations: { caching: { HTML_CACHE: 'on' } } });
  try {
    const { body } = await other.admin('POST', '/haggle/v1/preview-links', { url: `${other.base()}/moved`, arms: { sevilla: 'gift' } });
    const { pathname, search, searchParams } = new URL(body.url), token = String(searchParams.get('haggle-preview'));
    const shopper = other.shopper({ session: 's1' }), moved = await shopper.ask(pathname + search);
    assert.equal(moved.status, 302);
    isPrivate(moved);
    assert.equal(shopper.cookies.get('__Host-haggle_preview'), token);
    // What a browser sends for whatever is on the first page, and what a proxy before us might leave of the address.
    for (const method of ['GET', 'HEAD', 'POST']) {
      const headers = { referer: `${other.base()}${PAGE}?a=1&haggle-preview=${token}` };
      const page = await shopper.ask(PAGE, { method, headers });
      if (method === 'GET') assert.deepEqual([page.reason, /30[.,]00/.test(page.text)], ['preview', true]);
    }
    assert.equal(heard.length, 4);
    assert.ok(!JSON.stringify(heard).includes(token), JSON.stringify(heard));
    assert.ok(!JSON.stringify(heard).includes('haggle-preview'), JSON.stringify(heard));
    assert.deepEqual(heard.map(({ cookie }) => cookie), Array(4).fill('session=s1'));
    assert.deepEqual(heard.slice(1).map(({ referer }) => referer), Array(3).fill(`${other.base()}${PAGE}?a=1`));
    // What is in a preview is kept in our cache as little as any visitor's page, and read from there as anybody's.
    const kept = other.shopper({ '__Host-haggle_preview': token }), pages = [];
    for (let n = 0; n < 3; n += 1) pages.push(await kept.ask(`${PAGE}?kept`, { location: 'caching' }));
    for (const page of pages) {
      assert.match(page.text, /30[.,]00/);
      isPrivate(page);
    }
    assert.match((await other.shopper({ haggle_vid: VISITORS[0] }).ask(`${PAGE}?kept`, { location: 'caching' })).text, /"OLIVE-500"/);
    assert.ok(heard.filter(({ url }) => url === `${PAGE}?kept`).length < 4, 'the shop is asked no more than for anybody');
  } finally {
    await other.close();
    server.close();
  }
});

test('nothing of a preview is counted, stored, charged or rewarded', async () => {
  await world.sync();
  const before = await stored();
  const shopper = world.shopper(), { path } = await linkTo({ arms: { sevilla: 'gift', kozani: 'low' } });
  const page = await shopper.look(path), quote = page.quotes[SKU];
  assert.ok(quote, 'the form has a quote, which must be refused');
  const claims = claimsOf(quote);
  assert.deepEqual([claims.preview, claims.o, claims.p, claims.m, claims.exp], [true, SKU, 3000, MERCHANT, 1]);

  // The beacon of the page, and of a page that was kept in a preview which is over.
  assert.deepEqual((await shopper.expose(page.shown)).statuses, page.shown.map(() => 'ignored'));
  assert.deepEqual((await world.shopper().expose(page.shown)).statuses, page.shown.map(() => 'refused'));
  const exposed = await world.expose([quote]);
  assert.deepEqual([exposed.status, exposed.statuses], [400, ['refused']]);
  assert.match(exposed.body.results[0].error, /made for a preview/);
  assert.deepEqual((await world.reward(world.order([quote]))).statuses, ['refused']);

  const headers = { authorization: `Bearer ${world.edge.secrets.REWARDS_TOKEN}` };
  const { body } = await world.post('/haggle/v1/quotes/verify', { lines: [{ sku: SKU, quote }] }, { headers });
  assert.deepEqual([body.results[0].status, body.results[0].code, body.results[0].price_minor], ['refused', 'preview', 1900]);

  const keys = readKeys(world.edge.secrets.QUOTE_KEYS), now_s = Math.floor(Date.now() / 1000);
  assert.deepEqual(await verifyQuote(quote, { keys, sku: SKU, currency: 'EUR', merchant: MERCHANT, now_s }), { refused: 'expired' });
  assert.deepEqual(await verifyQuote(quote, { keys, sku: SKU, currency: 'EUR', merchant: MERCHANT, now_s: 0 }), { refused: 'preview' });
  const cart = new URLSearchParams({ sku: SKU, units: '1', haggle_quote: quote }).toString();
  const added = await shopper.ask('/cart', { method: 'POST', body: cart, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(added.status, 303, added.text);
  assert.match((await shopper.ask('/cart')).text, /<td class="unit">[^<]*19[.,]00/, 'the catalogue price is charged');

  for (const location of ['catalogue', 'asking', 'proving']) await world.shopper().look(path, { location });
  assert.deepEqual(await stored(), before);
});

test('a page that holds another price is left alone in a preview, and only a visitor’s look at it is counted', async () => {
  const { path } = await linkTo({ arms: { sevilla: 'gift' } }, '/odd'), mismatches = async () => (await world.health()).mismatches;
  const page = await world.shopper().look(path);
  assert.deepEqual([page.reason, page.text], ['surface-mismatch', ODD]);
  isPrivate(page);
  assert.deepEqual(await mismatches(), []);
  const forgotten = await linkTo({ arms: { sevilla: 'gift' } }, '/forgotten');
  const read = await world.shopper().look(forgotten.path, { location: 'reading' });
  assert.deepEqual([read.reason, /30[.,]00/.test(read.text), read.text.includes('content="19.00"')], ['preview', true, true]);
  assert.deepEqual((await world.health('reading')).mismatches, [], 'what is written into a preview is not read again');
  await world.shopper().look('/odd');
  assert.deepEqual((await mismatches()).map(({ sku, count }) => [sku, count]), [[SKU, 1]]);
});

test('a token that is over, cut, changed, of another host, shop or key, shows what anybody sees and says why', async () => {
  const [visitor] = VISITORS, { path } = await linkTo({ arms: { sevilla: 'gift' } });
  const own = pricesOf(await world.shopper({ haggle_vid: visitor }).look(PAGE));
  const token = new URL(path, 'http://shop').searchParams.get('haggle-preview') ?? '';
  const bytes = Buffer.from(token, 'base64url'), flipped = Buffer.from(bytes);
  flipped[0] ^= 1;
  const quote = (await world.shopper({ haggle_vid: visitor }).look(PAGE)).quotes[SKU];
  const elsewhere = await linkTo({ arms: { sevilla: 'gift' }, url: `http://other.example${PAGE}` });
  const foreign = new URL(elsewhere.url).searchParams.get('haggle-preview');
  for (const wrong of ['', 'x', token.slice(1), token.slice(0, -1), flipped.toString('base64url'), `${token}A`, foreign, quote, 'A'.repeat(4000), '%00', 'OFF']) {
    const shopper = world.shopper({ haggle_vid: visitor }), page = await shopper.look(`${PAGE}?haggle-preview=${wrong}`);
    assert.deepEqual([page.status, page.reason, pricesOf(page)], [200, 'priced', own], wrong);
    assert.match(String(page.headers['server-timing']), /haggle-preview;desc="preview-invalid"/, wrong);
    assert.equal(shopper.cookies.has('__Host-haggle_preview'), false);
    assert.equal(page.headers['x-robots-tag'], undefined);
    const kept = world.shopper({ haggle_vid: visitor, '__Host-haggle_preview': wrong ?? '' });
    assert.deepEqual(pricesOf(await kept.look(PAGE)), own);
    assert.equal((await kept.price(SKU)).price_minor, own[SKU]);
  }
});

test('a link ends when it says, and its cookie with it', async () => {
  const clocked = await openWorld({ experiments: [experiment()], clock: true });
  try {
    const start_ms = Date.now();
    await clocked.edge.setClock(start_ms);
    const { body } = await clocked.admin('POST', '/haggle/v1/preview-links', { url: clocked.base() + PAGE, arms: { sevilla: 'gift' }, minutes: 1 });
    const { pathname, search } = new URL(body.url), left_ms = body.expires_at_ms - start_ms;
    assert.ok(left_ms > 58_000 && left_ms <= 60_000, String(left_ms));
    const shopper = clocked.shopper();
    assert.equal((await shopper.look(pathname + search)).reason, 'preview');
    await clocked.edge.setClock(body.expires_at_ms);
    for (const path of [pathname + search, PAGE]) {
      const page = await shopper.look(path);
      assert.equal(page.reason, 'priced');
      assert.match(String(page.headers['server-timing']), /haggle-preview;desc="preview-expired"/);
    }
  } finally {
    await clocked.close();
  }
});

test('a wish that cannot be is refused with the reason, and so is who has no credential', async () => {
  const url = world.base() + PAGE, visitor = 'a';
  for (const [wish, why] of [
    [{ visitor }, /url is missing/],
    [{ url: PAGE, visitor }, /it must be the address of a page of the shop/],
    [{ url: world.edge.adminUrl, visitor }, /it must be on the shop's host/],
    [{ url }, /visitor is missing/],
    [{ url, visitor, minutes: 61 }, /minutes is 61; it must be 1 to 60/],
    [{ url, arms: { nowhere: 'low' } }, /arms\.nowhere is of no running experiment/],
    [{ url, arms: { sevilla: 'middle' } }, /it must be low, list, high, gift or holdout/],
    [{ url, visitor, arm: 'low' }, /arm is not known/],
  ]) {
    const { status, body } = await world.admin('POST', '/haggle/v1/preview-links', wish);
    assert.equal(status, 400, JSON.stringify(wish));
    assert.match(body.error, why);
  }
  assert.equal((await world.admin('POST', '/haggle/v1/preview-links', { url, visitor }, { headers: { authorization: '' } })).status, 401);
  assert.equal((await world.admin('GET', '/haggle/v1/preview-links')).status, 405);
  assert.equal((await world.post('/haggle/v1/preview-links', { url, visitor })).status, 404, 'not on the shop’s host');
  assert.equal((await world.admin('POST', '/haggle/v1/preview-links', { url, visitor: 'x'.repeat(20_000) })).status, 413);
});

test('where everybody sees the same prices a link shows them, and no cache keeps the page; an arm cannot be chosen', async () => {
  const lists = await startLists({ kept: { 'cache-control': 'public, max-age=600' } });
  const many = await openWorld({ origin: lists.url });
  try {
    const name = 'both';
    await publish(many, name);
    const shared = itemsOf(name).find(({ now }) => now !== null), path = `/${shared.sku}?kept`;
    const wish = { url: many.base() + path, visitor: 'a' }, { body } = await many.admin('POST', '/haggle/v1/preview-links', wish);
    const { pathname, search } = new URL(body.url), page = await many.shopper().ask(pathname + search);
    isPrivate(page);
    const own = await many.shopper().ask(path), strip = (text) => text.replace(/<(div data-haggle-preview|script|input)[\s\S]*/, '');
    assert.equal(strip(page.text), strip(own.text));
    const { status, body: refused } = await many.admin('POST', '/haggle/v1/preview-links', { ...wish, arms: { [shared.experiment]: 'low' } });
    assert.equal(status, 400);
    assert.match(refused.error, /it randomises items and everybody sees the same prices/);
  } finally {
    await many.close();
    lists.stop();
  }
});

test('the kill switch ends the prices of a preview, too, and a paused experiment keeps its catalogue price', async () => {
  const [visitor] = VISITORS, { path } = await linkTo({ visitor }, '/'), chosen = await linkTo({ arms: { sevilla: 'gift' } });
  assert.ok((await world.act('kozani', 'pause')).status < 300);
  await until('the pause holds', () => world.shopper().look(path), (page) => pricesOf(page)[OTHER] === CATALOGUE[OTHER]);
  assert.equal((await world.everywhere('stop')).status, 200);
  const stopped = await until('the stop holds', () => world.shopper().look(chosen.path), (page) => pricesOf(page)[SKU] === CATALOGUE[SKU]);
  assert.equal(stopped.reason, 'stopped');
  isPrivate(stopped);
  assert.equal((await world.everywhere('resume')).status, 200);
  await until('it goes on', () => world.shopper().look(chosen.path), (page) => pricesOf(page)[SKU] === 3000);
});

test('a link of other keys opens nothing', async () => {
  const { path } = await linkTo({ arms: { sevilla: 'gift' } });
  const other = await openWorld({ experiments: [experiment()], secrets: newSecrets() });
  try {
    const page = await other.shopper().look(path);
    assert.match(String(page.headers['server-timing']), /preview-invalid/);
    assert.equal(page.reason, 'priced');
  } finally {
    await other.close();
  }
});
