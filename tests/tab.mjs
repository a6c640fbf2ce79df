/** A shopper's tab at the demo shop in Chromium: what is in its pages, what they report, and the way through the basket. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { until } from './kit.mjs';
import { readPrice } from './shop/money.mjs';

export const BEACON = '/haggle/v1/exposures';
/** Longer than a price must be in view, and its quote waits for others: a beacon that will come has come. */
const SETTLED_MS = 1600;

/** A browser of its own with one tab, and all that goes wrong or is reported in it. */
export class Tab {
  /**
   * @param {import('playwright-core').Browser} browser
   * @param {string} shopUrl where its paths are
   * @param {import('playwright-core').BrowserContextOptions} [options]
   */
  static async open(browser, shopUrl, options = {}) {
    const tab = new Tab();
    tab.shopUrl = shopUrl;
    tab.context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 720 }, ...options });
    tab.page = await tab.context.newPage();
    tab.page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') tab.problems.push(message.text()); });
    tab.page.on('pageerror', (error) => tab.problems.push(error.message));
    tab.page.on('request', (request) => { if (request.url().endsWith(BEACON)) tab.beacons.push(request); });
    return tab;
  }

  shopUrl = '';
  /** @type {string[]} */
  problems = [];
  /** @type {import('playwright-core').Request[]} */
  beacons = [];

  /** Every price that was reported, in the order of the sending. @returns {{ sku: string, price_minor: number }[]} */
  get sent() {
    return this.beacons.flatMap((request) => JSON.parse(request.postData() ?? '').shown);
  }

  /** The items of the prices that were reported. */
  get skus() {
    return this.sent.map(({ sku }) => sku);
  }

  /** @param {string} path */
  look(path) {
    return this.page.goto(this.shopUrl + path, { waitUntil: 'load' });
  }

  /** Prices in the rendered page, by item. @returns {Promise<Record<string, number | null>>} */
  async prices() {
    const texts = await this.page.locator('span[data-haggle-sku]').evaluateAll((all) => all.map((one) => [one.dataset.haggleSku, one.innerText]));
    return Object.fromEntries(texts.map(([sku, text]) => [sku, readPrice(text)]));
  }

  /** @param {number} number of prices that are expected in all */
  async reported(number) {
    await until(`${number} prices are reported`, async () => this.sent.length, (sent) => sent >= number);
    await sleep(SETTLED_MS);
    assert.equal(this.sent.length, number, `each price once: ${this.skus}`);
  }

  /** What the basket says of its lines: prices and messages. */
  async basket() {
    await this.look('/cart');
    const rows = this.page.locator('tr[data-cart-sku]');
    return rows.evaluateAll((all) => all.map((row) => ({ sku: row.dataset.cartSku, text: row.querySelector('td.unit').innerText,
      notice: row.nextElementSibling?.matches('.notice') ? row.nextElementSibling.innerText.trim() : null })));
  }

  /** Puts the item of the page into the basket. */
  async add() {
    await this.page.getByRole('button', { name: 'Add to basket' }).click();
    await this.page.waitForURL(/\/cart$/);
  }

  /** Orders what is in the basket. @returns {Promise<number | null>} what was paid */
  async pay() {
    await this.page.getByRole('button', { name: 'Order and pay' }).click();
    await this.page.waitForURL(/\/thanks\//);
    return readPrice(await this.page.locator('p strong').innerText());
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
    return this.page.locator(`span[data-haggle-sku="${sku}"]`).first()
      .evaluate((element) => element.scrollIntoView({ block: 'center', behavior: 'instant' }));
  }

  /** Nothing went wrong, and ends. @param {RegExp} [except] */
  async close(except = /^$/) {
    assert.deepEqual(this.problems.filter((text) => !except.test(text)), []);
    await this.context.close();
  }
}
