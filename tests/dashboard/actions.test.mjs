/**
 * Interventions from the page: what the dialog says will happen is what happens, it happens once and is on record with
 * who and why, and it can be taken back where the lifecycle allows.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { experiment, openWorld, otherExperiment, until } from '../kit.mjs';
import { Browser } from './browser-kit.mjs';

const SKU = 'OLIVE-500', TOTAL = 65_536;
/** What the browser says of answers that are tested here. */
const EXPECTED = [/status of (400|409|412)/, /ERR_CONNECTION_RESET/];

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
/** @type {import('./browser-kit.mjs').Tab} */
let tab;
/** @type {import('playwright-core').Page} */
let page;

const path = (more = '', name = 'sevilla') => `/haggle/v1/experiments/${name}${more}`;
const get = async (name = 'sevilla') => (await world.admin('GET', path('', name))).body;
const records = async () => (await world.admin('GET', '/haggle/v1/audit')).body.records;
const snapshot = async (name = 'sevilla') => (await world.admin('GET', '/haggle/v1/snapshot')).body.experiments.find((one) => one.name === name);
const evidence = async (name) => (await world.admin('GET', path('/evidence', name))).text;
const percent = (share) => new Intl.NumberFormat('en-GB', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share);

/** Until the location serves what is published now. */
async function served() {
  const { version } = await world.edge.db.prepare('SELECT MAX(version) AS version FROM snapshots').first();
  return world.served(version);
}

/** Prices of so many new visitors. */
const newPrices = async (count = 60) => new Set(await Promise.all(Array.from({ length: count }, async () => (await world.shopper().price(SKU)).price_minor)));

before(async () => {
  world = await openWorld({ experiments: [experiment({ holdout: 0.1 }), otherExperiment('kozani', 'SAFFRON-2', 1490)] });
  const visit = async (at) => {
    const { quote, price_minor } = await world.shopper().price(SKU);
    await world.expose([quote]);
    if (at % 4 === 0) await world.reward(world.order([quote], { revenue_minor: price_minor, cost_minor: 800 }));
  };
  // Not all at once: a busy machine drops some of so many connections.
  for (let from = 0; from < 200; from += 20) await Promise.all(Array.from({ length: 20 }, (_, at) => visit(from + at)));
  await until('the ledger knows', async () => (await world.sync(), world.totals()), ({ exposures }) => exposures >= 200);
  browser = await Browser.start(world);
  tab = await browser.tab({ expected: EXPECTED });
  page = await tab.open('/');
  page.setDefaultTimeout(10_000);
});
after(async () => {
  await browser?.close();
  await world?.close();
});

// What one test left open is not the next one's.
afterEach(() => page?.evaluate(() => document.querySelector('dialog.action')?.remove()));

const dialog = () => page.locator('dialog.action');

/** Opens the dialog of an action, as the button of a view does. @param {Record<string, unknown>} wanted */
async function open(wanted) {
  const seen = 'name' in wanted && !('evidence' in wanted) ? { evidence: await evidence(wanted.name), ...wanted } : wanted;
  await page.evaluate((all) => { /** @type {any} */ (window).acted = import('/actions.js').then(({ act }) => act(all)); }, seen);
  await dialog().waitFor();
}

const shown = async () => Object.fromEntries(await dialog().locator('.next-shares tbody tr').evaluateAll((rows) => rows.map((row) => {
  const cells = [...row.children].map((cell) => cell.textContent);
  return [cells[0], { price: cells[1], now: cells[3], next: cells[4] }];
})));

/** Waits for the preview of the next shares. */
async function preview() {
  await dialog().locator('.next-shares').waitFor();
  return shown();
}

/** Says who and why, and does it. @param {string} button @param {string} reason */
async function confirm(button, reason) {
  await dialog().getByLabel('Reason').fill(reason);
  await dialog().getByLabel('Your name').fill('maria');
  await dialog().getByRole('button', { name: button, exact: true }).click();
  await dialog().waitFor({ state: 'detached' });
}

const undo = async () => {
  await page.locator('.said').getByRole('button', { name: 'Undo' }).click();
  await page.locator('.said').getByText('Undone:').waitFor();
};

