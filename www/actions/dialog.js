/**
 * The dialog of an intervention. It keeps the keyboard inside, closes on Escape, and gives the focus back to where it
 * was. What the Worker refuses is said inside, in the Worker's words, and nothing that was typed is lost. Once it is
 * closed nothing is sent any more; where what was sent before may have been done, that is said.
 */
import { ApiError, Wish, change, token } from '../api.js';
import { make } from '../dom.js';
import { dateTime } from '../format.js';
import { markText } from '../views/experiment/timeline.js';
import { actions as words } from '../words.js';
import { fieldsOf, labelled } from './fields.js';
import { notify } from './notice.js';
import { outcomeOf } from './outcome.js';
import { wordsOf } from './said.js';
import { changeOf, evidenceOf } from './task.js';

/** Who acts, remembered in this tab. */
const BY = 'haggle_by';

/** What is hard or impossible to take back, or takes prices from the shop: its button says so by its colour, too. */
const DANGEROUS = ['stop', 'retire-arm', 'archive', 'delete'];

/** Milliseconds after the last key until what will happen is computed anew. */
const TYPING_MS = 120;

/** @typedef {import('./task.js').Task} Task */
/** What was done, and what the Worker said. @typedef {{ task: Task, body: Record<string, any>, answer: any }} Done */

/** Who and why. Where Cloudflare Access stands before the Worker it names the person, and nobody is asked. @param {Task} task */
function signature(task) {
  const reason = make('input', { required: true, maxlength: 500, autocomplete: 'off', value: wordsOf(task).reason });
  const by = make('input', { maxlength: 64, autocomplete: 'name', value: sessionStorage.getItem(BY) ?? '' }), name = labelled(words.who, by, words.whoHelp);
  /** Another credential may have come while it was open. */
  const adjust = () => { by.required = token() !== ''; name.hidden = !by.required; };
  const read = () => {
    if (by.required) sessionStorage.setItem(BY, by.value.trim());
    return { ...(by.required ? { by: by.value.trim() } : {}), reason: reason.value.trim() };
  };
  adjust();
  return { nodes: [labelled(words.reason, reason, words.reasonHelp), name], read, adjust, missing: [by, reason].find((input) => input.required && !input.value) };
}

/** What others did since somebody looked. @param {Task} task @returns {Promise<{ text: string, lines: string[] }>} */
async function lookAgain(task) {
  const text = await evidenceOf(task.name), now = JSON.parse(text);
  const seen_ms = task.evidence.interventions.at(-1)?.at_ms ?? 0;
  const newer = now.interventions.filter((/** @type {any} */ one) => one.at_ms > seen_ms);
  const lines = newer.map((/** @type {any} */ one) => `${dateTime(one.at_ms)} · ${markText(one)}`);
  return { text, lines };
}

/**
 * Opens the dialog, and waits until it is done or left.
 * @param {Task} task
 * @returns {Promise<Done | null>} null where the person left it
 */
export function openDialog(task) {
  const opener = document.activeElement;
  const dialog = make('dialog', { class: 'action', 'aria-labelledby': 'action-title' });
  document.body.append(dialog);
  return new Promise((resolve) => {
    /** @type {Done | null} */
    let done = null;
    const finish = (/** @type {Done} */ what) => {
      done = what;
      dialog.close();
    };
    const { first, close } = fill(dialog, task, finish);
    dialog.addEventListener('close', () => {
      close();
      dialog.remove();
      // The live page may have drawn the button anew meanwhile.
      const back = opener instanceof HTMLElement && opener.isConnected ? opener : document.querySelector('main');
      if (back instanceof HTMLElement) back.focus();
      resolve(done);
    });
    dialog.showModal();
    first.focus();
  });
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Task} looked
 * @param {(done: Done) => void} finish
 * @returns {{ first: HTMLElement, close: () => void }} where the keyboard begins, and what stops what was begun
 */
function fill(dialog, looked, finish) {
  const of = wordsOf(looked);
  const fields = fieldsOf(looked), signed = signature(looked);
  const wish = new Wish(), closing = new AbortController();
  let task = looked, outcome = outcomeOf(task), timer = 0;
  const problem = make('div', { class: 'problem', role: 'alert' });
  const cancel = make('button', { type: 'button', class: 'quiet' }, words.cancel);
  const confirm = make('button', { type: 'submit', class: DANGEROUS.includes(looked.action) ? 'danger' : '' }, of.confirm);
  const asked = make('div', { class: 'fields' }, ...fields.nodes);
  const form = make('form', {},
    make('h2', { id: 'action-title' }, `${of.title} ${looked.name || words.shop}`), asked,
    outcome.element, make('div', { class: 'signature' }, ...signed.nodes), problem, make('div', { class: 'buttons' }, cancel, confirm));
  dialog.replaceChildren(form);
  const update = () => outcome.update(fields.read());

  /** @param {boolean} isBusy */
  const setBusy = (isBusy) => {
    confirm.disabled = isBusy;
    confirm.textContent = isBusy ? words.busy : of.confirm;
    form.setAttribute('aria-busy', String(isBusy));
  };
  async function send(/** @type {Record<string, unknown>} */ own) {
    const body = { ...signed.read(), ...own }, { method, path, body: sent, etag } = changeOf(task, body);
    setBusy(true);
    problem.replaceChildren();
    try {
      finish({ task, body, answer: await change(method, path, sent, { signal: closing.signal, wish, ...(etag ? { etag } : {}) }) });
    } catch (error) {
      if (closing.signal.aborted) return;
      setBusy(false);
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 412) await showChange().catch(refuse);
      else refuse(error);
    }
  }
  function refuse(/** @type {ApiError} */ error) {
    confirm.disabled = false;
    if (error.status === 0) confirm.textContent = words.retry;
    signed.adjust();
    problem.replaceChildren(make('p', {}, error.status === 0 ? words.lost : error.message));
    confirm.focus();
  }
  /** Somebody else was quicker: what they did, and the same dialog about what is there now. */
  async function showChange() {
    confirm.disabled = true;
    const { text, lines } = await lookAgain(task);
    const again = make('button', { type: 'button' }, words.lookAgain);
    problem.replaceChildren(make('p', {}, words.changed), make('p', {}, words.since), make('ul', {}, ...lines.map((line) => make('li', {}, line))), again);
    again.addEventListener('click', () => {
      task = { ...task, text, evidence: JSON.parse(text) };
      outcome.close();
      const newer = outcomeOf(task);
      outcome.element.replaceWith(newer.element);
      outcome = newer;
      problem.replaceChildren();
      confirm.disabled = false;
      void update();
      confirm.focus();
    });
    again.focus();
  }

  form.addEventListener('input', (event) => {
    if (!(event.target instanceof Node && asked.contains(event.target))) return;
    clearTimeout(timer);
    timer = window.setTimeout(update, TYPING_MS);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const own = fields.read();
    if (own && !confirm.disabled) void send(own);
  });
  cancel.addEventListener('click', () => dialog.close());
  void update();
  const first = /** @type {HTMLElement | null} */ (asked.querySelector('input, select')) ?? signed.missing ?? confirm;
  const close = () => {
    clearTimeout(timer);
    outcome.close();
    closing.abort();
    if (wish.unknown > 0) notify(words.perhaps(`${of.title} ${looked.name || words.shop}`), null, 'wrong');
  };
  return { first, close };
}
