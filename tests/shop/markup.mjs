/**
 * Reads a page of the shop as a shopper's browser sees it: the prices in view, what the Worker says of them, the forms.
 *
 * It knows the demo shop's markup and no more; it is no general HTML parser.
 */
import { readPrice } from './money.mjs';

const ENTITIES = { '&quot;': '"', '&#39;': "'", '&#x27;': "'", '&apos;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/** @param {string} text @returns {string} */
const unescape = (text) => text.replace(/&(?:quot|#39|#x27|apos|lt|gt|amp);/g, (entity) => ENTITIES[entity]);

/** @param {string} tag @param {string} name @returns {string | null} */
function attribute(tag, name) {
  const found = new RegExp(`\\s${name}=(?:"([^"]*)"|'([^']*)')`).exec(tag);
  return found ? unescape(found[1] ?? found[2]) : null;
}

/** Every price in the page, in its order. @param {string} page @returns {{ sku: string, price_minor: number | null }[]} */
export function pricesIn(page) {
  return [...page.matchAll(/<span [^>]*data-haggle-sku="([^"]*)"[^>]*>(.*?)<\/span>/g)]
    .map(([, sku, shown]) => ({ sku: unescape(sku), price_minor: readPrice(shown.replace(/<[^>]*>/g, '')) }));
}

/** What the page's script may report once it is seen. @param {string} page @returns {{ sku: string, price_minor: number }[]} */
export function shownIn(page) {
  const tag = /<script\s[^>]*data-haggle='[^']*'[^>]*>/.exec(page)?.[0];
  const { items = {} } = JSON.parse((tag && attribute(tag, 'data-haggle')) || '{}');
  return Object.entries(items).map(([sku, { price }]) => ({ sku, price_minor: price }));
}

/** The quotes in the page's forms, by sku. @param {string} page @returns {Record<string, string>} */
export function quotesIn(page) {
  const skus = [...page.matchAll(/<form\s[^>]*>/g)].map(([tag]) => attribute(tag, 'data-haggle-sku') ?? '');
  const quotes = skus.map((sku) => [sku, formIn(page, sku)?.fields.haggle_quote]).filter(([, quote]) => quote);
  return Object.fromEntries(quotes);
}

/**
 * The form that puts an item into the cart: where it goes and what it carries unseen.
 * @param {string} page
 * @param {string} sku
 * @returns {{ action: string, fields: Record<string, string> } | null}
 */
export function formIn(page, sku) {
  for (const [form] of page.matchAll(/<form\s[\s\S]*?<\/form>/g)) {
    if (attribute(form, 'data-haggle-sku') !== sku) continue;
    const inputs = [...form.matchAll(/<input\s[^>]*>/g)].map(([tag]) => tag);
    const fields = inputs.filter((tag) => attribute(tag, 'type') === 'hidden')
      .map((tag) => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '']);
    return { action: attribute(form, 'action') ?? '/', fields: Object.fromEntries(fields) };
  }
  return null;
}

/** The price per unit of every line in the cart. @param {string} page @returns {{ sku: string, price_minor: number | null }[]} */
export function cartIn(page) {
  return [...page.matchAll(/<tr data-cart-sku="([^"]*)">[\s\S]*?<td class="unit">([^<]*)<\/td>/g)]
    .map(([, sku, shown]) => ({ sku: unescape(sku), price_minor: readPrice(shown) }));
}
