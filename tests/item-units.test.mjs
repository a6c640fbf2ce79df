/**
 * Where items are randomised, everybody sees one price: without a cookie, from the first view on, whoever asks; a page
 * with it is as cacheable as the shop says while the price holds.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { claimsOf, openWorld, until } from './kit.mjs';
import { itemsOf, publish, startLists } from './many-items.mjs';

const HOUR_S = 3600;
const CONTROLS = { week: 'public, max-age=600, s-maxage=604800, stale-while-revalidate=60, immutable', short: 'max-age=30', private: 'private, max-age=7200',
  never: 'no-store', strange: 'public, max-age=soon', spaced: 'public, max-age = 7200' };
const KINDS = { ...Object.fromEntries(Object.entries(CONTROLS).map(([kind, control]) => [kind, { 'cache-control': control }])), silent: {},
  edge: { 'cache-control': 'max-age=0', 'cdn-cache-control': 'max-age=604800', 'surrogate-control': 'max-age=604800', 'x-accel-expires': '604800', expires: 'Tue, 01 Sep 2037 10:00:00 GMT' },
  old: { 'cache-control': 'max-age=7200', age: '1000' }, session: { 'cache-control': 'public, max-age=60', 'set-cookie': 'session=1; Path=/' } };
const ITEMS = itemsOf('items'), ALL = `/${ITEMS.map(({ sku }) => sku).join('+')}`;
const NOW = Object.fromEntries(ITEMS.map(({ sku, now, catalogue }) => [sku, now ?? catalogue]));
const CATALOGUE = Object.fromEntries(ITEMS.map(({ sku, catalogue }) => [sku, catalogue]));
const CRAWLER = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' };
const CONSENT = 'consent~marketing:true';

/** @type {import('./kit.mjs').World} */
let world;
/** @type {Awaited<ReturnType<typeof startLists>>} */
let lists;
before(async () => {
  lists = await startLists(KINDS);
  world = await openWorld({ origin: lists.url, locations: { stream: {}, proven: { MODE: 'proven', FIRST_VIEW: 'catalogue' }, atomic: { MODE: 'atomic' },
    consent: { CONSENT }, cached: { HTML_CACHE: 'on' } } });
  await publish(world, 'items');
});
after(async () => {
  await world?.close();
  lists?.stop();
});

