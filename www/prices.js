/**
 * The table of prices: one row for each item that an experiment prices.
 */
import { make } from './dom.js';
import { price, share, TOTAL } from './format.js';

/** @typedef {{ name: string, price_minor: number, share: number }} Arm */
/** @typedef {{ sku: string, experiment: string, policy: string, catalogue_minor: number, arms: Arm[] }} Item */
/** @typedef {{ arm: string, price_minor: number, propensity: number, holdout: boolean, currency: string, minor_digits: number }} Shown */

/** @param {string} label @param {...(Node | string)} children @returns {HTMLTableCellElement} */
const cell = (label, ...children) => make('td', { role: 'cell', 'data-label': label }, ...children);

/** @param {Arm} arm @param {Shown} shown @returns {HTMLLIElement} */
function bar(arm, shown) {
  const mine = !shown.holdout && arm.name === shown.arm;
  const level = make('span', { class: 'level' });
  level.style.inlineSize = `${(100 * arm.share) / TOTAL}%`;
  return make('li', { class: mine ? 'mine' : '' },
    make('span', { class: 'arm' }, arm.name),
    make('span', { class: 'number' }, price(arm.price_minor, shown.currency, shown.minor_digits)),
    make('span', { class: 'track', 'aria-hidden': 'true' }, level),
    make('span', { class: 'number' }, share(arm.share)));
}

/** @param {Item} item @param {Shown} shown @returns {HTMLTableRowElement} */
function row(item, shown) {
  const money = (/** @type {number} */ minor) => price(minor, shown.currency, shown.minor_digits);
  const row = make('tr', { role: 'row' },
    make('th', { scope: 'row', role: 'rowheader' }, item.sku),
    cell('Experiment', item.experiment),
    cell('Policy', item.policy),
    cell('Catalogue price', make('span', { class: 'number' }, money(item.catalogue_minor))),
    cell('This visitor’s price', make('strong', { class: 'number price' }, money(shown.price_minor))),
    cell('Arm', shown.arm),
    cell('Propensity', make('span', { class: 'number' }, share(shown.propensity))),
    cell('Allocation', make('ul', { class: 'bars', role: 'list' }, ...item.arms.map((arm) => bar(arm, shown)))));
  row.dataset.sku = item.sku;
  row.dataset.priceMinor = String(shown.price_minor);
  return row;
}

/**
 * @param {HTMLTableSectionElement} body
 * @param {{ items(): Item[], decide(unit: string, sku: string): Shown }} preview the core, in wasm
 * @param {string} unit 32 hexadecimal digits
 */
export function showPrices(body, preview, unit) {
  body.replaceChildren(...preview.items().map((item) => row(item, preview.decide(unit, item.sku))));
}
