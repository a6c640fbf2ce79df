/**
 * `make screenshots`: pictures of the dashboard for the documentation, of a past that is the same each time. The time
 * stands still in the Worker and in the browser. `node tests/dashboard/screenshots.mjs [FOLDER]` writes them elsewhere.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Browser } from './browser-kit.mjs';
import { openSeeded } from './seed.mjs';

const END_MS = Date.UTC(2026, 10, 24, 9, 40), EXPERIMENTS = 12, DAYS = 28, SEED = 1;
/** Smaller than a window on a desk: what is in a document is read at half the size. */
const DESK = { viewport: { width: 1180, height: 800 }, deviceScaleFactor: 2 };

/** @typedef {{ name: string, route: string, look?: import('./browser-kit.mjs').Look, ready?: string, act?: (page: import('playwright-core').Page) => Promise<void>, from?: string }} Picture */

/** @type {Picture[]} */
const PICTURES = [
  { name: 'overview', route: '/' },
  { name: 'experiment', route: '/experiments/sevilla', ready: 'canvas' },
  { name: 'charts', route: '/experiments/sevilla', ready: 'canvas', from: '.panels' },
  { name: 'diagnostics', route: '/experiments/sevilla/model', ready: 'canvas' },
  { name: 'preview', route: '/preview' },
  { name: 'what-if', route: '/what-if' },
  { name: 'wizard', route: '/new' },
  { name: 'phone', route: '/', look: { phone: true } },
  { name: 'dark', route: '/experiments/sevilla', look: { colorScheme: 'dark' }, ready: 'canvas' },
];

/** @param {Browser} browser @param {Picture} picture @param {string} folder */
async function take(browser, { name, route, look = {}, ready, act, from }, folder) {
  const tab = await browser.tab({ ...look, at_ms: END_MS, context: look.phone ? {} : DESK });
  const page = await tab.open(route);
  if (ready) await page.locator(ready).first().waitFor();
  await act?.(page);
  if (from) await page.locator(from).first().evaluate((element) => scrollTo(0, element.getBoundingClientRect().top + scrollY - 80));
  // What is drawn after the numbers.
  await page.waitForTimeout(1500);
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  for (const line of tab.wrong) console.log(`  ${name}: ${line}`);
  await tab.close();
  console.log(`${path}  ${Math.round(statSync(path).size / 1000)} KB`);
}

const [folder = fileURLToPath(new URL('../../www/screenshots/', import.meta.url)), ...only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const { world } = await openSeeded({ experiments: EXPERIMENTS, days: DAYS, seed: SEED, end_ms: END_MS });
const browser = await Browser.start(world);
try {
  for (const picture of PICTURES.filter(({ name }) => only.length === 0 || only.includes(name))) {
    await take(browser, picture, folder).catch((error) => {
      console.error(`${picture.name}: ${error.message}`);
      process.exitCode = 1;
    });
  }
} finally {
  await browser.close();
  await world.close();
}
