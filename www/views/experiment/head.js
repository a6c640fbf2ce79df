/**
 * The top of the page: which experiment this is, where it stands in one sentence, what is wrong with it, what it was
 * meant to find out, and the five numbers that people ask for.
 */
import { make } from '../../dom.js';
import { count, dateTime, day, duration, percent, probability } from '../../format.js';
import { experiment as words } from '../../words.js';
import { problems } from './problems.js';
import { leaderOf, priced, sentenceOf } from './terms.js';
import { verdict } from './verdict.js';

/** @typedef {import('./terms.js').Terms} Terms */
/** The gain so far, as the wasm reckons it. @typedef {{ value: number, low: number, high: number, at_ms: number, isLast: boolean }} Sum */

/** Longer numbers are written smaller. */
const CHARS_BIG = 8;

/** What was written before the start. @param {any} evidence */
function hypothesis({ original, definition }) {
  const { hypothesis: text, author, document: address } = original ?? definition;
  const by = author ? [make('cite', {}, author)] : [];
  return make('figure', { class: 'hypothesis', 'data-key': 'hypothesis' },
    make('blockquote', {}, text),
    make('figcaption', {}, words.hypothesis, ...by.flatMap((one) => [' · ', one]), ' · ', documentLink(address)));
}

/** A link where it is an address of the web; whatever else it is stays text. @param {string} address */
function documentLink(address) {
  const isWeb = URL.canParse(address) && ['http:', 'https:'].includes(new URL(address).protocol);
  return isWeb ? make('a', { href: address, rel: 'noopener noreferrer', target: '_blank' }, words.document) : make('span', {}, String(address ?? ''));
}

/** @param {string} key @param {string} label @param {string} number @param {(Node | string)[]} [below] @param {'' | 'up' | 'down' | 'unknown'} [sense] */
const tile = (key, label, number, below = [], sense = '') => make('div', { class: `tile ${sense} ${number.length > CHARS_BIG ? 'long' : ''}`.trim(), 'data-key': key },
  make('dt', {}, label), make('dd', { class: 'big' }, number), make('dd', { class: 'below' }, ...below));

/** An interval that breaks between its ends, never within them. @param {string} low @param {string} high @returns {(Node | string)[]} */
const interval = (low, high) => [make('span', { class: 'nowrap' }, words.intervalFrom(low)), ' ', make('span', { class: 'nowrap' }, words.intervalTo(high))];

/** Whether an interval says that something is gained or lost. @param {[number, number] | null | undefined} interval */
function sense(interval) {
  if (!interval) return '';
  const [low, high] = interval;
  return low > 0 ? 'up' : high < 0 ? 'down' : '';
}

/** What it is worth: against the holdout, else against the negative group, else the best arm against the control. @param {any} evidence @param {any} standing @param {Terms} terms */
function gain({ definition }, standing, terms) {
  if (definition.holdout > 0) return difference('gain', words.gain(terms.objective, terms.per), standing.all_to_holdout, terms);
  if (definition.sample?.negative > 0 && terms.isOfItems) return difference('gain', words.gainOfItems(terms.objective), standing.positive_to_negative, terms);
  return ofBest('gain', standing, terms);
}

/** The best arm against the control. @param {string} key @param {any} standing @param {Terms} terms */
const ofBest = (key, standing, terms) => difference(key, words.gainOfBest(terms.objective, terms.per), leaderOf(standing)?.to_control, terms);

/** @param {string} key @param {string} label @param {import('./terms.js').Estimate | null | undefined} estimate @param {Terms} terms */
function difference(key, label, estimate, terms) {
  if (!estimate) return tile(key, label, words.unknown, [words.tooLittle(terms.isOfItems)], 'unknown');
  const clusters = estimate.clusters === null || estimate.clusters === undefined ? '' : words.clusters(count(estimate.clusters));
  return tile(key, label, terms.gain(estimate.value), [...interval(...terms.ends(estimate.at_any_look)), clusters], sense(estimate.at_any_look));
}

