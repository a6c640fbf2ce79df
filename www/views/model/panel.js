/**
 * One panel of the diagnostics: what it shows and when to worry in a sentence each, a verdict, the picture, and a note on
 * how it is computed.
 */
import { make } from '../../dom.js';
import { model as words } from '../../words.js';

/** What a panel says of itself: `fine`, `note` (neither good nor bad), `look` (somebody should look at it) or `early` (too little is known yet). @typedef {{ kind: 'fine' | 'note' | 'look' | 'early', text: string }} Verdict */

/**
 * What is drawn: the lab with the evidence in it, the evidence itself, and how its money is written.
 * @typedef {object} Drawn
 * @property {import('../../lab.js').Lab} lab
 * @property {any} evidence
 * @property {string} currency
 * @property {number} digits
 * @property {'money' | 'percent'} kind of what an exposure is worth: orders where conversions are maximised
 * @property {(value: number) => string} worth writes that
 * @property {(name: string) => number | 'holdout'} colorOf the position of an arm
 */

/**
 * @typedef {object} Panel
 * @property {string} name of its words
 * @property {(body: HTMLElement) => { update: (drawn: Drawn) => Verdict, close: () => void }} open
 */

/**
 * @param {Panel} panel
 * @returns {{ name: string, title: string, element: HTMLElement, update: (drawn: Drawn) => Verdict, close: () => void }}
 */
export function openPanel({ name, open }) {
  const { title, shows, worry, how } = /** @type {any} */ (words.panels)[name];
  const heading = make('h2', { id: `model-${name}`, tabindex: '-1' }, title);
  const verdict = make('p', { class: 'verdict' }), body = make('div', { class: 'panel-body' });
  const element = make('section', { class: `panel panel-${name}`, 'aria-labelledby': `model-${name}` },
    heading, make('p', { class: 'shows' }, shows), make('p', { class: 'worry' }, worry), verdict, body,
    make('details', { class: 'how' }, make('summary', {}, words.how), make('p', {}, how), make('p', { class: 'help' }, words.source)));
  const inner = open(body);
  return {
    name, title, element, close: inner.close,
    update(drawn) {
      const said = tried(inner.update, drawn);
      verdict.className = `verdict ${said.kind}`;
      verdict.replaceChildren(make('span', { class: 'mark' }, words.marks[said.kind]), ` ${said.text}`);
      body.hidden = said.kind === 'early';
      return said;
    },
  };
}

/** @param {(drawn: Drawn) => Verdict} update @param {Drawn} drawn @returns {Verdict} */
function tried(update, drawn) {
  try {
    return update(drawn);
  } catch (error) {
    // One panel without an answer does not take the others with it.
    return { kind: 'early', text: words.notNow(error instanceof Error ? error.message : String(error)) };
  }
}

/** Too little is known. @type {Verdict} */
export const EARLY = { kind: 'early', text: words.early };

/**
 * A table that is drawn anew each time; the first column names the row.
 * @param {string} caption
 * @param {string[]} columns
 * @param {{ cells: (string | Node)[], color?: string }[]} rows
 * @returns {HTMLElement} scrolls by itself where it is too wide
 */
export function tableOf(caption, columns, rows) {
  const head = make('tr', {}, ...columns.map((text, at) => make('th', { scope: 'col', class: at ? 'number' : '' }, text)));
  const line = (/** @type {{ cells: (string | Node)[], color?: string }} */ { cells, color = '' }) => make('tr', {},
    ...cells.map((cell, at) => (at ? make('td', { class: 'number' }, cell) : make('th', { scope: 'row', class: color }, ...(color ? [make('span', { class: 'dot', 'aria-hidden': 'true' })] : []), make('span', { class: 'name' }, cell)))));
  const table = make('table', {}, make('caption', { class: 'unseen' }, caption), make('thead', {}, head), make('tbody', {}, ...rows.map(line)));
  return make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption }, table);
}

/** A chart that is made when there is something to draw. @param {(place: HTMLElement, data: any) => { update: (data: any) => void, close: () => void }} kind @param {HTMLElement} place */
export function lazyChart(kind, place) {
  /** @type {{ update: (data: any) => void, close: () => void } | null} */
  let chart = null;
  return {
    draw(/** @type {any} */ data) {
      if (chart) chart.update(data);
      else chart = kind(place, data);
    },
    close: () => chart?.close(),
  };
}