/** The newest record, whose reason and author are these. */
async function assertRecorded(action, reason) {
  const last = (await records()).at(-1);
  assert.deepEqual([last.action, last.who, last.reason], [action, 'maria (bearer)', reason]);
  return last;
}

/** What was shown as next is what is published. */
async function assertPublished(preview) {
  await served();
  const { arms } = await snapshot();
  for (const { name, share } of arms) assert.equal(preview[name]?.next ?? percent(0), percent(share / TOTAL), name);
}

test('an arm is retired: its share goes where the dialog said, nobody new sees its price, and undo brings it back', async () => {
  await open({ name: 'sevilla', action: 'retire-arm', arm: 'high' });
  const next = await preview();
  assert.deepEqual([next.high.price, next.high.next], ['€24.00', '0.0%']);
  assert.deepEqual((await tab.axe()).grave, []);
  assert.match(await dialog().locator('.sentence').innerText(), /^Its [\d.]+% go from high to \w+ \(\+[\d.]+%\).*Visitors who saw €24\.00 keep it until their quote ends\./);
  await confirm('Retire this arm', 'it loses too much');
  await assertRecorded('retire-arm', 'it loses too much');
  await assertPublished(next);
  assert.ok(!(await newPrices()).has(2400));
  await undo();
  await assertRecorded('revive-arm', 'undo of retire-arm high (it loses too much)');
  assert.equal((await get()).definition.arms.find(({ name }) => name === 'high').state ?? 'live', 'live');
  // Its share may be no more than the floor.
  await until('somebody sees its price again', () => newPrices(), (prices) => prices.has(2400));
});

test('floor, holdout and end change as shown, and what can be is taken back', async () => {
  await open({ name: 'sevilla', action: 'set-floor' });
  await dialog().getByLabel(/Least share/).fill('12');
  await until('the preview has the new floor', preview, (next) => Object.values(next).every((arm) => parseFloat(arm.next) >= 12));
  const floor = await shown();
  await confirm('Set the floor', 'to learn more of the weak ones');
  await assertRecorded('set-floor', 'to learn more of the weak ones');
  await assertPublished(floor);
  await undo();
  assert.equal((await get()).definition.floor, 0.02);
  await open({ name: 'sevilla', action: 'extend-holdout' });
  await dialog().getByLabel(/Share of the holdout/).fill('25');
  await confirm('Extend the holdout', 'to measure the gain');
  await served();
  assert.equal((await snapshot()).holdout, TOTAL / 4);
  assert.equal(await page.locator('.said').getByRole('button', { name: 'Undo' }).count(), 0, 'whoever is in it stays in it');
  await open({ name: 'sevilla', action: 'set-end' });
  await dialog().getByLabel('End (your time)').fill('2031-05-01T12:00');
  await confirm('Set the end', 'before the season');
  assert.equal((await get()).definition.end, '2031-05-01T10:00:00Z', 'as the clock in Madrid has it');
  await undo();
  assert.equal((await get()).definition.end ?? null, null);
});

test('a price is added: the preview follows what is typed, what is not allowed is said, and it enters with the share shown', async () => {
  await open({ name: 'sevilla', action: 'add-arm' });
  await dialog().getByLabel('Name of the new arm').fill('middle');
  await dialog().getByLabel('Price in EUR').fill('19');
  await dialog().getByText(/This will be refused/).waitFor();
  await dialog().getByLabel('Price in EUR').fill('21');
  const next = await preview();
  assert.equal(next.middle.price, '€21.00');
  await confirm('Add this arm', 'the competitor is at 21.90');
  await assertRecorded('add-arm', 'the competitor is at 21.90');
  await assertPublished(next);
  await undo();
  assert.equal((await get()).definition.arms.find(({ name }) => name === 'middle').state, 'retired');
});

