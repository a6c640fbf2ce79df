/**
 * From what a chart is given to what fits its pixels: whoever is shown, stacked where they are shares of all, and no more
 * points than there are columns of pixels. The data itself stays as it is, for its export.
 */
import { hasPoints } from './draw.js';

/** @typedef {(number | null)[]} Column null where nothing is known */
/** @typedef {{ at: number, values: Column, low: Column | null, high: Column | null }} Drawn `at`: position among the series that were given */
/** @typedef {ArrayLike<number | null | undefined>} Values */
/** @typedef {{ from: number, to: number }[]} Buckets first and one past the last point of each column of pixels that has any */

/** Points of all lines together: drawn in well under 50 ms without a graphics card. */
const POINTS_MAX = 30_000;

/** With more lines than this their bands are one grey, and are left out. */
const BANDS_MAX = 12;

/** @param {number | null | undefined} value @returns {number | null} */
const known = (value) => (typeof value === 'number' && value - value === 0 ? value : null);

/** @param {ArrayLike<number>} xs ascending @param {number} columns @returns {Buckets} */
function bucketsOf(xs, columns) {
  const first = xs[0], size = (xs[xs.length - 1] - first) / columns || 1, isFew = xs.length <= 2 * columns;
  /** @type {Buckets} */
  const found = [];
  for (let from = 0; from < xs.length;) {
    const end = first + (Math.floor((xs[from] - first) / size) + 1) * size;
    let to = from + 1;
    while (!isFew && to < xs.length && xs[to] < end) to += 1;
    found.push({ from, to });
    from = to;
  }
  return found;
}

/**
 * One or two points of each bucket: its lowest and highest in their order, or first and last where values hold until the
 * next; for the edge of a band twice the outermost.
 * @param {Values} values @param {Buckets} buckets @param {'ends' | 'range' | 'low' | 'high'} which @returns {Column}
 */
function thinned(values, buckets, which) {
  /** @type {Column} */
  const result = [];
  for (const { from, to } of buckets) {
    if (to - from === 1) {
      result.push(known(values[from]));
      continue;
    }
    let low = null, high = null, isRising = true;
    for (let x = from; x < to; x += 1) {
      const value = known(values[x]);
      if (value === null) continue;
      if (low === null || value < low) [low, isRising] = [value, false];
      if (high === null || value > high) [high, isRising] = [value, true];
    }
    if (which === 'ends') result.push(known(values[from]), known(values[to - 1]));
    else if (which === 'low') result.push(low, low);
    else if (which === 'high') result.push(high, high);
    else if (isRising) result.push(low, high);
    else result.push(high, low);
  }
  return result;
}

/** Each on top of those before, as shares of their sum. @param {Drawn[]} series @param {number} length @returns {Drawn[]} */
function stacked(series, length) {
  const sums = new Array(length).fill(0);
  for (const { values } of series) for (let x = 0; x < length; x += 1) sums[x] += values[x] ?? 0;
  /** @type {Column} */
  let base = sums.map((sum) => (sum > 0 ? 0 : null));
  return series.map(({ at, values }) => {
    const low = base, high = low.map((from, x) => (from === null ? null : from + (values[x] ?? 0) / sums[x]));
    base = high;
    return { at, values: high, low, high };
  });
}

/**
 * @param {import('../charts.js').LineData} data
 * @param {{ isStacked: boolean, width: number, hidden: Set<string> }} how `width` in pixels
 * @returns {{ xs: number[], series: Drawn[] }}
 */
export function columns(data, { isStacked, width, hidden }) {
  const all = data.x.values, shown = data.series.map((one, at) => ({ ...one, at })).filter(({ name }) => !hidden.has(name));
  const most = hasPoints(data) ? Infinity : Math.min(width, Math.ceil(POINTS_MAX / (isStacked ? 4 : 2) / Math.max(1, shown.length)));
  const buckets = bucketsOf(all, most), hasBands = !isStacked && shown.length <= BANDS_MAX;
  const series = shown.map(({ at, values, low, high, style }) => {
    const holds = isStacked || style === 'step';
    return { at, values: thinned(values, buckets, holds ? 'ends' : 'range'),
      low: low && hasBands ? thinned(low, buckets, holds ? 'ends' : 'low') : null, high: high && hasBands ? thinned(high, buckets, holds ? 'ends' : 'high') : null };
  });
  const xs = buckets.flatMap(({ from, to }) => (to - from === 1 ? [all[from]] : [all[from], all[to - 1]]));
  return { xs, series: isStacked ? stacked(series, xs.length) : series };
}
