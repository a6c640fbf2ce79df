/**
 * As a shopper: which price each item has for a visitor now, and why, decided by the very snapshot that the shop serves.
 *
 * It draws; every decision is the core's, in wasm. Out of scope: what a visitor was shown before, which is in its cookies.
 */
import init, { Preview } from '../pkg/haggle_preview.js';

import { ApiError, ask, getBytes, getJson, pause } from '../api.js';
import { make } from '../dom.js';
import { ago, count, dateTime } from '../format.js';
import { watch } from '../live.js';
import { preview as words } from '../words.js';
import { rows } from './preview/items.js';
import { linkForm } from './preview/links.js';

const SNAPSHOT = '/haggle/v1/snapshot', VISITOR = /^[0-9a-f]{32}$/;
/** Items that are drawn at once. */
const PART = 50;
/** Times that bytes and view are asked for again, where they are not of one version; milliseconds until a new one is looked for again. */
const TRIES = 4, AGAIN_MS = 1500, AGE_MS = 1000;

/** 128 random bits, as the Worker names a new visitor. */
const randomVisitor = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * The published snapshot: its bytes, and the shares that the Worker has computed of them. Both are asked for again where a
 * publication came in between.
 * @param {AbortSignal} signal @returns {Promise<Preview | null>} null where nothing is published
 */
async function load(signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      const view = (await ask(SNAPSHOT, { signal, headers: { accept: 'application/json' } })).json();
      return new Preview(await getBytes(SNAPSHOT, { signal }), view);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && error.status === 404) return null;
      if (error instanceof ApiError || tries >= TRIES) throw error;
    }
  }
}

/** The parts of the view. */
function draw() {
  const field = (/** @type {string} */ id, /** @type {string} */ label, /** @type {import('../dom.js').Attributes} */ attributes) => {
    const input = make('input', { id, autocomplete: 'off', spellcheck: 'false', ...attributes });
    return { input, label: make('label', { for: id }, label, input) };
  };
  const visitor = field('visitor', words.visitor, { class: 'code', maxlength: 64, 'aria-describedby': 'visitor-help' });
  const search = field('search', words.search, { type: 'search' });
  const random = make('button', { type: 'button', class: 'quiet', id: 'random' }, words.random);
  return {
    visitor: visitor.input, search: search.input, random,
    facts: make('p', { class: 'soft', id: 'facts' }),
    problem: make('p', { class: 'problem', id: 'visitor-problem', role: 'alert' }),
    whose: make('strong', { class: 'code', id: 'whose' }),
    form: make('form', { class: 'fields' }, visitor.label, make('button', {}, words.show), random),
    find: make('div', { class: 'fields' }, search.label),
    found: make('p', { class: 'soft', id: 'found', role: 'status' }),
    list: make('ul', { class: 'prices', id: 'prices', role: 'list', 'aria-label': words.prices }),
    more: make('button', { type: 'button', class: 'quiet', id: 'more', hidden: true }, words.more),
    empty: make('p', { class: 'notice', hidden: true }, words.nothing),
    stopped: make('p', { class: 'notice wrong', hidden: true }, words.stopped),
  };
}

/** A visitor's prices, and the snapshot that they are decided by. */
class Prices {
  /** @param {ReturnType<typeof draw>} page @param {AbortSignal} signal */
  constructor(page, signal) {
    this.page = page;
    this.signal = signal;
    /** @type {Preview | null} */
    this.preview = null;
    this.visitor = this.unit = '';
    this.shown = PART;
    this.wanted = 0;
    this.isLoading = this.isKnown = false;
    /** Why the newest snapshot is not here; empty where nothing went wrong. */
    this.trouble = '';
    signal.addEventListener('abort', () => this.preview?.free());
  }

  /** @param {string} visitor whose prices are shown from now on */
  async take(visitor) {
    const { page } = this, isOne = VISITOR.test(visitor);
    page.visitor.setAttribute('aria-invalid', String(!isOne));
    page.problem.textContent = isOne ? '' : words.noVisitor(count(visitor.length));
    if (!isOne) return page.visitor.focus();
    const { unit } = await getJson(`/haggle/v1/unit?visitor=${encodeURIComponent(visitor)}`, { signal: this.signal });
    this.visitor = visitor;
    this.unit = unit;
    page.whose.textContent = visitor;
    this.draw();
  }