test('guardrails: old beside new, what they forbid is refused at once, a retired price leaves, and undo brings it back', async () => {
  const seller = world.shopper();
  for (let at = 0; at < 400 && (await seller.price(SKU)).price_minor !== 3000; at += 1) seller.cookies.clear();
  assert.equal((await seller.price(SKU)).price_minor, 3000, 'somebody was shown the price of gift');
  assert.equal((await world.act('sevilla', 'retire-arm', { arm: 'gift' })).status, 200);
  const before = (await get()).definition.guardrails ?? {};
  await open({ name: 'sevilla', action: 'set-guardrails' });
  await dialog().getByText('Nothing differs yet.').waitFor();
  await dialog().getByLabel('At most').fill('23');
  await dialog().getByText(/This will be refused: .*price_minor of arm high is 2400; it must be at most 2300/).waitFor();
  await dialog().getByLabel('At most').fill('25');
  await dialog().getByLabel('Largest step, %').fill('40');
  await dialog().getByLabel('Ends in').fill('99, 00');
  await dialog().getByText('Price endings: nothing → 99, 0').waitFor();
  await dialog().getByText(/gift is not live, and €30\.00 would be out of bounds/).waitFor();
  assert.deepEqual(await dialog().locator('.set li').allInnerTexts(), ['Highest price: nothing → €25.00', 'Largest step: nothing → 40.0%', 'Price endings: nothing → 99, 0']);
  assert.deepEqual((await tab.axe()).grave, []);
  await confirm('Set the guardrails', 'the brand asks for it');
  const { before: was, after: is } = await assertRecorded('set-guardrails', 'the brand asks for it');
  const wanted = { max_price_minor: 2500, max_step: 0.4, endings: [99, 0] };
  assert.deepEqual([was.guardrails ?? {}, is.guardrails, (await get()).definition.guardrails], [before, wanted, wanted]);
  await served();
  await until('who was shown 30.00 sees the catalogue price', () => seller.price(SKU), ({ price_minor }) => price_minor === 1900);
  assert.match((await world.act('sevilla', 'revive-arm', { arm: 'gift' })).body.error, /it must be at most 2500/);
  await undo();
  assert.deepEqual((await get()).definition.guardrails ?? {}, before);
  await assertRecorded('set-guardrails', 'undo of set-guardrails (the brand asks for it)');
  await served();
  await until('and now that of before', () => seller.price(SKU), ({ price_minor }) => price_minor === 3000);
  // Somebody else was quicker.
  const old = await evidence('sevilla');
  assert.equal((await world.act('sevilla', 'revive-arm', { arm: 'gift', by: 'jonas', reason: 'it was popular' })).status, 200);
  await open({ name: 'sevilla', action: 'set-guardrails', evidence: old });
  await dialog().getByLabel('At most').fill('25');
  await dialog().getByLabel('Reason').fill('again');
  await dialog().getByRole('button', { name: 'Set the guardrails' }).click();
  await dialog().getByText('Arm revived, jonas (admin token): it was popular').waitFor();
  await dialog().getByRole('button', { name: 'Look again' }).click();
  await dialog().getByText(/price_minor of arm gift is 3000; it must be at most 2500/).waitFor();
  assert.deepEqual([await dialog().getByLabel('At most').inputValue(), await dialog().getByLabel('Reason').inputValue()], ['25', 'again']);
});

