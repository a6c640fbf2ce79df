/**
 * What lies between the browser and the Worker fails: an answer breaks off or hangs, somebody else answers with a page,
 * a file does not come. The dashboard says so, tries again by itself or offers to, and nothing is done twice.
 *
 * The browser goes through a proxy that does that; the Worker behind it is the real one.
 */
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, afterEach, before, test } from 'node:test';

import { experiment, openWorld } from '../kit.mjs';
import { Browser } from './browser-kit.mjs';

/** @typedef {'breaks' | 'hangs' | 'page' | number} Fault half of the body and the end of the line, or silence; a page of HTML; a status */

const OVERVIEW = '/haggle/v1/overview', SNAPSHOT = '/haggle/v1/snapshot', HOME = '/haggle/v1/experiments/sevilla';
/** What the browser itself says of answers that are none. */
const NO_ANSWER = [/net::ERR_/, /status of (404|412|503)/, /Failed to fetch/];

/** What becomes of the answers at a path, and how often. @type {Map<string, { fault: Fault, times: number }>} */
const faults = new Map();

/** @param {string} path @param {Fault} fault @param {number} [times] */
const fail = (path, fault, times = Infinity) => faults.set(path, { fault, times });

/** @param {import('node:http').ServerResponse} response @param {Fault} fault @param {import('node:http').IncomingMessage} answer of the Worker */
async function spoil(response, fault, answer) {
  const body = Buffer.concat(await answer.toArray());
  if (fault === 'page') return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html><title>Welcome to our network</title>');
  if (typeof fault === 'number') return response.writeHead(fault, { 'content-type': 'application/json' }).end('{"error":"not today"}');
  const { 'transfer-encoding': _, ...headers } = answer.headers;
  response.writeHead(answer.statusCode ?? 500, { ...headers, 'content-length': body.length });
  return response.write(body.subarray(0, body.length / 2), () => { if (fault === 'breaks') response.destroy(); });
}

const proxy = createServer((incoming, response) => {
  const { method, headers: { 'if-none-match': tag, ...headers } } = incoming, url = new URL(incoming.url ?? ''), found = faults.get(url.pathname);
  const isSpoiled = found !== undefined && found.times > 0;
  if (isSpoiled) found.times -= 1;
  // Where all of an answer is to be spoiled, there must be one.
  const asked = isSpoiled || tag === undefined ? headers : { ...headers, 'if-none-match': tag };
  const outgoing = request({ host: '127.0.0.1', port: url.port, path: url.pathname + url.search, method, headers: asked }, (answer) => {
    if (isSpoiled) return spoil(response, found.fault, answer);
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    return answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
});

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;

before(async () => {
  await new Promise((ready) => { proxy.listen(0, '127.0.0.1', () => ready(undefined)); });
  world = await openWorld({ experiments: [experiment()] });
  browser = await Browser.start(world);
});
after(async () => {
  await browser?.close();
  await world?.close();
  proxy.closeAllConnections();
  proxy.close();
});
afterEach(() => faults.clear());

/** A tab behind the proxy, whose patience is a twentieth. */
async function open() {
  const { port } = /** @type {import('node:net').AddressInfo} */ (proxy.address());
  const tab = await browser.tab({ expected: NO_ANSWER, context: { proxy: { server: `http://127.0.0.1:${port}`, bypass: '<-loopback>' } } });
  await tab.context.addInitScript(() => { const { timeout } = AbortSignal; AbortSignal.timeout = (wait_ms) => timeout.call(AbortSignal, wait_ms / 20); });
  return tab;
}

for (const [fault, what] of /** @type {[Fault, string][]} */ ([['breaks', 'breaks off'], ['hangs', 'never ends'], ['page', 'is a page of somebody else']])) {
  test(`an overview that ${what}: the line at the top says that the connection is lost, and it comes back by itself`, async () => {
    const tab = await open(), page = await tab.open('/'), line = page.locator('#connection');
    await line.getByText('Live').waitFor();
    fail(OVERVIEW, fault);
    await line.getByText('Connection lost').waitFor();
    assert.equal(await page.locator('li.card[data-key="sevilla"]').count(), 1, 'what is known stays');
    faults.clear();
    await line.getByText('Live').waitFor();
    tab.check();
    await tab.close();
  });
}

test('the page that opens behind it waits for an answer, and is there when there is one', async () => {
  const tab = await open(), { page } = tab;
  fail(OVERVIEW, 'page');
  await page.goto(`${tab.origin}/#/`);
  await page.locator('#connection').getByText('Connection lost').waitFor();
  await page.getByText('Loading').waitFor();
  faults.clear();
  await page.locator('li.card[data-key="sevilla"]').waitFor();
  tab.check();
  await tab.close();
});

/** Asks for a pause, up to its last button. @param {import('playwright-core').Page} page */
async function pause(page) {
  await page.locator('.toolbar').getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause' });
  await dialog.getByLabel('Your name').fill('maria');
  await dialog.getByLabel('Reason').fill('stock count');
  return { dialog, confirm: dialog.getByRole('button', { name: 'Pause experiment' }) };
}

const paused = async () => (await world.admin('GET', '/haggle/v1/audit')).body.records.filter(({ action }) => action === 'pause').length;

test('an intervention whose answer breaks off is done once, and the page says that it is done', async () => {
  const tab = await open(), page = await tab.open('/experiments/sevilla'), { confirm } = await pause(page);
  fail(`${HOME}/pause`, 'breaks', 1);
  await confirm.click();
  await page.locator('.said').getByText('paused').waitFor();
  assert.equal(await paused(), 1);
  assert.equal((await world.act('sevilla', 'resume', { by: 'maria', reason: 'counted' })).status, 200);
  tab.check();
  await tab.close();
});

test('somebody else was quicker, and what they did cannot be read: that is said, and the dialog goes on', async () => {
  const tab = await open(), page = await tab.open('/experiments/sevilla'), { dialog, confirm } = await pause(page);
  assert.equal((await world.act('sevilla', 'set-floor', { floor: 0.03, by: 'ana', reason: 'quicker' })).status, 200);
  fail(`${HOME}/evidence`, 404);
  await confirm.click();
  await dialog.getByRole('alert').getByText('not today').waitFor();
  faults.clear();
  await confirm.click();
  await dialog.getByRole('alert').getByText('quicker').waitFor();
  await dialog.getByRole('button', { name: 'Look again' }).click();
  await confirm.click();
  await page.locator('.said').getByText('paused').waitFor();
  await tab.close();
});

test('a preview without the snapshot does not say that nothing is priced: it says why, and shows the prices when it has it', async () => {
  const tab = await open(), { page } = tab;
  fail(SNAPSHOT, 503);
  await page.goto(`${tab.origin}/#/preview`);
  await page.locator('#facts').getByText('not today').waitFor({ timeout: 20_000 });
  assert.equal(await page.getByText('No item is priced').isVisible(), false);
  faults.clear();
  await page.locator('#prices > li').first().waitFor();
  assert.match(await page.locator('#facts').innerText(), /^Prices v/);
  tab.check();
  await tab.close();
});

for (const { file, route, view } of [{ file: '/views/what-if.js', route: '/what-if', view: 'What if' }, { file: '/pkg/haggle_lab.js', route: '/new', view: 'New experiment' },
  { file: '/pkg/haggle_preview_bg.wasm', route: '/preview', view: 'As a shopper' }]) {
  test(`${file} does not come: the page says that it cannot be shown, and another try shows it`, async () => {
    const tab = await open(), { page } = tab;
    fail(file, 'breaks');
    await page.goto(`${tab.origin}/#${route}`);
    await page.getByRole('heading', { name: 'This cannot be shown' }).waitFor();
    faults.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: view, exact: true }).waitFor();
    await tab.close();
  });
}

