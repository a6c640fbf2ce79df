/** What is drawn beside the lines: intervals, marks of interventions, names at the ends. All in pixels of the canvas. */
import { dashOf } from './theme.js';

/** More names than this would stand on each other: the legend has them. */
const LABELS_MAX = 12;

/** Edges of more bands than this would be a thicket. */
const EDGES_MAX = 4;

/** @typedef {import('./columns.js').Drawn} Drawn */
/** @typedef {{ plot: any, theme: import('./theme.js').Theme, data: import('../charts.js').LineData, xs: number[], series: Drawn[], isStacked: boolean, marks: { x: number, text: string }[] }} Scene */

/** A scale of the plot as a function, which is quicker than to ask the plot for each point. @param {any} plot @param {'x' | 'y'} scale @returns {(value: number) => number} */
function pixels(plot, scale) {
  const { min, max } = plot.scales[scale], at = plot.valToPos(min, scale, true), size = (plot.valToPos(max, scale, true) - at) / (max - min);
  return (value) => at + (value - min) * size;
}

/** Where single points are, a line beside them has its own places: gaps of one are none of the other. @param {import('../charts.js').LineData} data */
export const hasPoints = (data) => data.series.some(({ style }) => style === 'points');

/** Places that belong together: everything known, or that between two gaps. @param {(number | null)[]} low @param {(number | null)[]} high @param {boolean} spans @returns {number[][]} */
function runs(low, high, spans) {
  /** @type {number[][]} */
  const found = [];
  let isOpen = false;
  low.forEach((from, index) => {
    const isKnown = from !== null && high[index] !== null;
    if (!isKnown) isOpen = isOpen && spans;
    else if (isOpen) found[found.length - 1].push(index);
    else {
      found.push([index]);
      isOpen = true;
    }
  });
  return found;
}

/**
 * Fills the area between low and high.
 * @param {Scene} scene @param {Drawn} one @param {number[]} x pixels of each point @param {(value: number) => number} y @param {number} alpha @param {number} edgeAlpha 0: no edges
 */
