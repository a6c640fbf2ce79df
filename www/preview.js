/**
 * The preview page: the published snapshot, and what it decides for a visitor.
 *
 * It draws; every decision is the core's, in wasm. Out of scope: pins (they are in the visitor's cookies) and whatever
 * needs a key.
 */
import init, { Preview } from '/pkg/haggle_preview.js';

import { ApiError, keepToken, runningExperiments, snapshotBytes, token, unitOf } from './api.js';
import { byId } from './dom.js';
import { ago, count } from './format.js';
import { showPrices } from './prices.js';
import { offerExperiments, startSimulation } from './simulation.js';

const REFRESH_MS = 3000;
const VISITOR = /^[0-9a-f]{32}$/;

const page = {
  facts: byId('facts', HTMLParagraphElement),
  problem: byId('problem', HTMLParagraphElement),
  signIn: byId('sign-in', HTMLElement),
  signOut: byId('sign-out', HTMLButtonElement),
  token: byId('token', HTMLInputElement),
  prices: byId('prices', HTMLElement),
  visitor: byId('visitor', HTMLInputElement),
  whose: byId('whose', HTMLElement),
  live: byId('live', HTMLInputElement),
  rows: byId('rows', HTMLTableSectionElement),
  nothing: byId('nothing', HTMLParagraphElement),
};

/** What is on the page. @type {{ preview: Preview | null, unit: string, isRefreshing: boolean, hasFailed: boolean }} */
const state = { preview: null, unit: '', isRefreshing: false, hasFailed: false };

/** 128 random bits, as the Worker names a new visitor. */
const randomVisitor = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {string} text empty takes the message away @param {HTMLInputElement} [field] that must be mended */
function tell(text, field) {
  if (page.problem.textContent !== text) page.problem.textContent = text;
  for (const one of [page.token, page.visitor]) one.setAttribute('aria-invalid', String(one === field));
  field?.focus();
}

/** @param {unknown} error */
function tellError(error) {
  const isWrongToken = error instanceof ApiError && error.status === 401;
  if (isWrongToken) showSignIn();
  else if (page.prices.hidden) page.signIn.hidden = false;
  state.hasFailed = !isWrongToken;
  tell(error instanceof Error ? error.message : String(error), isWrongToken ? page.token : undefined);
}

function showSignIn() {
  keepToken('');
  state.preview?.free();
  state.preview = null;
  page.rows.replaceChildren();
  page.signIn.hidden = false;
  for (const part of [page.prices, page.signOut, page.facts]) part.hidden = true;
  offerExperiments([]);
}

function draw() {
  const { preview, unit } = state;
  if (!preview || !unit) return;
  showPrices(page.rows, preview, unit);
  page.nothing.hidden = page.rows.children.length > 0;
  drawFacts();
}

function drawFacts() {
  const { preview } = state;
  if (!preview) return;
  page.facts.textContent = `Snapshot ${count(preview.version)}, published ${ago(Date.now() - preview.publishedAtMs)}`;
}

/** Takes the newest snapshot; throws what the reader must know. */
async function load() {
  const bytes = await snapshotBytes();
  // Meanwhile the reader may have signed out.
  if (!token()) return;
  const known = state.preview;
  state.preview = new Preview(bytes);
  known?.free();
  if (page.prices.hidden) await open();
  draw();
}

/** Signed in: the rest of the page. */
async function open() {
  page.visitor.value ||= randomVisitor();
  await take(page.visitor.value);
  offerExperiments(await runningExperiments());
  page.signIn.hidden = true;
  for (const part of [page.prices, page.signOut, page.facts]) part.hidden = false;
}

/** @param {string} visitor whose prices are shown from now on */
async function take(visitor) {
  state.unit = await unitOf(visitor);
  page.whose.textContent = visitor;
}

async function showVisitor() {
  const visitor = page.visitor.value.trim().toLowerCase();
  page.visitor.value = visitor;
  if (!VISITOR.test(visitor)) {
    tell(`A visitor id has 32 hexadecimal digits (0 to 9, a to f); this one has ${visitor.length} characters.`, page.visitor);
    return;
  }
  await take(visitor);
  tell('');
  draw();
}

async function refresh() {
  drawFacts();
  if (!token() || !page.live.checked || document.visibilityState !== 'visible' || state.isRefreshing) return;
  state.isRefreshing = true;
  try {
    await load();
    if (state.hasFailed) tell('');
    state.hasFailed = false;
  } finally {
    state.isRefreshing = false;
  }
}

/** @param {() => Promise<void>} work tells what goes wrong in it */
const telling = (work) => () => work().catch(tellError);

/** @param {string} id @param {() => Promise<void>} work */
function onSubmit(id, work) {
  byId(id, HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    telling(work)();
  });
}

async function main() {
  await init();
  startSimulation((experiment, shoppers) => Preview.simulate(experiment, shoppers));
  onSubmit('sign-in-form', async () => {
    tell('');
    keepToken(page.token.value.trim());
    await load();
    page.token.value = '';
    page.visitor.focus();
  });
  onSubmit('visitor-form', showVisitor);
  byId('random', HTMLButtonElement).addEventListener('click', () => {
    page.visitor.value = randomVisitor();
    telling(showVisitor)();
  });
  page.signOut.addEventListener('click', () => {
    showSignIn();
    tell('');
    page.token.focus();
  });
  setInterval(telling(refresh), REFRESH_MS);
  page.signIn.hidden = token() !== '';
  if (token()) await load();
}

telling(main)();
