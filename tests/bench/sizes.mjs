/** What is sent to the edge and to browsers, beside the limits that haggle sets itself. A kilobyte has 1000 bytes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const build = process.env.HAGGLE_BUILD || root('worker/build');

/**
 * The Worker had 450 KB (180 with gzip) before it read and wrote pages itself; the core in it, which does that, is built
 * for speed. An isolate compiles it once, when it starts: a tenth of what a Worker may have compressed. The preview had
 * 250 KB (115) before snapshots had guardrails and a site in them.
 *
 * File, limit of its bytes, limit of its bytes compressed by gzip. @type {[string, string, number, number | null][]} */
const FILES = [
  ['Worker wasm', `${build}/index_bg.wasm`, 850_000, 355_000],
  ['preview wasm', root('www/pkg/haggle_preview_bg.wasm'), 295_000, 135_000],
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
