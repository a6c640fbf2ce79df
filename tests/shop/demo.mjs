/**
 * The whole loop on this machine: a shop, the Worker in front of it on local workerd, shoppers, and what it learns.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { MERCHANT, newSecrets, startEdge } from '../edge.mjs';
import { failures, summary } from './checks.mjs';
import { readArguments, USAGE } from './options.mjs';
import { Screen } from './screen.mjs';
import { Demand, Score } from './score.mjs';
import { startShop } from './server.mjs';
import { Shoppers } from './shoppers.mjs';

const SYNC_EVERY_MS = 2000, SYNC_EVERY_VISITORS = 100, DRAW_EVERY_MS = 500, ACKNOWLEDGED_WITHIN_MS = 60_000;
/** Until Ctrl-C the shop is as busy as a person can watch. */
const WATCHABLE_PER_S = 25;
/** Faster than a real shop would have it: the demo must learn within minutes. */
const VARS = { FIRST_VIEW: 'assign', MODE: 'stream', LEDGER_PUSH_MS: '500', SNAPSHOT_TTL_MS: '500', EPOCH_MIN_S: '1' };

const here = (name) => new URL(name, import.meta.url);
const readJson = async (name) => JSON.parse(await readFile(here(name), 'utf8'));

/** @returns {Promise<any[]>} */
async function readExperiments() {
  const names = (await readdir(here('experiments/'))).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(names.map((name) => readJson(`experiments/${name}`)));
}

class Demo {
  /** @param {import('./options.mjs').Options} options */
  constructor(options) {
    this.options = options;
    this.screen = new Screen(process.stdout);
    this.stopping = false;
    this.serverErrors = 0;
    /** @type {(() => Promise<unknown>)[]} what ends the shop and the Worker */
    this.cleanups = [];
  }

  async start() {
    const { options } = this;
    const experiments = await readExperiments();
    const secrets = newSecrets();
    const persist = await mkdtemp(join(tmpdir(), 'haggle-demo-'));
    // At the exit, so that no way of ending leaves it behind.
    process.once('exit', () => rmSync(persist, { recursive: true, force: true }));
    this.shop = await startShop({ keys: secrets.QUOTE_KEYS, merchant: MERCHANT, rewardsToken: secrets.REWARDS_TOKEN });
    this.cleanups.push(() => this.shop.stop());
    this.edge = await startEdge({ origin: this.shop.url, port: options.port, secrets, persist, vars: VARS, ...options.edge });
    this.cleanups.push(() => this.edge.stop());
    this.shop.rewardsTo(`${this.edge.url}/haggle/v1/rewards`);
    for (const experiment of experiments) await this.answered(`start of ${experiment.name}`, await this.edge.startExperiment(experiment));
    await this.admin('POST', '/haggle/v1/sync');
    this.first = this.last = await this.admin('GET', '/haggle/v1/snapshot');
    const demand = new Demand((await readJson('demand.json')).items);
    this.score = new Score(experiments, demand);
    this.shoppers = new Shoppers({ url: this.edge.url, seed: options.seed, demand, score: this.score });
  }

  /** @param {string} method @param {string} path @param {string} [body] @returns {Promise<any>} */
  async admin(method, path, body) {
    return this.answered(`${method} ${path}`, await this.edge.fetchAdmin(path, { method, body, headers: { accept: 'application/json' } }));
  }

  /** @param {string} what @param {Response} response @returns {Promise<any>} */
  async answered(what, response) {
    const text = await response.text();
    if (response.status >= 500) this.serverErrors += 1;
    if (!response.ok) throw new Error(`${what} answered ${response.status}: ${text.slice(0, 300)}`);
    return JSON.parse(text);
  }

  greet() {
    const { edge, shop } = this;
    process.stdout.write([
      `shop        ${edge.url}/   (priced at the edge; the origin alone: ${shop.url}/)`,
      `dashboard   ${edge.adminUrl}/   admin token ${edge.secrets.ADMIN_TOKEN}`,
      `health      ${edge.url}/haggle/health`,
      `snapshot    v${this.last.version}, ${this.last.experiments.length} experiments`, '', ''].join('\n'));
  }

