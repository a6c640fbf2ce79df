/**
 * The dashboard as a whole, in Chromium at the real Worker with experiments that have run for two weeks: its numbers are
 * those of the central store, it follows what happens in the shop, what is done on it is what the Worker then serves, and
 * it outlives a lost connection and an expired credential. No test leaves a line on the console or asks another origin.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { until } from '../kit.mjs';
import { Browser, said } from './browser-kit.mjs';
import { cast } from './cast.mjs';
import { STILL_MS, openSeeded } from './seed.mjs';

const DAYS = 12, EXPERIMENTS = 10, SEEN_WITHIN_MS = 5000;
/** What a browser itself writes where it gets no answer, or one that is none. */
const NO_ANSWER = [/net::ERR_INTERNET_DISCONNECTED/, /status of 401/];

/** @type {import('../kit.mjs').World} */
let world;
/** @type {Browser} */
let browser;
/** Tabs of the test that runs. @type {import('./browser-kit.mjs').Tab[]} */
const tabs = [];

before(async () => {
  ({ world } = await openSeeded({ experiments: EXPERIMENTS, days: DAYS, end_ms: STILL_MS }));
  browser = await Browser.start(world);
});
after(async () => {
  await browser?.close();
  await world?.close();
});
afterEach(async () => {
  const open = tabs.splice(0);
  await Promise.all(open.map((tab) => tab.close()));
  for (const tab of open) tab.check();
});

/** @param {string} route @param {import('./browser-kit.mjs').Look} [look] */
async function tabAt(route, look) {
  const tab = await browser.tab({ at_ms: STILL_MS, ...look });
  tabs.push(tab);
  await tab.open(route);
  return tab;
}

const number = (value) => new Intl.NumberFormat('en-GB').format(value);
const percent = (share) => new Intl.NumberFormat('en-GB', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share);
const euro = (minor) => new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'EUR' }).format(minor / 100);
/** Money with three digits that count, and no fewer than its own. */
const worth = (minor) => {
  const digits = Math.min(5, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(minor / 100)))));
  return new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'EUR', minimumFractionDigits: digits, maximumFractionDigits: digits }).format(minor / 100);
};
const rows = async (sql, ...values) => (await world.edge.db.prepare(sql).bind(...values).all()).results;
const api = async (path) => {
  const { status, body, text } = await world.admin('GET', `/haggle/v1/${path}`);
  assert.equal(status, 200, text);
  return body;
};

const SUMS = ['exposures', 'conversions', 'rewards', 'units', 'revenue_minor', 'cost_minor'];
/** Sums of an experiment by arm, straight from the central store. @param {string} name @returns {Promise<Map<string, Record<string, number>>>} */
const stored = async (name) => new Map((await rows(`SELECT arm, ${SUMS.map((sum) => `SUM(${sum}) AS ${sum}`).join(', ')} FROM tallies WHERE experiment = ? GROUP BY arm`, name))
  .map(({ arm, ...sums }) => [arm, sums]));
const add = (all) => Object.fromEntries(SUMS.map((sum) => [sum, all.reduce((total, one) => total + one[sum], 0)]));
const roleOf = (name) => cast(EXPERIMENTS).find(({ definition }) => definition.name === name);
const ofVisitors = ({ state, unit }) => unit === 'visitor' && !['draft', 'archived'].includes(state);

