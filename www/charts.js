/**
 * The charts: each makes a `<figure>` in its place and is handed new data without flicker. They draw what they are given.
 */
import { drawBars } from './charts/bars.js';
import { columns } from './charts/columns.js';
import { labelled } from './charts/draw.js';
import { Frame, watchLooks } from './charts/frame.js';
import { aligned, makePlot, reading } from './charts/plot.js';
import { saveCsv, savePicture } from './charts/save.js';
import { colorClass, themeOf, writer } from './charts/theme.js';
import { make } from './dom.js';
import { charts as words } from './words.js';

/** @typedef {import('./charts/columns.js').Values} Values NaN where nothing is known */
/** @typedef {{ name: string, color: import('./charts/theme.js').Color, values: Values, low?: Values, high?: Values, style?: 'line' | 'step' | 'points' }} Series */
/**
 * @typedef {object} LineData
 * @property {string} title
 * @property {string} name of the files
 * @property {{ label: string, kind: 'time' | 'number' | 'money', values: ArrayLike<number> }} x ascending; times in ms, money in minor units
 * @property {{ label: string, kind: 'money' | 'percent' | 'number' }} y
 * @property {string} [currency]
 * @property {number} [digits] of the currency's minor unit
 * @property {Series[]} series
 * @property {{ x: number, text: string }[]} [marks]
 * @property {string} [note]
 */
/** @typedef {{ name: string, color: import('./charts/theme.js').Color, value: number | null, low?: number | null, high?: number | null, text?: string }} Bar */
/** @typedef {{ title: string, name: string, y: LineData['y'], currency?: string, digits?: number, bars: Bar[], note?: string }} BarData */
/** @template T @typedef {{ figure: HTMLElement, update: (data: T) => void, close: () => void }} Chart */

const ROWS_MAX = 10;

/** @param {string} kind @param {number | null | undefined} value @param {number} digits @returns {number | string} as a spreadsheet takes it: money in major units, times in UTC */
function cell(kind, value, digits = 2) {
  if (typeof value !== 'number' || !Number.isFinite(value)) return '';
  if (kind === 'time') return new Date(value).toISOString();
  return kind === 'money' ? value / 10 ** digits : value;
}

/** @param {{ label: string, kind: string }} axis @param {string} [currency] */
const headOf = ({ label, kind }, currency = '') => (kind === 'money' && currency ? `${label} (${currency})` : label);

/** Every value that the chart was given, and its marks where they belong. @param {LineData} data @returns {unknown[][]} */
function lineRows(data) {
  const { x, y, series, marks = [], currency, digits } = data;
  const head = [headOf(x, currency), ...series.flatMap(({ name, low, high }) => [name, ...(low ? [words.low(name)] : []), ...(high ? [words.high(name)] : [])])];
  /** @type {[number, unknown[]][]} */
  const rows = Array.from(x.values, (at, row) => [at, [cell(x.kind, at, digits),
    ...series.flatMap(({ values, low, high }) => [values, low, high].filter((column) => column).map((column) => cell(y.kind, column?.[row], digits))), ...(marks.length ? [''] : [])]]);
  for (const mark of marks) rows.push([mark.x, [cell(x.kind, mark.x, digits), ...head.slice(1).map(() => ''), mark.text]]);
  return [[...head, ...(marks.length ? [words.mark] : [])], ...rows.sort(([a], [b]) => a - b).map(([, row]) => row)];
}

/** @param {BarData} data @returns {unknown[][]} */
const barRows = ({ y, bars, currency, digits }) => [[words.bar, headOf(y, currency), words.from, words.to],
  ...bars.map(({ name, value, low, high }) => [name, ...[value, low, high].map((one) => cell(y.kind, one, digits))])];

/** In the order of their numbers. @param {LineData} data */
const marksOf = ({ marks = [] }) => [...marks].sort((a, b) => a.x - b.x);

