/**
 * The API's document (www/openapi.json) and the Worker say the same: every route stands in both, real answers are as it
 * says, and whatever its schemas lead a generator to send is never answered with a 5xx.
 *
 * The cases are those of schemathesis, which is a program in Python; where it cannot be had, that test is left out.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { ADMIN_HOST } from './edge.mjs';
import { ALONE, experiment, openWorld, otherExperiment } from './kit.mjs';
import { resolved, wrongIn } from './schema.mjs';
import { stream } from './shop/random.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCHEMATHESIS = process.env.SCHEMATHESIS || `${ROOT}.tools/venv/bin/schemathesis`;
const SEED = 20_260_101, EXAMPLES = 12, PUSHES = 150;
const LEAST = { admin: 300, shop: 40 };
const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const DOCUMENT = JSON.parse(readFileSync(`${ROOT}www/openapi.json`, 'utf8'));

const follow = (one) => (one.$ref ? resolved(DOCUMENT, one.$ref) : one);
/** @type {{ path: string, method: string, of: any, host: string, parameters: any[] }[]} */
const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => ({ path, method: method.toUpperCase(),
  of: item[method], host: item[method].tags.includes('admin') ? ADMIN_HOST : 'shop.example',
  parameters: [...item.parameters ?? [], ...item[method].parameters ?? []].map(follow) })));

/** @type {import('./kit.mjs').World} */
let world;
before(async () => {
  world = await openWorld({ experiments: [experiment(), otherExperiment('toledo', 'KNIFE-21', 12_900)], vars: { EPOCH_MIN_S: '3600' } });
});
after(() => world?.close());

/**
 * Asks as the document says, with its examples, changed as given.
 * @param {typeof OPERATIONS[number]} operation
 * @param {{ body?: unknown, name?: string, headers?: Record<string, string>, method?: string }} [change]
 */
async function ask({ path, method, of, host, parameters }, change = {}) {
  const { ADMIN_TOKEN, REWARDS_TOKEN } = world.edge.secrets;
  const query = parameters.filter((one) => one.in === 'query' && one.required).map(({ name, example }) => `${name}=${encodeURIComponent(example)}`).join('&');
  const [type, content] = Object.entries(of.requestBody?.content ?? {})[0] ?? [];
  const body = change.body ?? content?.example;
  const headers = { authorization: `Bearer ${host === ADMIN_HOST ? ADMIN_TOKEN : REWARDS_TOKEN}`, ...(type ? { 'content-type': type } : {}), ...change.headers };
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await world.edge.fetchAdmin(path.replace('{name}', change.name ?? 'sevilla') + (query && `?${query}`),
    { method: change.method ?? method, host, body: text, headers, ...ALONE });
  return { status: answer.status, headers: answer.headers, type: (answer.headers.get('content-type') ?? '').split(';')[0], text: await answer.text() };
}

/** That an answer is one of those that the document declares. @param {typeof OPERATIONS[number]} operation @param {Awaited<ReturnType<typeof ask>>} answer */
function assertDeclared(operation, answer) {
  const what = `${operation.method} ${operation.path}: ${answer.status} ${answer.text.slice(0, 300)}`;
  const declared = operation.of.responses[answer.status];
  assert.ok(declared, `${what} is not declared`);
  const { content, headers = {} } = follow(declared);
  assert.ok(content && answer.type in content, `${what} has type ${answer.type}`);
  if (answer.type === 'application/json') assert.deepEqual(wrongIn(DOCUMENT, content[answer.type].schema, JSON.parse(answer.text)), [], what);
  for (const [name, { required }] of Object.entries(headers)) assert.ok(!required || answer.headers.has(name), `${what} has no ${name}`);
}

