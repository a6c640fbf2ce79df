/** What is sent to the edge and to browsers, beside the limits that haggle sets itself. A kilobyte has 1000 bytes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const build = process.env.HAGGLE_BUILD || root('worker/build');

/**
 * The Worker had 450 KB (180 with gzip) before it read and wrote pages itself; the core in it, which does that, is built
 * for speed. It had 850 KB (355) before the administration, the groups and the final answer were in it, which an edge
 * location never runs, and 1420 KB (590) before what the dashboard asks for and preview links: a Worker of their own would
 * take them out. An isolate compiles it once, when it starts: a fifth of what a Worker may have compressed. The preview has
 * neither the policies nor the site, which were half of it; the lab has every policy and the simulator, and is loaded by who
 * looks at them.
 *
 * File, limit of its bytes, limit of its bytes compressed by gzip. @type {[string, string, number, number | null][]} */
const FILES = [
  ['Worker wasm', `${build}/index_bg.wasm`, 1_470_000, 615_000],
  ['preview wasm', root('www/pkg/haggle_preview_bg.wasm'), 150_000, 70_000],
  ['lab wasm', root('www/pkg/haggle_lab_bg.wasm'), 400_000, 190_000],
  ['haggle.js', root('www/haggle.js'), 10_000, 4_000],
];

/** @typedef {{ what: string, bytes: number, limit: number }} Size */

/** @returns {Size[]} */
export function sizes() {
  return FILES.flatMap(([name, path, limit, limitGz]) => {
    const file = readFileSync(path);
    const plain = { what: name, bytes: file.length, limit };
    return limitGz === null ? [plain] : [plain, { what: `${name}, gzip`, bytes: gzipSync(file, { level: 9 }).length, limit: limitGz }];
  });
}
