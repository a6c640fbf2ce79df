/**
 * The frozen answer of what is archived: what became of the hypothesis, and by which rule.
 */
import { make } from '../../dom.js';
import { day } from '../../format.js';
import { experiment as words } from '../../words.js';

/** @param {any} report @returns {HTMLElement[]} */
export function verdict({ conclusion, dates }) {
  const [first, rest] = conclusion.text.split(/:(.*)/s);
  return [make('p', { class: `conclusion ${conclusion.verdict}`, 'data-key': 'text' }, make('strong', {}, rest === undefined ? '' : `${first}:`), rest ?? first),
    make('p', { class: 'rule', 'data-key': 'rule' }, words.rule(conclusion.rule), ' ', words.frozen(day(dates.archived_at_ms)))];
}

/** What the frozen report knows, as the page of a live experiment has it. @param {any} report @returns {any} */
export const standingOf = (report) => ({ ...report, text: report.standing, leader: report.decision?.arm ?? report.conclusion.arm });
