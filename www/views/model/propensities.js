/** Whether the shares that were served are those that were planned. */
import { colorClass } from '../../charts/theme.js';
import { make } from '../../dom.js';
import { count, number, percent, probability } from '../../format.js';
import { renew } from '../../patch.js';
import { model as words } from '../../words.js';
import { EARLY, tableOf } from './panel.js';

const own = words.panels.propensities;

/** @type {import('./panel.js').Panel} */
export const propensities = {
  name: 'propensities',
  open(body) {
    return {
      close() {},
      update(drawn) {
        const found = drawn.lab.propensities();
        if (!found || found.arms.every((/** @type {any} */ arm) => arm.exposures === 0)) return EARLY;
        const line = (/** @type {any} */ arm) => ({ color: colorClass(drawn.colorOf(arm.name)), cells: [arm.name, count(arm.exposures), percent(arm.served, 2), percent(arm.planned, 2), number(arm.ratio)] });
        renew(body, [tableOf(own.title, [words.arm, words.visitors, own.served, own.planned, own.ratio], found.arms.map(line)),
          ...(found.left_out > 0 ? [make('p', { class: 'help' }, own.leftOut(count(found.left_out)))] : [])]);
        const p = probability(found.p_value);
        return found.alarm ? { kind: 'look', text: own.alarm(p) } : { kind: 'fine', text: own.calm(p) };
      },
    };
  },
};
