/**
 * What the shown prices are worth under the hidden demand, against the catalogue price and the best arm.
 *
 * Every figure is an expected value at a price, summed over the visitors who saw it: there is no luck of the draw in
 * it. What the simulated visitors really paid is kept beside it. Amounts are minor units, and fractions of them.
 */

/** @typedef {{ interest: number, reach: number, middle_minor: number, width_minor: number }} Curve */
/** @typedef {{ shown: number, fixed: number, best: number }} Worth */

export class Demand {
  /** @param {Record<string, Curve>} curves by sku */
  constructor(curves) {
    this.curves = new Map(Object.entries(curves));
    this.interests = [...this.curves].map(([sku, { interest }]) => /** @type {[string, number]} */ ([sku, interest]));
  }

  /**
   * Probability that a shopper who came for the item buys it at this price.
   * @param {string} sku
   * @param {number} price_minor
   * @returns {number}
   */
  probability(sku, price_minor) {
    const curve = this.curves.get(sku);
    return curve ? curve.reach / (1 + Math.exp((price_minor - curve.middle_minor) / curve.width_minor)) : 0;
  }
}

/** One experiment under the hidden demand. */
export class ExperimentScore {
  /** @param {any} experiment as in its file @param {Demand} demand */
  constructor(experiment, demand) {
    this.name = experiment.name;
    this.sku = experiment.item.sku;
    this.objective = experiment.objective;
    this.adaptive = experiment.policy.name !== 'fixed';
    this.item = experiment.item;
    this.demand = demand;
    /** The arm that is best for the objective, as only the simulator knows. */
    this.best = [...experiment.arms].sort((a, b) => this.objectiveAt(b.price_minor) - this.objectiveAt(a.price_minor))[0];
    this.visitors = 0;
    this.profit = { shown: 0, fixed: 0, best: 0 };
    this.value = { shown: 0, fixed: 0, best: 0 };
    this.paid = { orders: 0, revenue_minor: 0, profit_minor: 0 };
  }

  /** Expected profit of one visitor at this price. @param {number} price_minor @returns {number} */
  profitAt(price_minor) {
    return this.demand.probability(this.sku, price_minor) * (price_minor - this.item.cost_minor);
  }

  /** Expected value of one visitor at this price, in the objective's own unit. @param {number} price_minor @returns {number} */
  objectiveAt(price_minor) {
    if (this.objective === 'profit') return this.profitAt(price_minor);
    return this.demand.probability(this.sku, price_minor) * (this.objective === 'revenue' ? price_minor : 1);
  }

  /** A visitor saw the item for the first time. @param {number} price_minor */
  seen(price_minor) {
    this.visitors += 1;
    for (const [sums, at] of [[this.profit, (p) => this.profitAt(p)], [this.value, (p) => this.objectiveAt(p)]]) {
      sums.shown += at(price_minor);
      sums.fixed += at(this.item.price_minor);
      sums.best += at(this.best.price_minor);
    }
  }

  /** A visitor bought. @param {number} price_minor @param {number} units */
  bought(price_minor, units) {
    this.paid.orders += 1;
    this.paid.revenue_minor += price_minor * units;
    this.paid.profit_minor += (price_minor - this.item.cost_minor) * units;
  }
}

export class Score {
  /** @param {any[]} experiments @param {Demand} demand */
  constructor(experiments, demand) {
    this.experiments = experiments.map((experiment) => new ExperimentScore(experiment, demand));
    this.bySku = new Map(this.experiments.map((one) => [one.sku, one]));
  }

  /** Expected profit of all visitors together. @returns {Worth & { paid_minor: number }} */
  total() {
    const sum = (value) => this.experiments.reduce((all, one) => all + value(one), 0);
    const of = (which) => sum((one) => one.profit[which]);
    return { shown: of('shown'), fixed: of('fixed'), best: of('best'), paid_minor: sum((one) => one.paid.profit_minor) };
  }
}

/**
 * How much of what could be gained over the fixed price was gained.
 * @param {Worth} worth
 * @returns {number} 1 = all, 0 = nothing
 */
export const captured = ({ shown, fixed, best }) => (best > fixed ? (shown - fixed) / (best - fixed) : 1);
