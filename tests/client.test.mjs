/**
 * The storefront client by itself: Chromium at pages as the Worker writes them, which then render again in every way
 * that is known of shops. No picture may show another price, and what is reported is what was shown.
 *
 * An olive oil of 19.00 costs 17.50 here; browser.test.mjs has the real Worker.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startChromium, watchPictures } from './chromium.mjs';
import { until } from './kit.mjs';
import { storefronts } from './storefronts.mjs';

const OIL = { sku: 'OLIVE-500', name: 'Olive oil', price_minor: 1900 };
const TEXTS = [[['19,00 €'], ['17,50 €']], [['€', '19.00'], ['€', '17.50']], [['19', ',00', '€'], ['17', ',50', '€']]];
const TOLD = { items: { 'OLIVE-500': { price: 1750, texts: TEXTS } } };
const FIELD = '<input type="hidden" name="haggle_quote" value="QUOTE-1750">';
/** Longer than a price must be in view, and waits for others: a report that will come has come, as a rule. */
const SETTLED_MS = 1600;

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {import('node:http').Server} */
let server;
let base = '', asked = 0;
/** @type {Map<string, { type: string, body: string }>} */
const pages = new Map();

/** The tag of the Worker. @param {object} [told] */
const tag = (told = TOLD) => `<script type="module" src="/haggle/haggle.js" data-haggle='${JSON.stringify(told).replace(/[&'<]/g, (sign) => `&#${sign.charCodeAt(0)};`)}'></script>`;

/** A storefront's page as the Worker writes it. @param {string} body */
const written = (body) => body.replaceAll('19,00 €', '17,50 €').replaceAll('>19.00<', '>17.50<').replaceAll('€ 19.00', '€ 17.50')
  .replaceAll('19<sup>,00', '17<sup>,50').replace('</form>', `${FIELD}</form>`) + tag();

before(async () => {
  const client = { type: 'text/javascript', body: await readFile(new URL('../www/haggle.js', import.meta.url), 'utf8') };
  pages.set('/haggle/haggle.js', client);
  for (const [path, { type, body }] of await storefronts(OIL)) pages.set(path, { type, body: path.endsWith('.js') ? body : written(body) });
  server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const page = pages.get(path);
    if (path === '/haggle/v1/price') {
      asked += 1;
      response.setHeader('content-type', 'application/json');
      const isOil = request.url?.endsWith('sku=OLIVE-500');
      return response.end(JSON.stringify(isOil ? { sku: 'OLIVE-500', price_minor: 1750, currency: 'EUR', quote: 'QUOTE-1750' } : { error: 'no such item' }));
    }
    if (path === '/haggle/v1/exposures') return request.resume().on('end', () => response.end('{"results":[]}'));
    response.writeHead(page ? 200 : 404, { 'content-type': page?.type ?? 'text/plain' });
    return response.end(page?.body ?? 'nothing here');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  base = `http://127.0.0.1:${server.address().port}`;
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/**
 * Opens a page in a browser of its own.
 * @param {string} path of a page, or the body of one
 * @param {object} [told] what the Worker says of it
 */
async function open(path, told = TOLD) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 } }), page = await context.newPage();
  const problems = /** @type {string[]} */ ([]), shown = /** @type {any[]} */ ([]);
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => { if (request.url().endsWith('/v1/exposures')) shown.push(...JSON.parse(request.postData() ?? '').shown); });
  const seen = await watchPictures(page, '[data-haggle-sku]:not(form), .watched');
  const at = path.startsWith('/') ? path : '/products/oil';
  if (at !== path) pages.set(at, { type: 'text/html; charset=utf-8', body: `<!doctype html><html><body>${path}${told ? tag(told) : ''}</body></html>` });
  await page.goto(base + at, { waitUntil: 'load' });
  const frame = () => page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
  /** Runs in the page, and waits for two pictures. @param {(given: any) => any} work @param {any} [given] */
  const run = async (work, given) => {
    const result = await page.evaluate(work, given);
    await frame();
    return result;
  };
  const close = async () => {
    assert.deepEqual(problems, []);
    await context.close();
  };
  /** Waits as long as a report takes, and longer where this one takes longer. @param {number} count of prices that are reported then */
  const reported = async (count) => {
    await Promise.all([sleep(SETTLED_MS), until(`${count} prices are reported`, async () => shown.length, (length) => length >= count)]);
    assert.equal(shown.length, count, 'each price once');
  };
  return { page, seen, shown, reported, run, close, text: (selector) => page.locator(selector).first().innerText() };
}