/** @param {any} evidence @param {any} standing @param {Terms} terms @param {Sum | null | undefined} sum undefined: it is on its way */
function gained({ definition }, standing, terms, sum) {
  // A sum over visitors is none where items are randomised.
  if (terms.isOfItems) return ofBest('to-control', standing, terms);
  const label = definition.holdout > 0 ? words.gained : words.gainedToEqual;
  if (sum === undefined) return tile('gained', label, '…', [words.computing]);
  if (sum === null || !Number.isFinite(sum.value)) return tile('gained', label, words.unknown, [words.tooLittle(terms.isOfItems)], 'unknown');
  const isMoney = definition.objective !== 'conversion';
  const text = (/** @type {number} */ of) => (of > 0 ? '+' : '') + (isMoney ? terms.sum(of) : words.orders(count(of)));
  const known = Number.isFinite(sum.low) && Number.isFinite(sum.high);
  return tile('gained', label, text(sum.value), [...(known ? interval(text(sum.low), text(sum.high)) : []), sum.isLast ? '' : words.until(day(sum.at_ms))], known ? sense([sum.low, sum.high]) : '');
}

/** @param {any} evidence @param {any} standing @param {Terms} terms @param {Sum | null | undefined} sum */
function tiles(evidence, standing, terms, sum) {
  const all = priced(standing), leader = leaderOf(standing);
  const { decided } = evidence;
  const its = decided ? standing.arms.find((/** @type {any} */ arm) => arm.name === decided) : leader;
  const [price, mean] = its ? terms.prices(its) : ['', ''];
  return make('dl', { class: `tiles${standing.sample_ratio?.alarm ? ' doubtful' : ''}`, 'data-key': 'tiles' },
    tile('visitors', terms.units, count(all.exposures), [terms.isOfItems ? words.observed : words.seen]),
    tile('orders', terms.isOfItems ? words.pieces : words.ordersTitle, count(terms.isOfItems ? all.pieces : all.orders),
      [words.earned(terms.money(all.profit_minor), terms.money(all.revenue_minor))]),
    gain(evidence, standing, terms),
    gained(evidence, standing, terms, sum),
    tile('best', decided ? words.decidedArm : words.best, its ? price : words.unknown,
      [its ? words.bestBelow(its.name, mean, probability(its.p_best)) : words.tooLittle(terms.isOfItems)], its ? '' : 'unknown'));
}

/** @param {any} policy */
function policyText({ name, shares: _shares, ...parameters }) {
  const known = words.policies[/** @type {keyof typeof words.policies} */ (name)] ?? name.replaceAll('_', ' ');
  const all = Object.entries(parameters).map(([parameter, value]) => `${parameter.replaceAll('_', ' ')} ${value}`);
  return all.length > 0 ? `${known} (${all.join(', ')})` : known;
}

/** @param {any} evidence */
const endMs = ({ end_ms, definition }) => end_ms ?? (definition.end ? Date.parse(definition.end) : null);

/** What no price leaves. @param {any} guardrails @param {Terms} terms @returns {[string, string][]} */
export function bounds({ min_price_minor: low, max_price_minor: high, map_minor: map, min_margin: margin, max_step: step, grid_minor: grid, endings }, terms) {
  const all = /** @type {[string, string][]} */ ([]);
  if (low !== undefined) all.push([words.drafts.lowest, terms.money(low)]);
  if (high !== undefined) all.push([words.drafts.highest, terms.money(high)]);
  if (map !== undefined) all.push([words.drafts.map, terms.money(map)]);
  if (margin !== undefined) all.push([words.drafts.margin, percent(margin)]);
  if (step !== undefined) all.push([words.drafts.step, percent(step)]);
  if (grid !== undefined) all.push([words.drafts.grid, terms.money(grid)]);
  if (endings?.length) all.push([words.drafts.endings, endings.join(', ')]);
  return all;
}

