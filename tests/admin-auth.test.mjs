/**
 * Who may use the administration: every operation of the API's document without, with a wrong and with a right credential.
 *
 * The keys of Cloudflare Access come from a server of ours, over HTTP, as they come from Access itself. That secrets are
 * compared in constant time shows in how (src/mac.rs: by keyed digests), not in times taken here.
 */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { ADMIN_HOST } from './edge.mjs';
import { ALONE, experiment, openWorld, otherExperiment, until } from './kit.mjs';

const AUDIENCE = randomBytes(32).toString('hex'), MINUTE_MS = 60_000, FAILURES_MAX = 20;
const DOCUMENT = JSON.parse(readFileSync(new URL('../www/openapi.json', import.meta.url), 'utf8'));

/** An RSA key as Access has it. @param {string} kid @param {number} [modulusLength] */
function pair(kid, modulusLength = 2048) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
  return { kid, privateKey, publicKey, jwk: { kid, alg: 'RS256', use: 'sig', ...publicKey.export({ format: 'jwk' }) } };
}
const OLD = pair('old'), NEW = pair('new'), LATER = pair('later'), FOREIGN = pair('new'), SHORT = pair('short', 1024);
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** What Access answers under `/cdn-cgi/access/certs`; each team is a path of its own in front of that. */
const access = { keys: [OLD.jwk, NEW.jwk], isDown: false, asked: 0 };
const server = createServer((request, response) => {
  access.asked += 1;
  if (access.isDown || request.url !== '/cdn-cgi/access/certs') return void response.writeHead(500).end();
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [...access.keys, SHORT.jwk, { kty: 'EC' }], public_cert: {} }));
});

/** @type {import('./kit.mjs').World} */
let world, team = '';
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  team = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  const behind = { ACCESS_TEAM: team, ACCESS_AUD: AUDIENCE };
  world = await openWorld({ experiments: [experiment()],
    locations: { 'pop-a': behind, rotated: behind, down: behind, unlimited: behind, 'bearer-only': {}, half: { ACCESS_TEAM: team }, plain: { ...behind, ACCESS_TEAM: 'http://team.example' } },
    worker: (location) => (location === 'unlimited' ? { ratelimits: {} } : {}) });
});
after(async () => {
  await world?.close();
  server.closeAllConnections();
  server.close();
});

const minute = () => Math.floor(Date.now() / MINUTE_MS);
const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const now_s = () => Math.floor(Date.now() / 1000);
const header = { alg: 'RS256', kid: NEW.kid, typ: 'JWT' };
const claims = (changes = {}) => ({ iss: team, aud: [AUDIENCE], exp: now_s() + 300, nbf: now_s() - 5, iat: now_s() - 5, type: 'app', sub: 'f00d', email: 'ana@oil.example', ...changes });

