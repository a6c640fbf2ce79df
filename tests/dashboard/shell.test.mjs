/**
 * The frame of the dashboard in Chromium, before the real Worker: signing in, staying in touch, moving about with the
 * keyboard, and the charts' exports.
 */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { experiment, openWorld, otherExperiment, until } from '../kit.mjs';
import { Browser } from './browser-kit.mjs';

/** @typedef {import('playwright-core').Page} Page */

const OVERVIEW = '/haggle/v1/overview';
/** Longer than a page that is looked at takes to ask again, which is 2 s. */
const LONGER_MS = 3000;
/** Less than a connection that is lost for 7 s is waited for next: whoever is there earlier was told that it is back. */
const BY_ITSELF_MS = 5000;

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
let adminUrl = '', token = '';

/** What stands before the Worker where Cloudflare Access is configured: one key, and tokens that it signs. */
const access = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }), audience: randomBytes(32).toString('hex'), url: '' };
const team = createServer((_request, response) => {
  const keys = [{ kid: 'one', alg: 'RS256', use: 'sig', ...access.publicKey.export({ format: 'jwk' }) }];
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
});

/** @param {string} audience of the application that the reader was let into @param {number} [left_s] until the session ends */
function cookieOfAccess(audience, left_s = 300) {
  const now_s = Math.floor(Date.now() / 1000), part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${part({ iss: access.url, aud: [audience], exp: now_s + left_s, nbf: now_s - 600, iat: now_s - 600, type: 'app', sub: 'f00d', email: 'ana@oil.example' })}`;
  return { name: 'CF_Authorization', value: `${signed}.${sign('sha256', Buffer.from(signed), access.privateKey).toString('base64url')}`, url: adminUrl, httpOnly: true };
}

before(async () => {
  await new Promise((ready) => { team.listen(0, '127.0.0.1', () => ready(undefined)); });
  access.url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (team.address()).port}`;
  world = await openWorld({ vars: { ACCESS_TEAM: access.url, ACCESS_AUD: access.audience }, experiments: [experiment({ holdout: 0.1 }), otherExperiment('kozani', 'SAFFRON-2', 1490)] });
  [adminUrl, token] = [world.edge.adminUrl, world.edge.secrets.ADMIN_TOKEN];
  browser = await Browser.start(world);
});
after(async () => {
  await browser?.close();
  await world?.close();
  team.closeAllConnections();
  team.close();
});

/**
 * The dashboard as its reader opens it.
 * @param {{ signedOut?: boolean, cookie?: any, expected?: RegExp[] }} [options] `expected`: what the console may say
 */
async function open({ cookie, ...look } = {}) {
  const tab = await browser.tab(look);
  if (cookie) await tab.context.addCookies([cookie]);
  await tab.page.goto(`${adminUrl}/#/`);
  return tab;
}

/** Nothing went wrong, and ends. @param {import('./browser-kit.mjs').Tab} tab */
async function close(tab) {
  tab.check();
  assert.ok(tab.requests.every((url) => !url.includes(token)), 'the token is in no address');
  await tab.close();
}

const dialogOf = (/** @type {Page} */ page) => page.locator('#sign-in');
const connectionOf = (/** @type {Page} */ page) => page.locator('#connection');

/** How often the overview was asked for. @param {import('./browser-kit.mjs').Tab} tab */
const asked = ({ requests }) => requests.filter((url) => new URL(url).pathname === OVERVIEW).length;

/** The experiments are on the page. @param {Page} page */
const shown = (page) => page.locator('.experiments').getByRole('link', { name: 'sevilla', exact: true }).waitFor();

/** @param {Page} page @param {string} text */
async function signIn(page, text) {
  await dialogOf(page).getByLabel('Admin token').fill(text);
  await page.keyboard.press('Enter');
}

