/**
 * What the tests on workerd share: a world of shop, Worker and central store, shoppers with cookies, quotes of our own
 * making, and the calls of the shop's server and of the administration.
 */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { ADMIN_HOST, MERCHANT, newSecrets, startEdge } from './edge.mjs';
import { send } from './http.mjs';
import { pricesIn, quotesIn, shownIn } from './shop/markup.mjs';
import { startShop } from './shop/server.mjs';

/** Quick enough for a test: a shard reports after 0.2 s, an isolate asks KV again after 0.05 s, and waits for it on a busy machine. */
export const VARS = { FIRST_VIEW: 'assign', MODE: 'stream', LEDGER_PUSH_MS: '200', SNAPSHOT_TTL_MS: '50', EPOCH_MIN_S: '0', KV_BUDGET_MS: '2000' };

/** As a browser asks for a page. */
export const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

/** A connection of its own, for what is refused unread: workerd closes the connection then, without saying so. */
export const ALONE = { agent: new Agent({ keepAlive: false }) };

const IGNORED = { hypothesis: 'the price matters', document: 'https://wiki.example/pricing', currency: 'EUR' };

/** Four prices of the olive oil, one of them the catalogue's. */
const OLIVE_ARMS = [['low', 1600], ['list', 1900], ['high', 2400], ['gift', 3000]];

/**
 * An experiment on the olive oil with equal shares and no holdout, or with what is given instead.
 * @param {Record<string, unknown>} [changes]
 * @returns {any}
 */
export function experiment(changes = {}) {
  const arms = OLIVE_ARMS.map(([name, price_minor]) => ({ name, price_minor }));
  return { name: 'sevilla', ...IGNORED, objective: 'profit', holdout: 0, floor: 0.02, reward_window_hours: 168, salt: 'sevilla-test',
    control: 'list', policy: { name: 'thompson' }, item: { sku: 'OLIVE-500', price_minor: 1900, cost_minor: 800 }, arms, ...changes };
}

/**
 * An experiment on another item: its catalogue price, and one a fifth below.
 * @param {string} name
 * @param {string} sku
 * @param {number} price_minor
 */
export const otherExperiment = (name, sku, price_minor) => experiment({ name, salt: name, objective: 'revenue', item: { sku, price_minor },
  arms: [{ name: 'list', price_minor }, { name: 'low', price_minor: Math.round(price_minor * 0.8) }] });

/**
 * Asks until the answer is right, and says what it was if that takes too long.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => unknown} right
 * @param {number} [within_ms]
 * @returns {Promise<T>}
 */
export async function until(what, ask, right, within_ms = 15_000) {
  const began = performance.now();
  for (;;) {
    const answer = await ask();
    if (right(answer)) return answer;
    if (performance.now() - began > within_ms) assert.fail(`${what}: not within ${within_ms} ms; the last answer was ${JSON.stringify(answer)}`);
    await sleep(25);
  }
}

/** The claims of a quote, unchecked. @param {string} token @returns {any} */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString('utf8'));

/** An exposure id that nobody has used. */
export const newId = () => randomBytes(16).toString('base64url');

/**
 * The body as the origin meant it, whatever it was compressed with on the way.
 * @param {import('node:http').IncomingMessage} incoming
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, bytes: Buffer, raw: Buffer, text: string }>}
 */
export async function received(incoming) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const decode = { gzip: gunzipSync, br: brotliDecompressSync }[incoming.headers['content-encoding'] ?? ''];
  const bytes = decode && raw.length > 0 ? decode(raw) : raw;
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, bytes, raw, text: bytes.toString('utf8') };
}

/** A browser: it keeps its cookies, wherever it is answered from. */
export class Shopper {
  /** @param {(location?: string) => string} base @param {Record<string, string>} [cookies] */
  constructor(base, cookies = {}) {
    this.base = base;
    this.cookies = new Map(Object.entries(cookies));
  }

