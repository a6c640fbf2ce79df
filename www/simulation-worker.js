/**
 * Simulates beside the page, so that nothing on it waits. It is asked once, tells how far it is and what the runs so far
 * amount to, and ends; whoever does not want to know any more terminates it.
 */
import { loadLab } from './lab.js';

/** @typedef {{ scenario: string, policies: string[], seed: number, runs: number }} Question */
/** @typedef {{ done: number, all: number, found: import('./views/what-if.js').Found } | { error: string }} Report */

/** Milliseconds between two reports. */
const REPORT_EVERY_MS = 200;

/** @param {MessageEvent<Question>} event */
async function answer({ data: { scenario, policies, seed, runs } }) {
  try {
    const { Comparison } = await loadLab();
    const comparison = new Comparison(scenario, policies, seed, runs);
    const report = () => {
      const [done, all] = comparison.progress();
      postMessage({ done, all, found: comparison.result() });
    };
    let reported_at_ms = performance.now();
    while (comparison.step()) {
      if (performance.now() - reported_at_ms < REPORT_EVERY_MS) continue;
      report();
      reported_at_ms = performance.now();
    }
    report();
  } catch (error) {
    postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
}

addEventListener('message', answer);