/** What is the same while only numbers change. @param {LineData} data */
const shapeOf = ({ x, y, series, currency, digits }) => JSON.stringify([x.kind, y.kind, currency, digits,
  series.map(({ name, color, style, low }) => [name, color, style, Boolean(low)])]);

/** First, last, lowest and highest of those that are known; empty where none is. @param {Values} values @returns {number[]} */
function summaryOf(values) {
  /** @type {number[]} */
  let summary = [];
  for (let x = 0; x < values.length; x += 1) {
    const value = values[x];
    if (typeof value !== 'number' || !Number.isFinite(value)) continue;
    if (summary.length === 0) summary = [value, value, value, value];
    summary[1] = value;
    if (value < summary[2]) summary[2] = value;
    if (value > summary[3]) summary[3] = value;
  }
  return summary;
}

/** @param {Frame} frame @param {LineData} data @param {number[][]} summaries */
function fillTable(frame, data, summaries) {
  const write = writer(data.y, data), head = [words.series, words.first, words.last, words.lowest, words.highest];
  frame.setTable(`${data.title}, ${headOf(data.y, data.currency)}`, head,
    data.series.map(({ name }, at) => [name, ...[0, 1, 2, 3].map((which) => write(summaries[at][which]))]));
}

/** @param {Frame} frame @param {ReturnType<typeof reading> | null} read @param {number} left @param {number} width */
function showReading({ readout }, read, left, width) {
  readout.hidden = !read;
  if (!read) return;
  const rest = read.rows.length - ROWS_MAX;
  readout.replaceChildren(make('strong', {}, read.head),
    ...read.marks.map((text) => make('span', { class: 'readout-mark' }, text)),
    ...read.rows.slice(0, ROWS_MAX).map(({ name, color, text }) => make('span', { class: `key ${colorClass(color)}` }, make('span', { class: 'swatch' }), name, make('b', {}, text))),
    ...(rest > 0 ? [make('span', { class: 'soft' }, words.more(rest))] : []));
  const isRight = left > width / 2;
  readout.style.insetInlineStart = isRight ? 'auto' : `${left + 14}px`;
  readout.style.insetInlineEnd = isRight ? `${width - left + 14}px` : 'auto';
}

/** How far a key moves the pointer of a chart. @type {Record<string, (at: number, last: number) => number>} */
const KEYS = { ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, PageUp: (at, last) => at - last / 10, PageDown: (at, last) => at + last / 10, Home: () => 0, End: (_, last) => last };

