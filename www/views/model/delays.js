/** How long orders take, and what that does to what is counted. */
import { lineChart } from '../../charts.js';
import { colorClass } from '../../charts/theme.js';
import { make } from '../../dom.js';
import { count, number, percent } from '../../format.js';
import { renew } from '../../patch.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart, tableOf } from './panel.js';

const own = words.panels.delays;

/** @type {import('./panel.js').Panel} */
export const delays = {
  name: 'delays',
  open(body) {
    const place = make('div'), table = make('div');
    body.append(place, table);
    const chart = lazyChart(lineChart, place);
    return {
      close: chart.close,
      update(drawn) {
        const found = drawn.lab.delays();
        if (!found.correction.some((/** @type {any} */ arm) => arm.orders > 0)) return EARLY;
        if (found.share_by[0] === 1) return { kind: 'early', text: own.few };
        chart.draw({ title: own.chart, name: `${drawn.evidence.name}-delays`, x: { label: own.hours, kind: 'number', values: found.hours },
          y: { label: own.share, kind: 'percent' }, series: [{ name: own.series, color: 'ink', values: found.share_by, style: 'step' }] });
        const line = (/** @type {any} */ arm) => ({ color: colorClass(drawn.colorOf(arm.name)),
          cells: [arm.name, count(arm.exposures), count(arm.effective), count(arm.orders), percent(arm.rate, 2), percent(arm.rate_corrected, 2)] });
        renew(table, [tableOf(own.table, [words.arm, words.visitors, own.effective, words.orders, own.rate, own.corrected], found.correction.map(line))]);
        return { kind: 'note', text: own.says(number(found.mean_h), number(found.window_h), count(found.pending), own.methods[found.method]) };
      },
    };
  },
};