/** A token of Access. @param {object} [of] claims @param {any} [more] header, and the key */
function token(of = claims(), { key = NEW.privateKey, ...more } = {}) {
  const signed = `${part({ ...header, ...more })}.${part(of)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

const spkiOf = (key) => key.export({ format: 'pem', type: 'spki' });
const without = (name) => Object.fromEntries(Object.entries(claims()).filter(([key]) => key !== name));

/** Tokens that open nothing, and why; `[name, token, status]`. @returns {[string, string, number][]} */
function badTokens() {
  const good = token(), [head, body, signature] = good.split('.');
  const unsigned = (of) => `${part(of)}.${body}`, byHmac = (secret) => {
    const signed = unsigned({ ...header, alg: 'HS256' });
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const byCurve = `${part({ ...header, alg: 'ES256' })}.${body}`;
  return [
    ['expired', token(claims({ exp: now_s() - 61 })), 401],
    ['without an end', token(without('exp')), 401],
    ['whose end is a text', token(claims({ exp: String(now_s() + 300) })), 401],
    ['not valid yet', token(claims({ nbf: now_s() + 90 })), 401],
    ['of the future', token(claims({ iat: now_s() + 90 })), 401],
    ['of a key that Access has not', token(claims(), { key: FOREIGN.privateKey }), 401],
    ['of an unknown key', token(claims(), { key: FOREIGN.privateKey, kid: 'foreign' }), 401],
    ['of a key that is too short', token(claims(), { key: SHORT.privateKey, kid: SHORT.kid }), 401],
    ['of another key of the team', token(claims(), { kid: OLD.kid }), 401],
    ['without a key', token(claims(), { kid: undefined }), 401],
    ['that says none', `${unsigned({ ...header, alg: 'none' })}.`, 401],
    ['that says NonE', `${unsigned({ ...header, alg: 'NonE' })}.${signature}`, 401],
    ['without a signature', `${head}.${body}.`, 401],
    ['signed with the public key as a secret', byHmac(spkiOf(NEW.publicKey)), 401],
    ['signed with the public modulus as a secret', byHmac(Buffer.from(String(NEW.jwk.n), 'base64url')), 401],
    ['of ES256', `${byCurve}.${sign('sha256', Buffer.from(byCurve), { key: EC.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`, 401],
    ['of RS512', token(claims(), { alg: 'RS512' }), 401],
    ['with a critical extension', token(claims(), { crit: ['b64'], b64: false }), 401],
    ['with other claims', `${head}.${part(claims({ email: 'eve@oil.example' }))}.${signature}`, 401],
    ['with one bit changed', `${head}.${body}.${signature.slice(0, -3)}${signature.at(-3) === 'A' ? 'B' : 'A'}${signature.slice(-2)}`, 401],
    ['of four parts', `${good}.${signature}`, 401],
    ['that is too long', token(claims({ custom: { text: 'x'.repeat(9000) } })), 401],
    ['that is none', 'x.y.z', 401],
    ['twice', `${good}, ${good}`, 401],
    ['for another application', token(claims({ aud: [randomBytes(32).toString('hex')] })), 403],
    ['for no application', token(without('aud')), 403],
    ['for one whose tag begins the same', token(claims({ aud: `${AUDIENCE}0` })), 403],
    ['of another issuer', token(claims({ iss: 'https://other.cloudflareaccess.com' })), 403],
    ['of no issuer', token(without('iss')), 403],
    ['of nobody', token(claims({ email: '', sub: '' })), 403],
    ['of a name that would be two headers', token(claims({ email: 'eve\r\nx-more: 1', sub: undefined })), 403],
  ];
}

/** Everything that anybody could have changed: all rows of the central store, and what is published. */
async function state() {
  const { db, kv } = world.edge;
  const { results } = await db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'").all();
  const tables = await Promise.all(results.map(async ({ name }) => [name, (await db.prepare(`SELECT * FROM "${name}"`).all()).results]));
  assert.ok(tables.length > 5);
  return JSON.stringify([tables, Buffer.from(await kv.get('snapshot', 'arrayBuffer') ?? []).toString('base64')]);
}

/** Every operation of the admin host that asks for a credential, with a body that would do. */
const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, item]) => ['get', 'put', 'post', 'delete'].filter((method) => item[method]?.tags?.includes('admin'))
  .filter((method) => (item[method].security ?? DOCUMENT.security).every((one) => Object.keys(one).length > 0))
  .map((method) => ({ method: method.toUpperCase(), path: path.replace('{name}', 'cordoba').replace(/\{\w+\}/, 'stop'),
    body: item[method].requestBody ? (path.endsWith('{name}') ? otherExperiment('cordoba', 'SOAP-100', 450) : { by: 'eve', reason: 'because' }) : undefined })));
const CHANGES = OPERATIONS.filter(({ method }) => method !== 'GET');

let addresses = 0;
/** An address that nobody has used: wrong credentials are counted by it. */
const address = () => `2001:db8::${(addresses += 1).toString(16)}`;

/** @param {{ method: string, path: string, body?: unknown }} operation @param {Record<string, string>} headers @param {string} [location] */
async function ask({ method, path, body }, headers, location = 'pop-a') {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const answer = await world.edge.fetchAdmin(path, { method, body: text, location, headers: { authorization: '', 'cf-connecting-ip': address(), ...headers }, ...ALONE });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const REFUSALS = {
  401: '{"error":"authorization is missing or wrong; it must be Bearer and the secret"}',
  403: '{"error":"this credential is for something else; ask for access here"}',
  429: '{"error":"too many wrong credentials from this address; try again in a minute"}',
};

/** It says no more than that, whatever was wrong. @param {Awaited<ReturnType<typeof ask>>} answer @param {number} status @param {string} what */
function assertRefused(answer, status, what) {
  assert.deepEqual([answer.status, answer.text], [status, REFUSALS[status]], what);
  assert.equal(answer.headers.get('www-authenticate'), status === 401 ? 'Bearer realm="haggle"' : null, what);
  const known = ['allow', 'cache-control', 'content-length', 'content-type', 'date', 'retry-after', 'transfer-encoding', 'www-authenticate', 'connection', 'keep-alive'];
  assert.deepEqual([...answer.headers.keys()].filter((name) => !known.includes(name)), [], `${what}: no other header`);
  assert.match(String(answer.headers.get('cache-control')), /no-store/);
}

test('every operation refuses whoever has no credential or a wrong one, and nothing has changed', async () => {
  const { ADMIN_TOKEN, REWARDS_TOKEN } = world.edge.secrets, before = await state();
  assert.ok(OPERATIONS.length >= 10 && CHANGES.length >= 5, `${OPERATIONS.length} operations`);
  for (const operation of OPERATIONS) {
    const what = `${operation.method} ${operation.path}`;
    for (const authorization of ['', 'Bearer', 'Bearer ', `Bearer ${REWARDS_TOKEN}`, `Bearer ${ADMIN_TOKEN}0`, `Bearer ${ADMIN_TOKEN.slice(0, -1)}`,
      `Bearer ${ADMIN_TOKEN.toUpperCase()}x`, `Basic ${Buffer.from(`admin:${ADMIN_TOKEN}`).toString('base64')}`, ADMIN_TOKEN, `Bearer ${token()}`]) {
      assertRefused(await ask(operation, { authorization }), 401, `${what} with ${authorization || 'nothing'}`);
    }
    for (const location of ['pop-a', 'bearer-only']) {
      assertRefused(await ask(operation, { 'cf-access-jwt-assertion': token(claims({ exp: now_s() - 100 })) }, location), 401, `${what} with an old token`);
    }
    assertRefused(await ask(operation, { 'cf-access-jwt-assertion': token(claims({ aud: 'other' })) }), 403, `${what} with a token for another application`);
    assertRefused(await ask(operation, { 'cf-access-jwt-assertion': token() }, 'bearer-only'), 401, `${what} where Access does not stand in front`);
  }
  assert.equal(await state(), before);
});

test('a token of Access opens nothing unless all of it is right, in its header and in the cookie', async () => {
  const before = await state(), stop = { method: 'POST', path: '/haggle/v1/stop' }, list = { method: 'GET', path: '/haggle/v1/experiments' };
  assert.equal((await ask(list, { 'cf-access-jwt-assertion': token() })).status, 200, 'the right one does');
  for (const [name, text, status] of badTokens()) {
    for (const headers of [{ 'cf-access-jwt-assertion': text }, { cookie: `a=b; CF_Authorization=${text}` }]) {
      if (headers.cookie && name === 'twice') continue;
      for (const operation of [stop, list]) {
        const answer = await ask(operation, headers);
        assertRefused(answer, status, `a token ${name}`);
        for (const secret of [text, ...text.split('.').filter((one) => one.length > 8), NEW.kid, AUDIENCE, team]) assert.ok(!answer.text.includes(secret));
      }
    }
  }
  assert.equal(await state(), before);
  const log = world.edge.log.join('\n');
  for (const [name, text] of badTokens()) assert.ok(!log.includes(text), `a token ${name} is in the log`);
});

test('a right credential opens everything: the secret, a person\'s token, that of a program, and that of a browser', async () => {
  const list = { method: 'GET', path: '/haggle/v1/experiments' };
  const service = claims({ email: undefined, sub: '', common_name: `${randomBytes(8).toString('hex')}.access` });
  for (const headers of [{ authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` }, { 'cf-access-jwt-assertion': token() }, { cookie: `x=y; CF_Authorization=${token()}` },
    { 'cf-access-jwt-assertion': token(service) }, { 'cf-access-jwt-assertion': token(claims({ aud: AUDIENCE })) },
    { 'cf-access-jwt-assertion': token(claims(), { kid: OLD.kid, key: OLD.privateKey }) },
    { 'cf-access-jwt-assertion': token(claims({ exp: now_s() - 30, nbf: now_s() + 30 })) },
    { 'cf-access-jwt-assertion': token(claims({ aud: 'other' })), authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` },
    { 'cf-access-jwt-assertion': token(), authorization: 'Bearer nobody' }]) {
    const { status, text } = await ask(list, headers);
    assert.equal(status, 200, text);
  }
  const health = async (headers) => {
    const { status, text } = await ask({ method: 'GET', path: '/haggle/health' }, headers);
    return [status, 'ledger' in JSON.parse(text)];
  };
  assert.deepEqual(await health({ 'cf-access-jwt-assertion': token() }), [200, true]);
  assert.deepEqual(await health({}), [200, false]);
  assert.deepEqual(await health({ authorization: 'Bearer nobody' }), [401, false]);
  assert.deepEqual(await health({ 'cf-access-jwt-assertion': token(claims({ aud: 'other' })) }), [403, false]);
});

test('keys come from Access, are kept, and are fetched again once where a token names a new one', async () => {
  const list = { method: 'GET', path: '/haggle/v1/experiments' };
  const by = (pair) => ask(list, { 'cf-access-jwt-assertion': token(claims(), { kid: pair.kid, key: pair.privateKey }) }, 'rotated');
  access.asked = 0;
  const statuses = async (pairs) => (await Promise.all(pairs.map(by))).map(({ status }) => status);
  assert.deepEqual(await statuses([NEW, NEW, OLD, NEW]), [200, 200, 200, 200]);
  assert.ok(access.asked >= 1 && access.asked <= 4, 'only by those who came at once');
  access.asked = 0;
  assert.deepEqual(await statuses([NEW, OLD, NEW]), [200, 200, 200]);
  assert.equal(access.asked, 0, 'kept');
  access.keys = [NEW.jwk, LATER.jwk];
  assert.equal((await by(LATER)).status, 200);
  assert.equal(access.asked, 1);
  assert.equal((await by(OLD)).status, 401, 'withdrawn');
  for (let at = 0; at < 30; at += 1) assert.equal((await by({ ...FOREIGN, kid: `made-up-${at}` })).status, 401);
  assert.equal(access.asked, 1, 'whoever makes keys up makes nobody fetch');
  access.keys = [OLD.jwk, NEW.jwk];
});

test('while Access cannot be asked for its keys nobody comes in by it, and the secret still opens', async () => {
  const list = { method: 'GET', path: '/haggle/v1/experiments' }, byAccess = { 'cf-access-jwt-assertion': token() };
  access.isDown = true;
  const { status, text } = await ask(list, byAccess, 'down');
  assert.deepEqual([status, JSON.parse(text).error], [503, 'the keys of Cloudflare Access cannot be fetched now; ask again']);
  assert.equal((await ask(list, { ...byAccess, authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` }, 'down')).status, 200);
  access.isDown = false;
  assert.equal((await ask(list, byAccess, 'down')).status, 200);
});

