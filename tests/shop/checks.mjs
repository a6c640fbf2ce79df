/**
 * What must be true at the end of a demo: the sums of the shop, the shoppers and the central store agree exactly.
 */
import { euros, percent } from './screen.mjs';
import { captured } from './score.mjs';
import { plain } from './money.mjs';

/**
 * @typedef {{ stored: number, matched: number, unmatched: number, exposures: number }} LedgerView as `/haggle/health` tells it, out of D1
 */

/**
 * The end of a run.
 * @typedef {object} Ending
 * @property {import('./shoppers.mjs').Stats} stats
 * @property {{ orders: number, quoted_lines: number, quotes_refused: Record<string, number> }} shop
 * @property {import('./rewards.mjs').RewardSender['stats']} rewards
 * @property {import('./score.mjs').Score} score
 * @property {import('./screen.mjs').SnapshotView} first
 * @property {import('./screen.mjs').SnapshotView} last
 * @property {LedgerView} ledger
 * @property {number} server_errors
 */

const VERSIONS_MIN = 5;

/** Of fewer visitors nothing can be asked of what was learnt: the best arm may still be unlucky. */
const LEARNING_MIN = 1000;

/**
 * Share of the best arm in a snapshot.
 * @param {import('./screen.mjs').SnapshotView} snapshot
 * @param {import('./score.mjs').ExperimentScore} one
 * @returns {number}
 */
const bestShare = (snapshot, one) => snapshot.experiments.find(({ name }) => name === one.name)?.arms
  .find(({ price_minor }) => price_minor === one.best.price_minor)?.share ?? 0;

/**
 * How the share of the best arm went.
 * @param {import('./score.mjs').ExperimentScore} one
 * @param {import('./screen.mjs').SnapshotView} first
 * @param {import('./screen.mjs').SnapshotView} last
 */
const way = (one, first, last) => `${one.name} ${plain(one.best.price_minor)} ${percent(bestShare(first, one))} to ${percent(bestShare(last, one))}`;

/**
 * Everything that is not as it must be, in words; nothing where all is well.
 * @param {Ending} ending
 * @returns {string[]}
 */
export function failures({ stats, shop, rewards, score, first, last, ledger, server_errors }) {
  const { acks } = rewards;
  const { matched, unmatched, stored } = ledger, sent = rewards.lines;
  const rules = [
    [shop.orders === stats.orders, `the shop took ${shop.orders} orders, the shoppers made ${stats.orders}`],
    [sent === shop.quoted_lines && sent === stats.quoted_lines,
      `lines with a quote: ${stats.quoted_lines} bought, ${shop.quoted_lines} in the shop, ${sent} sent`],
    [rewards.lost === 0, `${rewards.lost} lines were never acknowledged`],
    [acks.refused === 0, `${acks.refused} lines were refused`],
    [matched + unmatched === sent, `${sent} lines sent, ${matched} matched + ${unmatched} unmatched in D1`],
    [stored === matched + unmatched, `${stored} lines stored, ${matched} matched + ${unmatched} unmatched`],
    [unmatched === stats.withheld_lines, `${unmatched} lines unmatched, ${stats.withheld_lines} beacons withheld for them`],
    [rewards.retries > 0 || acks.duplicate === rewards.repeated_lines,
      `${rewards.repeated_lines} lines repeated on purpose, ${acks.duplicate} recognised`],
    [ledger.exposures === stats.beacons.recorded,
      `${stats.beacons.recorded} exposures acknowledged as recorded, ${ledger.exposures} in D1`],
    [stats.beacons.refused === 0, `${stats.beacons.refused} exposures were refused`],
    [Object.keys(shop.quotes_refused).every((why) => why === 'no quote'),
      `the shop refused quotes: ${JSON.stringify(shop.quotes_refused)}`],
    [last.version >= VERSIONS_MIN, `the snapshot is at version ${last.version}, not yet at ${VERSIONS_MIN}`],
    [server_errors === 0, `${server_errors} answers of 500 or above`],
    [stats.broken === 0, `${stats.broken} visits broke off`],
    [stats.moved_prices === 0, `${stats.moved_prices} prices moved for a visitor who had seen them`],
    [stats.wrong_charges === 0, `${stats.wrong_charges} lines were charged at another price than was shown`],
    ...score.experiments.filter((one) => one.adaptive)
      .map((one) => [stats.visitors < LEARNING_MIN || bestShare(last, one) > bestShare(first, one), `the best arm has not gained: ${way(one, first, last)}`]),
  ];
  return rules.filter(([holds]) => !holds).map(([, words]) => String(words));
}

/** The run in one line. @param {Ending} ending @returns {string} */
export function summary({ stats, rewards, score, first, last, ledger, server_errors }) {
  const total = score.total();
  const each = (minor) => euros(stats.visitors > 0 ? minor / stats.visitors : 0);
  const arms = score.experiments.filter((one) => one.adaptive).map((one) => way(one, first, last));
  return [
    `${stats.visitors} visitors, ${stats.returned} of them twice`,
    `${stats.orders} orders`,
    `${rewards.lines} lines sent = ${ledger.matched} matched + ${ledger.unmatched} unmatched in D1 (${stats.withheld_lines} beacons withheld)`,
    `${rewards.repeated_lines} sent again and counted once`,
    `${ledger.exposures} exposures`,
    `snapshot v${last.version}`,
    `best arms: ${arms.join(', ')}`,
    `profit per visitor ${each(total.shown)} EUR (paid ${each(total.paid_minor)}) against ${each(total.fixed)} fixed and `
      + `${each(total.best)} optimum, ${Math.round(captured(total) * 100)}% of the possible gain`,
    `${server_errors} answers of 5xx`,
    `${stats.moved_prices} moved prices`,
  ].join('; ');
}
