/**
 * The pages that are rewritten, the same in each run: a product page of 60 KB that says its one price in a visible text,
 * a meta tag and JSON-LD, and a listing of 120 KB with 48 priced cards. Both have the head, menus, styles, scripts and
 * footer of a usual shop's pages, where nothing is to be changed.
 */

/** @typedef {{ sku: string, name: string, arms_minor: [number, number, number] }} Item catalogue price, a tenth less, a tenth more */

const WORDS = ('linen cotton relaxed seam pocket collar weight yarn dyed mill finish garment wash soft cut button placket hem shoulder '
  + 'drape season everyday layer light woven texture fabric care tumble cool fits true size medium back yoke sleeve cuff stitched '
  + 'reinforced natural recycled packaging returns within thirty days shipping orders').split(' ');

/** A small generator (Numerical Recipes' constants), so that the pages are always the same. @param {number} seed */
function texts(seed) {
  let state = seed;
  const below = (most) => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return Math.floor((state / 2 ** 32) * most); };
  const words = (count) => Array.from({ length: count }, () => WORDS[below(WORDS.length)]).join(' ');
  const sentence = () => { const text = words(8 + below(10)); return `${text[0].toUpperCase()}${text.slice(1)}.`; };
  return { below, words, sentence, sentences: (count) => Array.from({ length: count }, sentence).join(' ') };
}

const many = (count, one) => Array.from({ length: count }, (_, at) => one(at)).join('\n');
const capital = (text) => text.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
const dollars = (minor) => (minor / 100).toFixed(2);

/** @param {string} sku @param {number} minor @returns {Item} */
const item = (sku, minor) => ({ sku, name: capital(texts(minor).words(3)), arms_minor: [minor, Math.round(minor * 0.9), Math.round(minor * 1.1)] });

/** The item of the product page. */
export const PRODUCT = item('SHIRT-1000', 4990);

/** The items of the listing. */
export const LISTED = Array.from({ length: 48 }, (_, at) => item(`SHIRT-${2001 + at}`, 1990 + (((at + 1) * 737) % 9000)));

/** By these rules haggle finds what the worker written by hand knows. */
export const SITE = {
  pages: [{ path: '/product', sku: PRODUCT.sku }],
  cards: [{ selector: '[data-price]', sku: { attribute: 'data-price' } }],
  surfaces: [
    { selector: '[data-price]', place: 'text' },
    { selector: 'meta[property="product:price:amount"]', place: 'attribute', attributes: ['content'] },
  ],
  forms: [{ selector: 'form[action="/cart/add"]' }],
};

/** @param {ReturnType<typeof texts>} text @param {string} title @param {string} more */
function head(text, title, more) {
  const style = many(85, (at) => `.c${at}-${text.words(1)}{display:grid;margin:${at % 9}px ${at % 7}px;line-height:1.${at % 9};padding:0 ${at % 12}px;color:#${(0x333333 + at * 4099).toString(16)}}`);
  const theme = { money: '${{amount}}', routes: { cart: '/cart', search: '/search' }, strings: Object.fromEntries(Array.from({ length: 45 }, (_, at) => [`s${at}`, text.sentence()])) };
  const menu = many(7, (at) => `<li class="item"><a href="/c/${at}" class="link">${text.words(1)}</a><ul>${many(6, (n) => `<li><a href="/c/${at}/${n}" data-track="menu|${at}|${n}">${text.words(2)}</a></li>`)}</ul></li>`);
  return `<!doctype html>
<html class="no-js" lang="en"><head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} &ndash; Harbour &amp; Mill</title>
<link rel="canonical" href="https://shop.example/x"><link rel="preconnect" href="https://cdn.example" crossorigin>
<meta name="description" content="${text.sentence()}"><meta property="og:title" content="${title}">
${more}
<style>${style}</style>
<script>window.theme=${JSON.stringify(theme)};if(1<2&&document.querySelector("html")){document.documentElement.className="js"}</script>
</head>
<body><!-- header --><header><a class="logo" href="/">Harbour &amp; Mill</a><nav aria-label="Main"><ul>${menu}</ul></nav>
<form action="/search"><input type="search" name="q" placeholder="Search"><button>Go</button></form></header>
<main id="main">`;
}

/** @param {ReturnType<typeof texts>} text */
function foot(text) {
  const section = () => `<section><h3>${text.words(2)}</h3><ul>${many(7, () => `<li><a href="/pages/${text.words(1)}">${text.words(2)}</a></li>`)}</ul><p>${text.sentences(2)}</p></section>`;
  return `</main><footer>${many(4, section)}</footer></body></html>\n`;
}