/** Prices of the catalogue, which must be in no picture. @param {string[]} texts */
const catalogue = (texts) => texts.filter((text) => /19[,.]00/.test(text));

for (const path of ['/react', '/vue', '/react/early', '/vue/early']) {
  test(`${path}: what the framework renders again shows the decided price in every picture, and its form keeps the quote`, async () => {
    const { page, seen, shown, reported, close } = await open(path);
    await page.locator('body[data-alive]').waitFor();
    const prices = () => page.locator('[data-haggle-sku]:not(form)').allInnerTexts();
    const right = ['17,50 €', '€ 17.50', '17,50 €'];
    await until('the page shows the price', prices, (texts) => texts.join() === right.join());
    const quote = page.locator('input[name="haggle_quote"]');
    for (const name of ['one more', 'again', 'again', 'card', 'one more', 'card']) {
      await page.getByRole('button', { name }).click();
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
    assert.deepEqual(await prices(), [...right, '17,50 €', '17,50 €']);
    await quote.waitFor({ state: 'attached' });
    assert.deepEqual([await quote.count(), await quote.inputValue()], [1, 'QUOTE-1750']);
    // The other size is not priced: all of its price is the page's own.
    await page.getByRole('button', { name: 'size' }).click();
    assert.deepEqual(await prices(), ['24,00 €', '€ 24.00', '24,00 €', '24,00 €', '24,00 €']);
    await page.getByRole('button', { name: 'size' }).click();
    assert.deepEqual(await prices(), [...right, '17,50 €', '17,50 €']);
    // Where nobody loads the client before the framework, that may paint once before the client is there.
    if (path.endsWith('early')) assert.deepEqual(catalogue(await seen()), []);
    await reported(1);
    assert.deepEqual(shown, [{ sku: 'OLIVE-500', price_minor: 1750 }]);
    await close();
  });
}

const MARKED = '<p class="price"><span data-haggle-sku="OLIVE-500">17,50 €</span></p>';

test('whatever a page does to a price of its own, no picture shows the catalogue price', async () => {
  const { seen, run, text, reported, close } = await open(`<main>${MARKED}</main>`);
  const renders = {
    'the text of the element': () => { document.querySelector('span').textContent = '19,00 €'; },
    'the data of the text': () => { document.querySelector('span').firstChild.data = ' \n19,00 €\u00a0'; },
    'the element itself': () => { document.querySelector('p').innerHTML = '<span data-haggle-sku="OLIVE-500"><b>19,00 €</b></span>'; },
    'all of the page': () => { document.querySelector('main').innerHTML = '<section><p class="price"><span data-haggle-sku="OLIVE-500">19,00 €</span></p></section>'; },
    'in two texts': () => { document.querySelector('span').replaceChildren('€ ', '19.00'); },
    'in three elements': () => { document.querySelector('span').innerHTML = '19<sup>,00</sup> <i>€</i>'; },
    'with a mark that comes later': () => {
      document.querySelector('p').innerHTML = '<span>19,00 €</span>';
      document.querySelector('span').dataset.haggleSku = 'OLIVE-500';
    },
    'and again in the same moment': async () => {
      for (let at = 0; at < 100; at += 1) {
        document.querySelector('span').textContent = '19,00 €';
        await null;
      }
    },
  };
  for (const [what, render] of Object.entries(renders)) {
    await run(render);
    assert.match(await text('span'), /17[,.]?50/, what);
  }
  assert.deepEqual(catalogue(await seen()), []);
  await reported(1);
  await close();
});

test('the blanks around a price stay, and so does every text that is not the catalogue price', async () => {
  const { run, text, close } = await open(`${MARKED}<p id="other">19,00 €</p><p id="salt"><span data-haggle-sku="SALT-200">19,00 €</span></p>`);
  const data = () => run(() => document.querySelector('span').textContent);
  await run(() => { document.querySelector('span').textContent = '\n  19,00 €\u00a0 '; });
  assert.equal(await data(), '\n  17,50 €\u00a0 ');
  for (const other of ['from 19,00 €', '19,00 € – 24,00 €', '119,00 €', '19,00', '€ 19,00', '']) {
    await run((given) => { document.querySelector('span').textContent = given; }, other);
    assert.equal(await data(), other);
  }
  assert.deepEqual([await text('#other'), await text('#salt')], ['19,00 €', '19,00 €']);
  await close();
});

test('what stands in a price element and is none of its text changes nothing: a style, the price of another item', async () => {
  const { run, text, close } = await open(MARKED);
  await run(() => { document.querySelector('span').innerHTML = '<style>b { top: 19px }</style>19,00 € <b data-haggle-sku="SALT-200">7,90 €</b>'; });
  assert.deepEqual([await text('span'), await text('b')], ['17,50 € 7,90 €', '7,90 €']);
  await close();
});

test('of a price in parts the page may change one alone: then all of it is the page\'s own again', async () => {
  const { run, text, close } = await open('<p><span data-haggle-sku="OLIVE-500"></span></p>');
  await run(() => { document.querySelector('span').innerHTML = '<b>19</b><sup>,00</sup> €'; });
  assert.equal(await text('span'), '17,50 €');
  await run(() => { document.querySelector('b').firstChild.data = '24'; });
  assert.equal(await text('span'), '24,00 €', 'not 24,50 €');
  await run(() => { document.querySelector('b').firstChild.data = '19'; });
  assert.equal(await text('span'), '17,50 €');
  await close();
});

test('a page that writes against the client in a loop is not held up, and another is kept right afterwards', { timeout: 30_000 }, async () => {
  const { page, run, text, close } = await open(`${MARKED}<p><span class="b" data-haggle-sku="OLIVE-500">17,50 €</span></p>`);
  const writes = await run(() => {
    const [first, second] = document.querySelectorAll('span');
    let writes = 0;
    new MutationObserver(() => {
      if (first.textContent === '19,00 €') return;
      writes += 1;
      first.textContent = '19,00 €';
    }).observe(first, { childList: true, characterData: true, subtree: true });
    first.textContent = '19,00 €';
    return new Promise((done) => setTimeout(() => {
      second.textContent = '19,00 €';
      done(writes);
    }, 1000));
  });
  assert.ok(writes > 0 && writes < 5000, `${writes} writes in a second`);
  await page.locator('.b', { hasText: '17,50 €' }).waitFor();
  assert.equal(await text('.b'), '17,50 €');
  await close();
});

const CARDS = { in: 'li.card', by: ['a[href]', 'href', '/products/{sku}'], at: '.now' };
const RULED = { ...TOLD, rules: [['.now', 'OLIVE-500'], CARDS], skus: { 'harvest-oil': 'OLIVE-500' } };
const card = (name, text) => `<li class="card"><a href="/products/${name}?ref=list"><b class="now watched">${text}</b></a></li>`;

test('prices that rules find: the page\'s own and those in cards, each of its item, counted once', async () => {
  const list = `<p><b class="now watched">17,50 €</b></p><ul>${card('harvest-oil', '17,50 €')}${card('SALT-200', '19,00 €')}</ul>`;
  const { run, seen, shown, reported, page, close } = await open(list, RULED);
  const texts = () => page.locator('.now').allInnerTexts();
  await run((more) => { document.querySelector('ul').innerHTML += more; }, card('OLIVE%2D500', '19,00 €'));
  assert.deepEqual(await texts(), ['17,50 €', '17,50 €', '19,00 €', '17,50 €']);
  await run(() => { for (const one of document.querySelectorAll('.now')) one.textContent = '19,00 €'; });
  assert.deepEqual(await texts(), ['17,50 €', '17,50 €', '19,00 €', '17,50 €'], 'the salt costs 19.00');
  await reported(1);
  assert.deepEqual(shown, [{ sku: 'OLIVE-500', price_minor: 1750 }]);
  assert.equal((await seen()).length, 2);
  // Another page of the same application: what `.now` shows there is another product.
  await run(() => {
    history.pushState({}, '', '/products/salt');
    document.querySelector('p .now').textContent = '19,00 €';
  });
  assert.equal((await texts())[0], '19,00 €');
  await close();
});

test('a card says its item as the Worker reads it, whatever else stands in it', async () => {
  const rules = [{ in: 'li', by: ['a[href]', 'href', '*/p/{sku}.html'], at: '.now' }, { in: 'article', by: ['', 'data-id', ''], at: '.now' },
    { in: 'aside', by: ['', 'data-haggle-sku', ''], at: '.now' }, ['.now', 'SALT-200']];
  const oil = '<b class="now">19,00 €</b>', told = { ...TOLD, rules };
  const cards = [['<li><a href="/help"></a><a href="%E0%A4"></a><a href="//shop.example/en/p/OLIVE-500.html#a?b">', '17,50 €'],
    ['<li><a href="en/p/OLIVE%2D500.html/?a=/p/SALT.html">', '17,50 €'], ['<li><a href="/p/OLIVE-500">', '19,00 €'],
    ['<li><a href="/en/p/%E0%A4%A.html">', '19,00 €'], ['<article data-id=" OLIVE-500 ">', '17,50 €'], ['<article>', '19,00 €'],
    ['<aside>', '19,00 €'], ['<aside data-haggle-sku="OLIVE-500">', '17,50 €'], ['<p>', '19,00 €'],
    ['<li><a href="/p/OLIVE-500.html"></a><aside>', '19,00 €'], ['<article data-id="OLIVE-500" class="now">', '17,50 €', '19,00 €']];
  const { page, run, close } = await open(cards.map(([start, , text = oil]) => `<section>${start}${text}</section>`).join(''), told);
  await run(() => { for (const one of document.querySelectorAll('.now')) one.append(' '); });
  const texts = await page.locator('.now').allInnerTexts();
  for (const [at, [start, right]] of cards.entries()) assert.equal(texts[at], right, start);
  await close();
});

test('a part of another page is heard with its own tag, and a shop\'s own rendering asks for its quote', async () => {
  const { page, run, reported, close } = await open('<main></main>', null);
  assert.equal(await page.evaluate(() => document.querySelector('script')), null);
  await run((part) => { document.querySelector('main').innerHTML = part; }, `${MARKED}${tag()}`);
  await run((src) => import(src), '/haggle/haggle.js');
  await run(() => { document.querySelector('span').textContent = '19,00 €'; });
  assert.equal(await page.locator('span').innerText(), '17,50 €');
  const before = asked;
  const offers = await run(async (src) => {
    const { quote } = await import(src);
    return [await quote('OLIVE-500'), await quote('SALT-200')];
  }, '/haggle/haggle.js');
  assert.equal(asked - before, 2);
  assert.deepEqual([offers[0]?.price_minor, offers[0]?.quote, offers[1]], [1750, 'QUOTE-1750', undefined]);
  await reported(1);
  await close();
});

test('a client that was there before its tag hears it at once', async () => {
  const { run, text, close } = await open(MARKED.replace('17,50', '19,00'), {});
  await run((told) => {
    const tag = document.createElement('script');
    tag.dataset.haggle = JSON.stringify(told);
    document.body.append(tag);
  }, TOLD);
  assert.equal(await text('span'), '17,50 €');
  await close();
});

test('what the application asked for itself is counted when it is shown', async () => {
  const { run, shown, reported, close } = await open('<main></main>', {});
  await run(async (src) => {
    const { price_minor } = await (await import(src)).quote('OLIVE-500');
    document.querySelector('main').innerHTML = `<b data-haggle-sku="OLIVE-500">${price_minor}</b>`;
  }, '/haggle/haggle.js');
  await reported(1);
  assert.deepEqual(shown, [{ sku: 'OLIVE-500', price_minor: 1750 }]);
  await close();
});

for (const [what, fields, asks] of [['that it had', FIELD, 0], ['that the client asks for where it had none', '', 1]]) {
  test(`a form that is rendered again gets the quote ${what}`, async () => {
    const { page, run, close } = await open(`${MARKED}<form data-haggle-sku="OLIVE-500"><input name="sku">${fields}</form>`);
    const before = asked;
    for (let at = 0; at < 3; at += 1) {
      await run(() => { document.querySelector('form').outerHTML = '<form data-haggle-sku="OLIVE-500"><input name="sku"></form>'; });
      await page.locator('input[name="haggle_quote"]').waitFor({ state: 'attached' });
    }
    assert.deepEqual(await page.locator('input[type="hidden"]').evaluateAll((all) => all.map(({ name, value }) => [name, value])), [['haggle_quote', 'QUOTE-1750']]);
    assert.ok(asked - before <= asks, `${asked - before} requests`);
    await close();
  });
}

test('what the Worker says is broken, or of no item here: the page stays as it is, without a word', async () => {
  const odd = [{}, { items: {} }, { items: { X: { price: 1 } }, rules: [['[', 'X'], { in: ']', by: ['', '', ''], at: '' }] },
    { items: { 'OLIVE-500': { price: 1750, texts: [[[''], ['']], [[], []]] } }, rules: 7 }];
  for (const told of odd) {
    const { run, text, close } = await open(MARKED.replace('17,50', '19,00'), told);
    await run(() => { document.querySelector('p').innerHTML += ' '; });
    assert.equal(await text('span'), '19,00 €', JSON.stringify(told));
    await close();
  }
});
