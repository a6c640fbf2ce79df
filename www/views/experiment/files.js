/**
 * What can be taken along: the report, the log of decisions, and the files of groups and prices. They are fetched with the
 * credential and saved by the browser: a link would have to carry it.
 */
import { ask, getText } from '../../api.js';
import { make } from '../../dom.js';
import { count } from '../../format.js';
import { experiment as words } from '../../words.js';

/** @typedef {'report' | 'log' | 'groups' | 'prices'} Kind */

/** @type {Record<Kind, (name: string) => string>} */
const NAMES = { report: (name) => `${name}-report.json`, log: (name) => `${name}.jsonl`, groups: (name) => `g-${name}.tsv`, prices: (name) => `p-${name}.tsv` };

/** @param {any} evidence @returns {Kind[]} which files there are */
const kindsOf = ({ started_at_ms: started, definition }) => (started ? ['report', 'log', ...(definition.scope ? /** @type {Kind[]} */ (['groups', 'prices']) : [])] : []);

/** @param {any} evidence @returns {HTMLElement[]} */
export function files(evidence) {
  const kinds = kindsOf(evidence);
  if (kinds.length === 0) return [];
  const buttons = kinds.map((kind) => make('li', { 'data-key': kind },
    make('button', { type: 'button', class: 'quiet', 'data-file': kind }, words.files[kind].title), make('span', { class: 'help' }, words.files[kind].text)));
  return [make('h2', { 'data-key': 'title' }, words.filesTitle), make('ul', { class: 'files', 'data-key': 'list' }, ...buttons)];
}

/** Pages of the log, one after the other. @param {string} path @param {AbortSignal} signal @param {(lines: number) => void} read */
async function logText(path, signal, read) {
  const pages = [];
  let lines = 0;
  for (let after = ''; ;) {
    const answer = await ask(after ? `${path}?after=${encodeURIComponent(after)}` : path, { signal });
    const page = answer.text();
    pages.push(page);
    lines += page.split('\n').length - 1;
    read(lines);
    after = answer.headers.get('haggle-next') ?? '';
    if (!after) return pages.join('');
  }
}

/**
 * Fetches a file and saves it.
 * @param {string} name of the experiment @param {Kind} kind
 * @param {{ signal: AbortSignal, say: (text: string) => void }} how
 */
export async function save(name, kind, { signal, say }) {
  const path = `/haggle/v1/experiments/${encodeURIComponent(name)}/${kind}`, file = NAMES[kind](name);
  say(words.fetching(file));
  const text = kind === 'log' ? await logText(path, signal, (lines) => say(words.read(file, count(lines)))) : await getText(path, { signal });
  const address = URL.createObjectURL(new Blob([text]));
  make('a', { href: address, download: file }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  say(words.saved(file));
}
