/**
 * Signing in and out. One dialog asks for the admin token, over whatever is on the page; it stays there.
 *
 * A credential is tried by one request, when the reader says so and never by itself: wrong ones are counted, and after
 * twenty in a minute the answer is 429.
 */
import { ApiError, keepToken, onSignedOut, send, token } from './api.js';
import { byId, make } from './dom.js';
import { app as words } from './words.js';

/** Says what it says to everybody, and more to whoever has a right credential: so none is a wrong one. */
const HEALTH = '/haggle/health';

const dialog = byId('sign-in', HTMLDialogElement);
const again = byId('sign-in-again', HTMLButtonElement), out = byId('sign-out', HTMLButtonElement);

/** Everybody who waits for a credential waits for this. @type {Promise<void> | null} */
let asking = null;

/** Told of a change. */
let tell = () => {};

/**
 * @param {string} credential empty where Cloudflare Access may have let the reader in
 * @returns {Promise<boolean>} whether it is a right one
 */
async function isRight(credential) {
  const answer = await send(HEALTH, {}, credential);
  if (answer.ok) return credential !== '' || 'ledger' in answer.json();
  if (answer.status === 401) return false;
  throw new ApiError(words.denied(answer.status), answer.status);
}

/**
 * The way back through Cloudflare Access: in another tab, so that nothing that stands on this page is lost.
 * @param {() => void} done @param {(why: string) => void} say @returns {HTMLElement}
 */
function accessAgain(done, say) {
  const link = make('a', { class: 'button', href: '/', target: '_blank', rel: 'noopener' }, words.accessAgain);
  const goOn = make('button', { type: 'button', class: 'quiet' }, words.accessDone);
  goOn.addEventListener('click', async () => {
    goOn.disabled = true;
    await isRight('').then((is) => (is ? done() : say(words.accessNot)), (error) => say(error.message));
    goOn.disabled = false;
  });
  return make('div', { class: 'actions' }, link, goOn);
}

/** @param {string} why the reader is asked; may be empty @param {boolean} isOfAccess @param {() => void} done */
function show(why, isOfAccess, done) {
  const problem = make('p', { class: 'problem', role: 'alert', id: 'sign-in-problem' });
  const field = make('input', { type: 'password', id: 'token', name: 'token', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', required: true,
    'aria-describedby': 'token-help sign-in-problem' });
  const button = make('button', { type: 'submit' }, words.signIn);
  const form = make('form', { class: 'stack' },
    make('h2', { id: 'sign-in-title' }, words.signInTitle),
    make('p', {}, why || words.signInWhy),
    ...(isOfAccess ? [accessAgain(done, (text) => { problem.textContent = text; })] : []),
    make('label', { for: 'token' }, words.token), field,
    make('p', { id: 'token-help', class: 'help' }, words.tokenHelp),
    problem, make('div', { class: 'actions' }, button));
  if (isOfAccess) button.classList.add('quiet');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const credential = field.value.trim();
    button.disabled = true;
    try {
      // A header takes no other characters.
      if (!/^[\x21-\x7e]+$/.test(credential) || !await isRight(credential)) throw new ApiError(words.wrongToken, 401);
      keepToken(credential);
      done();
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      field.setAttribute('aria-invalid', 'true');
      field.select();
      field.focus();
    } finally {
      button.disabled = false;
    }
  });
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  (form.querySelector('a') ?? field).focus();
}

/** @param {string} why @param {boolean} isOfAccess @returns {Promise<void>} resolves once there is another credential */
function askReader(why, isOfAccess) {
  if (asking) return asking;
  asking = new Promise((done) => {
    const finish = () => {
      asking = null;
      again.hidden = true;
      out.hidden = !token();
      dialog.close();
      dialog.replaceChildren();
      done();
    };
    again.onclick = () => show(why, isOfAccess, finish);
    show(why, isOfAccess, finish);
  });
  tell();
  return asking;
}

/** Whether somebody waits for the reader to sign in. */
export const isSignedOut = () => asking !== null;

/** @param {() => void} changed is told when the reader is asked, and when the dialog is put away */
export function startSession(changed) {
  tell = changed;
  again.textContent = words.signIn;
  out.textContent = words.signOut;
  out.hidden = !token();
  out.addEventListener('click', () => {
    keepToken('');
    location.reload();
  });
  dialog.addEventListener('close', () => {
    again.hidden = asking === null;
    changed();
  });
  onSignedOut(askReader);
}

/** Resolves when there is a credential to ask with; one that has expired meanwhile shows later. */
export async function signedIn() {
  if (token()) return;
  // No answer: whatever is asked next will say so.
  if (!await isRight('').catch(() => true)) await askReader('', false);
}
