/**
 * What reaches the browser is the shop's page: untouched where nothing is priced, and else changed in the prices, the
 * script tag and the hidden quote fields only.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, test } from 'node:test';

import { BROWSER, experiment, openWorld, otherExperiment, received, until } from './kit.mjs';
import { send } from './http.mjs';
import { BINARY, LONG, MARKUP, PRODUCT, startOddOrigin } from './odd-origin.mjs';
import { PUBLIC_PATHS } from './shop/server.mjs';
import { assertOnlyPricesDiffer } from './undo.mjs';

const EXPERIMENTS = [experiment(), otherExperiment('napoli', 'OVEN-80', 189_900), otherExperiment('kozani', 'SAFFRON-2', 1490),
  otherExperiment('toledo', 'KNIFE-21', 12_900), otherExperiment('milano', 'MILL-30', 245_000)];
const COMPRESSED = { 'accept-encoding': 'gzip, br' };
const PERSONAL = ['etag', 'last-modified', 'expires', 'age', 'surrogate-control', 'cdn-cache-control', 'cloudflare-cdn-cache-control',
  'edge-control', 'x-accel-expires', 'content-digest'];

/** @type {Awaited<ReturnType<typeof startOddOrigin>>} */
let odd;
/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  odd = await startOddOrigin();
  const MODES = Object.fromEntries(['proven', 'atomic'].map((mode) => [mode, { ORIGIN: odd.url, MODE: mode }]));
  const cached = { ORIGIN: odd.url, HTML_CACHE: 'on' };
  world = await openWorld({ locations: { shop: {}, odd: { ORIGIN: odd.url }, cached, ...MODES, catalogue: { FIRST_VIEW: 'catalogue' } } });
});
after(async () => {
  await world?.close();
  await odd?.stop();
});

const direct = async (url, init = {}) => received(await send(url, { ...init, headers: { ...BROWSER, ...init.headers } }));
const through = async (path, location = 'shop', init = {}) => received(await send(world.base(location) + path,
  { ...init, headers: { ...BROWSER, ...init.headers } }));

const TOLD = ['content-type', 'content-encoding', 'content-range', 'location', 'set-cookie', 'etag', 'last-modified', 'cache-control', 'vary',
  'expires', 'retry-after'];

/** The same in status, type, cache headers and every byte, as it went over the wire. */
async function assertUntouched(path, location, init = {}) {
  const origin = await direct((WITH_AND_WITHOUT_CACHE.includes(location) ? odd.url : world.shop.url) + path, init);
  const served = await through(path, location, init);
  const seen = ({ status, headers }) => [status, ...TOLD.map((name) => headers[name])];
  assert.deepEqual(seen(served), seen(origin), path);
  assert.ok(served.raw.equals(origin.raw), `${path}: ${served.raw.length} bytes are not the ${origin.raw.length} of the origin`);
  return served;
}

/** Where the odd origin is asked, and where its pages may come out of a cache of ours. */
const WITH_AND_WITHOUT_CACHE = ['odd', 'cached'];