for (const [at, file] of ['/series-worker.js', '/pkg/haggle_lab.js', '/pkg/haggle_lab_bg.wasm'].entries()) {
  test(`${file} does not come: the numbers stand without the charts, and what is told next brings them`, async () => {
    const tab = await open(), { page } = tab;
    fail(file, 'breaks');
    await page.goto(`${tab.origin}/#/experiments/sevilla`);
    await page.getByText('The charts cannot be drawn').waitFor();
    await page.locator('table.arms').waitFor();
    faults.clear();
    assert.equal((await world.act('sevilla', 'set-floor', { floor: (4 + at) / 100, by: 'ana', reason: 'another floor' })).status, 200);
    await page.getByText('The charts cannot be drawn').waitFor({ state: 'hidden' });
    tab.check();
    await tab.close();
  });
}

test('the dialogs do not come: who wants to stop all prices is told that nothing was done', async () => {
  const tab = await open(), { page } = tab;
  fail('/actions.js', 'breaks');
  await page.goto(`${tab.origin}/#/`);
  await page.getByRole('button', { name: 'Stop all prices' }).click();
  await page.getByText('Nothing was done').waitFor();
  faults.clear();
  await page.reload();
  await page.getByRole('button', { name: 'Stop all prices' }).click();
  await page.getByRole('dialog').waitFor();
  await tab.close();
});

test('that all prices are stopped stays at the top while the Worker answers nothing better', async () => {
  const tab = await open(), { page } = tab, stopped = page.locator('#age.stopped');
  assert.equal((await world.everywhere('stop')).status, 200);
  await page.goto(`${tab.origin}/#/what-if`);
  await stopped.waitFor();
  fail('/haggle/health', 503);
  const asked = () => page.waitForResponse((answer) => answer.url().endsWith('/haggle/health') && answer.status() === 503);
  await asked();
  await asked();
  assert.equal(await stopped.isVisible(), true);
  faults.clear();
  assert.equal((await world.everywhere('resume')).status, 200);
  await page.locator('#age:not(.stopped)').waitFor();
  await tab.close();
});
