/**
 * One experiment, live: every number is that of the central store, a new order is there within seconds and moves nothing
 * else, and each state of an experiment's life has its page.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { otherExperiment } from '../kit.mjs';
import { Browser, said } from './browser-kit.mjs';
import { cast } from './cast.mjs';
import { STILL_MS, openSeeded } from './seed.mjs';

const TOTAL = 65_536;
const MARKUP = '<img src="x" onerror="window.hacked = 1"><b>bold</b> & so on';

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
/** @type {() => Promise<void>} */
let report;

before(async () => {
  const wanted = ['sevilla', 'carrara', 'faro', 'trapani', 'jaen', 'cordoba'];
  const roles = cast(12).filter(({ definition }) => wanted.includes(definition.name)).map(({ definition, steps, ...role }) => {
    const isFirst = definition.name === 'sevilla', with_ = (/** @type {any} */ step, /** @type {number} */ at) => (at === 0 ? { ...step, reason: MARKUP } : step);
    return { ...role, definition: isFirst ? { ...definition, hypothesis: MARKUP, author: '<i>Maria</i>' } : definition, steps: isFirst ? steps.map(with_) : steps };
  });
  ({ world, report } = await openSeeded({ roles, days: 14, end_ms: STILL_MS }));
  browser = await Browser.start(world);
});
after(async () => {
  await browser?.close();
  await world?.close();
});

const path = (name, more) => `/haggle/v1/experiments/${name}/${more}`;
const evidence = async (name = 'sevilla') => (await world.admin('GET', path(name, 'evidence'))).body;
const british = (options) => (value) => new Intl.NumberFormat('en-GB', options).format(value);
const count = british({ maximumFractionDigits: 0 });
const percent = (value, digits = 1) => british({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits })(value);
const euro = (minor) => british({ style: 'currency', currency: 'EUR' })(minor / 100);
/** Who did it, as the page says it. */
const nameOf = (who) => who.replace('(bearer)', '(admin token)');
/** What is counted of arms and holdout. */
const priced = ({ total, negative }) => Object.fromEntries(Object.keys(total).map((name) => [name, total[name] - negative[name]]));

/** Opens the page of an experiment in a tab of its own, and closes it when all was well. */
async function look(name, use, options = {}) {
  const tab = await browser.tab({ at_ms: STILL_MS, ...options });
  const page = await tab.open(`/experiments/${name}`);
  await use(page, tab);
  tab.check();
  await tab.close();
}

/** The first line of each cell of the table of arms, by the row's name and the column's key. */
const table = (page) => page.locator('table.arms tbody tr, table.arms tfoot tr').evaluateAll((rows) => Object.fromEntries(rows.map((row) => [
  row.dataset.key, Object.fromEntries([...row.querySelectorAll('td')].map((cell) => [cell.dataset.key, [...cell.childNodes].map((part) => part.textContent)]))])));
const tile = (page, key) => page.locator(`.tile[data-key="${key}"] .big`).innerText();
/** Waits until a tile says something. */
const says = (page, key, text) => page.waitForFunction(([at, wanted]) => document.querySelector(`.tile[data-key="${at}"] .big`)?.textContent === wanted, [key, text]);

