/**
 * The wizard: what it writes is a file that `haggle check` takes and a draft that the Worker takes; what is wrong is said
 * at its field; its power calculation is that of `haggle check`.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { experiment, openWorld } from '../kit.mjs';
import { Browser } from './browser-kit.mjs';

const HAGGLE = new URL('../../target/debug/haggle', import.meta.url).pathname;

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
/** @type {import('./browser-kit.mjs').Tab} */
let tab;
/** @type {import('playwright-core').Page} */
let page;
const control = (/** @type {string} */ path) => page.locator(`[data-field="${path}"]`);
const fill = async (/** @type {Record<string, string>} */ fields) => { for (const [path, value] of Object.entries(fields)) await control(path).fill(value); };
const state = (/** @type {string} */ text) => page.locator('.of-file .state', { hasText: text }).waitFor();
const open = async (/** @type {string} */ more = '') => {
  await tab.open(`/new${more}`);
  await page.locator('form.wizard').waitFor();
};

/** @param {string} text of an experiment file @param {string[]} options @returns {Promise<any>} what haggle check says of it */
async function checked(text, ...options) {
  const folder = await mkdtemp(join(tmpdir(), 'haggle-new-')), file = join(folder, 'new.toml');
  await writeFile(file, text);
  try {
    return JSON.parse(execFileSync(HAGGLE, ['check', file, '--json', ...options], { encoding: 'utf8' }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const SCHEMA = JSON.parse(readFileSync(new URL('../../www/experiment.schema.json', import.meta.url), 'utf8'));
const ITEM = { name: 'toledo', author: 'Maria Ruiz', hypothesis: 'A tenth less for the "knife" sells at least a fifth more.', document: 'https://wiki.example/toledo', 'item.sku': 'KNIFE-21',
  'item.price_minor': '129.00', 'item.cost_minor': '60.00', 'arms[1].price_minor': '115.00' };

before(async () => {
  world = await openWorld({ experiments: [experiment()] });
  browser = await Browser.start(world);
});
beforeEach(async () => {
  tab = await browser.tab();
  ({ page } = tab);
  await open();
});
afterEach(async () => {
  tab.check();
  await tab.close();
});
after(async () => {
  await browser?.close();
  await world?.close();
});

test('the file passes haggle check, its plan is the same, and the draft is stored and shown', async () => {
  await fill({ ...ITEM, effect: '10', days: '28', 'visitors.rate': '3', 'visitors.per_day': '4000', start: '2027-01-04', end: '2027-02-01' });
  await state('This can run.');
  const text = await page.locator('pre.file').textContent();
  const { plan, ...found } = await checked(text, '--rate', '0.03', '--visitors-per-day', '4000', '--effect', '0.1');
  assert.ok(plan ?? found, 'haggle check takes it');
  const numbers = plan ?? found;
  const said = await page.locator('.takes').textContent();
  const count = (value) => new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 }).format(value);
  // haggle check writes six digits.
  const visitors = Number(/([\d,]+) visitors/.exec(said)[1].replaceAll(',', ''));
  assert.ok(Math.abs(visitors / numbers.visitors_needed - 1) < 1e-5, `${said} ${JSON.stringify(numbers)}`);
  assert.ok(said.includes(`${count(Math.ceil(numbers.expected_days / 7))} whole weeks`), said);
  const percent = new Intl.NumberFormat('en-GB', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(numbers.detectable_effect);
  assert.ok(said.includes(`28 days find a difference of ${percent}`), said);

  await page.getByLabel('Who', { exact: true }).fill('maria');
  await page.getByRole('button', { name: 'Save as draft' }).click();
  await page.waitForURL(/#\/experiments\/toledo$/);
  const { state: stage, definition } = (await world.admin('GET', '/haggle/v1/experiments/toledo')).body;
  assert.equal(stage, 'draft');
  assert.deepEqual([definition.hypothesis, definition.author, definition.item.price_minor, definition.arms.map(({ price_minor }) => price_minor)], [ITEM.hypothesis, ITEM.author, 12900, [12900, 11500]]);
  const [record] = (await world.admin('GET', '/haggle/v1/audit?experiment=toledo')).body.records;
  assert.ok(JSON.stringify(record).includes('maria') && record.reason === 'first draft', JSON.stringify(record));

  // The draft can be gone on with, and copied under another name.
  await open('?edit=toledo');
  assert.equal(await control('hypothesis').inputValue(), ITEM.hypothesis);
  await fill({ 'arms[1].price_minor': '117.50' });
  await state('This can run.');
  await page.getByRole('button', { name: 'Save as draft' }).click();
  await page.waitForURL(/#\/experiments\/toledo$/);
  assert.equal((await world.admin('GET', '/haggle/v1/experiments/toledo')).body.definition.arms[1].price_minor, 11750);
  await open('?from=toledo');
  assert.deepEqual([await control('name').inputValue(), await control('arms[1].price_minor').inputValue()], ['', '117.50']);
});

test('what is wrong is said at its field, in the words of the core, once somebody has been there', async () => {
  assert.equal(await page.locator('[aria-invalid]').count(), 0, 'nothing is wrong with what nobody has touched');
  await fill({ ...ITEM, name: 'murcia' });
  await state('This can run.');
  await page.getByText('Bounds that no price leaves', { exact: true }).click();
  for (const [path, value, words] of [['arms[1].price_minor', '129.00', 'different in every arm'], ['arms[1].price_minor', '59.00', 'above the unit cost'], ['guardrails.max_step', '2000', 'a number from 0.000001 to 10'],
    ['document', 'wiki', 'an http or https address'], ['holdout', '60', 'a share from 0 to 0.5'], ['name', 'sevilla', 'There is an experiment sevilla already'], ['name', 'No', 'small letters'],
    ['visitors.per_day', '0', 'visitors.per_day is 0; it must be above 0']]) {
    const before = await control(path).inputValue();
    await fill({ [path]: value });
    await page.locator(`.field:has([data-field="${path}"]) .wrong-here`, { hasText: words }).waitFor();
    await fill({ [path]: before });
    await page.waitForFunction(() => !document.querySelector('[aria-invalid]'));
  }
  // A guardrail says why it refuses an arm.
  await fill({ 'guardrails.max_step': '5' });
  await control('arms[1].price_minor').press('End');
  await state('it must be at least 12255, by guardrails.max_step');
  await page.getByLabel('How many').fill('4');
  await page.getByRole('button', { name: 'Suggest prices inside the bounds' }).click();
  await state('This can run.');
  assert.equal(await page.locator('.arms-form tbody tr').count(), 5);
  // Saving what cannot run leads to what is wrong.
  await fill({ hypothesis: '' });
  await page.getByRole('button', { name: 'Save as draft' }).click();
  await page.locator('.field:has([data-field="hypothesis"]) .wrong-here', { hasText: 'hypothesis is 0 characters long' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-field')), 'hypothesis');
});

test('policies: each has its parameters with the defaults of the schema; what is set is in the file and in the draft, and what is refused is said at its field', async () => {
  const advanced = page.locator('details.advanced'), isOpen = () => advanced.evaluate((one) => one.open);
  await fill({ ...ITEM, name: 'lorca' });
  await state('This can run.');
  assert.equal(await isOpen(), false, 'nobody has to look at it');
  assert.deepEqual(await control('policy.name').evaluate((one) => [...one.options].map(({ value }) => value)).then((all) => all.sort()),
    SCHEMA.properties.policy.oneOf.map(({ properties: { name } }) => name.const).filter((name) => !['reward', 'convergence'].includes(name)).sort());
  await advanced.locator('summary').click();
  for (const { properties: { name: { const: name }, shares, ...parameters } } of SCHEMA.properties.policy.oneOf) {
    if (['reward', 'convergence'].includes(name)) continue;
    await control('policy.name').selectOption(name);
    assert.ok((await page.locator('#policy-note').textContent()).length > 20, `a sentence for ${name}`);
    const shown = await advanced.locator('[data-field^="policy."]').evaluateAll((all) => Object.fromEntries(all.map((one) => [one.dataset.field.slice('policy.'.length), one.type === 'number' ? Number(one.value) : one.value])));
    assert.deepEqual(shown, { ...Object.fromEntries(Object.entries(parameters).map(([one, { default: usual }]) => [one, usual])), ...(shares ? { shares: '' } : {}) }, name);
  }
  // What lies under the line at the top is no target there.
  await page.evaluate(() => scrollTo(0, 0));
  assert.deepEqual((await tab.axe()).grave, []);
  for (const [policy, path, value, words] of [['softmax', 'policy.temperature', '5000', 'it must be a number from 0.001 to 1000'], ['fixed', 'policy.shares', '50, 40', 'sum of policy.shares is 0.9; it must be 1'],
    ['fixed', 'policy.shares', 'half, 50', 'policy.shares[0] is "half"'], ['thompson', 'prior.beta', '-2', 'prior.beta is -2'], ['thompson', 'horizon', '0.5', 'horizon is 0.5']]) {
    await control('policy.name').selectOption(policy);
    await fill({ ...(path === 'prior.beta' ? { 'prior.alpha': '2' } : {}), [path]: value });
    await page.locator(`.field:has([data-field="${path}"]) .wrong-here`, { hasText: words }).waitFor();
    await fill({ [path]: '', 'prior.alpha': '' });
    await page.waitForFunction(() => !document.querySelector('[aria-invalid]'));
  }
  // What a policy must know opens what it is asked in, and saving leads there.
  await advanced.locator('summary').click();
  await control('policy.name').selectOption('inventory_thompson');
  await state('horizon is missing');
  assert.equal(await isOpen(), true);
  await advanced.locator('summary').click();
  await page.getByRole('button', { name: 'Save as draft' }).click();
  await page.locator('.field:has([data-field="horizon"]) .wrong-here', { hasText: 'must be given for the policy inventory_thompson' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-field')), 'horizon');
  await control('policy.name').selectOption('epsilon_greedy');
  await fill({ 'policy.epsilon': '0.25', horizon: '90000', 'prior.alpha': '2', 'prior.beta': '48' });
  await control('delay').selectOption('matured');
  await state('This can run.');
  assert.match(await page.locator('pre.file').textContent(), /^policy = \{ name = "epsilon_greedy", epsilon = 0\.25, decay = 0 \}$/m);
  await page.getByRole('button', { name: 'Save as draft' }).click();
  await page.waitForURL(/#\/experiments\/lorca$/);
  const stored = async () => (({ policy, horizon, prior, delay }) => ({ policy, horizon, prior, delay }))((await world.admin('GET', '/haggle/v1/experiments/lorca')).body.definition);
  const wanted = { policy: { name: 'epsilon_greedy', epsilon: 0.25, decay: 0 }, horizon: 90_000, prior: { alpha: 2, beta: 48 }, delay: 'matured' };
  assert.deepEqual(await stored(), wanted);
  // What is not as usual is there to be seen when the draft is gone on with, and stays; what is as usual stays folded.
  await open('?edit=lorca');
  assert.deepEqual([await isOpen(), await control('policy.epsilon').inputValue(), await control('delay').inputValue()], [true, '0.25', 'matured']);
  await fill({ hypothesis: 'Another one.' });
  await state('This can run.');
  await page.getByRole('button', { name: 'Save as draft' }).click();
  await page.waitForURL(/#\/experiments\/lorca$/);
  assert.deepEqual(await stored(), wanted);
  await open('?from=sevilla');
  assert.equal(await isOpen(), false);
});

test('a browser that does not let the file be copied: the page says so', async () => {
  // What is not granted with it is denied.
  await tab.context.grantPermissions(['geolocation']);
  await fill({ ...ITEM, name: 'soria' });
  await state('This can run.');
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await page.locator('.of-file').getByRole('alert').getByText('does not let this page copy').waitFor();
});

test('items of the catalogue: scope, units and what they mean, periods, and the time that items take', async () => {
  const { name, author, hypothesis, document } = ITEM;
  await fill({ name: `${name}-2`, author, hypothesis, document });
  await page.getByLabel('Items of the catalogue').check();
  await control('which').selectOption('where');
  await fill({ 'scope.where': 'brand = Fabrikam, Contoso\nprice_minor = 500..5000', 'sample.positive': '400', 'sample.negative': '300', 'arms[1].multiplier': '0.9' });
  await control('unit').selectOption('item-period');
  assert.match(await page.locator('.consequence').textContent(), /Google Merchant Center/);
  await fill({ period_hours: '24', 'items.count': '2000', 'items.cv': '1.5', 'items.correlation': '0.9', effect: '5' });
  await state('This can run.');
  const definition = (await checked(await page.locator('pre.file').textContent()).catch(({ stdout }) => JSON.parse(stdout)));
  assert.ok(definition, 'haggle check reads it; without a catalogue it cannot start');
  // 1.4128 times the 28 days that are known, as the core's example says.
  assert.match(await page.locator('.takes').textContent(), /About 6 whole weeks \(39\.6 days\)/);
  await page.getByRole('button', { name: 'Save as draft' }).click();
  await page.waitForURL(/#\/experiments\/toledo-2$/);
  const stored = (await world.admin('GET', `/haggle/v1/experiments/${name}-2`)).body.definition;
  assert.deepEqual([stored.unit, stored.period_hours, stored.scope.where, stored.sample.positive, stored.arms[1].multiplier], ['item-period', 24, { brand: ['Fabrikam', 'Contoso'], price_minor: { from: 500, to: 5000 } }, 400, 0.9]);
});
