/** What haggle believes of each arm, as a curve: the posterior. */
import { lineChart } from '../../charts.js';
import { colorClass } from '../../charts/theme.js';
import { probability } from '../../format.js';
import { renew } from '../../patch.js';
import { experiment as terms, model as words } from '../../words.js';
import { EARLY, lazyChart, tableOf } from './panel.js';
import { make } from '../../dom.js';

const own = words.panels.densities;

/** A probability from which on an answer is one. */
const SURE = 0.95;

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

/** The arm that is the best most likely. @param {any[]} arms */
export const leaderOf = (arms) => arms.reduce((best, arm) => ((arm.p_best ?? -1) > (best.p_best ?? -1) ? arm : best));

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
        const best = leaderOf(found.arms);
        const p = probability(best.p_best);
        return best.p_best >= SURE ? { kind: 'fine', text: own.says(best.name, p) } : { kind: 'note', text: own.unsure(best.name, p) };
      },
    };
  },
};