test('the sums, shares, rates and values on the page are those of the central store', async () => {
  await look('sevilla', async (page) => {
    const { standing, definition } = await evidence(), rows = await table(page), all = priced(standing);
    for (const arm of standing.arms) {
      const row = rows[`arm ${arm.name}`];
      assert.deepEqual([row.exposures[0], row.orders[0], row.price[0]], [count(arm.exposures), count(arm.orders), euro(arm.price_minor)], arm.name);
      assert.equal(row.share[0], percent(arm.share / TOTAL), arm.name);
      const [low, high] = arm.rate.at_any_look.map((value) => percent(value, 2));
      assert.deepEqual(row.rate, arm.rate.value === null ? ['–'] : [percent(arm.rate.value, 2), `${low} to ${high}`], arm.name);
      if (arm.value) assert.ok(Math.abs(Number(row.value[0].replace('€', '')) - arm.value.value / 100) < 0.005, `${row.value[0]} ${arm.value.value}`);
      if (arm.p_best !== null && arm.p_best > 0.001 && arm.p_best < 0.999) assert.equal(row.p_best[0], percent(arm.p_best), arm.name);
    }
    assert.deepEqual([rows.holdout.exposures[0], rows.holdout.orders[0]], [count(standing.holdout.exposures), count(standing.holdout.orders)]);
    assert.deepEqual([rows.total.exposures[0], rows.total.orders[0]], [count(all.exposures), count(all.orders)]);
    assert.deepEqual([await tile(page, 'visitors'), await tile(page, 'orders'), await tile(page, 'best')], [count(all.exposures), count(all.orders), euro(standing.arms.find(({ name }) => name === standing.leader).price_minor)]);
    assert.match(await page.locator('.tile[data-key="orders"] .below').innerText(), new RegExp(`^${euro(all.profit_minor)} profit of ${euro(all.revenue_minor)} revenue$`));
    assert.equal(await page.locator('.standing').innerText(), said(standing));
    assert.equal(rows['arm gift'] && (await page.locator('tr[data-key="arm gift"] .badge').innerText()), 'paused');
    assert.deepEqual(definition.arms.map(({ name }) => `arm ${name}`), Object.keys(rows).filter((name) => name.startsWith('arm ')));
    assert.match(await tile(page, 'gained'), /^[+-]€[\d,]+(\.\d\d)?$/, 'the wasm has reckoned it');
  });
});

test('of many items there is the negative group, which is in no sum; where items are randomised, no visitor and no rate', async () => {
  await look('jaen', async (page) => {
    const { standing } = await evidence('jaen'), rows = await table(page), all = priced(standing);
    assert.ok(standing.negative.exposures > 0);
    assert.deepEqual([rows.negative.exposures[0], rows.total.exposures[0]], [count(standing.negative.exposures), count(all.exposures)]);
    assert.deepEqual(rows['arm less'].price, ['× 0.92', `mean ${euro(standing.arms[1].price_minor)}`]);
  });
  await look('cordoba', async (page) => {
    const { standing } = await evidence('cordoba'), rows = await table(page);
    for (const arm of standing.arms) assert.deepEqual([rows[`arm ${arm.name}`].exposures[0], rows[`arm ${arm.name}`].pieces[0]], [count(arm.exposures), count(arm.pieces)]);
    assert.equal(rows['arm less'].rate, undefined);
    const heads = await page.locator('table.arms thead').innerText();
    assert.ok(heads.includes('Observations') && heads.includes('Profit per family and day') && !heads.includes('Visitors'), heads);
    await page.locator('.graph.differences figure').waitFor();
    assert.equal(await page.locator('.graph.demand').count(), 0);
  });
});

test('an order is on the page within seconds of the next publication, and nothing else moves', async () => {
  await look('sevilla', async (page) => {
    const { standing } = await evidence(), before_ = priced(standing);
    const details = page.locator('.timeline details').first(), button = page.locator('.toolbar button[data-action="set-floor"]');
    await details.locator('summary').click();
    const key = page.locator('.graph.value figure button[aria-pressed]').first();
    await key.click();
    await button.focus();
    await page.evaluate(() => { /** @type {any} */ (window).sameDocument = true; scrollTo(0, 240); });
    const { quote } = await world.shopper().price('OLIVE-500');
    assert.deepEqual((await world.expose([quote])).statuses, ['recorded']);
    assert.deepEqual((await world.reward({ ...world.order([quote]), order_id: 'a-live-order' })).statuses, ['matched']);
    await report();
    await world.sync();
    await Promise.all([says(page, 'visitors', count(before_.exposures + 1)), says(page, 'orders', count(before_.orders + 1))]);
    const now = await table(page), { standing: after_ } = await evidence();
    for (const arm of after_.arms) assert.equal(now[`arm ${arm.name}`].orders[0], count(arm.orders));
    assert.deepEqual(await page.evaluate(() => [/** @type {any} */ (window).sameDocument, scrollY, document.activeElement?.getAttribute('data-action')]), [true, 240, 'set-floor']);
    assert.equal(await details.evaluate((one) => /** @type {HTMLDetailsElement} */ (one).open), true, 'what the reader opened stays open');
    assert.equal(await key.getAttribute('aria-pressed'), 'false', 'who was taken out of a chart stays out');
    assert.equal(await page.locator('.view > [role=status]').innerText(), `Now ${count(before_.exposures + 1)} visitors and ${count(before_.orders + 1)} orders.`);
  });
});

