/**
 * What the page asks the Worker. The admin token lives in this tab's session storage, and nowhere else.
 *
 * Where Cloudflare Access stands before the Worker, its cookie is the credential and there is no token. An answer of 401
 * waits here for the reader to sign in (see `session.js`), and the request is then made again: what asked for it goes on.
 */
import { app as words } from './words.js';

const TOKEN = 'haggle_admin_token';

/** Milliseconds after which an answer is not waited for any longer. */
const PATIENCE_MS = 20_000;

/** Times that a request is made again by itself, where no answer came or the Worker was busy. */
const RETRIES = 3;

/** What went wrong, in words for the reader. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 where no answer came */
  constructor(message, status) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }

  /** Whether the same request may well be answered a little later. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** @typedef {{ method?: string, headers?: Record<string, string>, body?: string, signal?: AbortSignal, wish?: Wish }} Request */

/** The token of this tab; empty before sign-in. */
export const token = () => sessionStorage.getItem(TOKEN) ?? '';

/** @param {string} value empty forgets it */
export function keepToken(value) {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
}

/** How long to wait after so many failures in a row. @param {number} failures from 1 @returns {number} milliseconds */
export const backOff = (failures) => Math.min(1000 * 2 ** failures, 30_000);

/** Resolves later, or at once when the signal says so. @param {number} wait_ms @param {AbortSignal} [signal] @returns {Promise<void>} */
export const pause = (wait_ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, wait_ms);
  signal?.addEventListener('abort', () => { clearTimeout(timer); done(); }, { once: true });
});

/** Tells that something was changed through this page. */
export const changes = new EventTarget();

/** Whether Cloudflare Access has let the reader in before. */
let isOfAccess = false;

/** Asks the reader for a credential. @type {(why: string, isOfAccess: boolean) => Promise<void>} */
let askReader = async (why) => { throw new ApiError(why, 401); };

/** @param {(why: string, isOfAccess: boolean) => Promise<void>} ask resolves once there is another credential */
export function onSignedOut(ask) {
  askReader = ask;
}

/** What the Worker answered, all of it. */
class Answer {
  /** @param {number} status @param {Headers} headers @param {Uint8Array} bytes */
  constructor(status, headers, bytes) {
    this.status = status;
    this.headers = headers;
    this.bytes = bytes;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  text() {
    return new TextDecoder().decode(this.bytes);
  }

  /** @returns {any} */
  json() {
    return JSON.parse(this.text());
  }
}

/** @param {Answer} answer @returns {string} the Worker's own words, or what stands for them */
function reason(answer) {
  try {
    const { error } = answer.json();
    if (typeof error === 'string' && error) return error;
  } catch {
    // No JSON: a proxy on the way has answered.
  }
  return words.answered(answer.status);
}

/**
 * One request with the credential that is there, whatever the answer. It is there as a whole: one that breaks off on its
 * way, or is a page of whoever stands in between, is none.
 * @param {string} path @param {Request} [init] @param {string} [credential] @returns {Promise<Answer>}
 */
export async function send(path, { headers, signal, ...init } = {}, credential = token()) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const all = { ...headers, ...(credential ? { authorization: `Bearer ${credential}` } : {}) };
  // Access answers an ended session by leading elsewhere, which is as good as a 401.
  try {
    const response = await fetch(path, { ...init, headers: all, cache: 'no-store', redirect: 'manual', signal: signal ? AbortSignal.any([signal, patience]) : patience });
    if (response.type === 'opaqueredirect') return new Answer(401, new Headers(), new TextEncoder().encode(JSON.stringify({ error: words.accessEnded })));
    const { ok, status, headers: said } = response, body = await response.arrayBuffer();
    if (!ok || !said.get('content-type')?.startsWith('text/html')) return new Answer(status, said, new Uint8Array(body));
  } catch {
    signal?.throwIfAborted();
  }
  throw new ApiError(words.noAnswer, 0);
}

/**
 * An answer of 2xx or 304; asks the reader for a credential where it is that.
 * @param {string} path @param {Request} [init] @returns {Promise<Answer>}
 */
