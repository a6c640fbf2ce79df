/**
 * What a good engineer writes by hand for the pages of the bench: a visitor cookie, a hash, the runtime's HTMLRewriter.
 * It changes the same places, and knows them and the items beforehand. No posterior, no snapshot, no pins, no signed
 * quotes, nothing for the storefront; the JSON-LD is written anew; and nobody looks whether the catalogue price stood there.
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

let arms;

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
    const page = new HTMLRewriter()
      .on('meta[property="product:price:amount"]', { element(element) { if (product) element.setAttribute('content', price(product)); } })
      .on('[data-price]', { element(element) { const text = price(element.getAttribute('data-price')); if (text) element.setInnerContent(`$${text}`); } })
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
