/**
 * A market for tests over many items: a catalogue that is the same each time, shoppers whose demand follows a hidden
 * curve, and what they saw and bought, counted apart from the Worker.
 */
import assert from 'node:assert/strict';

import { claimsOf } from './kit.mjs';
import { productPage } from './shop/pages.mjs';
import { CATALOGUE } from './shop/server.mjs';
import { stream } from './shop/random.mjs';

const BRANDS = ['Fabrikam', 'Contoso', 'Northwind'], CATEGORIES = ['oil', 'vinegar', 'salt', 'pan', 'knife'];
/** As many quotes and reward lines as the API takes in one request. */
const QUOTES_MAX = 60, LINES_MAX = 200;

/** @typedef {{ sku: string, price_minor: number, cost_minor: number, brand: string, category: string, family: string, past: number }} Item */

/** So many items, from 5 to 50 euros. @param {number} count @returns {Item[]} */
export function catalogue(count) {
  const next = stream(5, 0);
  return Array.from({ length: count }, (_, at) => {
    const price_minor = 500 + Math.floor(next() * 450) * 10 + 9;
    return { sku: `A-${String(at).padStart(5, '0')}`, price_minor, cost_minor: Math.floor(price_minor * 0.4), brand: BRANDS[at % BRANDS.length],
      category: CATEGORIES[Math.floor(next() * CATEGORIES.length)], family: `F-${at >> 2}`, past: Math.floor(next() * 100_000) };
  });
}

/** Items as a file for the command line. @param {Item[]} items */
export function csv(items) {
  const names = /** @type {(keyof Item)[]} */ (Object.keys(items[0]));
  return [names, ...items.map((item) => names.map((name) => item[name]))].map((cells) => cells.join(',')).join('\n') + '\n';
}

/** A file of groups as sides by sku. @param {string} text @returns {Map<string, 'positive' | 'negative'>} */
export function sides(text) {
  const [head, ...lines] = text.trimEnd().split('\n').map((line) => line.split('\t'));
  assert.deepEqual(head, ['Id', 'Date', 'EndDate', 'Control', 'Price']);
  return new Map(lines.map(([sku, , , control]) => [sku, control === '1' ? 'negative' : 'positive']));
}

/** A file of prices as prices in minor units by sku and arm. @param {string} text @returns {Map<string, Record<string, number>>} */
export function prices(text) {
  const [[, ...arms], ...lines] = text.trimEnd().split('\n').map((line) => line.split('\t'));
  const minor = (price) => Math.round(Number(price) * 100);
  return new Map(lines.map(([sku, ...cells]) => [sku, Object.fromEntries(arms.map((arm, at) => [arm, minor(cells[at])]))]));
}

/** Pages of the demo shop for items of the catalogue. @param {Item[]} items @returns {Map<string, { type: string, body: string }>} */
export const pages = (items) => new Map(items.map(({ sku, price_minor, cost_minor }) => {
  const item = { ...CATALOGUE.items[0], sku, price_minor, cost_minor, name: `Item ${sku}`, was_minor: undefined };
  return [`/product/${sku}`, { type: 'text/html; charset=utf-8', body: productPage(CATALOGUE, item) }];
}));

/** Sums of one arm: what the report must come to. */
const nothing = () => ({ exposures: 0, orders: 0, reward_lines: 0, pieces: 0, revenue_minor: 0, cost_minor: 0 });

/** Shoppers of a world. */
export class Market {
  /**
   * @param {import('./kit.mjs').World} world
   * @param {Item[]} items
   */
  constructor(world, items) {
    this.world = world;
    this.items = new Map(items.map((item) => [item.sku, item]));
    this.next = stream(5, 1);
    this.visits = 0;
    this.pages = 0;
    this.orders = 0;
    /** What was shown and sold, by experiment and arm. @type {Map<string, ReturnType<typeof nothing>>} */
    this.sums = new Map();
    this.exposed = new Set();
    this.bought = new Set();
    /** What each arm's price of an item must be, by experiment. @type {Map<string, Map<string, Record<string, number>>>} */
    this.expected = new Map();
  }

  sum(experiment, arm) {
    const key = `${experiment} ${arm}`;
    const known = this.sums.get(key) ?? nothing();
    this.sums.set(key, known);
    return known;
  }

  /** Sums of an experiment by arm, as they were counted here. @param {string} experiment */
  of(experiment) {
    const keys = [...this.sums.keys()].filter((key) => key.startsWith(`${experiment} `)).sort();
    return Object.fromEntries(keys.map((key) => [key.slice(experiment.length + 1), this.sums.get(key)]));
  }

