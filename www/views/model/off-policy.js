/** For how many visitors the log counts when another policy is judged by it. */
import { barChart } from '../../charts.js';
import { count, percent } from '../../format.js';
import { model as words } from '../../words.js';
import { EARLY, lazyChart } from './panel.js';

const own = words.panels.offPolicy;

/** Below so many visitors an answer is hardly one. */
const FEW = 100;

/** @type {import('./panel.js').Panel} */
export const offPolicy = {
  name: 'offPolicy',
  isOfVisitors: true,
  open(body) {
    const chart = lazyChart(barChart, body);
    return {
      close: chart.close,
      update({ lab, evidence, colorOf }) {
        const found = lab.off_policy();
        if (found.length === 0) return EARLY;
        const nameOf = (/** @type {any} */ { arm, policy }) => (arm ? own.arm(arm) : own.policy(policy));
        chart.draw({ title: own.title, name: `${evidence.name}-ess`, y: { label: own.ess, kind: 'number' }, bars: found.map((/** @type {any} */ one) => ({
          name: nameOf(one), color: one.arm ? colorOf(one.arm) : 'ink', value: one.ess, text: `${count(one.ess)} (${percent(one.share_of_exposures, 0)})` })) });
        const few = found.filter((/** @type {any} */ { ess }) => ess < FEW).map(nameOf);
        return { kind: 'fine', text: few.length > 0 ? own.few(few, count(FEW)) : own.enough(count(FEW)) };
      },
    };
  },
};