/** Everything else, small: name and value. @param {any} evidence @param {Terms} terms @returns {[string, string][]} */
export function facts(evidence, terms) {
  const { definition, started_at_ms: started, now_ms: now } = evidence, { unit = 'visitor' } = definition, end = endMs(evidence);
  const until = evidence.archived_at_ms ?? now;
  const isOver = evidence.archived_at_ms !== null && evidence.archived_at_ms !== undefined;
  const days = started ? [/** @type {[string, string]} */ ([isOver ? words.facts.ran : words.facts.running, words.since(duration(until - started), day(started))])] : [];
  const ends = isOver ? day(evidence.archived_at_ms) : end === null ? words.open : end > now ? words.endsIn(dateTime(end), duration(end - now)) : dateTime(end);
  return [...days,
    [words.facts.end, ends],
    [words.facts.unit, words.unit[/** @type {keyof typeof words.unit} */ (unit)] ?? unit],
    [words.facts.objective, terms.objective],
    [words.facts.policy, policyText(definition.policy)],
    [words.facts.control, definition.control],
    [words.facts.floor, percent(definition.floor)],
    [words.facts.holdout, definition.holdout > 0 ? percent(definition.holdout) : words.none],
    ...(started && definition.guardrails ? [/** @type {[string, string]} */ ([words.facts.guardrails, bounds(definition.guardrails, terms).map(([name, value]) => `${name.toLowerCase()} ${value}`).join('; ')])] : []),
    ...(terms.isOfItems ? [] : [/** @type {[string, string]} */ ([words.facts.window, duration(definition.reward_window_hours * 3_600_000)])]),
    ...(started && evidence.version && !isOver ? [/** @type {[string, string]} */ ([words.facts.published, words.version(count(evidence.version), dateTime(evidence.published_at_ms))])] : [])];
}

/** @param {[string, string][]} all */
export const factList = (all) => make('dl', { class: 'facts', 'data-key': 'facts' },
  ...all.map(([name, value]) => make('div', { 'data-key': name }, make('dt', {}, name), make('dd', {}, value))));

/** The name with where it is in its life. @param {any} evidence @returns {HTMLElement[]} */
function title({ name, state, stopped }) {
  const badge = (/** @type {string} */ kind, /** @type {string} */ text) => make('span', { class: `badge ${kind}`, 'data-key': kind }, text);
  return [make('p', { class: 'crumb', 'data-key': 'crumb' }, make('a', { href: '#/' }, words.all),
    ...(state === 'draft' ? [] : [make('a', { href: `#/experiments/${encodeURIComponent(name)}/model` }, words.model)])),
    make('h1', { 'data-key': 'name' }, make('span', { class: 'name' }, name), ' ',
      badge(state, words.states[/** @type {keyof typeof words.states} */ (state)] ?? state),
      ...(stopped ? [' ', badge('stopped', words.states.stopped)] : []))];
}

/** Where it stands. @param {any} evidence @param {any} standing @param {Terms} terms */
function sentence(evidence, standing, terms) {
  const decision = evidence.decision ?? (evidence.decided ? { arm: evidence.decided } : null);
  const text = evidence.state === 'draft' ? words.draft
    : evidence.state === 'decided' && decision ? words.decided(decision.arm, decision.rule ?? '', day(evidence.decided_at_ms))
      : !standing || priced(standing).exposures === 0 ? words.empty(terms.isOfItems) : sentenceOf(standing);
  return make('p', { class: 'standing', 'data-key': 'standing' }, text);
}

/**
 * @param {any} evidence
 * @param {any} standing what is known of it; null before the start
 * @param {Terms} terms
 * @param {{ gained?: Sum | null, buttons: HTMLElement[], report: any }} more `report`: that of what is archived
 * @returns {HTMLElement[]}
 */
export function head(evidence, standing, terms, { gained: sum, buttons, report }) {
  return [...title(evidence), ...(report ? verdict(report) : [sentence(evidence, standing, terms)]), ...problems(evidence, standing, terms),
    ...(standing ? [tiles(evidence, standing, terms, sum)] : []),
    hypothesis(evidence),
    make('div', { class: 'toolbar', role: 'group', 'aria-label': words.do, 'data-key': 'toolbar' }, ...buttons),
    ...(evidence.state === 'draft' ? [] : [factList(facts(evidence, terms))])];
}
