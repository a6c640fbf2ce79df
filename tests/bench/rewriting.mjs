/**
 * Pages through workerd: a Worker that changes nothing, two written by hand for these pages, and haggle in its three
 * modes. Each has a process of its own and takes turns with the others; returning visitors ask over the loopback
 * interface. Where there are two cores, workerd has one of them, and client and origin the other.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { startEdge } from '../edge.mjs';
import { send, text } from '../http.mjs';
import { LISTED, PRODUCT, SITE, listingPage, productPage } from './pages.mjs';

const ROUNDS = Number(process.env.HAGGLE_BENCH_ROUNDS ?? 5), ROUND_MS = 2_000, WARM_MS = 3_000, CONNECTIONS = 8, VISITORS = 60;
const ACCEPT = 'text/html,application/xhtml+xml,*/*;q=0.8';
const ITEMS = [PRODUCT, ...LISTED];
const ARMS = new Map(ITEMS.map(({ sku, arms_minor }) => [sku, arms_minor.map((minor) => (minor / 100).toFixed(2))]));
const PAGES = { '/product': productPage(), '/listing': listingPage() };

/** @typedef {{ rps: number, ms: number, p99_ms: number, cpu_us: number | null, other: number | null }} Round `other`: share of a core that was busy elsewhere */
/** @typedef {{ name: string, url: string, pid: number | undefined, isPriced: boolean, jars: string[], stop: () => Promise<void>, rounds: Record<string, Round[]> }} Contender */

/** @returns {Promise<{ url: string, stop: () => void }>} */
async function startOrigin() {
  const bodies = new Map(Object.entries(PAGES).map(([path, page]) => [path, Buffer.from(page)]));
  const server = createServer((request, response) => {
    const body = bodies.get(request.url ?? '') ?? Buffer.alloc(0);
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': body.length, 'cache-control': 'public, max-age=60', etag: '"1"' }).end(body);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, stop: () => { server.close(); server.closeAllConnections(); } };
}

/** One experiment for each item, which never moves. */
function experiments() {
  return ITEMS.map(({ sku, arms_minor: [list, low, high] }) => ({
    name: sku.toLowerCase(), hypothesis: 'the price matters', document: 'https://wiki.example/pricing', currency: 'USD', objective: 'revenue', holdout: 0, floor: 0.02,
    reward_window_hours: 168, salt: sku, control: 'list', policy: { name: 'thompson' }, item: { sku, price_minor: list },
    arms: [['list', list], ['low', low], ['high', high]].map(([name, price_minor]) => ({ name, price_minor })),
  }));
}

/** @param {string} name @param {string} file @param {string} origin @param {Record<string, string>} [more] @returns {Promise<Contender>} */
async function startByHand(name, file, origin, more = {}) {
  const arms = JSON.stringify(Object.fromEntries(ITEMS.map(({ sku, arms_minor }) => [sku, arms_minor])));
  const path = fileURLToPath(new URL(file, import.meta.url));
  const worker = { modules: [{ type: 'ESModule', path }], modulesRoot: dirname(path), bindings: { ORIGIN: origin, ARMS: arms, PRODUCT: PRODUCT.sku, ...more }, durableObjects: {} };
  const edge = await startEdge({ origin, assets: null, worker: () => worker });
  return { name, url: edge.url, pid: edge.pid, isPriced: file !== 'passthrough.js', jars: [], stop: edge.stop, rounds: {} };
}

/** @param {string} mode @param {string} origin @param {Uint8Array | null} snapshot of another mode, whose experiments run here too */
async function startHaggle(mode, origin, snapshot) {
  const vars = { MODE: mode, FIRST_VIEW: 'assign', SNAPSHOT_TTL_MS: '600000', LEDGER_PUSH_MS: '600000' };
  const edge = await startEdge({ origin, vars });
  if (snapshot) {
    await edge.kv.put('snapshot', snapshot);
  } else {
    const done = async (answer) => {
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    };
    await done(await edge.fetchAdmin('/haggle/v1/site', { method: 'PUT', body: JSON.stringify(SITE) }));
    for (const one of experiments()) await done(await edge.startExperiment(one));
    await done(await edge.fetchAdmin('/haggle/v1/sync', { method: 'POST' }));
  }
  const bytes = snapshot ?? new Uint8Array(await edge.kv.get('snapshot', 'arrayBuffer'));
  /** @type {Contender} */
  const contender = { name: `haggle, ${mode}`, url: edge.url, pid: edge.pid, isPriced: true, jars: [], stop: edge.stop, rounds: {} };
  return { contender, bytes };
}

/** @param {string} origin @returns {Promise<Contender[]>} */
async function startAll(origin) {
  const all = [
    await startByHand('passthrough', 'passthrough.js', origin),
    await startByHand('by hand, prices only', 'by-hand.js', origin),
    await startByHand('by hand', 'by-hand.js', origin, { QUOTES: 'yes' }),
  ];
  let snapshot = null;
  for (const mode of ['stream', 'proven', 'atomic']) {
    const { contender, bytes } = await startHaggle(mode, origin, snapshot);
    snapshot = bytes;
    all.push(contender);
  }
  return all;
}

/** Gives workerd a core of its own, where the system can. @param {Contender[]} contenders @returns {boolean} */
function pin(contenders) {
  try {
    if (availableParallelism() < 2) return false;
    const to = (core, pid) => execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'pipe' });
    for (const { pid } of contenders) to(1, pid);
    to(0, process.pid);
    return true;
  } catch {
    return false;
  }
}

