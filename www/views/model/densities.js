/** What haggle believes of each arm, as a curve: the posterior. */
import { lineChart } from '../../charts.js';
import { colorClass } from '../../charts/theme.js';
import { average, probability } from '../../format.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart, tableOf } from './panel.js';
import { make } from '../../dom.js';

const own = words.panels.densities;

/** The curves of a density as the charts take them. @param {any} densities @param {import('./panel.js').Drawn} drawn @param {string} title @param {string} name of the file */
export function curves({ x, prior, arms }, { currency, digits, colorOf }, title, name) {
  return {
    title, name, currency, digits,
    x: { label: own.x, kind: 'money', values: x },
    y: { label: own.y, kind: 'number' },
    series: [...arms.map((/** @type {any} */ arm) => ({ name: arm.name, color: colorOf(arm.name), values: arm.density })),
      ...(prior ? [{ name: words.prior, color: 'ink', values: prior }] : [])],
  };
}

/** @type {import('./panel.js').Panel} */
export const densities = {
  name: 'densities',
  open(body) {
    const place = make('div'), table = make('div');
    body.append(place, table);
    const chart = lazyChart(lineChart, place);
    return {
      close: chart.close,
      update(drawn) {
        const { lab, evidence, currency, digits } = drawn;
        const found = lab.densities();
        if (found.arms.length === 0 || found.x.length === 0) return EARLY;
        chart.draw({ ...curves({ ...found, prior: null }, drawn, own.title, `${evidence.name}-posterior`) });
        table.replaceChildren(tableOf(own.title, [words.arm, own.mean, own.range, words.pBest],
          found.arms.map((/** @type {any} */ arm) => ({ color: colorClass(drawn.colorOf(arm.name)),
            cells: [arm.name, average(arm.mean, currency, digits), `${average(arm.low, currency, digits)} – ${average(arm.high, currency, digits)}`, probability(arm.p_best)] }))));
        const best = found.arms.reduce((/** @type {any} */ a, /** @type {any} */ b) => (b.p_best > a.p_best ? b : a));
        return { kind: 'fine', text: own.says(best.name, probability(best.p_best)) };
      },
    };
  },
};
