/**
 * What the page asks the Worker. The admin token lives in this tab's session storage, and nowhere else.
 */

const TOKEN = 'haggle_admin_token';

/** What went wrong, in words for the reader. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 where no answer came */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The token of this tab; empty before sign-in. */
export const token = () => sessionStorage.getItem(TOKEN) ?? '';

/** @param {string} value empty forgets it */
export function keepToken(value) {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
}

/** @param {Response} response @returns {Promise<string>} the Worker's own words, or what stands for them */
async function reason(response) {
  try {
    return String((await response.json()).error);
  } catch {
    return `the answer was ${response.status}`;
  }
}

/** @param {string} path @returns {Promise<Response>} only an answer of 200 */
async function get(path) {
  const headers = token() ? { authorization: `Bearer ${token()}` } : undefined;
  const response = await fetch(path, { cache: 'no-store', headers })
    .catch(() => { throw new ApiError('The Worker did not answer. Is it running, and are you online?', 0); });
  if (response.ok) return response;
  if (response.status === 401) throw new ApiError('This admin token was not accepted. It is the secret ADMIN_TOKEN of the Worker.', 401);
  const hint = response.status === 404 ? ' Start an experiment and run a sync; docs/operations.md shows how.' : '';
  throw new ApiError(`The Worker says: ${await reason(response)}.${hint}`, response.status);
}

/** The published snapshot. @returns {Promise<Uint8Array>} */
export const snapshotBytes = async () => new Uint8Array(await (await get('/haggle/v1/snapshot')).arrayBuffer());

/** The unit key of a visitor; only the Worker can make it. @param {string} visitor @returns {Promise<string>} */
export const unitOf = async (visitor) => (await (await get(`/haggle/v1/unit?visitor=${encodeURIComponent(visitor)}`)).json()).unit;

/** Definitions of the experiments that run. @returns {Promise<any[]>} */
export async function runningExperiments() {
  const { experiments } = await (await get('/haggle/v1/experiments')).json();
  return experiments.filter((/** @type {any} */ one) => one.state === 'running').map((/** @type {any} */ one) => one.definition);
}

/** What runs here; it needs no token. @returns {Promise<any>} */
export const health = async () => (await get('/haggle/health')).json();
