/**
 * The browser: Chromium at the demo shop through the real Worker.
 *
 * The shop's host is `shop.localhost`: Chromium resolves such names to this machine and keeps Secure cookies for them.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import { startChromium, watchPictures } from './chromium.mjs';
import { newSecrets } from './edge.mjs';
import { claimsOf, experiment, openWorld, otherExperiment, until } from './kit.mjs';
import { readPrice } from './shop/money.mjs';
import { CATALOGUE } from './shop/server.mjs';
import { storefronts } from './storefronts.mjs';
import { BEACON, Tab } from './tab.mjs';

const EXPERIMENTS = [experiment(), otherExperiment('kozani', 'SAFFRON-2', 1490), otherExperiment('toledo', 'KNIFE-21', 12900),
  otherExperiment('napoli', 'OVEN-80', 189900)];
const PRICED = EXPERIMENTS.map(({ item }) => item.sku).sort();
const PRODUCT = '/product/OLIVE-500';
/** How long a price must be in view to be seen: www/haggle.js. */
const DWELL_MS = 250;

/** @type {import('./kit.mjs').World} */
let world;
/** @type {import('playwright-core').Browser} */
let browser;
let shopUrl = '';

/** Pages without any mark, and data that a framework renders from: what is what, the site file says. */
const SITE = { pages: [{ path: '/boutique/{sku}' }], skus: { 'harvest-oil': 'OLIVE-500' },
  cards: [{ selector: 'li.tile', sku: { selector: 'a[href]', attribute: 'href', pattern: '/boutique/{sku}' } }],
  surfaces: [{ selector: '.amount', place: 'text', paths: ['/boutique/*'] },
    { selector: '#state', place: 'script', keys: ['price_minor'], item_keys: ['sku'], scale: 'minor', paths: ['/*/data'] }] };
const tile = (name, text) => `<li class="tile"><a href="/boutique/${name}?from=list">${name}</a> <b class="amount">${text}</b></li>`;
const BOUTIQUE = `<!doctype html><html lang="en"><head><title>Boutique</title><link rel="icon" href="data:,"></head><body>
<h1>Oil</h1><p id="now"><b class="amount">€19.00</b></p>
<ul>${tile('harvest-oil', '19,00 €')}${tile('SAFFRON-2', '14,90 €')}${tile('SALT-200', '7,90 €')}</ul></body></html>`;

before(async () => {
  const extra = await storefronts(CATALOGUE.items[0]);
  extra.set('/boutique/harvest-oil', { type: 'text/html; charset=utf-8', body: BOUTIQUE });
  world = await openWorld({ shop: { extra } });
  const { status, text } = await world.admin('PUT', '/haggle/v1/site', SITE);
  assert.ok(status < 300, text);
  const { port } = new URL(world.edge.url);
  shopUrl = `http://shop.localhost:${port}`;
  world.shop.rewardsTo(`${world.edge.url}/haggle/v1/rewards`);
  await world.run(EXPERIMENTS);
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await world?.close();
});

/** A tab of a browser of its own. @param {import('playwright-core').BrowserContextOptions} [options] */
const openTab = (options) => Tab.open(browser, shopUrl, options);

/** What the central store has more after an action. @param {() => Promise<void>} action */
async function change(action) {
  await world.sync();
  const then = { ...(await world.ledger()), ...(await world.totals()) };
  await action();
  await world.sync();
  const now = { ...(await world.ledger()), ...(await world.totals()) };
  return Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - then[name]]));
}

test('the storefront client is under 4 KB on its way', async () => {
  assert.ok(gzipSync(await readFile(new URL('../www/haggle.js', import.meta.url))).length < 4000);
});

