/**
 * The core in the browser, loaded once and only where it is asked for: diagnostics, simulations, plans.
 *
 * The shapes below are the truth about what the module gives. Times are in milliseconds since 1970, money in minor units
 * (orders where conversion is maximised), shares and rates of 1. A number that is not known is NaN in a column and null
 * elsewhere. Where items are randomised, exposures are no independent units: `densities`, `why`, `propensities` and
 * `regret` give null, `off_policy` gives nothing, `calibration` no predictions, and intervals are NaN.
 */

/**
 * @typedef {{ value: Float64Array, low: Float64Array, high: Float64Array }} Band   95 % at all looks together
 * @typedef {{ exposures: Float64Array, orders: Float64Array } & Band} Line   all of it cumulative
 * @typedef {{
 *   at_ms: Float64Array, arms: ({ name: string, share: Float64Array } & Line)[], holdout: Line,
 *   gain_to_holdout: Band, gain_to_equal: Band,
 * }} Series   one number for the end of each period; value: of an exposure, up to there, as `standing` has the last.
 *   share: that of the period (NaN where unknown). gain: in sum, of all units so far
 *
 * @typedef {{ name: string, price_minor: number, rate: number, low: number, high: number, exposures: number }} PricePoint
 * @typedef {{ price_minor: Float64Array, rate: Float64Array, low: Float64Array, high: Float64Array, fit: number }} Curve
 *   fit: how probably a true curve would fit this badly; the policy does not believe one below 0.01
 * @typedef {{ points: PricePoint[], curve: Curve | null }} Demand
 *
 * @typedef {{ name: string, density: Float64Array, mean: number, low: number, high: number, p_best: number | null }} Belief
 * @typedef {{ x: Float64Array, prior: Float64Array, prior_alpha: number, prior_beta: number, arms: Belief[],
 *   leader: string, sure: boolean }} Densities
 *   x: values of an exposure in minor units; prior: of the control before the first exposure; leader: has the highest
 *   P(best); sure: high enough to decide by
 *
 * @typedef {{ name: string, p_best: number, asked: number, floor: number, share: number, is_at_floor: boolean,
 *   is_entering: boolean, state: 'live' | 'paused' | 'retired' }} Reason
 *   asked: by the policy, before floor and rounding; floor: 0 of an arm that is not live; is_entering: just added
 * @typedef {{ exposures: number, orders: number, p_best_leader: number, shares: { name: string, share: number }[] }} Tomorrow
 * @typedef {{ policy: string, floor: number, holdout: number, leader: string, arms: Reason[], one_more_day: Tomorrow }} Why
 *
 * @typedef {{ name: string, exposures: number, effective: number, orders: number, rate: number, rate_corrected: number }} Corrected
 * @typedef {{
 *   hours: Float64Array, share_by: Float64Array, counts: Float64Array, mean_h: number, window_h: number, pending: number,
 *   method: 'weighted' | 'matured' | 'naive', correction: Corrected[],
 * }} Delays   share_by: part of the orders that has come by each hour; pending: orders that are still expected
 *
 * @typedef {{ name: string, rate: Float64Array, low: Float64Array, high: Float64Array,
 *   drift: { p_value: number | null, alarm: boolean } }} Drift   95 % for one window and one look
 * @typedef {{ at_ms: Float64Array, arms: Drift[] }} Stability   up to eight windows, at_ms: their ends
 *
 * @typedef {{ name: string, served: number, planned: number, exposures: number, ratio: number }} Propensity
 * @typedef {{ arms: Propensity[], e_value: number, p_value: number, alarm: boolean, left_out: number }} Propensities
 *   the last of the arms is the holdout, where there is one
 *
 * @typedef {{ arm?: string, policy?: string, ess: number, exposures: number, enough: boolean, least: number, share_of_exposures: number }} Coverage
 *   enough: at least as many as `least`, below which `haggle evaluate` gives no answer
 * @typedef {{ at_ms: Float64Array, per_unit: number, best: string } & Band} Regret   95 % of the belief, at one look
 * @typedef {{ name: string, at_ms: number, predicted: number, low: number, high: number, observed: number, exposures: number }} Prediction
 * @typedef {{ predictions: Prediction[], held: number, p_value: number | null, alarm: boolean }} Calibration
 *   held: inside of their interval; p_value: of errors as large in all, were the beliefs right; alarm: below 0.01
 *
 * @typedef {{ name: string, price_minor: number, state: 'live' | 'paused' | 'retired', share: number }} Share
 *   0 for all while nothing new is decided (draft, pause, stop)
 * @typedef {{ allowed: boolean, why: string | null, before: Share[], after: Share[], visitors_per_day: number }} Next
 *   before and after are both what the policy would publish from the present evidence, so that they differ by the action
 *   alone; `after` is `before` where it is not allowed, and `why` says in the API's words why not
 */

/**
 * What was counted of one experiment; `new Lab(bytes)` takes those of the answer to `GET /haggle/v1/experiments/NAME/evidence` and
 * throws with the reason if it is none. `free()` when done with it. Every method may throw with a reason. Prior: another one
 * where both of its parameters are given. Body: as the API takes it, `by` and `reason` may be missing.
 * @typedef {{
 *   series(): Series,
 *   demand(): Demand,
 *   densities(alpha?: number, beta?: number): Densities | null,
 *   why(alpha?: number, beta?: number): Why | null,
 *   delays(): Delays,
 *   stability(): Stability,
 *   propensities(): Propensities | null,
 *   off_policy(): Coverage[],
 *   regret(): Regret | null,
 *   calibration(): Calibration,
 *   next(action: string, body: string): Next,
 *   free(): void,
 * }} Lab
 * @typedef {Omit<typeof import('./pkg/haggle_lab.js'), 'Lab'> & { Lab: new (evidence: Uint8Array) => Lab }} Module
 */

/** @type {Promise<Module> | null} */
let module = null;

/** The module, after it was loaded. @returns {Promise<Module>} */
export function loadLab() {
  module ??= load();
  // What failed for want of a connection may be tried again.
  module.catch(() => { module = null; });
  return module;
}

/** @returns {Promise<Module>} */
async function load() {
  const lab = await import('./pkg/haggle_lab.js');
  await lab.default();
  return lab;
}
