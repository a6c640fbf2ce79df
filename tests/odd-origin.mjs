/**
 * An origin with unusual answers: compressed pages, errors with prices in them, binary files, odd markup.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { productPage } from './shop/pages.mjs';
import { CATALOGUE } from './shop/server.mjs';

const HTML = 'text/html; charset=utf-8';
const CACHED = { etag: '"odd-1"', 'last-modified': 'Tue, 01 Sep 2026 10:00:00 GMT', 'cache-control': 'public, max-age=600', age: '7',
  expires: 'Tue, 01 Dec 2026 10:00:00 GMT', 'surrogate-control': 'max-age=600', 'cdn-cache-control': 'max-age=600', vary: 'accept-encoding',
  'cloudflare-cdn-cache-control': 'max-age=600', 'edge-control': 'max-age=600', 'x-accel-expires': '600', 'content-digest': 'sha-256=:AAAA:' };

/** The product page that the compressed answers carry. */
export const PRODUCT = productPage(CATALOGUE, CATALOGUE.items[0]);

const price = (text, sku = 'OLIVE-500') => `<span data-haggle-sku="${sku}">${text}</span>`;

/** Pages that are hard to rewrite; all of them must come out whole. @type {Record<string, string>} */
export const MARKUP = {
  'three-formats': `<p>${price('$19.00')} ${price('19,00 €')} ${price('19.00')} and ${price('€&nbsp;19.00 incl. 21 % VAT')}</p>`,
  thousands: `<p>${price('1.899,00 €', 'OVEN-80')} ${price('$1,899.00', 'OVEN-80')} ${price('1899.00', 'OVEN-80')}</p>`,
  'another-number': `<p>${price('sold out')} ${price('18.00')} ${price('')} ${price('A1900')} ${price('1.900.0')}</p>`,
  'form-of-another-number': `<p>${price('18.00')}</p><form data-haggle-sku="OLIVE-500" method="post"></form>`,
  'right-and-wrong': `<p>${price('19,00 €')} ${price('1.899,00 €', 'OVEN-80')} ${price('18,00 €')}</p>`,
  'outside-of-elements': `<p>19,00 € <b>19.00</b></p><!-- ${price('19.00')} --><script>const x = '${price('19.00').replace('/', '\\/')}';</script>`,
  'attributes-stay': '<p data-price="19.00" title="19,00 €"><meta content="19.00">' + price('19,00 €') + '</p>',
  'unknown-item': `<p>${price('19.00', 'NOT-HERE')} ${price('19.00', '')} ${price('19.00', 'a&quot;b')}</p>`,
  'void-and-unclosed': `<ul><li data-haggle-sku="OLIVE-500">19,00 €<li data-haggle-sku="OVEN-80">1.899,00 €</ul><p>19,00 € 1.899,00 €</p>`
    + '<input data-haggle-sku="OLIVE-500" value="19.00"><br><p>19.00</p>',
  'no-end': `<html><body><p>${price('19,00 €')}<div data-haggle-sku="OLIVE-500">19.00`,
  entities: `<p>&amp;&lt;&#8364;${price('&#8364;19.00 &amp; up &lt;b&gt;')}</p>`,
  'signs-of-all-kinds': `<p>ÄÖÜ ß 漢字 🍋 \u2028 ${price('漢 19,00\u00a0€ 🍋')} \u0000</p>`,
  'upper-case': "<P><SPAN CLASS=x DATA-HAGGLE-SKU=OLIVE-500>19.00</SPAN><B data-Haggle-sku='OLIVE-500'\n>19,00</B ></P>",
  nested: `<div data-haggle-sku="OVEN-80">1.899,00 € <i>or</i> ${price('19,00 €')} <i>today</i></div><p>19,00 € 1.899,00 €</p>`,
  'empty-page': '',
  'only-text': 'no markup at all, 19.00',
};

/** A long page with a price at its very end. */
export const LONG = `<body>${'<p>lorem ipsum dolor sit amet</p>\n'.repeat(100_000)}${price('19,00 €')}</body>`;

/** A page in windows-1252: the byte 0x80 is its euro sign. */
export const LATIN = Buffer.from(`<p>caf\xe9 ${price('19,00 \x80')} \xdf</p>`, 'latin1');

/** Bytes of every value: no text in any encoding. */
export const BINARY = Buffer.from(Array.from({ length: 4096 }, (_, at) => at % 256));

