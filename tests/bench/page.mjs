/**
 * The page that is rewritten: the size and the shape of a usual product page (70 KB, 1 000 elements), the same in each
 * run, with the four items of the golden snapshot in it: one to buy, three to look at.
 */

/** The items, with the text that the shop writes. */
export const ITEMS = [
  { sku: 'OLIVE-500', text: '19,00 €' }, { sku: 'A', text: '$49.90' },
  { sku: 'KNIFE-21', text: 'KWD 12.900' }, { sku: 'SAFFRON/1', text: '¥2,480' },
];

const WORDS = ('linen cotton relaxed seam pocket collar weight yarn dyed mill finish garment wash soft cut button hem shoulder drape '
  + 'season everyday layer light woven texture fabric care cool fits true size medium back sleeve cuff natural recycled returns').split(' ');

/** A small generator, so that the page is always the same. @param {number} seed */
function wordsOf(seed) {
  let state = seed;
  const next = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state / 2 ** 32; };
  return (/** @type {number} */ count) => Array.from({ length: count }, () => WORDS[Math.floor(next() * WORDS.length)]).join(' ');
}

/** @returns {string} */
export function productPage() {
  const words = wordsOf(12345);
  const many = (count, one) => Array.from({ length: count }, (_, at) => one(at)).join('\n');
  const price = ({ sku, text }) => `<span class="price" data-haggle-sku="${sku}">${text}</span>`;
  const [main, ...others] = ITEMS;
  const style = many(80, (at) => `.c${at}{margin:${at % 9}px ${at % 7}px;line-height:1.${at % 9};padding:0 ${at % 12}px}`);
  const links = many(42, (at) => `<li><a href="/c/${at}" data-track="nav|${at}">${words(2)}</a></li>`);
  const review = (at) => `<article class="review" id="r${at}"><header><b>${words(1)}</b><time datetime="2026-03-1${at % 9}">${words(2)}</time>`
    + `<span class="stars">${'<i class="star"></i>'.repeat(3 + (at % 3))}</span></header><p>${words(70)}</p></article>`;
  const card = (item) => `<li class="card"><a href="/product/${item.sku}"><img src="/i/${item.sku}.jpg" alt="" loading="lazy"></a>${price(item)}</li>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${words(4)}</title><style>${style}</style>
<script>window.theme=${JSON.stringify({ strings: many(40, () => words(10)) })};if(1<2){document.documentElement.className="js"}</script></head>
<body><nav><ul>${links}</ul></nav><main><h1>${words(3)}</h1><p class="buy">${price(main)}</p>
<form data-haggle-sku="${main.sku}" action="/cart" method="post"><input type="hidden" name="sku" value="${main.sku}"><button>Add</button></form>
<table>${many(16, () => `<tr><th>${words(1)}</th><td>${words(5)}</td></tr>`)}</table>
<section>${many(80, review)}</section><ul class="cards">${others.map(card).join('\n')}</ul></main>
<footer>${many(30, () => `<section><h3>${words(2)}</h3><p>${words(20)}</p></section>`)}</footer></body></html>
`;
}
