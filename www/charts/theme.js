/** Colours, dashes and texts of a chart, as the style sheet and the browser's locale have them. */
import { average, dateTime, number, percent } from '../format.js';

/** @typedef {number | 'holdout' | 'ink'} Color position of an arm, or what is none */

/** From the ninth arm on colours come again, with other dashes. In CSS pixels. */
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [1, 2], [12, 4], [6, 2, 2, 2]];

/** @param {Color} color @returns {string} class of the legend's mark */
export const colorClass = (color) => (typeof color === 'number' ? `arm-${color % 8}` : `of-${color}`);

/** @param {Color} color @returns {number[]} */
export function dashOf(color) {
  if (color === 'holdout') return [3, 4];
  return color === 'ink' ? [] : DASHES[Math.floor(color / 8) % DASHES.length];
}

/** @typedef {{ color: (of: Color) => string, ink: string, soft: string, line: string, card: string, font: string }} Theme */

/** @param {HTMLElement} element @returns {Theme} */
export function themeOf(element) {
  const style = getComputedStyle(element), of = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  /** @type {Map<Color, string>} */
  const known = new Map();
  const color = (/** @type {Color} */ which) => {
    const found = known.get(which) ?? of(typeof which === 'number' ? `--arm-${which % 8}` : `--${which}`);
    known.set(which, found);
    return found;
  };
  return { color, ink: of('--ink'), soft: of('--soft'), line: of('--line'), card: of('--card'), font: style.fontFamily };
}

/** @typedef {{ kind: 'time' | 'money' | 'percent' | 'number' }} Axis */
/** @typedef {{ currency?: string, digits?: number }} Unit */

/** @param {Axis} axis @param {Unit} unit @returns {(value: number | null | undefined) => string} writes one value */
export function writer({ kind }, { currency = 'EUR', digits = 2 }) {
  if (kind === 'time') return dateTime;
  if (kind === 'percent') return (value) => percent(value, Math.abs(value ?? 0) >= 0.0995 ? 1 : 2);
  if (kind === 'money') return (value) => average(value, currency, digits);
  return number;
}

/** @param {number} step @returns {number} digits behind the point that it has */
function digitsOf(step) {
  for (let digits = 0; digits < 6; digits += 1) {
    const scaled = step * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 6;
}

/**
 * Writes the marks of an axis, with as many digits as they differ by.
 * @param {Axis} axis @param {Unit} unit @returns {(splits: (number | null)[], step: number) => string[]}
 */
export function tickWriter({ kind }, { currency = 'EUR', digits = 2 }) {
  if (kind === 'time') return timeTicks;
  return (splits, step) => splits.map((value) => {
    if (value === null) return '';
    if (kind === 'percent') return percent(value, Math.min(2, digitsOf(step * 100)));
    if (kind === 'money') return moneyTick(value / 10 ** digits, currency, step >= 10 ** digits ? 0 : Math.max(digits, digitsOf(step / 10 ** digits)));
    return new Intl.NumberFormat(undefined, { maximumFractionDigits: digitsOf(step), notation: step >= 10_000 ? 'compact' : 'standard' }).format(value);
  });
}

/** @param {number} major @param {string} currency @param {number} behind @returns {string} */
const moneyTick = (major, currency, behind) => new Intl.NumberFormat(undefined,
  { style: 'currency', currency, minimumFractionDigits: behind, maximumFractionDigits: behind }).format(major);

const DAY_MS = 86_400_000;

/** Days; or hours, and the day where one begins. @param {(number | null)[]} splits @param {number} step milliseconds @returns {string[]} */
function timeTicks(splits, step) {
  const year = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short' });
  const days = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
  const hours = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
  return splits.map((at) => {
    if (at === null) return '';
    if (step >= 28 * DAY_MS) return year.format(at);
    const time = new Date(at), isMidnight = time.getHours() === 0 && time.getMinutes() === 0;
    return step >= DAY_MS || isMidnight ? days.format(at) : hours.format(at);
  });
}
