/**
 * The charts: what went where, what it was worth, what it gained, and how demand falls with the price. All their numbers
 * come from the wasm, which reads the same evidence as the table.
 */
import { areaChart, barChart, lineChart } from '../../charts.js';
import { make } from '../../dom.js';
import { experiment as words } from '../../words.js';
import { marked, markText } from './timeline.js';

/** @typedef {import('./terms.js').Terms} Terms */
/** @typedef {{ update: (data: any) => void, close: () => void }} Chart */
/** @typedef {{ evidence: any, standing: any, terms: Terms, lab: any }} Known `standing`: of what is archived, as the report has it */

/** @param {any} evidence */
const marksOf = (evidence) => marked(evidence).map((one) => ({ x: one.at_ms, text: markText(one) }));

/** @param {any} evidence */
const money = ({ currency, minor_digits: digits, definition }) => ({ kind: definition.objective === 'conversion' ? 'percent' : 'money', currency, digits });

/** What has to be said of a chart; and of young exposures, which none of its lines counts. @param {any} evidence @param {string} text */
const noteOf = ({ standing }, text) => (standing?.basis?.matured && standing.basis.young > 0 ? `${text} ${words.charts.matured}` : text);

/** @param {Known} known */
function allocation({ evidence, terms, lab }) {
  const { at_ms, arms } = lab.series;
  return { title: words.charts.allocation(terms.isOfItems), name: `${evidence.name}-allocation`, x: { label: words.charts.time, kind: 'time', values: at_ms },
    y: { label: words.charts.share, kind: 'percent' }, marks: marksOf(evidence),
    series: arms.map((/** @type {any} */ arm, /** @type {number} */ place) => ({ name: arm.name, color: place, values: arm.share })) };
}

/** @param {Known} known */
function value({ evidence, terms, lab }) {
  const { at_ms, arms, holdout } = lab.series, { kind, currency, digits } = money(evidence);
  const line = (/** @type {string} */ name, /** @type {any} */ color, /** @type {any} */ of) => ({ name, color, values: of.value, low: of.low, high: of.high });
  const seen = holdout?.exposures?.at?.(-1) > 0 ? [line(words.holdout, 'holdout', holdout)] : [];
  return { title: words.charts.value(terms.objective, terms.per), name: `${evidence.name}-value`, x: { label: words.charts.time, kind: 'time', values: at_ms },
    y: { label: words.columns.value(terms.objective, terms.per), kind }, currency, digits, marks: marksOf(evidence), note: noteOf(evidence, words.charts.bands),
    series: [...arms.map((/** @type {any} */ arm, /** @type {number} */ place) => line(arm.name, place, arm)), ...seen] };
}

/** @param {Known} known */
function gain({ evidence, lab }) {
  const { at_ms, gain_to_holdout: holdout, gain_to_equal: equal } = lab.series, { kind, currency, digits } = money(evidence);
  const has = evidence.definition.holdout > 0;
  const line = (/** @type {string} */ name, /** @type {any} */ color, /** @type {any} */ of) => ({ name, color, values: of.value, low: of.low, high: of.high });
  return { title: words.charts.gain, name: `${evidence.name}-gain`, x: { label: words.charts.time, kind: 'time', values: at_ms },
    y: { label: words.charts.gained, kind: kind === 'percent' ? 'number' : kind }, currency, digits, marks: marksOf(evidence), note: noteOf(evidence, words.charts.gainNote(has)),
    series: [...(has ? [line(words.charts.toHoldout, 'ink', holdout)] : []), line(words.charts.toEqual, has ? 'holdout' : 'ink', equal)] };
}

