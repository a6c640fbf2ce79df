/**
 * The crowd: many simulated shoppers at once, some of whom go away and come back later.
 */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { stream } from './random.mjs';
import { BrokenVisit, Shopper } from './shopper.mjs';

/**
 * What happened, counted by the shoppers themselves.
 * @typedef {object} Stats
 * @property {number} visitors
 * @property {number} visits
 * @property {number} returned
 * @property {number} requests
 * @property {number} orders
 * @property {number} quoted_lines order lines that carry a quote
 * @property {number} withheld_lines those of shoppers whose beacons never arrive
 * @property {number} withheld_exposures
 * @property {Record<string, number>} beacons answers by status
 * @property {number} server_errors answers of 500 and above
 * @property {number} broken visits that could not go on
 * @property {number} moved_prices
 * @property {number} wrong_charges
 */

const AT_ONCE = 12, RETURN_AFTER_MIN = 30, RETURN_AFTER_SPREAD = 300, PROBLEMS_MAX = 20;

export class Shoppers {
  /**
   * @param {{ url: string, seed: number, atOnce?: number,
   *   demand: import('./score.mjs').Demand, score: import('./score.mjs').Score }} options
   */
  constructor({ url, seed, demand, score, atOnce = AT_ONCE }) {
    this.seed = seed;
    this.atOnce = atOnce;
    /** @type {Stats} */
    this.stats = { visitors: 0, visits: 0, returned: 0, requests: 0, orders: 0, quoted_lines: 0, withheld_lines: 0, withheld_exposures: 0,
      beacons: { recorded: 0, duplicate: 0, refused: 0 }, server_errors: 0, broken: 0, moved_prices: 0, wrong_charges: 0 };
    /** The first few problems, in words. @type {string[]} */
    this.problems = [];
    /** @type {{ shopper: Shopper, due: number }[]} */
    this.away = [];
    this.stopped = false;
    const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
    this.world = { url, demand, score, agent, stats: this.stats, report: (problem) => this.#report(problem) };
  }

  /**
   * Lets shoppers in until so many have come and every one of them is through, or until it is stopped.
   * @param {{ shoppers?: number, perSecond?: number }} [limits] none = until it is stopped, as fast as they are served
   */
  async run({ shoppers = Infinity, perSecond = Infinity } = {}) {
    const began = performance.now();
    const lane = async () => {
      while (!this.stopped) {
        const late = began + (this.stats.visitors / perSecond) * 1000 - performance.now();
        if (late > 0) await sleep(Math.min(late, 200));
        else if (!(await this.#one(shoppers))) return;
      }
    };
    await Promise.all(Array.from({ length: this.atOnce }, lane));
    this.world.agent.destroy();
  }

  /** No further shopper; those inside break off at their next step. */
  stop() {
    this.stopped = true;
    this.world.agent.destroy();
  }

  /**
   * One visit of a shopper who is due to return, else of a new one.
   * @param {number} limit
   * @returns {Promise<boolean>} false where nobody is left
   */
  async #one(limit) {
    const { stats } = this;
    const full = stats.visitors >= limit;
    const at = this.away.findIndex(({ due }) => full || due <= stats.visitors);
    if (at >= 0) {
      const [{ shopper }] = this.away.splice(at, 1);
      stats.returned += 1;
      await this.#visit(shopper, true);
      return true;
    }
    if (full) return false;
    const next = stream(this.seed, stats.visitors);
    stats.visitors += 1;
    const shopper = new Shopper(this.world, next);
    const came = await this.#visit(shopper, !shopper.returns);
    const due = stats.visitors + RETURN_AFTER_MIN + Math.floor(next() * RETURN_AFTER_SPREAD);
    if (came && shopper.returns) this.away.push({ shopper, due });
    return true;
  }

  /** @param {Shopper} shopper @param {boolean} buying @returns {Promise<boolean>} whether the visit went through */
  async #visit(shopper, buying) {
    try {
      await shopper.visit({ buying });
      return true;
    } catch (error) {
      if (this.stopped) return false;
      if (!(error instanceof BrokenVisit)) this.#report(String(error?.stack ?? error));
      this.stats.broken += 1;
      return false;
    }
  }

  /** @param {string} problem */
  #report(problem) {
    if (!this.stopped && this.problems.length < PROBLEMS_MAX) this.problems.push(problem);
  }
}
