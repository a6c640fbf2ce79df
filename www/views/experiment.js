/**
 * One experiment, live: where it stands, what its arms bring, what was done to it, and what may be done.
 *
 * The Worker's evidence is watched. With each new one the texts and tables become what they should be, where they differ;
 * what the charts show is made of the same answer by the wasm, beside the page.
 */
import { act } from '../actions.js';
import { ApiError, getJson } from '../api.js';
import { make } from '../dom.js';
import { readEvidence } from '../evidence.js';
import { count } from '../format.js';
import { watch } from '../live.js';
import { renew } from '../patch.js';
import { reader } from '../series.js';
import { experiment as words } from '../words.js';
import { arms } from './experiment/arms.js';
import { draft } from './experiment/draft.js';
import { files, save } from './experiment/files.js';
import { head } from './experiment/head.js';
import { Panels } from './experiment/panels.js';
import { priced, termsOf } from './experiment/terms.js';
import { timeline } from './experiment/timeline.js';
import { standingOf } from './experiment/verdict.js';

/** A screen reader is told of new numbers at most so often. */
const SAY_EVERY_MS = 20_000;

/** What is done once, if at all: behind a button of its own. */
const MORE = ['set-guardrails', 'extend-holdout', 'decide', 'archive'];

/** What may be done in which state, the most wanted first. @type {Record<string, string[]>} */
const ACTIONS = {
  draft: ['start', 'delete'],
  running: ['pause', 'add-arm', 'set-floor', 'set-end', ...MORE, 'stop'],
  paused: ['resume', 'add-arm', 'set-floor', 'set-end', ...MORE, 'stop'],
  decided: ['archive', 'stop'],
};
const FIRST = new Set(['start', 'resume']);

/** @typedef {{ standing: any, terms: import('./experiment/terms.js').Terms }} Drawn */
/** The parts of the page, in their order. @typedef {Record<'head' | 'arms' | 'charts' | 'timeline' | 'files', HTMLElement>} Parts */

class Page {
  /** @param {HTMLElement} place @param {string} name @param {AbortSignal} signal */
  constructor(place, name, signal) {
    this.place = place;
    this.name = name;
    this.signal = signal;
    this.said = make('p', { class: 'unseen', role: 'status' });
    this.saved = make('p', { class: 'help', role: 'status' });
    this.problem = make('p', { class: 'help' });
    this.grid = make('div', { class: 'graphs' });
    this.panels = new Panels(this.grid);
    this.read = reader(signal);
    const section = (/** @type {string} */ kind) => make('section', { class: `part ${kind}`, hidden: true });
    /** @type {Parts} */
    this.parts = { head: make('div', { class: 'intro' }), arms: section('arms-part'), charts: section('charts'), timeline: section('timeline-part'), files: section('files-part') };
    this.parts.charts.setAttribute('aria-label', words.charts.title);
    this.parts.charts.append(this.problem, this.grid);
    this.filesList = make('div');
    this.parts.files.append(this.filesList, this.saved);
    /** @type {any} */
    this.evidence = null;
    this.text = '';
    /** @type {Drawn | null} */
    this.drawn = null;
    /** @type {any} */
    this.report = null;
    /** @type {import('./experiment/head.js').Sum | null | undefined} */
    this.gained = undefined;
    this.saidAt_ms = -Infinity;
    /** @type {string | undefined} */
    this.last = undefined;
    place.addEventListener('click', (event) => this.clicked(event), { signal });
    place.addEventListener('keydown', ({ key }) => { if (key === 'Escape') this.closeMenu(); }, { signal });
    signal.addEventListener('abort', () => this.panels.close());
  }

