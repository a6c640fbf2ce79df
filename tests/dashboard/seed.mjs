/**
 * A world with a past: experiments that ran for weeks on the real Worker, in seconds. The clock is set from day to day;
 * the real Publisher makes the shares of each day from what came before, the visitors are drawn under them by a hidden
 * demand, and what they did comes into the central store as the reports of ledger shards do.
 *
 * ```js
 * const { world } = await openSeeded({ experiments: 3, days: 21 });
 * await world.close();
 * ```
 */
import assert from 'node:assert/strict';

import { openWorld } from '../kit.mjs';
import { sides } from '../market.mjs';
import { stream } from '../shop/random.mjs';
import { Books, SHARDS, Visitors } from './books.mjs';
import { cast } from './cast.mjs';

/**
 * When a test looks at its past: time stands still then, and whatever happened is the same on any day and at any hour at
 * which the test runs. A past that ends now has other visitors with every hour of the week.
 */
export const STILL_MS = Date.UTC(2026, 10, 24, 9, 40);

const HOUR_MS = 3_600_000, DAY_H = 24;
/** How soon after the full hour the job runs. */
const LATE_MS = 30_000;
/** How often it does, in hours, so many hours before the end: a world must be there within a minute. */
const STEPS = [[24, 6], [10 * DAY_H, DAY_H], [30 * DAY_H, 3 * DAY_H], [Infinity, 7 * DAY_H]];

/**
 * @typedef {object} SeedOptions
 * @property {number} [experiments] how many; the first twelve are each in another state
 * @property {number} [days] of history
 * @property {number} [seed]
 * @property {number} [end_ms] what time it is in the end; now where left out, and then time goes on
 * @property {import('./cast.mjs').Role[]} [roles] others than those of `cast.mjs`
 * @property {import('../kit.mjs').WorldOptions} [world]
 */

/** Opens a world and lets its time pass. @param {SeedOptions} [options] */
export async function openSeeded({ experiments = 12, days = 30, seed = 1, end_ms, roles = cast(experiments), world: more } = {}) {
  const world = await openWorld({ clock: true, ...more });
  try {
    const ledger = await world.edge.mf.getDurableObjectNamespace('LEDGER'), sources = SHARDS.map((name) => ledger.idFromName(name).toString());
    const past = new Past(world, roles, { days, seed, sources, end_ms: end_ms ?? Date.now() });
    await past.play();
    if (end_ms === undefined) await world.edge.setClock(undefined);
    return { world, roles, report: () => past.report(end_ms ?? Date.now()) };
  } catch (error) {
    await world.close();
    throw error;
  }
}

class Past {
  constructor(world, roles, { days, seed, sources, end_ms }) {
    Object.assign(this, { world, db: world.edge.db, end_ms, end_hour: Math.floor(end_ms / HOUR_MS), books: new Books(sources) });
    this.from_hour = this.end_hour - days * DAY_H;
    this.lives = roles.map((role, at) => this.life(role, at, days, seed));
  }

  life(role, at, days, seed) {
    const hours = Math.min(role.days ?? days, days) * DAY_H, from_hour = this.end_hour - hours;
    const steps = (role.steps ?? []).map((step) => ({ ...step, hour: from_hour + Math.floor(step.at * hours) }));
    const visitors = new Visitors(role, this.books, seed, at, this.end_hour);
    return { role, name: role.definition.name, from_hour, steps, visitors, luck: stream(seed, 2000 + at), isDraft: hours === 0, isOver: false, items: [] };
  }

  /** The hours at which the job runs. */
  hours() {
    const hours = [];
    for (let hour = this.end_hour; hour > this.from_hour;) {
      hour -= STEPS.find(([before]) => this.end_hour - hour < before)?.[1] ?? DAY_H;
      hours.unshift(Math.max(hour, this.from_hour));
    }
    return hours;
  }

  async play() {
    await this.world.edge.setClock(this.from_hour * HOUR_MS);
    await this.catalogue();
    const hours = this.hours();
    for (const [at, hour] of hours.entries()) {
      await this.turn(hour);
      await this.pass(hour, hours[at + 1] ?? this.end_hour);
    }
    await this.mismatches();
    await this.turn(this.end_hour, this.end_ms);
  }

  /** What was counted until now, what people do now, and the next publication. */
  async turn(hour, at_ms = hour * HOUR_MS + LATE_MS) {
    await this.world.edge.setClock(at_ms);
    await this.report(at_ms);
    for (const life of this.lives) await this.act(life, hour);
    await this.world.sync();
  }

  /** Brings in what was counted until now, orders that have come meanwhile among it. */
  async report(at_ms) {
    for (const { visitors } of this.lives) visitors.arrive(Math.floor(at_ms / HOUR_MS));
    await this.books.report(this.db, at_ms);
  }

