/**
 * What if: a made-up experiment runs in a Web Worker while the page answers, can be cancelled, and its numbers are those
 * of `haggle simulate` with the same seed.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { experiment, openWorld, until } from '../kit.mjs';
import { Browser } from './browser-kit.mjs';

const HAGGLE = new URL('../../target/debug/haggle', import.meta.url).pathname;

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
/** @type {import('./browser-kit.mjs').Tab} */
let tab;
/** @type {import('playwright-core').Page} */
let page;
const status = () => page.locator('.go [role="status"]');
const fill = async (/** @type {Record<string, string>} */ fields) => { for (const [path, value] of Object.entries(fields)) await page.locator(`[data-field="${path}"]`).fill(value); };

async function finished() {
  await page.waitForFunction(() => /runs of .* visitors each/.test(document.querySelector('.go [role="status"]')?.textContent ?? ''));
}

before(async () => {
  world = await openWorld({ experiments: [experiment({ holdout: 0.1 })] });
  browser = await Browser.start(world);
});
beforeEach(async () => {
  tab = await browser.tab();
  ({ page } = tab);
  await tab.open('/what-if');
});
afterEach(async () => {
  tab.check();
  await tab.close();
});
after(async () => {
  await browser?.close();
  await world?.close();
});

test('what the page shows is what haggle simulate finds with the same file, policies, runs and seed', async () => {
  await fill({ visitors_per_day: '300', days: '10', runs: '4', seed: '7', delay_days: '0.5' });
  const workers = [];
  page.on('worker', (worker) => workers.push(worker.url()));
  await page.getByRole('button', { name: 'Simulate' }).click();
  await finished();
  assert.equal(workers.length, 1, 'it ran in a worker');
  assert.match(workers[0], /\/simulation-worker\.js$/);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save what-if.json' }).click();
  const folder = await mkdtemp(join(tmpdir(), 'haggle-what-if-'));
  const file = join(folder, 'what-if.json');
  await writeFile(file, await readFile(await (await download).path()));
  const command = await page.getByText('Save the file, then:').textContent();
  const options = command.split('what-if.json ')[1].split(' ');
  const { policies } = JSON.parse(execFileSync(HAGGLE, ['simulate', file, ...options, '--json', '--quiet'], { encoding: 'utf8' }));
  await rm(folder, { recursive: true });
  assert.deepEqual(policies.map(({ policy }) => policy), ['thompson', 'top_two_thompson', 'fixed']);
  const money = (value) => new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'EUR', ...(Math.abs(value) < 100 ? {} : { maximumFractionDigits: 0 }) }).format(value);
  const equal = policies.at(-1).earned_mean;
  for (const one of policies) {
    const cells = await page.locator(`tr[data-policy="${one.policy}"] td`).allTextContents();
    const gain = one.earned_mean - equal;
    assert.equal(cells[0], money(one.earned_mean), one.policy);
    assert.equal(cells[1], `${gain > 0 ? '+' : ''}${money(gain)}`, one.policy);
    assert.equal(cells[2], money(one.regret_mean), one.policy);
    assert.deepEqual([cells[3], cells[5], cells[6]], [`${one.decisions.decided.runs} of 4`, `${one.decisions.right.runs} of 4`, `${one.decisions.best_at_last} of 4`], one.policy);
  }
});

test('the same seed gives the same numbers, and another one does not', async () => {
  const numbers = async (/** @type {string} */ seed) => {
    await fill({ visitors_per_day: '100', days: '7', runs: '2', seed });
    await page.getByRole('button', { name: 'Simulate' }).click();
    await page.waitForFunction(() => document.querySelector('.go [role="status"]')?.textContent?.includes('700 visitors'));
    const text = await page.getByRole('table', { name: 'Policies compared' }).textContent();
    await page.evaluate(() => { document.querySelector('.go [role="status"]').textContent = ''; });
    return text;
  };
  const [one, again, other] = [await numbers('3'), await numbers('3'), await numbers('4')];
  assert.equal(again, one);
  assert.notEqual(other, one);
});

test('while it simulates, the page draws and answers, results stream in, and it can be cancelled', async () => {
  await fill({ visitors_per_day: '100000', days: '30', runs: '50' });
  await page.getByRole('button', { name: 'Simulate' }).press('Enter');
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  assert.equal(await focused(), 'Cancel', 'the keyboard stays at the form');
  // Frames go on, and a click is answered, while millions of visitors are under way.
  const frames = await page.evaluate(() => new Promise((done) => {
    let seen = 0;
    const count = () => { seen += 1; if (seen === 20) done(seen); else requestAnimationFrame(count); };
    requestAnimationFrame(count);
  }));
  assert.equal(frames, 20);
  await page.getByRole('button', { name: 'Add a price' }).click();
  assert.equal(await page.locator('.arms-form tbody tr').count(), 4);
  await page.getByRole('table', { name: 'Policies compared' }).waitFor({ timeout: 60_000 });
  assert.match(await status().textContent(), /^\d+ of 150 runs$/);
  await page.getByRole('button', { name: 'Cancel' }).press('Enter');
  assert.match(await status().textContent(), /^Cancelled/);
  assert.equal(await focused(), 'Simulate');
  assert.equal(await page.getByRole('button', { name: 'Simulate' }).isEnabled(), true);
  // Whoever leaves the page takes the worker along.
  await page.locator('.arms-form tbody tr').last().getByRole('button').click();
  await page.getByRole('button', { name: 'Simulate' }).click();
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  await page.waitForFunction(() => true);
  await page.goto(`${world.edge.adminUrl}/#/`);
  await page.getByRole('heading', { level: 1, name: 'Experiments' }).waitFor();
  await until('the worker is gone', async () => page.workers().length, (count) => count === 0);
});

test('what is wrong is said beside its field, in the words of the core', async () => {
  for (const [path, value, words] of [['visitors_per_day', '0', 'visitors_per_day is 0; it must be 1 to 10000000'], ['arms[1].price_minor', '7.00', 'arms[1].price_minor is 700; it must be above the unit cost'],
    ['demand.rate', '0', 'demand.rate is 0; it must be a rate above 0'], ['floor', '60', 'floor is 0.6; it must be a share from 0'], ['arms[0].name', 'No Name', 'small letters']]) {
    const control = page.locator(`[data-field="${path}"]`), before = await control.inputValue();
    await control.fill(value);
    await page.locator(`.field:has([data-field="${path}"]) .wrong-here`, { hasText: words }).waitFor();
    assert.equal(await control.getAttribute('aria-invalid'), 'true');
    await control.fill(before);
    await page.waitForFunction(() => !document.querySelector('[aria-invalid]'));
  }
  for (const name of ['fixed split', 'top-two Thompson sampling']) await page.getByLabel(name, { exact: true }).uncheck();
  await page.getByRole('button', { name: 'Simulate' }).click();
  await page.getByText('Choose two to four policies.').waitFor();
});

test('an experiment that is there brings its prices and costs', async () => {
  await page.getByLabel('Start from').selectOption('sevilla');
  const { definition } = (await world.admin('GET', '/haggle/v1/experiments/sevilla')).body;
  const shown = await page.locator('.arms-form tbody tr').evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('input')].map((input) => input.value)));
  assert.deepEqual(new Map(shown.map(([name, price]) => [name, Math.round(Number(price) * 100)])), new Map([definition.arms[1], ...definition.arms.filter((_, at) => at !== 1)].map(({ name, price_minor }) => [name, price_minor])));
  assert.equal(await page.locator('[data-field="cost_minor"]').inputValue(), '8.00');
});