test('the rendered page shows the price of the API, and its exposure is reported once, whatever the shopper does', async () => {
  const tab = await openTab();
  const difference = await change(async () => {
    await tab.look(PRODUCT);
    const shown = (await tab.prices())['OLIVE-500'];
    const { price_minor, quote } = await tab.page.evaluate(async () => (await fetch('/haggle/v1/price?sku=OLIVE-500')).json());
    assert.equal(shown, price_minor);
    assert.equal(claimsOf(quote).p, price_minor);
    await tab.reported(1);
    assert.deepEqual(tab.sent, [{ sku: 'OLIVE-500', price_minor }]);
    const [beacon] = tab.beacons;
    assert.equal(beacon.method(), 'POST');
    assert.match(beacon.headers()['content-type'], /^text\/plain/);
    assert.deepEqual(await (await beacon.response()).json(), { results: [{ status: 'recorded' }] });

    for (const sku of ['SALT-200', 'OLIVE-500', 'SALT-200', 'OLIVE-500']) await tab.scrollTo(sku);
    const other = await tab.context.newPage();
    await other.bringToFront();
    await tab.page.bringToFront();
    for (const visibility of ['hidden', 'visible', 'hidden', 'visible']) await tab.turn(visibility);
    await tab.reported(1);
  });
  assert.deepEqual([difference.exposures, difference.stored], [1, 0]);
  await tab.close();
});

test('the page has the same globals with the client as without', async () => {
  const tab = await openTab();
  const globals = () => tab.page.evaluate(() => Object.getOwnPropertyNames(window).sort());
  await tab.page.goto(world.shop.url + PRODUCT);
  const without = await globals();
  await tab.look(PRODUCT);
  await tab.reported(1);
  assert.deepEqual(await globals(), without);
  await tab.close();
});

test('a price below the fold or scrolled past is no exposure, one that is stopped at is', async () => {
  const scroll = async () => {
    const tab = await openTab({ viewport: { width: 1000, height: 500 } });
    await tab.look('/');
    await tab.reported(0);
    const stayed_ms = await tab.page.evaluate(async () => {
      const frame = () => new Promise((drawn) => requestAnimationFrame(drawn)), times = [];
      for (const sku of ['SAFFRON-2', 'KNIFE-21', 'OVEN-80']) {
        times.push(performance.now());
        document.querySelector(`[data-haggle-sku="${sku}"]`).scrollIntoView({ block: 'center', behavior: 'instant' });
        await frame();
        await frame();
      }
      return Math.max(...times.map((time, at) => (times[at + 1] ?? time) - time));
    });
    if (stayed_ms < DWELL_MS - 50) return tab;
    await tab.close();
    return null;
  };
  // Where two pictures take as long as a look, nothing was scrolled past: then once more.
  const tab = await until('the pictures are quick enough', scroll, Boolean, 60_000) ?? assert.fail();
  await tab.reported(1);
  assert.deepEqual(tab.skus, ['OVEN-80']);
  await tab.scrollTo('SAFFRON-2');
  await tab.reported(2);
  assert.deepEqual(tab.skus, ['OVEN-80', 'SAFFRON-2']);
  await tab.close();
});

test('a shopper pays the price that was shown, and leaving at once loses neither the exposure nor the sale', async () => {
  const tab = await openTab();
  let shown = 0;
  const exposuresBefore = (await world.totals()).exposures;
  const difference = await change(async () => {
    await tab.look(PRODUCT);
    shown = (await tab.prices())['OLIVE-500'] ?? 0;
    // After the dwell time and before the price would have been reported by itself, as the page's own timers have it.
    await tab.page.evaluate(async (ms) => {
      await new Promise((drawn) => { requestAnimationFrame(() => requestAnimationFrame(drawn)); });
      await new Promise((over) => { setTimeout(over, ms); });
    }, 2 * DWELL_MS);
    await tab.add();
    assert.equal(readPrice(await tab.page.locator('td.unit').innerText()), shown);
    assert.equal(await tab.pay(), shown);
    await world.shop.rewards.idle();
    // Chromium tells nobody about the last request of a page that is gone: only the ledger does.
    await until('the exposure is counted', async () => { await world.sync(); return world.totals(); }, (now) => now.exposures > exposuresBefore);
  });
  const { exposures, stored, matched, unmatched, conversions, revenue_minor } = difference;
  assert.deepEqual({ exposures, stored, matched, unmatched, conversions, revenue_minor },
    { exposures: 1, stored: 1, matched: 1, unmatched: 0, conversions: 1, revenue_minor: shown });
  await tab.close();
});

