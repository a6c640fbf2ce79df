/**
 * Model diagnostics: the page draws what the lab computes from the very evidence that the Worker gives out, the slider of
 * the prior asks nobody, and what is not known yet is not drawn.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Lab } from '../../target/browser-node/haggle_lab.js';
import { otherExperiment } from '../kit.mjs';
import { Browser } from './browser-kit.mjs';
import { cast } from './cast.mjs';
import { STILL_MS, openSeeded } from './seed.mjs';

/** Much is known, exposures are lost, little is known, items are randomised. */
const ROLES = ['sevilla', 'kozani', 'napoli', 'cordoba'];

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
/** @type {import('./browser-kit.mjs').Tab} */
let tab;
/** @type {import('playwright-core').Page} */
let page;

before(async () => {
  ({ world } = await openSeeded({ roles: cast(10).filter(({ definition }) => ROLES.includes(definition.name)), days: 14, end_ms: STILL_MS }));
  browser = await Browser.start(world);
  tab = await browser.tab({ at_ms: STILL_MS });
  page = tab.page;
  page.setDefaultTimeout(15_000);
});
after(async () => {
  await browser?.close();
  await world?.close();
});

const evidenceOf = async (name) => (await world.admin('GET', `/haggle/v1/experiments/${name}/evidence`)).text;
const english = (options) => (value) => new Intl.NumberFormat('en-GB', options).format(value);
const count = english({ maximumFractionDigits: 0 });
const percent = (value, digits = 1) => english({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits })(value);
const probability = (value) => (value !== null && value < 0.001 ? '<0.1%' : value < 1 && value > 0.999 ? '>99.9%' : value === null ? '–' : percent(value));

/** The page of one experiment, drawn. @param {string} name */
async function open(name) {
  await tab.open(`/experiments/${name}/model`);
  await page.locator('.model-summary .lead').waitFor();
}

/** The cells of a panel's table, by row. @param {string} panel @returns {Promise<Map<string, string[]>>} */
async function table(panel) {
  const rows = await page.locator(`.panel-${panel} .panel-body > :not(figure) table tbody tr, .panel-${panel} .panel-body > .scroll tbody tr`)
    .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => (cell.textContent ?? '').trim())));
  return new Map(rows.map(([name, ...cells]) => [name, cells]));
}

test('every table has the numbers that the lab computes of the same evidence, and exposures are the integers of the API', async () => {
  await open('sevilla');
  const text = await evidenceOf('sevilla'), lab = new Lab(Buffer.from(text)), { history, definition, standing } = JSON.parse(text);
  const places = new Map(definition.arms.map(({ name }, at) => [name, at]));
  const densities = await table('densities');
  for (const { name, p_best } of lab.densities().arms) assert.equal(densities.get(name)?.[2], probability(p_best), name);
  const why = await table('why'), found = lab.why();
  for (const arm of found.arms) assert.deepEqual(why.get(arm.name)?.slice(0, 4), [arm.state === 'live' ? probability(arm.p_best) : '–', percent(arm.asked), percent(arm.floor), percent(arm.share)], arm.name);
  for (const { name, share } of found.one_more_day.shares) assert.equal(why.get(name)?.[4], percent(share), name);
  const served = await table('propensities'), planned = lab.propensities();
  for (const arm of planned.arms) assert.deepEqual(served.get(arm.name)?.slice(0, 3), [count(arm.exposures), percent(arm.served, 2), percent(arm.planned, 2)], arm.name);
  const delays = await table('delays');
  for (const arm of lab.delays().correction) {
    const { exposures, conversions } = history.arms[places.get(arm.name)], sum = (all) => all.reduce((one, other) => one + other, 0);
    const cells = delays.get(arm.name);
    assert.deepEqual([cells?.[0], cells?.[2]], [count(sum(exposures)), count(sum(conversions))], arm.name);
    assert.deepEqual([cells?.[1], cells?.[4]], [count(arm.effective), percent(arm.rate_corrected, 2)], arm.name);
    const of = standing.arms.find(({ name }) => name === arm.name);
    assert.deepEqual([cells?.[0], cells?.[2]], [count(of.exposures), count(of.orders)], arm.name);
  }
  const drift = await table('stability');
  for (const { name, drift: { p_value } } of lab.stability().arms) assert.equal(drift.get(name)?.[0], probability(p_value), name);
  const { predictions, held, p_value, alarm } = lab.calibration(), inside = predictions.filter(({ low, high, observed }) => low <= observed && observed <= high);
  assert.equal(held, inside.length);
  const calibration = page.locator('.panel-calibration .verdict'), said = await calibration.innerText();
  assert.ok(said.includes(`${held} of ${predictions.length} predictions`) && said.includes(`(p ${probability(p_value)})`), said);
  assert.match(await calibration.getAttribute('class') ?? '', alarm ? /look/ : /fine/);
  for (const panel of ['densities', 'prior', 'stability', 'calibration', 'delays', 'offPolicy', 'regret']) {
    assert.equal(await page.locator(`.panel-${panel} figure canvas`).count(), 1, panel);
  }
  assert.deepEqual((await tab.axe()).grave, []);
  lab.free();
});

