/** One uPlot: axes in the reader's locale, lines of our colours, and what `draw.js` adds. */
import uPlot from '../vendor/uPlot.js';

import { drawIntervals, drawLabels, drawMarks, hasPoints } from './draw.js';
import { dashOf, tickWriter, writer } from './theme.js';

const FONT_PX = 12, LABEL_PX = 20;

/** A narrower chart has no room for what its title says already. */
const LABELLED_PX = 480;

/** @param {any} plot @param {string[] | null} values @param {number} axisAt @param {number} cycle @returns {number} width that the longest text needs */
function axisSize(plot, values, axisAt, cycle) {
  const axis = plot.axes[axisAt];
  if (cycle > 1) return axis._size;
  const longest = (values ?? []).reduce((most, text) => (text && text.length > most.length ? text : most), '');
  plot.ctx.font = axis.font[0];
  return Math.ceil(plot.ctx.measureText(longest).width / devicePixelRatio) + 14;
}

/** Values known before a course is long: what is known of it at first does not set the scale. */
const LONG = 12;

/**
 * Lowest and highest of what is drawn. At the beginning of each course, when next to nothing is known, it is wild and its
 * band is wide: that would make everything else flat, so it is cut off there.
 * @param {import('./draw.js').Scene} scene @returns {[number, number]}
 */
