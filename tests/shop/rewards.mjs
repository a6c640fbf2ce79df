/**
 * Tells haggle what was sold: one request per order, in the background, again until it is acknowledged.
 *
 * Sending twice must never count twice, so this sender does it on purpose: every tenth order is sent again after its
 * acknowledgement, and every fiftieth is sent twice at the same time.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {{ line_id: string, quote: string, units: number, revenue_minor: number, cost_minor: number }} RewardLine */
/** @typedef {{ order_id: string, lines: RewardLine[] }} RewardOrder */
/** @typedef {{ againEvery: number, togetherEvery: number }} Duplicates 0 = never */

const TRIES_MAX = 10, AT_ONCE_MAX = 8;

export class RewardSender {
  /** @param {{ url?: string, token: string, duplicates?: Duplicates }} options */
  constructor({ url, token, duplicates = { againEvery: 10, togetherEvery: 50 } }) {
    this.url = url;
    this.token = token;
    this.duplicates = duplicates;
    this.stats = { orders: 0, lines: 0, repeated_lines: 0, posts: 0, retries: 0, lost: 0, server_errors: 0,
      acks: { matched: 0, unmatched: 0, duplicate: 0, refused: 0 }, errors: /** @type {string[]} */ ([]) };
    /** @type {Set<Promise<void>>} */
    this.pending = new Set();
    /** @type {(() => void)[]} */
    this.waiting = [];
    this.running = 0;
    this.stopped = false;
  }

  /** Sends one order in the background. @param {RewardOrder} order */
  send(order) {
    const { stats, duplicates } = this;
    stats.orders += 1;
    stats.lines += order.lines.length;
    const due = (every) => every > 0 && stats.orders % every === 0;
    const together = due(duplicates.togetherEvery), again = due(duplicates.againEvery);
    stats.repeated_lines += order.lines.length * (Number(together) + Number(again));
    const work = this.#slot(async () => {
      await Promise.all(together ? [this.#deliver(order), this.#deliver(order)] : [this.#deliver(order)]);
      if (again) await this.#deliver(order);
    }).finally(() => this.pending.delete(work));
    this.pending.add(work);
  }

  /** Waits until every order is acknowledged or given up. */
  async idle() {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  /** Gives up what is not acknowledged yet. */
  stop() {
    this.stopped = true;
  }

  /** @param {() => Promise<void>} work */
  async #slot(work) {
    if (this.running >= AT_ONCE_MAX) await new Promise((free) => this.waiting.push(() => free(undefined)));
    this.running += 1;
    try {
      await work();
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }

  /** Sends an order until it is answered. @param {RewardOrder} order */
  async #deliver(order) {
    const body = JSON.stringify(order);
    for (let tries = 0; tries < TRIES_MAX && !this.stopped; tries += 1) {
      if (tries > 0) {
        this.stats.retries += 1;
        await sleep(Math.min(2000, 50 * 2 ** tries));
      }
      const answer = await this.#post(body);
      if (answer.status >= 200 && answer.status < 500 && answer.status !== 429) {
        this.#count(order, answer);
        return;
      }
      if (answer.status >= 500) this.stats.server_errors += 1;
      this.#note(`order ${order.order_id}: ${answer.status || 'no answer'} ${answer.text}`);
    }
    this.stats.lost += order.lines.length;
  }

  /** @param {string} body @returns {Promise<{ status: number, text: string }>} status 0 where no answer came */
  async #post(body) {
    this.stats.posts += 1;
    try {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.token}` };
      const response = await fetch(this.url ?? '', { method: 'POST', headers, body, signal: AbortSignal.timeout(20_000) });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 0, text: String(error?.cause?.code ?? error) };
    }
  }

  /** @param {RewardOrder} order @param {{ status: number, text: string }} answer */
  #count(order, answer) {
    const results = readResults(answer.text);
    for (const line of order.lines) {
      const result = results.find((one) => one.order_id === order.order_id && one.line_id === line.line_id);
      const status = result && result.status in this.stats.acks ? result.status : 'refused';
      this.stats.acks[status] += 1;
      const why = `${answer.status} ${result?.error ?? answer.text}`;
      if (status === 'refused') this.#note(`order ${order.order_id} line ${line.line_id}: ${why}`);
    }
  }

  /** @param {string} error */
  #note(error) {
    if (this.stats.errors.length < 20) this.stats.errors.push(error.slice(0, 300));
  }
}

/** @param {string} text @returns {{ order_id: string, line_id: string, status: string, error?: string }[]} */
function readResults(text) {
  try {
    const { results } = JSON.parse(text);
    return Array.isArray(results) ? results : [];
  } catch {
    return [];
  }
}
