/**
 * Prices as people write them. Amounts are integers of minor units (cents) everywhere else.
 */

/** `129900` as `1.299,00 €`. @param {number} minor @returns {string} */
export function continental(minor) {
  const [whole, cents] = plain(minor).split('.');
  return `${whole.replace(/\B(?=(\d{3})+$)/g, '.')},${cents} €`;
}

/** `129900` as `1299.00`. @param {number} minor @returns {string} */
export function plain(minor) {
  return `${Math.trunc(minor / 100)}.${String(Math.abs(minor % 100)).padStart(2, '0')}`;
}

/**
 * Reads a price that somebody was shown: `$1,299.00`, `1.299,00 €` or `19.99`.
 * @param {string} text
 * @returns {number | null} minor units; null where this is no price
 */
export function readPrice(text) {
  const bare = text.replace(/[^0-9.,]/g, '');
  const found = /^(\d{1,3}(?:[.,]\d{3})+|\d+)[.,](\d{2})$/.exec(bare);
  return found ? Number(found[1].replace(/[.,]/g, '') + found[2]) : null;
}
