/**
 * What will happen, said before it does: in words for shoppers, prices and learning, and where it moves shares, as the
 * allocation now beside the next one, which the core computes in wasm.
 */
import { make } from '../dom.js';
import { count, minorDigits, money, percent } from '../format.js';
import { loadLab } from '../lab.js';
import { actions as words } from '../words.js';
import { definitionOf, isOfItems } from './task.js';

/** Actions that leave the shares as they are, or that must not wait for a computation. */
const WITHOUT_SHARES = ['stop', 'archive', 'delete', 'set-end'];

/** Smaller moves than this are not worth a word. */
const MOVE_MIN = 0.0005;

/** @typedef {import('./task.js').Task} Task */

/** @param {Task} task @returns {HTMLElement} */
function meanings(task) {
  const of = /** @type {any} */ (words.of)[task.action], items = isOfItems(task);
  const line = (/** @type {string} */ name, /** @type {string} */ text) => make('div', {}, make('dt', {}, name), make('dd', {}, text));
  return make('dl', { class: 'meanings' }, line(words.shoppers, of.shoppers(items)), line(words.prices, of.prices(items)), line(words.learning, of.learning(items)));
}

/** One arm's share now and next. @typedef {{ name: string, price: string, color: string, now: number, next: number }} Row */

/** @param {any} next what the core says @param {Task} task @returns {Row[]} in the order of the arms */
function rows({ before, after }, task) {
  const { currency, arms } = definitionOf(task), digits = task.evidence.minor_digits ?? minorDigits(currency);
  const names = [...new Set([...before, ...after].map(({ name }) => name))];
  return names.map((name) => {
    const now = before.find((/** @type {any} */ one) => one.name === name), then = after.find((/** @type {any} */ one) => one.name === name);
    const at = arms.findIndex((/** @type {any} */ arm) => arm.name === name);
    const price_minor = (then ?? now).price_minor;
    const color = name === 'holdout' ? 'of-holdout' : `arm-${(at < 0 ? arms.length : at) % 8}`;
    return { name, price: price_minor > 0 ? money(price_minor, currency, digits) : '', color, now: now?.share ?? 0, next: then?.share ?? 0 };
  });
}

/** @param {number} share @param {string} kind @returns {HTMLElement} */
function bar(share, kind) {
  const level = make('span', { class: `level ${kind}` });
  level.style.inlineSize = `${share * 100}%`;
  return make('span', { class: 'track' }, level);
}

/** @param {Row[]} all @returns {HTMLElement} */
function table(all) {
  const head = [words.arm, words.price, words.share, words.now, words.next];
  return make('table', { class: 'next-shares' },
    make('caption', { class: 'unseen' }, words.table),
    make('thead', {}, make('tr', {}, ...head.map((text, at) => make('th', { scope: 'col', class: at === 2 ? 'both' : at ? 'number' : '' }, text)))),
    make('tbody', {}, ...all.map(({ name, price, color, now, next }) => make('tr', { class: color },
      make('th', { scope: 'row' }, name), make('td', { class: 'number' }, price),
      make('td', { class: 'both' }, make('span', { 'aria-hidden': 'true' }, bar(now, 'before'), bar(next, 'after'))),
      make('td', { class: 'number' }, percent(now)), make('td', { class: 'number next' }, percent(next))))));
}

/** @param {Row} row */
const isMoved = ({ now, next }) => Math.abs(next - now) >= MOVE_MIN;

/** @param {Row} row @returns {string} such as `low (+9.0 %)` */
const move = ({ name, now, next }) => `${name} (${next >= now ? '+' : '−'}${percent(Math.abs(next - now))})`;

/** How the shares move. @param {Row[]} all @param {Row | undefined} mine the arm that it is about @returns {string} */
function moves(all, mine) {
  const moved = all.filter(isMoved);
  const others = moved.filter((row) => row !== mine).sort((a, b) => Math.abs(b.next - b.now) - Math.abs(a.next - a.now)).map(move);
  if (moved.length === 0) return words.unchanged;
  if (all.every(({ now }) => now === 0)) return words.begins(all.filter(({ next }) => next > 0).map(({ name, next }) => `${name} ${percent(next)}`));
  if (mine && mine.next < mine.now && others.length > 0) return words.moved(mine.name, percent(mine.now), others);
  if (mine && mine.next > mine.now && others.length > 0) return words.enters(mine.name, percent(mine.next), others);
  return words.changes(moved.map(move));
}

/** What the core says of the next shares, in sentences and as bars. @param {Task} task @param {any} next @param {Record<string, any>} body @returns {Node[]} */
function allocation(task, next, body) {
  const all = rows(next, task), arm = body.arm?.name ?? body.arm, mine = all.find(({ name }) => name === arm);
  const holdout = definitionOf(task).holdout ?? 0.1, said = [];
  if (all.some((row) => Number.isNaN(row.next))) return [make('p', { class: 'sentence' }, words.drawn)];
  if (body.holdout !== undefined) said.push(words.holdoutGrows(percent(holdout), percent(body.holdout)));
  if (all.every((row) => row.next === 0)) return task.action === 'pause' ? [] : [make('p', { class: 'sentence' }, words.waits)];
  said.push(moves(all, mine));
  if (mine && mine.next < mine.now && mine.price) said.push(words.keep(mine.price));
  if (next.visitors_per_day > 0) said.push(words.visitors(count(next.visitors_per_day)));
  const text = make('p', { class: 'sentence' }, said.join(' '));
  if (!all.some(isMoved)) return [text];
  return [text, table(all), ...(holdout > 0 ? [make('p', { class: 'help' }, words.outside)] : [])];
}

/**
 * The part of the dialog that says what will happen.
 * @param {Task} task
 * @returns {{ element: HTMLElement, update: (body: Record<string, unknown> | null) => Promise<void>, close: () => void }}
 */
export function outcomeOf(task) {
  const shares = make('div', { class: 'shares', 'aria-live': 'polite' });
  const element = make('section', { class: 'outcome', 'aria-label': words.happens }, make('h3', {}, words.happens), shares, meanings(task));
  const hasShares = task.text && !WITHOUT_SHARES.includes(task.action);
  /** @type {Promise<any> | null} */
  let lab = null;
  let isOpen = true, asked = '';

  async function show(/** @type {Record<string, unknown>} */ body) {
    lab ??= loadLab().then(({ Lab }) => new Lab(task.text));
    const text = JSON.stringify(body);
    if (text === asked) return;
    asked = text;
    if (!shares.hasChildNodes()) shares.replaceChildren(make('p', { class: 'help' }, words.loading));
    const next = (await lab).next(task.action, text);
    // Meanwhile something else may have been typed.
    if (!isOpen || asked !== text) return;
    if (!next.allowed) return shares.replaceChildren(make('p', { class: 'problem' }, words.notAllowed(next.why)));
    return shares.replaceChildren(...allocation(task, next, body));
  }

  return {
    element,
    async update(body) {
      if (!hasShares || !isOpen) return;
      if (!body) {
        asked = '';
        shares.replaceChildren();
        return;
      }
      await show(body).catch((error) => shares.replaceChildren(make('p', { class: 'problem' }, words.noPreview(error.message))));
    },
    close() {
      isOpen = false;
      lab?.then((one) => one.free(), () => {});
    },
  };
}
