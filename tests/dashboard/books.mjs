/**
 * What visitors of the seeded world did, and what the ledger's shards would have reported of it: running totals by arm
 * and cohort, orders as late as they come. The rows are those that `take_report` of worker/src/central.rs writes.
 */
import { stream } from '../shop/random.mjs';

/** Shards that visitors are spread over: they are there, though what they would have counted is in the central store alone. */
export const SHARDS = ['seeded-0', 'seeded-1'];
/** Hours of the last days stand alone, as in the central store's reading; before that there is one of each six. */
const FINE_HOURS = 72, BLOCK_HOURS = 6;
const DELAY_H = 7, TWO_PIECES = 0.12, TWO_LINES = 0.04;
/** How busy the hours of a day are, from midnight UTC, and the days of a week, from Thursday 1970-01-01. */
const HOURS = [2, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 7, 8, 7, 6, 6, 7, 8, 9, 11, 12, 11, 8, 5], WEEK = [1, 1.05, 1.25, 1.3, 0.9, 0.88, 0.95];

const COLUMNS = ['experiment', 'arm', 'epoch', 'hour', 'exposures', 'conversions', 'rewards', 'units', 'revenue_minor', 'cost_minor', 'revenue_sq', 'profit_sq'];
const insert = (table, columns) => `INSERT OR REPLACE INTO ${table} (source, sequence, ${columns.join(', ')}) `
  + `SELECT ?1, ?2, ${columns.map((column) => `value->>'${column}'`).join(', ')} FROM json_each(?3)`;
const TABLES = { tallies: insert('tallies', COLUMNS), delays: insert('delays', ['experiment', 'hour', 'delay_h', 'conversions']),
  item_tallies: insert('item_tallies', ['experiment', 'sku', 'arm', 'units', 'revenue_minor', 'cost_minor']) };
const ROWS_MAX = 3000;

/** @param {number} hour @param {number} end_hour */
const coarse = (hour, end_hour) => (hour >= end_hour - FINE_HOURS ? hour : Math.floor(hour / BLOCK_HOURS) * BLOCK_HOURS + 2);

/** One shard: its totals, and which of them are not reported yet. */
class Shard {
  /** @param {string} source */
  constructor(source) {
    this.source = source;
    this.sequence = 0;
    this.exposures = 0;
    this.lines = 0;
    this.tables = Object.fromEntries(Object.keys(TABLES).map((table) => [table, { rows: new Map(), changed: new Set() }]));
  }

  /** A row to add to. @param {string} table @param {Record<string, string | number>} key @param {() => object} fresh @returns {any} */
  row(table, key, fresh) {
    const id = Object.values(key).join(' '), { rows, changed } = this.tables[table];
    if (!rows.has(id)) rows.set(id, { ...key, ...fresh() });
    const row = rows.get(id);
    changed.add(row);
    return row;
  }

  /** What changed, as statements. @param {any} db @param {number} now_ms */
  statements(db, now_ms) {
    this.sequence += 1;
    const all = [];
    for (const [table, { changed }] of Object.entries(this.tables)) {
      const rows = [...changed].map((row) => ({ ...row, ...(table === 'tallies' ? { revenue_sq: String(row.revenue_sq), profit_sq: String(row.profit_sq) } : {}) }));
      for (let at = 0; at < rows.length; at += ROWS_MAX) all.push(db.prepare(TABLES[table]).bind(this.source, this.sequence, JSON.stringify(rows.slice(at, at + ROWS_MAX))));
      changed.clear();
    }
    const sources = 'INSERT OR REPLACE INTO sources (source, sequence, exposures, stored, matched, reported_at_ms) VALUES (?, ?, ?, ?, ?, ?)';
    return [...all, db.prepare(sources).bind(this.source, this.sequence, this.exposures, this.lines, this.lines, now_ms)];
  }
}

/** All shards of the seeded world. */
export class Books {
  /** @param {string[]} sources ids of the shards, by which the Worker finds them */
  constructor(sources) {
    this.shards = sources.map((source) => new Shard(source));
  }

  /** Brings what is counted until now into the central store. @param {any} db @param {number} now_ms */
  async report(db, now_ms) {
    await db.batch(this.shards.flatMap((shard) => shard.statements(db, now_ms)));
  }
}

const noTally = () => ({ exposures: 0, conversions: 0, rewards: 0, units: 0, revenue_minor: 0, cost_minor: 0, revenue_sq: 0n, profit_sq: 0n });

