/** What is asked for a new experiment, step by step on one page. */
import { make } from '../../dom.js';
import { choiceField, controlOf, field, numberField, put, textField, textOf } from '../../fields.js';
import { minorDigits } from '../../format.js';
import { guardrailFields } from '../../guardrails.js';
import { wizard as words } from '../../words.js';
import { policyLabel } from '../what-if/form.js';
import { Advanced } from './advanced.js';

/** @param {string} title @param {...(Node | string)} nodes */
const step = (title, ...nodes) => make('section', { class: 'step' }, make('h2', {}, title), ...nodes);
/** @param {...Node} nodes */
const row = (...nodes) => make('div', { class: 'fields' }, ...nodes);

export class Form {
  /** @param {string[]} policies all there are @param {any} schema of an experiment file */
  constructor(policies, schema) {
    this.advanced = new Advanced(schema);
    this.arms = make('tbody');
    this.suggest = make('button', { type: 'button', class: 'quiet small' }, words.suggest);
    this.suggested = make('input', { type: 'number', min: 1, max: 12, step: 1, value: 2, 'aria-label': words.suggestCount, class: 'few' });
    this.consequence = make('p', { class: 'notice consequence' });
    const { question, goods, who, rule } = words.steps;
    this.element = make('form', { class: 'wizard', novalidate: true },
      step(question, row(textField('name', words.name, { maxlength: 32, spellcheck: 'false' }, words.nameHelp), textField('author', words.author, { maxlength: 200, autocomplete: 'name' }),
        choiceField('objective', words.objective, [['profit', 'Profit'], ['revenue', 'Revenue'], ['conversion', 'Orders']]), textField('currency', words.currency, { maxlength: 3, class: 'short', spellcheck: 'false' })),
      field('hypothesis', words.hypothesis, make('textarea', { maxlength: 2000, rows: 3 }), words.hypothesisHelp),
      textField('document', words.document, { type: 'url', maxlength: 500, placeholder: 'https://', class: 'wide' }, words.documentHelp)),
      step(goods, ...this.goods()),
      step(words.arms, ...this.prices()),
      step(who, row(choiceField('unit', words.unit, Object.entries(words.units))), this.consequence,
        make('div', { class: 'fields of-periods' }, numberField('period_hours', words.period, { min: 1, max: 672, step: 1 }), numberField('washout_hours', words.washout, { min: 0, step: 1 }, words.washoutHelp)),
        row(make('div', { class: 'of-visitors' }, numberField('holdout', words.holdout, { min: 0, max: 50 }, words.holdoutHelp)), numberField('floor', words.floor, { min: 0, max: 50 }, words.floorHelp))),
      step(rule, row(choiceField('policy.name', words.policy, policies.map((name) => [name, policyLabel(name)])), numberField('reward_window_hours', words.window, { min: 1, max: 90 })),
      this.advanced.note,
      row(textField('start', words.start, { type: 'date' }), textField('end', words.end, { type: 'date' }), numberField('stop.min_weeks', words.weeks, { min: 0, max: 52, step: 1 }, words.weeksHelp),
        numberField('stop.expected_loss_minor', words.loss, { min: 0 }, words.lossHelp)),
      this.advanced.element));
    const policy = controlOf(this.element, 'policy.name');
    policy?.setAttribute('aria-describedby', `${policy.getAttribute('aria-describedby')} ${this.advanced.note.id}`);
  }

  goods() {
    const kind = (/** @type {'item' | 'scope'} */ value) => make('label', { class: 'check' }, make('input', { type: 'radio', name: 'goods', value, checked: value === 'item' }), words.goods[value]);
    const amount = (/** @type {string} */ path, /** @type {string} */ label, help = '') => numberField(path, label, { min: 0 }, help);
    return [make('div', { class: 'choices', role: 'radiogroup', 'aria-label': words.steps.goods }, kind('item'), kind('scope')),
      make('div', { class: 'fields of-item' }, textField('item.sku', words.sku, { maxlength: 64, spellcheck: 'false' }, words.skuHelp), amount('item.price_minor', words.catalogue),
        amount('item.cost_minor', words.cost, words.costHelp), numberField('item.tax_rate', words.tax, { min: 0, max: 100 }, words.taxHelp)),
      make('div', { class: 'of-scope' }, row(choiceField('which', words.which, Object.entries(words.whichOptions))),
        make('div', { class: 'of-items' }, field('scope.items', words.skus, make('textarea', { rows: 3, spellcheck: 'false' }), words.skusHelp)),
        make('div', { class: 'of-where' }, field('scope.where', words.where, make('textarea', { rows: 3, spellcheck: 'false' }), words.whereHelp)),
        row(numberField('sample.positive', words.positive, { min: 1, step: 1 }, words.positiveHelp), numberField('sample.negative', words.negative, { min: 0, step: 1 }, words.negativeHelp))),
      make('details', {}, make('summary', {}, words.guardrails), row(...guardrailFields()))];
  }