for (const [why, visibilityState, prerendering] of [['in another tab', 'hidden', false], ['prerendered', 'visible', true]]) {
  test(`a page that nobody looks at reports nothing (${why})`, async () => {
    const tab = await openTab();
    await tab.page.addInitScript((state) => {
      for (const [name, value] of Object.entries(state)) Object.defineProperty(document, name, { configurable: true, get: () => value });
    }, { visibilityState, prerendering });
    await tab.look(PRODUCT);
    await tab.reported(0);
    await tab.page.evaluate(() => {
      Object.defineProperty(document, 'prerendering', { get: () => false });
      document.dispatchEvent(new Event('prerenderingchange'));
    });
    await tab.turn('visible');
    await tab.reported(1);
    await tab.close();
  });
}

test('prices that the page adds later are reported when they are painted, hidden ones are not', async () => {
  const tab = await openTab();
  await tab.look(PRODUCT);
  await tab.reported(1);
  // As a shop does that loads a part of another page: the price and what that page's tag says.
  await tab.page.evaluate(async () => {
    const text = await (await fetch('/product/SAFFRON-2', { headers: { accept: 'text/html' } })).text();
    const other = new DOMParser().parseFromString(text, 'text/html');
    const part = document.createElement('div');
    part.id = 'part';
    part.style.opacity = '0';
    part.append(other.querySelector('.price.big'), other.querySelector('script[data-haggle]'));
    document.querySelector('main').prepend(part);
  });
  await tab.reported(1);
  await tab.page.evaluate(() => { document.querySelector('#part').style.opacity = '1'; });
  await tab.reported(2);
  assert.deepEqual(tab.skus, ['OLIVE-500', 'SAFFRON-2']);
  await tab.close();
});

test('a report that fails is sent again until it arrives', async () => {
  const tab = await openTab();
  let failing = 1;
  await tab.context.route(`**${BEACON}`, (route) => {
    failing -= 1;
    return failing >= 0 ? route.fulfill({ status: 503, body: '{"error":"later"}' }) : route.continue();
  });
  const difference = await change(async () => {
    await tab.look(PRODUCT);
    await tab.reported(2);
    assert.deepEqual(tab.sent[0], tab.sent[1]);
  });
  assert.equal(difference.exposures, 1);
  // The browser's own line about the answer; the client says nothing.
  await tab.close(/^Failed to load resource: .* 503/);
});

test('a report that never arrives is given up, without a word to the page', async () => {
  const tab = await openTab();
  await tab.page.clock.install();
  await tab.context.route(`**${BEACON}`, (route) => route.abort());
  await tab.look(PRODUCT);
  const later = async () => {
    await tab.page.clock.runFor(120_000);
    return tab.beacons.length;
  };
  await until('the client has tried six times', later, (tries) => tries >= 6);
  for (let at = 0; at < 3; at += 1) {
    await sleep(100);
    assert.equal(await later(), 6, 'and has given up');
  }
  await tab.close(/^Failed to load resource: /);
});

const OIL = CATALOGUE.items[0];
/** Of a visitor whose oil has another price than the catalogue's: else there is nothing to see. @type {string} */
let visitor = '';

/** A tab of such a visitor. @param {import('./kit.mjs').World} [where] */
async function openPriced(where = world) {
  for (let at = 0; visitor === ''; at += 1) {
    const haggle_vid = at.toString(16).padStart(32, 'b');
    if ((await where.shopper({ haggle_vid }).price(OIL.sku)).price_minor !== OIL.price_minor) visitor = haggle_vid;
  }
  const tab = await openTab();
  const url = `http://shop.localhost:${new URL(where.edge.url).port}`;
  await tab.context.addCookies([{ name: 'haggle_vid', value: visitor, url, httpOnly: true, secure: true, sameSite: 'Lax' }]);
  return tab;
}