test('a rollback says what it changes, is served and held, and both it and its end can be undone', async () => {
  const shares = async () => Object.fromEntries((await snapshot()).arms.map(({ name, share }) => [name, percent(share / TOTAL)]));
  const [{ version }] = (await world.admin('GET', '/haggle/v1/snapshots')).body.snapshots, then = await shares();
  assert.equal((await world.admin('PUT', path('', 'later'), otherExperiment('later', 'ALMOND-400', 1150))).status, 201);
  assert.equal((await world.act('later', 'start')).status, 200);
  assert.equal((await world.act('sevilla', 'set-floor', { floor: 0.2 })).status, 200);
  await served();
  const now = await shares();
  assert.notDeepEqual(now, then);
  const rollBack = async () => {
    await page.locator('button[data-act="rollback"]').click();
    await dialog().waitFor();
  };
  const held = (is) => page.locator('.wrongs').getByText('An older publication is held').waitFor({ state: is ? 'visible' : 'detached' });
  await rollBack();
  await dialog().getByLabel('Back to what was published').selectOption(String(version));
  await dialog().getByText('Not published then, so everybody sees catalogue prices: later.').waitFor();
  await dialog().getByText('The shares stay as they are: kozani.').waitFor();
  assert.deepEqual(await dialog().locator('h4').allInnerTexts(), ['sevilla']);
  const next = await shown();
  assert.deepEqual(Object.fromEntries(Object.entries(next).map(([name, arm]) => [name, arm.now])), now);
  assert.deepEqual(Object.fromEntries(Object.entries(next).map(([name, arm]) => [name, arm.next])), then);
  assert.deepEqual((await tab.axe()).grave, []);
  await confirm('Roll back and hold', 'the floor was a mistake');
  assert.equal((await assertRecorded('rollback', 'the floor was a mistake')).after.content_of, version);
  await served();
  assert.deepEqual(await shares(), then);
  await until('what was not there then is not priced', () => world.shopper().price('ALMOND-400'), ({ quote }) => !quote);
  await held(true);
  const other = await browser.tab({ phone: true });
  await other.open('/experiments/kozani');
  await other.page.locator('.problems').getByText('An older publication is held').waitFor();
  await other.page.locator('details.menu summary').click();
  const menu = await other.page.locator('details.menu > div').boundingBox();
  assert.ok(menu && menu.x >= 0 && menu.x + menu.width <= 390, `a phone shows all of the menu: ${JSON.stringify(menu)}`);
  await other.page.keyboard.press('Escape');
  assert.equal(await other.page.evaluate(() => [document.activeElement?.tagName, document.querySelector('details.menu')?.hasAttribute('open')].join()), 'SUMMARY,false');
  await undo();
  await other.page.locator('.problems').getByText('An older publication is held').waitFor({ state: 'detached' });
  other.check();
  await other.close();
  await assertRecorded('resume', 'undo of rollback (the floor was a mistake)');
  await held(false);
  await until('it goes on', shares, (is) => JSON.stringify(is) === JSON.stringify(now));
  await until('and so does what was not there then', () => world.shopper().price('ALMOND-400'), ({ quote }) => Boolean(quote));
  // To resume what is held can be undone, too: the same is held again.
  await rollBack();
  await dialog().getByLabel('Back to what was published').selectOption(String(version));
  await confirm('Roll back and hold', 'a second look');
  await held(true);
  await page.locator('button[data-act="resume"]').click();
  await dialog().getByText('The hold ends: new visitors get the prices and shares that are decided now').waitFor();
  await dialog().getByText('What is known now is published in place of what is held').waitFor();
  await confirm('Resume all', 'all is well');
  await held(false);
  await undo();
  await assertRecorded('rollback', 'undo of resume (all is well)');
  await served();
  assert.deepEqual(await shares(), then);
  assert.equal((await world.everywhere('resume')).status, 200);
  for (const action of ['decide', 'archive']) assert.equal((await world.act('later', action, action === 'decide' ? { arm: 'low' } : {})).status, 200);
  assert.equal((await world.act('sevilla', 'set-floor', { floor: 0.02 })).status, 200);
});