test('interventions are in the timeline and marked in the charts, with who and why', async () => {
  await look('sevilla', async (page) => {
    const { interventions, definition } = await evidence(), market = definition.arms.find(({ name }) => name === 'market'), done = interventions.filter(({ action }) => action !== 'draft');
    const entries = await page.locator('.timeline > li').evaluateAll((all) => all.map((one) => [one.querySelector('.mark')?.textContent, one.querySelector('.who')?.textContent, one.querySelector('.why')?.textContent ?? '']));
    assert.deepEqual(entries.filter(([mark]) => mark), done.map(({ who, reason }, at) => [String(at + 1), `by ${nameOf(who)}`, reason]).reverse());
    const texts = await page.locator('.timeline').innerText();
    assert.ok(texts.includes('Floor: 3.0% → 5.0%') && texts.includes(`Arm market at ${euro(market.price_minor)}: new`) && texts.includes('Arm gift: live → paused'), texts);
    const figures = page.locator('.graphs figure');
    // They are made beside the page, and come after its numbers.
    await figures.nth(3).waitFor();
    assert.equal(await figures.count(), 4);
    // Rules of another view's style sheet once squeezed one of them.
    const widths = await page.locator('.graph').evaluateAll((all) => all.map((one) => one.firstElementChild.clientWidth / (one.clientWidth - 40)));
    assert.ok(widths.every((width) => width > 0.95), `each chart is as wide as its card: ${widths}`);
    for (const key of ['allocation', 'value', 'gain']) {
      const marks = await page.locator(`.graph.${key} figure details li`).allTextContents();
      assert.equal(marks.length, done.length, key);
      done.forEach(({ who, reason }, at) => assert.ok(marks[at].includes(nameOf(who)) && marks[at].includes(reason), `${key}: ${marks[at]}`));
    }
  });
});

test('what people wrote stays text', async () => {
  await look('sevilla', async (page) => {
    assert.equal(await page.locator('.hypothesis blockquote').innerText(), MARKUP);
    assert.equal(await page.locator('.hypothesis cite').innerText(), '<i>Maria</i>');
    assert.equal(await page.locator('.timeline .why').filter({ hasText: 'bold' }).innerText(), MARKUP);
    assert.equal(await page.locator('#main img, .timeline b, .hypothesis i').count(), 0);
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
    const link = page.locator('.hypothesis a');
    assert.deepEqual([await link.getAttribute('href'), await link.getAttribute('rel')], ['https://wiki.almazara.example/pricing/sevilla', 'noopener noreferrer']);
  });
});

test('charts and files can be taken along, and are what the API and the wasm say', async () => {
  await look('jaen', async (page) => {
    const saved = async (/** @type {import('playwright-core').Locator} */ button) => {
      const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
      return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
    };
    const csv = await saved(page.locator('.graph.allocation').getByRole('button', { name: /CSV/ }));
    assert.equal(csv.name, 'jaen-allocation.csv');
    assert.match(csv.text.split('\n')[0], /list,less,more/);
    const { text: groups } = await world.admin('GET', path('jaen', 'groups'));
    assert.deepEqual(await saved(page.locator('[data-file="groups"]')), { name: 'g-jaen.tsv', text: groups });
    const file = await saved(page.locator('[data-file="report"]')), { body } = await world.admin('GET', path('jaen', 'report'));
    assert.deepEqual([file.name, JSON.parse(file.text).total], ['jaen-report.json', body.total]);
  });
});

