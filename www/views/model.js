/**
 * Model diagnostics of one experiment: why the policy does what it does, and whether to believe it. It draws what the lab
 * computes from the evidence, and again whenever that changes.
 */
import { make } from '../dom.js';
import { readEvidence } from '../evidence.js';
import { average, dateTime, minorDigits, percent } from '../format.js';
import { loadLab } from '../lab.js';
import { watch } from '../live.js';
import { renew } from '../patch.js';
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
const PANELS = [densities, why, prior, propensities, calibration, stability, delays, offPolicy, regret];

/**
 * @param {HTMLElement} place
 * @param {{ params: { name: string }, signal: AbortSignal }} options
 */
export async function open(place, { params: { name }, signal }) {
  const { Lab } = await loadLab();
  if (signal.aborted) return;
  const summary = make('div', { class: 'model-summary', 'aria-live': 'polite' }), asOf = make('p', { class: 'help' }), grid = make('div', { class: 'panels' });
  place.replaceChildren(make('div', { class: 'model' },
    make('p', { class: 'crumbs' }, make('a', { href: `#/experiments/${encodeURIComponent(name)}` }, words.back(name))),
    make('h1', {}, words.title(name)), summary, asOf, grid));
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
  summary.addEventListener('click', ({ target }) => {
    const wanted = target instanceof HTMLElement ? panels.find((panel) => panel.name === target.dataset.panel) : undefined;
    if (!wanted) return;
    wanted.element.scrollIntoView({ block: 'start' });
    wanted.element.querySelector('h2')?.focus({ preventScroll: true });
  });

  await watch(`/haggle/v1/experiments/${encodeURIComponent(name)}/evidence`, (text, bytes) => {
    const evidence = readEvidence(text);
    const silent = silence(evidence);
    if (silent) {
      summary.replaceChildren(make('p', { class: 'lead' }, silent));
      return;
    }
    const before = lab;
    lab = new Lab(bytes);
    if (panels.length === 0) {
      panels = PANELS.map(openPanel);
      grid.replaceChildren(...panels.map(({ element }) => element));
    }
    const names = evidence.definition.arms.map((/** @type {any} */ arm) => arm.name);
    const colorOf = (/** @type {string} */ of) => (names.includes(of) ? names.indexOf(of) : 'holdout');
    const drawn = { lab, evidence, colorOf, ...moneyOf(evidence) };
    const verdicts = panels.map((panel) => ({ panel, ...panel.update(drawn) }));
    before?.free();
    asOf.textContent = words.asOf(dateTime(evidence.now_ms));
    renew(summary, summarise(verdicts));
  }, { signal });
}

/** Why there is nothing to draw; empty where there is. @param {any} evidence */
function silence({ standing, definition: { unit = 'visitor' } }) {
  if (unit !== 'visitor') return words.ofItems;
  return standing?.total.exposures ? '' : words.nothingYet;
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
  return [make('p', { class: 'lead look' }, words.lookAt(found.length)), make('ul', {}, ...found.map(({ panel, text }) =>
    make('li', {}, make('button', { type: 'button', class: 'link', 'data-panel': panel.name }, panel.title), ` ${text}`)))];
}