describe('numbers', () => {
  test('the overview has an entry for each experiment, with the visitors and orders of the central store and the rest as the API says', async () => {
    const { page } = await tabAt('/'), overview = await api('overview');
    const names = await rows('SELECT name FROM experiments ORDER BY name');
    assert.equal(names.length, EXPERIMENTS);
    const links = await page.locator('#main a[href^="#/experiments/"]').evaluateAll((all) => all.map((link) => link.getAttribute('href')?.split('/').at(-1)));
    assert.deepEqual([...new Set(links)].sort(), names.map(({ name }) => name));
    for (const one of overview.experiments.filter(ofVisitors)) {
      const card = page.locator(`li.card[data-key="${one.name}"]`), text = await card.innerText();
      const counts = Object.fromEntries(await card.locator('dl.counts > div').evaluateAll((all) => all.map((pair) => [...pair.children].map((cell) => cell.textContent))));
      const all = await stored(one.name), { exposures, conversions } = add([...all].filter(([arm]) => arm !== 'negative').map(([, sums]) => sums));
      assert.deepEqual([counts.Visitors, counts.Orders], [number(exposures), number(conversions)], one.name);
      const { standing } = one, arm = standing.arms.find(({ name }) => name === (one.decision?.arm ?? standing.leader));
      assert.ok(text.includes(one.state === 'decided' ? `Decided for ${one.decision.arm}` : said(standing)), `${one.name}: ${standing.text}`);
      if (arm && roleOf(one.name)?.definition.item) assert.ok(text.includes(euro(arm.price_minor)), `${one.name}: the best price of ${text}`);
      const gain = standing.all_to_holdout?.value;
      if (gain) assert.ok(text.includes(one.objective === 'conversion' ? `${Math.abs(gain * 100).toFixed(2)} points` : worth(Math.abs(gain))), `${one.name}: ${gain} in ${text}`);
    }
    const counts = await page.locator('li.card').count();
    assert.equal(counts, overview.experiments.filter(({ state }) => ['running', 'paused', 'decided'].includes(state)).length);
  });

  test('what is wrong comes first: lost exposures, places with another price, what is paused', async () => {
    const { page } = await tabAt('/'), overview = await api('overview');
    const wrong = await page.locator('.wrongs li').allInnerTexts();
    const first = await page.locator('#main .wrongs').evaluate((list) => list.compareDocumentPosition(/** @type {Node} */ (document.querySelector('.experiments'))) & Node.DOCUMENT_POSITION_FOLLOWING);
    assert.ok(first, 'before the experiments');
    const alarms = overview.experiments.filter(({ standing, state }) => state !== 'archived' && standing?.sample_ratio?.alarm).map(({ name }) => name);
    assert.ok(alarms.includes('kozani'), `kozani loses exposures: ${alarms}`);
    for (const name of alarms) assert.ok(wrong.some((text) => text.startsWith(`${name}:`) && /sample ratio/i.test(text)), `${name} in ${wrong}`);
    const [{ count }] = await rows('SELECT SUM(count) AS count FROM mismatches WHERE sku = ?', roleOf('carrara')?.definition.item.sku);
    assert.ok(wrong.some((text) => text.startsWith('carrara:') && text.includes(number(count))), `${count} places of carrara in ${wrong}`);
  });

  test('one experiment: each arm with its price, share, visitors, orders and chance, the sums, and the money', async () => {
    const { page } = await tabAt('/experiments/sevilla'), { standing, definition } = await api('experiments/sevilla/evidence'), all = await stored('sevilla');
    const table = Object.fromEntries(await page.locator('table.arms tr[data-key]').evaluateAll((lines) => lines.map((line) => [line.dataset.key,
      Object.fromEntries([...line.querySelectorAll('td')].map((cell) => [cell.dataset.key, cell.innerText.trim()]))])));
    const [{ arms }] = await rows('SELECT arms FROM epochs WHERE experiment = ? ORDER BY epoch DESC LIMIT 1', 'sevilla');
    const shares = new Map(JSON.parse(arms).map(({ arm, share }) => [arm, share]));
    assert.equal(standing.arms.length, 5);
    for (const { name, price_minor } of definition.arms) {
      const line = table[`arm ${name}`], sums = all.get(name), of = standing.arms.find((one) => one.name === name);
      assert.ok(line && sums, name);
      assert.deepEqual([line.price, line.share, line.exposures, line.orders, line.p_best],
        [euro(price_minor), percent(shares.get(name) / 65536), number(sums.exposures), number(sums.conversions), of.p_best === null ? '–' : probability(of.p_best)], name);
      assert.deepEqual([of.exposures, of.orders, of.reward_lines, of.pieces, of.revenue_minor, of.cost_minor], SUMS.map((sum) => sums[sum]), `${name}, the API`);
      if (of.value) assert.ok(line.value.startsWith(worth(of.value.value)), `${name}: ${of.value.value} as ${line.value}`);
    }
    const total = add([...all.values()]), holdout = all.get('holdout');
    assert.deepEqual([table.holdout.exposures, table.holdout.orders], [number(holdout?.exposures), number(holdout?.conversions)]);
    assert.deepEqual([table.total.exposures, table.total.orders], [number(total.exposures), number(total.conversions)]);
    const tile = (key) => page.locator(`.tile[data-key="${key}"]`).innerText();
    assert.match(await tile('visitors'), new RegExp(number(total.exposures)));
    const orders = await tile('orders');
    for (const text of [number(total.conversions), euro(total.revenue_minor), euro(total.revenue_minor - total.cost_minor)]) assert.ok(orders.includes(text), `${text} in ${orders}`);
  });

  test('one experiment: everything that was done is told, with who and why, and marked in the charts', async () => {
    const { page } = await tabAt('/experiments/sevilla');
    const audit = await rows('SELECT who, action, reason FROM audit WHERE experiment = ? ORDER BY id DESC', 'sevilla');
    assert.deepEqual(audit.map(({ action }) => action), ['pause-arm', 'add-arm', 'set-floor', 'start', 'draft']);
    const told = await page.locator('ol.timeline > li').allInnerTexts();
    assert.equal(told.length, audit.length);
    for (const [at, { who, reason }] of audit.entries()) assert.ok(told[at].includes(reason) && told[at].includes(who.replace('bearer', 'admin token')), `${who}, ${reason} in ${told[at]}`);
    assert.match(await page.locator('.hypothesis').innerText(), /bought as a delicacy/);
    assert.equal(await page.locator('.hypothesis a').getAttribute('href'), 'https://wiki.almazara.example/pricing/sevilla');
  });

  test('one experiment: the charts’ files have the shares that were published and a line for each period', async () => {
    const { page } = await tabAt('/experiments/sevilla'), { history } = await api('experiments/sevilla/evidence');
    const figure = page.locator('.graph.allocation figure');
    await figure.waitFor();
    const saved = page.waitForEvent('download');
    await figure.getByRole('button', { name: /CSV/ }).click();
    const file = await (await saved).createReadStream(), chunks = [];
    for await (const chunk of file) chunks.push(chunk);
    const [head, ...lines] = Buffer.concat(chunks).toString('utf8').trim().split('\r\n').map((line) => line.split(','));
    const names = ['friendly', 'list', 'delicacy', 'gift', 'market'], places = names.map((name) => head.indexOf(name));
    assert.ok(places.every((place) => place > 0), `${head}`);
    // Interventions have lines of their own, without shares.
    const told = lines.map((line) => places.map((place) => Number(line[place] || NaN))).filter((shares) => !shares.every(Number.isNaN));
    assert.equal(told.length, history.hours.length);
    const published = history.shares.at(-1).slice(0, names.length), all = published.reduce((sum, share) => sum + share, 0);
    for (const [arm, share] of (told.at(-1) ?? []).entries()) assert.ok(Math.abs((share || 0) - published[arm] / all) < 1e-3, `${names[arm]}: ${share} instead of ${published[arm]}`);
    for (const key of ['value', 'gain', 'demand']) await page.locator(`.graph.${key} figure canvas`).first().waitFor();
    const picture = page.waitForEvent('download');
    await figure.getByRole('button', { name: /picture/i }).click();
    assert.match((await picture).suggestedFilename(), /\.png$/);
    const log = page.waitForEvent('download');
    await page.locator('button[data-file="log"]').click();
    assert.equal((await log).suggestedFilename(), 'sevilla.jsonl');
  });

  test('diagnostics: served and planned shares, delays and beliefs are of the counts in the central store', async () => {
    const { page } = await tabAt('/experiments/kozani/model'), { standing } = await api('experiments/kozani/evidence');
    const panel = (name) => page.locator(`.panel-${name}`);
    await page.locator('table').first().waitFor();
    const text = await page.locator('#main').innerText();
    assert.equal(standing.sample_ratio.alarm, true);
    assert.match(text, /sample ratio|do not fall|not as planned|served/i);
    const served = await panel('propensities').innerText(), { exposures } = standing.sample_ratio;
    const counted = [...served.matchAll(/^\s*(pinch|spoon|list|holdout)\b[^\d]*([\d,]+)/gim)].map(([, , count]) => Number(count.replaceAll(',', '')));
    assert.equal(counted.reduce((sum, one) => sum + one, 0), exposures, `${counted} of ${served}`);
    const [{ conversions }] = await rows('SELECT SUM(conversions) AS conversions FROM delays WHERE experiment = ?', 'kozani'), all = add([...(await stored('kozani')).values()]);
    assert.equal(conversions, all.conversions, 'the store has a delay of every order');
  });
});

