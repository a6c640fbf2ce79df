/**
 * `make bench`: sizes beside their limits, decisions per second, pages through workerd, and the dashboard in Chromium. Ends
 * with status 1 where a size is over its limit; a time never fails anything.
 * `node tests/bench/bench.mjs [sizes] [core] [pages] [dashboard]` does a part.
 */
import { availableParallelism, cpus } from 'node:os';

import { native, throughJavaScript, wasm } from './core.mjs';
import { firstLoad, interactive, redraws, withPast } from './dashboard.mjs';
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

/** CPU that haggle may cost beside a worker that was written by hand for the page and writes the same. */
const CPU_RATIO_MAX = 1.25;

async function showPages() {
  const { pages, rounds, connections, isPinned, contenders } = await rewriting();
  const cores = isPinned ? 'workerd on a core of its own' : 'workerd on any core';
  console.log(`\npages through workerd (${rounds} rounds in turn, ${connections} connections, returning visitors, ${cores}; client and origin on the same machine; median, and least to most of the rounds)`);
  for (const { path, bytes } of pages) {
    const of = (one, field) => one.rounds[path].map((round) => round[field]);
    const spread = (numbers, digits) => (numbers.includes(null) ? '-' : `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)} to ${Math.max(...numbers).toFixed(digits)})`);
    const byHand = of(contenders.find(({ name }) => name === 'by hand'), 'cpu_us');
    const row = (one) => {
      // Round by round: what else the machine does is the same for both then, more or less.
      const ratios = of(one, 'cpu_us').map((cpu, at) => (cpu === null ? null : cpu / byHand[at]));
      const verdict = !one.name.endsWith('stream') || ratios.includes(null) ? '' : median(ratios) <= CPU_RATIO_MAX ? 'ok' : 'OVER';
      return [one.name, spread(of(one, 'rps'), 0), spread(of(one, 'ms'), 2), spread(of(one, 'p99_ms'), 1), spread(of(one, 'cpu_us'), 0), spread(ratios, 2), verdict];
    };
    console.log(`\n  ${path}, ${kb(bytes)}; at most ${CPU_RATIO_MAX} times the CPU of «by hand», which writes the same, is wanted of mode stream`);
    table([['', 'pages a second', 'median ms', '99 % ms', 'CPU us of workerd', 'times by hand', ''], ...contenders.map(row)]);
  }
  const other = contenders.flatMap(({ rounds }) => Object.values(rounds).flat().map((round) => round.other));
  if (!other.includes(null)) console.log(`\n  other programs had ${(100 * median(other)).toFixed(0)} % of a core meanwhile (at most ${(100 * Math.max(...other)).toFixed(0)} %): the less, the better these numbers`);
}

/** What the dashboard is wanted to keep to, in milliseconds and bytes. */
const INTERACTIVE_MS = 1000, REDRAW_MS = 50, LOAD_BYTES = 300_000;

async function showDashboard() {
  const ms = (numbers) => `${median(numbers).toFixed(0)} ms (${Math.min(...numbers).toFixed(0)} to ${Math.max(...numbers).toFixed(0)})`;
  const judged = (what, is, most, isFine) => [what, is, most, isFine ? 'ok' : 'BEYOND'];
  const { loads, files, seconds, about } = await withPast(async (browser) => ({ loads: await interactive(browser), files: await firstLoad(browser) }));
  const ready = loads.map(({ answered_ms }) => answered_ms), bytes = files.reduce((sum, { gzip }) => sum + gzip, 0);
  console.log(`\nthe dashboard in Chromium: ${about} (seeded in ${seconds.toFixed(0)} s); nothing cached, signed in; median, and least to most of ${loads.length} loads`);
  table([['', 'is', 'at most', ''],
    judged('rows are there, and a click is answered', ms(ready), '1000 ms', median(ready) <= INTERACTIVE_MS),
    ['of this until the rows are there', ms(loads.map(({ rows_ms }) => rows_ms)), '', ''],
    judged(`first load, ${files.length} files, gzip`, kb(bytes), kb(LOAD_BYTES), bytes <= LOAD_BYTES),
    ...files.slice(0, 8).map(({ path, gzip }) => [`  ${path}`, kb(gzip), '', ''])]);
  const { drawn, charts, about: what, evidence } = await redraws();
  console.log(`\none experiment of ${what} (${kb(evidence)} of evidence), redrawn; median, and least to most of ${drawn.length}`);
  table([['', 'is', 'at most', ''], judged('charts from new series', ms(charts), `${REDRAW_MS} ms`, median(charts) <= REDRAW_MS),
    judged('from the answer to the picture', ms(drawn), `${REDRAW_MS} ms`, median(drawn) <= REDRAW_MS)]);
}

const asked = process.argv.slice(2);
const wanted = (part) => asked.length === 0 || asked.includes(part);
console.log(`haggle bench on ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.versions.node}`);
const within = wanted('sizes') ? showSizes() : true;
if (wanted('core')) showCore();
if (wanted('pages')) await showPages();
if (wanted('dashboard')) await showDashboard();
process.exitCode = within ? 0 : 1;