function fillBetween({ plot, theme, data, isStacked }, { at, low, high }, x, y, alpha, edgeAlpha) {
  if (!low || !high) return;
  const { ctx } = plot, { color, style } = data.series[at], holds = isStacked || style === 'step';
  const edge = (/** @type {(number | null)[]} */ column, /** @type {number} */ index) => y(/** @type {number} */ (column[index]));
  ctx.fillStyle = theme.color(color);
  ctx.globalAlpha = alpha;
  ctx.beginPath();
  for (const run of runs(low, high, hasPoints(data))) {
    ctx.moveTo(x[run[0]], edge(high, run[0]));
    for (let place = 1; place < run.length; place += 1) {
      if (holds) ctx.lineTo(x[run[place]], edge(high, run[place - 1]));
      ctx.lineTo(x[run[place]], edge(high, run[place]));
    }
    for (let place = run.length - 1; place >= 0; place -= 1) {
      ctx.lineTo(x[run[place]], edge(low, run[place]));
      if (holds && place > 0) ctx.lineTo(x[run[place]], edge(low, run[place - 1]));
    }
    ctx.closePath();
  }
  ctx.fill();
  if (edgeAlpha > 0) {
    ctx.globalAlpha = edgeAlpha;
    ctx.strokeStyle = theme.color(color);
    ctx.lineWidth = devicePixelRatio;
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/** Intervals of single points, as lines with ends. @param {Scene} scene @param {Drawn} one */
function drawWhiskers({ plot, theme, data, xs }, { at, low, high }) {
  if (!low || !high) return;
  const { ctx } = plot, end = 4 * devicePixelRatio;
  ctx.strokeStyle = theme.color(data.series[at].color);
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  xs.forEach((value, index) => {
    const [from, to] = [low[index], high[index]];
    if (from === null || to === null) return;
    const x = plot.valToPos(value, 'x', true), [bottom, top] = [plot.valToPos(from, 'y', true), plot.valToPos(to, 'y', true)];
    ctx.moveTo(x - end, bottom); ctx.lineTo(x + end, bottom);
    ctx.moveTo(x, bottom); ctx.lineTo(x, top);
    ctx.moveTo(x - end, top); ctx.lineTo(x + end, top);
  });
  ctx.stroke();
}

/** Under the lines. @param {Scene} scene */
export function drawIntervals(scene) {
  const { plot, data, xs, series, isStacked } = scene, { ctx, bbox } = plot;
  const bands = series.filter(({ low }) => low);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const toX = pixels(plot, 'x'), x = xs.map(toX), y = pixels(plot, 'y');
  for (const one of bands) {
    if (data.series[one.at].style === 'points') drawWhiskers(scene, one);
    // Few bands that lie on each other are told apart by their edges; many are grey, and fainter.
    else fillBetween(scene, one, x, y, isStacked ? 0.8 : 0.16 / Math.max(1, bands.length / 4), isStacked || bands.length < 2 || bands.length > EDGES_MAX ? 0 : 0.4);
  }
  ctx.restore();
}

/** Over the lines: a numbered mark for each event that has its place here. @param {Scene} scene */
export function drawMarks({ plot, theme, marks }) {
  const { ctx, bbox } = plot, px = devicePixelRatio;
  ctx.save();
  ctx.font = `600 ${11 * px}px ${theme.font}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  let last = -Infinity;
  marks.forEach(({ x: at }, index) => {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return;
    ctx.strokeStyle = theme.soft;
    ctx.lineWidth = px;
    ctx.setLineDash([4 * px, 3 * px]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (x - last < 18 * px) return;
    last = x;
    ctx.fillStyle = theme.soft;
    ctx.beginPath();
    ctx.arc(x, bbox.top - 9 * px, 8 * px, 0, 7);
    ctx.fill();
    ctx.fillStyle = theme.card;
    ctx.fillText(String(index + 1), x, bbox.top - 8.5 * px);
  });
  ctx.restore();
}

/** Moves what would stand on each other apart, and keeps its order. @param {number[]} wanted @param {number} gap @param {number} top @param {number} bottom @returns {number[]} */
function spread(wanted, gap, top, bottom) {
  const order = wanted.map((_, at) => at).sort((a, b) => wanted[a] - wanted[b]), places = [...wanted];
  let least = top, most = bottom;
  for (const at of order) {
    places[at] = Math.max(wanted[at], least);
    least = places[at] + gap;
  }
  for (const at of order.reverse()) {
    places[at] = Math.min(places[at], most);
    most = places[at] - gap;
  }
  return places;
}

/** @param {(number | null)[]} values @returns {number} where its last known value is; -1 where there is none */
const lastOf = (values) => values.findLastIndex((value) => value !== null);

/** Where a hill is highest: a course over something else than time that ends near the ground. @param {import('../charts.js').LineData} data @param {ArrayLike<number | null | undefined>} values @returns {number} -1 where it is none */
function summit({ x }, values) {
  if (x.kind === 'time' || values.length < 20) return -1;
  let highest = 0;
  for (let at = 1; at < values.length; at += 1) if (Number(values[at]) > Number(values[highest])) highest = at;
  const ground = 0.05 * Number(values[highest]);
  return Math.abs(Number(values[0])) < ground && Math.abs(Number(values[values.length - 1])) < ground ? highest : -1;
}

/** The series that get their name: few, or none. @param {import('../charts.js').LineData} data */
const named = (data) => {
  const lines = data.series.filter(({ style }) => style !== 'points');
  return lines.length <= LABELS_MAX ? lines : [];
};

/** Those that get it at the right end. @param {import('../charts.js').LineData} data */
export const labelled = (data) => named(data).filter(({ values }) => summit(data, values) < 0);

/** Names on the hills. @param {Scene} scene */
function drawSummits({ plot, theme, data, xs, series }) {
  const { ctx } = plot, px = devicePixelRatio;
  for (const { at, values } of series) {
    const top = summit(data, values), { name, color, style } = data.series[at];
    if (top < 0) continue;
    const x = plot.valToPos(xs[top], 'x', true), y = plot.valToPos(values[top], 'y', true), isPoint = style === 'points';
    ctx.fillStyle = theme.color(color);
    // Beside a point: over it is its interval.
    ctx.textAlign = isPoint ? 'left' : 'center';
    ctx.fillText(name, x + (isPoint ? 9 * px : 0), isPoint ? y : y - 9 * px);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} width @returns {string} as much of it as has room */
function fitted(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && ctx.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** @param {Scene} scene */
export function drawLabels(scene) {
  const { plot, theme, data, xs, series, isStacked } = scene;
  if (named(data).length === 0) return;
  const { ctx, bbox } = plot, px = devicePixelRatio, right = bbox.left + bbox.width;
  const ends = series.flatMap(({ at, values, low, high }) => {
    const last = lastOf(values);
    if (last < 0 || data.series[at].style === 'points' || (!isStacked && summit(data, values) >= 0)) return [];
    const value = /** @type {number} */ (isStacked && low && high ? (/** @type {number} */ (low[last]) + /** @type {number} */ (high[last])) / 2 : values[last]);
    // A sliver of the whole has no room for a name.
    const isSliver = isStacked && low && high && /** @type {number} */ (high[last]) - /** @type {number} */ (low[last]) < 0.015;
    return isSliver ? [] : [{ at, x: plot.valToPos(xs[last], 'x', true), y: Math.min(Math.max(plot.valToPos(value, 'y', true), bbox.top), bbox.top + bbox.height) }];
  });
  const places = spread(ends.map(({ y }) => y), 16 * px, bbox.top, bbox.top + bbox.height);
  ctx.save();
  ctx.font = `600 ${12 * px}px ${theme.font}`;
  ctx.textBaseline = 'middle';
  if (!isStacked) drawSummits(scene);
  ctx.textAlign = 'left';
  ends.forEach(({ at, x, y }, index) => {
    const { name, color } = data.series[at];
    ctx.strokeStyle = theme.color(color);
    ctx.fillStyle = theme.color(color);
    ctx.lineWidth = px;
    ctx.setLineDash(x < right - px || dashOf(color).length ? [px, 3 * px] : []);
    ctx.beginPath();
    ctx.moveTo(x + 2 * px, y);
    ctx.lineTo(Math.max(x, right) + 2 * px, y);
    ctx.lineTo(right + 11 * px, places[index]);
    ctx.stroke();
    ctx.fillText(fitted(ctx, name, ctx.canvas.width - right - 15 * px), right + 14 * px, places[index]);
  });
  ctx.restore();
}
