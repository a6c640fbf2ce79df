/**
 * What is watched: asked for again and again, and handed on when it has changed. Nothing is asked while the page is
 * hidden or nobody is signed in; after a lost connection it goes on by itself.
 */
import { ApiError, ask, backOff, changes } from './api.js';

/** @typedef {{ kind: 'live' | 'hidden' } | { kind: 'lost', message: string, again_at_ms: number } | { kind: 'wrong', message: string }} Connection */

/** What is wrong with each path that is watched now. @type {Map<string, Connection>} */
const troubles = new Map();

/** @type {(connection: Connection) => void} */
let tell = () => {};

/** @param {(connection: Connection) => void} told hears how things are, whenever that changes */
export function onConnection(told) {
  tell = told;
  report();
}

function report() {
  const [trouble] = troubles.values();
  tell(document.hidden ? { kind: 'hidden' } : trouble ?? { kind: 'live' });
}
document.addEventListener('visibilitychange', report);

/** Waits, but not when there is reason to look at once. @param {number} wait_ms @param {AbortSignal} signal @returns {Promise<void>} */
const waitOrWake = (wait_ms, signal) => new Promise((done) => {
  const over = new AbortController(), end = () => { clearTimeout(timer); over.abort(); done(); };
  const timer = setTimeout(end, wait_ms), options = { signal: over.signal };
  changes.addEventListener('change', end, options);
  window.addEventListener('online', end, options);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) end(); }, options);
  signal.addEventListener('abort', end, options);
});

/** Resolves as soon as somebody can see the page. @param {AbortSignal} signal */
async function visible(signal) {
  while (document.hidden && !signal.aborted) await waitOrWake(60_000, signal);
}

/**
 * Hands the text at a path to `onText`, and the bytes that it was: at once, and whenever it has changed.
 *
 * Resolves once `onText` was called for the first time. Rejects where there is nothing to wait for, such as an
 * experiment that does not exist; a lost connection is waited for.
 * @param {string} path
 * @param {(text: string, bytes: Uint8Array) => void | Promise<void>} onText
 * @param {{ signal: AbortSignal, every_ms?: number }} options
 * @returns {Promise<void>}
 */
export function watch(path, onText, { signal, every_ms = 2000 }) {
  return new Promise((first, failed) => {
    let isShown = false;
    follow(path, async (text, bytes) => { await onText(text, bytes); isShown = true; first(); }, signal, every_ms)
      .catch((error) => {
        if (signal.aborted) return first();
        // Who opens a view says what is wrong in its place; later there is only the line at the top.
        if (!isShown) return failed(error);
        troubles.set(path, { kind: 'wrong', message: error.message });
        signal.addEventListener('abort', () => { troubles.delete(path); report(); });
        return report();
      });
  });
}

/** @param {string} path @param {(text: string, bytes: Uint8Array) => Promise<void>} onText @param {AbortSignal} signal @param {number} every_ms */
async function follow(path, onText, signal, every_ms) {
  let etag = '', failures = 0;
  for (;;) {
    await visible(signal);
    if (signal.aborted) break;
    try {
      const answer = await ask(path, { signal, headers: etag ? { 'if-none-match': etag } : {} });
      if (signal.aborted) break;
      if (answer.status !== 304) {
        await onText(answer.text(), answer.bytes);
        // Not known before it is shown: what fails on the way there is asked for again.
        etag = answer.headers.get('etag') ?? '';
      }
      failures = 0;
      troubles.delete(path);
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof ApiError) || !error.isPassing) throw error;
      failures += 1;
      troubles.set(path, { kind: 'lost', message: error.message, again_at_ms: Date.now() + backOff(failures) });
    }
    report();
    await waitOrWake(failures ? backOff(failures) : every_ms, signal);
  }
  troubles.delete(path);
  report();
}