/** A session with something in its cart, at the origin itself: the shop's cookie, and the page of its order. */
async function orderedSession() {
  const form = { method: 'POST', body: 'sku=OLIVE-500&units=2', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const buy = async (cookie) => (await send(`${world.shop.url}/cart`,
    { ...form, headers: { ...form.headers, ...(cookie ? { cookie } : {}) } })).resume();
  const cookie = (await buy()).headers['set-cookie'][0].split(';')[0];
  const order = await send(`${world.shop.url}/checkout`, { method: 'POST', body: '', headers: { cookie } });
  order.resume();
  await buy(cookie);
  return { cookie, thanks: String(order.headers.location) };
}

async function assertShopUntouched() {
  const { cookie, thanks } = await orderedSession();
  for (const path of [...PUBLIC_PATHS, '/nowhere', '/product/NOT-HERE', '/?a=%20b&c=%zz']) await assertUntouched(path, 'shop');
  for (const path of ['/cart', thanks]) await assertUntouched(path, 'shop', { headers: { cookie } });
  for (const path of ['/gzip', '/br', '/plain', '/long', '/pieces', '/windows-1252', '/meta-charset', '/utf-16',
    ...Object.keys(MARKUP).map((name) => `/markup/${name}`)]) {
    await assertUntouched(path, 'odd', { headers: COMPRESSED });
  }
}

test('before the first snapshot every page has the origin\'s bytes, and says why', async () => {
  await assertShopUntouched();
  const { headers } = await through('/');
  assert.match(headers['server-timing'], /haggle;desc="no-snapshot"/);
});

test('with no experiment running every page has the origin\'s bytes, and says why', async () => {
  await world.sync();
  await assertShopUntouched();
  const { headers } = await through('/');
  assert.match(headers['server-timing'], /haggle;desc="no-experiment"/);
  assert.equal(headers['set-cookie'], undefined, 'nobody is named without need');
});

let published;
/** Starts the experiments, once; afterwards every location serves them. */
function experimentsRun() {
  const served = ({ version }) => Promise.all([...world.edge.urls.keys()].map((location) => world.served(version, location)));
  published ??= world.run(EXPERIMENTS).then(served);
  return published;
}

test('with experiments running only prices, the script tag and the hidden fields differ, on every page of the shop', async () => {
  await experimentsRun();
  let changed = 0;
  for (const shopper of Array.from({ length: 6 }, () => world.shopper())) {
    for (const path of PUBLIC_PATHS.filter((one) => one !== '/style.css')) {
      const page = await shopper.ask(path), origin = await direct(world.shop.url + path);
      assert.deepEqual([page.status, page.headers['content-type'], page.reason], [200, origin.headers['content-type'], 'priced'], path);
      const found = assertOnlyPricesDiffer(page.text, origin.text);
      assert.ok(page.bytes.equals(Buffer.from(page.text)), 'the page is UTF-8');
      const priced = EXPERIMENTS.some(({ item }) => path.endsWith(`/${item.sku}`));
      assert.equal(found.fields, Number(priced), `${path}: a quote in the form of each priced item`);
      if (path === '/') assert.equal(found.prices, EXPERIMENTS.length);
      if (path === '/about') assert.ok(page.bytes.equals(origin.bytes));
      changed += found.changed;
    }
    await assertUntouched('/style.css', 'shop');
  }
  assert.ok(changed > 10, `only ${changed} prices were changed: this shows little`);
});

test('cart, order and missing pages keep their bytes while experiments run', async () => {
  await experimentsRun();
  const { cookie, thanks } = await orderedSession();
  for (const path of ['/cart', thanks]) {
    const [page, origin] = [await through(path, 'shop', { headers: { cookie } }), await direct(world.shop.url + path, { headers: { cookie } })];
    assert.ok(page.bytes.equals(origin.bytes), path);
  }
  await assertUntouched('/nowhere', 'shop');
});

/** A visitor to whom the oil and the oven are not shown at their catalogue prices. @returns {Promise<Record<string, string>>} */
async function movedVisitor() {
  for (let at = 0; at < 200; at += 1) {
    const cookies = { haggle_vid: at.toString(16).padStart(32, 'b') };
    const shown = await Promise.all(['OLIVE-500', 'OVEN-80'].map((sku) => world.shopper(cookies).price(sku)));
    if (shown[0].price_minor !== 1900 && shown[1].price_minor !== 189_900) return cookies;
  }
  return assert.fail('no visitor of 200 sees other prices');
}

test('pages in gzip, in brotli and in chunks are priced and decode to the origin\'s page', async () => {
  await experimentsRun();
  for (const location of WITH_AND_WITHOUT_CACHE) {
    for (const path of ['/gzip', '/br', '/gzip', '/br', '/pieces', '/pieces']) {
      for (const headers of [COMPRESSED, {}, { 'accept-encoding': 'identity' }]) {
        const page = await through(path, location, { headers });
        assert.deepEqual(assertOnlyPricesDiffer(page.text, PRODUCT).fields, 1, `${path} at ${location} ${JSON.stringify(headers)}`);
      }
    }
  }
});

/** How many prices of each page are the catalogue's. @type {Record<string, number>} */
const MOVED = { 'three-formats': 4, thousands: 3, 'attributes-stay': 1, 'void-and-unclosed': 3, 'no-end': 2, entities: 1, 'signs-of-all-kinds': 1,
  'upper-case': 2, nested: 2, 'right-and-wrong': 1 };
/** Read while they stream by, these show a price before another one of the same item turns out to be wrong. */
const ONLY_WHOLE = ['right-and-wrong'];

for (const location of ['odd', 'proven', 'atomic']) {
  test(`odd markup comes out whole, with nothing but its prices changed (${location === 'odd' ? 'stream' : location})`, async (t) => {
    await experimentsRun();
    const shopper = world.shopper(await movedVisitor());
    for (const [name, origin] of Object.entries(MARKUP)) {
      if (location === 'odd' && ONLY_WHOLE.includes(name)) continue;
      await t.test(name, async () => {
        // The second time a proven page streams.
        for (const page of [await shopper.ask(`/markup/${name}`, { location }), await shopper.ask(`/markup/${name}`, { location })]) {
          assert.equal(page.status, 200);
          const found = assertOnlyPricesDiffer(page.text, origin);
          assert.equal(found.changed, MOVED[name] ?? 0, 'prices that moved');
        }
      });
    }
  });
}

test('a price that arrives in pieces, a long page and another encoding come out whole', async () => {
  await experimentsRun();
  const shopper = world.shopper(await movedVisitor()), where = { location: 'odd' };
  assert.equal(assertOnlyPricesDiffer((await shopper.ask('/pieces', where)).text, PRODUCT).changed, 3);
  assert.equal(assertOnlyPricesDiffer((await shopper.ask('/long', where)).text, LONG).changed, 1);
  const latin = latinWithout(await shopper.ask('/windows-1252', where));
  assert.match(latin, /^<p>caf\xe9 <span data-haggle-sku="OLIVE-500">(16|24|30),00 \x80<\/span> \xdf<\/p>$/);
  const { text } = await shopper.ask('/deeper', where);
  assert.match(text, /^<span data-haggle-sku="OLIVE-500"><sup>€<\/sup><b>(16|24|30),00<\/b><\/span><script [^>]*><\/script>$/);
});

/** A page of one byte per sign, without the script tag. @param {{ bytes: Buffer }} page */
const latinWithout = ({ bytes }) => bytes.toString('latin1').replace(/<script.*<\/script>/, '');

test('a page in an encoding whose signs are not those of ASCII stays untouched, with the reason', async () => {
  await experimentsRun();
  const origin = await direct(`${odd.url}/utf-16`);
  for (const location of ['odd', 'proven']) {
    const { reason, raw, headers } = await world.shopper().ask('/utf-16', { location });
    assert.equal(reason, 'charset');
    assert.ok(raw.equals(origin.raw));
    assert.equal(headers['set-cookie'], undefined);
  }
  for (const path of ['/utf-16-untold', '/iso-2022-jp', '/deflate', '/x-gzip', '/GZIP']) {
    const { raw } = await world.shopper().ask(path, { location: 'odd' });
    assert.ok(raw.equals((await direct(odd.url + path)).raw), path);
    assert.equal((await world.shopper().ask(path, { location: 'proven' })).reason, 'charset', path);
  }
});

test('a page in an encoding of a name that nobody knows is priced, and keeps every other byte', async () => {
  await experimentsRun();
  const latin = latinWithout(await world.shopper(await movedVisitor()).ask('/unknown-charset', { location: 'odd' }));
  assert.match(latin, /^<p>caf\xe9 <span data-haggle-sku="OLIVE-500">(16|24|30),00 \x80<\/span> \xdf<\/p>$/);
});

test('a page that says its encoding in a meta tag only keeps every byte that is not a price', async () => {
  await experimentsRun();
  const latin = latinWithout(await world.shopper(await movedVisitor()).ask('/meta-charset', { location: 'odd' }));
  assert.match(latin, /^<meta charset="windows-1252"><p>caf\xe9 <span data-haggle-sku="OLIVE-500">(16|19|24|30),00 \x80<\/span> \xdf<\/p>$/);
});

test('redirects, errors and what is not HTML stay untouched while experiments run, cache or not', async () => {
  await experimentsRun();
  for (const location of WITH_AND_WITHOUT_CACHE) {
    const paths = ['/303', '/301', '/404', '/410', '/500', '/503', '/204', '/json', '/text', '/xhtml', '/untyped', '/binary'];
    // The second time would be the one out of a cache.
    for (const path of [...paths, ...paths]) {
      const { headers } = await assertUntouched(path, location, { headers: COMPRESSED });
      assert.equal(String(headers['set-cookie'] ?? '').includes('haggle'), false, path);
    }
    const image = { accept: 'image/avif,image/webp,*/*;q=0.8' };
    assert.ok((await assertUntouched('/binary', location, { headers: image })).raw.equals(BINARY));
    assert.equal((await assertUntouched('/binary', location, { headers: { ...image, range: 'bytes=16-31' } })).status, 206);
    assert.match((await through('/500', location)).headers['server-timing'], /haggle;desc="origin-status"/);
    assert.match((await through('/json', location)).headers['server-timing'], /haggle;desc="not-html"/);
  }
  const unchanged = { accept: 'text/css', 'if-none-match': (await through('/style.css')).headers.etag };
  assert.equal((await assertUntouched('/style.css', 'shop', { headers: unchanged })).status, 304);
});

test('every other method passes with its body and headers', async () => {
  await experimentsRun();
  const body = Buffer.concat([BINARY, BINARY]);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const sent = { method, body, headers: { cookie: 'haggle_vid=x; other=1', 'x-one': 'two', 'content-type': 'application/octet-stream' },
      host: 'shop.example:8443' };
    const answer = await through('/echo/a%20b?c=%20d&e', 'odd', sent);
    const echo = JSON.parse(answer.text);
    assert.deepEqual([answer.status, answer.headers['x-echo'], echo.method, echo.url], [201, 'yes', method, '/echo/a%20b?c=%20d&e']);
    assert.ok(Buffer.from(echo.body, 'base64').equals(body), method);
    assert.deepEqual([echo.headers.cookie, echo.headers['x-one'], echo.headers['x-forwarded-host']],
      ['haggle_vid=x; other=1', 'two', 'shop.example:8443']);
  }
});

