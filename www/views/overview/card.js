/**
 * One live experiment as a card: how it goes in a sentence, what it gains, its best price, and how much was seen.
 */
import { make, makeSvg } from '../../dom.js';
import { count, day, duration, number, probability } from '../../format.js';
import { experiment as terms, overview as words } from '../../words.js';
import { leaderOf, priced, sentenceOf, termsOf } from '../experiment/terms.js';

/** @typedef {import('../experiment/terms.js').Terms} Terms */
/** @typedef {import('../experiment/terms.js').Estimate} Estimate */

const WIDTH = 200, HEIGHT = 26;

/** A line from low to high with its middle, and where zero is. @param {Estimate} estimate @returns {SVGSVGElement} */
function intervalPlot({ value, at_any_look: [low, high] }) {
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1, x = (/** @type {number} */ of) => (WIDTH / 2 + (of / most) * (WIDTH / 2 - 8)).toFixed(1);
  const kind = low > 0 ? 'up' : high < 0 ? 'down' : 'open';
  return makeSvg('svg', { class: `interval ${kind}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true', 'data-key': 'plot' },
    makeSvg('line', { class: 'zero', x1: WIDTH / 2, x2: WIDTH / 2, y1: 2, y2: HEIGHT - 2 }),
    makeSvg('line', { class: 'reach', x1: x(low), x2: x(high), y1: HEIGHT / 2, y2: HEIGHT / 2 }),
    makeSvg('circle', { cx: x(value), cy: HEIGHT / 2, r: 6 }));
}

/** What the experiment is compared with: the holdout, the items outside, or where there is neither the control. @param {any} standing @param {Terms} is @returns {{ label: string, estimate: Estimate | null }} */
function gainOf(standing, is) {
  if (standing.all_to_holdout) return { label: words.gain(is.objective, is.per), estimate: standing.all_to_holdout };
  if (standing.positive_to_negative) return { label: words.gainOfItems(is.objective), estimate: standing.positive_to_negative };
  const leader = leaderOf(standing);
  // Where there is a holdout, the question is what it would say.
  if (leader?.to_control && !standing.holdout.exposures) return { label: words.gainOfBest(is.objective, is.per), estimate: leader.to_control };
  return { label: words.gain(is.objective, is.per), estimate: null };
}

/** @param {any} standing @param {Terms} is */
function gain(standing, is) {
  const { label, estimate } = gainOf(standing, is), kind = !estimate ? 'unknown' : estimate.at_any_look[0] > 0 ? 'up' : estimate.at_any_look[1] < 0 ? 'down' : '';
  return make('div', { class: `gain ${kind}`, 'data-key': 'gain' },
    make('span', { class: 'stat-name' }, label),
    make('strong', { class: 'big' }, estimate ? is.gain(estimate.value) : words.unknown),
    ...(estimate ? [intervalPlot(estimate), make('span', { class: 'below' }, words.interval(...is.ends(estimate.at_any_look)))]
      : [make('span', { class: 'below' }, words.tooEarly(is.isOfItems))]));
}

/** The price in short, and what else there is to say of it. @param {any} arm @param {Terms} is @returns {[string, string]} */
function priceOf(arm, is) {
  const { multiplier, column } = arm.price ?? {};
  if (multiplier === undefined && column === undefined) return [is.price(arm), ''];
  return [multiplier === undefined ? String(column) : words.times(number(multiplier)), arm.price_minor > 0 ? words.mean(is.money(arm.price_minor)) : ''];
}

/** @param {any} experiment @param {Terms} is */
function best({ standing, decision }, is) {
  const name = decision?.arm ?? leaderOf(standing)?.name, at = standing.arms.findIndex((/** @type {any} */ arm) => arm.name === name), arm = standing.arms[at];
  if (!arm) return make('div', { class: 'best unknown', 'data-key': 'best' }, make('span', { class: 'stat-name' }, words.best), make('strong', { class: 'big' }, words.unknown));
  const [price, mean] = priceOf(arm, is), level = make('span', { class: `level arm-${at % 8}` });
  level.style.inlineSize = `${100 * (arm.p_best ?? 0)}%`;
  return make('div', { class: 'best', 'data-key': 'best' },
    make('span', { class: 'stat-name' }, decision ? words.decidedFor : words.best),
    make('strong', { class: 'big' }, price),
    make('span', { class: 'track', 'aria-hidden': 'true' }, level),
    make('span', { class: 'below' }, words.armIsBest(name, mean, probability(arm.p_best))));
}

/** How long, and until when. @param {any} experiment @param {number} now_ms @returns {[string, string][]} */
function times({ started_at_ms, decided_at_ms, end_ms }, now_ms) {
  if (!started_at_ms) return [];
  if (decided_at_ms) return [[words.ran, duration(decided_at_ms - started_at_ms)]];
  return [[words.running, duration(now_ms - started_at_ms)], .../** @type {[string, string][]} */ (end_ms ? [[words.until, day(end_ms)]] : [])];
}

/** @param {any} experiment @returns {HTMLElement} */
function badge({ state, stopped }) {
  const shown = stopped ? 'stopped' : state;
  return make('span', { class: `badge ${shown}` }, terms.states[/** @type {keyof typeof terms.states} */ (shown)] ?? shown);
}

/** Where it stands: what was decided needs no more orders. @param {any} experiment */
function sentence({ state, decision, decided_at_ms, standing }) {
  if (state === 'decided' && decision) return terms.decided(decision.arm, decision.rule ?? '', day(decided_at_ms));
  return standing ? sentenceOf(standing) : words.notYet;
}

/** @param {any} experiment @param {number} now_ms @returns {HTMLElement} */
export function card(experiment, now_ms) {
  const { name, hypothesis, standing, unit, objective, currency, minor_digits } = experiment;
  const is = termsOf({ definition: { unit, objective }, currency, minor_digits, standing });
  const link = make('a', { href: `#/experiments/${encodeURIComponent(name)}` }, name);
  const seen = standing ? priced(standing) : null;
  return make('li', { class: `card one${standing?.sample_ratio?.alarm ? ' doubtful' : ''}`, 'data-key': name },
    make('div', { class: 'what', 'data-key': 'what' },
      make('h2', {}, link, ' ', badge(experiment)),
      make('p', { class: 'sentence' }, sentence(experiment)),
      make('p', { class: 'below', title: hypothesis }, hypothesis)),
    ...(standing ? [gain(standing, is), best(experiment, is)] : []),
    make('dl', { class: 'counts', 'data-key': 'counts' },
      ...[[is.units, count(seen?.exposures)], is.isOfItems ? [words.pieces, count(seen?.pieces)] : [words.orders, count(seen?.orders)], ...times(experiment, now_ms)]
        .map(([label, value]) => make('div', {}, make('dt', {}, label), make('dd', {}, value)))));
}
