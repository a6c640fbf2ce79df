/**
 * The browser: Chromium at the demo shop through the real Worker, and at the preview page.
 *
 * The shop's host is `shop.localhost`: Chromium resolves such names to this machine and keeps Secure cookies for them.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { chromium } from 'playwright-core';

import { claimsOf, experiment, openWorld, otherExperiment, until } from './kit.mjs';
import { readPrice } from './shop/money.mjs';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const EXPERIMENTS = [experiment(), otherExperiment('kozani', 'SAFFRON-2', 1490), otherExperiment('toledo', 'KNIFE-21', 12900),
  otherExperiment('napoli', 'OVEN-80', 189900)];
const PRICED = EXPERIMENTS.map(({ item }) => item.sku).sort();
const BEACON = '/haggle/v1/exposures', PRODUCT = '/product/OLIVE-500';
/** Longer than a price must be in view, and its quote waits for others: a beacon that will come has come. */
const SETTLED_MS = 1600;

/** @type {import('./kit.mjs').World} */
let world;
/** @type {import('playwright-core').Browser} */
let browser;
let shopUrl = '', adminUrl = '';

before(async () => {
  world = await openWorld();
  const { port } = new URL(world.edge.url);
  [shopUrl, adminUrl] = [`http://shop.localhost:${port}`, world.edge.adminUrl];
  world.shop.rewardsTo(`${world.edge.url}/haggle/v1/rewards`);
  browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
});
after(async () => {
  await browser?.close();
  await world?.close();
});

/** A browser of its own with one tab, and all that goes wrong or is reported in it. */
class Tab {
  /** @param {import('playwright-core').BrowserContextOptions} [options] */
  static async open(options = {}) {
    const tab = new Tab();
    tab.context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 720 }, ...options });
    tab.page = await tab.context.newPage();
    tab.page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') tab.problems.push(message.text()); });
    tab.page.on('pageerror', (error) => tab.problems.push(error.message));
    tab.page.on('request', (request) => { if (request.url().endsWith(BEACON)) tab.beacons.push(request); });
    return tab;
  }

  /** @type {string[]} */
  problems = [];
  /** @type {import('playwright-core').Request[]} */
  beacons = [];

  /** Every quote that was sent, in the order of the sending. */
  get sent() {
    return this.beacons.flatMap((request) => JSON.parse(request.postData() ?? '').quotes);
  }

  /** The items of the quotes that were sent. */
  get skus() {
    return this.sent.map((quote) => claimsOf(quote).o);
  }

  /** @param {string} path */
  look(path) {
    return this.page.goto(shopUrl + path, { waitUntil: 'load' });
  }

  /** Prices in the rendered page, by item. @returns {Promise<Record<string, number | null>>} */
  async prices() {
    const texts = await this.page.locator('[data-haggle-sku]:not(form)').evaluateAll((all) => all.map((one) => [one.dataset.haggleSku, one.innerText]));
    return Object.fromEntries(texts.map(([sku, text]) => [sku, readPrice(text)]));
  }

  /** @param {number} number of quotes that are expected in all */
  async reported(number) {
    await until(`${number} quotes are reported`, async () => this.sent.length, (sent) => sent >= number);
    await sleep(SETTLED_MS);
    assert.equal(this.sent.length, number, `each quote once: ${this.skus}`);
  }

  /** As if the tab was left or came back. @param {'hidden' | 'visible'} visibility */
  turn(visibility) {
    return this.page.evaluate((state) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
      document.dispatchEvent(new Event('visibilitychange'));
    }, visibility);
  }

  /** Brings an item's price into view at once. @param {string} sku */
  scrollTo(sku) {
    return this.page.locator(`[data-haggle-sku="${sku}"]:not(form)`).first()
      .evaluate((element) => element.scrollIntoView({ block: 'center', behavior: 'instant' }));
  }

  /** Nothing went wrong, and ends. @param {RegExp} [except] */
  async close(except = /^$/) {
    assert.deepEqual(this.problems.filter((text) => !except.test(text)), []);
    await this.context.close();
  }
}