  /** @param {string} text of the evidence @param {Uint8Array} bytes the same */
  async take(text, bytes) {
    this.text = text;
    // The wasm begins before the page: only of a draft, which has no counts, nothing is drawn.
    const read = this.evidence && this.evidence.state !== 'draft' ? this.read(bytes) : null;
    read?.catch(() => {});
    this.evidence = readEvidence(text);
    if (this.evidence.state === 'archived') this.report ??= await getJson(`/haggle/v1/experiments/${encodeURIComponent(this.name)}/report`, { signal: this.signal });
    this.draw();
    if (this.parts.head.parentNode !== this.place) this.place.replaceChildren(this.said, ...Object.values(this.parts));
    this.say();
    if (this.evidence.state !== 'draft') this.drawCharts(text, read ?? this.read(bytes));
  }

  /** Numbers and texts. */
  draw() {
    const { evidence, parts } = this, standing = this.report ? standingOf(this.report) : evidence.standing;
    const terms = termsOf({ ...evidence, standing }), isDraft = evidence.state === 'draft';
    this.drawn = { standing, terms };
    this.drawHead();
    this.fill('arms', isDraft ? draft(evidence, terms) : standing ? arms(evidence, standing, terms) : []);
    this.fill('timeline', timeline(evidence, terms));
    this.fill('files', files(evidence), this.filesList);
    parts.charts.hidden = isDraft;
  }

  /** The part with the gain, which the charts' numbers tell. */
  drawHead() {
    const { evidence, gained, report } = this, { standing, terms } = /** @type {Drawn} */ (this.drawn);
    this.fill('head', head(evidence, standing, terms, { gained, buttons: this.buttons(), report }));
  }

  /** @param {keyof Parts} part @param {HTMLElement[]} nodes @param {HTMLElement} [into] */
  fill(part, nodes, into = this.parts[part]) {
    this.parts[part].hidden = nodes.length === 0;
    renew(into, nodes, (element) => this.flash(element));
  }

  buttons() {
    const { state, stopped, definition } = this.evidence;
    const isPossible = (/** @type {string} */ action) => (action !== 'extend-holdout' || definition.unit === 'visitor') && (action !== 'stop' || !stopped);
    const all = [...(stopped && state !== 'paused' ? ['resume'] : []), ...(ACTIONS[state] ?? [])].filter(isPossible);
    const kind = (/** @type {string} */ action) => (action === 'delete' ? 'quiet danger' : action === 'stop' ? 'danger' : FIRST.has(action) ? '' : 'quiet');
    const button = (/** @type {string} */ action) => make('button', { type: 'button', class: kind(action), 'data-key': action, 'data-action': action },
      words.actions[/** @type {keyof typeof words.actions} */ (action)]);
    const rare = state === 'decided' ? [] : all.filter((action) => MORE.includes(action));
    const menu = make('details', { class: 'menu', 'data-key': 'more' }, make('summary', { class: 'button quiet' }, words.more), make('div', {}, ...rare.map(button)));
    const shown = all.filter((action) => !rare.includes(action)), hasStop = shown.at(-1) === 'stop';
    return [...shown.slice(0, hasStop ? -1 : undefined).map(button), ...(rare.length > 0 ? [menu] : []), ...(hasStop ? [button('stop')] : [])];
  }

  /** The charts, and what is gained so far. @param {string} text @param {Promise<import('../series.js').Known>} read of it */
  async drawCharts(text, read) {
    const was = JSON.stringify(this.gained);
    try {
      const known = await read;
      if (this.signal.aborted || text !== this.text) return;
      const { gain_to_holdout: holdout, gain_to_equal: equal } = known.series, of = this.evidence.definition.holdout > 0 ? holdout : equal;
      // Young exposures are in none of these numbers.
      const last = of.value.findLastIndex((value) => Number.isFinite(value));
      this.gained = last < 0 ? null : { value: of.value[last], low: of.low[last], high: of.high[last], at_ms: known.series.at_ms[last], isLast: last === of.value.length - 1 };
      this.panels.update({ evidence: this.evidence, .../** @type {Drawn} */ (this.drawn), lab: known });
      this.tell('help', known.series.at_ms.length === 0 ? words.charts.empty : '');
    } catch (error) {
      if (this.signal.aborted || text !== this.text) return;
      this.gained ??= null;
      this.tell('notice warn', words.charts.failed(error instanceof Error ? error.message : String(error)));
    }
    if (JSON.stringify(this.gained) !== was) this.drawHead();
  }

