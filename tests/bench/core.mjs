/** Times the core: natively through `native.rs`, in wasm through the preview, the call from JavaScript included. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** @typedef {{ name: string, ns: number, least: number, most: number }} Measure time of one operation: median, least, most */

const ROUNDS = 9, ROUND_MS = 60;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns {Measure[]} */
export function native() {
  const said = execFileSync('cargo', ['bench', '--quiet', '-p', 'haggle', '--bench', 'native'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return said.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

/** @param {string} name @param {(n: number) => void} work @returns {Measure} */
function measure(name, work) {
  const time = (calls) => {
    const start = performance.now();
    for (let n = 0; n < calls; n++) work(n);
    return performance.now() - start;
  };
  let calls = 64;
  while (time(calls) < ROUND_MS) calls *= 2;
  const all = Array.from({ length: ROUNDS }, () => (time(calls) * 1e6) / calls).sort((a, b) => a - b);
  return { name, ns: all[Math.floor(ROUNDS / 2)], least: all[0], most: all[ROUNDS - 1] };
}

/** @returns {Measure[]} */
export function wasm() {
  const { Preview } = createRequire(import.meta.url)(`${root}/target/preview-node/haggle_preview.js`);
  const golden = JSON.parse(readFileSync(new URL('../golden/allocations.json', import.meta.url), 'utf8'));
  const preview = new Preview(Buffer.from(golden.bytes, 'hex'));
  const units = Array.from({ length: 4096 }, (_, n) => n.toString(16).padStart(32, '0'));
  return [['decide, 4 arms', 'four-few'], ['decide, 10 arms', 'ten-prices-floor']]
    .map(([name, sku]) => measure(name, (n) => preview.decide(units[n % units.length], sku)));
}