  /**
   * Some time with so many shoppers, each of whom looks at two items by the API, or at the page of one; what they saw is
   * reported, and then what they bought.
   * @param {number} shoppers
   * @param {string[]} skus items that they look at
   * @param {string[]} withPages of these, items that have a page
   */
  async pass(shoppers, skus, withPages) {
    const any = (list) => list[Math.floor(this.next() * list.length)];
    const plans = Array.from({ length: shoppers }, (_, at) => ({ skus: [any(skus), any(skus)], page: at === 0 ? any(withPages) : null,
      luck: [this.next(), this.next()] }));
    const seen = [];
    let at = 0;
    const worker = async () => {
      for (let plan = plans[at++]; plan; plan = plans[at++]) seen.push(...await this.shop(plan));
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    await this.report(seen.filter(({ isOfPage }) => !isOfPage).map(({ quote }) => quote));
    await this.sell(seen.filter(({ isBought }) => isBought));
    return seen;
  }

  /** One shopper. @param {{ skus: string[], page: string | null, luck: number[] }} plan */
  async shop({ skus, page, luck }) {
    const shopper = this.world.shopper(), seen = [];
    if (page !== null) {
      const looked = await shopper.look(`/product/${page}`);
      this.visits += 1;
      this.pages += 1;
      assert.equal(looked.status, 200);
      const price_minor = looked.prices.find(({ sku }) => sku === page)?.price_minor, quote = looked.quotes[page];
      const told = await shopper.expose(looked.shown.filter(({ sku }) => sku === page));
      assert.ok(quote && told.status === 200, `${page}: ${looked.reason} ${JSON.stringify(told)}`);
      return [this.look(page, Number(price_minor), quote, luck[0], true)];
    }
    for (const [at, sku] of skus.entries()) {
      const { status, price_minor, quote, reason } = await shopper.price(sku);
      this.visits += 1;
      assert.ok(status === 200 && quote, `${sku}: ${status} ${reason}`);
      seen.push(this.look(sku, price_minor, quote, luck[at], false));
    }
    return seen;
  }

  /** What was looked at, and whether it is bought: the dearer the less. */
  look(sku, price_minor, quote, luck, isOfPage) {
    const claims = claimsOf(quote), item = this.items.get(sku);
    const { x: experiment, a: arm } = claims;
    assert.ok(item);
    const expected = this.expected.get(experiment)?.get(sku);
    if (arm !== 'holdout' && arm !== 'negative') assert.equal(price_minor, expected?.[arm], `${sku} on ${arm} of ${experiment}`);
    else assert.equal(price_minor, item.price_minor, `${sku} of the ${arm}`);
    // An exposure counts once for a shopper's decision, whichever items it was seen at.
    if (!this.exposed.has(claims.jti)) {
      this.exposed.add(claims.jti);
      this.sum(experiment, arm).exposures += 1;
    }
    const isBought = luck < 0.08 * Math.exp(-4 * (price_minor / item.price_minor - 1));
    return { sku, price_minor, quote, experiment, arm, jti: claims.jti, isOfPage, isBought };
  }

  /** An app's report of what it has shown. @param {string[]} quotes */
  async report(quotes) {
    for (let at = 0; at < quotes.length; at += QUOTES_MAX) {
      const { status, statuses, text } = await this.world.expose(quotes.slice(at, at + QUOTES_MAX));
      assert.ok(status === 200 && statuses?.every((one) => one === 'recorded' || one === 'duplicate'), text);
    }
  }

  /** The shop's server reports its orders, one line each. */
  async sell(sold) {
    const orders = sold.map((one) => {
      this.orders += 1;
      const pieces = 1 + (this.orders % 3 === 0 ? 1 : 0), cost = this.items.get(one.sku)?.cost_minor ?? 0;
      const line = { line_id: '1', quote: one.quote, units: pieces, revenue_minor: pieces * one.price_minor, cost_minor: pieces * cost };
      const sum = this.sum(one.experiment, one.arm);
      sum.reward_lines += 1;
      sum.pieces += pieces;
      sum.revenue_minor += line.revenue_minor;
      sum.cost_minor += line.cost_minor;
      sum.orders += this.bought.has(one.jti) ? 0 : 1;
      this.bought.add(one.jti);
      return { order_id: `m-${this.orders}`, lines: [line] };
    });
    for (let at = 0; at < orders.length; at += LINES_MAX) {
      const { status, statuses, text } = await this.world.reward({ orders: orders.slice(at, at + LINES_MAX) });
      assert.ok(status === 200 && statuses?.every((one) => one === 'matched'), text);
    }
  }
}