  async act(life, hour) {
    const { role, name } = life;
    if (life.isDraft && !life.isOver) {
      const { status, text } = await this.world.admin('PUT', `/haggle/v1/experiments/${name}`, role.definition);
      assert.equal(status, 201, text);
      life.isOver = true;
    } else if (!life.isDraft && !life.isStarted && life.from_hour <= hour) {
      const started = await this.world.edge.startExperiment(role.definition);
      assert.equal(started.status, 200, await started.text());
      life.isStarted = true;
      life.items = await this.items(role);
    }
    while (life.isStarted && life.steps.length > 0 && life.steps[0].hour <= hour) {
      const { action, by, reason, more } = life.steps.shift();
      const { status, text } = await this.world.act(name, action, { by, reason, ...more });
      assert.equal(status, 200, `${name}, ${action}: ${text}`);
    }
  }

  /** What visitors of an experiment come for. @param {import('./cast.mjs').Role} role */
  async items({ definition, catalogue }) {
    if (!catalogue) return [{ ...definition.item, is_negative: false }];
    const { text } = await this.world.admin('GET', `/haggle/v1/experiments/${definition.name}/groups`), drawn = sides(text);
    return catalogue.filter(({ sku }) => drawn.has(sku)).map((item) => ({ ...item, is_negative: drawn.get(item.sku) === 'negative' }));
  }

  /** Lets visitors see what is published, from one publication to the next. */
  async pass(from_hour, to_hour) {
    const { results } = await this.db.prepare('SELECT e.experiment, e.epoch, e.arms, x.definition, x.state, x.stopped FROM epochs e JOIN experiments x '
      + 'ON x.name = e.experiment WHERE e.epoch = (SELECT MAX(epoch) FROM epochs WHERE experiment = e.experiment)').all();
    const published = new Map(results.map((row) => [row.experiment, row]));
    for (const life of this.lives) {
      const row = published.get(life.name);
      if (!row || row.stopped || !['running', 'decided'].includes(row.state)) continue;
      const { arms } = JSON.parse(row.definition), prices = new Map(arms.map((arm) => [arm.name, life.role.catalogue ? arm.multiplier : arm.price_minor]));
      const live = { epoch: row.epoch, arms: JSON.parse(row.arms), prices };
      if (life.role.definition.unit === 'item-period') await this.sell(life, live, arms, from_hour, to_hour);
      else life.visitors.visit(from_hour, to_hour, live, life.items);
    }
  }

  /** Where items are randomised: what each item sells until the next publication, as the shop's sales file says. */
  async sell({ name, role, items, luck }, { epoch, prices }, arms, from_hour, to_hour) {
    const { results } = await this.db.prepare('SELECT sku, arm FROM assignments WHERE experiment = ? AND epoch = ?').bind(name, epoch).all();
    const on = new Map(results.map(({ sku, arm }) => [sku, arms[arm].name]));
    const { reach, middle, width } = role.demand;
    const lines = items.flatMap((item) => {
      const asked = prices.get(on.get(item.sku)) ?? 1, mean = ((to_hour - from_hour) / DAY_H) * (reach / (1 + Math.exp((asked - middle) / width)));
      const units = poisson(mean, luck), price = Math.round(item.price_minor * asked);
      return units === 0 ? [] : [{ order_id: `seeded-${from_hour}`, line_id: item.sku, sku: item.sku, units, revenue_minor: units * price, cost_minor: units * item.cost_minor }];
    });
    if (lines.length === 0) return;
    await this.world.edge.setClock((from_hour + Math.floor((to_hour - from_hour) / 2) + 1) * HOUR_MS);
    const { status, text } = await this.world.admin('POST', '/haggle/v1/sales', { lines });
    assert.equal(status, 200, text);
  }

  /** The shop's catalogue, where an experiment prices items of it. */
  async catalogue() {
    const put = this.db.prepare('INSERT INTO catalogue (sku, item, changed_at_ms) VALUES (?, ?, 0)');
    const items = this.lives.flatMap(({ role }) => role.catalogue ?? []);
    if (items.length > 0) await this.db.batch(items.map((item) => put.bind(item.sku, JSON.stringify(item))));
  }

  /** Places that did not show the right price in the last days. */
  async mismatches() {
    const today = Math.floor(this.end_ms / (DAY_H * HOUR_MS)), put = this.db.prepare('INSERT INTO mismatches (sku, surface, kind, day, count) VALUES (?, ?, ?, ?, ?)');
    const rows = this.lives.flatMap(({ role }) => (role.mismatches ?? []).flatMap(([surface, kind, count]) => [0, 1, 2].map((ago) => put.bind(role.definition.item.sku, surface, kind, today - ago, count - ago))));
    if (rows.length > 0) await this.db.batch(rows);
  }
}

/** A Poisson count (Knuth, The Art of Computer Programming 2, 3.4.1). @param {number} mean @param {() => number} next */
function poisson(mean, next) {
  const least = Math.exp(-mean);
  let count = 0;
  for (let product = next(); product > least; product *= next()) count += 1;
  return count;
}
