/**
 * A new experiment, on one page: what is typed is an experiment file at every moment, checked by the core as it is typed.
 * `?from=NAME` copies one that is there, `?edit=NAME` goes on with a draft.
 */
import { getJson, getTagged } from '../api.js';
import { make } from '../dom.js';
import { put, showRefusal, textOf } from '../fields.js';
import { loadLab } from '../lab.js';
import { wizard as words } from '../words.js';
import { fill, read } from './new/definition.js';
import { File } from './new/file.js';
import { Form } from './new/form.js';
import { Power } from './new/power.js';

/** Milliseconds after the last key until it is checked. */
const TYPING_MS = 100;

/** @param {HTMLElement} place @param {import('../app.js').Opening} opening */
export async function open(place, { query, signal }) {
  const [{ experiments }, schema, lab] = await Promise.all([getJson('/haggle/v1/experiments', { signal }), getJson('/experiment.schema.json', { signal }), loadLab()]);
  const edited = query.get('edit') ?? '', from = query.get('from') ?? '';
  const draft = edited ? await getTagged(`/haggle/v1/experiments/${encodeURIComponent(edited)}`, { signal }) : null;
  const form = new Form(lab.policyNames(), schema), power = new Power(lab), file = new File(lab);
  /** What stands in the file that was copied and is not asked for here. */
  let base = /** @type {Record<string, any>} */ ({});
  const copy = make('select', { 'aria-label': words.copy }, make('option', { value: '' }, words.copyNone), ...experiments.map((/** @type {any} */ { name }) => make('option', { value: name }, name)));
  place.append(make('h1', {}, draft ? words.titleOf(edited) : words.title), make('p', { class: 'lead' }, words.lead),
    ...(draft ? [] : [make('p', { class: 'copy' }, make('label', {}, words.copy, copy))]), form.element);
  form.element.append(power.element, file.element);

  /** Fields where somebody has been: only there is anything wrong before it is to be saved. @type {Set<Element>} */
  const visited = new Set();
  const isTaken = (/** @type {string} */ name) => name !== edited && experiments.some((/** @type {any} */ one) => one.name === name);

  /** @param {boolean} isAsked whether everything is to be said, wherever somebody has been @returns {Record<string, any> | null} the definition, where it can run */
  const look = (isAsked = false) => {
    form.adjust();
    const definition = read(form, base), text = JSON.stringify(definition);
    const refusal = isTaken(definition.name) ? { field: 'name', error: words.taken(definition.name) } : lab.check(text);
    const control = showRefusal(form.element, refusal, (control) => isAsked || visited.has(control));
    power.update(definition);
    file.update(refusal ? null : text, isAsked || visited.size > 0 ? refusal?.error ?? '' : '', definition.name);
    if (isAsked) (control ?? (refusal && file.element))?.scrollIntoView({ block: 'center' });
    if (isAsked && control) control.focus({ preventScroll: true });
    return refusal ? null : definition;
  };
  /** @param {string} name of what is copied, or gone on with */
  const take = (name) => {
    const definition = draft?.json.definition ?? experiments.find((/** @type {any} */ one) => one.name === name)?.definition;
    base = definition ?? {};
    fill(form, definition ?? null, draft ? edited : '');
    power.fill(definition ?? null);
    visited.clear();
    look();
  };

  let typing = 0;
  form.element.addEventListener('input', ({ target }) => {
    if (target instanceof Element && textOf(form.element, 'name')) visited.add(target);
    clearTimeout(typing);
    typing = window.setTimeout(look, TYPING_MS);
  });
  form.element.addEventListener('change', ({ target }) => {
    if (target instanceof Element) visited.add(target);
    look();
  });
  form.element.addEventListener('filled', () => look());
  form.suggest.addEventListener('click', () => {
    const found = lab.suggestPrices(JSON.stringify(read(form, base)), form.suggestCount);
    if ('error' in found) showRefusal(form.element, found);
    else form.takePrices(Array.from(found));
  });
  form.element.addEventListener('submit', (event) => {
    event.preventDefault();
    const definition = look(true);
    if (definition) file.store(definition, draft?.etag ?? '', signal);
  });
  copy.addEventListener('change', () => take(copy.value));
  signal.addEventListener('abort', () => clearTimeout(typing));
  copy.value = from;
  put(form.element, 'end', '');
  take(from);
}