  /** Says why charts are missing. @param {string} kind @param {string} text empty: none is */
  tell(kind, text) {
    this.problem.className = kind;
    this.problem.textContent = text;
  }

  /** Shows where a number has changed. @param {Element} element */
  flash(element) {
    if (this.evidence.state === 'draft' || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    element.closest('td, .big')?.animate([{ backgroundColor: 'var(--flash)' }, {}], { duration: 1200, easing: 'ease-out' });
  }

  /** Tells who cannot see it. */
  say() {
    const standing = this.evidence.standing, now = performance.now();
    if (!standing || now - this.saidAt_ms < SAY_EVERY_MS) return;
    const all = priced(standing), text = words.say(count(all.exposures), count(all.orders), this.drawn?.terms.units.toLowerCase() ?? '');
    if (this.last === text) return;
    // What stands there at the first look is read anyway.
    if (this.last !== undefined) {
      this.said.textContent = text;
      this.saidAt_ms = now;
    }
    this.last = text;
  }

  /** The keyboard goes back to what opened it. */
  closeMenu() {
    const menu = this.place.querySelector('details.menu[open]');
    if (!(menu instanceof HTMLDetailsElement)) return;
    menu.querySelector('summary')?.focus();
    menu.open = false;
  }

  /** @param {Event} event */
  async clicked(event) {
    const target = event.target instanceof Element ? event.target : null, menu = this.place.querySelector('details.menu');
    const button = target?.closest('button[data-action], button[data-file]');
    if (menu instanceof HTMLDetailsElement && menu.open && (button || !menu.contains(target))) {
      // Where the dialog gives the focus back to.
      if (button && menu.contains(button)) menu.querySelector('summary')?.focus();
      menu.open = false;
    }
    if (!(button instanceof HTMLButtonElement)) return;
    const { action, arm, file } = button.dataset;
    if (action) {
      const done = await act({ name: this.name, action, evidence: this.text, ...(arm ? { arm } : {}) });
      // There is nothing left to look at.
      if (done && action === 'delete' && !this.signal.aborted) location.hash = '#/';
      return;
    }
    const say = (/** @type {string} */ text) => { this.saved.textContent = text; };
    await save(this.name, /** @type {import('./experiment/files.js').Kind} */ (file), { signal: this.signal, say })
      .catch((error) => { if (!this.signal.aborted) say(words.notSaved(error.message)); });
  }
}

/** What will stand here, before it is known. */
function skeleton() {
  const box = (/** @type {string} */ kind) => make('div', { class: `bone ${kind}` });
  return make('div', { class: 'skeleton', 'aria-hidden': 'true' }, box('title'), box('line'), make('div', { class: 'tiles' }, ...Array.from({ length: 5 }, () => box('tile'))), box('table'), box('chart'));
}

/** @param {HTMLElement} place @param {{ params: Record<string, string>, signal: AbortSignal }} opening */
export async function open(place, { params: { name }, signal: left }) {
  place.replaceChildren(skeleton());
  const over = new AbortController(), signal = AbortSignal.any([left, over.signal]);
  const page = new Page(place, name, signal);
  try {
    await watch(`/haggle/v1/experiments/${encodeURIComponent(name)}/evidence`, (text, bytes) => page.take(text, bytes), { signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    // It is no trouble of the connection, and nothing is asked again.
    over.abort();
    place.replaceChildren(make('div', { class: 'empty', role: 'alert' }, make('h1', {}, words.noSuch(name)), make('p', {}, words.noSuchWhy),
      make('p', { class: 'actions' }, make('a', { class: 'button', href: '#/' }, words.all))));
  }
}