test('a rollback says who will be priced: a pause is what it was then, a stop what it is now', async () => {
  const newest = async () => (await served(), (await world.admin('GET', '/haggle/v1/snapshots')).body.snapshots[0].version);
  const overview = async () => (await world.admin('GET', '/haggle/v1/overview')).text;
  /** Waits until the dialog says this of a version, and gives all its lines and what it says of shoppers. */
  async function said(version, line) {
    await open({ action: 'rollback', evidence: await overview() });
    await dialog().getByLabel('Back to what was published').selectOption(String(version));
    await dialog().locator('.shares .changes').getByText(line, { exact: true }).waitFor();
    const lines = await dialog().locator('.shares .changes li').allInnerTexts(), shoppers = await dialog().locator('.meanings dd').first().innerText();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    return { lines, shoppers };
  }
  const running = await newest();
  assert.equal((await world.act('sevilla', 'pause')).status, 200);
  const paused = await newest();
  assert.deepEqual([(await snapshot()).paused, (await snapshot('kozani')).paused], [true, false]);
  // The newest is no choice.
  await world.sync();
  await said(running, 'Paused now, but would price new visitors again: sevilla.');
  await said(paused, 'Paused, and stays so: sevilla.');
  assert.equal((await world.act('sevilla', 'resume')).status, 200);
  await newest();
  const { lines, shoppers } = await said(paused, 'Paused in that publication, so new visitors see catalogue prices: sevilla.');
  assert.ok(!lines.some((line) => /shares stay.*sevilla/.test(line)), lines.join());
  assert.match(shoppers, /^New visitors get the prices and shares of that publication/);
  // And so it is.
  const held = await world.admin('POST', '/haggle/v1/rollback', { by: 'maria', reason: 'to see', version: paused });
  assert.equal(held.status, 200, held.text);
  await served();
  assert.deepEqual([...await newPrices()], [1900]);
  await open({ action: 'resume', evidence: await overview() });
  await confirm('Resume all', 'seen');
  await until('it goes on', () => newPrices(), (prices) => prices.size > 1);
  assert.equal((await world.act('kozani', 'stop')).status, 200);
  await until('the overview knows', overview, (text) => JSON.parse(text).experiments.some(({ stopped }) => stopped));
  await said(paused, 'Stopped, and stays so: kozani.');
  await world.served((await world.everywhere('stop')).body.version);
  const all = await said(running, 'All prices are stopped, and stay so. Resuming ends the stop and the hold together, so that this publication would not be served.');
  assert.equal(all.shoppers, 'They see no change: everybody sees the catalogue price, as now, until somebody resumes.');
  await open({ action: 'resume', evidence: await overview() });
  await dialog().getByText('The stop ends: new visitors are priced again').waitFor();
  assert.deepEqual((await tab.axe()).grave, []);
  await confirm('Resume all', 'all is well');
  assert.equal((await world.act('kozani', 'resume')).status, 200);
});

test('pause and stop end new prices at once, and undo goes on', async () => {
  await open({ name: 'sevilla', action: 'pause' });
  await confirm('Pause experiment', 'a look at the pages');
  assert.equal((await get()).state, 'paused');
  await served();
  assert.deepEqual([...await newPrices()], [1900]);
  await undo();
  assert.equal((await get()).state, 'running');
  assert.equal((await world.act('sevilla', 'pause')).status, 200);
  await open({ name: 'sevilla', action: 'stop', evidence: undefined });
  await page.keyboard.press('Enter');
  await dialog().waitFor({ state: 'detached' });
  assert.equal(await page.locator('.said').getByRole('button', { name: 'Undo' }).count(), 0, 'to resume would end the pause, too');
  assert.equal((await world.act('sevilla', 'resume')).body.stopped, false);
  // In haste: who is known, the reason is there, and the button has the focus.
  await open({ name: 'sevilla', action: 'stop' });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Stop now');
  await page.keyboard.press('Enter');
  await dialog().waitFor({ state: 'detached' });
  assert.equal((await get()).stopped, true);
  await until('nobody is priced', () => newPrices(20), (prices) => prices.size === 1 && prices.has(1900));
  await undo();
  assert.equal((await get()).stopped, false);
  await open({ action: 'stop' });
  await page.keyboard.press('Enter');
  await dialog().waitFor({ state: 'detached' });
  await page.locator('#age').getByText('All prices are stopped').waitFor({ timeout: 30_000 });
  await until('both are stopped', async () => [(await world.shopper().price(SKU)).quote, (await world.shopper().price('SAFFRON-2')).quote], (quotes) => quotes.every((quote) => !quote));
  await undo();
  // A stop and its end go out without the central store, so that its newest version says nothing of them.
  await until('prices are shown again', () => newPrices(), (prices) => prices.size > 1);
});