  /** Lets the shoppers in and publishes meanwhile. */
  async run() {
    const { shoppers: limit, exit } = this.options;
    const began = performance.now();
    const draw = () => this.screen.draw(this.moment((performance.now() - began) / 1000));
    const drawing = setInterval(draw, DRAW_EVERY_MS);
    let open = true;
    const publishing = this.publish(() => open);
    try {
      await this.shoppers.run({ shoppers: limit || Infinity, perSecond: exit ? Infinity : WATCHABLE_PER_S });
      if (!exit) await this.untilStopped();
    } finally {
      open = false;
      await publishing;
      clearInterval(drawing);
      this.screen.next_s = 0;
      draw();
    }
  }

  /** Runs the sync job again and again, as the cron trigger would. @param {() => boolean} open */
  async publish(open) {
    while (open() && !this.stopping) {
      const from = this.shoppers.stats.visitors, began = performance.now();
      const due = () => performance.now() - began > SYNC_EVERY_MS || this.shoppers.stats.visitors - from >= SYNC_EVERY_VISITORS;
      while (open() && !this.stopping && !due()) await sleep(50);
      await this.sync();
    }
  }

  async sync() {
    try {
      await this.admin('POST', '/haggle/v1/sync');
      this.last = await this.admin('GET', '/haggle/v1/snapshot');
    } catch (error) {
      if (!this.stopping) this.shoppers.problems.push(String(error.message ?? error));
    }
  }

  async untilStopped() {
    while (!this.stopping) await sleep(100);
  }

  /** @param {number} elapsed_s @returns {import('./screen.mjs').Moment} */
  moment(elapsed_s) {
    return { elapsed_s, snapshot: this.last, ...this.figures() };
  }

  figures() {
    const { stats } = this.shoppers, rewards = this.shop.rewards.stats;
    const server_errors = this.serverErrors + stats.server_errors + rewards.server_errors;
    return { stats, rewards, score: this.score, server_errors };
  }

  /** Waits for the last acknowledgement, publishes once more, and compares the books. @returns {Promise<boolean>} */
  async finish() {
    const inTime = await Promise.race([this.shop.rewards.idle().then(() => true), sleep(ACKNOWLEDGED_WITHIN_MS, false, { ref: false })]);
    await this.sync();
    const { ledger } = await this.admin('GET', '/haggle/health');
    const ending = { ...this.figures(), shop: this.shop.stats, first: this.first, last: this.last, ledger };
    const failed = [...(inTime ? [] : ['some rewards were not acknowledged in time']), ...failures(ending)];
    const problems = [...this.shoppers.problems, ...this.shop.rewards.stats.errors, ...(failed.length ? this.edge.log.slice(-10) : [])];
    if (failed.length > 0) for (const problem of problems) console.log(`  seen: ${problem}`);
    for (const one of failed) console.log(`FAILED: ${one}`);
    console.log(`summary: ${summary(ending)}: ${failed.length === 0 ? 'ok' : 'FAILED'}`);
    return failed.length === 0;
  }

  /** Stops the shoppers, the Worker and the shop. */
  async stop() {
    this.stopping = true;
    this.shoppers?.stop();
    for (const cleanup of this.cleanups.splice(0).reverse()) await cleanup();
  }
}

/** Takes over the signals: Miniflare would end the process at once. @param {() => void} stop */
function onSignals(stop) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal).on(signal, stop);
}

/** @param {import('./options.mjs').Options} options */
async function main(options) {
  const demo = new Demo(options);
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    demo.stopping = true;
    demo.shoppers?.stop();
  };
  onSignals(interrupt);
  try {
    await demo.start();
    onSignals(interrupt);
    demo.greet();
    await demo.run();
    if (options.exit && !interrupted) process.exitCode = (await demo.finish()) ? 0 : 1;
  } catch (error) {
    if (interrupted) return;
    console.error(`the demo failed: ${error.message ?? error}`);
    process.exitCode = 1;
  } finally {
    await demo.stop();
    const { visitors = 0, orders = 0 } = demo.shoppers?.stats ?? {};
    if (interrupted) console.log(`stopped after ${visitors} visitors and ${orders} orders`);
  }
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options === null) console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
