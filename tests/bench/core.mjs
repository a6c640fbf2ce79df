/**
 * Times the core: natively through `native.rs`, in wasm by itself through the crate in `wasm`, and in wasm through the
 * preview, the call from JavaScript included.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { LISTED, PRODUCT, SITE, listingPage, productPage } from './pages.mjs';

/** @typedef {{ name: string, ns: number, least: number, most: number }} Measure time of one operation: median, least, most */

const ROUNDS = 9, ROUND_MS = 60;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns {Measure[]} */
export function native() {
  const said = execFileSync('cargo', ['bench', '--quiet', '-p', 'haggle', '--bench', 'native'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return said.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

/** @param {string} name @param {(calls: number) => void} repeat does the work so many times @returns {Measure} */
function measure(name, repeat) {
  const time = (calls) => {
    const start = performance.now();
    repeat(calls);
    return performance.now() - start;
  };
  let calls = 1;
  while (time(calls) < ROUND_MS) calls *= 2;
  const all = Array.from({ length: ROUNDS }, () => (time(calls) * 1e6) / calls).sort((a, b) => a - b);
  return { name, ns: all[Math.floor(ROUNDS / 2)], least: all[0], most: all[ROUNDS - 1] };
}

const golden = () => Buffer.from(JSON.parse(readFileSync(new URL('../golden/allocations.json', import.meta.url), 'utf8')).snapshots[0].bytes, 'hex');
const built = (what, file) => createRequire(import.meta.url)(`${root}/target/${what}/${file}.js`);

/** @returns {Measure[]} */
export function wasm() {
  const { Bench, Shop } = built('bench-node', 'haggle_bench');
  const bench = new Bench(golden());
  const items = [PRODUCT, ...LISTED];
  const shop = new Shop(JSON.stringify(SITE), items.map(({ sku }) => sku), Float64Array.from(items.map(({ arms_minor }) => arms_minor[0])));
  const pages = { '/product': Buffer.from(productPage()), '/listing': Buffer.from(listingPage()) };
  const rewrite = (path) => (calls) => shop.rewrite(path, pages[path], calls);
  return [
    measure('decide, 4 arms', (calls) => bench.decide('four-few', calls)),
    measure('decide, 10 arms', (calls) => bench.decide('ten-prices-floor', calls)),
    measure('allocate, 4 arms', (calls) => bench.allocate('four-few', calls)),
    measure('allocate, 10 arms', (calls) => bench.allocate('ten-prices', calls)),
    measure('allocate, 32 arms', (calls) => bench.allocate('32-few', calls)),
    measure(`rewrite a product page of ${Math.round(pages['/product'].length / 1000)} KB`, rewrite('/product')),
    measure(`rewrite a listing of ${Math.round(pages['/listing'].length / 1000)} KB with 48 prices`, rewrite('/listing')),
  ];
}

/** @returns {Measure[]} */
export function throughJavaScript() {
  const preview = new (built('preview-node', 'haggle_preview').Preview)(golden());
  const units = Array.from({ length: 4096 }, (_, n) => n.toString(16).padStart(32, '0'));
  const decisions = (sku) => (calls) => {
    for (let n = 0; n < calls; n++) preview.decide(units[n % units.length], sku);
  };
  return [['decide, 4 arms', 'four-few'], ['decide, 10 arms', 'ten-prices-floor']].map(([name, sku]) => measure(name, decisions(sku)));
}
