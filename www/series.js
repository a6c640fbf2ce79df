/**
 * What the charts of an experiment show, made of its evidence beside the page: of megabytes of counts the page meanwhile draws
 * its table, and answers its reader.
 */

import { app as words } from './words.js';

/** @typedef {{ series: import('./lab.js').Series, demand: import('./lab.js').Demand }} Known */
/** @typedef {{ known: Known } | { error: string }} Answer */
/** @typedef {(bytes: Uint8Array) => Promise<Known>} Read hands the bytes over: the caller has them no more */

/** Begins when it is first asked, and answers in the order in which it is asked. @param {AbortSignal} signal of the view @returns {Read} */
export function reader(signal) {
  /** @type {Worker | null} */
  let worker = null;
  /** @type {PromiseWithResolvers<Known>[]} */
  let waiting = [];
  const stop = (/** @type {Error} */ why) => {
    worker?.terminate();
    worker = null;
    for (const { reject } of waiting) reject(why);
    waiting = [];
  };
  signal.addEventListener('abort', () => stop(signal.reason));
  const begin = () => {
    const begun = new Worker(new URL('./series-worker.js', import.meta.url), { type: 'module' });
    begun.addEventListener('message', (/** @type {MessageEvent<Answer>} */ { data }) => {
      const next = waiting.shift();
      if ('known' in data) next?.resolve(data.known);
      else {
        next?.reject(new Error(data.error));
        // A module that did not come is never asked for again by the same worker.
        stop(new Error(data.error));
      }
    });
    // What failed for want of a connection is tried again with the next evidence.
    begun.addEventListener('error', (event) => {
      event.preventDefault();
      stop(new Error(event.message || words.noAnswer));
    });
    return begun;
  };
  return (bytes) => {
    signal.throwIfAborted();
    worker ??= begin();
    /** @type {PromiseWithResolvers<Known>} */
    const asked = Promise.withResolvers();
    waiting.push(asked);
    worker.postMessage(bytes, [bytes.buffer]);
    return asked.promise;
  };
}
