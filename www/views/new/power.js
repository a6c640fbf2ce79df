/** How long it takes: the core's power calculation, live, for the arms and the unit that the form has. */
import { make } from '../../dom.js';
import { numberField, numberOf, put, showRefusal } from '../../fields.js';
import { count, number, percent } from '../../format.js';
import { wizard as words } from '../../words.js';

/** What the core gives for a difference that is not found at all. */
const BEYOND = 10;

export class Power {
  /** @param {import('../../lab.js').Module} lab */
  constructor(lab) {
    this.lab = lab;
    this.answer = make('div', { class: 'takes', role: 'status' });
    this.table = make('div', { class: 'scroll', role: 'region', 'aria-label': words.byArms, tabindex: 0 });
    this.problem = make('p', { class: 'help' });
    this.form = make('div', { class: 'plan' }, make('div', { class: 'fields' }, numberField('effect', words.effect, { min: 0, value: 5 }, words.effectHelp), numberField('days', words.days, { min: 1, value: 28 }),
      make('div', { class: 'fields of-visitors' }, numberField('visitors.rate', words.rate, { min: 0, max: 100, value: 3 }), numberField('visitors.per_day', words.visitors, { min: 1, value: 2000 }, words.visitorsHelp)),
      make('div', { class: 'fields of-clusters' }, numberField('items.count', words.items, { min: 1, step: 1, value: 400 }, words.itemsHelp), numberField('items.cv', words.cv, { min: 0, value: 1.5 }, words.cvHelp),
        numberField('items.correlation', words.correlation, { min: 0, max: 1, value: 0.7 }, words.correlationHelp), numberField('items.past_days', words.past, { min: 1, value: 28 }))));
    this.element = make('section', { class: 'step power' }, make('h2', {}, words.steps.power), this.form, this.answer, this.problem,
      make('details', {}, make('summary', {}, words.byArms), this.table), make('p', { class: 'help' }, words.powerHelp));
  }

  /** What a copied definition tells of it. @param {any} definition */
  fill(definition) {
    if (definition?.start && definition.end) put(this.form, 'days', Math.round((Date.parse(definition.end) - Date.parse(definition.start)) / 86_400_000));
    if (definition?.sample?.positive) put(this.form, 'items.count', definition.sample.positive);
  }

  /** @param {Record<string, any>} definition what the form says now, right or wrong */
  update({ arms, holdout = 0, unit }) {
    const { form } = this, isVisitors = unit === 'visitor', read = (/** @type {string} */ path, times = 1) => numberOf(form, path, times);
    form.querySelector('.of-clusters')?.toggleAttribute('hidden', isVisitors);
    const of = isVisitors ? { visitors: { rate: read('visitors.rate', 0.01), per_day: read('visitors.per_day') } }
      : { items: { count: read('items.count'), cv: read('items.cv'), correlation: read('items.correlation'), past_days: read('items.past_days'), is_redrawn: unit === 'item-period' } };
    const effect = read('effect', 0.01), days = read('days');
    const plan = this.lab.plan(JSON.stringify({ arms: arms.length, holdout: isVisitors ? holdout : 0, effect, days, ...of }));
    const refused = 'error' in plan;
    this.problem.textContent = refused && !showRefusal(form, plan) ? plan.error : '';
    if (!refused) showRefusal(form, null);
    this.answer.hidden = this.table.hidden = refused;
    if (!refused) this.show(plan, effect ?? 0, days ?? 0, isVisitors, arms.length);
  }

  /** @param {any} plan @param {number} effect @param {number} days @param {boolean} isVisitors @param {number} arms */
  show(plan, effect, days, isVisitors, arms) {
    const found = (/** @type {number} */ value) => (value >= BEYOND ? words.beyond : percent(value)), weeks = words.weeksOf(plan.weeks, count(plan.weeks));
    const takes = plan.days === null ? words.neverFound(count(plan.needed)) : isVisitors ? words.takes.visitor(weeks, number(plan.days), count(plan.needed)) : words.takes.item(weeks, number(plan.days));
    const isShort = plan.days === null || plan.days > days;
    this.answer.replaceChildren(make('p', { class: isShort ? 'big bad' : 'big good' }, make('strong', {}, takes), ...(plan.days === null ? [] : [` ${words.needed(percent(effect))}.`])),
      make('p', {}, words.finds(number(days), found(plan.found)), ...(isShort ? [` ${words.tooShort}`] : [])));
    const rows = plan.by_arms.map((/** @type {any} */ row) => make('tr', row.arms === arms ? { 'aria-current': 'true' } : {}, make('th', { scope: 'row' }, count(row.arms)),
      make('td', { class: 'number' }, row.days === null ? words.never : number(row.days)), make('td', { class: 'number' }, found(row.found))));
    this.table.replaceChildren(make('table', { class: 'compact' }, make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, words.armsColumn),
      make('th', { scope: 'col', class: 'number' }, words.daysColumn), make('th', { scope: 'col', class: 'number' }, words.foundColumn))), make('tbody', {}, ...rows)));
  }
}
