/**
 * A small HTTP client for tests: unlike `fetch` it can say any `Host`, and it follows no redirect.
 *
 * The Worker tells the shop's host from the administration's by that header, while both listen on one local port.
 */
import { Agent, request } from 'node:http';
import { Readable } from 'node:stream';

/** @typedef {{ method?: string, headers?: Record<string, string>, body?: string | Uint8Array, host?: string, agent?: Agent,
 *   timeout_ms?: number }} Init */

const TIMEOUT_MS = 90_000;
const shared = new Agent({ keepAlive: true, maxSockets: 64 });

/**
 * Sends one request; gives the answer as soon as its headers are there.
 * @param {string} url
 * @param {Init} [init]
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
export function send(url, init = {}) {
  const { method = 'GET', headers = {}, body, host, agent = shared, timeout_ms = TIMEOUT_MS } = init;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method, agent, headers: { ...length, ...(host ? { host } : {}), ...headers } }, resolve);
    outgoing.setTimeout(timeout_ms, () => outgoing.destroy(new Error(`no answer to ${method} ${url} within ${timeout_ms} ms`)));
    outgoing.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      // The server may close a kept connection at the moment in which it is used again: then a new one is taken.
      const wasKept = error.code === 'ECONNRESET' && outgoing.reusedSocket && agent === shared;
      if (wasKept) resolve(send(url, { ...init, agent: new Agent() }));
      else reject(error);
    });
    outgoing.end(body);
  });
}

/** The whole body as text. @param {import('node:http').IncomingMessage} incoming @returns {Promise<string>} */
export async function text(incoming) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The answer as the standard `Response`, its body still streaming.
 * @param {import('node:http').IncomingMessage} incoming
 * @returns {Response}
 */
export function toResponse(incoming) {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) headers.append(incoming.rawHeaders[at], incoming.rawHeaders[at + 1]);
  const status = incoming.statusCode ?? 500;
  const empty = status === 204 || status === 304;
  if (empty) incoming.resume();
  const body = empty ? null : /** @type {any} */ (Readable.toWeb(incoming));
  return new Response(body, { status, statusText: incoming.statusMessage, headers });
}
