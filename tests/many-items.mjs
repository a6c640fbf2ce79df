/**
 * Snapshots of experiments over many items, put into KV as they are: those of `golden/snapshots.json`, with the times of
 * today. And a shop with pages of such items, which says of each page what caches may do with it.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { continental } from './shop/money.mjs';

const { many } = JSON.parse(readFileSync(new URL('./golden/snapshots.json', import.meta.url), 'utf8'));
const HEADER = 64, EXPERIMENT = 168, UNIT_AT = 148, UNTIL_AT = 152, OPENED_AT = 160;
export const MODIFIED = 'Tue, 01 Sep 2026 10:00:00 GMT';

/** The items of a golden snapshot: their keys, experiments, catalogue prices, prices on each arm, and what everybody sees. */
export const itemsOf = (name) => many.find((one) => one.name === name).items
  .map(([sku, experiment, catalogue, prices, now]) => ({ sku, experiment, catalogue, prices, now }));

let version = Date.now();

/**
 * Publishes a golden snapshot: its prices were drawn an hour ago and hold for an hour, where nothing else is said.
 * @param {import('./kit.mjs').World} world
 * @param {string} name
 * @param {{ until_ms?: number }} [times]
 */
export async function publish(world, name, { until_ms = Date.now() + 3_600_000 } = {}) {
  const bytes = Buffer.from(many.find((one) => one.name === name).bytes, 'hex');
  version += 1;
  bytes.writeBigUInt64LE(BigInt(version), 16);
  bytes.writeBigUInt64LE(BigInt(Date.now()), 24);
  for (let at = HEADER; at < HEADER + EXPERIMENT * bytes.readUInt32LE(32); at += EXPERIMENT) {
    if (bytes[at + UNIT_AT] === 0) continue;
    bytes.writeBigUInt64LE(BigInt(until_ms), at + UNTIL_AT);
    bytes.writeUInt32LE(Math.floor(Date.now() / 60_000) - 60, at + OPENED_AT);
  }
  createHash('sha256').update(bytes.subarray(12)).digest().copy(bytes, 8, 0, 4);
  await world.edge.kv.put('snapshot', new Uint8Array(bytes).buffer);
  await Promise.all([...world.edge.urls.keys()].map((location) => world.served(version, location)));
  return version;
}

/** What a page with these items is. @param {{ sku: string, catalogue: number }[]} items */
const pageOf = (items) => `<!doctype html><title>items</title>${items.map(({ sku, catalogue }) =>
  `<p data-haggle-sku="${sku}">${continental(catalogue)}</p><form data-haggle-sku="${sku}" method="post"></form>`).join('')}</html>`;

/**
 * A shop whose pages are lists of items: `/HONEY-250+OLIVE-500?kind`, sent as that kind of page is.
 * @param {Record<string, Record<string, string>>} kinds headers of each kind
 */
export async function startLists(kinds) {
  const catalogue = new Map(itemsOf('both').map((item) => [item.sku, item]));
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://shop');
    const items = pathname.slice(1).split('+').flatMap((sku) => catalogue.get(sku) ?? []);
    const headers = { 'content-type': 'text/html; charset=utf-8', etag: `"${pathname}"`, 'last-modified': MODIFIED, ...kinds[search.slice(1)] };
    if (request.headers['if-none-match'] === headers.etag) return void response.writeHead(304, headers).end();
    response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : pageOf(items));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, stop };
}
