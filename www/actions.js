/**
 * Interventions: a dialog that says what will happen, asks who wants it and why, does it, and offers to take it back.
 *
 * ```js
 * await act({ name: 'sevilla', action: 'retire-arm', evidence: text, arm: 'high' });   // of one experiment
 * await act({ action: 'stop', evidence: text });                                        // of the whole shop
 * ```
 *
 * `evidence` is the text of `GET /haggle/v1/experiments/NAME/evidence` that the person looks at: what is sent is about its
 * revision. Where it is left out it is asked for; a stop does not wait for that. Of the whole shop it is the text of
 * `GET /haggle/v1/overview`, by which an undo knows how things were.
 */
import { notify } from './actions/notice.js';
import { openDialog } from './actions/dialog.js';
import { keptVersions } from './actions/rollback.js';
import { wordsOf } from './actions/said.js';
import { evidenceOf, inverseOf, undo } from './actions/task.js';
import { ApiError } from './api.js';
import { actions as words } from './words.js';

/**
 * @param {{ name?: string, action: string, evidence?: string, arm?: string }} wanted `action` as in the API, or `delete`
 * @returns {Promise<any>} the Worker's answer; null where it was not done
 */
export async function act({ name = '', action, evidence, arm = '' }) {
  const isHasty = !name || action === 'stop';
  try {
    const text = evidence ?? (isHasty ? '' : await evidenceOf(name));
    const known = text ? JSON.parse(text) : null, task = { name, action, arm, text, evidence: known };
    if (action === 'rollback') Object.assign(task, { versions: await keptVersions() });
    // What is held now may have to be held again; but to go on does not depend on that.
    if (action === 'resume' && !name && known?.held) Object.assign(task, { versions: await keptVersions().catch(() => []) });
    const done = await openDialog(task);
    if (!done) return null;
    announce(done);
    return done.answer;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    notify(error.message, null, 'wrong');
    return null;
  }
}

/** @param {import('./actions/dialog.js').Done} done */
function announce({ task, body, answer }) {
  const of = wordsOf(task), subject = task.name || words.shop;
  const said = of.done(subject, body.arm?.name ?? body.arm ?? body.version);
  const inverse = inverseOf(task, body, answer);
  const { by } = body, signed = { ...(by === undefined ? {} : { by }), reason: words.undoOf(reasonOf(task, body)) };
  notify(said, inverse && (async () => {
    await undo(task, inverse, signed, answer);
    return words.undone(`${of.title} ${subject}`);
  }));
}

/** What was done, in short: the reason of an undo has a limit. @param {import('./actions/task.js').Task} task @param {Record<string, any>} body */
const reasonOf = ({ action }, { reason, arm }) => `${[action, arm?.name ?? arm].filter(Boolean).join(' ')} (${reason})`.slice(0, 480);
