/**
 * The shop's pages, as text. The same arguments always give the same bytes: no date, no counter, no session.
 *
 * Prices that may be priced at the edge stand in elements with `data-haggle-sku`; the first page writes them plainly
 * (`19.00` after a euro sign), every other page in the way of the shop's country (`1.299,00 €`). A product's page says
 * its price in more places, as shops do: JSON-LD, meta tags, microdata. The knife's is written in parts, the saffron
 * has a price of before, and the oven's buy box is rendered again in the browser, from data in the page (`buybox.js`).
 */
import { continental, plain } from './money.mjs';
import { LANDSCAPE, picture } from './pictures.mjs';

/** @typedef {{ sku: string, name: string, size: string, shelf: string, picture: string, tint: string,
 *   price_minor: number, cost_minor: number, was_minor?: number, rendersAgain?: boolean, isSplit?: boolean, description: string }} Item */
/** @typedef {{ shop: string, tagline: string, currency: string, items: Item[] }} Catalogue */
/** @typedef {{ sku: string, units: number, price_minor: number, isRefused?: boolean }} CartLine isRefused: at another price than its quote said */

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an HTML document. @param {string} text @returns {string} */
export const escape = (text) => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign]);

/** Where an item lives. @param {{ sku: string }} item @returns {string} */
export const productPath = (item) => `/product/${encodeURIComponent(item.sku)}`;

/**
 * @param {Catalogue} shop
 * @param {{ title: string, head?: string, body: string }} page
 * @returns {string}
 */