function extent({ data, series, isStacked }) {
  if (isStacked) return [0, 1];
  let low = Infinity, high = -Infinity;
  for (const { at, values, low: lows, high: highs } of series) {
    const first = values.findIndex((value) => value !== null), span = values.findLastIndex((value) => value !== null) - first;
    const isLong = span >= LONG && lows && data.series[at].style !== 'points';
    const [begin, bandBegin] = isLong ? [first + span * 0.15, first + span * 0.4] : [0, 0];
    for (const [column, from] of /** @type {[(number | null)[] | null, number][]} */ ([[values, begin], [lows, bandBegin], [highs, bandBegin]])) {
      if (!column) continue;
      for (let x = Math.floor(from); x < column.length; x += 1) {
        const value = column[x];
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  return low > high ? [0, 1] : [low, high];
}

/** @param {import('./draw.js').Scene} scene @returns {[number, number]} */
function yRange(scene) {
  const [low, high] = extent(scene);
  if (scene.isStacked) return [low, high];
  const [min, max] = /** @type {[number, number]} */ (uPlot.rangeNum(low, high, { min: { pad: 0.08, soft: 0, mode: 3 }, max: { pad: 0.08, soft: 0, mode: 3 } }));
  // No rate is below 0, however wide the margin; and what begins near it is seen from there.
  const floor = low >= 0 && low < 0.4 * high ? 0 : low >= 0 ? Math.max(0, min) : min;
  return [floor, scene.data.y.kind === 'percent' && high <= 1 ? Math.min(1, max) : max];
}

/** @param {import('./draw.js').Scene} scene @returns {[number, number]} a little wider where points or marks stand at its ends */
function xRange({ data, xs, marks }) {
  const [first, last] = xs.length ? [xs[0], xs[xs.length - 1]] : [0, 1];
  const more = first === last ? (data.x.kind === 'time' ? 1_800_000 : 0.5) : hasPoints(data) ? (last - first) * 0.04 : 0;
  const near = marks.map(({ x }) => x).filter((x) => Math.abs(x - (first + last) / 2) < (last - first) * 0.55);
  return [Math.min(first - more, ...near), Math.max(last + more, ...near)];
}

/** @param {import('./draw.js').Scene} scene @param {number} position @returns {any} options of one line */
function lineOptions(scene, position) {
  const { color, style } = scene.data.series[position], stroke = () => scene.theme.color(color);
  const points = { show: style === 'points', size: 9, stroke, fill: stroke };
  // uPlot draws a line unless it is told not to: areas and points have none.
  const paths = scene.isStacked || style === 'points' ? () => null : style === 'step' ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const width = scene.data.series.length > 20 ? 1 : 2;
  // Rounded to pixels a smooth curve would have steps.
  return { label: scene.data.series[position].name, stroke, width, pxAlign: 0, dash: dashOf(color), points, spanGaps: hasPoints(scene.data), ...(paths ? { paths } : {}) };
}

/**
 * @param {HTMLElement} stage @param {import('./draw.js').Scene} scene whose contents may change @param {{ width: number, height: number, right: number, onCursor: (index: number | null, left: number) => void }} how
 * @returns {any} the plot
 */
export function makePlot(stage, scene, { width, height, right, onCursor }) {
  const { data } = scene, font = `${FONT_PX}px ${scene.theme.font}`;
  const axis = { font, stroke: () => scene.theme.soft, grid: { stroke: () => scene.theme.line, width: 1 }, ticks: { show: false }, gap: 6 };
  const named = (/** @type {string} */ text) => ({ label: text, labelFont: font, labelSize: LABEL_PX, labelGap: 0 });
  const time = data.x.kind === 'time', xTicks = tickWriter(data.x, data), yTicks = tickWriter(data.y, data);
  const options = {
    width, height, ms: 1, padding: [22, right, 0, 0], legend: { show: false },
    scales: { x: { time, range: () => xRange(scene) }, y: { range: () => yRange(scene) } },
    axes: [
      // Dates say themselves what they are.
      { ...axis, ...(time ? {} : named(data.x.label)), grid: { show: false }, space: time || width >= LABELLED_PX ? 76 : 48, size: 30, values: (/** @type {any} */ _plot, /** @type {number[]} */ splits, /** @type {number} */ _at, /** @type {number} */ _space, /** @type {number} */ step) => xTicks(splits, step) },
      { ...axis, ...(width < LABELLED_PX ? {} : named(data.y.label)), space: 40, size: axisSize, values: (/** @type {any} */ _plot, /** @type {number[]} */ splits, /** @type {number} */ _at, /** @type {number} */ _space, /** @type {number} */ step) => yTicks(splits, step) },
    ],
    series: [{}, ...data.series.map((_, at) => lineOptions(scene, at))],
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
    hooks: {
      drawAxes: [(/** @type {any} */ plot) => drawIntervals({ ...scene, plot })],
      draw: [(/** @type {any} */ plot) => { drawMarks({ ...scene, plot }); drawLabels({ ...scene, plot }); }],
      setCursor: [(/** @type {any} */ plot) => onCursor(plot.cursor.idx ?? null, plot.cursor.left + plot.over.offsetLeft)],
    },
  };
  return new uPlot(/** @type {any} */ (options), aligned(scene), stage);
}

/** As uPlot takes it: a column for each series that was given, empty where it is hidden. @param {import('./draw.js').Scene} scene @returns {any} */
export function aligned({ data, xs, series }) {
  const nothing = new Array(xs.length).fill(null);
  return [xs, ...data.series.map((_, at) => series.find((one) => one.at === at)?.values ?? nothing)];
}

/**
 * What stands at a place, for the box beside the pointer.
 * @param {import('./draw.js').Scene} scene @param {number} index
 * @returns {{ head: string, rows: { name: string, color: import('./theme.js').Color, text: string }[], marks: string[] }}
 */
export function reading({ data, xs, series, isStacked, marks }, index) {
  const near = (xs[xs.length - 1] - xs[0]) / 80, write = writer(data.y, data);
  const rows = series.flatMap(({ at, values, low, high }) => {
    const value = values[index];
    if (value === null || value === undefined) return [];
    const [from, to] = [low?.[index] ?? null, high?.[index] ?? null], { name, color } = data.series[at];
    if (isStacked) return [{ name, color, value: value - (from ?? 0), text: write(value - (from ?? 0)) }];
    return [{ name, color, value, text: from === null || to === null ? write(value) : `${write(value)}  (${write(from)} … ${write(to)})` }];
  });
  return { head: writer(data.x, data)(xs[index]), rows: rows.sort((a, b) => b.value - a.value),
    marks: marks.flatMap(({ x, text }, at) => (Math.abs(x - xs[index]) <= near ? [`${at + 1}  ${text}`] : [])) };
}
