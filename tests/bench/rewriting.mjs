/**
 * Pages through workerd: haggle with nothing to price, haggle with four priced items, and a Worker written by hand that
 * does the same replacement. All three live in one workerd, take turns, and are asked over the loopback interface by
 * returning visitors; the client and the origin share the machine with it.
 */
import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';

import { startEdge } from '../edge.mjs';
import { redated } from '../golden/by-hand.mjs';
import { send, text } from '../http.mjs';
import { ITEMS, productPage } from './page.mjs';

const ROUNDS = 5, ROUND_MS = 2_500, WARM_MS = 1_500, CONNECTIONS = 4, VISITORS = 60;
const ACCEPT = 'text/html,application/xhtml+xml,*/*;q=0.8';
const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** @typedef {{ rps: number, ms: number, p99_ms: number, cpu_ms: number | null }} Round */
/** @typedef {{ name: string, url: string, jars: string[], rounds: Round[] }} Contender */

/** @param {string} page @returns {Promise<{ url: string, stop: () => void }>} */
async function startOrigin(page) {
  const body = Buffer.from(page);
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-length': body.length, etag: '"1"' };
  const server = createServer((_, response) => response.writeHead(200, headers).end(body));
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, stop: () => { server.close(); server.closeAllConnections(); } };
}

/** @param {string} origin */
async function startAll(origin) {
  const byHand = {
    name: 'by-hand', modules: [{ type: 'ESModule', path: 'by-hand.js', contents: read('by-hand.js') }],
    compatibilityDate: '2026-04-01', bindings: { ORIGIN: origin }, unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  };
  const edge = await startEdge({
    origin, locations: ['priced', 'idle'], workers: [byHand], vars: { FIRST_VIEW: 'assign', SNAPSHOT_TTL_MS: '600000' },
    worker: (location) => (location === 'idle' ? { kvNamespaces: { SNAPSHOTS: 'empty' } } : {}),
  });
  const cases = new Map(JSON.parse(read('../golden/snapshots.json')).cases.map((one) => [one.name, Buffer.from(one.bytes, 'hex')]));
  const put = async (kv, name) => kv.put('snapshot', Uint8Array.from(redated(cases.get(name), Date.now())));
  await put(await edge.mf.getKVNamespace('SNAPSHOTS', 'priced'), 'four');
  await put(await edge.mf.getKVNamespace('SNAPSHOTS', 'idle'), 'empty');
  const url = async (name) => (await edge.mf.unsafeGetDirectURL(name)).origin;
  const contender = async (name, worker) => ({ name, url: await url(worker), jars: [], rounds: [] });
  return { edge, contenders: await Promise.all([
    contender('haggle, nothing to price', 'idle'), contender('haggle, 4 priced items', 'priced'), contender('written by hand, 4 items', 'by-hand'),
  ]) };
}

/** One page; throws where it is not what it should be. @param {Contender} one @param {string} cookie @param {Agent} [agent] */
async function view(one, cookie, agent) {
  const answer = await send(`${one.url}/product`, { agent, headers: { accept: ACCEPT, ...(cookie ? { cookie } : {}) } });
  const page = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`${one.name}: status ${answer.statusCode}`);
  return { page, cookies: (answer.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ') };
}

/** Each visitor's first view; the page must be the origin's, or have another price, a quote and the script in it. */
async function meet(/** @type {Contender} */ one, /** @type {string} */ origin, /** @type {boolean} */ priced) {
  const seen = new Set();
  for (let visitor = 0; visitor < VISITORS; visitor++) {
    const { page, cookies } = await view(one, '');
    one.jars.push(cookies);
    seen.add(/data-haggle-sku="OLIVE-500">([^<]*)</.exec(page)?.[1]);
    const right = priced ? page.includes('name="haggle_quote"') && page.includes('data-haggle-quotes=') && cookies !== '' : page === origin;
    if (!right) throw new Error(`${one.name}: the page is not what it should be`);
  }
  if (seen.size !== (priced ? 3 : 1)) throw new Error(`${one.name}: prices ${[...seen].join(' ')}`);
}

/** CPU time that a process has used, where the system tells. @param {number | undefined} pid */
function cpu_ms(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return null;
  }
}

/** @param {Contender} one @param {number} duration_ms @param {number | undefined} pid @returns {Promise<Round>} */
async function load(one, duration_ms, pid) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times = /** @type {number[]} */ ([]);
  const before = cpu_ms(pid), start = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, async (_, at) => {
    for (let n = at; performance.now() - start < duration_ms; n += CONNECTIONS) {
      const sent = performance.now();
      await view(one, one.jars[n % VISITORS], agent);
      times.push(performance.now() - sent);
    }
  }));
  const [after, took_ms] = [cpu_ms(pid), performance.now() - start];
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const cpu = before === null || after === null ? null : (after - before) / times.length;
  return { rps: (times.length / took_ms) * 1000, ms: at(0.5), p99_ms: at(0.99), cpu_ms: cpu };
}

/** @returns {Promise<{ page: { bytes: number, items: number }, rounds: number, connections: number, contenders: Contender[] }>} */
export async function rewriting() {
  const page = productPage();
  const origin = await startOrigin(page);
  const { edge, contenders } = await startAll(origin.url);
  try {
    for (const one of contenders) await meet(one, page, !one.name.includes('nothing'));
    for (const one of contenders) await load(one, WARM_MS, edge.pid);
    for (let round = 0; round < ROUNDS; round++) {
      // Each goes first, second and third as often as the others, as far as the rounds allow.
      const turn = contenders.map((_, at) => contenders[(at + round) % contenders.length]);
      for (const one of turn) one.rounds.push(await load(one, ROUND_MS, edge.pid));
    }
  } finally {
    await edge.stop();
    origin.stop();
  }
  return { page: { bytes: Buffer.byteLength(page), items: ITEMS.length }, rounds: ROUNDS, connections: CONNECTIONS, contenders };
}