/** Points and curve have one axis: where the one has nothing to say, it is NaN. @param {Known} known */
function demand({ evidence, lab }) {
  const { points, curve } = lab.demand, { currency, minor_digits: digits } = evidence;
  const prices = [...new Set([...points.map((/** @type {any} */ one) => one.price_minor), ...(curve?.price_minor ?? [])])].sort((a, b) => a - b);
  const place = new Map(prices.map((price, at) => [price, at]));
  const spread = (/** @type {ArrayLike<number>} */ at, /** @type {ArrayLike<number>} */ values) => {
    const all = new Float64Array(prices.length).fill(NaN);
    for (let index = 0; index < at.length; index += 1) all[/** @type {number} */ (place.get(at[index]))] = values[index];
    return all;
  };
  const fitted = curve ? [{ name: words.charts.fitted, color: 'ink', values: spread(curve.price_minor, curve.rate), low: spread(curve.price_minor, curve.low), high: spread(curve.price_minor, curve.high) }] : [];
  const one = (/** @type {any} */ { name, price_minor, rate, low, high }, /** @type {number} */ at) => ({ name, color: at, style: 'points',
    values: spread([price_minor], [rate]), low: spread([price_minor], [low]), high: spread([price_minor], [high]) });
  return { title: words.charts.demand, name: `${evidence.name}-demand`, x: { label: words.columns.price, kind: 'money', values: prices },
    y: { label: words.columns.rate, kind: 'percent' }, currency, digits, note: words.charts.demandNote(Boolean(curve)), series: [...fitted, ...points.map(one)] };
}

/** Where items are randomised, what each arm brings more than the control. @param {Known} known */
function differences({ evidence, terms, standing }) {
  const { kind, currency, digits } = money(evidence);
  const bars = standing.arms.map((/** @type {any} */ { name, to_control: of }, /** @type {number} */ place) => ({ name, color: place, value: of?.value ?? null,
    low: of?.at_any_look[0] ?? null, high: of?.at_any_look[1] ?? null, ...(of ? { text: terms.gain(of.value) } : {}) }));
  return { title: words.charts.differences(terms.objective, terms.per), name: `${evidence.name}-differences`, y: { label: words.columns.value(terms.objective, terms.per), kind },
    currency, digits, note: words.charts.clusters, bars: bars.filter((/** @type {any} */ { name }) => name !== evidence.definition.control) };
}

/** @param {Known} known */
const hasPeriods = ({ lab }) => lab.series.at_ms.length > 0;

/** @type {{ key: string, draw: (place: HTMLElement, data: any) => Chart, data: (known: Known) => any, isThere: (known: Known) => boolean }[]} */
const PANELS = [
  { key: 'allocation', draw: areaChart, data: allocation, isThere: hasPeriods },
  { key: 'differences', draw: barChart, data: differences, isThere: (known) => known.terms.isOfItems && hasPeriods(known) },
  { key: 'value', draw: lineChart, data: value, isThere: (known) => !known.terms.isOfItems && hasPeriods(known) },
  { key: 'gain', draw: lineChart, data: gain, isThere: (known) => !known.terms.isOfItems && hasPeriods(known) },
  { key: 'demand', draw: lineChart, data: demand, isThere: ({ lab, terms }) => !terms.isOfItems && lab.demand.points.some((/** @type {any} */ { exposures }) => exposures > 0) },
];

/** Charts in a place, which stay there while their data changes. */
export class Panels {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    /** @type {Map<string, { chart: Chart, frame: HTMLElement }>} */
    this.open = new Map();
  }

  /** @param {Known} known */
  update(known) {
    for (const { key, draw, data, isThere } of PANELS) {
      const drawn = this.open.get(key);
      if (!isThere(known)) {
        this.remove(key);
      } else if (drawn) {
        drawn.chart.update(data(known));
      } else {
        const frame = make('div', { class: `graph ${key}` });
        this.place.append(frame);
        this.open.set(key, { frame, chart: draw(frame, data(known)) });
      }
    }
  }

  /** @param {string} key */
  remove(key) {
    const drawn = this.open.get(key);
    drawn?.chart.close();
    drawn?.frame.remove();
    this.open.delete(key);
  }

  close() {
    for (const key of [...this.open.keys()]) this.remove(key);
  }
}
