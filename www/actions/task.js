/**
 * One thing that somebody wants done: what it is about, the request that does it, and the one that takes it back.
 */
import { ApiError, change, getJson, getText } from '../api.js';
import { actions as words } from '../words.js';
import { keptVersions } from './rollback.js';

/**
 * @typedef {object} Task
 * @property {string} name of the experiment; empty for the whole shop
 * @property {string} action as the API calls it, or `delete` of a draft
 * @property {string} arm that it is about; empty where it is about none, or the dialog asks for it
 * @property {string} text the evidence that the person looked at, of the whole shop its overview; empty where nothing is known
 * @property {any} evidence the same, read
 * @property {import('./rollback.js').Version[]} [versions] what was published, the newest first, where it matters
 */

/** A request that changes something. @typedef {{ method: 'POST' | 'DELETE', path: string, body: Record<string, unknown> | undefined, etag: string }} Change */

/** @param {string} name */
const home = (name) => `/haggle/v1/experiments/${encodeURIComponent(name)}`;

/** What is known of an experiment now, as text. @param {string} name @returns {Promise<string>} */
export const evidenceOf = (name) => getText(`${home(name)}/evidence`);

/** The definition that the person looked at, what has a default included; without arms where nothing is known. @param {Task} task @returns {any} */
export const definitionOf = ({ evidence }) => ({ arms: [], floor: 0.02, holdout: 0.1, guardrails: {}, ...evidence?.definition });

/** Whether items are randomised, not visitors. @param {Task} task */
export const isOfItems = (task) => (definitionOf(task).unit ?? 'visitor') !== 'visitor';

/**
 * The request that does it. A stop is never refused because somebody changed something else in the meantime.
 * @param {Task} task
 * @param {Record<string, unknown>} body
 * @returns {Change}
 */
export function changeOf({ name, action, evidence }, body) {
  const etag = evidence && action !== 'stop' ? `"${evidence.revision}"` : '';
  if (!name) return { method: 'POST', path: `/haggle/v1/${action}`, body, etag: '' };
  if (action !== 'delete') return { method: 'POST', path: `${home(name)}/${action}`, body, etag };
  return { method: 'DELETE', path: `${home(name)}?${signature(body)}`, body: undefined, etag };
}

/** Who and why in the query, where the body is none of ours. @param {Record<string, unknown>} body */
const signature = ({ by = '', reason }) => new URLSearchParams({ by: String(by), reason: String(reason) });

/**
 * What takes it back, as the lifecycle allows; null where nothing does.
 * @param {Task} task
 * @param {Record<string, any>} body of what was done
 * @param {any} answer of the Worker
 * @returns {{ action: string, body: Record<string, unknown> } | null}
 */
export function inverseOf(task, body, answer) {
  const { name, action, evidence } = task, was = definitionOf(task), arm = body.arm?.name ?? body.arm;
  const known = was.arms.find((/** @type {any} */ one) => one.name === arm);
  switch (action) {
    case 'pause': return { action: 'resume', body: {} };
    // To resume what is paused or held would end that, too.
    case 'stop': return evidence?.stopped || evidence?.held || (evidence ?? answer)?.state === 'paused' ? null : { action: 'resume', body: {} };
    case 'resume':
      if (!name) return ofShop(task, { action: 'stop', body: {} });
      // Of one that was paused and stopped both, no single action brings that back.
      if (evidence?.state === 'paused' && evidence.stopped) return null;
      return { action: evidence?.state === 'paused' ? 'pause' : 'stop', body: {} };
    case 'add-arm': return { action: 'retire-arm', body: { arm } };
    case 'pause-arm':
    case 'retire-arm': return (known?.state ?? 'live') === 'live' ? { action: 'revive-arm', body: { arm } } : null;
    case 'revive-arm': return { action: known?.state === 'retired' ? 'retire-arm' : 'pause-arm', body: { arm } };
    case 'set-floor': return { action, body: { floor: was.floor } };
    case 'set-guardrails': return { action, body: { guardrails: was.guardrails } };
    case 'rollback': return ofShop(task, { action: 'resume', body: {} });
    case 'set-end': return was.end && Date.parse(was.end) <= Date.now() ? null : { action, body: { end: was.end ?? null } };
    case 'delete': return { action: 'draft', body: evidence.definition };
    default: return null;
  }
}

/**
 * What brings the whole shop back to where it was: to what was held, too. Of a shop that was stopped and held both, or was
 * stopped and would be resumed by it, no single action does.
 * @param {Task} task
 * @param {{ action: string, body: Record<string, unknown> }} inverse where nothing was held
 */
function ofShop({ evidence: overview, versions: [newest] = [] }, inverse) {
  if (!overview?.held) return overview?.stopped && inverse.action === 'resume' ? null : inverse;
  return overview.stopped || !newest ? null : { action: 'rollback', body: { version: newest.version } };
}

/** What each action leaves of the whole shop, where it can be taken back. @type {Record<string, { stopped: boolean, held: boolean }>} */
const LEFT = { stop: { stopped: true, held: false }, resume: { stopped: false, held: false }, rollback: { stopped: false, held: true } };

/**
 * What others have done to the whole shop since: to take back what was done before it would end that, too.
 * @param {string} action @param {number} version that it was published as @returns {Promise<'' | 'stopped' | 'held' | 'resumed'>}
 */
async function sinceThen(action, version) {
  const left = LEFT[action], now = await getJson('/haggle/v1/overview');
  // Whether prices are stopped is told by what is served: an older version does not know yet of what was done.
  if (now.version >= version && now.stopped !== left.stopped) return now.stopped ? 'stopped' : 'resumed';
  if (now.held !== left.held) return now.held ? 'held' : 'resumed';
  // While one is held no other comes but by another rollback.
  return left.held && (await keptVersions())[0]?.version !== version ? 'held' : '';
}

/**
 * Takes it back, where nobody else has done more meanwhile.
 * @param {Task} task
 * @param {{ action: string, body: Record<string, unknown> }} inverse
 * @param {{ by?: string, reason: string }} signed
 * @param {any} answer of the Worker to what was done
 * @throws {ApiError} where it is not taken back
 */
export async function undo({ name, action }, inverse, signed, answer) {
  const since = name ? '' : await sinceThen(action, answer.version);
  if (since) throw new ApiError(words.meanwhile[since], 409);
  const revision = answer?.revision;
  const etag = revision === undefined ? '' : `"${revision}"`;
  // The draft as it was: its body is the definition, so who and why go into the query.
  if (inverse.action === 'draft') return change('PUT', `${home(name)}?${signature(signed)}`, inverse.body, {});
  const path = name ? `${home(name)}/${inverse.action}` : `/haggle/v1/${inverse.action}`;
  return change('POST', path, { ...signed, ...inverse.body }, { etag });
}