test('the document is whole: references lead somewhere, examples are as their schemas say, each operation has its answers', () => {
  const ids = OPERATIONS.map(({ of }) => of.operationId);
  assert.equal(new Set(ids).size, ids.length, 'one id each');
  JSON.stringify(DOCUMENT, (key, value) => (key === '$ref' && resolved(DOCUMENT, value), value));
  const { schemas, parameters, responses } = DOCUMENT.components, text = JSON.stringify(DOCUMENT);
  for (const [kind, of] of Object.entries({ schemas, parameters, responses })) {
    for (const name of Object.keys(of)) if (name !== 'Method') assert.ok(text.includes(`"#/components/${kind}/${name}"`), `${kind} ${name} is used`);
  }
  for (const { path, method, of, parameters: given } of OPERATIONS) {
    const what = `${method} ${path}`, codes = Object.keys(of.responses);
    // A link is made, and nothing is stored.
    const isAdmin = of.tags.includes('admin'), changes = isAdmin && method !== 'GET' && of.operationId !== 'previewLink';
    for (const code of isAdmin ? ['401', '403', '429', '503', ...(changes ? ['400', '422'] : [])] : []) assert.ok(codes.includes(code), `${what} declares ${code}`);
    assert.equal(given.some(({ name, required }) => name === 'Idempotency-Key' && required), changes, `${what} and its idempotency key`);
    assert.equal(path.includes('{name}'), given.some(({ name }) => name === 'name'), what);
    const contents = [of.requestBody, ...Object.values(of.responses).map(follow)].flatMap((one) => Object.values(one?.content ?? {}));
    for (const { schema, example } of contents) if (example !== undefined) assert.deepEqual(wrongIn(DOCUMENT, schema, example), [], `an example of ${what}`);
    for (const { name, schema, example } of given) if (example !== undefined) assert.deepEqual(wrongIn(DOCUMENT, schema, example), [], `${what}: ${name}`);
  }
});

test('every route of the Worker is in the document, and every one of the document in the Worker', async () => {
  const sources = ['lib.rs', ...readdirSync(`${ROOT}worker/src`).filter((file) => file.endsWith('_api.rs')), 'publisher.rs']
    .map((file) => readFileSync(`${ROOT}worker/src/${file}`, 'utf8').replace(/^\s*\/\/.*$/gm, '')).join('\n');
  const named = new Set([...sources.matchAll(/"(\/haggle\/[^"]*[^"/])"/g)].map(([, path]) => path));
  assert.ok(named.size > 15, `${[...named]}`);
  for (const path of named) assert.ok(path in DOCUMENT.paths, `${path} is not in the document`);
  const within = [...sources.matchAll(/\(\s*Method::(?:Get|Post|Put|Delete)[^,]*,\s*"([a-z-]+)"\s*\)/g)].map(([, what]) => what);
  const actions = /ACTIONS: \[&str; \d+\] = \[([^\]]*)\]/.exec(readFileSync(`${ROOT}src/lifecycle.rs`, 'utf8'))?.[1].match(/[a-z-]+/g) ?? [];
  assert.ok(actions.length >= 14 && within.length >= 2, `${actions}; ${within}`);
  for (const what of [...within, ...actions]) assert.ok(`/haggle/v1/experiments/{name}/${what}` in DOCUMENT.paths, `${what} is not in the document`);

  for (const [path, item] of Object.entries(DOCUMENT.paths)) {
    const operations = OPERATIONS.filter((one) => one.path === path);
    for (const host of new Set(operations.flatMap(({ of }) => [...(of.tags.includes('admin') ? [ADMIN_HOST] : []), ...(of.tags.includes('shop') ? ['shop.example'] : [])]))) {
      const allowed = METHODS.filter((method) => item[method]).map((method) => method.toUpperCase());
      for (const method of METHODS.map((one) => one.toUpperCase())) {
        const answer = await ask({ ...operations[0], method, host }, { name: 'nobody', body: method === 'GET' ? undefined : '{', headers: { 'if-match': '"0"' } });
        const what = `${method} ${path} on ${host}: ${answer.status} ${answer.text.slice(0, 200)}`;
        if (allowed.includes(method)) {
          assert.ok(answer.status !== 405 && !/"no \/haggle/.test(answer.text), what);
        } else {
          assert.deepEqual([answer.status, (answer.headers.get('allow') ?? '').split(', ').sort()], [405, allowed.sort()], what);
        }
      }
    }
  }
  for (const path of ['/haggle/v1', '/haggle/v1/', '/haggle/v1/nothing', '/haggle/v2/price', '/haggle/v1/experiments/', '/haggle/v1/experiments/sevilla/nothing']) {
    const { status } = await ask({ path, method: 'GET', of: {}, host: ADMIN_HOST, parameters: [] });
    assert.equal(status, 404, path);
  }
});