function document(shop, { title, head = '', body }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · ${escape(shop.shop)}</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,">
${head}</head>
<body>
<header class="top">
<a class="brand" href="/">${escape(shop.shop)}</a>
<nav><a href="/#pantry">Pantry</a><a href="/#kitchen">Kitchen</a><a href="/#feast">Feast</a><a href="/about">About us</a></nav>
<a class="basket" href="/cart">Basket</a>
</header>
<main>
${body}
</main>
<footer>
<p class="brand">${escape(shop.shop)}</p>
<p>${escape(shop.tagline)}. Free delivery from ${continental(6000).replace(',00', '')}; thirty days to change your mind.</p>
</footer>
</body>
</html>
`;
}

/** @param {Item} item @returns {string} */
const cardInListing = (item) => `<a class="card" href="${productPath(item)}">
${picture(item)}
<span class="name">${escape(item.name)}</span>
<span class="size">${escape(item.size)}</span>
<span class="price">€ <span data-haggle-sku="${escape(item.sku)}">${plain(item.price_minor)}</span></span>
</a>`;

/** @param {Item} item @returns {string} */
const cardBeside = (item) => `<a class="card small" href="${productPath(item)}">
${picture(item)}
<span class="name">${escape(item.name)}</span>
<span class="price"><span data-haggle-sku="${escape(item.sku)}">${continental(item.price_minor)}</span></span>
</a>`;

/** The first page: every item on its shelf. @param {Catalogue} shop @returns {string} */
export function listingPage(shop) {
  const shelves = [...new Set(shop.items.map((item) => item.shelf))].map((shelf) => `<section id="${escape(shelf.toLowerCase())}">
<h2>${escape(shelf)}</h2>
<div class="grid">
${shop.items.filter((item) => item.shelf === shelf).map(cardInListing).join('\n')}
</div>
</section>`);
  const body = `<section class="hero">
<div class="words">
<p class="over">New harvest</p>
<h1>${escape(shop.tagline)}</h1>
<p>Oil, salt and honey from people whose names we know, and the tools to cook with them for a lifetime.</p>
<a class="button" href="/#pantry">Look around</a>
</div>
${LANDSCAPE}
</section>
${shelves.join('\n')}`;
  return document(shop, { title: shop.tagline, body });
}

/** @param {Catalogue} shop @param {Item} item @returns {string} */
function structuredData(shop, item) {
  const product = {
    '@context': 'https://schema.org', '@type': 'Product', name: item.name, sku: item.sku, description: item.description,
    brand: { '@type': 'Brand', name: shop.shop },
    offers: { '@type': 'Offer', price: plain(item.price_minor), priceCurrency: shop.currency, availability: 'https://schema.org/InStock' },
  };
  return `<meta name="description" content="${escape(item.description)}">
<meta property="og:type" content="product">
<meta property="og:title" content="${escape(item.name)}">
<meta property="product:price:amount" content="${plain(item.price_minor)}" data-haggle-sku="${escape(item.sku)}">
<meta property="product:price:currency" content="${escape(shop.currency)}">
<script type="application/ld+json">${JSON.stringify(product).replaceAll('<', '\\u003c')}</script>
`;
}

/** Three more of the same shelf, the ones that follow in the catalogue. @param {Catalogue} shop @param {Item} item */
function beside(shop, item) {
  const shelf = shop.items.filter((other) => other.shelf === item.shelf);
  const at = shelf.indexOf(item);
  return [1, 2, 3].map((step) => shelf[(at + step) % shelf.length]).filter((other, i, all) => other !== item && all.indexOf(other) === i);
}

/** A price as the page of its item writes it. @param {Item} item @returns {string} */
function shownPrice({ sku, price_minor, isSplit, was_minor }) {
  const [whole, cents] = continental(price_minor).split(/(?=,)/);
  const text = isSplit ? `${whole}<sup>${cents.replace(/\s€/, '</sup>$&')}` : whole + cents;
  const was = was_minor ? ` <s class="was">${continental(was_minor)}</s>` : '';
  return `<p class="price big"><span data-haggle-sku="${escape(sku)}">${text}</span>${was}</p>`;
}

/** What the browser renders the buy box from. @param {Item} item @returns {string} */
function state({ sku, price_minor }) {
  const json = JSON.stringify({ sku, price: plain(price_minor) });
  return `<script type="application/json" id="state" data-haggle-sku="${escape(sku)}">${json.replaceAll('<', '\\u003c')}</script>
<script type="module" src="/buybox.js"></script>
`;
}

/** The page of one item. @param {Catalogue} shop @param {Item} item @returns {string} */
export function productPage(shop, item) {
  const body = `<article class="product">
<div class="stage ${escape(item.tint)}">${picture(item)}</div>
<div class="buy">
<p class="over">${escape(item.shelf)}</p>
<h1>${escape(item.name)}</h1>
<p class="size">${escape(item.size)}</p>
${shownPrice(item)}
<p>${escape(item.description)}</p>
<div itemscope itemtype="https://schema.org/Product" hidden>
<meta itemprop="sku" content="${escape(item.sku)}">
<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
<meta itemprop="priceCurrency" content="${escape(shop.currency)}">
<meta itemprop="price" content="${plain(item.price_minor)}" data-haggle-sku="${escape(item.sku)}">
</div>
</div>
<form data-haggle-sku="${escape(item.sku)}" action="/cart" method="post">
<input type="hidden" name="sku" value="${escape(item.sku)}">
<label>Quantity <input type="number" name="units" value="1" min="1" max="20"></label>
<button class="button" type="submit">Add to basket</button>
</form>
<p class="note">In stock, with you in two to four days. Price with tax.</p>
</div>
</article>
<section>
<h2>From the same shelf</h2>
<div class="grid three">
${beside(shop, item).map(cardBeside).join('\n')}
</div>
</section>`;
  const head = structuredData(shop, item) + (item.rendersAgain ? state(item) : '');
  return document(shop, { title: item.name, head, body });
}

/** A page without any price. @param {Catalogue} shop @returns {string} */
export function aboutPage(shop) {
  const body = `<article class="prose">
<p class="over">About us</p>
<h1>An oil mill, a kitchen table, and a long road between them</h1>
<p>An almazara is a mill where olives become oil. Ours stood still for thirty years, until two cousins
came back from the city, cleaned the stones and asked the neighbours for their olives.
That autumn we pressed four tonnes, and gave most of it away.</p>
<p>Since then we have been travelling for things that are made as slowly: salt that needs wind, steel that needs fire,
honey that needs rosemary. We visit everybody whose work we sell, once a year at least, and usually stay for lunch.</p>
<p>We write down what we pay, and we try to find prices that are fair for those who make, those who sell and those who cook.</p>
${picture({ picture: 'mill', tint: 'olive', name: 'The mill' })}
</article>`;
  return document(shop, { title: 'About us', body });
}

/** Where a quote was posted and is not good. */
const REFUSED = `
<tr class="notice"><td></td><td colspan="4" role="status">The offered price was no longer valid; the regular price applies.</td></tr>`;

/**
 * The cart of one session: what is shown here is what will be charged.
 * @param {Catalogue} shop
 * @param {CartLine[]} lines
 * @returns {string}
 */
export function cartPage(shop, lines) {
  const bySku = new Map(shop.items.map((item) => [item.sku, item]));
  const rows = lines.map((line) => {
    const item = bySku.get(line.sku);
    return `<tr data-cart-sku="${escape(line.sku)}">
<td class="thumb">${item ? picture(item) : ''}</td>
<td><a href="${productPath(line)}">${escape(item?.name ?? line.sku)}</a><br><span class="size">${escape(item?.size ?? '')}</span></td>
<td>${line.units} ×</td>
<td class="unit">${continental(line.price_minor)}</td>
<td class="sum">${continental(line.price_minor * line.units)}</td>
</tr>${line.isRefused ? REFUSED : ''}`;
  });
  const total = lines.reduce((sum, line) => sum + line.price_minor * line.units, 0);
  const filled = `<table class="cart">
<tbody>
${rows.join('\n')}
</tbody>
<tfoot><tr><td colspan="4">Total, with tax and delivery</td><td class="total">${continental(total)}</td></tr></tfoot>
</table>
<form class="checkout" action="/checkout" method="post">
<a href="/">Keep looking</a>
<button class="button" type="submit">Order and pay</button>
</form>`;
  const body = `<article class="prose wide">
<h1>Your basket</h1>
${lines.length ? filled : '<p>Nothing in it yet. <a href="/">The shelves are over here.</a></p>'}
</article>`;
  return document(shop, { title: 'Your basket', body });
}

/** After the order. @param {Catalogue} shop @param {{ id: string, lines: CartLine[] }} order @returns {string} */
export function thanksPage(shop, order) {
  const total = order.lines.reduce((sum, line) => sum + line.price_minor * line.units, 0);
  const items = new Map(shop.items.map((item) => [item.sku, item]));
  const entry = (line) => `<li>${line.units} × ${escape(items.get(line.sku)?.name ?? line.sku)}, ${continental(line.price_minor * line.units)}</li>`;
  const body = `<article class="prose">
<p class="over">Order ${escape(order.id)}</p>
<h1>Thank you. We are wrapping it already.</h1>
<ul>
${order.lines.map(entry).join('\n')}
</ul>
<p>Paid: <strong>${continental(total)}</strong>. It leaves our door tomorrow morning.</p>
<a class="button" href="/">Back to the shelves</a>
</article>`;
  return document(shop, { title: 'Thank you', body });
}

/** @param {Catalogue} shop @returns {string} */
export function missingPage(shop) {
  const body = `<article class="prose">
<h1>This shelf is empty</h1>
<p>The page you asked for is not in our shop. <a href="/">Back to the shelves.</a></p>
</article>`;
  return document(shop, { title: 'Not here', body });
}
