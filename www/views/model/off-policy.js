/** For how many visitors the log counts when another policy is judged by it. */
import { barChart } from '../../charts.js';
import { colorClass } from '../../charts/theme.js';
import { make } from '../../dom.js';
import { count, percent } from '../../format.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart, tableOf } from './panel.js';

const own = words.panels.offPolicy;

/** Below so many visitors an answer is hardly one. */
const FEW = 100;

/** @type {import('./panel.js').Panel} */
export const offPolicy = {
  name: 'offPolicy',
  isOfVisitors: true,
  open(body) {
    const place = make('div'), table = make('div');
    body.append(place, table);
    const chart = lazyChart(barChart, place);
    return {
      close: chart.close,
      update(drawn) {
        const found = drawn.lab.off_policy();
        if (found.length === 0) return EARLY;
        const nameOf = (/** @type {any} */ one) => one.arm ?? one.policy ?? one.name;
        chart.draw({ title: own.title, name: `${drawn.evidence.name}-ess`, y: { label: own.ess, kind: 'number' },
          bars: found.map((/** @type {any} */ one) => ({ name: nameOf(one), color: drawn.colorOf(nameOf(one)), value: one.ess, text: count(one.ess) })) });
        table.replaceChildren(tableOf(own.title, [own.policy, own.ess, words.visitors, own.share], found.map((/** @type {any} */ one) => ({
          color: colorClass(drawn.colorOf(nameOf(one))), cells: [nameOf(one), count(one.ess), count(one.exposures), percent(one.share_of_exposures)] }))));
        const few = found.filter((/** @type {any} */ { ess }) => ess < FEW).map(nameOf);
        return few.length > 0 ? { kind: 'fine', text: own.few(few, String(FEW)) } : { kind: 'fine', text: own.enough(String(FEW)) };
      },
    };
  },
};