test('each state of an experiment has its page: draft, no visitors yet, archived, unknown', async () => {
  await look('faro', async (page) => {
    assert.deepEqual(await page.locator('.prices-planned .price').allInnerTexts(), ['€13.90', '€11.90', '€15.90']);
    assert.ok((await page.locator('#main').innerText()).includes('nobody sees these prices until you start it'));
    assert.deepEqual(await page.locator('.toolbar button').allInnerTexts(), ['Start…', 'Delete draft…']);
    assert.equal(await page.locator('.facts [data-key="Randomised"] dd').innerText(), 'visitors', 'its file does not say so, as that is the default');
    await page.locator('button[data-action="start"]').click();
    await page.locator('dialog.action').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.toolbar').getByRole('button', { name: 'Delete draft…' }).click();
    await page.locator('dialog.action').getByLabel('Reason').fill('never mind');
    await page.locator('dialog.action').getByLabel('Your name').fill('maria');
    await page.locator('dialog.action').getByRole('button', { name: 'Delete this draft' }).click();
    await page.waitForFunction(() => location.hash === '#/');
    assert.equal((await world.admin('GET', '/haggle/v1/experiments/faro')).status, 404, 'the page led away from what is gone');
  }, { expected: [/404/] });
  await world.run([otherExperiment('nobody', 'ALMOND-400', 1150)]);
  await look('nobody', async (page) => {
    assert.match(await page.locator('.standing').innerText(), /^No visitors yet/);
    assert.deepEqual([await tile(page, 'visitors'), await tile(page, 'gain'), await tile(page, 'best')], ['0', 'Not known yet', 'Not known yet']);
    assert.equal(await page.locator('.arms .leading').count(), 0, 'what a prior prefers leads nothing');
    assert.equal(await page.locator('.graphs figure').count(), 0);
  });
  await look('trapani', async (page) => {
    const { body } = await world.admin('GET', path('trapani', 'report')), rows = await table(page);
    assert.equal((await page.locator('.conclusion').innerText()).replace(/\s+/g, ' '), body.conclusion.text);
    assert.equal(await tile(page, 'visitors'), count(body.total.exposures));
    for (const arm of body.arms) assert.equal(rows[`arm ${arm.name}`].orders[0], count(arm.orders));
    assert.deepEqual(await page.locator('.toolbar button, .arms button').count(), 0, 'nothing can be done to it');
  });
  await look('nowhere', async (page) => {
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'There is no experiment nowhere');
  }, { expected: [/404/] });
});

test('what is seldom done is behind a menu, which closes when it was used or left', async () => {
  await look('sevilla', async (page) => {
    const menu = page.locator('.toolbar details.menu'), isOpen = () => menu.evaluate((one) => /** @type {HTMLDetailsElement} */ (one).open);
    await menu.locator('summary').click();
    await page.locator('h1').click();
    assert.equal(await isOpen(), false);
    await menu.locator('summary').click();
    await menu.getByRole('button', { name: 'Archive…' }).click();
    await page.locator('dialog.action').waitFor();
    assert.equal(await isOpen(), false);
    await page.keyboard.press('Escape');
    await page.locator('dialog.action').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'SUMMARY');
    await page.locator('tr[data-key="arm market"] button[data-action="retire-arm"]').click();
    assert.match(await page.locator('dialog.action').innerText(), /market/);
  });
});

test('what is wrong stands before the numbers', async () => {
  await look('carrara', async (page) => {
    const { mismatches } = await evidence('carrara'), shown = mismatches.reduce((sum, one) => sum + one.count, 0);
    assert.ok(shown > 0);
    assert.ok((await page.locator('.problems li').first().innerText()).includes(`${count(shown)} times a page did not show`));
    const order = await page.evaluate(() => document.querySelector('.problems')?.compareDocumentPosition(/** @type {Node} */ (document.querySelector('.tiles'))));
    assert.equal(order, 4, 'before');
    await world.act('carrara', 'stop');
    await page.locator('.badge.stopped').waitFor();
    assert.match(await page.locator('.problems li').first().innerText(), /^Prices are stopped/);
    await page.locator('.toolbar button[data-action="resume"]').waitFor();
    await world.act('carrara', 'resume');
  });
});

test('on a phone rows are cards and nothing has to be pushed sideways; axe finds nothing grave, light and dark', async () => {
  for (const [name, options] of [['sevilla', { phone: true }], ['cordoba', { phone: true, colorScheme: 'dark' }], ['sevilla', {}], ['jaen', { colorScheme: 'dark' }], ['trapani', { colorScheme: 'dark' }]]) {
    await look(name, async (page, tab) => {
      const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= screen, `${name}: ${content} of ${screen}`);
      if (options.phone) assert.equal(await page.locator('.arms tbody tr').first().evaluate((row) => getComputedStyle(row).display), 'block');
      const { grave } = await tab.axe();
      assert.deepEqual(grave, [], `${name} ${JSON.stringify(options)}`);
    }, options);
  }
});