/** @type {Record<string, (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void>} */
const ANSWERS = {
  '/gzip': (_, response) => answer(response, 200, gzipSync(PRODUCT), { ...CACHED, 'content-encoding': 'gzip' }),
  '/br': (_, response) => answer(response, 200, brotliCompressSync(PRODUCT), { ...CACHED, 'content-encoding': 'br' }),
  '/plain': (_, response) => answer(response, 200, PRODUCT, CACHED),
  '/timed': (_, response) => answer(response, 200, PRODUCT, { 'server-timing': 'db;dur=12', 'set-cookie': ['a=1; Path=/', 'b=2; HttpOnly'] }),
  '/303': (_, response) => answer(response, 303, '', { location: '/elsewhere?a=%20b' }),
  '/301': (_, response) => answer(response, 301, `<p>${price('19.00')}</p>`, { location: 'https://another.example/x' }),
  '/404': (_, response) => answer(response, 404, PRODUCT),
  '/410': (_, response) => answer(response, 410, PRODUCT),
  '/500': (_, response) => answer(response, 500, PRODUCT),
  '/503': (_, response) => answer(response, 503, PRODUCT, { 'retry-after': '5' }),
  '/204': (_, response) => { response.writeHead(204).end(); },
  '/json': (_, response) => answer(response, 200, JSON.stringify({ html: price('19.00') }), { ...CACHED, 'content-type': 'application/json' }),
  '/text': (_, response) => answer(response, 200, price('19.00'), { ...CACHED, 'content-type': 'text/plain' }),
  '/xhtml': (_, response) => answer(response, 200, price('19.00'), { ...CACHED, 'content-type': 'application/xhtml+xml' }),
  '/untyped': (_, response) => { response.writeHead(200).end(price('19.00')); },
  '/binary': (request, response) => {
    if (request.headers.range === 'bytes=16-31') return answer(response, 206, BINARY.subarray(16, 32),
      { 'content-type': 'image/png', 'content-range': 'bytes 16-31/4096' });
    return answer(response, 200, BINARY, { ...CACHED, 'content-type': 'image/png' });
  },
  '/conditional': (request, response) => {
    if (request.headers['if-none-match'] === '"odd-1"' || request.headers['if-modified-since']) return void response.writeHead(304, CACHED).end();
    if (request.headers.range) return answer(response, 206, PRODUCT.slice(0, 100), { 'content-range': `bytes 0-99/${Buffer.byteLength(PRODUCT)}` });
    return answer(response, 200, PRODUCT, CACHED);
  },
  '/long': (_, response) => answer(response, 200, LONG),
  // A price in pieces: the browser sees one text.
  '/pieces': (_, response) => {
    const [before, after] = PRODUCT.split('19,00 €');
    const pieces = [before, '1', '9', ',', '0', '0', ' ', ...[...Buffer.from('€')].map((byte) => Buffer.of(byte)), after];
    response.writeHead(200, { 'content-type': HTML });
    const next = () => (pieces.length ? response.write(pieces.shift(), () => setImmediate(next)) : response.end());
    next();
  },
  '/deeper': (_, response) => answer(response, 200, '<span data-haggle-sku="OLIVE-500"><sup>€</sup><b>19,00</b></span>'),
  '/unknown-charset': (_, response) => answer(response, 200, LATIN, { 'content-type': 'text/html; charset=nonsense' }),
  '/utf-16': (_, response) => answer(response, 200, Buffer.from(`<p>${price('19,00')}</p>`, 'utf16le'),
    { 'content-type': 'text/html; charset=utf-16le' }),
  '/utf-16-untold': (_, response) => answer(response, 200, Buffer.from(`\ufeff<p>${price('19,00')}</p>`, 'utf16le'), { 'content-type': 'text/html' }),
  '/iso-2022-jp': (_, response) => answer(response, 200, `<meta charset=ISO-2022-JP><p>\x1b$B${price('19,00')}\x1b(B</p>`,
    { 'content-type': 'text/html' }),
  '/deflate': (_, response) => answer(response, 200, deflateSync(PRODUCT), { ...CACHED, 'content-encoding': 'deflate' }),
  // Names of gzip that the runtime does not know.
  '/x-gzip': (_, response) => answer(response, 200, gzipSync(PRODUCT), { ...CACHED, 'content-encoding': 'x-gzip' }),
  '/GZIP': (_, response) => answer(response, 200, gzipSync(PRODUCT), { ...CACHED, 'content-encoding': 'GZIP' }),
  '/meta-charset': (_, response) => answer(response, 200, Buffer.concat([Buffer.from('<meta charset="windows-1252">'), LATIN]),
    { 'content-type': 'text/html' }),
  '/windows-1252': (_, response) => answer(response, 200, LATIN, { 'content-type': 'text/html; charset=windows-1252' }),
};

function answer(response, status, body, headers = {}) {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'content-type': HTML, 'content-length': bytes.length, ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

/** Says what arrived. */
async function echo(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString('base64') });
  response.writeHead(201, { 'content-type': 'application/json', 'x-echo': 'yes' }).end(body);
}

/** A WebSocket that says `hello` and whatever it is told (RFC 6455; messages are short). */
function greet(request, socket) {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
  const say = (bytes) => socket.write(Buffer.concat([Buffer.of(0x81, bytes.length), bytes]));
  say(Buffer.from('hello'));
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    if ((frame[0] & 0xf) !== 1) return void socket.end();
    const mask = frame.subarray(2, 6);
    say(Buffer.from(frame.subarray(6, 6 + (frame[1] & 0x7f)).map((byte, at) => byte ^ mask[at % 4])));
  });
}

/** @returns {Promise<{ url: string, stop: () => Promise<void> }>} */
export async function startOddOrigin() {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    const reading = request.method === 'GET' || request.method === 'HEAD';
    const markup = MARKUP[path.replace('/markup/', '')];
    if (!reading || path.startsWith('/echo')) return void echo(request, response);
    if (path.startsWith('/markup/') && markup !== undefined) return answer(response, 200, markup, CACHED);
    return (ANSWERS[path] ?? ((_, missing) => answer(missing, 404, 'nothing here', { 'content-type': 'text/plain' })))(request, response);
  });
  server.on('upgrade', greet);
  server.keepAliveTimeout = 600_000;
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(() => closed(undefined)));
    },
  };
}
