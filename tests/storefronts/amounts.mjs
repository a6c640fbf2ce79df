/** How the storefronts of the tests write an amount, in the browser as on the server. */

/** By how much the large size is dearer. */
export const LARGE = 500;

/** @param {number} minor @returns {{ text: string, plain: string, whole: string, cents: string }} */
export function amounts(minor) {
  const whole = String(Math.trunc(minor / 100)), cents = String(minor % 100).padStart(2, '0');
  return { text: `${whole},${cents} €`, plain: `${whole}.${cents}`, whole, cents: `,${cents}` };
}
