/**
 * Back to an older publication: which there are, and what each would change, experiment by experiment, from what the
 * Worker has kept of it.
 */
import { getJson } from '../api.js';
import { make } from '../dom.js';
import { ago, dateTime, minorDigits, money, percent, TOTAL } from '../format.js';
import { actions as words } from '../words.js';
import { isMoved, sharesTable } from './shares.js';

/** @typedef {{ version: number, published_at_ms: number }} Version */
/** An experiment as a snapshot has it. @typedef {{ name: string, currency: string, holdout: number, paused: boolean, arms: { name: string, price_minor: number, share: number }[] }} Published */

/** States in which an experiment is part of what is published. */
const LIVE = ['running', 'paused', 'decided'];

/** All that are kept, the newest first. @returns {Promise<Version[]>} */
export const keptVersions = async () => (await getJson('/haggle/v1/snapshots')).snapshots;

/** @param {number | string} version @returns {Promise<{ experiments: Published[] }>} */
const contentOf = (version) => getJson(`/haggle/v1/snapshot?${new URLSearchParams({ version: String(version) })}`);

/** What to call a version. @param {Version} version @param {number} now_ms */
export const versionText = ({ version, published_at_ms: at_ms }, now_ms) => words.version(String(version), dateTime(at_ms), ago(now_ms - at_ms));

/** @param {Published | undefined} now @param {Published} then @param {number} digits of the minor unit @returns {import('./shares.js').Row[]} in the order of the arms */
function rows(now, then, digits) {
  const arms = [...then.arms, ...(now?.arms ?? []).filter(({ name }) => then.arms.every((arm) => arm.name !== name))];
  const find = (/** @type {Published | undefined} */ of, /** @type {string} */ name) => of?.arms.find((arm) => arm.name === name);
  return arms.map(({ name, price_minor }, at) => ({ name, price: price_minor > 0 ? money(price_minor, then.currency, digits) : '', color: `arm-${at % 8}`,
    now: (find(now, name)?.share ?? 0) / TOTAL, next: (find(then, name)?.share ?? 0) / TOTAL }));
}

/** Sentences that an experiment may be part of, in their order. */
const SAID = /** @type {const} */ (['missing', 'stopped', 'pauses', 'goesOn', 'paused', 'over', 'same']);

/** What is said of one experiment: the sentences that it is part of, and its shares where they differ. @typedef {{ name: string, said: (typeof SAID[number])[], more: Node[] }} Found */

/**
 * Whom a rollback would price. Its content is what it was then, a pause included; what is stopped stays so.
 * @param {boolean} isStopped @param {Published | undefined} now @param {Published} then @returns {'stopped' | 'pauses' | 'goesOn' | 'paused' | null} null: as now
 */
function pricing(isStopped, now, then) {
  if (isStopped) return 'stopped';
  if (then.paused) return now?.paused ? 'paused' : 'pauses';
  return now?.paused ? 'goesOn' : null;
}

/** One experiment, now and then. @param {any} known of the overview @param {string} name @param {Published | undefined} now @param {Published | undefined} then @returns {Found} */
function compared(known, name, now, then) {
  if (!then) return { name, said: ['missing'], more: [] };
  const { state = '', stopped = false, minor_digits: digits = minorDigits(then.currency) } = known ?? {};
  if (!LIVE.includes(state)) return { name, said: ['over'], more: [] };
  const all = rows(now, then, digits), prices = new Map(now?.arms.map((arm) => [arm.name, arm.price_minor]));
  const isSame = now !== undefined && now.holdout === then.holdout && !all.some(isMoved) && then.arms.every((arm) => prices.get(arm.name) === arm.price_minor);
  const holdout = now && now.holdout !== then.holdout ? [make('p', {}, words.rollback.holdout(percent(now.holdout / TOTAL), percent(then.holdout / TOTAL)))] : [];
  const of = pricing(stopped, now, then);
  // Shares are of new visitors: where there begin to be some, or are none any more, they do not stay.
  const isSaid = isSame && of !== 'pauses' && of !== 'goesOn';
  return { name, said: [...(of ? [of] : []), ...(isSaid ? [/** @type {const} */ ('same')] : [])],
    more: isSame ? [] : [make('h4', {}, name), ...holdout, sharesTable(all, words.rollback.table(name))] };
}

/**
 * What would be served instead of what is served now.
 * @param {import('./task.js').Task} task @param {Record<string, any>} body @returns {Promise<Node[]>}
 */
export async function contentBeside({ evidence, versions = [] }, { version }) {
  const newest = versions[0]?.version ?? version;
  const [now, then] = await Promise.all([contentOf(newest), contentOf(version)]);
  const known = new Map((evidence?.experiments ?? []).map((/** @type {any} */ one) => [one.name, one]));
  const names = [...new Set([...then.experiments, ...now.experiments].map(({ name }) => name))].sort();
  const find = (/** @type {{ experiments: Published[] }} */ of, /** @type {string} */ name) => of.experiments.find((one) => one.name === name);
  const found = names.map((name) => compared(known.get(name), name, find(now, name), find(then, name)));
  const lines = SAID.flatMap((what) => {
    const some = found.filter(({ said }) => said.includes(what)).map(({ name }) => name);
    return some.length > 0 ? [make('li', {}, words.rollback[what](some))] : [];
  });
  if (evidence?.stopped) lines.unshift(make('li', {}, words.rollback.allStopped));
  return [...(lines.length > 0 ? [make('ul', { class: 'changes' }, ...lines)] : []), ...found.flatMap(({ more }) => more),
    ...(then.experiments.length === 0 ? [make('p', {}, words.rollback.empty)] : [])];
}
