/** All experiments: first what is wrong, then how each does. */
import { make } from '../dom.js';
import { watch } from '../live.js';
import { overview as words } from '../words.js';

/** @param {HTMLElement} place @param {import('../app.js').Opening} opening */
export async function open(place, { signal }) {
  const list = make('div');
  place.append(make('h1', {}, words.title), list);
  await watch('/haggle/v1/overview', () => {}, { signal });
}
