/**
 * What if: prices, a guess at the demand and some traffic become a simulated experiment, run by several policies side by
 * side in a Web Worker. The same seed gives the same numbers, here and by `haggle simulate`.
 */
import { getJson } from '../api.js';
import { make } from '../dom.js';
import { showRefusal } from '../fields.js';
import { count } from '../format.js';
import { loadLab } from '../lab.js';
import { whatIf as words } from '../words.js';
import { demandChart } from './what-if/demand.js';
import { Form } from './what-if/form.js';
import { Results } from './what-if/results.js';

/** @typedef {{ price_minor: Float64Array, rate: Float64Array, value: Float64Array }} Points value: of a visitor, in minor units */
/** @typedef {{ arms: Points, curve: Points, best: number, visitors: number, environment: string }} Outlook */
/** @typedef {{ runs: number, low: number | null, days: number | null, high: number | null }} When quantiles of a tenth, the half and nine tenths */
/**
 * @typedef {{ policy: string, runs: number, shares: Float64Array[], regret: { mean: Float64Array, low: Float64Array, high: Float64Array },
 *   lost: number, earned: number, to_equal: number, best_arm_share: number, decided: When, right: When, best_at_last: number }} Compared
 *   amounts in major units (orders where conversion is maximised)
 */
/** @typedef {{ days: Float64Array, policies: Compared[] }} Found */

/** Milliseconds after the last key until the curve is drawn anew. */
const TYPING_MS = 120;

/** Experiments on one item, with what was counted of their arms. @param {any[]} experiments @param {any[]} standings @returns {import('./what-if/form.js').Known[]} */
const known = (experiments, standings) => experiments.filter(({ definition }) => definition.item).map(({ name, definition }) => {
  const { standing } = standings.find((one) => one.name === name) ?? {};
  return { name, objective: definition.objective, currency: definition.currency, control: definition.control, item: definition.item, arms: standing?.arms ?? definition.arms };
});

/** @param {HTMLElement} place @param {import('../app.js').Opening} opening */
export async function open(place, { query, signal }) {
  const [{ experiments }, overview, lab] = await Promise.all([getJson('/haggle/v1/experiments', { signal }), getJson('/haggle/v1/overview', { signal }), loadLab()]);
  const form = new Form(known(experiments, overview.experiments), lab.policyNames());
  const run = make('button', { type: 'submit' }, words.run), cancel = make('button', { type: 'button', class: 'quiet', hidden: true }, words.cancel);
  const progress = make('progress', { max: 1, value: 0, 'aria-label': words.progress, hidden: true });
  const said = make('p', { class: 'help', role: 'status' }), problem = make('p', { class: 'problem', role: 'alert' });
  form.element.append(make('div', { class: 'actions go' }, run, cancel, progress, said), problem);
  const curve = make('div', { class: 'guess' }), output = make('div', { class: 'results', hidden: true });
  form.aside.append(curve);
  place.append(make('h1', {}, words.title), make('p', { class: 'lead' }, words.lead), form.element, output);

  const chart = demandChart(curve), results = new Results(output);
  /** @type {Worker | null} */
  let worker = null;
  const stop = () => {
    worker?.terminate();
    worker = null;
    const isLeft = document.activeElement === cancel;
    [run.disabled, cancel.hidden, progress.hidden] = [false, true, true];
    // A button that goes leaves the keyboard on the one that comes.
    if (isLeft) run.focus();
  };
  /** The scenario, where the core has nothing against it. @returns {Outlook | null} */
  const look = () => {
    const { scenario } = form.read(), outlook = lab.outlook(JSON.stringify(scenario));
    const refused = 'error' in outlook;
    problem.textContent = refused && !showRefusal(form.element, outlook) ? outlook.error : '';
    if (!refused) showRefusal(form.element, null);
    if (refused) return null;
    chart.update(scenario, outlook);
    return outlook;
  };
  let typing = 0;
  form.element.addEventListener('input', () => {
    clearTimeout(typing);
    typing = window.setTimeout(look, TYPING_MS);
  });
  form.element.addEventListener('filled', look);
  form.element.addEventListener('submit', (event) => {
    event.preventDefault();
    stop();
    clearTimeout(typing);
    const outlook = look(), { scenario, policies, seed, runs } = form.read();
    const asked = policies.length < 2 || policies.length > 4 ? words.policiesAllowed : form.refusal();
    if (!outlook || asked) {
      if (asked) problem.textContent = asked;
      const wrong = form.element.querySelector('[aria-invalid="true"]');
      wrong?.scrollIntoView({ block: 'center' });
      if (wrong instanceof HTMLElement) wrong.focus({ preventScroll: true });
      return;
    }
    const isLeft = document.activeElement === run;
    worker = new Worker(new URL('../simulation-worker.js', import.meta.url), { type: 'module' });
    [run.disabled, cancel.hidden, progress.hidden, progress.value] = [true, false, false, 0];
    if (isLeft) cancel.focus();
    said.textContent = words.starting;
    worker.addEventListener('error', () => { stop(); problem.textContent = words.broken; });
    worker.addEventListener('message', ({ data }) => {
      if ('error' in data) {
        stop();
        said.textContent = '';
        problem.textContent = data.error;
        return;
      }
      const { done, all, found } = data;
      progress.value = done / all;
      said.textContent = done < all ? words.running(count(done), count(all)) : words.done(count(all), count(outlook.visitors));
      output.hidden = false;
      results.show({ scenario, outlook, found, seed, runs });
      if (done === all) stop();
    });
    worker.postMessage({ scenario: JSON.stringify(scenario), policies, seed, runs });
  });
  cancel.addEventListener('click', () => {
    stop();
    said.textContent = words.cancelled;
  });
  signal.addEventListener('abort', () => { stop(); chart.close(); results.close(); clearTimeout(typing); });
  form.start(query.get('from') ?? '');
  look();
}
