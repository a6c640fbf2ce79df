/**
 * What will happen, said before it does: in words for shoppers, prices and learning; what is set, before and after; and
 * where it moves shares, as the allocation now beside the next one, which the core computes in wasm.
 */
import { make } from '../dom.js';
import { count, minorDigits, money, percent } from '../format.js';
import { loadLab } from '../lab.js';
import { changes } from '../views/experiment/changes.js';
import { termsOf } from '../views/experiment/terms.js';
import { actions as words } from '../words.js';
import { contentBeside } from './rollback.js';
import { wordsOf } from './said.js';
import { isMoved, sharesTable } from './shares.js';
import { definitionOf, isOfItems } from './task.js';

/** Actions that leave the shares as they are, or that must not wait for a computation. */
const WITHOUT_SHARES = ['stop', 'archive', 'delete', 'set-end'];

/** Most moves in a sentence. */
const MOVES_MAX = 4;

/** What is set has the name that it has in the definition. @type {Record<string, string>} */
const SETS = { 'set-guardrails': 'guardrails', 'set-floor': 'floor', 'set-end': 'end', 'extend-holdout': 'holdout' };

/** @typedef {import('./task.js').Task} Task */

/** @param {Task} task @returns {HTMLElement} */
function meanings(task) {
  const of = wordsOf(task), items = isOfItems(task), shop = task.name ? null : task.evidence;
  const line = (/** @type {string} */ name, /** @type {string} */ text) => make('div', {}, make('dt', {}, name), make('dd', {}, text));
  return make('dl', { class: 'meanings' }, line(words.shoppers, of.shoppers(items, shop)), line(words.prices, of.prices(items, shop)), line(words.learning, of.learning(items, shop)));
}

/** @typedef {import('./shares.js').Row} Row */

/** Writes amounts in the experiment's currency. @param {Task} task @returns {(minor: number) => string} */
function amountOf({ evidence }) {
  const { currency } = evidence.definition;
  return (minor) => money(minor, currency, evidence.minor_digits ?? minorDigits(currency));
}

/** @param {any} next what the core says @param {Task} task @returns {Row[]} in the order of the arms */
function rows({ before, after }, task) {
  const { arms } = definitionOf(task), amount = amountOf(task);
  const names = [...new Set([...before, ...after].map(({ name }) => name))];
  return names.map((name) => {
    const now = before.find((/** @type {any} */ one) => one.name === name), then = after.find((/** @type {any} */ one) => one.name === name);
    const at = arms.findIndex((/** @type {any} */ arm) => arm.name === name);
    const price_minor = (then ?? now).price_minor;
    const color = name === 'holdout' ? 'of-holdout' : `arm-${(at < 0 ? arms.length : at) % 8}`;
    return { name, price: price_minor > 0 ? amount(price_minor) : '', color, now: now?.share ?? 0, next: then?.share ?? 0 };
  });
}

/** @param {Row} row @returns {string} such as `low (+9.0 %)` */
const move = ({ name, now, next }) => `${name} (${next >= now ? '+' : '−'}${percent(Math.abs(next - now))})`;

/** A sentence has room for these; the table has all. @param {string[]} moves the largest first */
const few = (moves) => (moves.length > MOVES_MAX + 1 ? [...moves.slice(0, MOVES_MAX), words.others(moves.length - MOVES_MAX)] : moves);

/** How the shares move. @param {Row[]} all @param {Row | undefined} mine the arm that it is about @returns {string} */
function moves(all, mine) {
  const moved = all.filter(isMoved);
  const others = few(moved.filter((row) => row !== mine).sort((a, b) => Math.abs(b.next - b.now) - Math.abs(a.next - a.now)).map(move));
  if (moved.length === 0) return words.unchanged;
  if (all.every(({ now }) => now === 0)) return words.begins(all.filter(({ next }) => next > 0).map(({ name, next }) => `${name} ${percent(next)}`));
  if (mine && mine.next < mine.now && others.length > 0) return words.moved(mine.name, percent(mine.now), others);
  if (mine && mine.next > mine.now && others.length > 0) return words.enters(mine.name, percent(mine.next), others);
  moved.sort((a, b) => Math.abs(b.next - b.now) - Math.abs(a.next - a.now));
  return words.changes(few(moved.map(move)));
}