const probability = (value) => (value !== null && value < 0.001 ? `<${percent(0.001)}` : value < 1 && value > 0.999 ? `>${percent(0.999)}` : percent(value));

describe('what happens', () => {
  /** A visitor who sees a price of the oil, and buys. */
  async function buy() {
    const { quote, price_minor } = await world.shopper().price('OLIVE-500');
    const { statuses } = await world.expose([quote]);
    assert.deepEqual(statuses, ['recorded']);
    const rewarded = await world.reward(world.order([quote], { revenue_minor: price_minor, cost_minor: 800 }));
    assert.deepEqual(rewarded.statuses, ['matched']);
    return price_minor;
  }

  test('a visitor and an order of now are on every open page within five seconds of the next publication, without a reload', async () => {
    const [overview, one] = [await tabAt('/'), await tabAt('/experiments/sevilla')];
    for (const { page } of [overview, one]) await page.evaluate(() => Object.assign(window, { isStillHere: true }));
    const before = add([...(await stored('sevilla')).values()]), price = await buy();
    await until('the shard has reported', async () => add([...(await stored('sevilla')).values()]), ({ conversions }) => conversions === before.conversions + 1);
    await world.sync();
    const began = performance.now(), left = () => Math.max(1, SEEN_WITHIN_MS - (performance.now() - began));
    const visitors = number(before.exposures + 1), orders = number(before.conversions + 1);
    await one.page.locator('tr[data-key="total"] td[data-key="orders"]', { hasText: orders }).waitFor({ timeout: left() });
    await one.page.locator('tr[data-key="total"] td[data-key="exposures"]', { hasText: visitors }).waitFor({ timeout: left() });
    await overview.page.locator('li.card[data-key="sevilla"] dl.counts', { hasText: orders }).waitFor({ timeout: left() });
    assert.match(await overview.page.locator('li.card[data-key="sevilla"] dl.counts').innerText(), new RegExp(visitors));
    assert.ok((await one.texts('.tile[data-key="orders"]'))[0].includes(euro(before.revenue_minor + price)));
    for (const { page } of [overview, one]) assert.equal(await page.evaluate(() => /** @type {any} */ (window).isStillHere), true, 'no reload');
  });

  test('an overview that is live looks as one that is opened now, also its pictures', async () => {
    const live = await tabAt('/'), before = add([...(await stored('sevilla')).values()]), ORDERS = 12;
    const cards = (tab) => tab.page.locator('.experiments > li').evaluateAll((all) => all.map((one) => one.outerHTML));
    const was = await cards(live);
    for (let at = 0; at < ORDERS; at += 1) await buy();
    await until('the shard has reported', async () => add([...(await stored('sevilla')).values()]), ({ conversions }) => conversions === before.conversions + ORDERS);
    await world.sync();
    await live.page.locator('li.card[data-key="sevilla"] dl.counts', { hasText: number(before.conversions + ORDERS) }).waitFor();
    const now = await cards(live), pictures = (all) => all.map((text) => /<svg.*<\/svg>/.exec(text)?.[0]);
    assert.deepEqual(now, await cards(await tabAt('/')));
    assert.notDeepEqual(pictures(now), pictures(was), 'there is something to see');
  });

  test('a page that nobody sees asks for nothing, and goes on when it is seen', async () => {
    const { page } = await tabAt('/experiments/sevilla');
    const show = (hidden) => page.evaluate((is) => {
      Object.defineProperty(document, 'hidden', { value: is, configurable: true });
      Object.defineProperty(document, 'visibilityState', { value: is ? 'hidden' : 'visible', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await show(true);
    await page.waitForTimeout(500);
    let asked = 0;
    page.on('request', (request) => { if (request.url().includes('/evidence')) asked += 1; });
    // Longer than a page that is seen takes to ask again, which is 2 s; one that is not would look in a minute.
    await page.waitForTimeout(3000);
    assert.equal(asked, 0, 'while hidden');
    await show(false);
    await until('it goes on', async () => asked, (count) => count > 0);
  });

  test('a connection that was lost is told, and comes back by itself with what happened meanwhile', async () => {
    const tab = await tabAt('/experiments/sevilla', { expected: NO_ANSWER }), { page } = tab;
    await tab.context.setOffline(true);
    await page.locator('#connection[data-kind="lost"]').waitFor();
    const before = add([...(await stored('sevilla')).values()]);
    assert.equal(await page.locator('tr[data-key="total"] td[data-key="orders"]').innerText(), number(before.conversions), 'what is known stays');
    await buy();
    await until('the shard has reported', async () => add([...(await stored('sevilla')).values()]), ({ conversions }) => conversions === before.conversions + 1);
    await world.sync();
    await tab.context.setOffline(false);
    await page.locator('tr[data-key="total"] td[data-key="orders"]', { hasText: number(before.conversions + 1) }).waitFor();
    await page.locator('#connection[data-kind="live"]').waitFor();
  });

  test('a credential that has expired is asked for again over the page, which then goes on where it was', async () => {
    const tab = await tabAt('/experiments/sevilla', { expected: NO_ANSWER }), { page } = tab;
    await page.evaluate(() => sessionStorage.setItem('haggle_admin_token', '0'.repeat(32)));
    const dialog = page.locator('dialog#sign-in');
    await dialog.waitFor();
    assert.equal(await page.locator('table.arms').count(), 1, 'the page stays');
    await page.locator('#token').fill('f'.repeat(32));
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').filter({ hasText: /./ }).waitFor();
    await page.locator('#token').fill(world.edge.secrets.ADMIN_TOKEN);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await page.locator('#connection[data-kind="live"]').waitFor();
    assert.equal(new URL(page.url()).hash, '#/experiments/sevilla');
    assert.equal(await page.evaluate(() => Object.keys(localStorage).length), 0, 'nothing is kept beyond the tab');
    assert.deepEqual(await tab.context.cookies(), []);
  });
});

describe('what is done', () => {
  const prices = async (sku, count = 40) => new Set(await Promise.all(Array.from({ length: count }, async () => (await world.shopper().price(sku)).price_minor)));
  const served = async () => world.served((await rows('SELECT MAX(version) AS version FROM snapshots'))[0].version);

  /** Says who and why in the open dialog, and does it. */
  async function confirm(page, reason) {
    const dialog = page.locator('dialog.action');
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.getByLabel('Your name').fill('ines');
    await dialog.locator('button[type="submit"]').click();
    await page.locator('dialog.action form').waitFor({ state: 'detached' });
  }

  test('all prices are stopped from the overview, and go on from there', async () => {
    const { page } = await tabAt('/');
    await until('several prices are served', () => prices('SAFFRON-2'), ({ size }) => size > 1);
    await page.locator('button[data-act="stop"]').click();
    await confirm(page, 'a wrong price list');
    await until('everybody gets the catalogue price', async () => [...await prices('SAFFRON-2', 20)], (all) => all.length === 1 && all[0] === 1490);
    const resume = page.locator('.wrongs button[data-act="resume"]:not([data-name])').first();
    await resume.waitFor();
    await page.keyboard.press('Escape');
    await resume.click();
    await confirm(page, 'the list is right again');
    await served();
    await until('prices are served again', async () => (await prices('SAFFRON-2')).size, (size) => size > 1);
    const audit = await rows('SELECT who, action, reason FROM audit WHERE experiment = ? ORDER BY id DESC LIMIT 2', '');
    assert.deepEqual(audit.map(({ action, reason }) => [action, reason]), [['resume', 'the list is right again'], ['stop', 'a wrong price list']]);
    assert.ok(audit.every(({ who }) => who.startsWith('ines')), audit);
  });

  test('an arm is paused from its row: nobody new sees its price, and the page says so', async () => {
    const { page } = await tabAt('/experiments/kozani');
    await page.locator('button[data-action="pause-arm"][data-arm="pinch"]').click();
    await confirm(page, 'under the cost of the courier');
    await served();
    const seen = await prices('SAFFRON-2', 60);
    assert.ok(!seen.has(990) && seen.size > 0, `${[...seen]}`);
    await page.locator('tr[data-key="arm pinch"] button[data-action="revive-arm"]').waitFor();
    assert.equal(await page.locator('tr[data-key="arm pinch"] td[data-key="share"]').innerText(), percent(0));
  });
});

describe('for everybody', () => {
  const ROUTES = ['/', '/experiments/sevilla', '/experiments/sevilla/model', '/experiments/kozani', '/experiments/faro', '/experiments/trapani', '/experiments/jerez',
    '/experiments/cordoba', '/experiments/cordoba/model', '/experiments/nobody', '/preview', '/what-if', '/new', '/nowhere'];
  /** @type {Record<string, import('./browser-kit.mjs').Look>} */
  const LOOKS = { light: {}, dark: { colorScheme: 'dark' }, phone: { phone: true } };

  for (const [name, look] of Object.entries(LOOKS)) {
    test(`axe finds nothing serious on any page: ${name}`, async () => {
      const found = [], light = [];
      for (const route of ROUTES) {
        // A view that is not there is an answer of 404, which a browser tells.
        const tab = await tabAt(route, { ...look, expected: route.endsWith('nobody') ? [/status of 404/] : [] });
        await tab.page.waitForTimeout(300);
        const { grave, light: others } = await tab.axe();
        found.push(...grave.map((line) => `${route}: ${line}`));
        light.push(...others.map((line) => `${route}: ${line}`));
        const wide = await tab.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 1) found.push(`${route}: ${wide} px wider than the window`);
        const h1 = await tab.page.locator('h1').count();
        if (h1 !== 1) found.push(`${route}: ${h1} first headings`);
        // Fourteen pages that all go on asking would slow each other down.
        tabs.splice(0);
        await tab.close();
        tab.check();
      }
      for (const line of light) console.log(`  less: ${line}`);
      assert.deepEqual(found, []);
    });
  }

  test('who is not signed in is asked to, accessibly, and sees nothing before', async () => {
    const tab = await tabAt('/nowhere', { signedOut: true, expected: NO_ANSWER }).catch(() => null) ?? tabs.at(-1);
    assert.ok(tab);
    await tab.page.locator('dialog#sign-in').waitFor();
    assert.deepEqual((await tab.axe()).grave, []);
    assert.ok(!(await tab.page.locator('#main').innerText()).includes('sevilla'));
  });
});
