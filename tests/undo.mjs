/**
 * Takes back from a page what haggle may change in it: the prices, the tag of the storefront client and the hidden
 * quote fields. What is left must be the origin's page, byte for byte.
 */
import assert from 'node:assert/strict';

import { claimsOf } from './kit.mjs';
import { continental, plain } from './shop/money.mjs';
import { CATALOGUE } from './shop/server.mjs';

const TAG = /<script type="module" src="\/haggle\/haggle\.js" data-haggle='([^']*)'><\/script>/g;
const FIELD = /<input type="hidden" name="haggle_quote" value="([\w-]+\.[\w-]+\.[\w-]+)">/g;
/** A marked element: its tag up to the mark, the mark, the rest of the tag, and the text after it. */
const MARKED = /<([a-z]+)((?:\s[^>]*)?\sdata-haggle-sku=(?:"([^"]*)"|'([^']*)'|([^\s>"']*))[^>]*)>([^<]*)/gi;
/** Structured data, which the tests write without spaces. */
const DATA = /<script type="application\/ld\+json">[^<]*/g;
/** Attributes of a marked element that hold its price. */
const VALUE = /(\s(?:content|value|data-price|data-amount|aria-label)=")([^"]*)/g;

/** `$1,299.00` @param {number} minor */
const american = (minor) => continental(minor).replace(' €', '').replace(/[.,]/g, (sign) => (sign === ',' ? '.' : ','));

/** Every way in which the pages of the tests write an amount. */
const FORMATS = [(minor) => continental(minor).replace(' €', ''), american, plain];

/** Catalogue price of every item of the shop, in minor units. */
const LISTED = new Map(CATALOGUE.items.map(({ sku, price_minor }) => [sku, price_minor]));

/**
 * One text with the shown price instead of the catalogue's, in the format in which it stands there.
 * @param {string} text of the origin
 * @param {number} from
 * @param {number} to
 * @returns {string}
 */
function repriced(text, from, to) {
  const format = FORMATS.find((write) => text.includes(write(from)));
  return format ? text.replace(format(from), format(to)) : text;
}

/** The prices that a page says it shows, by sku. @param {string} page @returns {Record<string, { price: number }>} */
export function shownIn(page) {
  const tags = [...page.matchAll(TAG)];
  assert.ok(tags.length <= 1, `${tags.length} tags of the client`);
  if (tags.length === 0) return {};
  assert.ok(page.endsWith(tags[0][0]), 'the tag stands at the end');
  return JSON.parse(tags[0][1]).items;
}

/**
 * Checks that a page differs from the origin's only in the ways that are allowed.
 * @param {string} page as it was served
 * @param {string} origin
 * @returns {{ prices: number, fields: number, changed: number }} what was found: price elements of a shown item, hidden fields, moved prices
 */
export function assertOnlyPricesDiffer(page, origin) {
  const shown = shownIn(page);
  const fields = [...page.matchAll(FIELD)].map(([, token]) => token);
  for (const token of fields) {
    const { o, p, pp } = claimsOf(token);
    assert.deepEqual([p, pp], [shown[o]?.price, LISTED.get(o)], `the form of ${o} carries the quote of the price that is shown`);
  }
  const found = { prices: 0, fields: fields.length, changed: 0 };
  // The same prices put into the origin's page must give the served one.
  const marked = origin.replace(MARKED, (whole, name, rest, double, single, bare, text) => {
    const sku = double ?? single ?? bare, from = LISTED.get(sku), to = shown[sku]?.price;
    if (name === 'form' || from === undefined || to === undefined) return whole;
    const written = `<${name}${rest.replace(VALUE, (_, before, value) => before + repriced(value, from, to))}>${repriced(text, from, to)}`;
    found.prices += 1;
    found.changed += Number(written !== whole);
    return written;
  });
  const expected = marked.replace(DATA, (data) => Object.entries(shown).reduce((text, [sku, { price }]) => {
    const from = LISTED.get(sku);
    return from !== undefined && data.includes(`"sku":"${sku}"`) ? text.replace(`"price":"${plain(from)}"`, `"price":"${plain(price)}"`) : text;
  }, data));
  const taken = page.replace(TAG, '').replace(FIELD, '');
  if (taken !== expected) {
    let at = 0;
    while (taken[at] === expected[at]) at += 1;
    assert.fail(`the page differs at ${at}: …${JSON.stringify(taken.slice(Math.max(0, at - 60), at + 60))}… instead of …`
      + `${JSON.stringify(expected.slice(Math.max(0, at - 60), at + 60))}…`);
  }
  return found;
}
