/**
 * What the dialog of an action asks for beside who and why, and the fields of the request's body that come of it.
 */
import { make } from '../dom.js';
import { minorDigits, percent } from '../format.js';
import { guardrailFields, guardrailsOf, putGuardrails } from '../guardrails.js';
import { actions as words } from '../words.js';
import { versionText } from './rollback.js';
import { definitionOf } from './task.js';

/**
 * The fields of one action.
 * @typedef {object} Fields
 * @property {Node[]} nodes
 * @property {() => Record<string, unknown> | null} read the body without who and why; null while something is missing
 */

/** A labelled control. @param {string} text @param {HTMLElement} control @param {string} [help] */
export function labelled(text, control, help = '') {
  return make('label', { class: 'field' }, text, control, ...(help ? [make('small', { class: 'help' }, help)] : []));
}

/** @param {Record<string, string | number | boolean>} [attributes] */
const percentInput = (attributes = {}) => make('input', { type: 'number', step: 'any', min: '0', max: '100', required: true, inputmode: 'decimal', ...attributes });

/** States of the arms that an action can be done to. @type {Record<string, string[]>} */
const ARMS_OF = { decide: ['live'], 'pause-arm': ['live'], 'retire-arm': ['live', 'paused'], 'revive-arm': ['paused', 'retired'] };

/** @param {import('./task.js').Task} task @returns {Fields} */
function armFields(task) {
  const { arms, control } = definitionOf(task);
  const allowed = arms.filter((/** @type {any} */ arm) => ARMS_OF[task.action].includes(arm.state ?? 'live') && (task.action === 'decide' || arm.name !== control));
  const wanted = task.arm || (task.action === 'decide' ? task.evidence?.standing?.leader : '') || '';
  const names = allowed.map((/** @type {any} */ arm) => arm.name);
  // What was asked for but is not allowed any more is still named, so that the Worker can say why.
  if (wanted && !names.includes(wanted)) names.unshift(wanted);
  const select = make('select', { required: true }, ...names.map((/** @type {string} */ name) => make('option', { selected: name === wanted }, name)));
  return { nodes: [labelled(words.fields.arm, select)], read: () => (select.value ? { arm: select.value } : null) };
}

/** @param {import('./task.js').Task} task @returns {Fields} */
function newArmFields(task) {
  const { currency, item } = definitionOf(task), digits = task.evidence.minor_digits ?? minorDigits(currency);
  const name = make('input', { required: true, maxlength: 32, pattern: '[a-z0-9\\-]+', autocomplete: 'off', spellcheck: 'false' });
  const step = item ? 10 ** -digits : 0.000001;
  const price = make('input', { type: 'number', step: step.toFixed(item ? digits : 6), min: step.toFixed(item ? digits : 6), required: true, inputmode: 'decimal' });
  const read = () => {
    if (!name.value || !price.validity.valid) return null;
    const value = price.valueAsNumber;
    return { arm: item ? { name: name.value, price_minor: Math.round(value * 10 ** digits) } : { name: name.value, multiplier: value } };
  };
  const priceField = item ? labelled(words.fields.price(currency), price) : labelled(words.fields.multiplier, price, words.fields.multiplierHelp);
  return { nodes: [labelled(words.fields.newArm, name, words.fields.newArmHelp), priceField], read };
}

/** A share in percent under this name in the body. @param {string} name @param {string} text @param {number} now @param {string} [help] @returns {Fields} */
function shareFields(name, text, now, help) {
  const input = percentInput({ value: Number((now * 100).toFixed(4)) });
  return { nodes: [labelled(text, input, help)], read: () => (input.validity.valid ? { [name]: Number((input.valueAsNumber / 100).toFixed(8)) } : null) };
}

/** As the control for local times wants it. @param {number} at_ms */
const local = (at_ms) => new Date(at_ms - new Date(at_ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

/** @param {import('./task.js').Task} task @returns {Fields} */
function endFields(task) {
  const { end } = definitionOf(task), now_ms = task.evidence.now_ms;
  const time = make('input', { type: 'datetime-local', min: local(now_ms), required: true, value: local(end ? Date.parse(end) : now_ms + 14 * 86_400_000) });
  const open = make('input', { type: 'checkbox' });
  const toggle = () => { time.disabled = open.checked; };
  open.addEventListener('change', toggle);
  const read = () => {
    if (open.checked) return { end: null };
    return time.validity.valid ? { end: new Date(time.value).toISOString() } : null;
  };
  return { nodes: [labelled(words.fields.end, time), make('label', { class: 'check' }, open, words.fields.open)], read };
}

/** @param {import('./task.js').Task} task @returns {Fields} */
function boundFields(task) {
  const { currency, guardrails } = definitionOf(task), digits = task.evidence.minor_digits ?? minorDigits(currency);
  const form = make('div', { class: 'bounds' }, make('p', { class: 'help' }, words.fields.bounds(currency)), ...guardrailFields());
  putGuardrails(form, guardrails, digits);
  const isWritten = () => [...form.querySelectorAll('input')].every((input) => !input.validity.badInput);
  return { nodes: [form], read: () => (isWritten() ? { guardrails: guardrailsOf(form, digits) } : null) };
}

/** @param {import('./task.js').Task} task @returns {Fields} */
function versionFields({ versions = [], evidence }) {
  const older = versions.slice(1), now_ms = evidence?.now_ms ?? Date.now();
  const select = make('select', { required: true }, ...older.map((one) => make('option', { value: one.version }, versionText(one, now_ms))));
  return { nodes: [labelled(words.fields.version, select, older.length > 0 ? words.fields.versionHelp : words.fields.noVersion)], read: () => (select.value ? { version: Number(select.value) } : null) };
}

/** What an action asks for. @param {import('./task.js').Task} task @returns {Fields} */
export function fieldsOf(task) {
  const { floor, holdout } = definitionOf(task);
  if (task.action in ARMS_OF) return armFields(task);
  switch (task.action) {
    case 'add-arm': return newArmFields(task);
    case 'set-floor': return shareFields('floor', words.fields.floor, floor);
    case 'extend-holdout': return shareFields('holdout', words.fields.holdout, holdout, words.fields.holdoutHelp(percent(holdout)));
    case 'set-end': return endFields(task);
    case 'set-guardrails': return boundFields(task);
    case 'rollback': return versionFields(task);
    default: return { nodes: [], read: () => ({}) };
  }
}
