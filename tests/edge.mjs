/**
 * The built Worker on local workerd, as the tests and the demo need it.
 *
 * Each location is a Worker of its own (own isolate, own memory, own port); all share the KV namespace, the D1
 * database and the Durable Objects, which live in the first. Nothing leaves this machine, no account is needed.
 *
 * ```js
 * const edge = await startEdge({ origin: shop.url, vars: { FIRST_VIEW: 'assign' }, locations: ['pop-a', 'pop-b'] });
 * await edge.fetchAdmin('/haggle/v1/sync', { method: 'POST' });
 * const page = await edge.fetchShop('/product/OLIVE-500', { location: 'pop-b' });
 * await edge.stop();
 * ```
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Log, LogLevel, Miniflare } from 'miniflare';

import { send, toResponse } from './http.mjs';
import { migrate } from './migrate.mjs';

/** @typedef {{ QUOTE_KEYS: string, UNIT_KEY: string, REWARDS_TOKEN: string, ADMIN_TOKEN: string }} Secrets */
/** @typedef {import('./http.mjs').Init & { location?: string }} EdgeInit */

/**
 * @typedef {object} EdgeOptions
 * @property {string} origin address of the shop's own server
 * @property {number} [port] of the first location; a free one where left out
 * @property {string[]} [locations] names of the edge locations
 * @property {Record<string, string>} [vars] more variables of the Worker, or others
 * @property {Secrets} [secrets] needed again where a persisted state is opened again
 * @property {string} [persist] directory that outlives the process; in memory where left out
 * @property {string} [build] directory of the built Worker; where left out, that of `HAGGLE_BUILD` or of `make worker`
 * @property {string} [migrations] directory of the D1 migrations
 * @property {string | null} [assets] directory of the static files
 * @property {(location: string) => any} [worker] more Miniflare options of one location
 * @property {object[]} [workers] further Workers beside the locations, such as a faulty KV
 * @property {boolean} [clock] whether the time is what `setClock` says; until it says something, it is the machine's
 * @property {(line: string) => void} [onLog] hears what the Worker writes to its console
 */

const root = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const COMPATIBILITY_DATE = '2026-04-01';
const LOG_LINES_MAX = 500;

/** Bound as `TEST_CLOCK`: one time for all locations and their Durable Objects. */
const CLOCK = { name: 'test-clock', compatibilityDate: COMPATIBILITY_DATE, modules: true, script: `let now;
export default {
  async fetch(request) {
    if (request.method === 'PUT') now = Number(await request.text()) || undefined;
    return new Response(String(now ?? Date.now()));
  },
};` };

/** The administration's host name; browsers resolve every `*.localhost` to this machine. */
export const ADMIN_HOST = 'admin.localhost';

/** The shop's name in its quotes. */
export const MERCHANT = 'almazara';

/** Fresh secrets in the form that the Worker reads. @returns {Secrets} */
export function newSecrets() {
  const hex = (bytes) => randomBytes(bytes).toString('hex');
  return { QUOTE_KEYS: `k1:${hex(32)}`, UNIT_KEY: hex(32), REWARDS_TOKEN: hex(16), ADMIN_TOKEN: hex(16) };
}

/** @param {string} build @returns {object} the options that load the Worker's modules */
function modules(build) {
  const script = join(build, 'index.js'), wasm = join(build, 'index_bg.wasm');
  if (!existsSync(script)) throw new Error(`there is no built Worker at ${script}; build it with \`make worker\``);
  const list = [{ type: 'ESModule', path: script }];
  if (existsSync(wasm)) list.push({ type: 'CompiledWasm', path: wasm });
  return { modules: list, modulesRoot: build };
}

/**
 * @param {string | null} directory
 * @returns {object} as `[assets] binding = "ASSETS", run_worker_first = true` of wrangler.toml
 */
function assetOptions(directory) {
  if (directory === null) return {};
  const routerConfig = { has_user_worker: true, invoke_user_worker_ahead_of_assets: true };
  return { assets: { directory, binding: 'ASSETS', routerConfig, assetConfig: {} } };
}

/** @param {EdgeOptions & { secrets: Secrets, locations: string[] }} options @returns {object[]} */
function locationWorkers(options) {
  const { origin, port = 0, locations, vars = {}, secrets, clock = false, worker = () => ({}) } = options;
  const { build = process.env.HAGGLE_BUILD || root('worker/build'), assets = root('www') } = options;
  const elsewhere = (location) => (location === locations[0] ? {} : { scriptName: locations[0] });
  const durable = (className, location) => ({ className, useSQLite: true, ...elsewhere(location) });
  return locations.map((location) => ({
    name: location,
    compatibilityDate: COMPATIBILITY_DATE,
    ...modules(build),
    bindings: { ORIGIN: origin, ADMIN_HOST, MERCHANT, ...vars, ...secrets },
    kvNamespaces: { SNAPSHOTS: 'haggle-snapshots' },
    d1Databases: { DB: 'haggle' },
    ratelimits: { ADMIN_LIMIT: { simple: { limit: 20, period: 60 } } },
    durableObjects: { LEDGER: durable('Ledger', location), PUBLISHER: durable('Publisher', location) },
    ...(clock ? { serviceBindings: { TEST_CLOCK: CLOCK.name } } : {}),
    ...assetOptions(assets),
    // A port of its own leads straight to the Worker, without Miniflare's own entry in between.
    unsafeDirectSockets: [{ host: '127.0.0.1', port: location === locations[0] ? port : 0 }],
    ...worker(location),
  }));
}

/** @returns {Set<number>} the workerd processes that this process has started */
function workerdProcesses() {
  try {
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return new Set(children.map(Number).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('workerd')));
  } catch {
    return new Set();
  }
}