const sources = (name) => [180, 360, 540, 720].map((width) => `https://cdn.example/files/${name}_${width}x.jpg?v=17${width} ${width}w`).join(', ');
const image = (name, width) => `<img src="https://cdn.example/files/${name}_${width}x.jpg" srcset="${sources(name)}" sizes="(min-width:750px) 33vw, 50vw" width="${width}" height="${width}" loading="lazy" alt="">`;
const priced = ({ sku, arms_minor: [minor] }) => `<span class="price" data-price="${sku}">$${dollars(minor)}</span>`;

/** @returns {string} */
export function productPage() {
  const text = texts(12345), { sku, name, arms_minor: [minor] } = PRODUCT;
  const url = `https://shop.example/products/${sku}`, price = dollars(minor), context = 'https://schema.org';
  const crumbs = { '@context': context, '@type': 'BreadcrumbList', itemListElement: [1, 2, 3].map((position) => ({ '@type': 'ListItem', position, name: text.words(1), item: `https://shop.example/c/${position}` })) };
  const product = { '@context': context, '@type': 'Product', name, sku, brand: { '@type': 'Brand', name: 'Harbour & Mill' }, description: text.sentences(3), image: ['https://cdn.example/files/a.jpg'],
    aggregateRating: { '@type': 'AggregateRating', ratingValue: '4.6', reviewCount: '128' }, offers: { '@type': 'Offer', price, priceCurrency: 'USD', availability: `${context}/InStock`, url } };
  const data = (json) => `<script type="application/ld+json">${JSON.stringify(json)}</script>`;
  const review = (at) => `<article class="review" data-id="${at}"><header><b>${text.words(1)}</b><time datetime="2026-03-${10 + (at % 20)}">${text.words(2)}</time>`
    + `<span class="stars" aria-label="${3 + (at % 3)} of 5">${'<i class="star"></i>'.repeat(3 + (at % 3))}</span></header><p>${text.sentences(5)}</p></article>`;
  return `${head(text, name, `<meta property="product:price:amount" content="${price}"><meta property="product:price:currency" content="USD">\n${data(crumbs)}\n${data(product)}`)}
<div class="product"><div class="gallery">${many(8, (at) => `<figure>${image(`${sku}-${at}`, 800)}</figure>`)}</div>
<div class="info"><h1>${name}</h1><div class="price-wrap"><span class="visually-hidden">Regular price</span> ${priced(PRODUCT)}</div>
<form action="/cart/add" method="post"><input type="hidden" name="id" value="${sku}"><fieldset><legend>Size</legend>${many(5, (at) => `<label><input type="radio" name="size" value="${at}">${at}</label>`)}</fieldset><button>Add to cart</button></form>
<div class="description">${many(6, () => `<p>${text.sentences(4)}</p>`)}</div>
<table>${many(14, () => `<tr><th>${text.words(1)}</th><td>${text.words(5)}</td></tr>`)}</table></div></div>
<section><h2>Reviews</h2>${many(44, review)}</section>
<section><h2>You may also like</h2>${many(8, (at) => `<a class="related" href="/products/r${at}">${image(`related${at}`, 360)}<span>${text.words(3)}</span></a>`)}</section>${foot(text)}`;
}

/** @returns {string} */
export function listingPage() {
  const text = texts(54321);
  const star = '<svg class="s" viewBox="0 0 12 12" aria-hidden="true"><path d="M6 0l1.8 3.9 4.2.5-3.1 2.9.8 4.2L6 9.4 2.3 11.5l.8-4.2L0 4.4l4.2-.5z"/></svg>';
  const filter = () => `<details open><summary>${text.words(1)}</summary><ul>${many(8, () => `<li><label><input type="checkbox"> ${text.words(1)} <span>(${text.below(60)})</span></label></li>`)}</ul></details>`;
  const card = (/** @type {Item} */ one) => `<li class="grid__item"><div class="card" data-sku="${one.sku}"><a class="card__media" href="/products/${one.sku.toLowerCase()}?pos=1">${image(one.sku, 540)}</a>
<div class="card__info"><h3><a href="/products/${one.sku.toLowerCase()}">${one.name}</a></h3><div class="rating" role="img" aria-label="4.${one.sku.slice(-1)} of 5">${star.repeat(5)}</div>
<div class="price-wrap"><span class="visually-hidden">Price</span> ${priced(one)}</div>
<div class="swatches">${many(3, (at) => `<button type="button" class="swatch" style="background:#${(0x445566 + at * 99991).toString(16)}" aria-label="${text.words(1)}" data-v="${at}"></button>`)}</div><p>${text.sentences(2)}</p></div></div></li>`;
  return `${head(text, 'All products', '')}<aside>${many(6, filter)}</aside><ul class="grid">${LISTED.map(card).join('\n')}</ul>${foot(text)}`;
}