const prices = (page) => Object.fromEntries([...page.text.matchAll(/data-haggle-sku="([^"]+)">([\d.]+),(\d\d)/g)].map(([, sku, major, minor]) => [sku, Number(major.replace('.', '') + minor)]));
const secondsIn = (control, name) => Number(new RegExp(`(?:^|[ ,])${name}=(\\d+)`).exec(control)?.[1] ?? NaN);

test('everybody sees the same page, in every mode, with the prices of the arms and the catalogue prices of negative items', async () => {
  assert.notDeepEqual(NOW, CATALOGUE);
  const hour = () => Math.floor(Date.now() / 1000 / HOUR_S), pages = [], began = hour();
  for (const location of ['stream', 'proven', 'atomic', 'consent']) {
    for (const headers of [{}, CRAWLER, { cookie: 'haggle_vid=0123456789abcdef0123456789abcdef' }]) {
      const shopper = world.shopper();
      for (let view = 0; view < 2; view += 1) {
        const page = await shopper.ask(`${ALL}?short`, { location, headers });
        assert.deepEqual([page.status, page.reason], [200, 'priced'], location);
        assert.deepEqual(prices(page), NOW, location);
        if (location !== 'consent') assert.equal(page.headers['set-cookie'], undefined, 'nobody is named');
        pages.push(page.text);
      }
    }
  }
  assert.ok(new Set(pages).size <= 1 + hour() - began, 'with the same quotes, which are those of the hour');
});

test('a page may be kept as long as the shop says, and no longer than the prices hold', async () => {
  for (const location of ['stream', 'proven', 'atomic']) {
    const control = async (kind) => {
      const { headers } = await world.shopper().ask(`${ALL}?${kind}`, { location });
      assert.deepEqual([headers.etag, headers['last-modified'], headers.expires, headers['x-accel-expires']], [undefined, undefined, undefined, undefined], kind);
      return headers;
    };
    const week = String((await control('week'))['cache-control']);
    assert.match(week, /^public, max-age=600, s-maxage=\d+$/);
    assert.ok(secondsIn(week, 's-maxage') <= HOUR_S && secondsIn(week, 's-maxage') > HOUR_S - 600, week);
    assert.equal((await control('short'))['cache-control'], 'max-age=30');
    const own = String((await control('private'))['cache-control']);
    assert.ok(own.startsWith('private, max-age=') && secondsIn(own, 'max-age') <= HOUR_S, own);
    assert.equal((await control('never'))['cache-control'], 'no-store');
    assert.equal((await control('strange'))['cache-control'], 'public, max-age=0');
    const spaced = String((await control('spaced'))['cache-control']);
    assert.ok(secondsIn(spaced, 'max-age') <= HOUR_S, spaced);
    assert.equal((await control('silent'))['cache-control'], undefined);
    const edge = await control('edge');
    for (const name of ['cdn-cache-control', 'surrogate-control']) assert.ok(secondsIn(edge[name], 'max-age') <= HOUR_S, `${name}: ${edge[name]}`);
    assert.equal(edge['cache-control'], 'max-age=0');
    const old = await control('old');
    assert.ok(secondsIn(old['cache-control'], 'max-age') - Number(old.age) <= HOUR_S, 'the age is part of it');
    const session = await control('session');
    assert.deepEqual(session['set-cookie'], ['session=1; Path=/']);
  }
});

test('a price that ends in a minute is kept for less than that, and one whose time is over for none', async () => {
  await publish(world, 'items', { until_ms: Date.now() + 40_000 });
  const { headers } = await world.shopper().ask(`${ALL}?week`);
  for (const name of ['max-age', 's-maxage']) assert.ok(secondsIn(headers['cache-control'], name) <= 40, String(headers['cache-control']));
  const api = await world.shopper().ask('/haggle/v1/price?sku=BREAD-1');
  assert.ok(secondsIn(api.headers['cache-control'], 'max-age') <= 40, String(api.headers['cache-control']));
  await publish(world, 'items', { until_ms: Date.now() - 1000 });
  const over = await world.shopper().ask(`${ALL}?week`);
  assert.equal(over.headers['cache-control'], 'public, max-age=0, s-maxage=0');
  assert.deepEqual(prices(over), NOW, 'until the next is published');
  await publish(world, 'items');
});

test('what comes from our own cache is kept by no other', async () => {
  const ask = async () => {
    const page = await world.shopper().ask(`${ALL}?short`, { location: 'cached' });
    assert.deepEqual(prices(page), NOW);
    return page.headers['cache-control'];
  };
  const first = await ask();
  assert.ok(['max-age=30', 'private, no-store'].includes(String(first)), first);
  // A page is put into the cache after its answer has gone out.
  await until('it comes from the cache', ask, (control) => control === 'private, no-store');
});

test('a conditional request for the shop\'s page gets the priced one, and HEAD has no cookie', async () => {
  const page = await world.shopper().ask(`${ALL}?week`, { headers: { 'if-none-match': `"${ALL}"` } });
  assert.deepEqual([page.status, prices(page)], [200, NOW]);
  const head = await world.shopper().ask(`${ALL}?week`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.bytes.length, head.headers['set-cookie']], [200, 0, undefined]);
  assert.deepEqual([head.headers.etag, head.headers['last-modified'], head.headers['content-length']], [undefined, undefined, undefined], 'they are of other bytes');
  assert.ok(secondsIn(head.headers['cache-control'], 's-maxage') <= HOUR_S, String(head.headers['cache-control']));
});

