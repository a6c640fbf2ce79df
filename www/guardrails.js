/** The bounds that no price leaves, as fields of a form and as the API has them. What is missing binds nothing. */
import { major, minorOf, numberField, numberOf, perCent, put, textField, textOf } from './fields.js';
import { guardrails as words } from './words.js';

const AMOUNTS = ['min_price_minor', 'max_price_minor', 'map_minor', 'grid_minor'], PARTS = ['min_margin', 'max_step'];

/** @typedef {Record<string, number | (number | string)[]>} Guardrails */

/** @returns {HTMLElement[]} */
export function guardrailFields() {
  const number = (/** @type {keyof typeof words} */ name) => numberField(`guardrails.${name}`, words[name], { min: 0 });
  return [number('min_price_minor'), number('max_price_minor'), number('map_minor'), number('min_margin'), number('max_step'), number('grid_minor'),
    textField('guardrails.endings', words.endings, { class: 'short' }, words.endingsHelp)];
}

/** @param {ParentNode} form @param {Guardrails} guardrails @param {number} digits of the currency's minor unit */
export function putGuardrails(form, guardrails, digits) {
  for (const name of AMOUNTS) put(form, `guardrails.${name}`, major(/** @type {number} */ (guardrails[name]), digits));
  for (const name of PARTS) put(form, `guardrails.${name}`, perCent(/** @type {number} */ (guardrails[name])));
  put(form, 'guardrails.endings', /** @type {number[] | undefined} */ (guardrails.endings)?.join(', '));
}

/** What is no number stays a text, which the core refuses. @param {ParentNode} form @param {number} digits @returns {Guardrails} */
export function guardrailsOf(form, digits) {
  const endings = textOf(form, 'guardrails.endings').split(/[\s,]+/).filter(Boolean).map((ending) => (/^\d+$/.test(ending) ? Number(ending) : ending));
  const numbers = [...AMOUNTS.map((name) => [name, minorOf(form, `guardrails.${name}`, digits)]), ...PARTS.map((name) => [name, numberOf(form, `guardrails.${name}`, 0.01)])];
  return { ...Object.fromEntries(numbers.filter(([, value]) => value !== null)), ...(endings.length > 0 ? { endings } : {}) };
}