  /**
   * @param {string} path
   * @param {import('./http.mjs').Init & { location?: string }} [init]
   */
  async ask(path, { location, headers = {}, ...init } = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = { ...BROWSER, ...(cookie ? { cookie } : {}), ...headers };
    const answer = await received(await send(this.base(location) + path, { ...init, headers: all }));
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [name, value] = line.split(';')[0].split(/=(.*)/s);
      this.cookies.set(name, value);
    }
    const timing = String(answer.headers['server-timing'] ?? '');
    return { ...answer, reason: /haggle;desc="([a-z-]+)"/.exec(timing)?.[1] ?? null };
  }

  /** Opens a page and reads the prices in it, what its script may report, and the quotes in its forms. @param {string} path @param {{ location?: string }} [where] */
  async look(path, where = {}) {
    const page = await this.ask(path, where);
    return { ...page, prices: pricesIn(page.text), shown: shownIn(page.text), quotes: quotesIn(page.text) };
  }

  /** The beacon of a page that this shopper looked at. @param {{ sku: string, price_minor: number }[]} shown @param {{ location?: string }} [where] */
  async expose(shown, where = {}) {
    const { status, text } = await this.ask('/haggle/v1/exposures', { method: 'POST', body: JSON.stringify({ shown }), ...where });
    return { status, statuses: JSON.parse(text).results?.map((one) => one.status) };
  }

  /** The price of an item by the API. @param {string} sku @param {{ location?: string }} [where] */
  async price(sku, where = {}) {
    const { status, text } = await this.ask(`/haggle/v1/price?sku=${encodeURIComponent(sku)}`, where);
    return { status, ...JSON.parse(text) };
  }
}

/**
 * @typedef {object} WorldOptions
 * @property {Record<string, Record<string, string | undefined>>} [locations] edge locations, each with variables of its own
 * @property {Record<string, string>} [vars] variables of all locations, or others than `VARS`
 * @property {string} [origin] another origin than a demo shop of its own
 * @property {string} [persist]
 * @property {import('./edge.mjs').Secrets} [secrets]
 * @property {object[]} [workers]
 * @property {(location: string) => object} [worker]
 * @property {any[]} [experiments] that run from the beginning
 * @property {{ state?: string, extra?: Map<string, any> }} [shop] more of the demo shop
 */

/** Opens the shop and the Worker in front of it. @param {WorldOptions} [options] */
export async function openWorld({ locations = { 'pop-a': {} }, vars = {}, origin, secrets = newSecrets(), worker, experiments, shop: more, ...rest } = {}) {
  const shop = await startShop({ keys: secrets.QUOTE_KEYS, merchant: MERCHANT, rewardsToken: secrets.REWARDS_TOKEN, ...more });
  const all = { ORIGIN: origin ?? shop.url, ADMIN_HOST, MERCHANT, ...VARS, ...vars, ...secrets };
  // A variable that a location sets to undefined is not there at all.
  const bindings = (location) => Object.fromEntries(Object.entries({ ...all, ...locations[location] }).filter(([, value]) => value !== undefined));
  const options = { origin: all.ORIGIN, locations: Object.keys(locations), secrets, ...rest };
  const perLocation = (location) => ({ bindings: bindings(location), ...worker?.(location) });
  let edge;
  try {
    edge = await startEdge({ ...options, worker: perLocation });
    const world = new World(shop, edge);
    if (experiments) await world.run(experiments);
    return world;
  } catch (error) {
    // Else its process would keep the test from ending, which then never says what was wrong.
    await edge?.stop();
    await shop.stop();
    throw error;
  }
}

export class World {
  /** @param {Awaited<ReturnType<typeof startShop>>} shop @param {Awaited<ReturnType<typeof startEdge>>} edge */
  constructor(shop, edge) {
    this.shop = shop;
    this.edge = edge;
    this.orders = 0;
  }

  base = (location) => (location === undefined ? this.edge.url : this.edge.urls.get(location) ?? assert.fail(`no location ${location}`));

  /** @param {Record<string, string>} [cookies] */
  shopper(cookies) {
    return new Shopper(this.base, cookies);
  }

  /** @param {string} method @param {string} path @param {unknown} [body] @param {import('./edge.mjs').EdgeInit} [init] */
  async admin(method, path, body, init = {}) {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const headers = { accept: 'application/json', ...init.headers };
    const response = await this.edge.fetchAdmin(path, { ...init, method, body: text, headers });
    const answer = await response.text();
    return { status: response.status, headers: response.headers, text: answer, body: parsed(answer) };
  }

  /** Starts experiments, publishes them, and waits until the first location serves them. @param {any[]} experiments */
  async run(experiments) {
    for (const one of experiments) {
      const response = await this.edge.startExperiment(one);
      assert.equal(response.status, 200, await response.text());
    }
    const published = await this.sync();
    await this.served(published.version);
    return published;
  }

  /**
   * Does something to an experiment, as somebody who has just looked at it.
   * @param {string} name
   * @param {string} action
   * @param {Record<string, unknown>} [more] what the action needs beside who and why
   * @param {import('./edge.mjs').EdgeInit} [init]
   */
  async act(name, action, more = {}, init = {}) {
    const path = `/haggle/v1/experiments/${name}`, { etag } = Object.fromEntries((await this.admin('GET', path)).headers);
    const headers = { ...(etag ? { 'if-match': etag } : {}), ...init.headers };
    return this.admin('POST', `${path}/${action}`, { by: 'maria', reason: `a test of ${action}`, ...more }, { ...init, headers });
  }

