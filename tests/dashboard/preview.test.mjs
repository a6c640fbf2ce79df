/**
 * The preview in Chromium, before the real Worker: each item's price for a visitor and why, the newest snapshot without a
 * reload, and links that open the shop.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { newSecrets } from '../edge.mjs';
import { experiment, openWorld, otherExperiment, until } from '../kit.mjs';
import { readPrice } from '../shop/money.mjs';
import { Browser } from './browser-kit.mjs';

const OIL = 'OLIVE-500', SAFFRON = 'SAFFRON-2', KNIFE = 'KNIFE-21', SKUS = [KNIFE, OIL, SAFFRON];
const MANY = 10_000, PART = 50;
const VISITORS = ['0123456789abcdef0123456789abcdef', 'f'.repeat(32), ...Array.from({ length: 8 }, (_, n) => `${n}`.repeat(32))];

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
before(async () => {
  // Visitors fall into arms by this key: with it some are in the holdout, some are not, and every price is seen.
  const secrets = { ...newSecrets(), UNIT_KEY: '7'.repeat(64) };
  world = await openWorld({ secrets, experiments: [experiment({ holdout: 0.5 }), otherExperiment('kozani', SAFFRON, 1490), otherExperiment('toledo', KNIFE, 12900)] });
  browser = await Browser.start(world);
});
after(async () => {
  await browser?.close();
  await world?.close();
});

/** What the page says of each item. @param {import('playwright-core').Page} page */
const rowsOf = async (page) => (await page.locator('#prices > li').evaluateAll((all) => all.map((/** @type {HTMLElement} */ row) =>
  ({ sku: row.dataset.sku, why: row.dataset.why, price: row.querySelector('.price').textContent, because: row.querySelector('.why').textContent, mine: row.querySelector('.mine .arm')?.textContent }))));

/** @param {import('playwright-core').Page} page @param {string} visitor */
async function type(page, visitor) {
  await page.getByLabel('Visitor id').fill(visitor);
  await page.keyboard.press('Enter');
  await page.locator('#whose', { hasText: visitor }).waitFor();
}

test('typed or at random, each visitor has the prices that the shop shows, with the reason', async () => {
  const tab = await browser.tab(), page = await tab.open('/preview'), whys = new Set(), prices = new Set();
  await page.locator('#prices > li').nth(2).waitFor();
  const first = await page.locator('#whose').innerText();
  assert.match(first, /^[0-9a-f]{32}$/, 'somebody is shown at once');
  for (const visitor of VISITORS) {
    await type(page, visitor);
    const rows = await rowsOf(page);
    assert.deepEqual(rows.map(({ sku }) => sku), SKUS);
    for (const { sku, price, why, because, mine } of rows) {
      const { price_minor, quote } = await world.shopper({ haggle_vid: visitor }).price(sku);
      assert.equal(readPrice(price), price_minor, `${visitor} ${sku}`);
      assert.ok(quote);
      assert.match(because, why === 'holdout' ? /in the holdout: 50/ : /falls into the [\d.]+.?% that see (list|low|high|gift)/);
      assert.equal(mine === undefined, why === 'holdout');
      whys.add(why);
      prices.add(price_minor);
    }
  }
  assert.deepEqual([...whys].sort(), ['arm', 'holdout']);
  assert.ok(prices.size > 4, 'visitors see different prices, or nothing was compared');
  await page.getByRole('button', { name: 'Somebody at random' }).click();
  await until('somebody else is shown', () => page.locator('#whose').innerText(), (text) => /^[0-9a-f]{32}$/.test(text) && text !== VISITORS.at(-1) && text !== first);
  tab.check();
  await tab.close();
});

test('what is no visitor id is said at the field, and a search finds items and experiments', async () => {
  const tab = await browser.tab(), page = await tab.open('/preview');
  await page.locator('#prices > li').nth(2).waitFor();
  const before = await page.locator('#whose').innerText();
  await page.getByLabel('Visitor id').fill('visitor 7');
  await page.keyboard.press('Enter');
  await page.locator('#visitor-problem', { hasText: '32 hexadecimal digits' }).waitFor();
  assert.equal(await page.getByLabel('Visitor id').getAttribute('aria-invalid'), 'true');
  assert.equal(await page.locator('#whose').innerText(), before);
  for (const [text, found] of [['saff', [SAFFRON]], ['TOLEDO', [KNIFE]], ['nothing', []], ['', SKUS]]) {
    await page.getByLabel('Search items and experiments').fill(text);
    assert.deepEqual((await rowsOf(page)).map(({ sku }) => sku), found, text);
  }
  tab.check();
  await tab.close();
});