test('every surface of a page says the same price: text, JSON-LD, meta, microdata, and what it is rendered from', async () => {
  const changed = new Set();
  for (let at = 0; changed.size < PRICED.length && at < 40; at += 1) {
    const tab = await openTab();
    for (const sku of PRICED) {
      await tab.look(`/product/${sku}`);
      const surfaces = await tab.page.evaluate(() => {
        const content = (selector) => document.querySelector(selector)?.getAttribute('content');
        const state = document.querySelector('#state')?.textContent;
        return { shown: document.querySelector('.price.big span').innerText, meta: content('meta[property="product:price:amount"]'),
          item: content('[itemprop="price"]'), ld: JSON.parse(document.querySelector('[type="application/ld+json"]').textContent).offers.price,
          ...(state ? { state: JSON.parse(state).price } : {}), was: document.querySelector('.was')?.innerText };
      });
      const { was, ...all } = surfaces, { price_minor } = await tab.page.evaluate(async (sku) => (await fetch(`/haggle/v1/price?sku=${sku}`)).json(), sku);
      assert.deepEqual([...new Set(Object.values(all).map(readPrice))], [price_minor], `${sku}: ${JSON.stringify(surfaces)}`);
      assert.equal(was, sku === 'SAFFRON-2' ? '17,50 €' : undefined);
      if (price_minor !== CATALOGUE.items.find((item) => item.sku === sku).price_minor) changed.add(sku);
    }
    await tab.close();
  }
  assert.deepEqual([...changed].sort(), PRICED, 'each item was seen at another price');
});

test('the basket charges what was shown after the snapshot has moved, and the page goes on showing it', async () => {
  const tab = await openTab(), kozani = { x: 'kozani', o: 'SAFFRON-2', pp: 1490 };
  await tab.look('/product/SAFFRON-2');
  const shown = (await tab.prices())['SAFFRON-2'];
  // The others buy at the other price alone.
  const arm = (a, p) => world.quotes(60, { ...kozani, a, p });
  const [here, there] = shown === 1490 ? [['list', 1490], ['low', 1192]] : [['low', 1192], ['list', 1490]];
  const [lost, sold] = [await arm(...here), await arm(...there)];
  await world.expose(lost);
  await world.expose(sold);
  await world.reward(world.order(sold.slice(0, 50), { revenue_minor: there[1] }));
  const { version } = await world.sync();
  await world.served(version);
  const others = await Promise.all(Array.from({ length: 20 }, () => world.shopper().price('SAFFRON-2')));
  assert.ok(others.filter(({ price_minor }) => price_minor === there[1]).length > 10, 'new visitors see the other price');
  // From the page that was opened before, then from one that is opened now.
  await tab.add();
  await tab.look('/product/SAFFRON-2');
  assert.equal((await tab.prices())['SAFFRON-2'], shown);
  await tab.add();
  const { version: next } = await world.sync();
  await world.served(next);
  assert.deepEqual((await tab.basket()).map(({ text, notice }) => [readPrice(text), notice]), [[shown, null], [shown, null]]);
  assert.equal(await tab.pay(), 2 * shown);
  await tab.close();
});

test('in two tabs the price is one, and so is the basket', async () => {
  const tab = await openPriced(), other = await tab.context.newPage();
  await tab.look(PRODUCT);
  await other.goto(shopUrl + PRODUCT);
  const shown = (await tab.prices())[OIL.sku];
  assert.notEqual(shown, OIL.price_minor);
  assert.equal(readPrice(await other.locator('.price.big span').innerText()), shown);
  await other.getByRole('button', { name: 'Add to basket' }).click();
  await other.waitForURL(/\/cart$/);
  await tab.add();
  assert.deepEqual((await tab.basket()).map(({ text }) => readPrice(text)), [shown, shown]);
  assert.equal(await tab.pay(), 2 * shown);
  await other.reload();
  assert.equal(await other.locator('tr[data-cart-sku]').count(), 0);
  await tab.close();
});