test('another prior moves the hills at once, by the lab’s own numbers and without a request', async () => {
  await open('napoli');
  const text = await evidenceOf('napoli'), lab = new Lab(Buffer.from(text));
  const picture = () => page.locator('.panel-prior figure canvas').evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
  const was = await picture(), own = await table('prior');
  for (const { name, p_best } of lab.densities().arms) assert.deepEqual(own.get(name)?.slice(0, 2), [probability(p_best), probability(p_best)], name);
  /** @type {string[]} */
  const asked = [];
  page.on('request', (request) => { if (!/\/(overview|evidence|health)$/.test(new URL(request.url()).pathname)) asked.push(request.url()); });
  const strength = page.getByLabel('Strength of the prior');
  await strength.fill('4');
  await page.getByLabel('Rate that it expects').fill('-3');
  await page.locator('.panel-prior').getByText(/^With this prior/).waitFor();
  const mean = 1 / (1 + Math.exp(3)), wanted = lab.densities(1e4 * mean, 1e4 * (1 - mean));
  const now = await table('prior');
  for (const { name, p_best } of wanted.arms) assert.equal(now.get(name)?.[1], probability(p_best), name);
  assert.notEqual(await picture(), was);
  assert.deepEqual(asked, []);
  await page.getByRole('button', { name: 'Back to the experiment’s prior' }).click();
  await page.locator('.panel-prior').getByText('This is the experiment’s own prior.').waitFor();
  assert.deepEqual(await table('prior'), own);
  lab.free();
});

test('lost exposures are the first thing on the page, and lead to their panel', async () => {
  await open('kozani');
  const lab = new Lab(Buffer.from(await evidenceOf('kozani')));
  assert.equal(lab.propensities().alarm, true, 'a fifth of one arm’s exposures is lost');
  lab.free();
  const jump = page.locator('.model-summary').getByRole('button', { name: 'Served against planned' });
  await jump.click();
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Served against planned');
  assert.match(await page.locator('.panel-propensities .verdict').innerText(), /did not get the planned shares/);
});

test('of a draft nothing is known, and nothing is made up; where items are randomised visits say nothing', async () => {
  assert.equal((await world.admin('PUT', '/haggle/v1/experiments/draft', otherExperiment('draft', 'ALMOND-400', 1150))).status, 201);
  await open('draft');
  assert.match(await page.locator('.model-summary').innerText(), /Too little is known yet/);
  assert.doesNotMatch(await page.locator('.model').innerText(), /NaN|Infinity|undefined|null/);
  await open('cordoba');
  assert.match(await page.locator('.model').innerText(), /a visit is no observation of its own/);
  assert.equal(await page.locator('.panel').count(), 0);
  assert.doesNotMatch(await page.locator('.model').innerText(), /NaN|Infinity|undefined|null/);
  tab.check();
});
