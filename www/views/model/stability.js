/** Whether an arm's rate drifts. */
import { lineChart } from '../../charts.js';
import { colorClass } from '../../charts/theme.js';
import { make } from '../../dom.js';
import { probability } from '../../format.js';
import { renew } from '../../patch.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart, tableOf } from './panel.js';

const own = words.panels.stability;

/** @type {import('./panel.js').Panel} */
export const stability = {
  name: 'stability',
  open(body) {
    const place = make('div'), table = make('div');
    body.append(place, table);
    const chart = lazyChart(lineChart, place);
    return {
      close: chart.close,
      update(drawn) {
        const found = drawn.lab.stability();
        if (found.at_ms.length < 2) return EARLY;
        chart.draw({ title: own.chart, name: `${drawn.evidence.name}-stability`, x: { label: words.time, kind: 'time', values: found.at_ms }, y: { label: own.rate, kind: 'percent' },
          series: found.arms.map((/** @type {any} */ arm) => ({ name: arm.name, color: drawn.colorOf(arm.name), values: arm.rate, low: arm.low, high: arm.high })) });
        renew(table, [tableOf(own.table, [words.arm, words.pValue, own.verdict], found.arms.map((/** @type {any} */ { name, drift }) => ({
          color: colorClass(drawn.colorOf(name)), cells: [name, probability(drift.p_value), drift.p_value === null ? words.notYet : drift.alarm ? own.drifts : own.steady] })))]);
        const moving = found.arms.filter((/** @type {any} */ { drift }) => drift.alarm).map((/** @type {any} */ { name }) => name);
        if (found.arms.every((/** @type {any} */ { drift }) => drift.p_value === null)) return { kind: 'note', text: own.few };
        return moving.length > 0 ? { kind: 'look', text: own.alarm(moving) } : { kind: 'fine', text: own.calm };
      },
    };
  },
};