test('half of the settings of Access, or a team without TLS, are said in health and let nobody in', async () => {
  for (const [location, why] of [['half', /ACCESS_AUD is missing/], ['plain', /ACCESS_TEAM is "http:\/\/team\.example"; it must be https/]]) {
    const authorization = `Bearer ${world.edge.secrets.ADMIN_TOKEN}`;
    assert.match((await world.health(location)).error, why);
    assert.equal((await ask({ method: 'GET', path: '/haggle/v1/experiments' }, { authorization }, location)).status, 503);
  }
});

test('wrong credentials of one address are answered with 429 after a while; a right one never is', async () => {
  const list = { method: 'GET', path: '/haggle/v1/experiments' }, right = { authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` };
  for (const location of ['pop-a', 'unlimited']) {
    const foreign = () => ({ 'cf-access-jwt-assertion': token(claims({ aud: 'other' })) });
    const wrong = Array.from({ length: FAILURES_MAX }, (_, at) => (at % 2 ? { authorization: `Bearer ${randomBytes(16).toString('hex')}` } : foreign()));
    const more = [{ authorization: 'Bearer nobody' }, foreign(), {}], guess = { authorization: 'Bearer nobody' };
    // The runtime's own limiter counts by the minute of the clock: what one ended meanwhile says nothing, and is done again.
    const { here, answers, health } = await until('all within a minute', async () => {
      const here = { 'cf-connecting-ip': address() }, began = minute(), answers = [];
      for (const headers of [...wrong, ...more]) answers.push(await ask(list, { ...headers, ...here }, location));
      const health = await ask({ method: 'GET', path: '/haggle/health' }, { ...guess, ...here }, location);
      return { here, answers, health, isOne: minute() === began };
    }, ({ isOne }) => isOne);
    for (const [at, answer] of answers.slice(0, FAILURES_MAX).entries()) assertRefused(answer, at % 2 ? 401 : 403, `attempt ${at}`);
    for (const answer of answers.slice(FAILURES_MAX)) {
      assertRefused(answer, 429, `after ${FAILURES_MAX}, ${location}`);
      assert.equal(answer.headers.get('retry-after'), '60');
    }
    assertRefused(health, 429, 'nor can it be guessed at health');
    assert.equal((await ask(list, { ...right, ...here }, location)).status, 200, 'a right one is never locked out');
    assert.equal((await ask(list, { 'cf-access-jwt-assertion': token(), ...here }, location)).status, 200);
    assertRefused(await ask(list, { authorization: 'Bearer nobody' }, location), 401, 'elsewhere');
  }
});

test('a change without a key of its own is refused with 400, and changes nothing', async () => {
  const authorization = `Bearer ${world.edge.secrets.ADMIN_TOKEN}`, before = await state();
  for (const operation of CHANGES) {
    const what = `${operation.method} ${operation.path}`;
    for (const [key, given] of [['', 'missing'], ['x'.repeat(65), '65 characters long'], ['two words', '9 characters long'], ['\u00e9', '1 characters long']]) {
      const { status, text } = await ask(operation, { authorization, 'idempotency-key': key });
      assert.deepEqual([status, JSON.parse(text).error],
        [400, `header Idempotency-Key is ${given}; it must be 1 to 64 visible ASCII characters, another one for each change`], what);
    }
  }
  assert.equal(await state(), before);
  assert.equal((await ask({ method: 'POST', path: '/haggle/v1/sync' }, { authorization, 'idempotency-key': 'x'.repeat(64) })).status, 200);
});

test('a record has the name that Access knows, else the one that was given; what a request says of itself in a header is nothing', async () => {
  const byAccess = { 'cf-access-jwt-assertion': token() }, byBearer = { authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` };
  const draft = { method: 'PUT', path: '/haggle/v1/experiments/jaen', body: otherExperiment('jaen', 'SOAP-100', 450) };
  const change = (action, body = {}) => ({ method: 'POST', path: `/haggle/v1/experiments/jaen/${action}`, body: { reason: 'a test', ...body } });
  const service = token(claims({ email: undefined, common_name: 'f00d.access' }));
  const done = [];
  for (const [operation, headers, who] of [[draft, { ...byAccess, 'haggle-actor': 'eve@oil.example' }, 'ana@oil.example'], [change('start', { by: 'eve' }), byAccess, 'ana@oil.example'],
    [change('pause', { by: 'maria' }), { ...byBearer, 'haggle-actor': 'eve@oil.example' }, 'maria (bearer)'], [change('resume'), { 'cf-access-jwt-assertion': service }, 'f00d.access'],
    [change('archive', { by: 'ana@oil.example' }), byBearer, 'ana@oil.example (bearer)']]) {
    const list = (await world.admin('GET', '/haggle/v1/experiments/jaen')).headers.get('etag');
    const sent = { ...headers, 'idempotency-key': `who-${done.length}`, ...(list ? { 'if-match': list } : {}) };
    const answer = await ask(operation, sent);
    assert.ok([200, 201].includes(answer.status), `${operation.path}: ${answer.text}`);
    done.push([operation.path.split('/')[5] ?? 'draft', who]);
    const [before, again] = [await state(), await ask(operation, sent)];
    assert.deepEqual([again.status, again.text, await state()], [answer.status, answer.text, before], 'sent again it changes nothing and is answered the same');
    assert.equal((await ask({ ...operation, body: { ...operation.body, reason: 'another' } }, sent)).status, 422, 'another request with that key');
  }
  const { records } = (await world.admin('GET', '/haggle/v1/audit?experiment=jaen')).body;
  assert.deepEqual(records.map(({ action, who }) => [action, who]), done);
});

