/** How soon the dashboard is there, how fast it draws and what it loads, in Chromium at the real Worker. */
import { gzipSync } from 'node:zlib';

import { Browser } from '../dashboard/browser-kit.mjs';
import { large } from '../dashboard/cast.mjs';
import { openSeeded } from '../dashboard/seed.mjs';

const EXPERIMENTS = 20, DAYS = 90, ARMS = 50, COHORTS = 2000, LOADS = 7, REDRAWS = 12;
/** The overview's rows: each leads to its experiment. */
const ROWS = '#main a[href^="#/experiments/"]';

/**
 * @template T
 * @param {import('../dashboard/seed.mjs').SeedOptions} options
 * @param {(browser: Browser, world: import('../kit.mjs').World) => Promise<T>} measure
 */
async function withWorld(options, measure) {
  const began = performance.now(), { world } = await openSeeded(options), seconds = (performance.now() - began) / 1000;
  try {
    const browser = await Browser.start(world);
    return { ...await measure(browser, world).finally(() => browser.close()), seconds };
  } finally {
    await world.close();
  }
}

/** A world with twenty experiments of ninety days. @template T @param {(browser: Browser) => Promise<T>} measure */
export const withPast = async (measure) => ({ ...await withWorld({ experiments: EXPERIMENTS, days: DAYS }, measure), about: `${EXPERIMENTS} experiments of ${DAYS} days` });

/**
 * Milliseconds from the navigation until all rows are there, and until a click on the first has led to its experiment.
 * Nothing is cached; the reader is signed in.
 * @param {Browser} browser
 */
export async function interactive(browser) {
  const loads = [];
  for (let load = 0; load < LOADS; load += 1) {
    const tab = await browser.tab(), { page } = tab;
    await page.addInitScript(({ rows, count }) => {
      const times = Object.assign(window, { times: { rows_ms: 0, answered_ms: 0 } }).times;
      const look = () => {
        const links = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(rows));
        if (new Set([...links].map((link) => link.getAttribute('href'))).size < count) return requestAnimationFrame(look);
        times.rows_ms = performance.now();
        window.addEventListener('hashchange', () => { times.answered_ms = performance.now(); });
        return links[0].click();
      };
      requestAnimationFrame(look);
    }, { rows: ROWS, count: EXPERIMENTS });
    await page.goto(`${tab.origin}/`);
    await page.waitForFunction(() => /** @type {any} */ (window).times.answered_ms > 0, undefined, { timeout: 60_000 });
    loads.push(await page.evaluate(() => /** @type {any} */ (window).times));
    await tab.close();
  }
  return loads;
}

/** Every file that the first load asks for, as it comes and compressed. @param {Browser} browser */
export async function firstLoad(browser) {
  const tab = await browser.tab(), answers = new Map();
  tab.page.on('response', (response) => answers.set(response.url(), response));
  await tab.open('/');
  await tab.page.locator(ROWS).nth(EXPERIMENTS - 1).waitFor();
  const files = [];
  for (const [url, response] of answers) {
    if (url.startsWith('data:') || response.status() !== 200) continue;
    const body = await response.body();
    files.push({ path: new URL(url).pathname, bytes: body.length, gzip: gzipSync(body, { level: 9 }).length });
  }
  await tab.close();
  return files.sort((a, b) => b.gzip - a.gzip);
}

/** Evidence of so many cohorts: that of a real experiment, whose periods come again and again. @param {string} text */
function grown(text) {
  const evidence = JSON.parse(text), { history } = evidence, known = history.hours.length, last = history.hours[known - 1];
  const again = (values) => Array.from({ length: COHORTS }, (_, at) => values[at % known]);
  for (const one of [...history.arms, history.holdout]) for (const name of Object.keys(one)) one[name] = again(one[name]);
  const numbers = Array.from({ length: COHORTS }, (_, at) => at);
  Object.assign(history, { hours: numbers.map((at) => last - COHORTS + 1 + at), epochs: numbers.map((at) => at + 1), shares: again(history.shares) });
  return evidence;
}

/**
 * Milliseconds of a redraw of the largest experiment, with its charts in view. `drawn`: the open page, from the moment at
 * which the whole answer is there until the frame is painted that has the charts; each answer has one exposure more.
 * `charts`: its charts alone, from new series.
 */
export async function redraws() {
  const role = large('almeria', ARMS), { name } = role.definition;
  return withWorld({ days: 14, roles: [role] }, async (browser, world) => {
    const { text } = await world.admin('GET', `/haggle/v1/experiments/${name}/evidence`), evidence = grown(text);
    return { drawn: await pictures(browser, name, evidence), charts: await chartsAlone(browser, evidence), evidence: JSON.stringify(evidence).length, about: `${ARMS} arms and ${COHORTS} cohorts` };
  });
}

async function pictures(browser, name, evidence) {
  const tab = await browser.tab(), { page } = tab;
  let told = 0;
  await page.route('**/evidence', (route) => {
    evidence.history.arms[0].exposures[0] += 1;
    told += 1;
    return route.fulfill({ status: 200, contentType: 'application/json', headers: { etag: `"${told}"` }, body: JSON.stringify(evidence) });
  });
  await page.addInitScript(() => {
    const spans = Object.assign(window, { spans: /** @type {number[]} */ ([]) }).spans;
    const { arrayBuffer } = Response.prototype, { clearRect } = CanvasRenderingContext2D.prototype;
    let from = 0;
    Response.prototype.arrayBuffer = async function () {
      const body = await arrayBuffer.call(this);
      if (from === 0 && body.byteLength > 100_000) from = performance.now();
      return body;
    };
    // A chart that is drawn anew is wiped first. All are drawn before the next frame, and a task after it finds it painted.
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      clearRect.apply(this, box);
      if (from === 0) return;
      const began = from;
      from = 0;
      requestAnimationFrame(() => setTimeout(() => spans.push(performance.now() - began)));
    };
  });
  await tab.open(`/experiments/${name}`);
  await page.locator('.graphs canvas').first().waitFor();
  await page.evaluate(() => document.querySelector('.graphs')?.scrollIntoView());
  const before = await page.evaluate(() => /** @type {any} */ (window).spans.length);
  await page.waitForFunction((count) => /** @type {any} */ (window).spans.length > count, before + REDRAWS, { timeout: 180_000, polling: 1000 });
  const spans = await page.evaluate(() => /** @type {any} */ (window).spans);
  await tab.close();
  return spans.slice(before + 1);
}

async function chartsAlone(browser, evidence) {
  const tab = await browser.tab();
  await tab.page.goto(`${tab.origin}/#/`);
  const spans = await tab.page.evaluate(async ({ text, times }) => {
    const load = (path) => import(path);
    const [{ Panels }, { termsOf }, { loadLab }] = await Promise.all(['/views/experiment/panels.js', '/views/experiment/terms.js', '/lab.js'].map(load));
    const { Lab } = await loadLab(), grid = document.querySelector('main');
    const panels = new Panels(grid), all = [], known = JSON.parse(text), terms = termsOf(known);
    for (let time = 0; time <= times; time += 1) {
      known.history.arms[0].exposures[0] += 1;
      const lab = new Lab(new TextEncoder().encode(JSON.stringify(known))), read = { series: lab.series(), demand: lab.demand() };
      lab.free();
      await new Promise(requestAnimationFrame);
      const from = performance.now();
      panels.update({ evidence: known, terms, lab: read });
      await new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); });
      all.push(performance.now() - from);
    }
    return all;
  }, { text: JSON.stringify(evidence), times: REDRAWS });
  await tab.close();
  return spans.slice(1);
}
