/**
 * Seeded random numbers, so that a demo can be repeated: the same seed gives the same shoppers.
 */

/** Mixes a seed and a position into one 32-bit state. @param {number} seed @param {number} at @returns {number} */
function mix(seed, at) {
  let state = Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul((at | 0) + 1, 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 16), 0x7feb352d);
  state = Math.imul(state ^ (state >>> 15), 0x846ca68b);
  return state ^ (state >>> 16);
}

/**
 * A stream of numbers in `[0, 1)` of its own for each position (mulberry32).
 * @param {number} seed
 * @param {number} at
 * @returns {() => number}
 */
export function stream(seed, at) {
  let state = mix(seed, at);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One of the entries, each as likely as its weight.
 * @template T
 * @param {() => number} next
 * @param {[T, number][]} weighted
 * @returns {T}
 */
export function pick(next, weighted) {
  let left = next() * weighted.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of weighted) {
    left -= weight;
    if (left < 0) return value;
  }
  return weighted[weighted.length - 1][0];
}
