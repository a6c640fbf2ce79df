/**
 * From what a chart is given to what fits its pixels: whoever is shown, stacked where they are shares of all, and no more
 * points than there are columns of pixels. The data itself stays as it is, for its export.
 */

/** @typedef {(number | null)[]} Column null where nothing is known */
/** @typedef {{ at: number, values: Column, low: Column | null, high: Column | null }} Drawn `at`: position among the series that were given */
/** @typedef {ArrayLike<number | null | undefined>} Values */

/** @param {Values} values @returns {Column} */
const column = (values) => Array.from(values, (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null));

/**
 * Each on top of those before, as shares of their sum.
 * @param {Drawn[]} series @param {number} length @returns {Drawn[]}
 */
function stacked(series, length) {
  const sums = Array.from({ length }, (_, x) => series.reduce((sum, { values }) => sum + (values[x] ?? 0), 0));
  /** @type {Column} */
  let base = sums.map((sum) => (sum > 0 ? 0 : null));
  return series.map(({ at, values }) => {
    const low = base, high = low.map((from, x) => (from === null ? null : from + (values[x] ?? 0) / sums[x]));
    base = high;
    return { at, values: high, low, high };
  });
}

/** First and one past the last point of each pixel column that has any. @param {number[]} xs @param {number} width @returns {[number, number][]} */
function buckets(xs, width) {
  const first = xs[0], size = (xs[xs.length - 1] - first) / width || 1;
  /** @type {[number, number][]} */
  const found = [];
  for (let from = 0; from < xs.length;) {
    const end = first + (Math.floor((xs[from] - first) / size) + 1) * size;
    let to = from + 1;
    while (to < xs.length && xs[to] < end) to += 1;
    found.push([from, to]);
    from = to;
  }
  return found;
}

/**
 * Two points of a pixel column: its lowest and highest in their order, or first and last where values hold until the next.
 * @param {Column} values @param {number} from @param {number} to @param {'ends' | 'range' | 'low' | 'high'} which @returns {Column}
 */
function two(values, from, to, which) {
  let low = -1, high = -1;
  for (let x = from; x < to; x += 1) {
    const value = values[x];
    if (value === null) continue;
    if (low < 0 || value < /** @type {number} */ (values[low])) low = x;
    if (high < 0 || value > /** @type {number} */ (values[high])) high = x;
  }
  if (low < 0) return [null, null];
  if (which === 'low') return [values[low], values[low]];
  if (which === 'high') return [values[high], values[high]];
  if (which === 'ends') return [values[from], values[to - 1]];
  return low < high ? [values[low], values[high]] : [values[high], values[low]];
}

/** @param {number[]} xs @param {Drawn[]} series @param {number} width @param {(at: number) => boolean} holds @returns {{ xs: number[], series: Drawn[] }} */
function thinned(xs, series, width, holds) {
  const all = buckets(xs, width);
  const thin = (/** @type {Column} */ values, /** @type {'ends' | 'range' | 'low' | 'high'} */ which) =>
    all.flatMap(([from, to]) => (to - from > 1 ? two(values, from, to, which) : [values[from]]));
  return {
    xs: all.flatMap(([from, to]) => (to - from > 1 ? [xs[from], xs[to - 1]] : [xs[from]])),
    series: series.map(({ at, values, low, high }) => ({ at, values: thin(values, holds(at) ? 'ends' : 'range'),
      low: low && thin(low, holds(at) ? 'ends' : 'low'), high: high && thin(high, holds(at) ? 'ends' : 'high') })),
  };
}

/**
 * @param {import('../charts.js').LineData} data
 * @param {{ isStacked: boolean, width: number, hidden: Set<string> }} how `width` in pixels
 * @returns {{ xs: number[], series: Drawn[] }}
 */
export function columns(data, { isStacked, width, hidden }) {
  const xs = Array.from(data.x.values, Number);
  const series = data.series.map(({ name, values, low, high }, at) => ({ at, name, values: column(values),
    low: low ? column(low) : null, high: high ? column(high) : null })).filter(({ name }) => !hidden.has(name));
  const drawn = isStacked ? stacked(series, xs.length) : series;
  const points = data.series.some(({ style }) => style === 'points');
  if (points || xs.length <= 2 * width) return { xs, series: drawn };
  return thinned(xs, drawn, width, (at) => isStacked || data.series[at].style === 'step');
}