/** The pointer by the keyboard: what stands there is read out. @param {Frame} frame @param {() => { plot: any, xs: number[] }} now */
function listenToKeys({ holder }, now) {
  Object.entries({ tabindex: '0', role: 'group', 'aria-label': words.keys }).forEach(([name, value]) => holder.setAttribute(name, value));
  holder.addEventListener('keydown', (event) => {
    const { plot, xs } = now(), move = KEYS[event.key], last = xs.length - 1;
    if (!plot || !move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const at = Math.round(Math.min(Math.max(move(plot.cursor.idx ?? -1, last), 0), last));
    plot.setCursor({ left: plot.valToPos(xs[at], 'x'), top: 10 });
  });
  holder.addEventListener('blur', () => now().plot?.setCursor({ left: -10, top: -10 }));
}

/** @param {Element} place @param {LineData} given @param {boolean} isStacked @returns {Chart<LineData>} */
function open(place, given, isStacked) {
  /** @type {Set<string>} */
  const hidden = new Set();
  let data = given, width = 0, shape = '';
  /** @type {any} */
  let plot = null;
  /** What is far from the window waits until somebody scrolls there. */
  let isNear = true, isDue = false;
  const frame = new Frame(place, {
    csv: () => saveCsv(data.name, lineRows(data)),
    picture: () => {
      isNear = true;
      if (isDue) drawPlot();
      const keys = data.series.filter(({ name }) => !hidden.has(name));
      // uPlot draws in a microtask.
      queueMicrotask(() => { if (plot) savePicture(data.name, frame.figure, plot.ctx.canvas, { title: data.title, note: data.note, keys }); });
    },
  });
  /** @type {import('./charts/draw.js').Scene} */
  const scene = { plot: null, theme: themeOf(frame.figure), data, xs: [], series: [], isStacked, marks: [] };
  const prepare = () => Object.assign(scene, { data, marks: marksOf(data) },
    columns(data, { isStacked, hidden, width: Math.max(50, Math.ceil(width * devicePixelRatio)) }));
  /** Room for the names at the right. */
  const roomAtRight = () => {
    const names = labelled(data).map(({ name }) => name.length);
    return names.length ? Math.min(26 + 7.4 * Math.max(...names), width * 0.28) : 14;
  };
  const rebuild = () => {
    plot?.destroy();
    plot = null;
    if (!width || !data.x.values.length) return;
    const height = width < 480 ? 230 : 290;
    plot = makePlot(frame.stage, scene, { width, height, right: roomAtRight(),
      onCursor: (index, left) => showReading(frame, index === null ? null : reading(scene, index), left, width) });
  };
  const drawPlot = () => {
    isDue = !isNear && plot !== null;
    if (isDue) return;
    prepare();
    if (plot && data.x.values.length) plot.setData(aligned(scene));
    else rebuild();
  };
  const draw = () => {
    const now = shapeOf(data), summaries = data.series.map(({ values }) => summaryOf(values));
    frame.setTexts(data, summaries.every(({ length }) => length === 0));
    frame.setMarks(marksOf(data).map(({ x, text }) => ({ at: writer(data.x, data)(x), text })));
    fillTable(frame, data, summaries);
    if (now !== shape) {
      shape = now;
      frame.setLegend(data.series, hidden, () => { prepare(); plot?.setData(aligned(scene)); });
      plot?.destroy();
      plot = null;
    }
    drawPlot();
  };
  const stop = watchLooks(frame.stage, (now) => {
    if (now === width || now <= 0) return;
    width = now;
    prepare();
    rebuild();
  }, () => { scene.theme = themeOf(frame.figure); plot?.redraw(false, true); }, (is) => {
    isNear = is;
    if (isNear && isDue) drawPlot();
  });
  listenToKeys(frame, () => ({ plot, xs: scene.xs }));
  draw();
  return {
    figure: frame.figure,
    update: (next) => { data = next; draw(); },
    close: () => { stop(); plot?.destroy(); frame.close(); },
  };
}

/** @param {Element} place @param {LineData} data @returns {Chart<LineData>} */
export const lineChart = (place, data) => open(place, data, false);

/** Shares of a whole, on each other. @param {Element} place @param {LineData} data @returns {Chart<LineData>} */
export const areaChart = (place, data) => open(place, data, true);

/** One bar for each name, with its interval. @param {Element} place @param {BarData} given @returns {Chart<BarData>} */
export function barChart(place, given) {
  let data = given, width = 0;
  const canvas = make('canvas', { class: 'bars-canvas' });
  const frame = new Frame(place, {
    csv: () => saveCsv(data.name, barRows(data)),
    picture: () => savePicture(data.name, frame.figure, canvas, { title: data.title, note: data.note, keys: [] }),
  });
  frame.stage.append(canvas);
  frame.legend.hidden = true;
  const draw = () => {
    const write = writer(data.y, data);
    frame.setTexts(data, data.bars.every(({ value }) => value === null || !Number.isFinite(value)));
    frame.setTable(data.title, [words.bar, headOf(data.y, data.currency), words.from, words.to],
      data.bars.map(({ name, value, low, high, text }) => [name, text ?? write(value), write(low), write(high)]));
    if (width) drawBars(canvas, data, width, themeOf(frame.figure));
  };
  const stop = watchLooks(frame.stage, (now) => { width = now; draw(); }, draw);
  draw();
  return {
    figure: frame.figure,
    update: (next) => { data = next; draw(); },
    close: () => { stop(); frame.close(); },
  };
}