  prices() {
    const add = make('button', { type: 'button', class: 'quiet small' }, words.add);
    add.addEventListener('click', () => { this.addArm('', '').querySelector('input')?.focus(); this.changed(); });
    this.priceHead = make('th', { scope: 'col' }, words.armPrice);
    return [make('div', { class: 'scroll', role: 'region', 'aria-label': words.arms, tabindex: 0 }, make('table', { class: 'compact arms-form' },
      make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, words.arm), this.priceHead, make('th', { scope: 'col' }, make('span', { class: 'unseen' }, words.remove)))), this.arms)),
    make('div', { class: 'actions' }, add, make('span', { class: 'actions of-item' }, this.suggested, this.suggest))];
  }

  /** The first row is the control. @param {string} name @param {string | number} price in major units, or a multiple @returns {HTMLElement} */
  addArm(name, price) {
    const isControl = this.arms.rows.length === 0;
    const remove = make('button', { type: 'button', class: 'quiet small', 'aria-label': words.remove }, '×');
    const line = make('tr', {}, make('td', {}, textField('', words.arm, { maxlength: 32, value: name, spellcheck: 'false' })),
      make('td', {}, numberField('', words.armPrice, { min: 0, value: price, readonly: isControl })), make('td', {}, isControl ? make('span', { class: 'badge' }, words.control) : remove));
    remove.addEventListener('click', () => { line.remove(); this.changed(); });
    this.arms.append(line);
    this.number();
    return line;
  }

  /** Rows have the paths of their places. */
  number() {
    const price = this.isItem ? 'price_minor' : 'multiplier';
    [...this.arms.rows].forEach((line, at) => line.querySelectorAll('input').forEach((input, which) => { input.dataset.field = `arms[${at}].${which ? price : 'name'}`; }));
  }

  changed() {
    this.number();
    this.element.dispatchEvent(new Event('filled'));
  }

  get isItem() {
    return /** @type {HTMLInputElement} */ (this.element.querySelector('[name="goods"][value="item"]')).checked;
  }

  set isItem(is) {
    /** @type {HTMLInputElement} */ (this.element.querySelector(`[name="goods"][value="${is ? 'item' : 'scope'}"]`)).checked = true;
  }

  get suggestCount() {
    return Math.max(1, Math.min(12, this.suggested.valueAsNumber || 2));
  }

  get digits() {
    try { return minorDigits(textOf(this.element, 'currency')); } catch { return 2; }
  }

  /** Prices in minor units instead of those that stand there. @param {number[]} prices */
  takePrices(prices) {
    while (this.arms.rows.length > 1) this.arms.rows[1].remove();
    for (const price of prices) this.addArm(`at-${price}`, (price / 10 ** this.digits).toFixed(this.digits));
    this.changed();
  }

  /** Shows what goes with what was chosen. */
  adjust() {
    const { element: form, isItem } = this, unit = isItem ? 'visitor' : textOf(form, 'unit'), which = textOf(form, 'which');
    const show = (/** @type {string} */ name, /** @type {boolean} */ is) => form.querySelectorAll(`.${name}`).forEach((part) => { part.toggleAttribute('hidden', !is); });
    show('of-item', isItem);
    show('of-scope', !isItem);
    show('of-items', which === 'items');
    show('of-where', which === 'where');
    show('of-periods', unit === 'item-period');
    show('of-visitors', unit === 'visitor');
    const units = /** @type {HTMLSelectElement} */ (controlOf(form, 'unit'));
    for (const option of units.options) option.disabled = isItem && option.value !== 'visitor';
    if (isItem) units.value = 'visitor';
    this.advanced.adjust(form);
    this.consequence.textContent = words.consequences[/** @type {'visitor'} */ (unit)] ?? '';
    if (this.priceHead) this.priceHead.textContent = isItem ? words.armPrice : words.times;
    this.number();
    put(form, isItem ? 'arms[0].price_minor' : 'arms[0].multiplier', isItem ? textOf(form, 'item.price_minor') : 1);
  }
}
