/** What is sent to the edge and to browsers, beside the limits that haggle sets itself. A kilobyte has 1000 bytes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const build = process.env.HAGGLE_BUILD || root('worker/build');

/** File, limit of its bytes, limit of its bytes compressed by gzip. @type {[string, string, number, number | null][]} */
const FILES = [
  ['Worker wasm', `${build}/index_bg.wasm`, 450_000, 180_000],
  ['preview wasm', root('www/pkg/haggle_preview_bg.wasm'), 250_000, 115_000],
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