/** Keeps the last lines of the Worker's console. @param {((line: string) => void) | undefined} onLog */
function listen(onLog) {
  const lines = /** @type {string[]} */ ([]);
  const read = (stream) => {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      const whole = (rest + chunk).split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) {
        lines.push(line);
        onLog?.(line);
      }
      lines.splice(0, Math.max(0, lines.length - LOG_LINES_MAX));
    });
  };
  return { lines, handleRuntimeStdio: (out, err) => [out, err].forEach(read) };
}

/** Refuses a port that is taken: workerd itself would share it with the other listener. @param {number} port */
async function mustBeFree(port) {
  const probe = createServer();
  await new Promise((free, taken) => {
    probe.once('error', () => taken(new Error(`port ${port} is taken; choose another one`)));
    probe.listen(port, '127.0.0.1', () => probe.close(() => free(undefined)));
  });
}

/**
 * Starts the Worker and prepares its database.
 * @param {EdgeOptions} options
 */
export async function startEdge(options) {
  const { locations = ['pop-a'], secrets = newSecrets(), persist, migrations = root('worker/migrations'), workers = [], clock = false, onLog } = options;
  const { lines, handleRuntimeStdio } = listen(onLog);
  if (options.port) await mustBeFree(options.port);
  const before = workerdProcesses();
  const mf = new Miniflare(/** @type {any} */ ({
    workers: [...locationWorkers({ ...options, locations, secrets }), ...workers, ...(clock ? [CLOCK] : [])],
    ...(persist ? { kvPersist: join(persist, 'kv'), d1Persist: join(persist, 'd1'), durableObjectsPersist: join(persist, 'do') } : {}),
    host: '127.0.0.1',
    cf: false,
    logRequests: false,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio,
  }));
  try {
    await mf.ready;
    // Of a location that has the database itself, where others have one that is down.
    const withDatabase = locations.find((location) => !options.worker?.(location)?.wrappedBindings?.DB) ?? locations[0];
    const db = await mf.getD1Database('DB', withDatabase);
    await migrate(db, migrations);
    const urls = await addresses(mf, locations);
    const [pid] = [...workerdProcesses()].filter((one) => !before.has(one));
    // Of the last location, because the first may stand behind a faulty namespace.
    const kv = await mf.getKVNamespace('SNAPSHOTS', locations[locations.length - 1]);
    return edge({ mf, db, kv, urls, secrets, lines, pid });
  } catch (error) {
    await mf.dispose().catch(() => {});
    throw error;
  }
}

/** @param {Miniflare} mf @param {string[]} locations @returns {Promise<Map<string, string>>} */
async function addresses(mf, locations) {
  const urls = await Promise.all(locations.map((location) => mf.unsafeGetDirectURL(location)));
  return new Map(locations.map((location, at) => [location, urls[at].origin]));
}

/**
 * @param {{ mf: Miniflare, db: any, kv: any, urls: Map<string, string>, secrets: Secrets, lines: string[], pid?: number }} parts
 */
function edge({ mf, db, kv, urls, secrets, lines, pid }) {
  const url = [...urls.values()][0] ?? '';
  const base = (location) => (location === undefined ? url : urls.get(location) ?? url);
  return {
    mf, db, kv, secrets, pid,
    /** The shop through the first location. */
    url,
    /** Address of each location. */
    urls,
    /** The administration in a browser. */
    adminUrl: `http://${ADMIN_HOST}:${new URL(url).port}`,
    /** The last lines of the Worker's console. */
    log: lines,

    /** A shopper's request. @param {string} path @param {EdgeInit} [init] @returns {Promise<Response>} */
    async fetchShop(path, { location, ...init } = {}) {
      return toResponse(await send(base(location) + path, init));
    },

    /** What time it is from now on, with the option `clock`. @param {number} [ms] since 1970-01-01 UTC; that of the machine where left out */
    async setClock(ms) {
      const worker = await mf.getWorker(CLOCK.name);
      await (await worker.fetch('http://clock/', { method: 'PUT', body: String(ms ?? '') })).text();
    },

    /**
     * The administrator's request, with the credential unless `authorization` is given (empty: none), and where it
     * changes something with an `idempotency-key` of its own unless one is given (empty: none).
     * @param {string} path
     * @param {EdgeInit} [init]
     * @returns {Promise<Response>}
     */
    async fetchAdmin(path, { location, ...init } = {}) {
      const changes = !['GET', 'HEAD', 'OPTIONS'].includes(init.method ?? 'GET');
      const all = { authorization: `Bearer ${secrets.ADMIN_TOKEN}`, 'idempotency-key': changes ? randomUUID() : '', ...init.headers };
      const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
      return toResponse(await send(base(location) + path, { host: ADMIN_HOST, ...init, headers }));
    },

    /**
     * A draft and its start, which publishes it.
     * @param {any} definition
     * @returns {Promise<Response>} of what was refused first, or of the start
     */
    async startExperiment(definition) {
      const path = `/haggle/v1/experiments/${definition.name}`;
      const draft = await this.fetchAdmin(path, { method: 'PUT', body: JSON.stringify(definition) });
      if (!draft.ok) return draft;
      const body = JSON.stringify({ by: 'maria', reason: 'to know the best price' });
      return this.fetchAdmin(`${path}/start`, { method: 'POST', body, headers: { 'if-match': draft.headers.get('etag') ?? '' } });
    },

    /** Kills workerd with signal 9, as a power cut would. */
    async kill() {
      if (pid === undefined) throw new Error('the process of workerd was not found; this needs /proc');
      process.kill(pid, 'SIGKILL');
      await mf.dispose().catch(() => {});
    },

    async stop() {
      await mf.dispose().catch(() => {});
    },
  };
}
