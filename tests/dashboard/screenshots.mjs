/**
 * `make screenshots`: pictures of the dashboard for the documentation, of a past that is the same each time. The time
 * stands still in the Worker and in the browser. `node tests/dashboard/screenshots.mjs [FOLDER]` writes them elsewhere.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, crc32, deflateSync, inflateSync } from 'node:zlib';

import { Browser } from './browser-kit.mjs';
import { openSeeded } from './seed.mjs';

const END_MS = Date.UTC(2026, 10, 24, 9, 40), EXPERIMENTS = 12, DAYS = 28, SEED = 2;
/** Smaller than a window on a desk, and sharp enough at the width of a document. */
const DESK = { viewport: { width: 1120, height: 720 }, deviceScaleFactor: 1.5 };

/** @typedef {{ name: string, route: string, look?: import('./browser-kit.mjs').Look, ready?: string, act?: (page: import('playwright-core').Page) => Promise<void>, from?: string }} Picture */

/** @type {Picture[]} */
const PICTURES = [
  { name: 'overview', route: '/' },
  { name: 'experiment', route: '/experiments/sevilla', ready: 'canvas' },
  { name: 'charts', route: '/experiments/sevilla', ready: 'canvas', from: '.part.charts' },
  { name: 'diagnostics', route: '/experiments/sevilla/model', ready: 'canvas' },
  { name: 'preview', route: '/preview' },
  { name: 'what-if', route: '/what-if', from: '.results', async act(page) {
    await page.getByRole('button', { name: 'Simulate' }).click();
    await page.locator('.results canvas').first().waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'hidden', timeout: 120_000 });
  } },
  { name: 'phone', route: '/', look: { phone: true } },
  { name: 'dark', route: '/experiments/sevilla', look: { colorScheme: 'dark' }, ready: 'canvas' },
];

/** The same picture, packed as tightly as PNG can: the browser packs fast. @param {Buffer} png @returns {Buffer} */
function packed(png) {
  const chunks = [], data = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    const length = png.readUInt32BE(at), kind = png.toString('latin1', at + 4, at + 8), body = png.subarray(at + 8, at + 8 + length);
    if (kind === 'IDAT') data.push(body);
    else chunks.push([kind, body]);
  }
  const tight = deflateSync(inflateSync(Buffer.concat(data)), { level: 9, memLevel: 9, strategy: constants.Z_FILTERED });
  chunks.splice(-1, 0, ['IDAT', tight]);
  return Buffer.concat([png.subarray(0, 8), ...chunks.flatMap(([kind, body]) => {
    const named = Buffer.concat([Buffer.from(kind, 'latin1'), body]), length = Buffer.alloc(4), sum = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    sum.writeUInt32BE(crc32(named));
    return [length, named, sum];
  })]);
}

/** @param {Browser} browser @param {Picture} picture @param {string} folder */
async function take(browser, { name, route, look = {}, ready, act, from }, folder) {
  const tab = await browser.tab({ ...look, at_ms: END_MS, context: look.phone ? {} : DESK });
  const page = await tab.open(route);
  if (ready) await page.locator(ready).first().waitFor();
  await act?.(page);
  if (from) await page.locator(from).first().evaluate((element) => scrollTo(0, element.getBoundingClientRect().top + scrollY - 80));
  // What is drawn after the numbers.
  await page.waitForTimeout(1500);
  const path = join(folder, `${name}.png`), png = packed(await page.screenshot());
  writeFileSync(path, png);
  for (const line of tab.wrong) console.log(`  ${name}: ${line}`);
  await tab.close();
  console.log(`${path}  ${Math.round(png.length / 1000)} KB`);
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