export async function ask(path, { wish, ...init } = {}) {
  for (;;) {
    const used = token();
    if (wish) wish.unknown += 1;
    const answer = await send(path, init, used);
    // Neither who is asked for a credential nor who is told to wait has had it done.
    if (wish && answer.status < 500) wish.unknown -= 1;
    if (answer.ok || answer.status === 304) {
      if (!used) isOfAccess = true;
      return answer;
    }
    const why = reason(answer);
    if (answer.status !== 401) throw new ApiError(words.refused(answer.status, why), answer.status);
    // Meanwhile another request may have led to a sign-in.
    const isEnded = why === words.accessEnded || (!used && isOfAccess);
    if (used === token()) await askReader(isEnded ? words.accessEnded : used ? words.expired : '', isEnded);
    init.signal?.throwIfAborted();
  }
}

/** Asks again a few times where that may help. @param {string} path @param {Request} init @returns {Promise<Answer>} */
async function askPatiently(path, init) {
  for (let failures = 1; ; failures += 1) {
    try {
      return await ask(path, init);
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isPassing || error.status === 429 || failures > RETRIES) throw error;
      await pause(backOff(failures) / 2, init.signal);
      init.signal?.throwIfAborted();
    }
  }
}

/** @param {string} path @param {{ signal?: AbortSignal }} [options] @returns {Promise<any>} */
export const getJson = async (path, { signal } = {}) => (await askPatiently(path, { signal, headers: { accept: 'application/json' } })).json();

/** @param {string} path @param {{ signal?: AbortSignal }} [options] @returns {Promise<string>} */
export const getText = async (path, { signal } = {}) => (await askPatiently(path, { signal })).text();

/** @param {string} path @param {{ signal?: AbortSignal }} [options] @returns {Promise<Uint8Array>} */
export const getBytes = async (path, { signal } = {}) => (await askPatiently(path, { signal })).bytes;

/** JSON with the ETag that a later change of it must name. @param {string} path @param {{ signal?: AbortSignal }} [options] @returns {Promise<{ json: any, etag: string }>} */
export async function getTagged(path, { signal } = {}) {
  const answer = await askPatiently(path, { signal });
  return { json: answer.json(), etag: answer.headers.get('etag') ?? '' };
}

/**
 * What one dialog, form or click wants done. However often it is sent from there it is done once, also where an answer was
 * lost on its way. The same, wanted from elsewhere or later, is another change: what was done may have been taken back.
 */
export class Wish {
  /** What was sent and never answered, with its keys. @type {Map<string, string>} */
  keys = new Map();

  /** Times that it was sent and nobody knows whether it is done. */
  unknown = 0;
}

/**
 * Changes something, once: also where the answer to it is lost on its way, and it is sent again.
 * @param {'POST' | 'PUT' | 'PATCH' | 'DELETE'} method
 * @param {string} path
 * @param {unknown} [body] sent as JSON
 * @param {{ etag?: string, signal?: AbortSignal, wish?: Wish }} [options] `etag`: of what was looked at; it must not have
 *   changed since. `wish`: of whoever may send it again
 * @returns {Promise<any>} the answer's JSON; null where it has none
 */
export async function change(method, path, body, { etag, signal, wish = new Wish() } = {}) {
  const what = JSON.stringify([method, path, body, etag]);
  const key = wish.keys.get(what) ?? crypto.randomUUID();
  wish.keys.set(what, key);
  const headers = { 'idempotency-key': key, ...(etag ? { 'if-match': etag } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, wish };
  try {
    const text = (await askPatiently(path, init)).text();
    settle(wish, what);
    changes.dispatchEvent(new Event('change'));
    return text ? JSON.parse(text) : null;
  } catch (error) {
    // Where the Worker has said no, the next attempt is another change.
    if (error instanceof ApiError && !error.isPassing) settle(wish, what);
    throw error;
  }
}

/** @param {Wish} wish @param {string} what is known now to be done, or not */
function settle(wish, what) {
  wish.keys.delete(what);
  wish.unknown = 0;
}