  /** Takes the newest snapshot in, as soon as the Worker that answers has it. @param {number} version that was published; 0: none is */
  async refresh(version) {
    this.wanted = version;
    if (this.isLoading) return;
    this.isLoading = true;
    try {
      while (!this.signal.aborted && !this.isNewest()) {
        const fresh = await this.newest(), known = this.preview;
        if (this.signal.aborted) return fresh?.free();
        if (fresh && fresh.version !== known?.version) {
          this.preview = fresh;
          known?.free();
          this.draw();
        } else {
          fresh?.free();
          if (!known) this.draw();
        }
        if (!this.isNewest()) await pause(AGAIN_MS, this.signal);
      }
    } finally {
      this.isLoading = false;
    }
  }

  isNewest() {
    return this.preview ? this.preview.version >= this.wanted : this.isKnown && this.wanted === 0;
  }

  /** The newest snapshot; null where there is none, or not now. */
  async newest() {
    try {
      const fresh = await load(this.signal);
      [this.isKnown, this.trouble] = [true, ''];
      return fresh;
    } catch (error) {
      if (!this.signal.aborted && !(error instanceof ApiError && error.isPassing)) throw error;
      this.trouble = error instanceof ApiError ? error.message : '';
      return null;
    }
  }

  draw() {
    const { page, preview, unit } = this, hasItems = Boolean(preview && preview.count('') > 0);
    page.empty.hidden = hasItems || !this.isKnown;
    page.find.hidden = !hasItems;
    page.stopped.hidden = !preview?.isStopped;
    this.drawFacts();
    if (!preview || !unit) return;
    const text = page.search.value.trim(), all = preview.count(text);
    const items = preview.items(text, 0, this.shown);
    page.found.textContent = page.empty.hidden ? words.found(count(items.length), count(all)) : '';
    page.more.hidden = items.length >= all;
    page.list.replaceChildren(...rows(items, (/** @type {string} */ sku) => preview.decide(unit, sku)));
    page.list.dispatchEvent(new CustomEvent('drawn', { detail: items }));
  }

  drawFacts() {
    const { page: { facts }, preview } = this;
    facts.textContent = this.trouble ? words.notRead(this.trouble) : preview ? words.facts(count(preview.version), ago(Date.now() - preview.publishedAtMs)) : '';
    if (preview) facts.title = dateTime(preview.publishedAtMs);
  }
}

/** @param {HTMLElement} place @param {import('../app.js').Opening} opening */
export async function open(place, { query, signal }) {
  await init();
  const page = draw(), prices = new Prices(page, signal);
  const tell = (/** @type {unknown} */ error) => {
    if (!signal.aborted) page.problem.textContent = error instanceof Error ? error.message : String(error);
  };
  const take = (/** @type {string} */ visitor) => {
    page.visitor.value = visitor;
    return prices.take(visitor).catch(tell);
  };
  page.form.addEventListener('submit', (event) => {
    event.preventDefault();
    take(page.visitor.value.trim().toLowerCase());
  });
  page.random.addEventListener('click', () => take(randomVisitor()));
  page.search.addEventListener('input', () => {
    prices.shown = PART;
    prices.draw();
  });
  page.more.addEventListener('click', () => {
    prices.shown += PART;
    prices.draw();
  });
  place.append(make('div', { class: 'head' }, make('h1', {}, words.title), page.facts),
    make('div', { class: 'columns' },
      make('section', {}, make('h2', {}, words.who), page.form, page.problem, make('p', { class: 'help', id: 'visitor-help' }, words.visitorHelp)),
      linkForm(() => prices.visitor, page.list)),
    make('section', {}, make('div', { class: 'head' }, make('h2', {}, words.pricesOf, ' ', page.whose), page.find), page.stopped, page.empty, page.found, page.list, page.more));
  await take(query.get('visitor') ?? randomVisitor());
  const aging = setInterval(() => prices.drawFacts(), AGE_MS);
  signal.addEventListener('abort', () => clearInterval(aging));
  await watch('/haggle/v1/overview', (text) => {
    const { version } = JSON.parse(text);
    const refreshed = prices.refresh(version).catch(tell);
    // A location that does not have it yet must not keep the page from being there.
    return prices.preview ? undefined : Promise.race([refreshed, pause(AGAIN_MS, signal)]).then(() => prices.draw());
  }, { signal });
}
