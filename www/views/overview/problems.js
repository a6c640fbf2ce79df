/**
 * What is wrong in the whole shop, the worst first: each in a sentence that says what it means and where to look.
 */
import { make } from '../../dom.js';
import { ago, count, probability } from '../../format.js';
import { overview as words } from '../../words.js';

/** Reward lines that wait for their exposure are no news up to this part of all: a few are always on their way. */
const WAITING_MAX = 0.02;

/** A shard reports seconds after an event; one in which nothing happens for so long is late, or the shop is quiet. */
const LATE_MS = 3 * 3_600_000;

/** A publication has a new standing of each experiment that it prices, of the largest at least every ten minutes. */
const LEFT_OUT_MS = 20 * 60_000;

/** @typedef {{ key: string, kind: 'wrong' | 'warn', title: string, text: string, experiment?: string, button?: HTMLElement }} Problem */

/** @param {any} overview @returns {Problem[]} */
function ofShop({ now_ms, published_at_ms, stopped, held, stale, ledger, experiments }) {
  const problems = /** @type {Problem[]} */ ([]);
  const isLive = experiments.some((/** @type {any} */ { state }) => state === 'running' || state === 'decided');
  if (stopped) problems.push({ key: 'stopped', kind: 'wrong', ...words.problems.stopped });
  if (stale) problems.push({ key: 'stale', kind: 'wrong', ...words.problems.stale(published_at_ms ? ago(now_ms - published_at_ms) : '') });
  if (held) problems.push({ key: 'held', kind: 'warn', ...words.problems.held });
  const reported_at_ms = ledger.oldest_report_at_ms;
  if (isLive && reported_at_ms > 0 && now_ms - reported_at_ms > LATE_MS) {
    problems.push({ key: 'late', kind: 'warn', ...words.problems.late(count(ledger.sources), ago(now_ms - reported_at_ms)) });
  }
  if (ledger.unmatched > WAITING_MAX * ledger.stored) {
    problems.push({ key: 'waiting', kind: 'warn', ...words.problems.waiting(count(ledger.unmatched), count(ledger.stored)) });
  }
  return problems;
}

/** @param {any} experiment @param {any} overview @returns {Problem[]} */
function ofExperiment({ name, state, stopped, mismatches, standing, started_at_ms }, { stopped: isShopStopped, held, published_at_ms }) {
  const problems = /** @type {Problem[]} */ ([]), add = (/** @type {string} */ what, /** @type {'wrong' | 'warn'} */ kind, /** @type {{ title: string, text: string }} */ said) =>
    problems.push({ key: `${what} ${name}`, kind, experiment: name, ...said });
  if (state === 'archived' || state === 'draft') return problems;
  const ratio = standing?.sample_ratio;
  if (ratio?.alarm) add('ratio', 'wrong', words.problems.ratio(name, probability(ratio.p_value)));
  const isPriced = state === 'running' && !stopped && !isShopStopped && !held;
  if (isPriced && published_at_ms - (standing?.at_ms ?? started_at_ms) > LEFT_OUT_MS) add('left out', 'wrong', words.problems.leftOut(name));
  if (mismatches > 0) add('mismatches', 'wrong', words.problems.mismatches(name, count(mismatches)));
  if (stopped && !isShopStopped) add('stopped', 'wrong', words.problems.oneStopped(name));
  if (state === 'paused') add('paused', 'warn', words.problems.paused(name));
  return problems;
}

/**
 * @param {any} overview
 * @param {(problem: Problem) => HTMLElement | null} button what may be done about it from here
 * @returns {HTMLElement[]}
 */
export function problems(overview, button) {
  const all = [...ofShop(overview), ...overview.experiments.flatMap((/** @type {any} */ one) => ofExperiment(one, overview))];
  all.sort((a, b) => Number(a.kind === 'warn') - Number(b.kind === 'warn'));
  return all.map((problem) => {
    const { key, kind, title, text, experiment } = problem, act = button(problem);
    const link = experiment ? [make('a', { class: 'button quiet small', href: `#/experiments/${encodeURIComponent(experiment)}` }, words.look(experiment))] : [];
    return make('li', { class: `notice ${kind}`, 'data-key': key },
      make('div', {}, make('strong', {}, title), make('p', {}, text)),
      make('div', { class: 'actions' }, ...link, ...(act ? [act] : [])));
  });
}
