/** What is asked for a simulation: prices, a guess at the demand, traffic, and policies. */
import { make } from '../../dom.js';
import { choiceField, major, minorOf, numberField, numberOf, perCent, put, textField, textOf } from '../../fields.js';
import { minorDigits } from '../../format.js';
import { experiment as experimentWords, whatIf as words } from '../../words.js';

/** @typedef {{ name: string, price_minor: number, exposures?: number, orders?: number, rate?: number | null }} KnownArm */
/** @typedef {{ name: string, objective: string, currency: string, control: string, item: any, arms: KnownArm[] }} Known an experiment to begin with */

/** What can be tried at once. @type {Known} */
const EXAMPLE = { name: '', objective: 'profit', currency: 'EUR', item: { price_minor: 1900, cost_minor: 800 },
  control: 'list', arms: [{ name: 'list', price_minor: 1900 }, { name: 'low', price_minor: 1650 }, { name: 'high', price_minor: 2190 }] };

/** Compared where nothing else is chosen. */
const FIRST = ['thompson', 'top_two_thompson', 'fixed'];

/** Needs a stock, which is not asked for here. */
const LEFT_OUT = 'inventory_thompson';

/** @param {string} name of a policy */
export const policyLabel = (name) => /** @type {Record<string, string>} */ (experimentWords.policies)[name] ?? name.replaceAll('_', ' ');

export class Form {
  /** @param {Known[]} experiments @param {string[]} policies all there are */
  constructor(experiments, policies) {
    this.experiments = experiments;
    this.digits = 2;
    this.arms = make('tbody');
    this.aside = make('div', { class: 'aside' });
    const offered = policies.filter((name) => name !== LEFT_OUT);
    const sorted = [...FIRST, ...offered.filter((name) => !FIRST.includes(name))];
    this.policies = make('fieldset', { class: 'policies' }, make('legend', {}, words.policies), ...sorted.map((name) => make('label', { class: 'check' },
      make('input', { type: 'checkbox', name: 'policy', value: name, checked: FIRST.includes(name) }), policyLabel(name))));
    this.element = make('form', { class: 'what-if', novalidate: true }, this.prices(), this.demand(), this.traffic(),
      make('section', {}, make('h2', {}, words.compare), make('p', { class: 'help' }, words.compareHelp), this.policies,
        make('div', { class: 'fields' }, numberField('runs', words.runs, { min: 1, max: 1000, step: 1, value: 10 }, words.runsHelp),
          numberField('seed', words.seed, { min: 0, max: 4294967295, step: 1, value: 1 }, words.seedHelp))));
    this.element.addEventListener('change', () => this.adjust());
  }

  prices() {
    const from = choiceField('from', words.from, [['', words.example], ...this.experiments.map(({ name }) => /** @type {[string, string]} */ ([name, name]))], words.fromHelp);
    const add = make('button', { type: 'button', class: 'quiet small' }, words.addArm);
    add.addEventListener('click', () => { this.addArm({ name: '', price_minor: null }).querySelector('input')?.focus(); this.changed(); });
    from.addEventListener('change', () => this.start(textOf(this.element, 'from')));
    const heads = [words.arm, words.price, words.rate, ''].map((text, at) => make('th', { scope: 'col', class: at === 2 ? 'of-rate' : '' }, at < 3 ? text : make('span', { class: 'unseen' }, words.remove)));
    return make('section', {}, make('h2', {}, words.prices), from,
      make('div', { class: 'fields' }, choiceField('objective', words.objective, Object.entries(words.objectives)),
        textField('currency', words.currency, { maxlength: 3, class: 'short', spellcheck: 'false' }), numberField('cost_minor', words.cost, { min: 0 }, words.costHelp),
        numberField('tax_rate', words.tax, { min: 0, max: 100 }, words.taxHelp)),
      make('div', { class: 'scroll', role: 'region', 'aria-label': words.prices, tabindex: 0 },
        make('table', { class: 'compact arms-form' }, make('thead', {}, make('tr', {}, ...heads)), this.arms)), add);
  }

  demand() {
    const way = (/** @type {string} */ value, /** @type {string} */ text, /** @type {boolean} */ checked) => make('label', { class: 'check' }, make('input', { type: 'radio', name: 'way', value, checked }), text);
    this.guess = make('div', { class: 'fields' }, numberField('demand.rate', words.buy, { min: 0, max: 100, value: 3 }), numberField('demand.price_minor', words.at, { min: 0 }),
      numberField('demand.elasticity', words.fewer, { min: 0, max: 20, value: 2.5 }, words.fewerHelp));
    return make('section', { class: 'demand' }, make('div', {}, make('h2', {}, words.demand),
      make('div', { role: 'radiogroup', 'aria-label': words.demand }, way('curve', words.oneCurve, true), way('rates', words.ownRates, false)), this.guess), this.aside);
  }

