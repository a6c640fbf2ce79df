/**
 * A draft in words: what would happen if it were started now.
 */
import { make } from '../../dom.js';
import { count, dateTime, percent } from '../../format.js';
import { experiment as words } from '../../words.js';
import { bounds, factList, facts } from './head.js';

/** @typedef {import('./terms.js').Terms} Terms */

/** What is priced. @param {any} definition @param {Terms} terms @returns {[string, string][]} */
function goods({ item, scope, sample }, terms) {
  if (item) {
    const cost = item.cost_minor === undefined ? [] : [/** @type {[string, string]} */ ([words.drafts.cost, terms.money(item.cost_minor)])];
    return [[words.drafts.item, item.sku], [words.drafts.catalogue, terms.money(item.price_minor)], ...cost];
  }
  const list = Array.isArray(scope?.items) ? words.drafts.listed(count(scope.items.length)) : scope?.items === 'all' ? words.drafts.allItems
    : Object.entries(scope?.where ?? {}).map(([column, test]) => condition(column, test)).join('; ');
  const exclude = scope?.exclude?.length ? [/** @type {[string, string]} */ ([words.drafts.exclude, scope.exclude.join(', ')])] : [];
  return [[words.drafts.items, list], ...exclude,
    [words.drafts.positive, sample?.positive === undefined ? words.drafts.allRest : count(sample.positive)],
    [words.drafts.negative, count(sample?.negative ?? 0)]];
}

/** @param {string} column @param {any} test @returns {string} */
function condition(column, test) {
  if (Array.isArray(test) || typeof test !== 'object') return `${column}: ${[test].flat().join(', ')}`;
  return words.drafts.between(column, test.from === undefined ? '' : count(test.from), test.to === undefined ? '' : count(test.to));
}

/** What ends it, and what no price leaves. @param {any} definition @param {Terms} terms @returns {[string, string][]} */
function rules({ stop = {}, guardrails = {}, start, period_hours: period, washout_hours: washout }, terms) {
  const all = /** @type {[string, string][]} */ ([]);
  if (start) all.push([words.drafts.start, dateTime(Date.parse(start))]);
  if (period) all.push([words.drafts.period, words.drafts.hours(count(period), count(washout ?? 0))]);
  if (stop.expected_loss_minor !== undefined) all.push([words.drafts.stop, words.drafts.loss(terms.value(stop.expected_loss_minor), terms.per)]);
  if (stop.min_weeks) all.push([words.drafts.weeks, count(stop.min_weeks)]);
  return [...all, ...bounds(guardrails, terms)];
}

/** @param {any} evidence @param {Terms} terms @returns {HTMLElement[]} */
export function draft(evidence, terms) {
  const { definition } = evidence;
  const rows = definition.arms.map((/** @type {any} */ arm, /** @type {number} */ place) => make('li', { 'data-key': arm.name },
    make('span', { class: `dot arm-${place % 8}`, 'aria-hidden': 'true' }), make('span', { class: 'name' }, arm.name),
    make('span', { class: 'price' }, terms.price(arm)),
    ...(arm.name === definition.control ? [make('span', { class: 'badge control' }, words.tags.control)] : [])));
  return [make('h2', { 'data-key': 'prices' }, words.drafts.prices), make('ol', { class: 'prices-planned', 'data-key': 'arms' }, ...rows),
    make('h2', { 'data-key': 'plan' }, words.drafts.plan),
    factList([...goods(definition, terms), ...rules(definition, terms), ...facts(evidence, terms)])];
}
