/**
 * All experiments: first what is wrong, then how each does; drafts and what is archived apart.
 */
import { notify } from '../actions/notice.js';
import { make } from '../dom.js';
import { day } from '../format.js';
import { watch } from '../live.js';
import { renew } from '../patch.js';
import { overview as words } from '../words.js';
import { card } from './overview/card.js';
import { problems } from './overview/problems.js';

/** Loaded once the page stands: who only looks does not wait for them, and who stops prices does not either. */
const dialogs = () => import('../actions.js');

const LIVE = new Set(['running', 'paused', 'decided']);

/** @param {string} text @param {string} kind @param {Record<string, string>} data what a click means @returns {HTMLElement} */
const button = (text, kind, data) => {
  const one = make('button', { type: 'button', class: `small ${kind}` }, text);
  Object.assign(one.dataset, data);
  return one;
};

/** What may be done at once about a problem. @param {import('./overview/problems.js').Problem} problem @returns {HTMLElement | null} */
function remedy({ key, experiment }) {
  if (key === 'stopped' || key === 'held') return button(words.resumeAll, '', { act: 'resume', key: `resume ${key}` });
  if (experiment && (key.startsWith('paused ') || key.startsWith('stopped '))) {
    const one = button(words.resume, '', { act: 'resume', name: experiment, key });
    // Several stand below each other.
    one.setAttribute('aria-label', words.resumeOne(experiment));
    return one;
  }
  return null;
}

/** @param {any} overview @returns {HTMLElement[]} */
function head({ experiments, stopped }) {
  const live = experiments.filter((/** @type {any} */ { state }) => LIVE.has(state)).length;
  const back = live === 0 ? [] : [button(words.rollBack, 'quiet', { act: 'rollback', key: 'rollback' })];
  const stop = stopped || live === 0 ? [] : [button(words.stopAll, 'quiet danger', { act: 'stop', key: 'stop' })];
  return [make('h1', { 'data-key': 'title' }, words.title),
    make('div', { class: 'actions', 'data-key': 'actions' }, ...back, ...stop, make('a', { class: 'button small', href: '#/new' }, words.new))];
}

/** Experiments of which there is little to say. @param {string} title @param {any[]} some @param {(one: any) => string} fact @returns {HTMLElement[]} */
function list(title, some, fact) {
  if (some.length === 0) return [];
  return [make('h2', {}, title), make('ul', { class: 'rows', role: 'list' }, ...some.map((one) => make('li', { 'data-key': one.name },
    make('a', { href: `#/experiments/${encodeURIComponent(one.name)}` }, one.name),
    make('span', { class: 'hypothesis-line' }, one.hypothesis), make('span', { class: 'below' }, fact(one)))))];
}

/** @param {any} draft */
const drafted = ({ author, created_at_ms }) => words.drafted(author, day(created_at_ms));

/** @param {any} archived */
const ended = ({ decision, archived_at_ms }) => words.ended(decision?.arm ?? '', day(archived_at_ms));

/** Where there is nothing yet: what this is, and where to begin. */
const welcome = () => make('div', { class: 'empty' }, make('h1', {}, words.welcome), make('p', {}, words.welcomeWhy),
  make('p', { class: 'actions' }, make('a', { class: 'button', href: '#/new' }, words.first), make('a', { class: 'button quiet', href: '#/what-if' }, words.try)));

/** @param {HTMLElement} place @param {import('../app.js').Opening} opening */
export async function open(place, { signal }) {
  const parts = {
    head: make('div', { class: 'head' }),
    problems: make('ul', { class: 'wrongs', 'aria-label': words.wrong, role: 'list' }),
    well: make('p', { class: 'well' }),
    cards: make('ul', { class: 'experiments', 'aria-label': words.title, role: 'list' }),
    drafts: make('section'),
    archived: make('section'),
  };
  /** The overview as it was last drawn. */
  let seen = '';
  place.addEventListener('click', async ({ target }) => {
    const wanted = target instanceof Element ? target.closest('button[data-act]') : null;
    if (!(wanted instanceof HTMLElement)) return;
    const { act: action = '', name } = wanted.dataset, known = await dialogs().catch((error) => notify(words.noDialog(error.message), null, 'wrong'));
    await known?.act({ action, ...(name ? { name } : { evidence: seen }) });
  }, { signal });

  await watch('/haggle/v1/overview', (text) => {
    seen = text;
    const overview = JSON.parse(text), { experiments } = overview;
    if (experiments.length === 0) return place.replaceChildren(welcome());
    const live = experiments.filter((/** @type {any} */ { state }) => LIVE.has(state)), wrongs = problems(overview, remedy);
    renew(parts.head, head(overview));
    renew(parts.problems, wrongs);
    parts.problems.hidden = wrongs.length === 0;
    parts.well.hidden = wrongs.length > 0 || live.length === 0;
    parts.well.textContent = words.well;
    renew(parts.cards, live.length ? live.map((/** @type {any} */ one) => card(one, overview.now_ms)) : [make('li', { class: 'card soft', 'data-key': ' ' }, words.nothingRuns)]);
    for (const [part, nodes] of /** @type {[HTMLElement, HTMLElement[]][]} */ ([
      [parts.drafts, list(words.drafts, experiments.filter((/** @type {any} */ { state }) => state === 'draft'), drafted)],
      [parts.archived, list(words.archived, experiments.filter((/** @type {any} */ { state }) => state === 'archived'), ended)]])) {
      renew(part, nodes);
      part.hidden = nodes.length === 0;
    }
    if (parts.head.parentNode !== place) {
      place.replaceChildren(...Object.values(parts));
      dialogs().catch(() => {});
    }
    return undefined;
  }, { signal });
}
