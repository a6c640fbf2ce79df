/** What the documentation gives a shop developer to copy: the very text of it, in Chromium and Node at the real Worker. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { startChromium } from './chromium.mjs';
import { claimsOf, experiment, newId, openWorld, until } from './kit.mjs';
import { readPrice } from './shop/money.mjs';

/** The blocks of a language under a heading. @param {string} file @param {string} heading @param {string} language */
function blocks(file, heading, language) {
  const text = readFileSync(new URL(`../docs/${file}`, import.meta.url), 'utf8'), part = text.split(/^## /m).find((one) => one.startsWith(`${heading}\n`));
  assert.ok(part, `${file} has a part "${heading}"`);
  const found = [...part.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, of]) => of === language).map(([, , block]) => block);
  assert.ok(found.length > 0, `${file}, "${heading}", has a block of ${language}`);
  return found;
}

describe('docs/storefront.md, a shop to copy', () => {
  const heading = 'A shop, to copy', folder = mkdtempSync(join(tmpdir(), 'haggle-docs-'));
  const salt = experiment({ name: 'trapani', salt: 'trapani', item: { sku: 'SALT-200', price_minor: 790, cost_minor: 240 }, control: 'list',
    arms: [{ name: 'list', price_minor: 790 }, { name: 'more', price_minor: 890 }] });
  /** @type {import('./kit.mjs').World} */
  let world;
  /** @type {import('playwright-core').Browser} */
  let browser;
  /** @type {{ charge: (line: object, catalogue_minor: number) => Promise<number>, report: (order_id: string, lines: object[]) => Promise<any[]> }} */
  let server;

  before(async () => {
    const [page] = blocks('storefront.md', heading, 'html'), [code] = blocks('storefront.md', heading, 'js');
    const extra = new Map([['/copied', { type: 'text/html; charset=utf-8', body: page }], ['/favicon.ico', { type: 'image/x-icon', body: '' }]]);
    world = await openWorld({ experiments: [experiment(), salt], shop: { extra } });
    writeFileSync(join(folder, 'shop.mjs'), code);
    Object.assign(process.env, { HAGGLE: world.edge.url, REWARDS_TOKEN: world.edge.secrets.REWARDS_TOKEN });
    server = await import(pathToFileURL(join(folder, 'shop.mjs')).href);
    browser = await startChromium();
  });
  after(async () => {
    await browser?.close();
    await world?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { sku, price, button, catalogue } of [{ sku: 'OLIVE-500', price: 'p[data-haggle-sku="OLIVE-500"]', button: 'Add the oil', catalogue: 1900 },
    { sku: 'SALT-200', price: '#salt', button: 'Add the salt', catalogue: 790 }]) {
    test(`${sku}: the visitor's price is shown, seen, charged and counted`, async () => {
      const context = await browser.newContext(), page = await context.newPage(), wrong = [];
      page.on('pageerror', (error) => wrong.push(String(error)));
      page.on('console', (line) => { if (line.type() === 'error') wrong.push(line.text()); });
      const before = await world.ledger(), address = `http://shop.localhost:${new URL(world.edge.url).port}`;
      // Another visitor until one has another price than the catalogue's, which a page without haggle would show too.
      let shown;
      do {
        await context.clearCookies();
        await page.goto(`${address}/copied`);
        await page.waitForFunction(() => /** @type {any} */ (document.getElementById('salt-form')).elements.namedItem('haggle_quote').value !== '');
        shown = readPrice(await page.locator(price).innerText());
      } while (shown === catalogue);
      await until('both prices were seen', () => world.sync().then(() => world.ledger()), ({ exposures }) => exposures >= before.exposures + 2);
      const asked = page.waitForRequest((request) => request.method() === 'POST' && new URL(request.url()).pathname === '/cart');
      await page.getByRole('button', { name: button }).click();
      const posted = Object.fromEntries(new URLSearchParams((await asked).postData() ?? ''));
      assert.deepEqual([posted.sku, claimsOf(posted.haggle_quote).p], [sku, shown]);
      assert.equal(await server.charge(posted, catalogue), shown, 'what was shown is charged');
      assert.equal(await server.charge({ ...posted, haggle_quote: 'forged.forged.forged' }, catalogue), catalogue);
      const sold = [{ quote: posted.haggle_quote, units: 1, revenue_minor: shown, cost_minor: 240 }];
      for (const status of ['matched', 'duplicate']) assert.deepEqual((await server.report(`copied-${sku}`, sold)).map((one) => one.status), [status]);
      await until('the order is counted', () => world.sync().then(() => world.ledger()), ({ matched }) => matched === before.matched + 1);
      assert.deepEqual(wrong, []);
      await context.close();
    });
  }
});

describe('docs/preview.md', () => {
  /** @type {import('./kit.mjs').World} */
  let world;
  before(async () => { world = await openWorld({ experiments: [experiment({ holdout: 0.1 })] }); });
  after(() => world?.close());

  test('the module decides as the price API does', async () => {
    const browser = await startChromium();
    try {
      const [code] = blocks('preview.md', 'The module', 'js'), page = await browser.newPage(), known = '0123456789abcdef0123456789abcdef';
      assert.ok(code.includes(known), 'it names a visitor');
      await page.route('**/copied-*.js', (route) => {
        const visitor = /copied-(\w+)/.exec(route.request().url())?.[1] ?? '';
        return route.fulfill({ contentType: 'text/javascript', body: code.replace(known, visitor) });
      });
      await page.goto(`${world.edge.adminUrl}/`);
      await page.evaluate((token) => Object.assign(window, { adminToken: token }), world.edge.secrets.ADMIN_TOKEN);
      const seen = new Set();
      for (let at = 0; at < 12; at += 1) {
        const visitor = at.toString(16).repeat(32);
        const { price_minor, currency } = await page.evaluate(async (path) => (await import(path)).decided, `/copied-${visitor}.js`);
        const { price_minor: charged } = await world.shopper({ haggle_vid: visitor }).price('OLIVE-500');
        assert.deepEqual([price_minor, currency], [charged, 'EUR'], visitor);
        seen.add(price_minor);
      }
      assert.ok(seen.size > 1, 'they are not all the same');
    } finally {
      await browser.close();
    }
  });

  test('the request for a preview link is answered with one, that shows the page at the price of the arm', async () => {
    const [command] = blocks('preview.md', 'Preview links', 'sh'), [answer] = blocks('preview.md', 'Preview links', 'json');
    const [, path, body] = /https:\/\/ADMIN(\S+) .*?-d '(.*)'/s.exec(command) ?? assert.fail(command);
    const asked = { ...JSON.parse(body), url: `${world.edge.url}/product/OLIVE-500` };
    // Sent with what the command sends, and no more.
    const keyed = /-H "idempotency-key: /.test(command) ? newId() : '';
    const { status, text, body: link } = await world.admin('POST', path, asked, { headers: { 'idempotency-key': keyed } });
    assert.equal(status, 200, text);
    assert.deepEqual(Object.keys(link), Object.keys(JSON.parse(answer)));
    const page = await world.shopper().look(new URL(link.url).pathname + new URL(link.url).search);
    assert.equal(page.prices.find(({ sku }) => sku === 'OLIVE-500')?.price_minor, 1600, 'arm low of sevilla');
  });
});
