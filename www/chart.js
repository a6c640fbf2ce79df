/**
 * Shares over time as lines: each keeps its height until the next publication, and carries its name at its end.
 */
import { makeSvg } from './dom.js';
import { count, percent } from './format.js';

/** @typedef {{ name: string, values: number[] }} Line values in `[0, 1]`, one for each x */

const HEIGHT = 300, TOP = 14, BOTTOM = 46, LEFT = 52, LABEL = 112, LABEL_GAP = 17;

/** Moves labels apart that would stand on each other; keeps their order. @param {number[]} wanted @returns {number[]} */
function spread(wanted) {
  const order = wanted.map((_, at) => at).sort((a, b) => wanted[a] - wanted[b]);
  const places = [...wanted];
  let least = TOP;
  for (const at of order) {
    places[at] = Math.max(wanted[at], least);
    least = places[at] + LABEL_GAP;
  }
  let most = HEIGHT - BOTTOM + 4;
  for (const at of order.reverse()) {
    places[at] = Math.min(places[at], most);
    most = places[at] - LABEL_GAP;
  }
  return places;
}

/** @param {number} right @param {(value: number) => number} y @returns {SVGElement[]} */
const grid = (right, y) => [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
  makeSvg('line', { class: 'grid', x1: LEFT, x2: right, y1: y(value), y2: y(value) }),
  makeSvg('text', { x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }, percent(value).replace(/[.,]0/, '')),
]);

/**
 * @param {{ xs: number[], lines: Line[], xName: string, label: string }} data
 * @param {number} width CSS pixels
 * @returns {SVGSVGElement}
 */
export function lineChart({ xs, lines, xName, label }, width) {
  const right = width - LABEL, last = xs[xs.length - 1] ?? 1;
  const x = (/** @type {number} */ at) => LEFT + (at / last) * (right - LEFT);
  const y = (/** @type {number} */ value) => TOP + (1 - value) * (HEIGHT - TOP - BOTTOM);
  const path = (/** @type {number[]} */ values) => values.map((value, at) => {
    const [px, py] = [x(xs[at]).toFixed(1), y(value).toFixed(1)];
    return at === 0 ? `M${px} ${py}` : `H${px}V${py}`;
  }).join('');
  const ends = lines.map(({ values }) => y(values[values.length - 1] ?? 0));
  const places = spread(ends.map((end) => end + 4));
  const ticks = [0, last / 2, last].map((at) => makeSvg('text', { x: x(at), y: HEIGHT - BOTTOM + 20, 'text-anchor': 'middle' }, count(at)));
  const drawn = lines.flatMap(({ name, values }, at) => [
    makeSvg('path', { class: `line arm-${at % 8}`, d: path(values) }),
    makeSvg('path', { class: `line leader arm-${at % 8}`, d: `M${right + 2} ${ends[at]}L${right + 12} ${places[at] - 4}` }),
    makeSvg('text', { class: `label arm-${at % 8}`, x: right + 16, y: places[at] }, name),
  ]);
  const xTitle = makeSvg('text', { x: (LEFT + right) / 2, y: HEIGHT - 6, 'text-anchor': 'middle' }, xName);
  const view = { class: 'chart', role: 'img', 'aria-label': label, viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT };
  return makeSvg('svg', view, ...grid(right, y), ...ticks, xTitle, ...drawn);
}
