/**
 * Numbers as people write them, in the language of the browser.
 */

/** Shares and propensities are integers out of this. */
export const TOTAL = 65_536;

/** @param {number} minor @param {string} currency @param {number} digits of the minor unit @returns {string} */
export function price(minor, currency, digits) {
  const style = { style: /** @type {const} */ ('currency'), currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(undefined, style).format(minor / 10 ** digits);
}

/** Digits of a currency's minor unit, as the browser knows them. @param {string} currency @returns {number} */
export function minorDigits(currency) {
  return new Intl.NumberFormat(undefined, { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** @param {number} value in `[0, 1]` @returns {string} */
export const percent = (value) => new Intl.NumberFormat(undefined, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);

/** An integer share out of [`TOTAL`]. @param {number} value @returns {string} */
export const share = (value) => percent(value / TOTAL);

/** @param {number} value @returns {string} */
export const count = (value) => new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 }).format(value);

/** @param {number} age_ms @returns {string} such as `12 seconds ago` */
export function ago(age_ms) {
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: 'always' });
  const age_s = Math.max(0, Math.round(age_ms / 1000));
  if (age_s < 120) return words.format(-age_s, 'second');
  if (age_s < 7200) return words.format(-Math.round(age_s / 60), 'minute');
  return words.format(-Math.round(age_s / 3600), 'hour');
}
