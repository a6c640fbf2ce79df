/**
 * The frame of the dashboard in Chromium, before the real Worker: signing in, staying in touch, moving about with the
 * keyboard, and the charts' exports.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { startChromium } from '../chromium.mjs';
import { experiment, openWorld, otherExperiment, until } from '../kit.mjs';

const OVERVIEW = '/haggle/v1/overview';

/** @type {import('../kit.mjs').World} */
let world;
/** @type {import('playwright-core').Browser} */
let browser;
let adminUrl = '', token = '';

before(async () => {
  world = await openWorld({ experiments: [experiment({ holdout: 0.1 }), otherExperiment('kozani', 'SAFFRON-2', 1490)] });
  [adminUrl, token] = [world.edge.adminUrl, world.edge.secrets.ADMIN_TOKEN];
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await world?.close();
});

/** A browser of its own, with all that it asks for and all that goes wrong in it. */
class Tab {
  /** @type {string[]} */
  problems = [];
  /** @type {import('playwright-core').Request[]} */
  requests = [];

  /** @param {{ hash?: string, credential?: string } & import('playwright-core').BrowserContextOptions} [options] */
  static async open({ hash = '#/', credential = token, ...options } = {}) {
    const tab = new Tab();
    tab.context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, acceptDownloads: true, ...options });
    tab.page = await tab.context.newPage();
    tab.page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) tab.problems.push(message.text()); });
    tab.page.on('pageerror', (error) => tab.problems.push(String(error)));
    tab.page.on('request', (request) => tab.requests.push(request));
    if (credential) await tab.page.addInitScript((text) => { if (!sessionStorage.length) sessionStorage.setItem('haggle_admin_token', text); }, credential);
    await tab.page.goto(`${adminUrl}/${hash}`);
    return tab;
  }

  get dialog() {
    return this.page.locator('#sign-in');
  }

  get connection() {
    return this.page.locator('#connection');
  }

  /** How often a path was asked for. @param {string} [path] */
  asked(path = OVERVIEW) {
    return this.requests.filter((request) => new URL(request.url()).pathname === path).length;
  }

  /** The experiments are on the page. */
  async shown() {
    await this.page.locator('.experiments').getByRole('link', { name: 'sevilla' }).waitFor();
  }

  /** @param {string} text */
  async signIn(text) {
    await this.dialog.getByLabel('Admin token').fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** As the browser tells a page that another tab is in front of it. @param {boolean} hidden */
  async hide(hidden) {
    await this.page.evaluate((is) => {
      Object.defineProperty(document, 'hidden', { value: is, configurable: true });
      Object.defineProperty(document, 'visibilityState', { value: is ? 'hidden' : 'visible', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  }

  /** Nothing went wrong, nothing was asked of anybody else, and the token was in no address. @param {RegExp} [except] */
  async close(except = /^$/) {
    assert.deepEqual(this.problems.filter((text) => !except.test(text)), []);
    for (const request of this.requests) {
      assert.ok(request.url().startsWith(`${adminUrl}/`) || /^(data|blob):/.test(request.url()), `asked for ${request.url()}`);
      assert.ok(!request.url().includes(token), request.url());
    }
    await this.context.close();
  }
}

test('a wrong token is refused in words and tried once; the right one opens the page and stays in this tab alone', async () => {
  const tab = await Tab.open({ credential: '' }), field = tab.dialog.getByLabel('Admin token');
  await field.waitFor();
  assert.equal(await field.evaluate((one) => one === document.activeElement && one.type === 'password' && one.autocomplete === 'off'), true);
  assert.equal(tab.asked(), 0, 'nothing is asked of the admin API before');
  await tab.signIn('not-the-token');
  await tab.dialog.getByRole('alert').getByText('not accepted').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  const tried = tab.requests.filter((request) => request.headers().authorization === 'Bearer not-the-token');
  assert.equal(tried.length, 1);
  await tab.signIn('with \u00fcmlaut');
  await tab.dialog.getByRole('alert').getByText('not accepted').waitFor();
  await tab.signIn(token);
  await tab.shown();
  assert.equal(await tab.dialog.isVisible(), false);
  const kept = await tab.page.evaluate(() => [Object.values(sessionStorage), localStorage.length, document.cookie, location.href]);
  assert.deepEqual(kept, [[token], 0, '', `${adminUrl}/#/`]);
  await tab.page.reload();
  await tab.shown();
  await tab.page.getByRole('button', { name: 'Sign out' }).click();
  await field.waitFor();
  assert.equal(await tab.page.evaluate(() => sessionStorage.length), 0);
  assert.equal(await tab.page.locator('.experiments').count(), 0);
  await tab.close(/status of 401/);
});

test('a credential that has expired is asked for over the page, which keeps what is on it, asks nothing meanwhile, and goes on', async () => {
  const tab = await Tab.open();
  await tab.shown();
  await tab.page.evaluate(() => sessionStorage.setItem('haggle_admin_token', 'of-yesterday'));
  await tab.dialog.getByText('no longer accepted').waitFor();
  assert.equal(await tab.page.locator('.experiments > li').count(), 2, 'what is on the page stays');
  assert.equal(await tab.connection.innerText(), 'Signed out');
  const asked = tab.asked();
  await tab.page.waitForTimeout(5000);
  assert.equal(tab.asked(), asked, 'a wrong credential is not sent again and again');
  await tab.page.keyboard.press('Escape');
  await tab.page.getByRole('button', { name: 'Sign in' }).click();
  await tab.signIn(token);
  await until('it goes on', async () => tab.asked(), (now) => now > asked + 1);
  await tab.connection.getByText('Live').waitFor();
  assert.equal(await tab.page.locator('#connection').getAttribute('data-kind'), 'live');
  await tab.close(/status of 401/);
});

test('a lost connection is said, waited for longer and longer, and resumed at once when there is one', async () => {
  const tab = await Tab.open();
  await tab.shown();
  await tab.context.setOffline(true);
  await tab.connection.getByText('Connection lost').waitFor();
  assert.equal(await tab.page.locator('.experiments > li').count(), 2);
  const asked = tab.asked();
  await tab.page.waitForTimeout(7000);
  assert.ok(tab.asked() - asked <= 3, `asked ${tab.asked() - asked} times in 7 s`);
  await tab.context.setOffline(false);
  await tab.connection.getByText('Live').waitFor({ timeout: 2000 });
  await tab.close(/ERR_INTERNET_DISCONNECTED/);
});

test('a page that nobody looks at asks nothing, and is up to date as soon as it is looked at', async () => {
  const tab = await Tab.open();
  await tab.shown();
  await tab.hide(true);
  await tab.connection.getByText('Paused').waitFor();
  await tab.page.waitForTimeout(500);
  const asked = tab.requests.length;
  assert.equal((await world.act('kozani', 'pause', { by: 'maria', reason: 'stock count' })).status, 200);
  await tab.page.waitForTimeout(5000);
  assert.equal(tab.requests.length, asked);
  await tab.hide(false);
  await tab.page.locator('.wrongs').getByText('kozani is paused').waitFor({ timeout: 2500 });
  assert.equal((await world.act('kozani', 'resume', { by: 'maria', reason: 'counted' })).status, 200);
  await tab.page.getByText('kozani is paused').waitFor({ state: 'detached' });
  await tab.close();
});

test('what has not changed is not sent again', async () => {
  const tab = await Tab.open(), answers = [];
  tab.page.on('response', (response) => { if (new URL(response.url()).pathname === OVERVIEW) answers.push(response.status()); });
  await tab.shown();
  await until('the Worker says that it is the same', async () => answers, (all) => all.filter((status) => status === 304).length >= 2, 20_000);
  await tab.close();
});

test('the navigation works by the keyboard; each view has its title and address, and one that is not there says so', async () => {
  const tab = await Tab.open(), { page } = tab, nav = page.getByRole('navigation', { name: 'Main' });
  await tab.shown();
  assert.equal(await page.title(), 'Overview · haggle');
  assert.equal(await nav.getByRole('link', { name: 'Overview' }).getAttribute('aria-current'), 'page');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
  assert.equal(page.url(), `${adminUrl}/#/`, 'the link that skips leads nowhere else');
  await page.getByRole('link', { name: 'What if' }).focus();
  await page.keyboard.press('Enter');
  await until('the title', () => page.title(), (title) => title === 'What if · haggle');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main', 'the focus is on what is new');
  assert.equal(await nav.getByRole('link', { name: 'What if' }).getAttribute('aria-current'), 'page');
  await page.goBack();
  await tab.shown();
  await page.goto(`${adminUrl}/#/no/such/page`);
  await page.getByRole('alert').getByText('leads nowhere').waitFor();
  await page.getByRole('link', { name: 'To the overview' }).click();
  await tab.shown();
  await tab.close();
});

test('no script, style or frame of others: the policy of the answer says so, and the browser keeps it', async () => {
  const tab = await Tab.open();
  const policy = (await tab.page.reload()).headers()['content-security-policy'];
  await tab.shown();
  for (const rule of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) assert.ok(policy.includes(rule), rule);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*/);
  assert.deepEqual(tab.problems, [], 'our own pages need nothing else');
  await tab.page.evaluate(() => {
    const inline = document.createElement('script');
    inline.textContent = 'document.title = "ran"';
    document.head.append(inline);
  });
  assert.equal(await tab.page.title(), 'Overview · haggle');
  await tab.close(/Content Security Policy/);
});

/** Draws a chart in a page of its own. @param {Tab} tab @param {string} kind @param {any} data */
const chart = (tab, kind, data) => tab.page.evaluate(async ([which, given]) => {
  const charts = await import('/charts.js'), main = document.createElement('main');
  document.querySelector('main').replaceWith(main);
  /** @type {any} */ (window).chart = charts[which](main, given);
}, [kind, data]);

/** What a click saves. @param {Tab} tab @param {string} button */
async function saved(tab, button) {
  const [download] = await Promise.all([tab.page.waitForEvent('download'), tab.page.getByRole('button', { name: button }).click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

const HOUR_MS = 3_600_000, AT_MS = Date.UTC(2026, 4, 1);
const LINES = {
  title: 'Profit per visitor', name: 'sevilla-profit', x: { label: 'Time', kind: 'time', values: [AT_MS, AT_MS + HOUR_MS, AT_MS + 2 * HOUR_MS] },
  y: { label: 'Profit per visitor', kind: 'money' }, currency: 'EUR', digits: 2,
  series: [{ name: 'low, "cheap"', color: 0, values: [null, 12.5, 13], low: [null, 10, 11.25], high: [null, 15, 14] }, { name: '=1+1', color: 'holdout', values: [10, 10, 10] }],
  marks: [{ x: AT_MS + HOUR_MS / 2, text: '@maria: paused' }],
};

test('a chart gives its data as CSV that a spreadsheet cannot take for a formula, and its picture as PNG', async () => {
  const tab = await Tab.open();
  await tab.shown();
  await chart(tab, 'lineChart', LINES);
  const table = await saved(tab, 'CSV: data of “Profit per visitor”');
  assert.equal(table.name, 'sevilla-profit.csv');
  assert.equal(table.bytes.toString('utf8'), [
    'Time,"low, ""cheap""","low, ""cheap"": low","low, ""cheap"": high",\'=1+1,intervention',
    '2026-05-01T00:00:00.000Z,,,,0.1,',
    '2026-05-01T00:30:00.000Z,,,,,\'@maria: paused',
    '2026-05-01T01:00:00.000Z,0.125,0.1,0.15,0.1,',
    '2026-05-01T02:00:00.000Z,0.13,0.1125,0.14,0.1,', ''].join('\r\n'));
  const picture = await saved(tab, 'Picture of “Profit per visitor”');
  assert.equal(picture.name, 'sevilla-profit.png');
  assert.deepEqual([...picture.bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  assert.ok(picture.bytes.length > 5000, `a picture of ${picture.bytes.length} bytes is empty`);
  await tab.page.getByText('1 intervention').click();
  assert.match(await tab.page.locator('.marks li').innerText(), /1 May 2026.*@maria: paused/);
  const read = await tab.page.locator('figure table').evaluate((one) => [...one.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.deepEqual(read, [['low, "cheap"', '€0.125', '€0.130', '€0.125', '€0.130'], ['=1+1', '€0.100', '€0.100', '€0.100', '€0.100']]);
  await tab.close();
});

test('a chart takes new data in the same canvas, hides what its legend says, and says where there is nothing', async () => {
  const tab = await Tab.open(), { page } = tab;
  await tab.shown();
  await chart(tab, 'lineChart', LINES);
  const canvas = page.locator('figure canvas'), first = await canvas.elementHandle();
  const shot = async () => createHash('sha256').update(await canvas.evaluate((one) => one.toDataURL())).digest('hex');
  await until('it is drawn', () => canvas.evaluate((one) => one.toDataURL().length), (length) => length > 2000);
  const before = await shot();
  await page.evaluate(([data]) => /** @type {any} */ (window).chart.update({ ...data, series: data.series.map((one) => ({ ...one, values: [30, 20, 10] })) }), [LINES]);
  await until('it has changed', shot, (now) => now !== before);
  assert.ok(await first?.evaluate((one) => one.isConnected), 'the canvas is the same');
  const key = page.getByRole('button', { name: '=1+1', exact: true }), both = await shot();
  await key.click();
  assert.equal(await key.getAttribute('aria-pressed'), 'false');
  await until('one line is gone', shot, (now) => now !== both);
  const light = await shot();
  await page.emulateMedia({ colorScheme: 'dark' });
  await until('it is drawn in the colours of the night', shot, (now) => now !== light);
  await page.evaluate(([data]) => /** @type {any} */ (window).chart.update({ ...data, x: { ...data.x, values: [] }, series: [], marks: [] }), [LINES]);
  await page.getByText('Nothing to draw yet.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'CSV' }).isDisabled(), true);
  await tab.close();
});

test('bars and shares have the same exports', async () => {
  const tab = await Tab.open();
  await tab.shown();
  await chart(tab, 'barChart', { title: 'Best', name: 'best', y: { label: 'Probability', kind: 'percent' }, bars: [{ name: 'low', color: 0, value: 0.8, low: 0.7, high: 0.9 }, { name: 'list', color: 1, value: 0.2 }] });
  assert.equal((await saved(tab, 'CSV: data of “Best”')).bytes.toString('utf8'), 'Name,Probability,From,To\r\nlow,0.8,0.7,0.9\r\nlist,0.2,,\r\n');
  assert.ok((await saved(tab, 'Picture of “Best”')).bytes.length > 1500);
  await chart(tab, 'areaChart', { ...LINES, y: { label: 'Share', kind: 'percent' }, marks: [], series: [{ name: 'low', color: 0, values: [0.5, 0.75, 1] }, { name: 'list', color: 1, values: [0.5, 0.25, 0] }] });
  assert.match((await saved(tab, 'CSV: data of “Profit per visitor”')).bytes.toString('utf8'), /^Time,low,list\r\n2026-05-01T00:00:00.000Z,0.5,0.5\r\n/);
  await tab.close();
});
