/** What haggle believes of each arm, as a curve: the posterior. */
import { lineChart } from '../../charts.js';
import { colorClass } from '../../charts/theme.js';
import { probability } from '../../format.js';
import { renew } from '../../patch.js';
import { experiment as terms, model as words } from '../../words.js';
import { EARLY, lazyChart, tableOf } from './panel.js';
import { make } from '../../dom.js';

const own = words.panels.densities;

/** The curves of a density as the charts take them. @param {any} densities @param {import('./panel.js').Drawn} drawn @param {string} title @param {string} name of the file */
export function curves({ x, prior, arms }, { currency, digits, kind, colorOf }, title, name) {
  return {
    title, name, currency, digits,
    x: { label: own.x, kind: kind === 'money' ? kind : 'number', values: x },
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
    body.append(make('div', { class: 'beside' }, place, table));
    const chart = lazyChart(lineChart, place);
    return {
      close: chart.close,
      update(drawn) {
        const { lab, evidence, worth } = drawn;
        const found = lab.densities();
        if (!found) return EARLY;
        chart.draw({ ...curves({ ...found, prior: null }, drawn, own.chart, `${evidence.name}-posterior`) });
        renew(table, [tableOf(own.title, [words.arm, own.mean, own.range, words.pBest],
          found.arms.map((/** @type {any} */ arm) => ({ color: colorClass(drawn.colorOf(arm.name)),
            cells: [arm.name, worth(arm.mean), terms.range(worth(arm.low), worth(arm.high)), probability(arm.p_best)] })))]);
        if (evidence.decided) return { kind: 'note', text: own.decided(evidence.decided) };
        const p = probability(found.arms.find(({ name }) => name === found.leader)?.p_best);
        return found.sure ? { kind: 'fine', text: own.says(found.leader, p) } : { kind: 'note', text: own.unsure(found.leader, p) };
      },
    };
  },
};
