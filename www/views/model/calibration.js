/** Whether what was predicted came true. */
import { lineChart } from '../../charts.js';
import { count, probability } from '../../format.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart } from './panel.js';

const own = words.panels.calibration;

/** @type {import('./panel.js').Panel} */
export const calibration = {
  name: 'calibration',
  open(body) {
    const chart = lazyChart(lineChart, body);
    return {
      close: chart.close,
      update({ lab, evidence, currency, digits, kind, colorOf }) {
        const { predictions, held, p_value, alarm } = lab.calibration();
        const found = predictions.sort((/** @type {any} */ a, /** @type {any} */ b) => a.predicted - b.predicted);
        if (found.length === 0) return EARLY;
        const names = [...new Set(found.map((/** @type {any} */ one) => one.name))];
        const of = (/** @type {string} */ name, /** @type {(one: any) => number} */ read) => Float64Array.from(found, (/** @type {any} */ one) => (one.name === name ? read(one) : NaN));
        const predicted = Float64Array.from(found, (/** @type {any} */ one) => one.predicted);
        chart.draw({ title: own.chart, name: `${evidence.name}-calibration`, currency, digits,
          x: { label: own.predicted, kind: kind === 'money' ? kind : 'number', values: predicted }, y: { label: own.observed, kind },
          series: [...names.map((name) => ({ name, color: colorOf(name), style: 'points', values: of(name, (one) => one.observed), low: of(name, (one) => one.low), high: of(name, (one) => one.high) })),
            { name: own.diagonal, color: 'ink', values: predicted }] });
        const said = own.says(count(held), count(found.length)), p = probability(p_value);
        return alarm ? { kind: 'look', text: `${said} ${own.alarm(p)}` } : { kind: 'fine', text: `${said} ${own.calm(p)}` };
      },
    };
  },
};
