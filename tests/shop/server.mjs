/**
 * The demo shop: an origin server that knows nothing of experiments.
 *
 * It renders its pages, keeps a cart per session, and does the two things a shop must do for haggle: at add-to-cart and
 * at checkout it checks the posted quote and charges its price, and after the order it sends the reward.
 *
 * Alone: `node tests/shop/server.mjs [--port 8080]`
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

import { aboutPage, cartPage, listingPage, missingPage, productPage, productPath, thanksPage } from './pages.mjs';
import { readKeys, verifyQuote } from './quotes.mjs';
import { RewardSender } from './rewards.mjs';

/** @typedef {import('./pages.mjs').Item} Item */
/** @typedef {import('./pages.mjs').CartLine & { quote: string | null, cost_minor: number }} Line */
/** @typedef {{ type: string, body: string | Uint8Array }} Extra a page or file beside the shop's own */
/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

const here = (name) => new URL(name, import.meta.url);
const BODY_MAX = 64 * 1024, REMEMBERED_MAX = 10_000, LINES_MAX = 50, UNITS_MAX = 20;
const SESSION = 'almazara_session', HTML = 'text/html; charset=utf-8';

/** The shop's catalogue. @type {import('./pages.mjs').Catalogue} */
export const CATALOGUE = JSON.parse(readFileSync(here('catalogue.json'), 'utf8'));
const STYLE = readFileSync(here('style.css'), 'utf8'), BUY_BOX = readFileSync(here('buybox.js'), 'utf8');
const ITEMS = new Map(CATALOGUE.items.map((item) => [item.sku, item]));

/** Every path of the shop that is the same for everybody. */
export const PUBLIC_PATHS = ['/', '/about', '/style.css', ...CATALOGUE.items.map(productPath)];

