/**
 * What was done, said once at the foot of the page, with a button that takes it back. It stays until it is closed or the
 * next one comes: nobody has to be quick.
 */
import { make } from '../dom.js';
import { actions as words } from '../words.js';

/** The part of the page that screen readers read out when something comes into it. */
function place() {
  const known = document.querySelector('.said');
  if (known) return known;
  const made = make('div', { class: 'said', role: 'status' });
  document.body.append(made);
  return made;
}

/**
 * @param {string} text
 * @param {(() => Promise<string>) | null} [undo] takes it back and says what came of it
 * @param {'done' | 'wrong'} [kind]
 */
export function notify(text, undo = null, kind = 'done') {
  const close = make('button', { type: 'button', class: 'quiet close', 'aria-label': words.dismiss }, '×');
  const notice = make('div', { class: `said-once ${kind}` }, make('p', {}, text));
  if (undo) {
    const button = make('button', { type: 'button', class: 'quiet' }, words.undo);
    button.addEventListener('click', async () => {
      button.disabled = true;
      button.textContent = words.busy;
      await undo().then((said) => notify(said), (error) => notify(words.undoFailed(error.message), null, 'wrong'));
    });
    notice.append(button);
  }
  notice.append(close);
  close.addEventListener('click', () => notice.remove());
  place().replaceChildren(notice);
}
