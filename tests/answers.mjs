/** That an answer is what the API's document (www/openapi.json) says of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { wrongIn } from './schema.mjs';

const DOCUMENT = JSON.parse(readFileSync(new URL('../www/openapi.json', import.meta.url), 'utf8'));

/** @param {string} schema its name in the document @param {unknown} body */
export function assertWhole(schema, body) {
  assert.deepEqual(wrongIn(DOCUMENT, { $ref: `#/components/schemas/${schema}` }, body), []);
}
