/**
 * Regret of our policies beside that of independent programs, 400 seeded runs each: exits with 1 where one is off.
 *
 * The references: `ref.c` and `nonstat.c`, independent programs in C of 500 to 2000 runs, and for Bayes-UCB SMPyBandits
 * 0.9.7 with 400 runs. Where a reference has no standard error of its own, it is taken to have ours for its number of
 * runs, but no less than what it has with feedback after every unit.
 */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const haggle = process.argv[2] ?? join(here, '../../target/release/haggle');
const RUNS = Number(process.env.RUNS ?? 400), SEED = process.env.SEED ?? '1';
/** How many standard errors ours may be off: one of 47 rows is by chance with a probability of 0.3 %. */
const BOUND = 4;

/**
 * @typedef {{ policy: string, regret_mean: number, regret_se: number, regret_sd: number }} Summary
 * @typedef {[mean: number, se?: number]} Reference
 */

/** @param {string} environment @param {string[]} policies @param {number} every @returns {Summary[]} */
function simulate(environment, policies, every = 1) {
  const file = join(here, 'environments', `${environment}.toml`);
  const options = ['--runs', String(RUNS), '--seed', SEED, '--feedback-every', String(every), '--checkpoints', '1', '--json'];
  const args = ['simulate', file, ...policies.flatMap((policy) => ['--policy', policy]), ...options];
  return JSON.parse(execFileSync(haggle, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })).policies;
}

let rows = 0, off = 0;
/**
 * @param {string} name @param {Summary} ours @param {Reference} reference
 * @param {number} runs of the reference @param {number} least standard error where the reference has none
 */
function compare(name, ours, [mean, se], runs, least = 0) {
  const referenceSe = se ?? Math.max(ours.regret_sd / Math.sqrt(runs), least);
  const z = (ours.regret_mean - mean) / Math.hypot(ours.regret_se, referenceSe);
  const verdict = Math.abs(z) <= BOUND ? 'ok' : 'OFF';
  rows += 1;
  off += verdict === 'ok' ? 0 : 1;
  const number = (/** @type {number} */ value, /** @type {number} */ width) => value.toFixed(1).padStart(width);
  const given = se === undefined ? `(±${number(referenceSe, 4)})` : ` ±${number(se, 4)} `;
  console.log(`  ${name.padEnd(38)}${number(ours.regret_mean, 8)} ±${number(ours.regret_se, 5)}${number(mean, 10)} ${given}${Math.abs(z).toFixed(2).padStart(7)}  ${verdict}`);
}

/** @param {string} title */
function head(title) {
  console.log(`\n${title}\n  ${'policy'.padEnd(38)}${'ours'.padStart(8)} ${'± se'.padStart(6)}${'reference'.padStart(10)}  ${'± se'.padStart(5)} ${'|z|'.padStart(7)}`);
}

/** @type {Record<string, Record<string, Reference>>} */
const CLASSIC = {
  cl10: {
    thompson: [165.4, 1.1], ucb1: [593.9, 1.0], 'ucb1:exploration=0.5': [258.9, 1.0], ucb_tuned: [148.7, 1.3],
    kl_ucb: [259.3, 2.5], kl_ucb_plus: [163.5, 1.7], moss: [180.5, 0.9], bayes_ucb: [204.1, 2.1],
  },
  gc10: {
    thompson: [80.75, 0.33], ucb1: [500.9, 0.4], 'ucb1:exploration=0.5': [295.5, 0.5], ucb_tuned: [202.0, 0.5],
    kl_ucb: [112.6, 0.8], kl_ucb_plus: [69.9, 0.7], moss: [186.8, 0.5], bayes_ucb: [101.0, 0.8],
  },
};

/** @type {Record<string, Record<string, Record<string, Reference>>>} regret by units between two publications */
const BATCHED = {
  cl10: {
    thompson: { 10: [166.7, 1.7], 100: [170.3, 2.0], 500: [186.5, 1.7], 1000: [214.5, 1.7] },
    ucb1: { 10: [601.0], 100: [625.8], 500: [707.8], 1000: [890.6] },
    moss: { 10: [191.2], 100: [239.5], 500: [487.9], 1000: [830.1] },
  },
  gc10: {
    thompson: { 10: [81.3], 100: [82.1, 0.5], 500: [86.5, 0.5], 1000: [104.5, 0.7] },
    ucb1: { 100: [512.7], 500: [550.2], 1000: [644.0] },
    moss: { 10: [191.4], 100: [218.7], 500: [364.4], 1000: [640.5] },
  },
};

/** @type {Record<string, Reference>} a half-life of 138.283 units is γ = 0.995, one of 692.801 is γ = 0.999 */
const SWITCH = {
  thompson: [774.9, 4.0], ucb1: [602.7], discounted_ucb: [592.0], sliding_ucb: [285.4, 3.4], discounted_thompson: [267.4, 1.3],
  sliding_thompson: [254.1, 3.2], 'discounted_thompson:half_life=138.283': [316.8], 'discounted_thompson:half_life=692.801': [313.4],
};

console.log(`Pseudo-regret after 10 000 units, ${RUNS} runs of ours with seed ${SEED}; ok within ${BOUND} standard errors.`);
const start = Date.now();
for (const [environment, references] of Object.entries(CLASSIC)) {
  head(`${environment}, feedback after every unit`);
  for (const ours of simulate(environment, Object.keys(references))) compare(ours.policy, ours, references[ours.policy], 500);
}
for (const [environment, policies] of Object.entries(BATCHED)) {
  head(`${environment}, feedback in batches`);
  for (const [policy, references] of Object.entries(policies)) {
    for (const [every, reference] of Object.entries(references)) {
      const [ours] = simulate(environment, [policy], Number(every));
      compare(`${policy}, every ${every} units`, ours, reference, 1000, CLASSIC[environment][policy][1]);
    }
  }
}
head('switch, rates that change, feedback after every unit');
for (const ours of simulate('switch', Object.keys(SWITCH))) compare(ours.policy, ours, SWITCH[ours.policy], 500);

console.log(`\n${rows - off} of ${rows} ok, in ${((Date.now() - start) / 1000).toFixed(0)} s`);
process.exit(off > 0 ? 1 : 0);
