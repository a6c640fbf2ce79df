/**
 * Numbers, dates and times as people write them, in the language and the time zone of the browser. What is a word, such as
 * the days of a span, is English as the page around it is.
 */

/** Shares and propensities are integers out of this. */
export const TOTAL = 65_536;

/** Building one of these takes longer than using it a thousand times. @type {Map<string, Intl.NumberFormat>} */
const known = new Map();
/** @type {Map<string, Intl.DateTimeFormat>} */
const knownTimes = new Map();

/** @param {Intl.NumberFormatOptions} options @returns {Intl.NumberFormat} */
function numbers(options) {
  const key = JSON.stringify(options);
  const found = known.get(key) ?? new Intl.NumberFormat(undefined, options);
  known.set(key, found);
  return found;
}

/** @param {Intl.DateTimeFormatOptions} options @returns {Intl.DateTimeFormat} */
function times(options) {
  const key = JSON.stringify(options);
  const found = knownTimes.get(key) ?? new Intl.DateTimeFormat(undefined, options);
  knownTimes.set(key, found);
  return found;
}

/** @param {unknown} value @returns {value is number} */
const isKnown = (value) => typeof value === 'number' && Number.isFinite(value);

/** What stands where nothing is known. */
export const NOTHING = '–';

/**
 * An amount of money, exact.
 * @param {number | null | undefined} minor @param {string} currency @param {number} digits of the minor unit @returns {string}
 */
export function money(minor, currency, digits) {
  if (!isKnown(minor)) return NOTHING;
  return numbers({ style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(minor / 10 ** digits);
}

/**
 * An estimated sum of money: whole units where there are many.
 * @param {number | null | undefined} minor @param {string} currency @param {number} digits of the minor unit @returns {string}
 */
export function sum(minor, currency, digits) {
  if (!isKnown(minor) || Math.abs(minor) < 100 * 10 ** digits) return money(isKnown(minor) ? Math.round(minor) : minor, currency, digits);
  return numbers({ style: 'currency', currency, maximumFractionDigits: 0 }).format(minor / 10 ** digits);
}

/**
 * What something is worth on average: as money, with more digits where it is small (three that count).
 * @param {number | null | undefined} minor not only whole ones @param {string} currency @param {number} digits of the minor unit
 * @param {boolean} [signed] with a plus before a gain @returns {string}
 */
export function average(minor, currency, digits, signed = false) {
  if (!isKnown(minor)) return NOTHING;
  const major = minor / 10 ** digits;
  const wanted = major === 0 ? digits : 2 - Math.floor(Math.log10(Math.abs(major)));
  const least = Math.min(Math.max(wanted, digits), digits + 3);
  // What rounds to nothing needs no digits to say so.
  const most = Math.abs(major) * 10 ** least < 0.5 ? digits : least;
  const signDisplay = signed ? 'exceptZero' : 'negative';
  return numbers({ style: 'currency', currency, minimumFractionDigits: most, maximumFractionDigits: most, signDisplay }).format(major);
}

/** Digits of a currency's minor unit, as the browser knows them. @param {string} currency @returns {number} */
export const minorDigits = (currency) => numbers({ style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** @param {number | null | undefined} value 1 is all @param {number} [digits] behind the point @returns {string} */
export const percent = (value, digits = 1) => (isKnown(value)
  ? numbers({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: 'negative' }).format(value) : NOTHING);

/** A probability: nearly sure is not written as sure. @param {number | null | undefined} value in `[0, 1]` @returns {string} */
export function probability(value) {
  if (!isKnown(value)) return NOTHING;
  if (value < 0.001) return `<${percent(0.001)}`;
  return value < 1 && value > 0.999 ? `>${percent(0.999)}` : percent(value);
}

/** An integer share out of [`TOTAL`]. @param {number | null | undefined} value @returns {string} */
export const share = (value) => (isKnown(value) ? percent(value / TOTAL) : NOTHING);

/** @param {number | null | undefined} value @returns {string} a whole number */
export const count = (value) => (isKnown(value) ? numbers({ maximumFractionDigits: 0 }).format(value) : NOTHING);

/** Any number, with three digits that count. @param {number | null | undefined} value @returns {string} */
export const number = (value) => (isKnown(value) ? numbers({ maximumSignificantDigits: 3 }).format(value) : NOTHING);

/** A difference, with its sign and two digits. @param {number} value @returns {string} */
export const signed = (value) => numbers({ minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero' }).format(value);

/** @param {number | null | undefined} at_ms @returns {string} day and time */
export const dateTime = (at_ms) => (isKnown(at_ms) ? times({ dateStyle: 'medium', timeStyle: 'short' }).format(at_ms) : NOTHING);

/** @param {number | null | undefined} at_ms @returns {string} the day */
export const day = (at_ms) => (isKnown(at_ms) ? times({ dateStyle: 'medium' }).format(at_ms) : NOTHING);

/** @type {[string, number][]} */
const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1000]];

/** The largest unit of which there are two or more. @param {number} span_ms @returns {[string, number]} */
const unitOf = (span_ms) => UNITS.find(([, size]) => span_ms >= 2 * size) ?? ['second', 1000];

/** @param {number} age_ms @returns {string} such as `12 seconds ago` */
export function ago(age_ms) {
  const [unit, size] = unitOf(Math.max(0, age_ms));
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' })
    .format(-Math.round(Math.max(0, age_ms) / size), /** @type {Intl.RelativeTimeFormatUnit} */ (unit));
}

/** @param {number | null | undefined} span_ms @returns {string} such as `12 days` */
export function duration(span_ms) {
  if (!isKnown(span_ms)) return NOTHING;
  const [unit, size] = unitOf(Math.max(0, span_ms));
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(Math.round(Math.max(0, span_ms) / size));
}
