/** Reads the evidence that it is given, and answers with what its charts show (see `series.js`). */
import { loadLab } from './lab.js';

/** The memory of every column, which is handed over and not copied. @param {unknown} value @returns {ArrayBufferLike[]} */
function memories(value) {
  if (value instanceof Float64Array) return [value.buffer];
  return value instanceof Object ? Object.values(value).flatMap(memories) : [];
}

/** @param {Uint8Array} bytes @returns {Promise<import('./series.js').Answer>} */
async function answer(bytes) {
  try {
    const { Lab } = await loadLab(), lab = new Lab(bytes);
    try {
      return { known: { series: lab.series(), demand: lab.demand() } };
    } finally {
      lab.free();
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

addEventListener('message', async ({ data }) => {
  const found = await answer(data);
  try {
    postMessage(found, { transfer: memories(found) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
