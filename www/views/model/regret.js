/** What learning has cost so far. */
import { lineChart } from '../../charts.js';
import { count, money } from '../../format.js';
import { experiment as terms, model as words } from '../../words.js';
import { EARLY, lazyChart } from './panel.js';

const own = words.panels.regret;

/** @type {import('./panel.js').Panel} */
export const regret = {
  name: 'regret',
  open(body) {
    const chart = lazyChart(lineChart, body);
    return {
      close: chart.close,
      update({ lab, evidence, currency, digits, kind, worth }) {
        const found = lab.regret();
        if (!found) return EARLY;
        const last = found.value.at(-1) ?? NaN;
        if (!Number.isFinite(last)) return EARLY;
        chart.draw({ title: own.chart, name: `${evidence.name}-regret`, currency, digits, x: { label: words.time, kind: 'time', values: found.at_ms },
          y: { label: own.y, kind: kind === 'money' ? kind : 'number' }, series: [{ name: own.series, color: 'ink', values: found.value, low: found.low, high: found.high }] });
        const sum = (/** @type {any} */ of) => (kind === 'money' ? money(of, currency, digits) : own.orders(count(of)));
        return { kind: 'note', text: own.says(sum(last), terms.range(sum(found.low.at(-1)), sum(found.high.at(-1))), worth(found.per_unit), found.best) };
      },
    };
  },
};