/** What a shopper, or the shop next door, may put in the place of a quote. @type {[string, (token: string) => Promise<string> | string, string][]} */
const TAMPERED = [
  ['with another price in it', (token) => {
    const [header, , signature] = token.split('.'), claims = { ...claimsOf(token), p: 100 };
    return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
  }, 'wrong signature'],
  ['signed by nobody', (token) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`, 'wrong algorithm'],
  ['of another item', async () => (await world.shopper().price('SAFFRON-2')).quote, 'another item'],
  ['of another shop', (token) => world.sign({ ...claimsOf(token), m: 'molino' }), 'another merchant'],
  ['that has run out', (token) => world.sign({ ...claimsOf(token), exp: Math.floor(Date.now() / 1000) - 1 }), 'expired'],
  ['that is none', () => 'as cheap as it gets', 'not a token'],
];
for (const [what, forge, reason] of TAMPERED) {
  test(`a quote ${what} buys nothing: the basket says so, and charges the catalogue price`, async () => {
    const tab = await openPriced();
    await tab.look(PRODUCT);
    const field = tab.page.locator('input[name="haggle_quote"]'), forged = await forge(await field.inputValue());
    await field.evaluate((input, value) => { input.value = value; }, forged);
    const { quotes_refused } = world.shop.stats, before = quotes_refused[reason] ?? 0;
    await tab.add();
    const [line] = await tab.basket();
    assert.equal(readPrice(line.text), OIL.price_minor);
    assert.equal(line.notice, 'The offered price was no longer valid; the regular price applies.');
    assert.equal(await tab.pay(), OIL.price_minor);
    assert.equal(quotes_refused[reason], before + 1, JSON.stringify(quotes_refused));
    await tab.close();
  });
}

test('Worker and shop are restarted between page, basket and payment: what was shown is charged', async () => {
  const persist = await mkdtemp(join(tmpdir(), 'haggle-browser-')), secrets = newSecrets();
  const options = { persist, secrets, shop: { state: join(persist, 'carts.json') } };
  let own = await openWorld({ ...options, experiments: EXPERIMENTS }), tab;
  const port = Number(new URL(own.edge.url).port), url = `http://shop.localhost:${port}`;
  const restart = async () => {
    await own.edge.kill();
    await own.shop.stop();
    own = await openWorld({ ...options, port });
  };
  try {
    visitor = '';
    tab = await openPriced(own);
    await tab.page.goto(url + PRODUCT);
    const shown = (await tab.prices())[OIL.sku];
    assert.notEqual(shown, OIL.price_minor);
    await restart();
    await tab.add();
    await tab.page.goto(url + PRODUCT);
    assert.equal((await tab.prices())[OIL.sku], shown);
    await tab.add();
    await restart();
    await tab.page.reload();
    assert.deepEqual(await tab.page.locator('td.unit').evaluateAll((all) => all.map((one) => one.innerText.replace(/[^\d,]/g, ''))),
      Array(2).fill((shown / 100).toFixed(2).replace('.', ',')));
    assert.equal(await tab.pay(), 2 * shown);
    // Of the time in which nobody was there.
    await tab.close(/ERR_CONNECTION_REFUSED/);
  } finally {
    visitor = '';
    await own.close();
    await rm(persist, { recursive: true, force: true });
  }
});