/** What the central store has more after an action. @param {() => Promise<void>} action */
async function change(action) {
  await world.sync();
  const then = { ...(await world.ledger()), ...(await world.totals()) };
  await action();
  await world.sync();
  const now = { ...(await world.ledger()), ...(await world.totals()) };
  return Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - then[name]]));
}

/** Opens the preview and signs in with the keyboard alone. @param {Tab} tab @param {string} [token] */
async function signIn({ page }, token = world.edge.secrets.ADMIN_TOKEN) {
  await page.goto(`${adminUrl}/preview.html`);
  await page.getByLabel('Admin token').waitFor();
  while (!(await page.getByLabel('Admin token').evaluate((field) => field === document.activeElement))) await page.keyboard.press('Tab');
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
}

test('before the first publication the preview says so, and shows the prices as soon as there are some', async () => {
  const tab = await Tab.open();
  await signIn(tab);
  const problem = tab.page.getByRole('alert').filter({ hasText: 'no snapshot in use' });
  await problem.waitFor();
  await world.run(EXPERIMENTS);
  await tab.page.locator('#rows tr').nth(PRICED.length - 1).waitFor();
  await problem.waitFor({ state: 'detached' });
  await tab.close(/status of 404/);
});

test('the storefront client is under 5 KB as it is, and the pages allow no script but their own', async () => {
  const read = (name) => readFile(new URL(`../www/${name}`, import.meta.url), 'utf8');
  assert.ok(Buffer.byteLength(await read('haggle.js')) < 5000);
  for (const name of ['index.html', 'preview.html']) {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(await read(name))?.[1] ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*/);
  }
});

