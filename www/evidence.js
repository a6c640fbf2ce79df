/**
 * The evidence of an experiment, as the page reads it: without its history. That is nearly all of it, megabytes of counts of
 * which the page needs none: what is made of them, the wasm makes of the answer's bytes.
 */

const HISTORY = '"history":{';

/** @param {string} text @param {number} from behind the brace that opens an object of numbers @returns {number} behind the one that closes it */
function endOf(text, from) {
  let at = from;
  for (let depth = 1, open = text.indexOf('{', at); depth > 0;) {
    const close = text.indexOf('}', at);
    if (close < 0) return -1;
    const isOpening = open >= 0 && open < close;
    depth += isOpening ? 1 : -1;
    at = (isOpening ? open : close) + 1;
    if (isOpening) open = text.indexOf('{', at);
  }
  return at;
}

/**
 * In a string of JSON each quote has a backslash before it, so what is found here is the field; and the history has no
 * strings but integers, so that its braces are braces. Where it is not found all is read.
 * @param {string} text as the API has it @returns {any}
 */
export function readEvidence(text) {
  const from = text.indexOf(HISTORY), to = from < 0 ? -1 : endOf(text, from + HISTORY.length);
  return JSON.parse(to < 0 ? text : `${text.slice(0, from)}"history":null${text.slice(to)}`);
}