test('a link opens the shop’s page in a new tab with the visitor’s prices or the chosen arm’s, and can be copied', async () => {
  const tab = await browser.tab({ context: { permissions: ['clipboard-read', 'clipboard-write'] } }), page = await tab.open('/preview');
  const shop = `http://shop.localhost:${new URL(world.edge.url).port}`;
  const visitor = VISITORS.at(-1);
  await page.locator('#prices > li').nth(2).waitFor();
  await type(page, visitor);
  await page.getByLabel('Page of the shop').fill(`${world.edge.adminUrl}/`);
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByText('it must be on the shop\'s host').waitFor();
  await page.getByLabel('Page of the shop').fill(`${shop}/`);
  const own = Object.fromEntries(await Promise.all(SKUS.map(async (sku) => [sku, (await world.shopper({ haggle_vid: visitor }).price(sku)).price_minor])));
  for (const arm of ['', 'gift']) {
    if (arm) {
      await page.getByText('Choose arms instead').click();
      await page.getByLabel('sevilla').selectOption(arm);
    }
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByRole('button', { name: 'Open in a new tab' }).click()]);
    await popup.getByText('nothing here is counted').waitFor();
    const shown = Object.fromEntries(await popup.locator('span[data-haggle-sku]').evaluateAll((all) => all.map((/** @type {HTMLElement} */ one) => [one.dataset.haggleSku, one.textContent])));
    for (const sku of SKUS) assert.equal(readPrice(shown[sku]), arm && sku === OIL ? 3000 : own[sku], `${sku} ${arm}`);
    assert.equal(await popup.evaluate(() => window.opener), null);
    await popup.goto(`${shop}/product/${OIL}`);
    assert.equal(readPrice(await popup.locator(`span[data-haggle-sku="${OIL}"]`).first().innerText()), arm ? 3000 : own[OIL], 'the next page is in the preview');
    await popup.getByRole('link', { name: 'End the preview' }).click();
    await popup.getByText('nothing here is counted').waitFor({ state: 'detached' });
    await popup.close();
  }
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByText('Copied.').waitFor();
  assert.ok((await page.evaluate(() => navigator.clipboard.readText())).startsWith(`${shop}/?haggle-preview=`));
  assert.deepEqual(tab.wrong.filter((line) => line.includes('admin.localhost') && !line.includes('400')), []);
  await tab.close();
});

test('what is published shows without a reload: a pause, a stop; and nobody is locked out by axe, on a phone or in the dark', async () => {
  const tab = await browser.tab(), page = await tab.open('/preview');
  await page.locator('#prices > li').nth(2).waitFor();
  const phone = await browser.tab({ phone: true, colorScheme: 'dark' }), small = await phone.open('/preview');
  await small.locator('#prices > li').nth(2).waitFor();
  for (const one of [tab, phone]) assert.deepEqual((await one.axe()).grave, []);
  assert.equal(await small.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), true, 'it fits the phone');
  if (process.env.PICTURES) {
    await page.screenshot({ path: `${process.env.PICTURES}-desk.png` });
    await small.screenshot({ path: `${process.env.PICTURES}-phone.png`, fullPage: true });
  }

  assert.ok((await world.act('toledo', 'pause')).status < 300);
  await page.locator(`#prices > li[data-sku="${KNIFE}"][data-why="paused"]`).waitFor();
  const { body: { version } } = await world.everywhere('stop');
  await page.locator('#prices > li[data-why="stopped"]').nth(2).waitFor();
  await page.getByText('All prices are stopped').first().waitFor();
  assert.match(await page.locator('#facts').innerText(), new RegExp(`v${version.toLocaleString('en-GB')}, published`));
  assert.deepEqual((await rowsOf(page)).map(({ price }) => readPrice(price)), [12900, 1900, 1490]);
  assert.equal((await world.everywhere('resume')).status, 200);
  await page.locator(`#prices > li[data-sku="${SAFFRON}"][data-why="arm"]`).waitFor();
  for (const one of [tab, phone]) {
    one.check();
    await one.close();
  }
});

test(`${MANY} items are searched without drawing more than can be read, and the page stays free`, async () => {
  const shop = await openWorld();
  try {
    const items = Array.from({ length: MANY }, (_, at) => JSON.stringify({ sku: `SKU-${at}`, price_minor: 1000 + at, cost_minor: 500 }));
    for (let at = 0; at < MANY; at += 1000) {
      const pushed = await shop.admin('POST', '/haggle/v1/catalogue', items.slice(at, at + 1000).join('\n'));
      assert.equal(pushed.status, 200, pushed.text.slice(0, 300));
    }
    const { item, ...rest } = experiment({ name: 'wide', salt: 'wide' });
    await shop.run([{ ...rest, scope: { items: 'all' }, reward_model: 'normal', arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }] }]);
    const own = new Browser(browser.chromium, shop), tab = await own.tab(), page = await tab.open('/preview');
    await page.locator('#found', { hasText: `${PART} of 10,000 items` }).waitFor();
    assert.equal(await page.locator('#prices > li').count(), PART);
    await page.getByRole('button', { name: 'Show more' }).click();
    assert.equal(await page.locator('#prices > li').count(), 2 * PART);
    await page.getByLabel('Search items and experiments').fill('sku-9999');
    assert.deepEqual((await rowsOf(page)).map(({ sku }) => sku), ['SKU-9999']);
    await page.getByLabel('Search items and experiments').fill('999');
    assert.deepEqual(await page.locator('#found').innerText(), '19 items');
    tab.check();
    await tab.close();
  } finally {
    await shop.close();
  }
});
