/**
 * The first page of the admin host: what runs here, as every host tells it without a token.
 */
import { health } from './api.js';
import { byId, make } from './dom.js';
import { ago, count } from './format.js';

/** @param {any} report @returns {[string, string][]} */
function lines({ build, snapshot, snapshot_reason, settings, reasons = {} }) {
  const published = snapshot
    ? `version ${count(snapshot.version)}, published ${ago(snapshot.age_ms)}, experiments: ${count(snapshot.experiments)}`
    : `none in use (${snapshot_reason ?? 'the settings are not in order'}); every page goes out untouched`;
  /** @type {[string, string][]} */
  const counts = Object.entries(reasons).map(([reason, n]) => [`Pages: ${reason}`, count(Number(n))]);
  return [['Build', String(build)], ['Snapshot', published], ...(settings?.error ? [/** @type {[string, string]} */ (['Settings', settings.error])] : []), ...counts];
}

health()
  .then((report) => byId('health', HTMLDListElement).replaceChildren(
    ...lines(report).map(([name, text]) => make('div', {}, make('dt', {}, name), make('dd', {}, text)))))
  .catch((error) => { byId('problem', HTMLParagraphElement).textContent = error.message; });
