/** For how many visitors the log counts when another policy is judged by it. */
import { barChart } from '../../charts.js';
import { make } from '../../dom.js';
import { count, percent } from '../../format.js';
import { renew } from '../../patch.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart, tableOf } from './panel.js';

const own = words.panels.offPolicy;

/** @type {import('./panel.js').Panel} */
export const offPolicy = {
  name: 'offPolicy',
  open(body) {
    const place = make('div'), policies = make('div');
    const more = make('details', {}, make('summary', {}, own.policies), policies);
    body.append(place, more);
    const chart = lazyChart(barChart, place);
    return {
      close: chart.close,
      update({ lab, evidence, colorOf }) {
        const found = lab.off_policy(), arms = found.filter(({ arm }) => arm);
        if (found.length === 0) return EARLY;
        chart.draw({ title: own.chart, name: `${evidence.name}-ess`, y: { label: own.ess, kind: 'number' }, bars: arms.map(({ arm = '', ess, share_of_exposures }) => ({
          name: own.arm(arm), color: colorOf(arm), value: ess, text: `${count(ess)} (${percent(share_of_exposures, 0)})` })) });
        renew(policies, [tableOf(own.policies, [own.policy, own.ess, own.part], found.filter(({ policy }) => policy)
          .map(({ policy = '', ess, share_of_exposures }) => ({ cells: [policy, count(ess), percent(share_of_exposures)] })))]);
        const few = arms.filter(({ enough }) => !enough).map(({ arm = '' }) => arm), least = count(found[0].least);
        return { kind: 'note', text: few.length > 0 ? own.few(few, least) : own.enough(least) };
      },
    };
  },
};
