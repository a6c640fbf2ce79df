/**
 * Drops exports of a wasm file that nothing calls, so that wasm-opt removes what only they reach: usage is
 * `node drop-exports.mjs FILE`.
 *
 * The crates `worker` and `wasm-streams` export classes to JavaScript that haggle makes no object of (container
 * options, HTML minifying, ranges of R2, streams written in Rust): 10 KB of code. Their objects are made in Rust only,
 * by an import that takes one; should there be one after an upgrade, this stops the build.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const UNUSED = /^(__wbg_(get_|set_)?)?(containerstartupoptions|minifyconfig|r2range|intounderlying\w*)_/;
const MAKES_ONE = /containerstartupoptions|minifyconfig|r2range|into_?underlying/i;
const [IMPORTS, EXPORTS] = [2, 7];

const file = process.argv[2];
const wasm = readFileSync(file);
let at = 8; // After the magic number and the version.

/** An unsigned LEB128 number. */
function number() {
  let value = 0;
  for (let place = 0; ; place += 7) {
    const byte = wasm[at++];
    value += (byte & 0x7f) * 2 ** place;
    if (byte < 0x80) return value;
  }
}

/** @param {number} value */
function leb(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Buffer.from([...bytes, value]);
}

const parts = [wasm.subarray(0, at)];
while (at < wasm.length) {
  const from = at;
  const id = wasm[at++];
  const end = number() + at;
  if (id === IMPORTS && MAKES_ONE.test(wasm.toString('latin1', at, end))) throw new Error(`${file} makes an object of ours`);
  if (id !== EXPORTS) {
    parts.push(wasm.subarray(from, end));
    at = end;
    continue;
  }
  const kept = [];
  for (let left = number(); left > 0; left--) {
    const start = at;
    const length = number();
    const name = wasm.toString('utf8', at, (at += length));
    at++; // What kind of thing it is.
    number();
    if (!UNUSED.test(name)) kept.push(wasm.subarray(start, at));
  }
  const body = Buffer.concat([leb(kept.length), ...kept]);
  parts.push(Buffer.from([id]), leb(body.length), body);
}
writeFileSync(file, Buffer.concat(parts));