/** Arms whose price the new bounds forbid, none of which is live. @param {any} next @returns {{ name: string, price_minor: number }[]} */
const leavers = ({ before, after }) => before.filter((/** @type {any} */ { name, price_minor }) => after.some((/** @type {any} */ one) => one.name === name && one.price_minor !== price_minor));

/** What is set, before and after. @param {Task} task @param {Record<string, any> | null} body null: not known yet @returns {Node[]} */
function settings(task, body) {
  const name = SETS[task.action];
  if (!name || !body) return [];
  const definition = definitionOf(task), known = definition[name] ?? null;
  // One time may be written in two ways.
  const before = name === 'end' && known ? new Date(known).toISOString() : known;
  const lines = changes({ before: { [name]: before }, after: { [name]: body[name] } }, termsOf({ ...task.evidence, currency: definition.currency }));
  if (lines.length === 0) return [make('p', { class: 'help' }, words.same)];
  return [make('ul', { class: 'changes' }, ...lines.map((line) => make('li', {}, line)))];
}

/** What the core says of the next shares, in sentences and as bars. @param {Task} task @param {any} next @param {Record<string, any>} body @returns {Node[]} */
function allocation(task, next, body) {
  const all = rows(next, task), arm = body.arm?.name ?? body.arm, mine = all.find(({ name }) => name === arm);
  const { holdout } = definitionOf(task), said = leavers(next).map(({ name, price_minor }) => words.leaves(name, amountOf(task)(price_minor)));
  if (all.some((row) => Number.isNaN(row.next))) return [make('p', { class: 'sentence' }, [...said, words.drawn].join(' '))];
  if (all.every((row) => row.next === 0)) {
    if (task.action !== 'pause') said.push(words.waits);
    return said.length > 0 ? [make('p', { class: 'sentence' }, said.join(' '))] : [];
  }
  said.push(moves(all, mine));
  if (mine && mine.next < mine.now && mine.price) said.push(words.keep(mine.price));
  if (next.visitors_per_day > 0) said.push(words.visitors(count(next.visitors_per_day)));
  const text = make('p', { class: 'sentence' }, said.join(' '));
  if (!all.some(isMoved)) return [text];
  return [text, sharesTable(all), ...(holdout > 0 ? [make('p', { class: 'help' }, words.outside)] : [])];
}

/**
 * The part of the dialog that says what will happen.
 * @param {Task} task
 * @returns {{ element: HTMLElement, update: (body: Record<string, unknown> | null) => Promise<void>, close: () => void }}
 */
export function outcomeOf(task) {
  const shares = make('div', { class: 'shares', 'aria-live': 'polite' }), set = make('div', { class: 'set', 'aria-live': 'polite' });
  const element = make('section', { class: 'outcome', 'aria-label': words.happens }, make('h3', {}, words.happens), set, shares, meanings(task));
  const isOfShop = task.action === 'rollback', hasShares = isOfShop || (task.name && task.text && !WITHOUT_SHARES.includes(task.action));
  /** @type {Promise<any> | null} */
  let lab = null;
  let isOpen = true, asked = '';

  /** @param {Record<string, unknown>} body @param {string} text the same @returns {Promise<Node[]>} */
  async function found(body, text) {
    if (isOfShop) return contentBeside(task, body);
    lab ??= loadLab().then(({ Lab }) => new Lab(new TextEncoder().encode(task.text)));
    const next = (await lab).next(task.action, text);
    return next.allowed ? allocation(task, next, body) : [make('p', { class: 'problem' }, words.notAllowed(next.why))];
  }

  async function show(/** @type {Record<string, unknown>} */ body) {
    const text = JSON.stringify(body);
    if (text === asked) return;
    asked = text;
    // What stands there is of another publication.
    if (isOfShop || !shares.hasChildNodes()) shares.replaceChildren(make('p', { class: 'help' }, words.loading));
    const nodes = await found(body, text).catch((error) => [make('p', { class: 'problem' }, words.noPreview(error.message))]);
    // Meanwhile something else may have been typed.
    if (isOpen && asked === text) shares.replaceChildren(...nodes);
  }

  return {
    element,
    async update(body) {
      if (!isOpen) return;
      set.replaceChildren(...settings(task, body));
      if (!hasShares) return;
      if (!body) {
        asked = '';
        shares.replaceChildren();
        return;
      }
      await show(body);
    },
    close() {
      isOpen = false;
      lab?.then((one) => one.free(), () => {});
    },
  };
}