test('a WebSocket passes, in both directions', async () => {
  await experimentsRun();
  const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const asked = request(`${world.base('cached')}/chat`, { headers, agent: false }).end();
  const [{ statusCode }, socket, first] = await once(asked, 'upgrade');
  assert.equal(statusCode, 101);
  let heard = first;
  socket.on('data', (bytes) => { heard = Buffer.concat([heard, bytes]); });
  const hears = (text) => until(`the WebSocket says ${text}`, async () => heard.toString('latin1'), (all) => all.includes(text));
  await hears('hello');
  // A text of five characters under a mask of zeros.
  socket.write(Buffer.concat([Buffer.of(0x81, 0x85, 0, 0, 0, 0), Buffer.from('19.00')]));
  await hears('19.00');
  socket.destroy();
});

test('HEAD answers as the origin does, cache or not', async () => {
  await experimentsRun();
  const plain = WITH_AND_WITHOUT_CACHE.flatMap((location) => ['/plain', '/404', '/303'].map((path) => [path, location]));
  for (const [path, location] of [['/', 'shop'], ['/product/OLIVE-500', 'shop'], ...plain]) {
    await through(path, location);
    const { raw } = await assertUntouched(path, location, { method: 'HEAD' });
    assert.equal(raw.length, 0);
  }
});

