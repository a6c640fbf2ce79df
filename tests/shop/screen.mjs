/**
 * What the demo shows while it runs: a block that redraws itself on a terminal, and a line now and then elsewhere.
 */
import { plain } from './money.mjs';
import { captured } from './score.mjs';

/**
 * @typedef {{ name: string, price_minor: number, share: number }} ArmView
 * @typedef {{ version: number, experiments: { name: string, arms: ArmView[] }[] }} SnapshotView
 */

/**
 * One moment of the demo.
 * @typedef {object} Moment
 * @property {number} elapsed_s
 * @property {import('./shoppers.mjs').Stats} stats
 * @property {import('./rewards.mjs').RewardSender['stats']} rewards
 * @property {import('./score.mjs').Score} score
 * @property {SnapshotView} snapshot
 * @property {number} server_errors
 */

const TOTAL = 65_536, BAR = 10, EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A share of an allocation. @param {number} share out of 65536 @returns {string} */
export const percent = (share) => `${Math.round((share / TOTAL) * 100)}%`;

/** An amount of minor units as euros. @param {number} minor @returns {string} */
export const euros = (minor) => plain(Math.round(minor));

/** @param {number} share out of 65536 @returns {string} */
function bar(share) {
  const eighths = Math.round((share / TOTAL) * BAR * 8);
  return ('█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]).padEnd(BAR);
}

/** @param {number} amount @param {number} count @returns {string} */
const each = (amount, count) => euros(count > 0 ? amount / count : 0);

/** The figures of all experiments together. @param {Moment} moment @returns {string} */
function totals({ score, stats }) {
  const total = score.total();
  return `profit per visitor ${each(total.shown, stats.visitors)} shown, ${each(total.fixed, stats.visitors)} at fixed prices, `
    + `${each(total.best, stats.visitors)} hidden optimum: ${Math.round(captured(total) * 100)}% of the possible gain`;
}

/** The whole picture. @param {Moment} moment @returns {string[]} */
export function block(moment) {
  const { stats, rewards, score, snapshot, elapsed_s, server_errors } = moment;
  const acks = rewards.acks;
  const lines = [
    `${Math.round(elapsed_s)} s   ${stats.visitors} visitors   ${stats.orders} orders   snapshot v${snapshot.version}   `
      + `rewards ${acks.matched} matched, ${acks.unmatched} unmatched, ${acks.duplicate} repeated   `
      + `${server_errors} × 5xx   ${stats.moved_prices} moved prices`,
    totals(moment),
  ];
  for (const one of score.experiments) {
    const live = snapshot.experiments.find(({ name }) => name === one.name);
    const { shown, fixed, best } = one.profit;
    lines.push('', `${one.name.padEnd(8)} ${one.item.sku}, ${one.adaptive ? `learns ${one.objective}` : 'fixed split'}: `
      + `profit per visitor ${each(shown, one.visitors)} shown, ${each(fixed, one.visitors)} fixed, ${each(best, one.visitors)} optimum`);
    const arms = [...(live?.arms ?? [])].sort((a, b) => a.price_minor - b.price_minor);
    const mark = (arm) => (arm.price_minor === one.best.price_minor ? '*' : ' ');
    const row = arms.map((arm) => `${plain(arm.price_minor)}${mark(arm)} ${bar(arm.share)}${percent(arm.share).padStart(4)}`);
    lines.push(`  ${row.join('  ')}`);
  }
  lines.push('', '* best price under the hidden demand; Ctrl-C stops');
  return lines;
}

/** The picture in one line. @param {Moment} moment @returns {string} */
export function line(moment) {
  const { stats, snapshot, score, elapsed_s } = moment;
  const shares = score.experiments.filter((one) => one.adaptive).map((one) => {
    const { arms = [] } = snapshot.experiments.find(({ name }) => name === one.name) ?? {};
    const arm = arms.find(({ price_minor }) => price_minor === one.best.price_minor);
    return `${one.name} ${plain(one.best.price_minor)} ${percent(arm?.share ?? 0)}`;
  });
  const total = score.total();
  const perVisitor = (amount) => each(amount, stats.visitors);
  return `${String(Math.round(elapsed_s)).padStart(4)} s  ${stats.visitors} visitors  ${stats.orders} orders  v${snapshot.version}  `
    + `best arms: ${shares.join(', ')}  profit per visitor ${perVisitor(total.shown)} `
    + `(fixed ${perVisitor(total.fixed)}, optimum ${perVisitor(total.best)})`;
}

/** Draws moments onto a stream. */
export class Screen {
  /** @param {NodeJS.WriteStream} out @param {number} everySeconds between two lines where `out` is no terminal */
  constructor(out, everySeconds = 5) {
    this.out = out;
    this.every = everySeconds;
    this.height = 0;
    this.next_s = 0;
  }

  /** @param {Moment} moment */
  draw(moment) {
    if (this.out.isTTY) this.#redraw(block(moment));
    else if (moment.elapsed_s >= this.next_s) {
      this.out.write(`${line(moment)}\n`);
      this.next_s = moment.elapsed_s + this.every;
    }
  }

  /** @param {string[]} lines */
  #redraw(lines) {
    const columns = this.out.columns || 120;
    const up = this.height > 0 ? `\x1b[${this.height}A` : '';
    this.out.write(up + lines.map((text) => `\x1b[2K${[...text].slice(0, columns - 1).join('')}\n`).join(''));
    this.height = lines.length;
  }
}
