/**
 * What was done to the experiment: when, by whom, why, and what it changed. The newest first.
 */
import { make } from '../../dom.js';
import { dateTime } from '../../format.js';
import { experiment as words } from '../../words.js';
import { changes } from './changes.js';

/** More changes than these are folded: a whole definition, as a draft has it. */
const SHOWN_MAX = 6;

/** @param {string} action */
const actionName = (action) => words.done[/** @type {keyof typeof words.done} */ (action)] ?? action;

/** What is written at a mark in a chart. @param {any} intervention */
export const markText = ({ who, action, reason }) => words.mark(actionName(action), who, reason);

/** @param {any} intervention @param {import('./terms.js').Terms} terms */
function changed(intervention, terms) {
  const all = changes(intervention, terms);
  if (all.length === 0) return [];
  const list = make('ul', { class: 'changes' }, ...all.map((text) => make('li', {}, text)));
  return [all.length > SHOWN_MAX ? make('details', {}, make('summary', {}, words.fieldsChanged(all.length)), list) : list];
}

/** Interventions since the start, the oldest first: they are marked in the charts, in this order. @param {any} evidence @returns {any[]} */
export const marked = ({ interventions = [], started_at_ms: started }) => interventions
  .filter((/** @type {any} */ { at_ms, action }) => action !== 'draft' && at_ms >= (started ?? Infinity));

/** @param {any} evidence @param {import('./terms.js').Terms} terms @returns {HTMLElement[]} */
export function timeline(evidence, terms) {
  const { interventions = [] } = evidence, marks = marked(evidence);
  const title = make('h2', { id: 'timeline-title', 'data-key': 'title' }, words.timeline);
  if (interventions.length === 0) return [title, make('p', { class: 'help', 'data-key': 'empty' }, words.noInterventions)];
  const entries = interventions.map((/** @type {any} */ one, /** @type {number} */ place) => make('li', { 'data-key': String(place) },
    make('span', { class: 'mark', 'aria-hidden': 'true' }, ...(marks.includes(one) ? [String(marks.indexOf(one) + 1)] : [])),
    make('time', { datetime: new Date(one.at_ms).toISOString() }, dateTime(one.at_ms)),
    make('p', { class: 'what' }, make('strong', {}, actionName(one.action)), ' ', make('span', { class: 'who' }, words.by(one.who))),
    ...(one.reason ? [make('p', { class: 'why' }, one.reason)] : []),
    ...changed(one, terms)));
  return [title, make('ol', { class: 'timeline', 'data-key': 'list', reversed: true }, ...entries.reverse())];
}