/** @param {Map<string, Extra>} extra @returns {Map<string, Extra & { etag: string }>} */
function renderPublicPages(extra) {
  const pages = new Map([['/', listingPage(CATALOGUE)], ['/about', aboutPage(CATALOGUE)]]
    .concat(CATALOGUE.items.map((item) => [productPath(item), productPage(CATALOGUE, item)])));
  const entry = (type, body) => ({ type, body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` });
  const all = new Map([['/style.css', entry('text/css; charset=utf-8', STYLE)], ['/buybox.js', entry('text/javascript', BUY_BOX)]]);
  for (const [path, body] of pages) all.set(path, entry(HTML, body));
  for (const [path, { type, body }] of extra) all.set(path, entry(type, body));
  return all;
}

/** @param {Map<any, any>} map forgets its oldest entries beyond the limit */
function bound(map) {
  for (const key of map.keys()) {
    if (map.size <= REMEMBERED_MAX) return;
    map.delete(key);
  }
}

/** @param {Request} request @returns {Promise<URLSearchParams | null>} null where it is too large */
async function readForm(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_MAX) return null;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

/** @param {Response} response @param {number} status @param {string} body @param {Record<string, string>} headers */
function sendPage(response, status, body, headers = {}) {
  const usual = { 'content-type': HTML, 'content-length': Buffer.byteLength(body), 'cache-control': 'private, no-store' };
  response.writeHead(status, { ...usual, ...headers });
  response.end(body);
}

/** @param {Response} response @param {string} location @param {Record<string, string>} headers */
function redirect(response, location, headers = {}) {
  response.writeHead(303, { location, 'content-length': '0', 'cache-control': 'private, no-store', ...headers });
  response.end();
}

class Shop {
  /** @param {{ keys: Map<string, Uint8Array>, merchant?: string, rewards: RewardSender, extra: Map<string, Extra>, state?: string }} options */
  constructor({ keys, merchant, rewards, extra, state }) {
    this.keys = keys;
    this.merchant = merchant;
    this.rewards = rewards;
    this.pages = renderPublicPages(extra);
    this.state = state;
    /** @type {Map<string, Line[]>} */
    this.carts = new Map(state && existsSync(state) ? JSON.parse(readFileSync(state, 'utf8')) : []);
    /** @type {Map<string, { id: string, lines: Line[] }>} */
    this.orders = new Map();
    /** @type {Set<() => void>} */
    this.held = new Set();
    // Two runs of the shop must not give the same number to two orders.
    this.series = randomBytes(3).toString('hex');
    /** @type {Record<string, number>} why a posted quote was not charged */
    const quotes_refused = {};
    this.stats = { requests: 0, orders: 0, order_lines: 0, quoted_lines: 0, revenue_minor: 0, quotes_refused };
  }

  /** @param {Request} request @param {Response} response */
  async answer(request, response) {
    this.stats.requests += 1;
    const path = (request.url ?? '/').split('?')[0];
    const reading = request.method === 'GET' || request.method === 'HEAD';
    if (reading && this.pages.has(path)) return this.#publicPage(path, request, response);
    if (reading && path === '/cart') return sendPage(response, 200, cartPage(CATALOGUE, await this.#checked(request)));
    if (request.method === 'POST' && path === '/cart') return this.#addToCart(request, response);
    if (request.method === 'POST' && path === '/checkout') return this.#checkout(request, response);
    if (reading && path === '/slow/release') return this.#release(response);
    if (reading && path.startsWith('/slow/')) return this.#slowPage(path, response);
    const order = reading && path.startsWith('/thanks/') ? this.orders.get(path.slice(8)) : undefined;
    if (order) return sendPage(response, 200, thanksPage(CATALOGUE, order));
    return sendPage(response, 404, missingPage(CATALOGUE));
  }

  /** @param {string} path @param {Request} request @param {Response} response */
  #publicPage(path, request, response) {
    const page = this.pages.get(path);
    const headers = { etag: page.etag, 'cache-control': 'public, max-age=300' };
    if (request.headers['if-none-match'] === page.etag) {
      response.writeHead(304, headers);
      response.end();
      return;
    }
    const described = { ...headers, 'content-type': page.type, 'content-length': String(Buffer.byteLength(page.body)) };
    sendPage(response, 200, request.method === 'HEAD' ? '' : page.body, described);
  }

  /** @param {Request} request @returns {string | null} */
  #session(request) {
    return new RegExp(`(?:^|; *)${SESSION}=([0-9a-f]{32})`).exec(request.headers.cookie ?? '')?.[1] ?? null;
  }

  /** The cart at what it costs now: a quote may have run out in it. @param {Request} request @returns {Promise<Line[]>} */
  async #checked(request) {
    const session = this.#session(request) ?? '', lines = this.carts.get(session) ?? [];
    for (const [at, { sku, units, quote }] of lines.entries()) {
      const item = quote === null ? undefined : ITEMS.get(sku);
      if (item) lines[at] = await this.#line(item, units, quote);
    }
    return lines;
  }

  /** A cart outlives the shop's process. @param {string} session @param {Line[]} [lines] none: it is bought */
  #keep(session, lines) {
    if (lines) this.carts.set(session, lines);
    else this.carts.delete(session);
    bound(this.carts);
    if (this.state) writeFileSync(this.state, JSON.stringify([...this.carts]));
  }

  /** @param {Request} request @param {Response} response */
  async #addToCart(request, response) {
    const form = await readForm(request);
    const item = ITEMS.get(form?.get('sku') ?? '');
    const units = Number(form?.get('units') ?? 1);
    const sensible = Number.isInteger(units) && units >= 1 && units <= UNITS_MAX;
    if (!form || !item || !sensible) return sendPage(response, 400, missingPage(CATALOGUE));
    const session = this.#session(request) ?? randomBytes(16).toString('hex');
    const lines = this.carts.get(session) ?? [];
    if (lines.length < LINES_MAX) lines.push(await this.#line(item, units, form.get('haggle_quote')));
    this.#keep(session, lines);
    return redirect(response, '/cart', { 'set-cookie': `${SESSION}=${session}; Path=/; HttpOnly; SameSite=Lax` });
  }

  /** What the item costs this shopper: the quoted price where the quote is good, else the catalogue's. @returns {Promise<Line>} */
  async #line(/** @type {Item} */ item, /** @type {number} */ units, /** @type {string | null} */ quote) {
    const { keys, merchant } = this;
    const expected = { keys, merchant, sku: item.sku, currency: CATALOGUE.currency, now_s: Date.now() / 1000 };
    const checked = await verifyQuote(quote, expected);
    if ('claims' in checked) return { sku: item.sku, units, price_minor: checked.claims.p, quote, cost_minor: item.cost_minor };
    this.stats.quotes_refused[checked.refused] = (this.stats.quotes_refused[checked.refused] ?? 0) + 1;
    // Who was offered a price must hear why it is another one; who was not sees no other.
    return { sku: item.sku, units, price_minor: item.price_minor, quote: null, cost_minor: item.cost_minor, isRefused: Boolean(quote) };
  }

  /** @param {Request} request @param {Response} response */
  async #checkout(request, response) {
    await readForm(request);
    const before = this.carts.get(this.#session(request) ?? '')?.map(({ price_minor }) => price_minor);
    const lines = await this.#checked(request);
    // Nobody pays more than the basket said: first it says what changed.
    if (lines.length === 0 || lines.some(({ price_minor }, at) => price_minor !== before?.[at])) return redirect(response, '/cart');
    this.#keep(this.#session(request) ?? '');
    this.stats.orders += 1;
    const order = { id: `A${this.series}-${String(this.stats.orders).padStart(5, '0')}`, lines };
    this.orders.set(order.id, order);
    bound(this.orders);
    this.#reward(order);
    return redirect(response, `/thanks/${order.id}`);
  }

  /** @param {{ id: string, lines: Line[] }} order */
  #reward({ id, lines }) {
    const quoted = lines.map((line, at) => ({ line, line_id: String(at + 1) })).filter(({ line }) => line.quote !== null);
    this.stats.order_lines += lines.length;
    this.stats.quoted_lines += quoted.length;
    this.stats.revenue_minor += lines.reduce((sum, line) => sum + line.price_minor * line.units, 0);
    if (quoted.length === 0) return;
    this.rewards.send({ order_id: id, lines: quoted.map(({ line, line_id }) => ({ line_id, quote: line.quote, units: line.units,
      revenue_minor: line.price_minor * line.units, cost_minor: line.cost_minor * line.units })) });
  }

  /** A product page whose second half waits for `/slow/release`. @param {string} path @param {Response} response */
  #slowPage(path, response) {
    const item = ITEMS.get(decodeURIComponent(path.slice('/slow/'.length)));
    if (!item) return sendPage(response, 404, missingPage(CATALOGUE));
    const page = productPage(CATALOGUE, item);
    const cut = page.indexOf('</span></p>', page.indexOf('price big')) + '</span></p>\n'.length;
    response.writeHead(200, { 'content-type': HTML, 'cache-control': 'public, max-age=300' });
    response.write(page.slice(0, cut));
    const finish = () => {
      this.held.delete(finish);
      response.end(page.slice(cut));
    };
    this.held.add(finish);
    response.on('close', () => this.held.delete(finish));
  }

  /** @param {Response} response */
  #release(response) {
    const released = this.held.size;
    for (const finish of [...this.held]) finish();
    sendPage(response, 200, `${released} released\n`, { 'content-type': 'text/plain; charset=utf-8' });
  }
}

/**
 * Starts the shop.
 * @param {{ port?: number, keys?: string, merchant?: string, rewardsUrl?: string, rewardsToken?: string, state?: string,
 *   extra?: Map<string, Extra>, duplicates?: import('./rewards.mjs').Duplicates }} options keys as in the Worker's
 *   `QUOTE_KEYS`; port 0 takes a free one; state: a file for the carts
 */
export async function startShop({ port = 0, keys = '', merchant, rewardsUrl, rewardsToken = '', state, extra = new Map(), duplicates } = {}) {
  const rewards = new RewardSender({ url: rewardsUrl, token: rewardsToken, duplicates });
  const shop = new Shop({ keys: readKeys(keys), merchant, rewards, extra, state });
  const server = createServer((request, response) => {
    shop.answer(request, response).catch((error) => {
      if (!response.headersSent) sendPage(response, 500, `the shop failed: ${error}`, { 'content-type': 'text/plain' });
      response.destroy();
    });
  });
  // Longer than the Worker keeps an idle connection: else a request could meet a closing one.
  server.keepAliveTimeout = 600_000;
  server.requestTimeout = 0;
  await new Promise((ready, failed) => server.once('error', failed).listen(port, '127.0.0.1', () => ready(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    stats: shop.stats,
    rewards,
    /** Where the rewards go, once the Worker's address is known. @param {string} url */
    rewardsTo(url) { rewards.url = url; },
    async stop() {
      rewards.stop();
      server.closeAllConnections();
      await new Promise((closed) => server.close(() => closed(undefined)));
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const at = process.argv.indexOf('--port');
  const shop = await startShop({ port: at > 0 ? Number(process.argv[at + 1]) : 8080 });
  console.log(`the shop is open at ${shop.url} (Ctrl-C closes it)`);
  process.once('SIGINT', () => shop.stop().then(() => process.exit(0)));
}
