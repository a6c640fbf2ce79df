/**
 * Fields of the forms that plan: each has a label, perhaps a line of help, and a line for what is wrong with it. What is
 * wrong says the core, which names a field by its path, such as `arms[1].price_minor`.
 */
import { make } from './dom.js';

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */
/** @typedef {{ field: string, error: string }} Refusal what is wrong, and where; without a path it is of no single field */

let count = 0;

/**
 * A control with its label, under the path by which the core calls it.
 * @param {string} path @param {string} label @param {Control} control @param {string} [help] @returns {HTMLElement}
 */
export function field(path, label, control, help = '') {
  count += 1;
  control.id = `field-${count}`;
  control.dataset.field = path;
  const wrong = make('small', { class: 'wrong-here', id: `wrong-${count}` });
  control.setAttribute('aria-describedby', [wrong.id, help && `help-${count}`].filter(Boolean).join(' '));
  return make('div', { class: 'field' }, make('label', { for: control.id }, label), control,
    ...(help ? [make('small', { class: 'help', id: `help-${count}` }, help)] : []), wrong);
}

/** @param {string} path @param {string} label @param {Record<string, string | number | boolean>} [attributes] @param {string} [help] */
export const textField = (path, label, attributes = {}, help = '') => field(path, label, make('input', { type: 'text', autocomplete: 'off', ...attributes }), help);

/** @param {string} path @param {string} label @param {Record<string, string | number | boolean>} [attributes] @param {string} [help] */
export const numberField = (path, label, attributes = {}, help = '') => field(path, label, make('input', { type: 'number', step: 'any', inputmode: 'decimal', ...attributes }), help);

/** @param {string} path @param {string} label @param {[string, string][]} options value and text @param {string} [help] */
export const choiceField = (path, label, options, help = '') => field(path, label, make('select', {}, ...options.map(([value, text]) => make('option', { value }, text))), help);

/** The control with this path. @param {ParentNode} form @param {string} path @returns {Control | null} */
export const controlOf = (form, path) => form.querySelector(`[data-field="${CSS.escape(path)}"]`);

/** A number as it was typed, times this; null where there is none, which the core refuses. @param {ParentNode} form @param {string} path @param {number} [times] @returns {number | null} */
export function numberOf(form, path, times = 1) {
  const typed = controlOf(form, path)?.value.trim();
  const value = typed ? Number(typed) : NaN;
  // Twelve digits: what a decimal times a power of ten has more is none of its own.
  return Number.isFinite(value) ? Number((value * times).toPrecision(12)) : null;
}

/** An amount in major units as minor ones; what is no whole number of them the core refuses. @param {ParentNode} form @param {string} path @param {number} digits */
export const minorOf = (form, path, digits) => numberOf(form, path, 10 ** digits);

/** @param {ParentNode} form @param {string} path @returns {string} */
export const textOf = (form, path) => controlOf(form, path)?.value.trim() ?? '';

/** Writes a value into a control, if there is one. @param {ParentNode} form @param {string} path @param {unknown} value */
export function put(form, path, value) {
  const control = controlOf(form, path);
  if (control) control.value = value === null || value === undefined ? '' : String(value);
}

/** @param {number | null | undefined} minor @param {number} digits @returns {string} as a control for numbers wants it */
export const major = (minor, digits) => (typeof minor === 'number' ? (minor / 10 ** digits).toFixed(digits) : '');

/** @param {number | null | undefined} share @returns {string | number} in per cent, as a control for numbers wants it */
export const perCent = (share) => (typeof share === 'number' ? Number((share * 100).toFixed(6)) : '');

/** Whether it would be seen if the reader opened what it is folded in. @param {Element} control */
const isFolded = (control) => control.closest('details:not([open])') !== null && control.closest('[hidden]') === null;

/** The control that a path is about, or of as much of it as there is. @param {ParentNode} form @param {string} path */
function nearest(form, path) {
  for (let rest = path; rest; rest = rest.replace(/(\.[^.[]*|\[\d+\]|^[^.[]*)$/, '')) {
    const control = controlOf(form, rest);
    if (control && (control.getClientRects().length > 0 || isFolded(control))) return control;
  }
  return null;
}

/**
 * Says what is wrong at the field that it is about, and nothing at all others.
 * @param {HTMLElement} form @param {Refusal | null} refusal @param {(control: Control) => boolean} [isToBeSaid] not before somebody has been at the field
 * @returns {Control | null} the control, where it was said there
 */
export function showRefusal(form, refusal, isToBeSaid = () => true) {
  const found = refusal ? nearest(form, refusal.field) : null, control = found && isToBeSaid(found) ? found : null;
  for (const other of form.querySelectorAll('[aria-invalid]')) if (other !== control) other.removeAttribute('aria-invalid');
  for (const line of form.querySelectorAll('.wrong-here')) line.textContent = '';
  if (!control || !refusal) return null;
  control.setAttribute('aria-invalid', 'true');
  control.closest('details')?.setAttribute('open', '');
  const line = control.closest('.field')?.querySelector('.wrong-here');
  if (line) line.textContent = refusal.error;
  return control;
}
