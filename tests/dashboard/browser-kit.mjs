/**
 * The dashboard in Chromium, as its tests open it: signed in, watched for errors and for requests that leave the origin,
 * and looked through by axe.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { startChromium } from '../chromium.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const DESK = { viewport: { width: 1440, height: 900 } };
/** Rules of WCAG 2.2 at levels A and AA, and what axe itself calls good practice. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const GRAVE = ['serious', 'critical'];

/**
 * @typedef {object} Look
 * @property {'light' | 'dark'} [colorScheme]
 * @property {boolean} [phone]
 * @property {boolean} [signedOut]
 * @property {number} [at_ms] the time that the browser believes it is, where the world's stands still
 * @property {RegExp[]} [expected] lines of the console that belong to what is tested
 * @property {import('playwright-core').BrowserContextOptions} [context] more of Playwright
 */

/** Where an experiment stands that is not decided, as an English reader is told it. @param {any} standing of the API @returns {string} */
export function said({ text, sample_ratio }) {
  if (sample_ratio?.alarm) return 'Not to be judged: visitors are miscounted.';
  return text.replace(/(\d) %/g, '$1%').replace(/\d{4,}/g, (digits) => Number(digits).toLocaleString('en-GB'));
}

/** A tab of the dashboard, and all that went wrong in it. */
export class Tab {
  /** @param {import('playwright-core').BrowserContext} context @param {import('playwright-core').Page} page @param {string} origin @param {RegExp[]} expected */
  constructor(context, page, origin, expected) {
    this.context = context;
    this.page = page;
    this.origin = origin;
    /** @type {string[]} */
    this.requests = [];
    /** @type {string[]} */
    this.wrong = [];
    const note = (/** @type {string} */ text) => { if (!expected.some((one) => one.test(text))) this.wrong.push(text); };
    context.on('request', (request) => this.requests.push(request.url()));
    context.on('page', (other) => this.hear(other, note));
    this.hear(page, note);
  }

  /** @param {import('playwright-core').Page} page @param {(text: string) => void} note */
  hear(page, note) {
    page.on('pageerror', (error) => note(`error: ${error.stack ?? error}`));
    page.on('console', (line) => { if (['error', 'warning'].includes(line.type())) note(`${line.type()}: ${line.text()} ${line.location().url}`); });
  }

  /** Opens an address behind `#`, and waits until the view is there. @param {string} [route] */
  async open(route = '/') {
    await this.page.goto(`${this.origin}/#${route}`);
    await this.page.locator('#main .view, #main .empty, dialog#sign-in[open]').first().waitFor({ state: 'attached' });
    await this.page.locator('#main > .loading').waitFor({ state: 'detached' });
    return this.page;
  }

  /** What is in the page, as its reader reads it. @param {string} selector */
  texts(selector) {
    return this.page.locator(selector).allInnerTexts();
  }

  /** Nothing went wrong, and nobody else was asked for anything. */
  check() {
    assert.deepEqual(this.wrong, [], 'errors and warnings of the page');
    const elsewhere = this.requests.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== this.origin);
    assert.deepEqual(elsewhere, [], 'requests that leave the origin');
    assert.ok(this.requests.every((url) => !url.includes('token')), 'no credential in an address');
  }

  /** What axe finds serious or critical. */
  async axe() {
    await this.page.evaluate(AXE);
    const { violations, passes } = await this.page.evaluate(async (tags) => {
      // Of what it finds right, axe need not describe every element: on a long page that takes most of its time.
      const found = await /** @type {any} */ (window).axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
      return { violations: found.violations, passes: found.passes.length };
    }, TAGS);
    assert.ok(passes > 10, 'axe has looked');
    const lines = (one) => one.nodes.slice(0, 4).map((node) => `${one.id} (${one.impact}): ${node.target.join(' ')}: ${node.failureSummary.split('\n').slice(1).join(';').trim()}`);
    return { grave: violations.filter(({ impact }) => GRAVE.includes(impact)).flatMap(lines), light: violations.filter(({ impact }) => !GRAVE.includes(impact)).flatMap(lines) };
  }

  async close() {
    await this.context.close();
  }
}

/** Chromium for the dashboards of one world. */
export class Browser {
  /** @param {import('playwright-core').Browser} chromium @param {import('../kit.mjs').World} world */
  constructor(chromium, world) {
    this.chromium = chromium;
    this.world = world;
  }

  /** @param {import('../kit.mjs').World} world */
  static async start(world) {
    return new Browser(await startChromium(), world);
  }

  /** A tab of a reader of their own. @param {Look} [look] */
  async tab({ colorScheme = 'light', phone = false, signedOut = false, at_ms, expected = [], context: more = {} } = {}) {
    const context = await this.chromium.newContext({ locale: 'en-GB', timezoneId: 'Europe/Madrid', reducedMotion: 'reduce', colorScheme, ...(phone ? PHONE : DESK), ...more });
    const { adminUrl, secrets } = this.world.edge;
    if (!signedOut) await context.addInitScript((token) => { if (!sessionStorage.getItem('haggle_admin_token')) sessionStorage.setItem('haggle_admin_token', token); }, secrets.ADMIN_TOKEN);
    const page = await context.newPage();
    if (at_ms !== undefined) await page.clock.setFixedTime(at_ms);
    return new Tab(context, page, adminUrl, expected);
  }

  async close() {
    await this.chromium.close();
  }
}
