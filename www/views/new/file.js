/** The file that comes of it: to look at, to save, to copy, and to store as a draft. */
import { Wish, change, token } from '../../api.js';
import { save } from '../../charts/save.js';
import { make } from '../../dom.js';
import { wizard as words } from '../../words.js';

/** Who acts, remembered in this tab. */
const BY = 'haggle_by';

export class File {
  /** @param {import('../../lab.js').Module} lab */
  constructor(lab) {
    this.lab = lab;
    this.text = '';
    this.name = '';
    this.wish = new Wish();
    this.state = make('p', { class: 'state', role: 'status' });
    this.shown = make('pre', { class: 'file', tabindex: 0, 'aria-label': words.fileName });
    this.download = make('button', { type: 'button', class: 'quiet' }, words.download);
    this.copy = make('button', { type: 'button', class: 'quiet' }, words.copyFile);
    this.by = make('input', { maxlength: 64, autocomplete: 'name', value: sessionStorage.getItem(BY) ?? '' });
    this.reason = make('input', { maxlength: 500, value: words.reasonValue, autocomplete: 'off' });
    this.button = make('button', { type: 'submit' }, words.save);
    this.problem = make('p', { class: 'problem', role: 'alert' });
    this.download.addEventListener('click', () => save(`${this.name}.toml`, new Blob([this.text], { type: 'application/toml' })));
    this.copy.addEventListener('click', () => navigator.clipboard.writeText(this.text)
      .then(() => { this.copy.textContent = words.copied; }, () => { this.problem.textContent = words.notCopied; }));
    // Cloudflare Access names the person by itself.
    const who = token() ? [make('label', {}, words.by, this.by)] : [];
    this.element = make('section', { class: 'step of-file' }, make('h2', {}, words.steps.file), this.state, this.shown,
      make('div', { class: 'fields' }, ...who, make('label', {}, words.reason, this.reason), this.button, this.download, this.copy), this.problem);
  }

  /** @param {string | null} definition in JSON, where it can run @param {string} why it cannot; empty before anybody wrote something @param {string} name */
  update(definition, why, name) {
    this.name = name;
    this.text = definition ? this.lab.toToml(definition) : '';
    this.state.textContent = definition ? words.ready : why ? words.notYet(why) : words.fillIn;
    this.state.classList.toggle('good', definition !== null);
    this.shown.textContent = this.text;
    this.shown.hidden = this.download.disabled = this.copy.disabled = !definition;
    this.shown.hidden = !definition;
    this.copy.textContent = words.copyFile;
    this.problem.textContent = '';
  }

  /** @param {Record<string, any>} definition @param {string} etag of the draft that is gone on with @param {AbortSignal} signal */
  async store(definition, etag, signal) {
    const by = token() ? this.by.value.trim() : '';
    sessionStorage.setItem(BY, by);
    const query = new URLSearchParams({ ...(by ? { by } : {}), ...(this.reason.value.trim() ? { reason: this.reason.value.trim() } : {}) });
    this.button.disabled = true;
    this.button.textContent = words.saving;
    try {
      const path = `/haggle/v1/experiments/${encodeURIComponent(definition.name)}`;
      await change('PUT', `${path}?${query}`, definition, { signal, wish: this.wish, ...(etag ? { etag } : {}) });
      location.hash = `#/experiments/${encodeURIComponent(definition.name)}`;
    } catch (error) {
      if (signal.aborted) return;
      this.problem.textContent = error instanceof Error ? error.message : String(error);
    } finally {
      this.button.disabled = false;
      this.button.textContent = words.save;
    }
  }
}
