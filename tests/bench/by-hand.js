/**
 * What a good engineer writes by hand for the same page: a visitor cookie, a hash, the runtime's HTMLRewriter, a signed
 * quote for each item, in the same places. It does not learn: no posterior, no snapshot, no pins, and it knows the
 * items of the page beforehand.
 */
const ARMS = {
  'OLIVE-500': ['19,00 €', '17,50 €', '21,00 €'],
  A: ['$49.90', '$44.90', '$52.90'],
  'KNIFE-21': ['KWD 6.900', 'KWD 9.900', 'KWD 12.900'],
  'SAFFRON/1': ['¥2,980', '¥2,480', '¥1,980'],
};
const COOKIE = /(?:^|;\s*)haggle_vid=([0-9a-f]{32})/;

/** FNV-1a with a finaliser. */
function arm(id, sku) {
  let hash = 2166136261;
  for (const letter of `${sku}:${id}`) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
  hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
  return ((hash ^ (hash >>> 13)) >>> 0) % 3;
}

const base64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const HEAD = base64(new TextEncoder().encode('{"alg":"HS256","typ":"JWT","kid":"k1"}'));
let key;

async function signed(claims) {
  key ??= await crypto.subtle.importKey('raw', new Uint8Array(32).fill(7), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const message = `${HEAD}.${base64(new TextEncoder().encode(JSON.stringify(claims)))}`;
  const tag = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(message));
  return `${message}.${base64(new Uint8Array(tag))}`;
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const known = COOKIE.exec(request.headers.get('cookie') ?? '')?.[1];
    const id = known ?? crypto.randomUUID().replaceAll('-', '');
    const response = await fetch(env.ORIGIN + url.pathname + url.search, request);
    if (request.method !== 'GET' || response.status !== 200 || !(response.headers.get('content-type') ?? '').startsWith('text/html')) return response;

    const iat = Math.floor(Date.now() / 60000) * 60;
    const offers = {};
    await Promise.all(Object.entries(ARMS).map(async ([sku, texts]) => {
      const at = arm(id, sku);
      const claims = { m: 'almazara', o: sku, c: 'EUR', p: 1900, pp: 1900, x: 'by-hand', a: `a${at}`, w: 21845, e: 1, iat, exp: iat + 172800, rw: 604800, s: 4, jti: `${id}${sku}` };
      offers[sku] = { text: texts[at], token: await signed(claims) };
    }));
    const offer = (element) => offers[element.getAttribute('data-haggle-sku')];
    const quotes = JSON.stringify(Object.fromEntries(Object.entries(offers).map(([sku, { token }]) => [sku, token])));
    const page = new HTMLRewriter()
      .on('[data-haggle-sku]:not(form)', { element(element) { if (offer(element)) element.setInnerContent(offer(element).text); } })
      .on('form[data-haggle-sku]', { element(form) { if (offer(form)) form.append(`<input type="hidden" name="haggle_quote" value="${offer(form).token}">`, { html: true }); } })
      .onDocument({ end(end) { end.append(`<script type="module" src="/haggle/haggle.js" data-haggle-quotes='${quotes}'></script>`, { html: true }); } })
      .transform(response);
    const own = new Response(page.body, page);
    own.headers.set('cache-control', 'private, no-store');
    own.headers.delete('etag');
    if (!known) own.headers.append('set-cookie', `haggle_vid=${id}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax`);
    return own;
  },
};
