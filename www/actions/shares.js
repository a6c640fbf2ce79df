/**
 * Shares now beside those that come next, as a table with bars.
 */
import { make } from '../dom.js';
import { percent } from '../format.js';
import { actions as words } from '../words.js';

/** Smaller moves than this are not worth a word. */
const MOVE_MIN = 0.0005;

/** One arm's share now and next, of 1. @typedef {{ name: string, price: string, color: string, now: number, next: number }} Row */

/** @param {Row} row */
export const isMoved = ({ now, next }) => Math.abs(next - now) >= MOVE_MIN;

/** @param {number} share @param {string} kind @returns {HTMLElement} */
function bar(share, kind) {
  const level = make('span', { class: `level ${kind}` });
  level.style.inlineSize = `${share * 100}%`;
  return make('span', { class: 'track' }, level);
}

/** @param {Row[]} all @param {string} [caption] @returns {HTMLElement} */
export function sharesTable(all, caption = words.table) {
  const head = [words.arm, words.price, words.share, words.now, words.next];
  return make('table', { class: 'next-shares' },
    make('caption', { class: 'unseen' }, caption),
    make('thead', {}, make('tr', {}, ...head.map((text, at) => make('th', { scope: 'col', class: at === 2 ? 'both' : at ? 'number' : '' }, text)))),
    make('tbody', {}, ...all.map(({ name, price, color, now, next }) => make('tr', { class: color },
      make('th', { scope: 'row' }, name), make('td', { class: 'number' }, price),
      make('td', { class: 'both' }, make('span', { 'aria-hidden': 'true' }, bar(now, 'before'), bar(next, 'after'))),
      make('td', { class: 'number' }, percent(now)), make('td', { class: 'number next' }, percent(next))))));
}
