/**
 * What makes the numbers doubtful or the prices wrong, in plain words, the worst first.
 */
import { make } from '../../dom.js';
import { count, probability } from '../../format.js';
import { experiment as words } from '../../words.js';

/** Reward lines that wait for their exposure are no news up to this part of all: a few are always on their way. */
const WAITING_MAX = 0.02;

/** How loud each is. */
const KINDS = { alarm: 'wrong', warning: 'warn', note: 'note' };

/** @typedef {{ key: string, kind: 'alarm' | 'warning' | 'note', title: string, text: string, more?: HTMLElement }} Problem */

/** @param {{ sku?: string, surface: string, count: number }[]} mismatches */
function places(mismatches) {
  const lines = mismatches.map(({ sku, surface, count: times }) => make('li', {}, words.mismatch(sku ?? '', surface, count(times))));
  return make('details', {}, make('summary', {}, words.where), make('ul', {}, ...lines));
}

/**
 * @param {any} evidence
 * @param {any} standing null before the start
 * @param {import('./terms.js').Terms} terms
 * @returns {Problem[]}
 */
function found(evidence, standing, terms) {
  const problems = /** @type {Problem[]} */ ([]);
  const { mismatches = [], ledger } = evidence;
  if (evidence.stopped) problems.push({ key: 'stopped', kind: 'alarm', ...words.problems.stopped });
  const ratio = standing?.sample_ratio;
  if (ratio?.alarm) {
    const link = make('a', { href: `#/experiments/${encodeURIComponent(evidence.name)}/model` }, words.model);
    problems.push({ key: 'ratio', kind: 'alarm', ...words.problems.ratio(probability(ratio.p_value)), more: make('p', {}, link) });
  }
  const shown = mismatches.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.count, 0);
  if (shown > 0) problems.push({ key: 'mismatches', kind: 'alarm', ...words.problems.mismatches(count(shown)), more: places(mismatches) });
  // The shop's affair; of what is archived nothing is published any more.
  if (evidence.held && evidence.state !== 'archived') problems.push({ key: 'held', kind: 'warning', ...words.problems.held, more: make('p', {}, make('a', { href: '#/' }, words.problems.toOverview)) });
  if (evidence.state === 'paused') problems.push({ key: 'paused', kind: 'warning', ...words.problems.paused(terms.isOfItems) });
  if (ledger && ledger.unmatched > WAITING_MAX * ledger.stored) {
    problems.push({ key: 'waiting', kind: 'warning', ...words.problems.waiting(count(ledger.unmatched), count(ledger.stored)) });
  }
  const basis = standing?.basis;
  if (basis && !basis.matured && basis.exposures > 0) {
    problems.push({ key: 'young', kind: 'note', ...(evidence.state === 'archived' ? words.problems.wasYoung : words.problems.young)(count(basis.young), count(basis.exposures), terms.units.toLowerCase()) });
  }
  return problems;
}

/** @type {(evidence: any, standing: any, terms: import('./terms.js').Terms) => HTMLElement[]} */
export function problems(evidence, standing, terms) {
  const all = found(evidence, standing, terms);
  if (all.length === 0) return [];
  const items = all.map(({ key, kind, title, text, more }) => make('li', { class: `notice ${KINDS[kind]}`, 'data-key': key },
    make('strong', {}, title), make('p', {}, text), ...(more ? [more] : [])));
  return [make('ul', { class: 'problems', 'data-key': 'problems', 'aria-label': words.problems.title }, ...items)];
}