test('the price API says the same to everybody, for a minute at most', async () => {
  const answers = await Promise.all([{}, { haggle_vid: 'f'.repeat(32) }].map((cookies) => world.shopper(cookies).ask('/haggle/v1/price?sku=BREAD-1')));
  assert.equal(answers[0].text, answers[1].text);
  const [{ headers, text }] = answers, body = JSON.parse(text);
  assert.deepEqual([headers['cache-control'], headers['set-cookie']], ['public, max-age=60', undefined]);
  assert.deepEqual([body.price_minor, body.currency, body.reason], [NOW['BREAD-1'], 'EUR', 'priced']);
  const { u, o, p, pp, x, a, w, e, iat } = claimsOf(body.quote);
  assert.deepEqual([u, o, p, pp, x, a, w, e], ['item', 'BREAD-1', 405, 450, 'cadiz', 'low', 21_845, 4]);
  assert.ok(iat % 60 === 0 && Math.abs(iat - (Date.now() / 1000 - HOUR_S)) < 300, 'when the item got its arm');
  assert.equal(new RegExp(`name="haggle_quote" value="${body.quote}"`).test((await world.shopper().ask(`${ALL}?short`)).text), true, 'the page has the same quote');
  const negative = await world.shopper().price('SALT-1');
  assert.deepEqual([negative.price_minor, negative.quote, negative.reason], [CATALOGUE['SALT-1'], null, 'catalogue']);
});

test('a checkout is told everybody\'s price, with the quote and without a good one', async () => {
  const { quote } = await world.shopper().price('KNIFE-20');
  const verify = async (lines) => {
    const headers = { authorization: `Bearer ${world.edge.secrets.REWARDS_TOKEN}` };
    const { body } = await world.post('/haggle/v1/quotes/verify', { lines }, { headers });
    return body.results.map(({ status, price_minor, code }) => [status, price_minor, code]);
  };
  assert.deepEqual(await verify([{ sku: 'KNIFE-20', quote }, { sku: 'KNIFE-20', quote: 'x' }, { sku: 'BREAD-1', quote }]),
    [['valid', NOW['KNIFE-20'], undefined], ['refused', NOW['KNIFE-20'], 'malformed'], ['refused', NOW['BREAD-1'], 'another-item']]);
});

test('seeing what everybody sees is no exposure', async () => {
  const shopper = world.shopper();
  assert.deepEqual(await shopper.expose([{ sku: 'BREAD-1', price_minor: NOW['BREAD-1'] }]), { status: 200, statuses: ['ignored'] });
  const { quote } = await shopper.price('BREAD-1');
  const { status, body } = await world.post('/haggle/v1/exposures', { quotes: [quote] });
  assert.deepEqual([status, body.results], [200, [{ status: 'ignored' }]]);
  assert.deepEqual([...shopper.cookies.keys()], []);
});

test('while it is paused, everybody sees the catalogue prices, and a quote is honoured', async () => {
  const { quote } = await world.shopper().price('KNIFE-20');
  await publish(world, 'paused');
  const page = await world.shopper().ask(`${ALL}?short`);
  assert.deepEqual([prices(page), page.headers['cache-control'], page.headers['set-cookie']], [CATALOGUE, 'max-age=30', undefined]);
  const headers = { authorization: `Bearer ${world.edge.secrets.REWARDS_TOKEN}` };
  const { body } = await world.post('/haggle/v1/quotes/verify', { lines: [{ sku: 'KNIFE-20', quote }] }, { headers });
  assert.deepEqual([body.results[0].status, body.results[0].price_minor], ['valid', NOW['KNIFE-20']]);
  await publish(world, 'items');
});