test('on the shop\'s host there is no administration, no dashboard and no document of it', async () => {
  const authorization = `Bearer ${world.edge.secrets.ADMIN_TOKEN}`, before = await state();
  const shared = Object.entries(DOCUMENT.paths).filter(([, item]) => Object.values(item).some(({ tags }) => tags?.includes('shop'))).map(([path]) => path);
  for (const operation of OPERATIONS.filter(({ path }) => !shared.includes(path))) {
    for (const host of ['shop.example', `${ADMIN_HOST}.shop.example`, 'localhost']) {
      const answer = await world.edge.fetchAdmin(operation.path, { method: operation.method, body: operation.body && JSON.stringify(operation.body), host,
        headers: { authorization, 'cf-access-jwt-assertion': token() }, ...ALONE });
      assert.equal(answer.status, 404, `${operation.method} ${operation.path} on ${host}`);
      assert.match(await answer.text(), /^\{"error":"no \/haggle/);
    }
  }
  for (const path of ['/openapi.json', '/app.js', '/views/overview.js', '/api.js', '/pkg/haggle_preview_bg.wasm', '/haggle/openapi.json', '/haggle/index.html',
    '/haggle/', '/haggle/app.js']) {
    assert.equal((await world.edge.fetchShop(path, { headers: { authorization } })).status, 404, path);
    const onAdmin = await world.edge.fetchAdmin(path, { headers: { authorization: '' } });
    await onAdmin.arrayBuffer();
    if (!path.startsWith('/haggle/')) assert.equal(onAdmin.status, 200, `${path} needs no credential where it is`);
  }
  const front = await world.edge.fetchShop('/');
  assert.ok(!(await front.text()).includes('app.js'), 'the front page is the shop\'s');
  const health = await (await world.edge.fetchShop('/haggle/health', { headers: { authorization } })).json();
  assert.ok(!('ledger' in health) && !('mismatches' in health), 'the secret says nothing there');
  assert.equal(await state(), before);
});