/** As the browser tells a page that another tab is in front of it. @param {Page} page @param {boolean} hidden */
const hide = (page, hidden) => page.evaluate((is) => {
  Object.defineProperty(document, 'hidden', { value: is, configurable: true });
  Object.defineProperty(document, 'visibilityState', { value: is ? 'hidden' : 'visible', configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}, hidden);

test('a wrong token is refused in words and tried once; the right one opens the page and stays in this tab alone', async () => {
  const tab = await open({ signedOut: true, expected: [/status of 401/] }), { page } = tab, field = dialogOf(page).getByLabel('Admin token');
  const tried = [];
  page.on('request', (request) => { if (request.headers().authorization === 'Bearer not-the-token') tried.push(request.url()); });
  await field.waitFor();
  assert.equal(await field.evaluate((one) => one === document.activeElement && one.type === 'password' && one.autocomplete === 'off'), true);
  assert.equal(asked(tab), 0, 'nothing is asked of the admin API before');
  await signIn(page, 'not-the-token');
  await dialogOf(page).getByRole('alert').getByText('not accepted').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  assert.equal(tried.length, 1);
  await signIn(page, 'with \u00fcmlaut');
  await dialogOf(page).getByRole('alert').getByText('not accepted').waitFor();
  await signIn(page, token);
  await shown(page);
  assert.equal(await dialogOf(page).isVisible(), false);
  const kept = await page.evaluate(() => [Object.values(sessionStorage), localStorage.length, document.cookie, location.href]);
  assert.deepEqual(kept, [[token], 0, '', `${adminUrl}/#/`]);
  await page.reload();
  await shown(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await field.waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(await page.locator('.experiments').count(), 0);
  await close(tab);
});

test('a credential that has expired is asked for over the page, which keeps what is on it, asks nothing meanwhile, and goes on', async () => {
  const tab = await open({ expected: [/status of 401/] }), { page } = tab;
  await shown(page);
  await page.evaluate(() => sessionStorage.setItem('haggle_admin_token', 'of-yesterday'));
  await dialogOf(page).getByText('no longer accepted').waitFor();
  assert.equal(await page.locator('.experiments > li').count(), 2, 'what is on the page stays');
  assert.equal(await connectionOf(page).innerText(), 'Signed out');
  const then = asked(tab);
  await page.waitForTimeout(LONGER_MS);
  assert.equal(asked(tab), then, 'a wrong credential is not sent again and again');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await signIn(page, token);
  await until('it goes on', async () => asked(tab), (now) => now > then + 1);
  await connectionOf(page).getByText('Live').waitFor();
  assert.equal(await page.locator('#connection').getAttribute('data-kind'), 'live');
  await close(tab);
});

test('a lost connection is said, waited for longer and longer, and resumed at once when there is one', async () => {
  const tab = await open({ expected: [/ERR_INTERNET_DISCONNECTED/] }), { page } = tab;
  await shown(page);
  await tab.context.setOffline(true);
  await connectionOf(page).getByText('Connection lost').waitFor();
  assert.equal(await page.locator('.experiments > li').count(), 2);
  const then = asked(tab);
  await page.waitForTimeout(7000);
  assert.ok(asked(tab) - then <= 3, `asked ${asked(tab) - then} times in 7 s`);
  await tab.context.setOffline(false);
  await connectionOf(page).getByText('Live').waitFor({ timeout: BY_ITSELF_MS });
  await close(tab);
});

test('a page that nobody looks at asks nothing, and is up to date as soon as it is looked at', async () => {
  const tab = await open(), { page } = tab;
  await shown(page);
  await hide(page, true);
  await connectionOf(page).getByText('Paused').waitFor();
  await page.waitForTimeout(500);
  const then = tab.requests.length;
  assert.equal((await world.act('kozani', 'pause', { by: 'maria', reason: 'stock count' })).status, 200);
  await page.waitForTimeout(LONGER_MS);
  assert.equal(tab.requests.length, then);
  await hide(page, false);
  await page.locator('.wrongs').getByText('kozani is paused').waitFor();
  await page.locator('.wrongs').getByRole('button', { name: 'Resume kozani', exact: true }).waitFor();
  assert.equal((await world.act('kozani', 'resume', { by: 'maria', reason: 'counted' })).status, 200);
  await page.getByText('kozani is paused').waitFor({ state: 'detached' });
  await close(tab);
});

test('what has not changed is not sent again', async () => {
  const tab = await open(), { page } = tab, answers = [];
  page.on('response', (response) => { if (new URL(response.url()).pathname === OVERVIEW) answers.push(response.status()); });
  await shown(page);
  await until('the Worker says that it is the same', async () => answers, (all) => all.filter((status) => status === 304).length >= 2, 20_000);
  await close(tab);
});

test('the navigation works by the keyboard; each view has its title and address, and one that is not there says so', async () => {
  const tab = await open(), { page } = tab, nav = page.getByRole('navigation', { name: 'Main' });
  await shown(page);
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
  await shown(page);
  await page.goto(`${adminUrl}/#/no/such/page`);
  await page.getByRole('alert').getByText('leads nowhere').waitFor();
  await page.getByRole('link', { name: 'To the overview' }).click();
  await shown(page);
  await close(tab);
});

test('no script, style or frame of others: the policy of the answer says so, and the browser keeps it', async () => {
  const tab = await open({ expected: [/Content Security Policy/] }), { page } = tab;
  const policy = (await page.reload()).headers()['content-security-policy'];
  await shown(page);
  for (const rule of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) assert.ok(policy.includes(rule), rule);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*/);
  assert.deepEqual(tab.wrong, [], 'our own pages need nothing else');
  await page.evaluate(() => {
    const inline = document.createElement('script');
    inline.textContent = 'document.title = "ran"';
    document.head.append(inline);
  });
  assert.equal(await page.title(), 'Overview · haggle');
  await close(tab);
});

/** Draws a chart in a page of its own. @param {Page} page @param {string} kind @param {any} data */
const chart = (page, kind, data) => page.evaluate(async ([which, given]) => {
  const charts = await import('/charts.js'), main = document.createElement('main');
  document.querySelector('main').replaceWith(main);
  /** @type {any} */ (window).chart = charts[which](main, given);
}, [kind, data]);

/** What a click saves. @param {Page} page @param {string} button */
async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()]);
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
  const tab = await open(), { page } = tab;
  await shown(page);
  await chart(page, 'lineChart', LINES);
  const table = await saved(page, 'CSV: data of “Profit per visitor”');
  assert.equal(table.name, 'sevilla-profit.csv');
  assert.equal(table.bytes.toString('utf8'), [
    'Time,"low, ""cheap""","low, ""cheap"": low","low, ""cheap"": high",\'=1+1,intervention',
    '2026-05-01T00:00:00.000Z,,,,0.1,',
    '2026-05-01T00:30:00.000Z,,,,,\'@maria: paused',
    '2026-05-01T01:00:00.000Z,0.125,0.1,0.15,0.1,',
    '2026-05-01T02:00:00.000Z,0.13,0.1125,0.14,0.1,', ''].join('\r\n'));
  const picture = await saved(page, 'Picture of “Profit per visitor”');
  assert.equal(picture.name, 'sevilla-profit.png');
  assert.deepEqual([...picture.bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  assert.ok(picture.bytes.length > 5000, `a picture of ${picture.bytes.length} bytes is empty`);
  await page.getByRole('group', { name: /arrow keys/ }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.match(await page.locator('.readout').innerText(), /^1 May 2026, \d\d:00\s+low, "cheap"\s+€0\.125 +\(€0\.100 … €0\.150\)\s+=1\+1\s+€0\.100$/);
  await page.getByText('1 intervention').click();
  assert.equal(await page.locator('.readout').isVisible(), false);
  assert.match(await page.locator('.marks li').innerText(), /1 May 2026.*@maria: paused/);
  const read = await page.locator('figure table').evaluate((one) => [...one.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.deepEqual(read, [['low, "cheap"', '€0.125', '€0.130', '€0.125', '€0.130'], ['=1+1', '€0.100', '€0.100', '€0.100', '€0.100']]);
  await close(tab);
});

test('a chart takes new data in the same canvas, hides what its legend says, and says where there is nothing', async () => {
  const tab = await open(), { page } = tab;
  await shown(page);
  await chart(page, 'lineChart', LINES);
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
  await close(tab);
});

test('bars and shares have the same exports', async () => {
  const tab = await open(), { page } = tab;
  await shown(page);
  await chart(page, 'barChart', { title: 'Best', name: 'best', y: { label: 'Probability', kind: 'percent' }, bars: [{ name: 'low', color: 0, value: 0.8, low: 0.7, high: 0.9 }, { name: 'list', color: 1, value: 0.2 }] });
  assert.equal((await saved(page, 'CSV: data of “Best”')).bytes.toString('utf8'), 'Name,Probability,From,To\r\nlow,0.8,0.7,0.9\r\nlist,0.2,,\r\n');
  assert.ok((await saved(page, 'Picture of “Best”')).bytes.length > 1500);
  await chart(page, 'areaChart', { ...LINES, y: { label: 'Share', kind: 'percent' }, marks: [], series: [{ name: 'low', color: 0, values: [0.5, 0.75, 1] }, { name: 'list', color: 1, values: [0.5, 0.25, 0] }] });
  assert.match((await saved(page, 'CSV: data of “Profit per visitor”')).bytes.toString('utf8'), /^Time,low,list\r\n2026-05-01T00:00:00.000Z,0.5,0.5\r\n/);
  await close(tab);
});

test('whom Cloudflare Access has let in is asked for nothing; who was let into another application is told so', async () => {
  const tab = await open({ signedOut: true, cookie: cookieOfAccess(access.audience) }), { page } = tab;
  await shown(page);
  assert.equal(await dialogOf(page).isVisible(), false);
  assert.equal(await page.getByRole('button', { name: 'Sign out' }).isVisible(), false, 'it is Access that signs out');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await close(tab);
  const other = await open({ signedOut: true, cookie: cookieOfAccess('0'.repeat(64)), expected: [/status of 403/, /for another application/] });
  await other.page.getByRole('alert').getByText('for another application').waitFor();
  await close(other);
});

/** The dialog of an action of sevilla, opened from its page. @param {Page} page @param {string} button */
async function dialogFor(page, button) {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.locator('dialog.action');
  await dialog.waitFor();
  return dialog;
}

test('whom Access has let in pauses and resumes without a token or a name, on record by the address that Access vouches for', async () => {
  const tab = await open({ signedOut: true, cookie: cookieOfAccess(access.audience) }), { page } = tab, sent = [];
  page.on('request', (request) => { if (request.method() === 'POST') sent.push({ headers: request.headers(), body: request.postDataJSON() }); });
  await page.goto(`${adminUrl}/#/experiments/sevilla`);
  for (const [button, confirm, state, reason] of [['Pause…', 'Pause experiment', 'paused', 'stock count'], ['Resume…', 'Resume experiment', 'running', 'counted']]) {
    const dialog = await dialogFor(page, button);
    assert.equal(await dialog.getByLabel('Your name').isVisible(), false);
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.getByRole('button', { name: confirm }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal((await world.admin('GET', '/haggle/v1/experiments/sevilla')).body.state, state);
    await page.locator('.timeline').getByText('by ana@oil.example', { exact: true }).first().waitFor();
    await page.locator('.timeline').getByText(reason).waitFor();
  }
  const { records } = (await world.admin('GET', '/haggle/v1/audit?experiment=sevilla')).body;
  assert.deepEqual(records.slice(-2).map(({ action, who, reason }) => [action, who, reason]), [['pause', 'ana@oil.example', 'stock count'], ['resume', 'ana@oil.example', 'counted']]);
  assert.equal(sent.length, 2);
  for (const { headers, body } of sent) assert.deepEqual([headers.authorization, 'by' in body], [undefined, false]);
  await close(tab);
});

test('a session of Access that ends under an open dialog is said, and what was typed is done after it, once, by Access or by the token', async () => {
  const tab = await open({ signedOut: true, cookie: cookieOfAccess(access.audience), expected: [/status of (400|401)/] }), { page } = tab;
  const records = async () => (await world.admin('GET', '/haggle/v1/audit?experiment=sevilla')).body.records;
  await page.goto(`${adminUrl}/#/experiments/sevilla`);
  const known = (await records()).length;
  let dialog = await dialogFor(page, 'Pause…');
  await dialog.getByLabel('Reason').fill('the supplier has called');
  // As the Worker says it of a session that is over, and as Access itself does: it leads elsewhere.
  await tab.context.addCookies([cookieOfAccess(access.audience, -120)]);
  await dialogOf(page).getByText('session with Cloudflare Access has ended').waitFor();
  const again = dialogOf(page).getByRole('link', { name: 'Sign in with Access' });
  assert.deepEqual([await again.getAttribute('target'), await again.getAttribute('href')], ['_blank', '/']);
  assert.deepEqual((await tab.axe()).grave, []);
  await dialogOf(page).getByRole('button', { name: 'I am signed in' }).click();
  await dialogOf(page).getByRole('alert').getByText('not signed in yet').waitFor();
  await tab.context.addCookies([cookieOfAccess(access.audience)]);
  await dialogOf(page).getByRole('button', { name: 'I am signed in' }).click();
  await dialogOf(page).waitFor({ state: 'hidden' });
  assert.equal(await dialog.getByLabel('Reason').inputValue(), 'the supplier has called');
  await page.route('**/pause', (route) => route.fulfill({ status: 302, headers: { location: 'https://team.cloudflareaccess.com/login' } }), { times: 1 });
  await dialog.getByRole('button', { name: 'Pause experiment' }).click();
  await dialogOf(page).getByText('session with Cloudflare Access has ended').waitFor();
  await dialogOf(page).getByRole('button', { name: 'I am signed in' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.locator('.timeline').getByText('the supplier has called').waitFor();
  assert.deepEqual((await records()).slice(known).map(({ action, who }) => [action, who]), [['pause', 'ana@oil.example']]);
  // Without Access, the token opens; it names nobody, so the dialog asks now, and keeps the reason.
  dialog = await dialogFor(page, 'Resume…');
  await dialog.getByLabel('Reason').fill('he has called back');
  await tab.context.clearCookies();
  await dialogOf(page).getByText('session with Cloudflare Access has ended').waitFor();
  await signIn(page, token);
  await dialogOf(page).waitFor({ state: 'hidden' });
  await dialog.getByRole('button', { name: 'Resume experiment' }).click();
  await dialog.getByRole('alert').getByText('by is missing').waitFor();
  assert.equal(await dialog.getByLabel('Reason').inputValue(), 'he has called back');
  await dialog.getByLabel('Your name').fill('ana');
  await dialog.getByRole('button', { name: 'Resume experiment' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual((await records()).slice(known + 1).map(({ action, who }) => [action, who]), [['resume', 'ana (bearer)']]);
  await close(tab);
});

test('what is cancelled while the session is over is not done after it', async () => {
  const tab = await open({ signedOut: true, cookie: cookieOfAccess(access.audience) }), { page } = tab, sent = [];
  page.on('request', (request) => { if (request.method() === 'POST') sent.push(request.url()); });
  await page.goto(`${adminUrl}/#/experiments/sevilla`);
  const dialog = await dialogFor(page, 'Pause…');
  await dialog.getByLabel('Reason').fill('a second thought');
  await page.route('**/pause', (route) => route.fulfill({ status: 302, headers: { location: 'https://team.cloudflareaccess.com/login' } }), { times: 1 });
  await dialog.getByRole('button', { name: 'Pause experiment' }).click();
  await dialogOf(page).getByText('session with Cloudflare Access has ended').waitFor();
  await page.keyboard.press('Escape');
  await dialogOf(page).waitFor({ state: 'hidden' });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await page.getByText('It may have been done').count(), 0, 'it is known that it was not');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await dialogOf(page).getByRole('button', { name: 'I am signed in' }).click();
  await dialogOf(page).waitFor({ state: 'hidden' });
  // Whatever the page had still to send is on its way before this.
  await page.evaluate(async () => { await (await fetch('/haggle/health')).text(); });
  assert.equal(sent.length, 1, 'the one that Access has kept');
  assert.equal((await world.admin('GET', '/haggle/v1/experiments/sevilla')).body.state, 'running');
  await close(tab);
});

test('who has tried too often is told to wait, and the right token still opens', async () => {
  const tab = await open({ signedOut: true, expected: [/status of 4(01|29)/] }), { page } = tab;
  await dialogOf(page).getByLabel('Admin token').waitFor();
  // The runtime's limiter counts by the minute of the clock: where one ends just now, it is tried too often once more.
  await until('it is told to wait', async () => {
    for (let at = 0; at < 21; at += 1) await (await world.edge.fetchAdmin(OVERVIEW, { headers: { authorization: 'Bearer wrong' } })).arrayBuffer();
    const answered = page.waitForResponse((response) => response.request().headers().authorization === 'Bearer wrong');
    await signIn(page, 'wrong');
    return (await answered).status();
  }, (status) => status === 429);
  await dialogOf(page).getByRole('alert').getByText('Wait a minute').waitFor();
  await signIn(page, token);
  await shown(page);
  await close(tab);
});