/** The visitors of one experiment. */
export class Visitors {
  /** @param {import('./cast.mjs').Role} role @param {Books} books @param {number} seed @param {number} at @param {number} end_hour */
  constructor(role, books, seed, at, end_hour) {
    Object.assign(this, { role, books, end_hour, name: role.definition.name, next: stream(seed, 1000 + at) });
    /** Orders that are still to come, by the hour in which they do. @type {Map<number, (() => void)[]>} */
    this.late = new Map();
  }

  /** Orders that have come until an hour. @param {number} hour */
  arrive(hour) {
    for (const due of [...this.late.keys()].filter((one) => one <= hour)) {
      for (const order of this.late.get(due) ?? []) order();
      this.late.delete(due);
    }
  }

  /**
   * Visitors of some hours, who see the arms of one epoch.
   * @param {number} from_hour
   * @param {number} to_hour
   * @param {{ epoch: number, arms: { arm: string, share: number }[], prices: Map<string, number> }} live prices in minor units, or as
   *   multiples where there are many items
   * @param {{ sku: string, price_minor: number, cost_minor: number, is_negative: boolean }[]} items that a visitor comes for, one of them
   */
  visit(from_hour, to_hour, live, items) {
    for (let hour = from_hour; hour < to_hour; hour += 1) {
      const busy = (WEEK[Math.floor(hour / 24) % 7] * HOURS[hour % 24] * this.role.visitors) / HOURS.reduce((sum, one) => sum + one, 0);
      const count = Math.floor(busy * (0.85 + this.next() * 0.3) + this.next());
      for (let visitor = 0; visitor < count; visitor += 1) this.one(hour, live, items);
    }
  }

  one(hour, { epoch, arms, prices }, items) {
    const { role, next } = this, { definition, demand, lost } = role;
    const item = items.length === 1 ? items[0] : items[Math.floor(next() * items.length)];
    const arm = item.is_negative ? 'negative' : next() < definition.holdout ? 'holdout' : drawn(arms, next());
    const asked = prices.get(arm) ?? prices.get(definition.control);
    if (arm === lost?.arm && next() < lost.part) return;
    const shard = this.books.shards[next() < 0.5 ? 0 : 1], cell = coarse(hour, this.end_hour);
    const key = { experiment: this.name, arm, epoch, hour: cell };
    shard.row('tallies', key, noTally).exposures += 1;
    shard.exposures += 1;
    if (next() >= demand.reach / (1 + Math.exp((asked - demand.middle) / demand.width))) return;
    const delay_h = Math.floor(-Math.log(1 - next()) * (role.delay_h ?? DELAY_H)), pieces = next() < TWO_PIECES ? 2 : 1, lines = next() < TWO_LINES ? 2 : 1;
    if (delay_h > definition.reward_window_hours) return;
    const price = items.length === 1 ? asked : Math.round(item.price_minor * asked);
    const order = () => sell(shard, key, delay_h, { sku: item.sku, lines, units: pieces, revenue_minor: pieces * price, cost_minor: pieces * item.cost_minor }, items.length > 1);
    const due = hour + delay_h;
    this.late.set(due, [...(this.late.get(due) ?? []), order]);
  }
}

function sell(shard, key, delay_h, { sku, lines, units, revenue_minor, cost_minor }, isOfMany) {
  const row = shard.row('tallies', key, noTally), profit = BigInt(revenue_minor - cost_minor);
  row.conversions += 1;
  row.rewards += lines;
  row.units += units;
  row.revenue_minor += revenue_minor;
  row.cost_minor += cost_minor;
  row.revenue_sq += BigInt(revenue_minor) ** 2n;
  row.profit_sq += profit ** 2n;
  shard.lines += lines;
  shard.row('delays', { experiment: key.experiment, hour: key.hour, delay_h }, () => ({ conversions: 0 })).conversions += 1;
  if (!isOfMany) return;
  const sum = shard.row('item_tallies', { experiment: key.experiment, sku, arm: key.arm }, () => ({ units: 0, revenue_minor: 0, cost_minor: 0 }));
  sum.units += units;
  sum.revenue_minor += revenue_minor;
  sum.cost_minor += cost_minor;
}

/** The arm at a place of the shares, which are parts of 65536. */
function drawn(arms, at) {
  let left = at * 65536;
  for (const { arm, share } of arms) {
    left -= share;
    if (left < 0) return arm;
  }
  return arms[arms.length - 1].arm;
}
