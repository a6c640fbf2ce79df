/**
 * The price of each item for a visitor, and why it is that one.
 */
import { make } from '../../dom.js';
import { money, share, TOTAL } from '../../format.js';
import { preview as words } from '../../words.js';

/** @typedef {{ name: string, price_minor: number, share: number, state: 'live' | 'entering' | 'closed' }} Arm */
/** @typedef {{ sku: string, experiment: string, policy: string, unit: string, catalogue_minor: number, floor_minor: number, ceiling_minor: number,
 *   currency: string, minor_digits: number, holdout: number, arms: Arm[] }} Item */
/** @typedef {{ price_minor: number, why: 'arm' | 'holdout' | 'negative' | 'paused' | 'stopped' | 'everybody', arm?: string, propensity: number, is_guarded: boolean }} Shown */

/** The bounds of every price, which a guardrail narrows. */
const NO_FLOOR = 1, NO_CEILING = 1_000_000_000;

/** @param {Item} item @param {Shown} shown @returns {string} */
function because(item, shown) {
  const { why, arm, propensity } = shown, of = share(propensity);
  if (shown.is_guarded) return words.why.guarded(arm ?? '');
  if (why === 'arm') return words.why.arm(arm ?? '', of, item.holdout > 0 ? share(item.holdout) : '');
  if (why === 'everybody') return words.why.everybody(arm ?? '', of);
  if (why === 'holdout') return words.why.holdout(share(item.holdout));
  return words.why[why];
}

/** @param {Arm} arm @param {number} place @param {Item} item @param {Shown} shown @returns {HTMLLIElement} */
function bar(arm, place, item, shown) {
  const isMine = arm.name === shown.arm && (shown.why === 'arm' || shown.why === 'everybody');
  const level = make('span', { class: 'level' });
  level.style.inlineSize = `${(100 * arm.share) / TOTAL}%`;
  return make('li', { class: `arm-${place % 8}${isMine ? ' mine' : ''}${arm.state === 'closed' ? ' closed' : ''}` },
    make('span', { class: 'arm' }, arm.name, ...(isMine ? [make('span', { class: 'unseen' }, words.mine)] : [])),
    make('span', { class: 'number' }, money(arm.price_minor, item.currency, item.minor_digits)),
    make('span', { class: 'track', 'aria-hidden': 'true' }, level),
    make('span', { class: 'number' }, arm.state === 'closed' ? words.closed : share(arm.share)));
}

/** @param {Item} item @param {Shown} shown @returns {HTMLLIElement} */
function row(item, shown) {
  const amount = (/** @type {number} */ minor) => money(minor, item.currency, item.minor_digits);
  const floor = item.floor_minor > NO_FLOOR ? amount(item.floor_minor) : '', ceiling = item.ceiling_minor < NO_CEILING ? amount(item.ceiling_minor) : '';
  const isOther = shown.price_minor !== item.catalogue_minor;
  const row = make('li', { class: 'price-row' },
    make('div', { class: 'of-item' },
      make('h3', { class: 'sku' }, item.sku),
      make('a', { href: `#/experiments/${encodeURIComponent(item.experiment)}` }, item.experiment)),
    make('p', { class: 'now' },
      make('strong', { class: 'number price' }, amount(shown.price_minor)),
      make('span', { class: 'soft' }, isOther ? words.instead(amount(item.catalogue_minor)) : words.catalogue)),
    make('p', { class: 'why' }, because(item, shown), ' ',
      ...(floor || ceiling ? [make('span', { class: 'soft bounds' }, words.bounds(floor, ceiling))] : [])),
    make('ul', { class: 'shares', role: 'list', 'aria-label': words.shares(item.sku) }, ...item.arms.map((arm, place) => bar(arm, place, item, shown))));
  row.dataset.sku = item.sku;
  row.dataset.priceMinor = String(shown.price_minor);
  row.dataset.why = shown.why;
  return row;
}

/** @param {Item[]} items @param {(sku: string) => Shown} decide @returns {HTMLLIElement[]} */
export const rows = (items, decide) => items.map((item) => row(item, decide(item.sku)));