test('real answers are as the document says: what is asked with its examples, before and after the life of an experiment', async () => {
  const of = (id) => OPERATIONS.find((one) => one.of.operationId === id) ?? assert.fail(id);
  const revision = async (name) => (await world.admin('GET', `/haggle/v1/experiments/${name}`)).headers.get('etag') ?? '';
  /** @param {string} id @param {number} status @param {any} [change] */
  const answered = async (id, status, change = {}) => {
    const operation = of(id), answer = await ask(operation, change);
    assert.equal(answer.status, status, `${id}: ${answer.text}`);
    assertDeclared(operation, answer);
    return answer;
  };
  const acted = async (id, name, more = {}, status = 200) => answered(id, status, { name, headers: { 'if-match': await revision(name), ...more.headers }, ...(more.body ? { body: more.body } : {}) });
  for (const { of: { operationId: id }, method, path } of OPERATIONS) {
    if (method !== 'GET' || /\{name\}|haggle\.js/.test(path)) continue;
    const answer = await ask(of(id), id === 'health' ? {} : { headers: { accept: 'application/json' } });
    assertDeclared(of(id), answer);
    assert.ok(answer.status === 200 || id === 'keys', `${id}: ${answer.text}`);
  }
  const { quote } = await world.shopper().price('OLIVE-500');
  await answered('exposures', 200, { body: { quotes: [quote] } });
  await answered('rewards', 200, { body: world.order([quote]) });
  await answered('verify', 200, { body: { lines: [{ sku: 'OLIVE-500', quote }, { sku: 'KNIFE-21' }] } });

  const draft = otherExperiment('kozani', 'SAFFRON-2', 1490);
  await answered('putExperiment', 201, { name: 'kozani', body: draft });
  await answered('putExperiment', 428, { name: 'kozani', body: { ...draft, floor: 0.03 } });
  await answered('putExperiment', 412, { name: 'kozani', body: { ...draft, floor: 0.03 }, headers: { 'if-match': '"9"' } });
  await answered('putExperiment', 200, { name: 'kozani', body: { ...draft, floor: 0.03 }, headers: { 'if-match': '"1"' } });
  await answered('putExperiment', 400, { name: 'kozani', body: { ...draft, floor: 3 }, headers: { 'if-match': '"2"' } });
  await answered('pause', 409, { name: 'kozani', headers: { 'if-match': '"2"' } });
  await answered('start', 404, { name: 'nobody', headers: { 'if-match': '"2"' } });
  await acted('deleteExperiment', 'kozani');
  await answered('putExperiment', 201, { name: 'kozani', body: draft });
  await acted('start', 'kozani');
  const signed = { by: 'maria', reason: 'a test' };
  for (const [id, more] of [['pause', {}], ['resume', {}], ['stop', {}], ['resume', {}], ['addArm', { arm: { name: 'mid', price_minor: 1300 } }], ['pauseArm', { arm: 'low' }],
    ['reviveArm', { arm: 'low' }], ['retireArm', { arm: 'low' }], ['setFloor', { floor: 0.04 }], ['setGuardrails', { guardrails: { min_price_minor: 1000 } }],
    ['setEnd', { end: '2099-01-01T00:00:00Z' }], ['extendHoldout', { holdout: 0.2 }], ['decide', { arm: 'mid' }]]) {
    await acted(id, 'kozani', { body: { ...signed, ...more } });
    assertDeclared(of('getExperiment'), await ask(of('getExperiment'), { name: 'kozani' }));
  }
  await answered('previewLink', 200, { body: { url: 'https://shop.example/oil', visitor: 'a', arms: { kozani: 'mid' } } });
  await answered('previewLink', 400, { body: { url: 'https://shop.example/oil', arms: { kozani: 'none' } } });
  for (const id of ['evidence', 'report', 'log', 'groups', 'prices']) assertDeclared(of(id), await ask(of(id), { name: 'kozani' }));
  await acted('archive', 'kozani');
  for (const id of ['overview', 'evidence', 'report', 'listExperiments', 'audit', 'snapshots']) assertDeclared(of(id), await ask(of(id), { name: 'kozani' }));

  for (const [id, body] of [['stopShop', signed], ['resumeShop', signed], ['putSite', {}], ['deleteSite'], ['sync'], ['pushCatalogue'], ['getCatalogue'], ['sales']]) await answered(id, 200, { body });
  const { snapshots } = JSON.parse((await ask(of('snapshots'))).text);
  await answered('rollback', 200, { body: { ...signed, version: snapshots.at(-1).version } });
  await answered('resumeShop', 200, { body: signed });
  const key = { headers: { 'idempotency-key': 'the-same' } };
  await answered('putSite', 200, { body: {}, ...key });
  await answered('putSite', 422, { body: { field: 'price' }, ...key });
});

