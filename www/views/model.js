/**
 * Model diagnostics of one experiment: why the policy does what it does, and whether to believe it. It draws what the lab
 * computes from the evidence, and again whenever that changes.
 */
import { make } from '../dom.js';
import { average, dateTime, minorDigits, percent } from '../format.js';
import { loadLab } from '../lab.js';
import { watch } from '../live.js';
import { model as words } from '../words.js';
import { calibration } from './model/calibration.js';
import { delays } from './model/delays.js';
import { densities } from './model/densities.js';
import { offPolicy } from './model/off-policy.js';
import { openPanel } from './model/panel.js';
import { prior } from './model/prior.js';
import { propensities } from './model/propensities.js';
import { regret } from './model/regret.js';
import { stability } from './model/stability.js';
import { why } from './model/why.js';

/** What somebody asks first stands first. */
const PANELS = [densities, why, prior, propensities, stability, calibration, delays, offPolicy, regret];

/**
 * @param {HTMLElement} place
 * @param {{ params: { name: string }, signal: AbortSignal }} options
 */
export async function open(place, { params: { name }, signal }) {
  const { Lab } = await loadLab();
  if (signal.aborted) return;
  const summary = make('div', { class: 'model-summary', 'aria-live': 'polite' }), grid = make('div', { class: 'panels' }), left = make('p', { class: 'help' });
  place.replaceChildren(make('div', { class: 'model' },
    make('p', { class: 'crumbs' }, make('a', { href: `#/experiments/${encodeURIComponent(name)}` }, words.back(name))),
    make('h1', {}, words.title(name)), summary, grid, left));
  /** @type {ReturnType<typeof openPanel>[]} */
  let panels = [];
  /** @type {import('../lab.js').Lab | null} */
  let lab = null;
  const close = () => {
    for (const panel of panels) panel.close();
    lab?.free();
    lab = null;
  };
  signal.addEventListener('abort', close, { once: true });

  await watch(`/haggle/v1/experiments/${encodeURIComponent(name)}/evidence`, (text) => {
    const evidence = JSON.parse(text);
    if (!evidence.standing?.total.exposures) {
      summary.replaceChildren(make('p', { class: 'lead' }, words.nothingYet));
      return;
    }
    const before = lab;
    lab = new Lab(text);
    const isOfVisitors = (evidence.definition.unit ?? 'visitor') === 'visitor';
    const shown = PANELS.filter((panel) => isOfVisitors || !panel.isOfVisitors);
    if (panels.length === 0) {
      panels = shown.map(openPanel);
      grid.replaceChildren(...panels.map(({ element }) => element));
      left.textContent = isOfVisitors ? '' : words.leftOut(PANELS.filter((panel) => panel.isOfVisitors).map((panel) => words.panels[panel.name].title));
    }
    const names = evidence.definition.arms.map((/** @type {any} */ arm) => arm.name);
    const colorOf = (/** @type {string} */ of) => (names.includes(of) ? names.indexOf(of) : 'holdout');
    const drawn = { lab, evidence, colorOf, ...moneyOf(evidence) };
    const verdicts = panels.map((panel) => ({ panel, ...panel.update(drawn) }));
    before?.free();
    summary.replaceChildren(...summarise(verdicts), make('p', { class: 'help' }, words.asOf(dateTime(evidence.now_ms))));
  }, { signal });
}

/** How values are written. @param {any} evidence */
function moneyOf({ minor_digits, definition: { currency, objective } }) {
  const digits = minor_digits ?? minorDigits(currency), isMoney = objective !== 'conversion';
  const worth = (/** @type {number} */ value) => (isMoney ? average(value, currency, digits) : percent(value, 2));
  return { currency, digits, worth, kind: /** @type {'money' | 'percent'} */ (isMoney ? 'money' : 'percent') };
}

/** What to look at first. @param {{ panel: ReturnType<typeof openPanel>, kind: string, text: string }[]} verdicts */
function summarise(verdicts) {
  const found = verdicts.filter(({ kind }) => kind === 'look');
  if (found.length === 0) return [make('p', { class: 'lead fine' }, words.allFine)];
  return [make('p', { class: 'lead look' }, words.lookAt(found.length)), make('ul', {}, ...found.map(({ panel, text }) => {
    const jump = make('button', { type: 'button', class: 'link' }, panel.title);
    jump.addEventListener('click', () => {
      panel.element.scrollIntoView({ block: 'start' });
      /** @type {HTMLElement | null} */ (panel.element.querySelector('h2'))?.focus();
    });
    return make('li', {}, jump, ` ${text}`);
  }))];
}
