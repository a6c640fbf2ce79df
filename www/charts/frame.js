/** The figure around a chart: title, legend that shows and hides, the list of marks, exports, and a table for who cannot see it. */
import { make } from '../dom.js';
import { charts as words } from '../words.js';
import { colorClass } from './theme.js';

/** @typedef {{ title: string, note?: string }} Texts */

let number = 0;

/** @param {string} text @param {() => void} act @returns {HTMLButtonElement} */
function button(text, act) {
  const one = make('button', { type: 'button', class: 'quiet small' }, text);
  one.addEventListener('click', act);
  return one;
}

export class Frame {
  /** @param {Element} place @param {{ csv: () => void, picture: () => void }} save */
  constructor(place, save) {
    number += 1;
    this.title = make('figcaption', { class: 'chart-title', id: `chart-${number}` });
    this.legend = make('ul', { class: 'legend' });
    this.stage = make('div', { class: 'stage', 'aria-hidden': 'true' });
    this.readout = make('div', { class: 'readout', hidden: true });
    this.holder = make('div', { class: 'stage-holder', 'aria-live': 'polite' }, this.stage, this.readout);
    this.nothing = make('p', { class: 'nothing', hidden: true }, words.empty);
    this.note = make('p', { class: 'help' });
    this.marks = make('details', { class: 'marks', hidden: true });
    this.table = make('table', { class: 'unseen' });
    this.csv = button(words.csv, save.csv);
    this.picture = button(words.picture, save.picture);
    this.figure = make('figure', { class: 'chart', 'aria-labelledby': this.title.id },
      make('div', { class: 'chart-head' }, this.title, make('div', { class: 'chart-actions' }, this.csv, this.picture)),
      this.legend, this.holder, this.nothing, this.note, this.marks,
      make('div', { class: 'unseen' }, this.table));
    place.append(this.figure);
  }

  /** @param {Texts} texts @param {boolean} isEmpty */
  setTexts({ title, note = '' }, isEmpty) {
    this.title.textContent = title;
    this.note.textContent = note;
    this.note.hidden = !note;
    this.nothing.hidden = !isEmpty;
    this.figure.classList.toggle('is-empty', isEmpty);
    for (const [one, name] of /** @type {[HTMLButtonElement, string][]} */ ([[this.csv, words.csvOf(title)], [this.picture, words.pictureOf(title)]])) {
      one.setAttribute('aria-label', name);
      one.disabled = isEmpty;
    }
  }

  /**
   * @param {{ name: string, color: import('./theme.js').Color }[]} series
   * @param {Set<string>} hidden that a click changes @param {() => void} changed
   */
  setLegend(series, hidden, changed) {
    this.legend.hidden = series.length < 2;
    this.legend.replaceChildren(...series.map(({ name, color }) => {
      const one = make('button', { type: 'button', class: `key ${colorClass(color)}`, 'aria-pressed': String(!hidden.has(name)) }, make('span', { class: 'swatch' }), name);
      one.addEventListener('click', () => {
        if (!hidden.delete(name)) hidden.add(name);
        one.setAttribute('aria-pressed', String(!hidden.has(name)));
        changed();
      });
      return make('li', {}, one);
    }));
  }

  /** @param {{ at: string, text: string }[]} marks in the order of their numbers */
  setMarks(marks) {
    this.marks.hidden = marks.length === 0;
    const key = JSON.stringify(marks);
    if (this.marks.dataset.key === key) return;
    this.marks.dataset.key = key;
    const list = make('ol', {}, ...marks.map(({ at, text }) => make('li', {}, make('span', { class: 'soft' }, at), ' ', text)));
    this.marks.replaceChildren(make('summary', {}, words.marks(marks.length)), list);
  }

  /** @param {string} caption @param {string[]} head @param {string[][]} rows whose first cell is a name */
  setTable(caption, head, rows) {
    const texts = [caption, ...head, ...rows.flat()], cells = /** @type {NodeListOf<HTMLElement>} */ (this.table.querySelectorAll('caption, th, td'));
    // Two hundred cells are there as a rule, and a few have another text now.
    if (rows.length === this.table.tBodies[0]?.rows.length && texts.length === cells.length) {
      cells.forEach((cell, at) => { if (cell.textContent !== texts[at]) cell.textContent = texts[at]; });
      return;
    }
    this.table.replaceChildren(make('caption', {}, caption),
      make('thead', {}, make('tr', {}, ...head.map((text) => make('th', { scope: 'col' }, text)))),
      make('tbody', {}, ...rows.map(([name, ...cells]) => make('tr', {}, make('th', { scope: 'row' }, name), ...cells.map((text) => make('td', {}, text))))));
  }

  close() {
    this.figure.remove();
  }
}

/**
 * Calls when the width, the colours of the page, or whether the element is near the window has changed; the first time soon.
 * @param {HTMLElement} element @param {(width: number) => void} onWidth @param {() => void} onColors @param {(is: boolean) => void} [onNear] @returns {() => void} ends it
 */
export function watchLooks(element, onWidth, onColors, onNear = () => {}) {
  const near = new IntersectionObserver((entries) => onNear(entries[entries.length - 1].isIntersecting), { rootMargin: '300px' });
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const observer = new ResizeObserver(([entry]) => onWidth(Math.floor(entry.contentRect.width)));
  observer.observe(element);
  near.observe(element);
  dark.addEventListener('change', onColors);
  return () => {
    observer.disconnect();
    near.disconnect();
    dark.removeEventListener('change', onColors);
  };
}
