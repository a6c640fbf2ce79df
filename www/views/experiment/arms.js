/**
 * The table of arms: what each gets, what it brought, what it is worth, and how sure that is. On a phone each row is a card.
 */
import { make } from '../../dom.js';
import { count, percent, probability, share, TOTAL } from '../../format.js';
import { experiment as words } from '../../words.js';
import { leaderOf, priced } from './terms.js';

/** @typedef {import('./terms.js').Terms} Terms */
/** @typedef {{ key: string, label: string, cell: (row: any, place: number) => (Node | string)[], isText?: boolean }} Column */

/** Colours of arms repeat after so many. */
const COLOURS = 8;

/** A number, and how sure it is below. @param {string} text @param {string} [below] */
const withRange = (text, below = '') => (below ? [text, make('small', {}, below)] : [text]);

/** @param {number | null | undefined} part out of `TOTAL` @param {number} colour of the arm */
function shareBar(part, colour) {
  const level = make('span', { class: `level arm-${colour % COLOURS}` });
  level.style.inlineSize = `${(100 * (part ?? 0)) / TOTAL}%`;
  return [make('span', { class: 'share-bar' }, make('span', { class: 'track', 'aria-hidden': 'true' }, level), make('span', {}, share(part)))];
}

/** @param {any} estimate @param {any} mean where items are randomised @param {Terms} terms */
function worth(estimate, mean, terms) {
  if (estimate) return withRange(terms.value(estimate.value), terms.range(estimate.at_any_look));
  return [mean === null || mean === undefined ? terms.value(null) : terms.value(mean)];
}

/** @param {any} rate */
const rateCell = (rate) => (rate?.value === null || rate?.value === undefined ? [percent(null)]
  : withRange(percent(rate.value, 2), words.range(percent(rate.at_any_look[0], 2), percent(rate.at_any_look[1], 2))));

/** @param {any} evidence @param {Terms} terms @returns {Column[]} */
function columns({ state }, terms) {
  const rate = [{ key: 'rate', label: words.columns.rate, cell: (/** @type {any} */ row) => ('rate' in row ? rateCell(row.rate) : []) }];
  return [
    { key: 'price', label: words.columns.price, cell: (row) => (row.price === undefined ? [] : withRange(...terms.prices(row))) },
    ...(state === 'archived' ? [] : [{ key: 'share', label: words.columns.share, cell: (/** @type {any} */ row, /** @type {number} */ place) => (row.share === undefined ? [] : shareBar(row.share, place)) }]),
    { key: 'exposures', label: terms.units, cell: (row) => [count(row.exposures)] },
    terms.isOfItems ? { key: 'pieces', label: words.columns.pieces, cell: (row) => [count(row.pieces)] }
      : { key: 'orders', label: words.columns.orders, cell: (row) => [count(row.orders)] },
    ...(terms.isOfItems ? [] : rate),
    { key: 'value', label: words.columns.value(terms.objective, terms.per), cell: (row) => ('value' in row ? worth(row.value, row.mean, terms) : []) },
    { key: 'p_best', label: words.columns.p_best, cell: (row) => ('p_best' in row ? [probability(row.p_best)] : []) },
    { key: 'loss', label: words.columns.loss, cell: (row) => ('expected_loss_minor' in row ? [terms.value(row.expected_loss_minor)] : []) },
  ];
}

/** What an arm is just now; one that was added is entering until enough is known of it. @param {any} arm */
const stateOf = (arm) => (arm.state === 'live' && arm.added && !arm.value && arm.mean === null ? 'entering' : arm.state);

/** Which buttons an arm has. @param {any} evidence @param {any} arm @returns {('pause-arm' | 'retire-arm' | 'revive-arm')[]} */
function actionsOf({ state, definition }, arm) {
  if (state !== 'running' && state !== 'paused') return [];
  if (arm.state !== 'live') return ['revive-arm'];
  return arm.name === definition.control ? [] : ['pause-arm', 'retire-arm'];
}

