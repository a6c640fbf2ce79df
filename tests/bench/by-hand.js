/**
 * What a good engineer writes by hand for the pages of the bench: a visitor cookie, a hash, the runtime's HTMLRewriter.
 * It changes the same places, and knows them and the items beforehand. No posterior, no snapshot, no pins; the JSON-LD
 * is written anew; and nobody looks whether the catalogue price stood there.
 *
 * With `QUOTES` it also writes what haggle writes beside prices, so that the shopper is charged what was shown: a signed
 * quote in the form that puts the item into the cart, and the storefront script with the prices of the page.
 */
const COOKIE = /(?:^|;\s*)vid=([\w-]{8,64})/;

/** FNV-1a with a finaliser. @param {string} id */
function arm(id) {
  let hash = 2166136261;
  const text = `price-test-1:${id}`;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
  return ((hash ^ (hash >>> 13)) >>> 0) % 3;
}

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const utf8 = (text) => new TextEncoder().encode(text);
const HEAD = base64url(utf8('{"alg":"HS256","typ":"JWT","kid":"k1"}'));
let arms, key;

/** @param {string} sku @param {string} price @param {string} id @param {number} at */
async function quote(sku, price, id, at) {
  key ??= await crypto.subtle.importKey('raw', new Uint8Array(32).fill(7), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const iat = Math.floor(Date.now() / 60000) * 60;
  const claims = { m: 'almazara', o: sku, c: 'USD', p: price, pp: arms[sku][0], x: 'by-hand', a: `a${at}`, w: 21845, e: 1, v: 1, iat, exp: iat + 174600, rw: 604800, s: 4, jti: crypto.randomUUID() };
  const message = `${HEAD}.${base64url(utf8(JSON.stringify(claims)))}`;
  return `${message}.${base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(message))))}`;
}

export default {
  async fetch(request, env) {
    arms ??= JSON.parse(env.ARMS);
    const { pathname, search } = new URL(request.url);
    const known = COOKIE.exec(request.headers.get('cookie') ?? '')?.[1];
    const id = known ?? crypto.randomUUID();
    const response = await fetch(env.ORIGIN + pathname + search, request);
    if (request.method !== 'GET' || response.status !== 200 || !(response.headers.get('content-type') ?? '').startsWith('text/html')) return response;

    const at = arm(id);
    const price = (sku) => arms[sku] && (arms[sku][at] / 100).toFixed(2);
    const product = pathname === '/product' ? env.PRODUCT : null;
    let json = '';
    const shown = {};
    const rewriter = new HTMLRewriter();
    if (env.QUOTES) {
      const token = product && await quote(product, price(product), id, at);
      rewriter
        .on('form[action="/cart/add"]', { element(form) { form.append(`<input type="hidden" name="haggle_quote" value="${token}">`, { html: true }); } })
        .onDocument({ end(end) { end.append(`<script type="module" src="/haggle/haggle.js" data-haggle='${JSON.stringify({ items: shown })}'></script>`, { html: true }); } });
    }
    const page = rewriter
      .on('meta[property="product:price:amount"]', { element(element) { if (product) element.setAttribute('content', price(product)); } })
      .on('[data-price]', { element(element) { const sku = element.getAttribute('data-price'), text = price(sku); if (text) { element.setInnerContent(`$${text}`); if (env.QUOTES) shown[sku] = { price: arms[sku][at], texts: [[[`$${(arms[sku][0] / 100).toFixed(2)}`], [`$${text}`]]] }; } } })
      .on('script[type="application/ld+json"]', {
        text(chunk) {
          json += chunk.text;
          if (!chunk.lastInTextNode) { chunk.remove(); return; }
          let body = json;
          json = '';
          try {
            const data = JSON.parse(body), text = data.offers && price(data.sku);
            if (text) { data.offers.price = text; body = JSON.stringify(data).replaceAll('<', '\\u003c'); }
          } catch { /* stays as it was */ }
          chunk.replace(body, { html: true });
        },
      })
      .transform(response);
    const own = new Response(page.body, page);
    own.headers.set('cache-control', 'private, no-store');
    own.headers.delete('etag');
    if (!known) own.headers.append('set-cookie', `vid=${id}; Path=/; Max-Age=31536000; SameSite=Lax; Secure; HttpOnly`);
    return own;
  },
};