test('the rendered page shows the price of the API, and its exposure is reported once, whatever the shopper does', async () => {
  const tab = await Tab.open();
  const difference = await change(async () => {
    await tab.look(PRODUCT);
    const shown = (await tab.prices())['OLIVE-500'];
    const { price_minor, quote } = await tab.page.evaluate(async () => (await fetch('/haggle/v1/price?sku=OLIVE-500')).json());
    assert.equal(shown, price_minor);
    await tab.reported(1);
    assert.equal(claimsOf(tab.sent[0]).jti, claimsOf(quote).jti);
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
  const tab = await Tab.open();
  const globals = () => tab.page.evaluate(() => Object.getOwnPropertyNames(window).sort());
  await tab.page.goto(world.shop.url + PRODUCT);
  const without = await globals();
  await tab.look(PRODUCT);
  await tab.reported(1);
  assert.deepEqual(await globals(), without);
  await tab.close();
});

test('a price below the fold or scrolled past is no exposure, one that is stopped at is', async () => {
  const tab = await Tab.open({ viewport: { width: 1000, height: 500 } });
  await tab.look('/');
  await tab.reported(0);
  await tab.page.evaluate(async () => {
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    for (const sku of ['SAFFRON-2', 'KNIFE-21', 'OVEN-80']) {
      document.querySelector(`[data-haggle-sku="${sku}"]`).scrollIntoView({ block: 'center', behavior: 'instant' });
      await frame();
      await frame();
    }
  });
  await tab.reported(1);
  assert.deepEqual(tab.skus, ['OVEN-80']);
  await tab.scrollTo('SAFFRON-2');
  await tab.reported(2);
  assert.deepEqual(tab.skus, ['OVEN-80', 'SAFFRON-2']);
  await tab.close();
});

test('a shopper pays the price that was shown, and leaving at once loses neither the exposure nor the sale', async () => {
  const tab = await Tab.open();
  let shown = 0;
  const exposuresBefore = (await world.totals()).exposures;
  const difference = await change(async () => {
    await tab.look(PRODUCT);
    shown = (await tab.prices())['OLIVE-500'] ?? 0;
    // After the dwell time and before the quote would have been sent by itself.
    await sleep(500);
    await tab.page.getByRole('button', { name: 'Add to basket' }).click();
    await tab.page.waitForURL(`${shopUrl}/cart`);
    assert.equal(readPrice(await tab.page.locator('td.unit').innerText()), shown);
    await tab.page.getByRole('button', { name: 'Order and pay' }).click();
    await tab.page.waitForURL(/\/thanks\//);
    assert.equal(readPrice(await tab.page.locator('p strong').innerText()), shown);
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
    const tab = await Tab.open();
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
  const tab = await Tab.open();
  await tab.look(PRODUCT);
  await tab.reported(1);
  // As a shop does that loads a part of another page: the price and the quotes of that page.
  await tab.page.evaluate(async () => {
    const text = await (await fetch('/product/SAFFRON-2', { headers: { accept: 'text/html' } })).text();
    const other = new DOMParser().parseFromString(text, 'text/html');
    const part = document.createElement('div');
    part.id = 'part';
    part.style.opacity = '0';
    part.append(other.querySelector('.price.big'), other.querySelector('script[data-haggle-quotes]'));
    document.querySelector('main').prepend(part);
  });
  await tab.reported(1);
  await tab.page.evaluate(() => { document.querySelector('#part').style.opacity = '1'; });
  await tab.reported(2);
  assert.deepEqual(tab.skus, ['OLIVE-500', 'SAFFRON-2']);
  await tab.close();
});

test('a report that fails is sent again until it arrives', async () => {
  const tab = await Tab.open();
  let failing = 1;
  await tab.context.route(`**${BEACON}`, (route) => {
    failing -= 1;
    return failing >= 0 ? route.fulfill({ status: 503, body: '{"error":"later"}' }) : route.continue();
  });
  const difference = await change(async () => {
    await tab.look(PRODUCT);
    await tab.reported(2);
    assert.equal(tab.sent[0], tab.sent[1]);
  });
  assert.equal(difference.exposures, 1);
  // The browser's own line about the answer; the client says nothing.
  await tab.close(/^Failed to load resource: .* 503/);
});

test('a report that never arrives is given up, without a word to the page', async () => {
  const tab = await Tab.open();
  await tab.page.clock.install();
  await tab.context.route(`**${BEACON}`, (route) => route.abort());
  await tab.look(PRODUCT);
  await until('the client has given up', async () => {
    const before = tab.beacons.length;
    await tab.page.clock.runFor(120_000);
    await sleep(200);
    return tab.beacons.length > 0 && tab.beacons.length === before;
  }, (isQuiet) => isQuiet);
  assert.equal(tab.beacons.length, 6);
  await tab.close(/^Failed to load resource: /);
});

test('the preview shows what the Worker serves to each visitor', async () => {
  const preview = await Tab.open();
  await signIn(preview);
  const { version } = await world.sync();
  await world.served(version);
  const seen = new Set();
  for (const visitor of ['0123456789abcdef0123456789abcdef', 'ffffffffffffffffffffffffffffffff', ...Array.from({ length: 6 }, (_, n) => `${n}`.repeat(32))]) {
    await preview.page.getByLabel('Visitor id').fill(visitor);
    await preview.page.keyboard.press('Enter');
    await preview.page.locator('#whose', { hasText: visitor }).waitFor();
    await preview.page.getByText(`Snapshot ${version},`).waitFor();
    const rows = await preview.page.locator('#rows tr').evaluateAll((all) => all.map((row) => [row.dataset.sku, row.querySelector('.price').innerText]));

    const shopper = await Tab.open();
    await shopper.context.addCookies([{ name: 'haggle_vid', value: visitor, url: shopUrl, httpOnly: true, secure: true, sameSite: 'Lax' }]);
    await shopper.look('/');
    const prices = await shopper.prices();
    const cookies = await shopper.context.cookies(shopUrl);
    assert.equal(cookies.find(({ name }) => name === 'haggle_vid')?.value, visitor, 'the Worker kept the visitor');
    assert.deepEqual(rows.map(([sku, text]) => [sku, readPrice(text)]), PRICED.map((sku) => [sku, prices[sku]]), visitor);
    seen.add(JSON.stringify(prices));
    await shopper.close();
  }
  assert.ok(seen.size > 1, 'the visitors see different prices, or nothing was compared');
  await preview.close();
});

test('the preview keeps the token in its tab, and says what is wrong with a token or a visitor id', async () => {
  const tab = await Tab.open();
  const { page } = tab, problem = page.locator('#problem');
  await signIn(tab, 'not-the-token');
  await problem.filter({ hasText: 'not accepted' }).waitFor();
  assert.equal(await page.locator('#rows tr').count(), 0);
  assert.equal(await page.getByLabel('Admin token').getAttribute('aria-invalid'), 'true');

  await page.getByLabel('Admin token').fill(world.edge.secrets.ADMIN_TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('#rows tr').first().waitFor();
  assert.equal(await problem.innerText(), '');
  const kept = await page.evaluate(() => [Object.values(sessionStorage), localStorage.length, document.cookie, location.href]);
  assert.deepEqual(kept, [[world.edge.secrets.ADMIN_TOKEN], 0, '', page.url()]);
  assert.ok(!page.url().includes(world.edge.secrets.ADMIN_TOKEN));

  await page.getByLabel('Visitor id').fill('visitor 7');
  await page.keyboard.press('Enter');
  await problem.filter({ hasText: '32 hexadecimal digits' }).waitFor();
  await page.reload();
  await page.locator('#rows tr').first().waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(await page.locator('#rows tr').count(), 0);
  await tab.close(/status of 401/);
});

test('the admin pages run their wasm under their policy, and nothing inline', async () => {
  const tab = await Tab.open();
  await signIn(tab);
  await tab.page.locator('#rows tr').first().waitFor();
  await tab.page.evaluate(() => {
    const inline = document.createElement('script');
    inline.textContent = 'document.title = "ran"';
    document.head.append(inline);
  });
  assert.equal(await tab.page.title(), 'Preview · haggle');
  const unlabelled = await tab.page.locator('input, select').evaluateAll((all) => all.filter((one) => one.labels.length === 0).map(({ id }) => id));
  assert.deepEqual(unlabelled, []);
  await tab.close(/Content Security Policy/);

  const first = await Tab.open();
  await first.page.goto(`${adminUrl}/`);
  await first.page.getByText(/version \d+, published/).waitFor();
  await first.page.getByRole('link', { name: 'Preview' }).click();
  await first.page.getByLabel('Admin token').waitFor();
  await first.close();
});

/** Runs the simulation of an experiment. @param {Tab} tab @param {string} name @param {number} arms */
async function simulated({ page }, name, arms) {
  await page.locator('#simulation-experiment').selectOption(name);
  await page.getByRole('button', { name: 'Run' }).click();
  await page.locator('#simulation-output tbody tr').nth(arms - 1).waitFor();
  assert.equal(await page.locator('svg.chart .label').count(), arms);
  assert.match(await page.locator('#simulation-output').innerText(), /Thompson sampling lost €[\d,.]+ of (profit|revenue)/);
}

test('the simulation draws a line for each arm, of an example without sign-in, then of the shop’s own experiments', async () => {
  const tab = await Tab.open();
  await tab.page.goto(`${adminUrl}/preview.html`);
  await simulated(tab, 'example', 3);
  await signIn(tab);
  await tab.page.locator('#rows tr').first().waitFor();
  await simulated(tab, 'sevilla', 4);
  await tab.page.locator('#simulation-publications').fill('200');
  await tab.page.locator('#simulation-visitors').fill('100');
  await simulated(tab, 'toledo', 2);
  assert.equal(await tab.page.locator('#simulation-error').innerText(), '');
  await tab.close();
});

test('the shop’s host has none of the admin pages', async () => {
  for (const path of ['/preview.html', '/preview.js', '/pkg/haggle_preview.js', '/haggle/preview.js', '/haggle/v1/snapshot']) {
    assert.equal((await world.edge.fetchShop(path)).status, 404, path);
  }
});