test('a browser that asks whether a page changed, or for a part of it, gets the whole priced page', async () => {
  await experimentsRun();
  for (const headers of [{ 'if-none-match': '"odd-1"' }, { 'if-modified-since': 'Tue, 01 Sep 2026 10:00:00 GMT' }, { range: 'bytes=0-99' }]) {
    const name = Object.keys(headers)[0];
    assert.notEqual((await direct(`${odd.url}/conditional`, { headers })).status, 200, `the origin must heed ${name}, else this shows nothing`);
    for (const location of WITH_AND_WITHOUT_CACHE) {
      const page = await through('/conditional', location, { headers });
      assert.equal(page.status, 200, name);
      assert.equal(assertOnlyPricesDiffer(page.text, PRODUCT).fields, 1);
    }
  }
});

test('a script that fetches a page and asks whether it changed gets the whole priced page too', async () => {
  await experimentsRun();
  const headers = { accept: '*/*', 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors', 'if-none-match': '"odd-1"' };
  const page = await through('/conditional', 'odd', { headers });
  assert.equal(page.status, 200);
  assert.equal(assertOnlyPricesDiffer(page.text, PRODUCT).fields, 1);
});

test('a response with personal prices is private, not stored and has nothing to revalidate with', async () => {
  await experimentsRun();
  const origin = await direct(`${odd.url}/plain`);
  for (const name of PERSONAL) assert.ok(origin.headers[name], `the origin must send ${name}, else this shows nothing`);
  const page = await through('/plain', 'odd'), price = await through('/haggle/v1/price?sku=OLIVE-500', 'odd');
  const first = await through('/product/OLIVE-500', 'catalogue'), about = await through('/about');
  for (const { headers } of [page, price, first, about]) {
    assert.equal(headers['cache-control'], 'private, no-store');
    for (const name of PERSONAL) assert.equal(headers[name], undefined, name);
  }
  assert.equal(page.headers.vary, origin.headers.vary);
});

test('our cookies are Secure, HttpOnly and SameSite=Lax, and a visitor is named once', async () => {
  await experimentsRun();
  const shopper = world.shopper();
  const { headers } = await shopper.ask('/product/OLIVE-500');
  const set = headers['set-cookie'];
  assert.deepEqual(set.map((line) => line.split('=')[0]), ['haggle_vid', 'haggle_pins']);
  for (const line of set) {
    const attributes = line.split('; ').slice(1).map((one) => one.toLowerCase());
    for (const wanted of ['secure', 'httponly', 'samesite=lax', 'path=/']) assert.ok(attributes.includes(wanted), `${wanted} in ${line}`);
    assert.equal(attributes.some((one) => one.startsWith('domain=')), false);
    assert.ok(line.length <= 1200);
  }
  assert.match(shopper.cookies.get('haggle_vid'), /^[0-9a-f]{32}$/);
  assert.equal((await shopper.ask('/product/OLIVE-500')).headers['set-cookie'], undefined, 'and not again');
  const other = world.shopper();
  await other.ask('/');
  assert.notEqual(other.cookies.get('haggle_vid'), shopper.cookies.get('haggle_vid'));
});

test('what the origin says in Server-Timing and Set-Cookie stays beside ours', async () => {
  await experimentsRun();
  const { headers } = await through('/timed', 'odd');
  assert.match(headers['server-timing'], /db;dur=12.*haggle;desc="priced"/);
  assert.deepEqual(headers['set-cookie'].slice(0, 2), ['a=1; Path=/', 'b=2; HttpOnly']);
  assert.equal(headers['set-cookie'].length, 4);
});

test('the counts by reason in health grow with what was served', async () => {
  await experimentsRun();
  const before = (await world.health('odd')).reasons;
  const shopper = world.shopper();
  for (const path of ['/plain', '/plain', '/404', '/markup/another-number']) await shopper.ask(path, { location: 'odd' });
  const { reasons } = await world.health('odd');
  const grown = (name) => (reasons[name] ?? 0) - (before[name] ?? 0);
  assert.deepEqual([grown('priced'), grown('origin-status'), grown('surface-mismatch')], [3, 1, 1]);
});

test('an item whose price could not be written gives its quote neither to the form nor to the client', async () => {
  await experimentsRun();
  const shopper = world.shopper();
  const text = async (path) => (await shopper.ask(path, { location: 'odd' })).text;
  assert.match(await text('/conditional'), /haggle_quote[^]*data-haggle='/, 'else this shows nothing');
  assert.doesNotMatch(await text('/markup/form-of-another-number'), /haggle_quote|data-haggle='/);
});
