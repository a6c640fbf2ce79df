/**
 * Experiments with long lists of items: D1 takes no value of more than 2 MB, and what is listed is longer together.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { experiment, openWorld } from './kit.mjs';

/** Items of one list: a definition of about 380 KB, of 400 KB that are allowed. */
const LISTED = 7_500, LISTS = 8;
const skus = Array.from({ length: LISTED }, (_, at) => `A-RATHER-LONG-KEY-OF-AN-ITEM-AS-SHOPS-HAVE-${at}`);

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld();
});
after(() => world?.close());

/** An experiment on these items. @param {string} name */
function listing(name, items = skus) {
  const { item, arms, ...rest } = experiment({ name, salt: name, control: 'list' });
  return { ...rest, scope: { items }, reward_model: 'normal', arms: [{ name: 'list', multiplier: 1 }, { name: 'low', multiplier: 0.9 }] };
}

const path = (name) => `/haggle/v1/experiments/${name}`;

test('all of them are listed, and every page of the audit is answered', async () => {
  for (let at = 0; at < LISTS; at += 1) {
    const { status, text } = await world.admin('PUT', path(`list-${at}`), listing(`list-${at}`));
    assert.equal(status, 201, text.slice(0, 300));
  }
  const { status, body, text } = await world.admin('GET', '/haggle/v1/experiments');
  assert.equal(status, 200, text.slice(0, 300));
  assert.deepEqual(body.experiments.map(({ name, definition }) => [name, definition.scope.items.length]),
    Array.from({ length: LISTS }, (_, at) => [`list-${at}`, LISTED]));
  const audit = await world.admin('GET', '/haggle/v1/audit');
  assert.equal(audit.status, 200, audit.text.slice(0, 300));
  assert.deepEqual(audit.body.records.map(({ action, after: { name } }) => [action, name]), Array.from({ length: LISTS }, (_, at) => ['draft', `list-${at}`]));
});

test('a draft that was changed often has a report, and can be archived', async () => {
  const few = skus.slice(0, 20).map((sku) => ({ sku, price_minor: 1000, cost_minor: 500 }));
  const pushed = await world.admin('POST', '/haggle/v1/catalogue', few.map((item) => JSON.stringify(item)).join('\n'));
  assert.equal(pushed.status, 200, pushed.text);
  let etag;
  for (let times = 0; times < LISTS; times += 1) {
    const items = times + 1 === LISTS ? skus.slice(0, 20) : [...skus].reverse().slice(0, LISTED - times);
    const put = await world.admin('PUT', path('often'), listing('often', items), { headers: etag ? { 'if-match': etag } : {} });
    assert.ok([200, 201].includes(put.status), `${put.status} ${put.text.slice(0, 300)}`);
    etag = put.headers.get('etag');
  }
  const started = await world.act('often', 'start');
  assert.equal(started.status, 200, started.text.slice(0, 300));
  const report = await world.admin('GET', `${path('often')}/report`);
  assert.equal(report.status, 200, report.text.slice(0, 300));
  assert.equal(report.body.interventions.at(-1).action, 'start');
  const archived = await world.act('often', 'archive');
  assert.equal(archived.status, 200, archived.text.slice(0, 300));
});