for (const path of ['/react', '/vue', '/react/early', '/vue/early', '/react/data', '/vue/data']) {
  test(`${path}: a shop that renders in the browser shows and charges the decided price`, async () => {
    const tab = await openPriced(), seen = await watchPictures(tab.page, 'span[data-haggle-sku]');
    const { price_minor } = await world.shopper({ haggle_vid: visitor }).price(OIL.sku);
    const all = async () => Object.values((await tab.page.locator('span[data-haggle-sku]').allInnerTexts()).map(readPrice));
    await tab.look(path);
    await tab.page.locator('body[data-alive]').waitFor();
    await until('all texts say the price', all, (texts) => texts.length === 3 && texts.every((one) => one === price_minor));
    for (const name of ['one more', 'again', 'card', 'again', 'size', 'size']) await tab.page.getByRole('button', { name }).click();
    assert.deepEqual(await all(), Array(4).fill(price_minor));
    const pictures = (await seen()).map(readPrice), catalogue = pictures.filter((one) => one === OIL.price_minor);
    assert.ok(pictures.includes(price_minor));
    if (/early|data/.test(path)) assert.deepEqual(catalogue, []);
    if (path === '/react/data') assert.equal(await tab.page.locator('body[data-anew]').count(), 0, 'React found what it expected');
    await tab.reported(1);
    assert.deepEqual(tab.sent, [{ sku: OIL.sku, price_minor }]);
    await tab.page.locator('input[name="haggle_quote"]').waitFor({ state: 'attached' });
    await tab.add();
    assert.equal(await tab.pay(), 2 * price_minor);
    // What Vue says of every page that was changed on its way.
    await tab.close(/^Hydration completed but contains mismatches/);
  });
}

test('the shop\'s own script renders its buy box from data that the Worker has written: no picture has another price', async () => {
  for (let at = 0, changed = 0; changed < 1; at += 1) {
    assert.ok(at < 20, 'nobody sees another price');
    const tab = await openTab(), seen = await watchPictures(tab.page, '.price.big span');
    await tab.look('/product/OVEN-80');
    const shown = (await tab.prices())['OVEN-80'];
    for (const units of ['2', '3', '1']) {
      await tab.page.getByLabel('Quantity').fill(units);
      // Two frames: the one in which it is drawn is over then, and was watched.
      await tab.page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    }
    const texts = await seen();
    const single = texts.filter((text) => !text.includes(' for ')).map(readPrice);
    assert.deepEqual([...new Set(single)], [shown]);
    for (const units of [2, 3]) assert.ok(texts.some((text) => text.startsWith(`${units} for `) && readPrice(text.slice(6)) === units * shown), texts.join());
    changed += Number(shown !== 189900);
    await tab.close();
  }
});

test('prices that only the site file knows are written, kept through rendering, and counted once', async () => {
  const tab = await openPriced(), amounts = () => tab.page.locator('.amount').allInnerTexts();
  await tab.look('/boutique/harvest-oil');
  const [oil, saffron] = await Promise.all([OIL.sku, 'SAFFRON-2'].map((sku) => world.shopper({ haggle_vid: visitor }).price(sku)));
  const right = [oil, oil, saffron].map(({ price_minor }) => price_minor).concat(790);
  assert.deepEqual((await amounts()).map(readPrice), right);
  await tab.page.evaluate(() => {
    document.querySelector('#now').innerHTML = '<b class="amount">€19.00</b>';
    const [first] = document.querySelectorAll('.tile');
    first.after(first.cloneNode(true));
    first.querySelector('.amount').textContent = '19,00 €';
  });
  assert.deepEqual((await amounts()).map(readPrice), [right[0], right[0], ...right.slice(1)]);
  await tab.reported(2);
  assert.deepEqual(tab.sent.map(({ sku, price_minor }) => `${sku} ${price_minor}`).sort(), [`OLIVE-500 ${right[0]}`, `SAFFRON-2 ${right[2]}`]);
  await tab.close();
});

test('the shop’s host has none of the admin pages', async () => {
  for (const path of ['/index.html', '/app.js', '/views/preview.js', '/pkg/haggle_preview.js', '/haggle/views/preview.js', '/haggle/v1/snapshot', '/haggle/v1/preview-links']) {
    assert.equal((await world.edge.fetchShop(path)).status, 404, path);
  }
});
