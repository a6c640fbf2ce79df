/**
 * The page: its frame, and the view that the address names. A view is `views/NAME.js`, loaded when it is first opened; it
 * fills the place that it is given, and ends what it started when its signal says so.
 */
import { byId, make } from './dom.js';
import { signedIn, startSession } from './session.js';
import { drawStatus, startStatus } from './status.js';
import { app as words } from './words.js';

/** @typedef {{ params: Record<string, string>, query: URLSearchParams, signal: AbortSignal }} Opening */
/** @typedef {{ view: string, pattern: RegExp, title: (params: Record<string, string>) => string }} Route */

/** @type {Route[]} */
const ROUTES = [
  { view: 'overview', pattern: /^\/$/, title: () => words.titles.overview },
  { view: 'experiment', pattern: /^\/experiments\/(?<name>[^/]+)$/, title: ({ name }) => name },
  { view: 'model', pattern: /^\/experiments\/(?<name>[^/]+)\/model$/, title: ({ name }) => words.titles.model(name) },
  { view: 'preview', pattern: /^\/preview$/, title: () => words.titles.preview },
  { view: 'what-if', pattern: /^\/what-if$/, title: () => words.titles.whatIf },
  { view: 'new', pattern: /^\/new$/, title: () => words.titles.new },
];

/** @type {[string, string][]} */
const NAV = [['#/', words.nav.overview], ['#/preview', words.nav.preview], ['#/what-if', words.nav.whatIf], ['#/new', words.nav.new]];

const main = byId('main', HTMLElement);

/** Ends the view that is open. */
let opened = new AbortController();

/** @param {string} hash @returns {{ route: Route, params: Record<string, string>, query: URLSearchParams, path: string } | null} */
function find(hash) {
  const [path, query = ''] = (hash.slice(1) || '/').split(/\?(.*)/s);
  for (const route of ROUTES) {
    const match = route.pattern.exec(path);
    if (match) return { route, path, query: new URLSearchParams(query), params: decoded(match.groups ?? {}) };
  }
  return null;
}

/** @param {Record<string, string>} groups @returns {Record<string, string>} */
const decoded = (groups) => Object.fromEntries(Object.entries(groups).map(([name, value]) => {
  try { return [name, decodeURIComponent(value)]; } catch { return [name, value]; }
}));

/** @param {string} title @param {string} text @param {() => void} [retry] @returns {HTMLElement} */
function sorry(title, text, retry) {
  const actions = make('p', { class: 'actions' });
  if (retry) {
    const button = make('button', { type: 'button' }, words.tryAgain);
    button.addEventListener('click', retry);
    actions.append(button);
  }
  actions.append(make('a', { class: 'button quiet', href: '#/' }, words.toOverview));
  return make('div', { class: 'empty', role: 'alert' }, make('h1', {}, title), make('p', {}, text), actions);
}

/** @param {string} path whose link in the navigation is the present one */
function markNav(path) {
  for (const link of byId('nav', HTMLElement).querySelectorAll('a')) {
    const its = link.hash.slice(1), isHere = its === path || (its === '/' && path.startsWith('/experiments/'));
    if (isHere) link.setAttribute('aria-current', its === path ? 'page' : 'true');
    else link.removeAttribute('aria-current');
  }
}

/** Opens what the address names. @param {{ isFirst?: boolean }} [how] */
async function open({ isFirst = false } = {}) {
  opened.abort();
  opened = new AbortController();
  const { signal } = opened, found = find(location.hash);
  markNav(found?.path ?? '');
  document.title = words.pageTitle(found?.route.title(found.params) ?? words.titles.lost);
  const place = make('div', { class: `view view-${found?.route.view ?? 'lost'}` });
  const waiting = make('p', { class: 'loading', role: 'status' }, words.loading);
  main.replaceChildren(waiting, place);
  if (!isFirst) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  if (!found) return main.replaceChildren(sorry(words.titles.lost, words.noSuchPage));
  try {
    const view = await import(`./views/${found.route.view}.js`);
    if (!signal.aborted) await view.open(place, { params: found.params, query: found.query, signal });
    waiting.remove();
  } catch (error) {
    if (signal.aborted) return undefined;
    opened.abort();
    console.warn(error);
    // Not `open()`: a browser does not ask again for a module that did not come.
    main.replaceChildren(sorry(words.cannotShow, error instanceof Error ? error.message : String(error), () => location.reload()));
  }
  return undefined;
}

function start() {
  const skip = byId('skip', HTMLAnchorElement), nav = byId('nav', HTMLElement);
  skip.textContent = words.skip;
  // The address behind `#` is the view's, so the link cannot be followed.
  skip.addEventListener('click', (event) => { event.preventDefault(); main.focus(); });
  nav.setAttribute('aria-label', words.navName);
  nav.append(...NAV.map(([href, text]) => make('a', { href }, text)));
  window.addEventListener('hashchange', () => open());
  startSession(drawStatus);
  startStatus();
  signedIn().then(() => open({ isFirst: true }));
}

start();