  traffic() {
    return make('section', {}, make('h2', {}, words.traffic), make('div', { class: 'fields' },
      numberField('visitors_per_day', words.visitors, { min: 1, step: 1, value: 800 }), numberField('days', words.days, { min: 1, max: 365, step: 1, value: 28 }),
      numberField('delay_days', words.delay, { min: 0, max: 90, value: 0 }, words.delayHelp), numberField('publications_per_day', words.publications, { min: 1, max: 1440, step: 1, value: 24 }),
      numberField('floor', words.floor, { min: 0, max: 50, value: 2 }), numberField('holdout', words.holdout, { min: 0, max: 50, value: 10 }, words.holdoutHelp)));
  }

  /** @param {{ name: string, price_minor: number | null, rate?: number | null }} arm @returns {HTMLElement} */
  addArm({ name, price_minor, rate = null }) {
    const cell = (/** @type {HTMLElement} */ made) => make('td', {}, made);
    const remove = make('button', { type: 'button', class: 'quiet small', 'aria-label': words.remove }, '×');
    const row = make('tr', {}, cell(textField('', words.arm, { maxlength: 32, value: name, spellcheck: 'false' })), cell(numberField('', words.price, { min: 0, value: major(price_minor, this.digits) })),
      make('td', { class: 'of-rate' }, numberField('', words.rate, { min: 0, max: 100, value: perCent(rate) })), make('td', {}, remove));
    remove.addEventListener('click', () => { row.remove(); this.changed(); });
    this.arms.append(row);
    this.number();
    return row;
  }

  /** Rows have the paths of their places. */
  number() {
    [...this.arms.rows].forEach((row, at) => row.querySelectorAll('input').forEach((input, which) => { input.dataset.field = `arms[${at}].${['name', 'price_minor', 'rate'][which]}`; }));
  }

  changed() {
    this.number();
    this.element.dispatchEvent(new Event('filled'));
  }

  get hasRates() {
    return /** @type {HTMLInputElement} */ (this.element.querySelector('[name="way"][value="rates"]')).checked;
  }

  adjust() {
    if (this.guess) this.guess.hidden = this.hasRates;
    this.element.classList.toggle('has-rates', this.hasRates);
    try { this.digits = minorDigits(textOf(this.element, 'currency')); } catch { /* No currency: the core says so. */ }
  }

  /** Begins with an experiment that is there, or with the example. @param {string} name */
  start(name) {
    const { objective, currency, item, control, arms } = this.experiments.find((one) => one.name === name) ?? EXAMPLE;
    this.digits = minorDigits(currency);
    for (const [path, value] of /** @type {[string, unknown][]} */ ([['from', name], ['objective', objective], ['currency', currency], ['cost_minor', major(item.cost_minor, this.digits)],
      ['tax_rate', perCent(item.tax_rate)], ['demand.price_minor', major(item.price_minor, this.digits)]])) put(this.element, path, value);
    this.arms.replaceChildren();
    const sorted = [...arms].sort((one, other) => Number(other.name === control) - Number(one.name === control));
    // What was counted of every arm is a better guess than any curve.
    const isCounted = sorted.every(({ orders = 0 }) => orders > 0);
    for (const { name: arm, price_minor, rate } of sorted) this.addArm({ name: arm, price_minor, rate: isCounted ? Number((rate ?? 0).toFixed(6)) : null });
    const way = this.element.querySelector(`[name="way"][value="${isCounted ? 'rates' : 'curve'}"]`);
    if (way instanceof HTMLInputElement) way.checked = true;
    this.adjust();
    this.changed();
  }

  /** @returns {{ scenario: any, policies: string[], seed: number, runs: number }} */
  read() {
    const { element: form, digits, hasRates } = this, share = (/** @type {string} */ path) => numberOf(form, path, 0.01);
    const arms = [...this.arms.rows].map((_, at) => ({ name: textOf(form, `arms[${at}].name`), price_minor: minorOf(form, `arms[${at}].price_minor`, digits),
      ...(hasRates ? { rate: share(`arms[${at}].rate`) } : {}) }));
    const numbers = Object.fromEntries(['visitors_per_day', 'days', 'delay_days', 'publications_per_day'].map((path) => [path, numberOf(form, path)]));
    const demand = { rate: share('demand.rate'), price_minor: minorOf(form, 'demand.price_minor', digits), elasticity: numberOf(form, 'demand.elasticity') };
    const scenario = { objective: textOf(form, 'objective'), currency: textOf(form, 'currency'), cost_minor: minorOf(form, 'cost_minor', digits), tax_rate: share('tax_rate'),
      arms, ...(hasRates ? {} : { demand }), ...numbers, floor: share('floor'), holdout: share('holdout') };
    const policies = [...form.querySelectorAll('[name="policy"]:checked')].map((box) => /** @type {HTMLInputElement} */ (box).value);
    return { scenario, policies, seed: numberOf(form, 'seed') ?? -1, runs: numberOf(form, 'runs') ?? 0 };
  }

  /** What is wrong with how often it is to run, in words; empty where nothing is. */
  refusal() {
    const { seed, runs } = this.read();
    if (!Number.isInteger(runs) || runs < 1 || runs > 1000) return words.runsAllowed;
    return Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32 ? '' : words.seedAllowed;
  }
}
