/**
 * Takes back from a page what haggle may change in it: the prices, the injected script tag and the hidden quote fields.
 * What is left must be the origin's page, byte for byte.
 */
import assert from 'node:assert/strict';

import { claimsOf } from './kit.mjs';
import { continental, plain } from './shop/money.mjs';

const SCRIPT = /<script type="module" src="\/haggle\/haggle\.js" data-haggle-quotes='([^']*)'><\/script>/g;
const FIELD = /<input type="hidden" name="haggle_quote" value="([\w-]+\.[\w-]+\.[\w-]+)">/g;

/** `$1,299.00` @param {number} minor */
const american = (minor) => continental(minor).replace(' €', '').replace(/[.,]/g, (sign) => (sign === ',' ? '.' : ','));

/** Every way in which the pages of the tests write an amount. */
const FORMATS = [(minor) => continental(minor).replace(' €', ''), american, plain];

/**
 * One text with the quoted price instead of the catalogue's, in the format in which it stands there.
 * @param {string} text of the origin
 * @param {{ p: number, pp: number }} claims
 * @returns {string}
 */
function repriced(text, { p, pp }) {
  const format = FORMATS.find((write) => text.includes(write(pp)));
  return format ? text.replace(format(pp), format(p)) : text;
}

/**
 * Checks that a page differs from the origin's only in the ways that are allowed.
 * @param {string} page as it was served
 * @param {string} origin
 * @returns {{ prices: number, fields: number, changed: number }} what was found: price elements with a quote, hidden fields, moved prices
 */
export function assertOnlyPricesDiffer(page, origin) {
  const scripts = [...page.matchAll(SCRIPT)];
  assert.ok(scripts.length <= 1, `${scripts.length} script tags`);
  /** @type {Record<string, string>} */
  const quotes = scripts.length ? JSON.parse(scripts[0][1]) : {};
  if (scripts.length) assert.ok(page.endsWith(scripts[0][0]), 'the script tag stands at the end');
  const fields = [...page.matchAll(FIELD)].map(([, token]) => token);
  for (const token of fields) assert.equal(token, quotes[claimsOf(token).o], 'a form carries the quote of its item');
  const found = { prices: 0, fields: fields.length, changed: 0 };
  // The same prices put into the origin's page must give the served one.
  const expected = origin.replace(/(<([a-z]+)\s[^>]*data-haggle-sku=["']?([^"'\s>]*)["']?[^>]*>)([^<]*)/gi, (whole, tag, name, sku, text) => {
    if (name === 'form' || !(sku in quotes)) return whole;
    const written = repriced(text, claimsOf(quotes[sku]));
    found.prices += 1;
    found.changed += Number(written !== text);
    return tag + written;
  });
  const taken = page.replace(SCRIPT, '').replace(FIELD, '');
  if (taken !== expected) {
    let at = 0;
    while (taken[at] === expected[at]) at += 1;
    assert.fail(`the page differs at ${at}: …${JSON.stringify(taken.slice(Math.max(0, at - 60), at + 60))}… instead of …`
      + `${JSON.stringify(expected.slice(Math.max(0, at - 60), at + 60))}…`);
  }
  for (const [sku, token] of Object.entries(quotes)) assert.equal(claimsOf(token).o, sku);
  return found;
}