test('whoever looked at an older state is told what changed, looks again, and loses nothing that was typed', async () => {
  const old = await evidence('sevilla');
  assert.equal((await world.act('sevilla', 'set-floor', { floor: 0.04, by: 'jonas', reason: 'I was first' })).status, 200);
  await open({ name: 'sevilla', action: 'retire-arm', arm: 'gift', evidence: old });
  await dialog().getByLabel('Reason').fill('nobody buys it');
  await dialog().getByLabel('Your name').fill('maria');
  await dialog().getByRole('button', { name: 'Retire this arm' }).click();
  await dialog().getByText('Floor set, jonas (admin token): I was first').waitFor();
  assert.equal((await get()).definition.arms.find(({ name }) => name === 'gift').state ?? 'live', 'live', 'nothing was done');
  await dialog().getByRole('button', { name: 'Look again' }).click();
  const next = await preview();
  assert.equal(await dialog().getByLabel('Reason').inputValue(), 'nobody buys it');
  await dialog().getByRole('button', { name: 'Retire this arm' }).click();
  await dialog().waitFor({ state: 'detached' });
  await assertRecorded('retire-arm', 'nobody buys it');
  await assertPublished(next);
  await undo();
});

test('an answer that is lost on its way does not do it twice', async () => {
  const { revision } = await get();
  let lost = 0;
  await page.route('**/set-floor', async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    // The Worker has it, the page has no answer.
    const { 'idempotency-key': key, 'if-match': seen } = route.request().headers();
    const answer = await world.edge.fetchAdmin(path('/set-floor'), { method: 'POST', body: route.request().postData() ?? '', headers: { 'idempotency-key': key, 'if-match': seen } });
    assert.equal(answer.status, 200);
    return route.abort('connectionreset');
  });
  await open({ name: 'sevilla', action: 'set-floor' });
  await dialog().getByLabel(/Least share/).fill('3');
  await confirm('Set the floor', 'once only');
  await page.unroute('**/set-floor');
  assert.equal(lost, 1);
  assert.equal((await get()).revision, revision + 1);
  assert.equal((await records()).filter(({ reason }) => reason === 'once only').length, 1);
});

test('each dialog stops anew: one that was left without an answer sends no more, and its answer is not that of the next', async () => {
  const sent = [], stopped = async () => (await world.admin('GET', '/haggle/v1/overview')).body.stopped;
  await open({ action: 'stop' });
  await page.route('**/haggle/v1/stop', async (route) => {
    // The Worker has it, the page has no answer.
    const key = route.request().headers()['idempotency-key'];
    sent.push(key);
    await world.edge.fetchAdmin('/haggle/v1/stop', { method: 'POST', body: route.request().postData() ?? '', headers: { 'idempotency-key': key } });
    return route.abort('connectionreset');
  });
  await dialog().getByLabel('Your name').fill('maria');
  await dialog().getByRole('button', { name: 'Stop now' }).click();
  await until('prices are stopped', stopped, Boolean);
  await dialog().getByText('Working…').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.said').getByText('It may have been done').waitFor();
  assert.equal((await world.everywhere('resume')).status, 200);
  await open({ action: 'stop' });
  await page.keyboard.press('Enter');
  await dialog().getByRole('alert').getByText('never done twice').waitFor({ timeout: 20_000 });
  assert.deepEqual(sent.map((key) => sent.indexOf(key)), [0, 1, 1, 1, 1], 'the first was left; the second was sent again as what it was');
  await page.keyboard.press('Escape');
  await page.locator('.said').getByText('It may have been done').waitFor();
  await page.unroute('**/haggle/v1/stop');
  assert.equal((await world.everywhere('resume')).status, 200);
  await until('prices are shown again', stopped, (is) => !is);
  await open({ action: 'stop' });
  await page.keyboard.press('Enter');
  await dialog().waitFor({ state: 'detached' });
  await page.locator('.said').getByText('is stopped').waitFor();
  await until('prices are stopped in fact', stopped, Boolean);
  await undo();
  await until('prices are shown again', stopped, (is) => !is);
});

