/** Why the shares are what they are, and what one more day would make of them. */
import { colorClass } from '../../charts/theme.js';
import { make } from '../../dom.js';
import { count, NOTHING, percent, probability } from '../../format.js';
import { renew } from '../../patch.js';
import { experiment, model as words } from '../../words.js';
import { EARLY, tableOf } from './panel.js';

const own = words.panels.why, policies = /** @type {Record<string, string>} */ (experiment.policies);

/** @param {number} share @param {string} text @param {string} color */
function barred(share, text, color) {
  const level = make('span', { class: `level ${color}` });
  level.style.inlineSize = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return make('span', { class: 'barred' }, make('span', { class: 'track', 'aria-hidden': 'true' }, level), make('span', {}, text));
}

/** @type {import('./panel.js').Panel} */
export const why = {
  name: 'why',
  open(body) {
    return {
      close() {},
      update(drawn) {
        const found = drawn.lab.why();
        if (!found) return EARLY;
        const day = found.one_more_day;
        const next = (/** @type {string} */ name) => day?.shares.find((/** @type {any} */ one) => one.name === name)?.share;
        const line = (/** @type {any} */ arm, color = colorClass(drawn.colorOf(arm.name))) => ({ color, cells: [arm.name, arm.state === 'live' ? probability(arm.p_best) : NOTHING, percent(arm.asked),
          percent(arm.floor), barred(arm.share, percent(arm.share), color), percent(next(arm.name)), arm.is_entering ? own.entering : arm.is_at_floor ? own.atFloor : words.states[arm.state] ?? arm.state] });
        const columns = [words.arm, words.pBest, own.asked, own.floor, own.share, own.next, own.state];
        renew(body, [
          make('p', { class: 'sentence' }, own.policy(policies[found.policy] ?? found.policy.replaceAll('_', ' '), percent(found.floor), percent(found.holdout))),
          tableOf(own.title, columns, found.arms.map((/** @type {any} */ arm) => line(arm))),
          ...(day && day.exposures > 0 ? [make('p', {}, own.day(count(day.exposures), count(day.orders), probability(day.p_best_leader)))] : [])]);
        if (drawn.evidence.decided) return { kind: 'note', text: own.decided(drawn.evidence.decided) };
        const floored = found.arms.filter((/** @type {any} */ arm) => arm.is_at_floor).map((/** @type {any} */ arm) => arm.name);
        return { kind: 'note', text: floored.length > 0 ? own.floored(floored) : own.free };
      },
    };
  },
};