  /** Stops all prices, or lets them go on. @param {'stop' | 'resume'} action */
  everywhere(action, init = {}) {
    return this.admin('POST', `/haggle/v1/${action}`, { by: 'maria', reason: `a test of ${action}` }, init);
  }

  /** @param {string} [location] */
  async sync(location) {
    const { status, text, body } = await this.admin('POST', '/haggle/v1/sync', undefined, { location });
    assert.equal(status, 200, text);
    return body;
  }

  /** Waits until a location serves this version or a newer one. @param {number} version @param {string} [location] */
  served(version, location) {
    return until(`${location ?? 'the first location'} serves version ${version}`, () => this.health(location),
      ({ snapshot }) => snapshot?.version >= version);
  }

  /** @param {string} [location] @returns {Promise<any>} */
  async health(location) {
    const { status, text, body } = await this.admin('GET', '/haggle/health', undefined, { location });
    assert.equal(status, 200, text);
    return body;
  }

  /** Reward lines and exposures as the central store knows them. */
  async ledger() {
    const { stored, matched, unmatched, exposures } = (await this.health()).ledger;
    return { stored, matched, unmatched, exposures };
  }

  /** The sum of an experiment over arms, cohorts and shards, straight from D1. @param {string} [name] */
  async totals(name = 'sevilla') {
    return this.edge.db.prepare('SELECT COALESCE(SUM(exposures), 0) AS exposures, COALESCE(SUM(conversions), 0) AS conversions, '
      + 'COALESCE(SUM(rewards), 0) AS rewards, COALESCE(SUM(units), 0) AS units, COALESCE(SUM(revenue_minor), 0) AS revenue_minor, '
      + 'COALESCE(SUM(cost_minor), 0) AS cost_minor FROM tallies WHERE experiment = ?').bind(name).first();
  }

  /**
   * @param {string} path
   * @param {unknown} body text or what is to be JSON
   * @param {import('./edge.mjs').EdgeInit} [init]
   */
  async post(path, body, { location, ...init } = {}) {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const answer = await received(await send(this.base(location) + path, { method: 'POST', body: text, ...init }));
    const results = parsed(answer.text)?.results;
    return { ...answer, body: parsed(answer.text), statuses: Array.isArray(results) ? results.map((one) => one.status) : null };
  }

  /** The beacon of a page. @param {string[]} quotes @param {string} [location] */
  expose(quotes, location) {
    return this.post('/haggle/v1/exposures', { quotes }, { location, headers: { 'content-type': 'text/plain;charset=UTF-8' } });
  }

  /** What the shop's server sends. @param {unknown} body @param {string} [location] @param {string} [token] */
  reward(body, location, token = this.edge.secrets.REWARDS_TOKEN) {
    return this.post('/haggle/v1/rewards', body, { location, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } });
  }

  /** An order with one line for each quote; a price of 19.00 and a cost of 8.00 a line. @param {string[]} quotes */
  order(quotes, change = {}) {
    this.orders += 1;
    const lines = quotes.map((quote, at) => ({ line_id: String(at + 1), quote, units: 1, revenue_minor: 1900, cost_minor: 800, ...change }));
    return { order_id: `o-${this.orders}`, lines };
  }

  /** Claims as the Worker itself makes them, of an exposure that never was, with changes. @param {Record<string, unknown>} [changes] */
  async claims(changes = {}) {
    this.genuine ??= claimsOf((await this.shopper().price('OLIVE-500')).quote);
    return { ...this.genuine, jti: newId(), ...changes };
  }

  /**
   * A token of our own making.
   * @param {unknown} claims
   * @param {{ header?: Record<string, unknown>, key?: Buffer }} [options]
   */
  sign(claims, { header = {}, key } = {}) {
    const [kid, hex] = this.edge.secrets.QUOTE_KEYS.split(',')[0].split(':');
    const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'HS256', typ: 'JWT', kid, ...header })}.${part(claims)}`;
    return `${signed}.${createHmac('sha256', key ?? Buffer.from(hex, 'hex')).update(signed).digest('base64url')}`;
  }

  /** As many genuine quotes of different exposures. @param {number} count @param {Record<string, unknown>} [changes] */
  async quotes(count, changes = {}) {
    return Promise.all(Array.from({ length: count }, async () => this.sign(await this.claims(changes))));
  }

  async close() {
    await this.edge.stop();
    await this.shop.stop();
  }
}

/** @param {string} text @returns {any} undefined where it is no JSON */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