test('an undo for the whole shop does not end what somebody else has done to it since', async () => {
  const now = async () => (({ stopped, held }) => ({ stopped, held }))((await world.admin('GET', '/haggle/v1/overview')).body);
  const is = (what, wanted) => until(what, now, (known) => JSON.stringify(known) === JSON.stringify(wanted));
  const inVain = async (why) => {
    await page.locator('.said').getByRole('button', { name: 'Undo' }).click();
    await page.locator('.said').getByText(why).waitFor();
  };
  const ben = async (action, more = {}) => assert.equal((await world.admin('POST', `/haggle/v1/${action}`, { by: 'ben', reason: `${action} of ben`, ...more })).status, 200);
  const versions = async () => (await world.admin('GET', '/haggle/v1/snapshots')).body.snapshots;
  const rollBack = async () => {
    await open({ action: 'rollback', evidence: (await world.admin('GET', '/haggle/v1/overview')).text });
    await confirm('Roll back and hold', 'the floor was a mistake');
  };
  await is('nothing is stopped or held', { stopped: false, held: false });
  await rollBack();
  await ben('stop');
  await is('both', { stopped: true, held: true });
  await inVain('Not undone. Somebody else has stopped all prices since');
  assert.deepEqual([await now(), (await records()).at(-1).action], [{ stopped: true, held: true }, 'stop']);
  assert.equal((await world.everywhere('resume')).status, 200);
  await is('it goes on', { stopped: false, held: false });
  // Another one is held by now.
  await rollBack();
  await ben('rollback', { version: (await versions()).at(-1).version });
  await inVain('Not undone. Somebody else has gone back to an older publication since');
  assert.deepEqual([await now(), (await records()).at(-1).reason], [{ stopped: false, held: true }, 'rollback of ben']);
  assert.equal((await world.everywhere('resume')).status, 200);
  await is('it goes on', { stopped: false, held: false });
  await open({ action: 'stop' });
  await page.keyboard.press('Enter');
  await dialog().waitFor({ state: 'detached' });
  await ben('rollback', { version: (await versions())[1].version });
  await inVain('Not undone. Somebody else has gone back to an older publication since');
  await is('both', { stopped: true, held: true });
  assert.equal((await records()).at(-1).action, 'rollback');
  assert.equal((await world.everywhere('resume')).status, 200);
  await is('it goes on', { stopped: false, held: false });
});

test('what the Worker refuses is said in its words, the dialog keeps the keyboard, and Escape gives it back', async () => {
  await page.evaluate(() => { const button = document.body.appendChild(document.createElement('button')); button.id = 'opener'; button.focus(); });
  await open({ name: 'sevilla', action: 'retire-arm', arm: 'list' });
  await dialog().getByText(/"list", the control/).waitFor();
  await dialog().getByLabel('Reason').fill('to see');
  await dialog().getByRole('button', { name: 'Retire this arm' }).click();
  await dialog().getByRole('alert').getByText(/"list", the control/).waitFor();
  for (let at = 0; at < 12; at += 1) {
    await page.keyboard.press('Tab');
    // Past the last one it is the browser's own turn.
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest('dialog.action') !== null), `tab ${at}`);
  }
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'opener');
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).acted), null);
});

test('a draft is started and deleted, and what is decided and archived cannot be taken back', async () => {
  assert.equal((await world.admin('PUT', path('', 'faro'), otherExperiment('faro', 'ALMOND-400', 1150))).status, 201);
  await open({ name: 'faro', action: 'delete' });
  await confirm('Delete this draft', 'the idea was bad');
  assert.equal((await world.admin('GET', path('', 'faro'))).status, 404);
  assert.equal((await records()).at(-1).reason, 'the idea was bad');
  await undo();
  assert.equal((await get('faro')).state, 'draft');
  await open({ name: 'faro', action: 'start' });
  await confirm('Start experiment', 'after the review');
  assert.equal((await get('faro')).state, 'running');
  await open({ name: 'faro', action: 'decide', arm: 'low' });
  const next = await preview();
  assert.equal(next.low.next, '100.0%');
  await confirm('Decide for this arm', 'enough is known');
  assert.equal((await get('faro')).decision.arm, 'low');
  await open({ name: 'faro', action: 'archive' });
  await confirm('Archive for good', 'it is in the catalogue');
  assert.equal((await get('faro')).state, 'archived');
  assert.equal(await page.locator('.said').getByRole('button', { name: 'Undo' }).count(), 0);
  tab.check();
});
