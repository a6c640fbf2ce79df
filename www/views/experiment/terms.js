/**
 * The experiment in its own terms: what is counted and maximised decides what numbers are called and how they are written.
 */
import { average, count, money, percent, signed, sum } from '../../format.js';
import { experiment as words } from '../../words.js';

/** @typedef {{ value: number, at_any_look: [number, number], p_above_0: number, exposures: number, clusters: number | null, left_out: number }} Estimate */

/** @typedef {{ price?: any, price_minor?: number, multiplier?: number, column?: string }} ArmPrice */

/**
 * @typedef {object} Terms
 * @property {boolean} isOfItems items are randomised, not visitors
 * @property {string} units what is counted: visitors or observations
 * @property {string} per what a value is per: a visitor, an item and a day
 * @property {string} objective what is maximised
 * @property {(minor: number | null | undefined) => string} money an amount, exact
 * @property {(minor: number | null | undefined) => string} sum an estimated amount, without digits that nobody knows
 * @property {(value: number | null | undefined) => string} value what a unit is worth
 * @property {(value: number | null | undefined) => string} gain the same as a difference, with its sign
 * @property {(interval: [number, number] | null | undefined) => string} range of values
 * @property {(interval: [number, number]) => [string, string]} ends of an interval of differences
 * @property {(arm: ArmPrice) => [string, string]} prices how an arm prices, and the mean where there are many items
 * @property {(arm: ArmPrice) => string} price the same in one
 */

/** @param {any} evidence @returns {Terms} */
export function termsOf({ definition, currency, minor_digits: digits, standing }) {
  // What is not written down has the schema's default.
  const { unit = 'visitor', objective } = definition, isOfItems = unit !== 'visitor', isShare = objective === 'conversion';
  const value = (/** @type {any} */ of) => (isShare ? percent(of, 2) : average(of, currency, digits));
  const gain = (/** @type {any} */ of) => {
    if (!isShare) return average(of, currency, digits, true);
    // Two rates differ by points: 5 % more would be another thing.
    return of === null || of === undefined ? percent(of) : words.points(signed(100 * of));
  };
  const exact = (/** @type {any} */ minor) => money(minor, currency, digits);
  /** @param {ArmPrice} arm @returns {[string, string]} */
  const prices = (arm) => {
    const { multiplier, column } = arm.price ?? arm, minor = arm.price_minor ?? 0;
    const rule = multiplier !== undefined ? words.times(factorText(multiplier)) : column !== undefined ? words.column(column) : '';
    return rule ? [rule, minor > 0 ? words.mean(exact(minor)) : ''] : [exact(minor), ''];
  };
  return {
    isOfItems,
    units: isOfItems ? words.observations : words.visitors,
    per: standing?.per ?? words.per[/** @type {keyof typeof words.per} */ (unit)] ?? unit,
    objective: words.objectives[/** @type {keyof typeof words.objectives} */ (objective)] ?? objective,
    money: exact,
    sum: (minor) => sum(minor, currency, digits),
    value,
    gain,
    range: (interval) => (interval ? words.range(value(interval[0]), value(interval[1])) : ''),
    ends: ([low, high]) => [gain(low), gain(high)],
    prices,
    price: (arm) => prices(arm).filter(Boolean).join(', '),
  };
}

/**
 * Where it stands, as the server says it, with numbers as the reader writes them; of visitors who are miscounted nothing
 * is known.
 * @param {any} standing
 */
export function sentenceOf({ text, sample_ratio }) {
  if (sample_ratio?.alarm) return words.doubtful;
  return text.replace(/(\d+) %/g, (/** @type {string} */ _, /** @type {string} */ of) => percent(Number(of) / 100, 0)).replace(/\d{4,}/g, (/** @type {string} */ of) => count(Number(of)));
}

/** A factor as it was written. @param {number} factor */
const factorText = (factor) => new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 }).format(factor);

/**
 * What the arms and the holdout have together. Whoever is in the negative group may be in an arm's account too: those
 * are not other people, so they are not in the sum.
 * @param {any} standing
 */
export function priced({ total, negative }) {
  return Object.fromEntries(Object.entries(total).map(([name, sum]) => [name, Number(sum) - Number(negative?.[name] ?? 0)]));
}

/** The arm that looks best; none before anybody was counted, when it would only be what the prior says. @param {any} standing */
export const leaderOf = (standing) => (priced(standing).exposures > 0 ? standing.arms.find((/** @type {any} */ arm) => arm.name === standing.leader) : undefined);
