/**
 * Streaming, proved without a clock: the origin holds back the rest of its page until the client has the first,
 * rewritten price in hand and says so. If the Worker waited for the whole page, this would never end.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { BROWSER, experiment, openWorld, received } from './kit.mjs';
import { send } from './http.mjs';
import { assertOnlyPricesDiffer } from './undo.mjs';

const SHOWN = /<p class="price big"><span data-haggle-sku="OLIVE-500">([^<]*)<\/span><\/p>/;

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  // Everybody sees 24.00: what arrives is rewritten for certain.
  const shares = [0, 0, 1, 0];
  world = await openWorld({ vars: { MODE: 'stream' }, experiments: [experiment({ policy: { name: 'fixed', shares }, floor: 0 })] });
});
after(() => world?.close());

/** What is there of a page once a pattern stands in it, and the rest still to come. */
async function readUntil(incoming, pattern) {
  const chunks = incoming[Symbol.asyncIterator]();
  let seen = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await chunks.next();
    if (value) seen = Buffer.concat([seen, value]);
    const found = pattern.exec(seen.toString('utf8'));
    if (found || done) return { found, seen, chunks };
  }
}

async function readRest({ seen, chunks }) {
  let all = seen;
  for (let { value, done } = await chunks.next(); !done; { value, done } = await chunks.next()) all = Buffer.concat([all, value]);
  return all.toString('utf8');
}

const releaseFrom = async (base) => (await received(await send(`${base}/slow/release`))).text;

test('the first price reaches the client, rewritten, while the origin still holds back the second half of the page', async () => {
  const incoming = await send(`${world.edge.url}/slow/OLIVE-500`, { headers: BROWSER });
  assert.equal(incoming.statusCode, 200);
  const half = await readUntil(incoming, SHOWN);
  assert.equal(half.found?.[1], '24,00 €');
  assert.equal(half.seen.includes('</html>'), false, 'the rest is not there yet');
  assert.equal(await releaseFrom(world.shop.url), '1 released\n', 'the origin was still waiting');
  const page = await readRest(half);
  const origin = await received(await send(`${world.shop.url}/product/OLIVE-500`));
  assert.deepEqual(assertOnlyPricesDiffer(page, origin.text), { prices: 3, fields: 1, changed: 3 });
});

test('five pages that wait at the same time do not wait for each other', async () => {
  const halves = [];
  for (let at = 0; at < 5; at += 1) {
    halves.push(await readUntil(await send(`${world.edge.url}/slow/OLIVE-500`, { headers: BROWSER }), SHOWN));
    // Meanwhile other pages are served whole.
    assert.equal((await received(await send(`${world.edge.url}/`, { headers: BROWSER }))).status, 200);
  }
  assert.equal(await releaseFrom(world.edge.url), '5 released\n');
  for (const half of halves) assert.ok((await readRest(half)).includes('</html>'));
});

test('a page that nothing is priced in streams too', async () => {
  const incoming = await send(`${world.edge.url}/slow/SALT-200`, { headers: BROWSER });
  const half = await readUntil(incoming, /data-haggle-sku="SALT-200">7,90 €</);
  assert.ok(half.found);
  assert.equal(await releaseFrom(world.shop.url), '1 released\n');
  const origin = await received(await send(`${world.shop.url}/product/SALT-200`));
  assert.equal(assertOnlyPricesDiffer(await readRest(half), origin.text).changed, 0);
});

test('a client that goes away in the middle of a page harms nobody', async () => {
  const incoming = await send(`${world.edge.url}/slow/OLIVE-500`, { headers: BROWSER });
  assert.ok((await readUntil(incoming, SHOWN)).found);
  incoming.destroy();
  await releaseFrom(world.shop.url);
  assert.equal((await received(await send(`${world.edge.url}/product/OLIVE-500`, { headers: BROWSER }))).status, 200);
});