test(`whatever is pushed as the catalogue is stored or refused with its line (${PUSHES} cases, seed ${SEED})`, async () => {
  const operation = OPERATIONS.find(({ of }) => of.operationId === 'pushCatalogue') ?? assert.fail();
  const names = Object.keys(DOCUMENT.components.schemas.CatalogueItem.properties), draw = stream(SEED, 7), seen = new Map();
  const one = (list) => list[Math.floor(draw() * list.length)];
  const values = [undefined, null, true, '', 'x', 'a\u0000b', '\ud83d\ude00', 'x'.repeat(600), 0, -1, 1.5, 1e300, 2 ** 53, [], {}, [[]]];
  for (let at = 0; at < PUSHES; at += 1) {
    const lines = Array.from({ length: 1 + Math.floor(draw() * 3) }, (_, place) => {
      const item = /** @type {Record<string, unknown>} */ ({ sku: `A-${place}`, price_minor: 1000, cost_minor: 500 });
      for (const name of [...names, 'colour', '', '__proto__']) if (draw() < 0.03) item[name] = one(values);
      const line = JSON.stringify(item);
      return draw() < 0.1 ? line.slice(0, Math.floor(draw() * line.length)) : line;
    });
    const answer = await ask(operation, { body: lines.join(one(['\n', '\r\n', '\n\n'])) });
    seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    assertDeclared(operation, answer);
    assert.ok(answer.status < 500, answer.text);
    if (answer.status === 400) assert.match(JSON.parse(answer.text).error, /^line \d+: |no item/, lines.join('\n'));
  }
  assert.ok((seen.get(200) ?? 0) > 20 && (seen.get(400) ?? 0) > 20, JSON.stringify([...seen]));
});

const folder = mkdtempSync(join(tmpdir(), 'haggle-openapi-')), config = join(folder, 'schemathesis.toml');
after(() => rmSync(folder, { recursive: true, force: true }));

describe('schemathesis', { skip: existsSync(SCHEMATHESIS) ? false : `left out: no ${SCHEMATHESIS}; .ci/setup installs it` }, () => {
  for (const [tag, host] of [['admin', ADMIN_HOST], ['shop', 'shop.example']]) {
    test(`whatever is sent to the ${tag}'s operations, no answer is a 5xx, and all are declared (${EXAMPLES} cases of each kind and operation, seed ${SEED})`, { timeout: 240_000 }, async () => {
      const { ADMIN_TOKEN, REWARDS_TOKEN } = world.edge.secrets;
      // Half of what a generator finds is behind the name of something that is there.
      writeFileSync(config, '[parameters]\n"path.name" = "sevilla"\n');
      const run = promisify(execFile)(SCHEMATHESIS, ['--config-file', config, 'run', `${ROOT}www/openapi.json`, '--url', world.edge.url, '--include-tag', tag, '--exclude-operation-id', 'pushCatalogue', '-H', `Host: ${host}`,
        '-H', `Authorization: Bearer ${tag === 'admin' ? ADMIN_TOKEN : REWARDS_TOKEN}`, '--seed', String(SEED), '-n', String(EXAMPLES), '--phases', 'examples,fuzzing',
        '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance',
        '-w', '1', '--no-shrink', '--request-timeout', '20', '--continue-on-failure', '--no-color'], { cwd: folder, maxBuffer: 1 << 26 });
      const { stdout, code = 0 } = await run.catch((error) => error);
      assert.equal(code, 0, String(stdout).slice(-6000));
      const [summary = '', cases = '0'] = /(\d+) generated.*/.exec(stdout) ?? [];
      console.log(`${tag}: ${summary}`);
      assert.ok(Number(cases) >= LEAST[tag], `too few cases: ${summary}\n${stdout.slice(-1500)}`);
    });
  }
});
