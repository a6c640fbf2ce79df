/** What is drawn beside the lines: intervals, marks of interventions, names at the ends. All in pixels of the canvas. */
import { dashOf } from './theme.js';

/** More names than this would stand on each other: the legend has them. */
const LABELS_MAX = 12;

/** @typedef {import('./columns.js').Drawn} Drawn */
/** @typedef {{ plot: any, theme: import('./theme.js').Theme, data: import('../charts.js').LineData, xs: number[], series: Drawn[], isStacked: boolean, marks: { x: number, text: string }[] }} Scene */

/** A scale of the plot as a function, which is quicker than to ask the plot for each point. @param {any} plot @param {'x' | 'y'} scale @returns {(value: number) => number} */
function pixels(plot, scale) {
  const { min, max } = plot.scales[scale], at = plot.valToPos(min, scale, true), size = (plot.valToPos(max, scale, true) - at) / (max - min);
  return (value) => at + (value - min) * size;
}

/**
 * Fills the area between low and high.
 * @param {Scene} scene @param {Drawn} one @param {number[]} x pixels of each point @param {(value: number) => number} y @param {number} alpha
 */
function fillBetween({ plot, theme, data, isStacked }, { at, low, high }, x, y, alpha) {
  if (!low || !high) return;
  const { ctx } = plot, { color, style } = data.series[at], holds = isStacked || style === 'step';
  ctx.fillStyle = theme.color(color);
  ctx.globalAlpha = alpha;
  ctx.beginPath();
  for (let from = 0; from < x.length; from += 1) {
    let to = from;
    while (to < x.length && low[to] !== null && high[to] !== null) to += 1;
    if (to === from) continue;
    for (let index = from; index < to; index += 1) {
      const top = y(/** @type {number} */ (high[index]));
      if (index === from) ctx.moveTo(x[index], top);
      else {
        if (holds) ctx.lineTo(x[index], y(/** @type {number} */ (high[index - 1])));
        ctx.lineTo(x[index], top);
      }
    }
    for (let index = to - 1; index >= from; index -= 1) {
      ctx.lineTo(x[index], y(/** @type {number} */ (low[index])));
      if (holds && index > from) ctx.lineTo(x[index], y(/** @type {number} */ (low[index - 1])));
    }
    ctx.closePath();
    from = to;
  }
  ctx.fill();
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
    // Many bands on each other are grey: then they are fainter.
    else fillBetween(scene, one, x, y, isStacked ? 0.8 : 0.16 / Math.max(1, bands.length / 4));
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

/** The series that get their name at the right end: few, or none. @param {import('../charts.js').LineData} data @param {Set<string>} hidden */
export function labelled(data, hidden) {
  const shown = data.series.filter(({ name, style }) => !hidden.has(name) && style !== 'points');
  return shown.length <= LABELS_MAX ? shown : [];
}

/** @param {Scene} scene @param {boolean} areLabelled */
export function drawLabels({ plot, theme, data, series, isStacked }, areLabelled) {
  if (!areLabelled) return;
  const { ctx, bbox } = plot, px = devicePixelRatio, right = bbox.left + bbox.width;
  const ends = series.flatMap(({ at, values, low, high }) => {
    const last = lastOf(values);
    if (last < 0 || data.series[at].style === 'points') return [];
    const value = /** @type {number} */ (isStacked && low && high ? (/** @type {number} */ (low[last]) + /** @type {number} */ (high[last])) / 2 : values[last]);
    // A sliver of the whole has no room for a name.
    const isSliver = isStacked && low && high && /** @type {number} */ (high[last]) - /** @type {number} */ (low[last]) < 0.015;
    return isSliver ? [] : [{ at, y: plot.valToPos(value, 'y', true) }];
  });
  const places = spread(ends.map(({ y }) => y), 16 * px, bbox.top, bbox.top + bbox.height);
  ctx.save();
  ctx.font = `600 ${12 * px}px ${theme.font}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ends.forEach(({ at, y }, index) => {
    const { name, color } = data.series[at];
    ctx.strokeStyle = theme.color(color);
    ctx.fillStyle = theme.color(color);
    ctx.lineWidth = px;
    ctx.setLineDash(dashOf(color).length ? [2 * px, 2 * px] : []);
    ctx.beginPath();
    ctx.moveTo(right + 2 * px, Math.min(Math.max(y, bbox.top), bbox.top + bbox.height));
    ctx.lineTo(right + 10 * px, places[index]);
    ctx.stroke();
    ctx.fillText(name, right + 13 * px, places[index]);
  });
  ctx.restore();
}
