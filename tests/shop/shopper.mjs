/**
 * One simulated shopper: a browser with its own cookies, a short wish list, and a hidden willingness to pay.
 *
 * It knows the shop only by what it is served. It decides at the price that it is shown, once per item.
 */
import { send, text } from '../http.mjs';
import { cartIn, formIn, pricesIn, shownIn } from './markup.mjs';
import { pick } from './random.mjs';

/**
 * What all shoppers of a run share.
 * @typedef {object} World
 * @property {string} url the shop, through the Worker
 * @property {import('./score.mjs').Demand} demand
 * @property {import('./score.mjs').Score} score
 * @property {import('node:http').Agent} agent
 * @property {import('./shoppers.mjs').Stats} stats
 * @property {(problem: string) => void} report
 */

const WITHHOLDING = 0.02, RETURNING = 0.12, THROUGH_LISTING = 0.35, READS_THANKS = 0.25;
const FORM = 'application/x-www-form-urlencoded';

/** Thrown where a visit cannot go on; it is counted already. */
export class BrokenVisit extends Error {}

export class Shopper {
  /** @param {World} world @param {() => number} next this shopper's random numbers */
  constructor(world, next) {
    this.world = world;
    this.next = next;
    /** @type {Map<string, string>} */
    this.cookies = new Map();
    /** Price of each item when it was first seen. @type {Map<string, number>} */
    this.shown = new Map();
    /** @type {Set<string>} */
    this.beaconed = new Set();
    const wishes = 1 + Math.floor(next() * 3);
    this.wishes = [...new Set(Array.from({ length: wishes }, () => pick(next, world.demand.interests)))];
    /** Beacons are lost on purpose: a blocker, or a closed tab. */
    this.withholds = next() < WITHHOLDING;
    this.returns = next() < RETURNING;
    this.throughListing = next() < THROUGH_LISTING;
  }

  /** One visit. Who will return only looks, and decides at the second visit. @param {{ buying: boolean }} intent */
  async visit({ buying }) {
    this.world.stats.visits += 1;
    if (this.throughListing) await this.#look('/');
    let inCart = 0, quoted = 0;
    for (const sku of this.wishes) {
      const page = await this.#look(`/product/${encodeURIComponent(sku)}`);
      const price_minor = this.shown.get(sku);
      if (!buying || price_minor === undefined || this.next() >= this.world.demand.probability(sku, price_minor)) continue;
      const { withQuote } = await this.#addToCart(page, sku);
      inCart += 1;
      quoted += Number(withQuote);
    }
    if (inCart > 0) await this.#checkout(quoted);
  }

  /**
   * Opens a page, compares its prices with those seen before, and sends the beacon.
   * @param {string} path
   * @returns {Promise<string>}
   */
  async #look(path) {
    const { status, body } = await this.#request(path);
    if (status !== 200) this.#broken(`${path} answered ${status}`);
    for (const { sku, price_minor } of pricesIn(body)) this.#see(path, sku, price_minor);
    await this.#beacon(shownIn(body));
    return body;
  }

  /** @param {string} path @param {string} sku @param {number | null} price_minor */
  #see(path, sku, price_minor) {
    if (price_minor === null) return this.#broken(`${path} shows no price for ${sku}`);
    const before = this.shown.get(sku);
    if (before !== undefined && before !== price_minor) {
      this.world.stats.moved_prices += 1;
      this.world.report(`${path}: ${sku} was ${before}, is ${price_minor}`);
    }
    this.shown.set(sku, before ?? price_minor);
    if (before === undefined && this.wishes.includes(sku)) this.world.score.bySku.get(sku)?.seen(price_minor);
  }

  /** Tells which prices were rendered in view, as the storefront script does. @param {{ sku: string, price_minor: number }[]} all */
  async #beacon(all) {
    const shown = all.filter(({ sku }) => this.wishes.includes(sku) && !this.beaconed.has(sku));
    if (shown.length === 0) return;
    const { stats } = this.world;
    for (const { sku } of shown) this.beaconed.add(sku);
    if (this.withholds) {
      stats.withheld_exposures += shown.length;
      return;
    }
    const { status, body } = await this.#request('/haggle/v1/exposures', JSON.stringify({ shown }), 'text/plain;charset=UTF-8');
    if (status !== 200) this.#broken(`the beacon was answered ${status}: ${body.slice(0, 200)}`);
    for (const result of JSON.parse(body).results) {
      stats.beacons[result.status] = (stats.beacons[result.status] ?? 0) + 1;
      if (result.status === 'refused') this.world.report(`an exposure was refused: ${result.error}`);
    }
  }

  /** @param {string} page @param {string} sku @returns {Promise<{ withQuote: boolean }>} */
  async #addToCart(page, sku) {
    const form = formIn(page, sku);
    if (!form) return this.#broken(`the page of ${sku} has no form`);
    const fields = new URLSearchParams({ ...form.fields, units: '1' }).toString();
    const { status } = await this.#request(form.action, fields, FORM);
    if (status !== 303) this.#broken(`adding ${sku} to the cart was answered ${status}`);
    return { withQuote: 'haggle_quote' in form.fields };
  }

  /** Compares the cart with what was shown, and orders. @param {number} quoted lines that carry a quote */
  async #checkout(quoted) {
    const { stats, score } = this.world;
    const lines = cartIn((await this.#request('/cart')).body);
    for (const { sku, price_minor } of lines) {
      if (price_minor === this.shown.get(sku)) continue;
      stats.wrong_charges += 1;
      this.world.report(`${sku} was shown at ${this.shown.get(sku)} and is charged ${price_minor}`);
    }
    const { status, headers } = await this.#request('/checkout', '', FORM);
    const thanks = String(headers.location ?? '');
    if (status !== 303 || !thanks.includes('/thanks/')) this.#broken(`the checkout was answered ${status} ${thanks}`);
    stats.orders += 1;
    stats.quoted_lines += quoted;
    if (this.withholds) stats.withheld_lines += quoted;
    for (const { sku, price_minor } of lines) score.bySku.get(sku)?.bought(price_minor ?? 0, 1);
    if (this.next() < READS_THANKS) await this.#request(thanks.replace(/^https?:\/\/[^/]+/, ''));
  }

  /**
   * @param {string} path
   * @param {string} [body] makes it a POST
   * @param {string} [type]
   * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string }>}
   */
  async #request(path, body, type) {
    const { url, agent, stats } = this.world;
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...(cookie ? { cookie } : {}), ...(type ? { 'content-type': type } : {}) };
    stats.requests += 1;
    try {
      const incoming = await send(url + path, { method: body === undefined ? 'GET' : 'POST', headers, body, agent });
      const answer = { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await text(incoming) };
      for (const line of answer.headers['set-cookie'] ?? []) this.#keep(line);
      if (answer.status >= 500) {
        stats.server_errors += 1;
        this.#broken(`${path} answered ${answer.status}: ${answer.body.slice(0, 200)}`);
      }
      return answer;
    } catch (error) {
      if (error instanceof BrokenVisit) throw error;
      return this.#broken(`${path}: ${error?.code ?? error}`);
    }
  }

  /**
   * Keeps a cookie. `Secure` does not matter here: browsers, too, send such cookies to the local machine.
   * @param {string} line
   */
  #keep(line) {
    const [pair, ...attributes] = line.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    if (at <= 0) return;
    const gone = attributes.some((one) => /^max-age=(0|-\d+)$/i.test(one));
    if (gone) this.cookies.delete(pair.slice(0, at));
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }

  /** @param {string} problem @returns {never} */
  #broken(problem) {
    this.world.report(problem);
    throw new BrokenVisit(problem);
  }
}
