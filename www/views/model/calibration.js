/** Whether what was predicted came true. */
import { lineChart } from '../../charts.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart } from './panel.js';

const own = words.panels.calibration;

/** An alarm needs so many predictions, and misses of a third: one in twenty misses by chance, and those of an arm together. */
const ENOUGH = 8, MISSES_MAX = 1 / 3;

/** Up to this part of misses all is as it should be. */
const MISSES_FINE = 0.15;

/** @type {import('./panel.js').Panel} */
export const calibration = {
  name: 'calibration',
  open(body) {
    const chart = lazyChart(lineChart, body);
    return {
      close: chart.close,
      update({ lab, evidence, currency, digits, kind, colorOf }) {
        const found = lab.calibration().sort((/** @type {any} */ a, /** @type {any} */ b) => a.predicted - b.predicted);
        if (found.length === 0) return EARLY;
        const names = [...new Set(found.map((/** @type {any} */ one) => one.name))];
        const of = (/** @type {string} */ name, /** @type {(one: any) => number} */ read) => Float64Array.from(found, (/** @type {any} */ one) => (one.name === name ? read(one) : NaN));
        const predicted = Float64Array.from(found, (/** @type {any} */ one) => one.predicted);
        chart.draw({ title: own.chart, name: `${evidence.name}-calibration`, currency, digits,
          x: { label: own.predicted, kind: kind === 'money' ? kind : 'number', values: predicted }, y: { label: own.observed, kind },
          series: [...names.map((name) => ({ name, color: colorOf(name), style: 'points', values: of(name, (one) => one.observed), low: of(name, (one) => one.low), high: of(name, (one) => one.high) })),
            { name: own.diagonal, color: 'ink', values: predicted }] });
        const missed = found.filter((/** @type {any} */ one) => one.observed < one.low || one.observed > one.high);
        const text = own.says(String(found.length - missed.length), String(found.length));
        if (found.length >= ENOUGH && missed.length > MISSES_MAX * found.length) return { kind: 'look', text };
        return { kind: missed.length > MISSES_FINE * found.length ? 'note' : 'fine', text };
      },
    };
  },
};