test('beside an experiment on visitors, a page is the visitor\'s own, and still has everybody\'s prices from the first view on', async () => {
  await publish(world, 'both');
  const visitors = itemsOf('visitors').filter(({ prices: [price] }) => price !== null);
  const path = `${ALL}+${visitors.map(({ sku }) => sku).join('+')}?week`;
  const first = world.shopper(), where = { location: 'proven' };
  for (let view = 0; view < 2; view += 1) {
    const page = await first.ask(path, where), shown = prices(page);
    assert.equal(page.headers['cache-control'], 'private, no-store');
    for (const { sku, catalogue } of visitors) assert.equal(shown[sku], catalogue, 'what was seen is kept');
    for (const { sku } of ITEMS) assert.equal(shown[sku], NOW[sku], sku);
  }
  assert.ok(first.cookies.has('haggle_vid') && first.cookies.has('haggle_pins'));
  const refused = await world.shopper().ask(path, { location: 'consent' });
  assert.deepEqual([prices(refused)['BREAD-1'], prices(refused)['OLIVE-500'], refused.headers['set-cookie']], [NOW['BREAD-1'], 1900, undefined]);
  const left = await world.shopper({ haggle_vid: 'f'.repeat(32), haggle_pins: 'x' }).ask(path, { location: 'consent' });
  assert.equal(left.headers['cache-control'], 'private, no-store', 'cookies are taken back');
  assert.equal(left.headers['set-cookie']?.length, 2);
  const api = await world.shopper().ask('/haggle/v1/price?sku=BREAD-1');
  assert.deepEqual([api.headers['cache-control'], api.headers['set-cookie']], ['public, max-age=60', undefined]);
  await publish(world, 'items');
});

test('the kill switch takes everybody back to the catalogue prices, and resume goes on', async () => {
  const { status, body } = await world.everywhere('stop');
  assert.equal(status, 200, JSON.stringify(body));
  await world.served(body.version, 'stream');
  const page = await world.shopper().ask(`${ALL}?short`, { location: 'stream' });
  assert.deepEqual([page.reason, prices(page)], ['stopped', CATALOGUE]);
  const api = await world.shopper().price('BREAD-1', { location: 'stream' });
  assert.deepEqual([api.price_minor, api.quote], [450, null]);
  const resumed = await world.everywhere('resume');
  await world.served(resumed.body.version, 'stream');
  assert.deepEqual(prices(await world.shopper().ask(`${ALL}?short`, { location: 'stream' })), NOW);
});

test('an experiment on items, from its file to the page, the price API and the feed of the shop', async () => {
  const lines = ITEMS.map(({ sku, catalogue }) => JSON.stringify({ sku, price_minor: catalogue }));
  const pushed = await world.admin('POST', '/haggle/v1/catalogue', lines.join('\n'));
  assert.equal(pushed.status, 200, pushed.text);
  const arms = [['list', 1], ['low', 0.9], ['high', 1.1]].map(([name, multiplier]) => ({ name, multiplier }));
  await world.run([{ name: 'lugo', hypothesis: 'prices matter', document: 'https://wiki.example/lugo', author: 'Maria Ruiz', objective: 'revenue', currency: 'EUR',
    salt: 'lugo', control: 'list', policy: { name: 'fixed', shares: [0, 0.5, 0.5] }, floor: 0, unit: 'item', scope: { items: 'all' }, sample: { negative: 1 }, arms }]);
  const { version } = await world.sync();
  await world.served(version, 'stream');
  const prices_of = async (format) => (await world.admin('GET', `/haggle/v1/experiments/lugo/prices?format=${format}`));
  const { status, text } = await prices_of('merchant');
  assert.equal(status, 200, text);
  const feed = Object.fromEntries(text.trim().split('\n').slice(1).map((line) => line.split('\t')));
  const shown = prices(await world.shopper().ask(`${ALL}?short`, { location: 'stream' }));
  assert.deepEqual(feed, Object.fromEntries(Object.entries(shown).map(([sku, minor]) => [sku, `${(minor / 100).toFixed(2)} EUR`])), 'the feed says what the page does');
  assert.equal(Object.entries(shown).filter(([sku, minor]) => minor !== CATALOGUE[sku]).length, ITEMS.length - 1, 'all but the negative item');
  const { body } = await prices_of('json');
  for (const { sku, now_minor } of body.items) assert.equal((await world.shopper().price(sku, { location: 'stream' })).price_minor, now_minor, sku);
  assert.equal((await prices_of('tsv')).text.split('\n')[0], 'Id\tlist\tlow\thigh\tNow');
  const wrong = await prices_of('csv');
  assert.deepEqual([wrong.status, wrong.body.error], [400, 'format is "csv"; it must be one of tsv, json, merchant']);
});
