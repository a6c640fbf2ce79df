/** How much of what is believed comes from the prior: another one is tried out, without a request. */
import { lineChart } from '../../charts.js';
import { colorClass } from '../../charts/theme.js';
import { make } from '../../dom.js';
import { number, percent, probability } from '../../format.js';
import { renew } from '../../patch.js';
import { model as words } from '../../words.js';
import { curves } from './densities.js';
import { EARLY, lazyChart, tableOf } from './panel.js';

const own = words.panels.prior;

/** Bounds of a prior's parameters, as the experiment file has them. */
const LEAST = 0.01, MOST = 1_000_000;

/** Positions of the sliders: the strength in decades, the rate in log odds. */
const STRENGTH = { min: 0, max: 5, step: 0.02 }, RATE = { min: -7, max: 7, step: 0.02 };

const clamp = (/** @type {number} */ value) => Math.min(Math.max(value, LEAST), MOST);

/** @param {{ min: number, max: number, step: number }} range @param {string} label @returns {{ label: HTMLElement, input: HTMLInputElement, output: HTMLOutputElement }} */
function slider({ min, max, step }, label) {
  const input = make('input', { type: 'range', min, max, step }), output = make('output');
  return { input, output, label: make('label', { class: 'slider' }, make('span', {}, label), input, output) };
}

/** @type {import('./panel.js').Panel} */
export const prior = {
  name: 'prior',
  open(body) {
    const strength = slider(STRENGTH, own.strength), rate = slider(RATE, own.rate);
    const reset = make('button', { type: 'button', class: 'quiet' }, own.reset);
    const place = make('div'), table = make('div'), said = make('p', { 'aria-live': 'polite' });
    body.append(make('div', { class: 'sliders' }, strength.label, rate.label, reset), make('div', { class: 'beside' }, place, make('div', {}, said, table)));
    const chart = lazyChart(lineChart, place);
    /** @type {import('./panel.js').Drawn | null} */
    let drawn = null;
    /** What was asked for by the sliders; null: the prior of the experiment. @type {{ alpha: number, beta: number } | null} */
    let wanted = null;
    let frame = 0;

    const read = () => {
      const pieces = 10 ** strength.input.valueAsNumber, mean = 1 / (1 + Math.exp(-rate.input.valueAsNumber));
      return { alpha: clamp(pieces * mean), beta: clamp(pieces * (1 - mean)) };
    };
    function draw() {
      frame = 0;
      if (!drawn) return EARLY;
      const { lab, evidence } = drawn, before = lab.densities();
      if (!before) return EARLY;
      const now = (wanted && lab.densities(wanted.alpha, wanted.beta)) ?? before, { prior_alpha: alpha, prior_beta: beta } = now;
      if (!wanted) {
        strength.input.value = String(Math.log10(alpha + beta));
        rate.input.value = String(Math.log(alpha / beta));
      }
      strength.output.textContent = own.asIf(number(alpha + beta));
      rate.output.textContent = percent(alpha / (alpha + beta));
      strength.input.setAttribute('aria-valuetext', strength.output.textContent);
      rate.input.setAttribute('aria-valuetext', rate.output.textContent);
      reset.disabled = !wanted;
      strength.label.hidden = evidence.definition.reward_model === 'normal';
      chart.draw(curves(now, drawn, own.chart, `${evidence.name}-prior`));
      const best = now.leader, was = before.leader;
      said.textContent = wanted ? (best === was ? own.same(best) : own.other(best, was)) : own.try;
      renew(table, [tableOf(own.title, [words.arm, own.before, own.now], before.arms.map((/** @type {any} */ arm, /** @type {number} */ at) => ({
        color: colorClass(/** @type {any} */ (drawn).colorOf(arm.name)), cells: [arm.name, probability(arm.p_best), probability(now.arms[at].p_best)] })))]);
      return { kind: /** @type {const} */ ('note'), text: strength.label.hidden ? own.normal : own.says(number(before.prior_alpha + before.prior_beta)) };
    }
    const soon = () => { frame ||= requestAnimationFrame(draw); };
    for (const { input } of [strength, rate]) input.addEventListener('input', () => { wanted = read(); soon(); });
    reset.addEventListener('click', () => { wanted = null; soon(); strength.input.focus(); });
    return {
      close() {
        cancelAnimationFrame(frame);
        chart.close();
      },
      update(next) {
        drawn = next;
        return draw();
      },
    };
  },
};