/** @param {any} evidence @param {any} arm @param {number} place @param {any} standing */
function armName(evidence, arm, place, standing) {
  const badge = (/** @type {string} */ kind, /** @type {string} */ text) => make('span', { class: `badge ${kind}`, 'data-key': kind }, text);
  const state = stateOf(arm), best = evidence.decided ?? leaderOf(standing)?.name;
  const badges = [
    ...(arm.name === best ? [badge('leading', evidence.decided ? words.tags.decided : evidence.state === 'archived' ? words.tags.best : words.tags.leader)] : []),
    ...(arm.name === evidence.definition.control ? [badge('control', words.tags.control)] : []),
    ...(state === 'live' ? [] : [badge(state, words.armStates[/** @type {keyof typeof words.armStates} */ (state)] ?? state)]),
  ];
  return [make('span', { class: `dot arm-${place % COLOURS}`, 'aria-hidden': 'true' }), make('span', { class: 'name' }, arm.name),
    ...badges.flatMap((one) => [' ', one])];
}

/** @param {Column[]} all @param {any} row @param {number} place @param {string} key @param {(Node | string)[]} name @param {string} kind @param {HTMLElement[] | null} buttons null: no place for them */
function line(all, row, place, key, name, kind, buttons) {
  const cells = all.map(({ key: column, label, cell }) => make('td', { role: 'cell', class: `number ${column}`, 'data-label': label, 'data-key': column }, ...cell(row, place)));
  const last = buttons === null ? [] : [make('td', { role: 'cell', class: 'do', 'data-key': 'do' }, ...buttons)];
  return make('tr', { class: kind, 'data-key': key, role: 'row' }, make('th', { scope: 'row', role: 'rowheader' }, ...name), ...cells, ...last);
}

/** @param {any} evidence @param {any} arm */
const buttonsOf = (evidence, arm) => actionsOf(evidence, arm).map((action) => make('button', { type: 'button', class: 'quiet small', 'data-key': action,
  'data-action': action, 'data-arm': arm.name, 'aria-label': words.armAction(words.actions[action], arm.name) }, words.actions[action]));

/** Which rows stand below the arms: sums, and units that no arm has. @param {any} standing @param {Terms} terms */
function sums(standing, terms) {
  const rows = /** @type {[string, string, any][]} */ ([]);
  if (standing.holdout.exposures > 0) rows.push(['holdout', words.holdout, standing.holdout]);
  rows.push(['total', words.total(standing.holdout.exposures > 0), priced(standing)]);
  if (standing.negative.exposures > 0) rows.push(['negative', words.negative, standing.negative]);
  return rows.map(([key, text, of]) => ({ key, name: [make('span', { class: `dot ${key}`, 'aria-hidden': 'true' }), make('span', { class: 'name' }, text)], of }));
}

/** @param {any} evidence @param {any} standing @param {Terms} terms @returns {HTMLElement[]} */
export function arms(evidence, standing, terms) {
  const all = columns(evidence, terms), hasButtons = ['running', 'paused'].includes(evidence.state);
  const heads = all.map(({ label, key }) => make('th', { role: 'columnheader', scope: 'col', class: `number ${key}`, 'data-key': key }, label));
  const last = hasButtons ? [make('th', { role: 'columnheader', scope: 'col', class: 'do', 'data-key': 'do' }, make('span', { class: 'unseen' }, words.columns.do))] : [];
  const rows = standing.arms.map((/** @type {any} */ arm, /** @type {number} */ place) =>
    line(all, arm, place, `arm ${arm.name}`, armName(evidence, arm, place, standing), `arm ${arm.state}`, hasButtons ? buttonsOf(evidence, arm) : null));
  const below = sums(standing, terms).map(({ key, name, of }) => line(all, of, 0, key, name, key, hasButtons ? [] : null));
  const { matured, young, exposures } = standing.basis, isPart = !terms.isOfItems && matured && young > 0;
  const note = [words.noteIntervals, ...(isPart ? [words.noteMatured(count(exposures), terms.units.toLowerCase())] : []), ...(terms.isOfItems ? [words.noteItems] : []), ...(standing.negative.exposures > 0 ? [words.noteNegative] : [])].join(' ');
  return [make('h2', { id: 'arms-title', 'data-key': 'title' }, words.arms),
    make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'arms-title', 'data-key': 'table' },
      make('table', { class: 'arms', role: 'table' }, make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, make('th', { role: 'columnheader', scope: 'col' }, words.columns.arm), ...heads, ...last)),
        make('tbody', { role: 'rowgroup' }, ...rows), make('tfoot', { role: 'rowgroup' }, ...below))),
    make('p', { class: 'help', 'data-key': 'note' }, note)];
}
