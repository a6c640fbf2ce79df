/**
 * What the browser computes of an experiment is, bit for bit, what native computes: every number of
 * `tests/golden/diagnosis.json`, which `src/diagnosis/tests/golden.rs` writes. And what is no evidence is refused in words.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

import { readEvidence } from '../www/evidence.js';

const { Lab } = createRequire(import.meta.url)('../target/browser-node/haggle_lab.js');
const text = (/** @type {string} */ name) => readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8');
const evidence = text('evidence');
const labOf = (/** @type {string} */ given) => new Lab(Buffer.from(given));
/** @type {Record<string, (number | null)[]>} */
const golden = JSON.parse(text('diagnosis'));

/** `why(2,30)` as the call it is. @param {InstanceType<Lab>} lab @param {string} call */
function called(lab, call) {
  const [, method, given] = /^(\w+)\((.*)\)$/.exec(call) ?? [];
  if (method === 'next') {
    const [action, arm] = given.split(',');
    return lab.next(action, JSON.stringify({ arm }));
  }
  return lab[method](...given.split(',').filter(Boolean).map(Number));
}

describe('lab.wasm', () => {
  const lab = labOf(evidence);

  test('has the bits of native in every number', () => {
    const answers = new Map();
    for (const [path, expected] of Object.entries(golden)) {
      const call = path.slice(0, path.indexOf(')') + 1);
      if (!answers.has(call)) answers.set(call, called(lab, call));
      const found = path.slice(call.length + 1).split('.').reduce((value, name) => value[name], answers.get(call));
      const numbers = typeof found === 'number' ? [found] : [...found];
      const bits = (/** @type {(number | null)[]} */ all) => all.map((number) => (Number.isNaN(number) ? null : number));
      assert.deepEqual(bits(numbers), bits(expected), path);
    }
    assert.equal(answers.size, 12);
  });

  test('gives columns as typed arrays and names beside them', () => {
    const { at_ms, arms } = lab.series();
    assert.ok(at_ms instanceof Float64Array && arms[0].value instanceof Float64Array);
    assert.deepEqual(arms.map(({ name }) => name), ['list', 'low', 'high']);
    assert.equal(lab.why().policy, 'thompson');
    assert.deepEqual(lab.propensities().arms.map(({ name }) => name), ['list', 'low', 'high', 'holdout']);
    assert.deepEqual(lab.off_policy()[0].arm, 'list');
  });

  test('says why an action is not allowed', () => {
    const { allowed, why, before, after } = lab.next('pause-arm', '{"arm":"list"}');
    assert.equal(allowed, false);
    assert.match(why, /arm is "list", the control; it must be another one/);
    assert.deepEqual(after, before);
  });

  test('refuses what is no evidence, in words', () => {
    assert.throws(() => labOf('{"history": 1'), /not the evidence: expected an object/);
    assert.throws(() => labOf(evidence.replace('"exposures":[', '"exposures":[-')), /exposures is -/);
    assert.throws(() => labOf('{}'), /definition is missing; it must be an experiment/);
    assert.throws(() => lab.densities(0, 1), /prior alpha is 0/);
  });
});

test('the page reads all of the evidence but its history', () => {
  const whole = JSON.parse(evidence), tricky = { ...whole, name: 'a "history":{ }', history: { ...whole.history, holdout: { revenue_sq: ['99999999999999999999'] } }, mismatches: [{ text: '}{' }] };
  for (const one of [whole, tricky]) assert.deepEqual(readEvidence(JSON.stringify(one)), { ...one, history: null });
  assert.deepEqual(readEvidence('{"name":"a"}'), { name: 'a' });
  assert.throws(() => readEvidence(JSON.stringify(whole).slice(0, -200)), SyntaxError);
});
