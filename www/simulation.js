/**
 * The simulation: shoppers who buy with rates that the reader makes up, priced and learned from by the core in wasm.
 */
import { lineChart } from './chart.js';
import { byId, make } from './dom.js';
import { count, minorDigits, percent, price, share, TOTAL } from './format.js';

/** @typedef {{ units: number, shares: number[], exposures: number[], conversions: number[], regret_minor: number }} Checkpoint */
/** @typedef {{ name: string, price_minor: number }} Arm */
/** @typedef {{ name: string, objective: string, currency: string, policy: { name: string }, arms: Arm[] }} Experiment */
/** @typedef {{ rates: number[], horizon: number, publish_every: number, seed: number }} Shoppers */
/** @typedef {(experiment: string, shoppers: Shoppers) => Checkpoint[]} Simulate */

/** What can be tried before sign-in, or where nothing runs. @type {Experiment & Record<string, unknown>} */
const EXAMPLE = {
  name: 'example', hypothesis: 'Three prices of one bottle of oil.', document: 'https://example.com/', objective: 'profit',
  currency: 'EUR', salt: 'example', control: 'list', floor: 0.02, policy: { name: 'thompson' },
  item: { sku: 'OIL-1', price_minor: 1900, cost_minor: 800 },
  arms: [{ name: 'low', price_minor: 1600 }, { name: 'list', price_minor: 1900 }, { name: 'high', price_minor: 2400 }],
};

/** @param {Experiment['policy'] & { shares?: number[] }} policy @returns {string} */
const policyName = ({ name, shares }) => (name === 'fixed' ? `a fixed split${shares ? '' : ' in equal parts'}` : 'Thompson sampling');

const form = byId('simulation-form', HTMLFormElement), choice = byId('simulation-experiment', HTMLSelectElement);
const rates = byId('simulation-rates', HTMLDivElement), output = byId('simulation-output', HTMLDivElement);
const problem = byId('simulation-error', HTMLParagraphElement);

/** @type {Map<string, Experiment>} */
const experiments = new Map();
/** @type {(() => void) | null} draws the last result again, at another width */
let draw = null;

/** @param {Experiment} experiment @param {number} minor */
const money = ({ currency }, minor) => price(minor, currency, minorDigits(currency));

/** @returns {Experiment} */
const chosen = () => experiments.get(choice.value) ?? EXAMPLE;

/** One field for each arm; at first, the dearer the fewer buy. */
function askForRates() {
  const experiment = chosen();
  const dearer = (/** @type {Arm} */ arm) => experiment.arms.filter((other) => other.price_minor < arm.price_minor).length;
  rates.replaceChildren(...experiment.arms.map((arm) => {
    const value = Math.max(1, 12 - 2 * dearer(arm) - dearer(arm) ** 2);
    return make('label', {}, `${arm.name}, ${money(experiment, arm.price_minor)}`,
      make('span', { class: 'with-unit' }, make('input', { type: 'number', min: 0, max: 100, step: 'any', value, required: true }), '%'));
  }));
}

/** @param {Experiment[]} running */
export function offerExperiments(running) {
  const before = choice.value;
  experiments.clear();
  for (const experiment of [EXAMPLE, ...running]) experiments.set(experiment.name, experiment);
  const options = [...experiments.values()].map(({ name, policy }) => make('option', { value: name }, `${name} (${policy.name})`));
  choice.replaceChildren(...options);
  if (experiments.has(before)) choice.value = before;
  if (choice.value !== before) askForRates();
}

/** @returns {Shoppers} */
function readShoppers() {
  const number = (/** @type {string} */ id) => byId(id, HTMLInputElement).valueAsNumber;
  const horizon = number('simulation-visitors');
  const publish_every = Math.max(1, Math.round(horizon / number('simulation-publications')));
  const fields = [...rates.querySelectorAll('input')];
  return { rates: fields.map((field) => field.valueAsNumber / 100), horizon, publish_every, seed: number('simulation-seed') };
}

/** @param {Experiment} experiment @param {number} regret_minor @returns {string} */
const loss = (experiment, regret_minor) => (experiment.objective === 'conversion'
  ? `${count(regret_minor)} orders` : `${money(experiment, regret_minor)} of ${experiment.objective}`);

/** @param {Experiment} experiment @param {Shoppers} shoppers @param {Checkpoint} last @returns {HTMLTableElement} */
function resultTable(experiment, shoppers, last) {
  const head = ['Arm', 'Price', 'True rate', 'Exposures', 'Orders known', 'Last share'];
  const rows = experiment.arms.map((arm, at) => make('tr', {}, make('th', { scope: 'row' }, arm.name),
    ...[money(experiment, arm.price_minor), percent(shoppers.rates[at]), count(last.exposures[at]), count(last.conversions[at]),
      share(last.shares[at])].map((text) => make('td', { class: 'number' }, text))));
  return make('table', { class: 'compact' }, make('caption', {}, 'After the last publication'),
    make('thead', {}, make('tr', {}, ...head.map((name, at) => make('th', { scope: 'col', class: at > 0 ? 'number' : '' }, name)))),
    make('tbody', {}, ...rows));
}

/** @param {Experiment} experiment @param {Shoppers} shoppers @param {Checkpoint[]} run @param {{ policy: { name: string }, last: Checkpoint }} other */
function show(experiment, shoppers, run, other) {
  const last = run[run.length - 1];
  const lines = experiment.arms.map(({ name }, at) => ({ name, values: run.map(({ shares }) => shares[at] / TOTAL) }));
  const label = `Share of each arm over ${count(last.units)} visitors; at the end ${experiment.arms.map(({ name }, at) => `${name} ${share(last.shares[at])}`).join(', ')}.`;
  const figure = make('figure', {}, make('figcaption', {}, 'Allocation: the share of new visitors that each arm gets'));
  const verdict = make('p', {}, `Against always showing the best price, ${policyName(experiment.policy)} lost `,
    make('strong', {}, loss(experiment, last.regret_minor)), ` in all; ${policyName(other.policy)} would have lost `,
    make('strong', {}, loss(experiment, other.last.regret_minor)), '.');
  output.replaceChildren(verdict, figure, make('div', { class: 'scroll', role: 'region', 'aria-label': 'Result', tabindex: 0 }, resultTable(experiment, shoppers, last)));
  draw = () => {
    figure.querySelector('svg')?.remove();
    const data = { xs: run.map(({ units }) => units), lines, xName: 'visitors', label };
    figure.append(lineChart(data, Math.max(300, output.clientWidth)));
  };
  draw();
}

/** @param {Simulate} simulate */
export function startSimulation(simulate) {
  choice.addEventListener('change', askForRates);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const experiment = chosen(), shoppers = readShoppers();
    const policy = { name: experiment.policy.name === 'fixed' ? 'thompson' : 'fixed' };
    problem.textContent = '';
    try {
      const run = simulate(JSON.stringify(experiment), shoppers);
      const other = simulate(JSON.stringify({ ...experiment, policy }), shoppers);
      show(experiment, shoppers, run, { policy, last: other[other.length - 1] });
    } catch (error) {
      problem.textContent = `This cannot be simulated: ${error instanceof Error ? error.message : error}.`;
    }
  });
  new ResizeObserver(() => draw?.()).observe(output);
  offerExperiments([]);
}
