/**
 * `make bench`: sizes beside their limits, decisions per second, and pages through workerd. Ends with status 1 where a
 * size is over its limit; a time never fails anything. `node tests/bench/bench.mjs [sizes] [core] [pages]` does a part.
 */
import { availableParallelism, cpus } from 'node:os';

import { native, throughJavaScript, wasm } from './core.mjs';
import { rewriting } from './rewriting.mjs';
import { sizes } from './sizes.mjs';

/** Columns as wide as what is in them: the first to the left, the others to the right. @param {string[][]} rows */
function table(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  const cell = (text, at) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at]));
  for (const row of rows) console.log(`  ${row.map(cell).join('   ').trimEnd()}`);
}

const whole = (number) => Math.round(number).toLocaleString('en').replaceAll(',', ' ');
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
const time = (ns) => (ns < 1e5 ? `${(ns / 1000).toFixed(2)} us` : `${(ns / 1e6).toFixed(2)} ms`);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** @returns {boolean} whether every size is within its limit */
function showSizes() {
  console.log('\nsizes (1 KB = 1000 bytes)');
  const all = sizes();
  const row = ({ what, bytes, limit }) => [what, kb(bytes), kb(limit), bytes <= limit ? 'ok' : 'OVER THE LIMIT'];
  table([['', 'is', 'at most', ''], ...all.map(row)]);
  return all.every(({ bytes, limit }) => bytes <= limit);
}

function showCore() {
  const row = (where) => ({ name, ns, least, most }) => [`${name}, ${where}`, whole(1e9 / ns), time(ns), `${time(least)} to ${time(most)}`];
  const rows = [...native().map(row('native')), ...wasm().map(row('wasm')), ...throughJavaScript().map(row('wasm, with the call'))];
  console.log('\nthe core, one thread, from hash to price (wasm under Node; "with the call": one call from JavaScript each)');
  table([['', 'a second', 'each', 'least to most of 9 rounds'], ...rows]);
}

async function showPages() {
  const { page, rounds, connections, contenders } = await rewriting();
  console.log(`\npages of ${kb(page.bytes)} through workerd (${rounds} rounds in turn, ${connections} connections, returning visitors; loopback only, with client and origin on the same machine)`);
  const spread = (numbers, digits) => `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)} to ${Math.max(...numbers).toFixed(digits)})`;
  const row = ({ name, rounds }) => {
    const of = (field) => rounds.map((round) => round[field]);
    return [name, spread(of('rps'), 0), spread(of('ms'), 2), spread(of('p99_ms'), 2), rounds[0].cpu_ms === null ? '-' : spread(of('cpu_ms'), 2)];
  };
  table([['', 'pages a second', 'median ms', '99 % ms', 'CPU ms of workerd'], ...contenders.map(row)]);
}

const asked = process.argv.slice(2);
const wanted = (part) => asked.length === 0 || asked.includes(part);
console.log(`haggle bench on ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.versions.node}`);
const within = wanted('sizes') ? showSizes() : true;
if (wanted('core')) showCore();
if (wanted('pages')) await showPages();
process.exitCode = within ? 0 : 1;