/** The page without its prices, and without what haggle adds. @param {string} page */
const blank = (page) => page
  .replace(/(data-price="[^"]*"[^>]*>)\$[\d.]+</g, '$1$<')
  .replace(/(price:amount" content=")[^"]*"/, '$1"')
  .replace(/("offers":\{"@type":"Offer","price":")[^"]*"/, '$1"')
  .replace(/<input type="hidden" name="haggle_quote" value="[^"]*">/, '')
  .replace(/<script type="module" src="\/haggle\/haggle.js"[^>]*><\/script>$/, '');

/** Throws where a page is not what it should be. @param {Contender} one @param {string} path @param {string} page @returns {string[]} prices seen */
function check(one, path, page) {
  const fail = (/** @type {string} */ why) => { throw new Error(`${one.name}, ${path}: ${why}`); };
  if (!one.isPriced) return page === PAGES[path] ? [] : fail('not the page of the origin');
  if (blank(page) !== blank(PAGES[path])) fail('more than prices has changed');
  const shown = [...page.matchAll(/data-price="([^"]*)"[^>]*>\$([\d.]+)</g)].map(([, sku, price]) => ({ sku, price }));
  const expected = path === '/product' ? [PRODUCT] : LISTED;
  if (shown.length !== expected.length) fail(`${shown.length} prices`);
  for (const { sku, price } of shown) if (!ARMS.get(sku)?.includes(price)) fail(`${sku} at ${price}`);
  if (path === '/product') {
    const meta = /price:amount" content="([^"]*)"/.exec(page)?.[1];
    const data = [...page.matchAll(/<script type="application\/ld\+json">(.*?)<\/script>/gs)].map(([, json]) => JSON.parse(json).offers?.price);
    if (meta !== shown[0].price || !data.includes(shown[0].price)) fail(`${shown[0].price} in the text, ${meta} in the meta tag, ${data} in JSON-LD`);
  }
  return shown.map(({ price }) => price);
}

/** The first views of all visitors, and a second one: the same prices. @param {Contender} one */
async function meet(one) {
  const seen = new Set();
  const view = async (path, cookie) => {
    const answer = await send(one.url + path, { headers: { accept: ACCEPT, ...(cookie ? { cookie } : {}) } });
    return { page: await text(answer), cookies: (answer.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ') };
  };
  for (let visitor = 0; visitor < VISITORS; visitor++) {
    const { page, cookies } = await view('/product', '');
    const [price] = check(one, '/product', page);
    seen.add(price);
    one.jars.push(cookies);
    const [first, again] = [await view('/listing', cookies), await view('/listing', cookies)].map(({ page }) => check(one, '/listing', page).join());
    const [same] = check(one, '/product', (await view('/product', cookies)).page);
    if (first !== again || same !== price) throw new Error(`${one.name}: a visitor sees two prices`);
  }
  if (seen.size !== (one.isPriced ? 3 : 1)) throw new Error(`${one.name}: prices ${[...seen].join(' ')}`);
}

/** CPU time that a process has used, where the system tells. @param {number | undefined} pid */
function cpu_us(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return null;
  }
}

/** CPU time that the whole machine has used, where the system tells. */
function busy_us() {
  try {
    const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
    return (user + nice + system + irq + softirq) * 10_000;
  } catch {
    return null;
  }
}

/**
 * Asks over one connection until it is time, and looks at nothing but the end of each page: a client that is busy would
 * be what is measured.
 * @param {Contender} one @param {string} path @param {number} first number of the first visitor @param {number} until @param {number[]} times
 */
function ask(one, path, first, until, times) {
  const { hostname, port, host } = new URL(one.url);
  const requests = one.jars.map((jar) => `GET ${path} HTTP/1.1\r\nhost: ${host}\r\naccept: ${ACCEPT}\r\n${jar ? `cookie: ${jar}\r\n` : ''}\r\n`);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let n = first, sent = 0, tail = '', left = -1, isChunked = false;
    const next = () => {
      if (performance.now() >= until) { socket.destroy(); resolve(undefined); return; }
      [tail, left, isChunked, sent] = ['', -1, false, performance.now()];
      socket.write(requests[n % requests.length]);
      n += CONNECTIONS;
    };
    socket.setNoDelay(true).once('connect', next).on('error', reject).on('data', (data) => {
      let body = data.length;
      if (left < 0 && !isChunked) {
        const head = data.indexOf('\r\n\r\n');
        const headers = data.toString('latin1', 0, head).toLowerCase();
        if (head < 0 || !headers.startsWith('http/1.1 200')) { socket.destroy(); reject(new Error(`${one.name}: ${headers.slice(0, 80)}`)); return; }
        isChunked = headers.includes('transfer-encoding: chunked');
        if (!isChunked) left = Number(/content-length: (\d+)/.exec(headers)?.[1]);
        body = data.length - head - 4;
      }
      if (isChunked) tail = (tail + data.toString('latin1', Math.max(0, data.length - 5))).slice(-5);
      else left -= body;
      if (isChunked ? tail === '0\r\n\r\n' : left === 0) {
        times.push(performance.now() - sent);
        next();
      }
    });
  });
}

/** @param {Contender} one @param {string} path @param {number} duration_ms @returns {Promise<Round>} */
async function load(one, path, duration_ms) {
  const times = /** @type {number[]} */ ([]);
  const before = { cpu: cpu_us(one.pid), own: cpu_us(process.pid), busy: busy_us() }, start = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, at) => ask(one, path, at, start + duration_ms, times)));
  const after = { cpu: cpu_us(one.pid), own: cpu_us(process.pid), busy: busy_us() }, took_ms = performance.now() - start;
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const spent = (what) => (before[what] === null || after[what] === null ? null : after[what] - before[what]);
  const [cpu, own, busy] = [spent('cpu'), spent('own'), spent('busy')];
  return {
    rps: (times.length / took_ms) * 1000, ms: at(0.5), p99_ms: at(0.99), cpu_us: cpu === null ? null : cpu / times.length,
    other: cpu === null || own === null || busy === null ? null : Math.max(0, (busy - cpu - own) / 1000 / took_ms),
  };
}

/** @returns {Promise<{ pages: { path: string, bytes: number }[], rounds: number, connections: number, isPinned: boolean, contenders: Contender[] }>} */
export async function rewriting() {
  const origin = await startOrigin();
  const contenders = await startAll(origin.url);
  try {
    for (const one of contenders) await meet(one);
    const isPinned = pin(contenders);
    const paths = Object.keys(PAGES);
    for (const one of contenders) for (const path of paths) await load(one, path, WARM_MS);
    for (let round = 0; round < ROUNDS; round++) {
      // Each goes first, second and so on as often as the others, as far as the rounds allow.
      for (const path of paths) for (const at of contenders.keys()) {
        const one = contenders[(at + round) % contenders.length];
        (one.rounds[path] ??= []).push(await load(one, path, ROUND_MS));
        await sleep(50);
      }
    }
    const pages = paths.map((path) => ({ path, bytes: Buffer.byteLength(PAGES[path]) }));
    return { pages, rounds: ROUNDS, connections: CONNECTIONS, isPinned, contenders };
  } finally {
    for (const one of contenders) await one.stop();
    origin.stop();
  }
}
