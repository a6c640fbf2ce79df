/**
 * Quotes at checkout: what is charged and why not, at haggle's own endpoint and by stock libraries for JSON Web Tokens
 * in Node.js, Python and Go, which must all say the same.
 *
 * Each location here is a deployment at another point of a key rotation; all share what is published.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { MERCHANT, newSecrets } from './edge.mjs';
import { claimsOf, experiment, newId, openWorld, otherExperiment, received, until } from './kit.mjs';
import { FAULTY_KV, behindFaultyKv, setFault } from './faulty-kv.mjs';
import { send } from './http.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SKU = 'OLIVE-500', CATALOGUE = 1900;

const secret = () => randomBytes(32).toString('hex');
const K1 = `k1:${secret()}`, K2 = `k2:${secret()}`;

/** A key pair of ES256: for the Worker, and to sign with here. @param {string} kid */
function pair(kid) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = privateKey.export({ format: 'jwk' });
  return { kid, jwk, privateKey, pem: publicKey.export({ format: 'pem', type: 'spki' }), setting: setting(kid, jwk) };
}
const setting = (kid, jwk) => `${kid}:${Buffer.from(JSON.stringify(jwk)).toString('base64url')}`;
const E1 = pair('e1'), E2 = pair('e2'), FOREIGN = pair('e1');

/** Deployments before, in and after a rotation, of either algorithm; and two whose keys are broken. */
const LOCATIONS = {
  before: { QUOTE_KEYS: K1 },
  overlap: { QUOTE_KEYS: `${K2},${K1}` },
  after: { QUOTE_KEYS: K2 },
  'es-before': { QUOTE_KEYS: K1, QUOTE_ALG: 'ES256', QUOTE_SIGNING_KEYS: E1.setting },
  'es-overlap': { QUOTE_KEYS: K1, QUOTE_ALG: 'ES256', QUOTE_SIGNING_KEYS: `${E2.setting},${E1.setting}` },
  'es-after': { QUOTE_KEYS: K1, QUOTE_ALG: 'ES256', QUOTE_SIGNING_KEYS: E2.setting },
  'no-kv': { QUOTE_KEYS: K1, QUOTE_SIGNING_KEYS: E1.setting },
  'not-a-pair': { QUOTE_KEYS: K1, QUOTE_ALG: 'ES256', QUOTE_SIGNING_KEYS: setting('e3', { ...E1.jwk, d: E2.jwk.d }) },
  'not-a-key': { QUOTE_KEYS: K1, QUOTE_ALG: 'ES256', QUOTE_SIGNING_KEYS: `e4:${Buffer.from('{"kty":"EC"}').toString('base64url')}` },
};

/** @type {import('./kit.mjs').World} */
let world;
let claims, held;
before(async () => {
  world = await openWorld({ locations: LOCATIONS, workers: [FAULTY_KV], worker: (location) => (location === 'no-kv' ? behindFaultyKv : {}), secrets: { ...newSecrets(), QUOTE_KEYS: K1 },
    experiments: [experiment({ guardrails: { min_margin: 0.25 } }), otherExperiment('toledo', 'KNIFE-21', 12900)] });
  claims = claimsOf((await world.shopper().price(SKU, { location: 'before' })).quote);
  held = { ...claims, jti: newId(), p: 1600, a: 'low' };
});
after(() => world?.close());

const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token of HS256. @param {any} of @param {string} key as in the setting @param {object} [header] */
function hs256(of, key, header = {}) {
  const [kid, hex] = key.split(':');
  const signed = `${part({ alg: 'HS256', typ: 'JWT', kid, ...header })}.${part(of)}`;
  return `${signed}.${createHmac('sha256', Buffer.from(hex, 'hex')).update(signed).digest('base64url')}`;
}

/** A token of ES256. @param {any} of @param {ReturnType<typeof pair>} key @param {object} [header] */
function es256(of, { kid, privateKey }, header = {}) {
  const signed = `${part({ alg: 'ES256', typ: 'JWT', kid, ...header })}.${part(of)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** The same token with other claims under its signature. @param {string} token @param {object} changes */
function tampered(token, changes) {
  const [header, , signature] = token.split('.');
  return `${header}.${part({ ...claimsOf(token), ...changes })}.${signature}`;
}

/** @param {any[]} lines @param {string} location @param {Record<string, string>} [headers] */
const ask = (lines, location, headers = { authorization: `Bearer ${world.edge.secrets.REWARDS_TOKEN}` }) =>
  world.post('/haggle/v1/quotes/verify', { lines }, { location, headers });

/** What the endpoint says of one quote. @param {string} quote @param {string} location @param {object} [line] */
async function verdict(quote, location, line = {}) {
  const { status, text, body } = await ask([{ sku: SKU, currency: 'EUR', quote, ...line }], location);
  assert.equal(status, 200, text);
  return body.results[0];
}

const get = async (path, location) => received(await send(world.base(location) + path));

// --- stock libraries -----------------------------------------------------------------------------------------

const PYTHON = `${ROOT}.tools/venv/bin/python`, GO_PATH = '/usr/share/gocode', GO_PROGRAM = `${ROOT}target/quotes/verify`;

/** Builds the program in Go with Debian's packages. */
function buildGo() {
  mkdirSync(`${ROOT}target/quotes`, { recursive: true });
  execFileSync('go', ['build', '-o', GO_PROGRAM, 'tests/quotes/verify.go'], { cwd: ROOT, stdio: 'pipe',
    env: { ...process.env, GO111MODULE: 'off', GOPATH: GO_PATH, GOFLAGS: '', GOCACHE: `${ROOT}target/quotes/cache` } });
}

const onPath = (program) => (process.env.PATH ?? '').split(':').some((directory) => existsSync(`${directory}/${program}`));

/** The examples; `missing` says what a machine lacks to run one. */
const EXAMPLES = [
  { name: 'jose in Node.js', command: [process.execPath, 'tests/quotes/verify.mjs'], missing: '' },
  { name: 'PyJWT in Python', command: [PYTHON, 'tests/quotes/verify.py'],
    missing: existsSync(PYTHON) ? '' : 'no Python with PyJWT in .tools/venv: .ci/setup says why' },
  { name: 'golang-jwt in Go', command: [GO_PROGRAM], prepare: buildGo,
    missing: onPath('go') && existsSync(`${GO_PATH}/src/github.com/golang-jwt/jwt`) ? '' : 'no golang-go with golang-github-golang-jwt-jwt-dev: .ci/setup says why' },
];

/**
 * Runs an example over a cart.
 * @param {string[]} command
 * @param {any[]} lines
 * @param {Record<string, string>} settings
 * @returns {Promise<any[]>}
 */
function run([program, ...args], lines, settings) {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH ?? '', MERCHANT, ...settings };
    const child = execFile(program, args, { cwd: ROOT, env, timeout: 30_000 }, (error, out, err) => {
      if (error) reject(new Error(`${program}: ${error.message} ${err}`));
      else resolve(JSON.parse(out).results);
    });
    child.stdin?.end(JSON.stringify({ lines }));
  });
}

/** What a shop's server is given for a location. @param {string} location */
const settingsOf = (location) => ({ QUOTE_KEYS: LOCATIONS[location].QUOTE_KEYS,
  ...(LOCATIONS[location].QUOTE_ALG ? { QUOTE_JWKS: `${world.base(location)}/haggle/v1/quotes/keys` } : {}) });

/** Every quote that anybody must accept or refuse alike: by name the line, the deployment, and what is said of it. */
function cases() {
  const now_s = Math.floor(Date.now() / 1000);
  const line = (quote, change = {}) => ({ sku: SKU, currency: 'EUR', quote, ...change });
  const all = {};
  for (const [kind, token, location] of [['HS256', (of) => hs256(of, K1), 'before'], ['ES256', (of) => es256(of, E1), 'es-before']]) {
    const genuine = token(held);
    Object.assign(all, {
      [`${kind} genuine`]: [line(genuine), location, 1600],
      [`${kind} without a currency to compare`]: [line(genuine, { currency: undefined }), location, 1600],
      [`${kind} tampered price`]: [line(tampered(genuine, { p: 1 })), location, 'wrong-signature'],
      [`${kind} of another shop`]: [line(token({ ...held, m: 'olivar' })), location, 'another-merchant'],
      [`${kind} expired`]: [line(token({ ...held, exp: now_s - 1 })), location, 'expired'],
      [`${kind} from the future`]: [line(token({ ...held, iat: now_s + 400 })), location, 'not-yet-valid'],
      [`${kind} for another item`]: [line(genuine, { sku: 'KNIFE-21' }), location, 'another-item'],
      [`${kind} in another currency`]: [line(genuine, { currency: 'CHF' }), location, 'another-currency'],
      [`${kind} of a preview`]: [line(token({ ...held, preview: true })), location, 'preview'],
      [`${kind} cut off`]: [line(genuine.slice(0, genuine.lastIndexOf('.'))), location, 'malformed'],
      [`${kind} that says none`]: [line(tampered(genuine, {}).replace(/^[^.]*/, part({ alg: 'none', typ: 'JWT', kid: 'k1' }))), location,
        'wrong-algorithm'],
    });
  }
  return { ...all,
    'no quote at all': [line(''), 'before', 'malformed'],
    'HS256 by a stranger': [line(hs256(held, `k1:${secret()}`)), 'before', 'wrong-signature'],
    'HS256 by an unknown key': [line(hs256(held, `k9:${secret()}`)), 'before', 'unknown-key'],
    'ES256 by a stranger': [line(es256(held, FOREIGN)), 'es-before', 'wrong-signature'],
    'ES256 by an unknown key': [line(es256(held, E2)), 'es-before', 'unknown-key'],
    'ES256 where only HS256 is in use': [line(es256(held, E1)), 'before', 'wrong-algorithm'],
    'the public key taken for a shared secret': [line(hs256(held, `e1:${Buffer.from(E1.pem).toString('hex')}`)), 'es-before', 'unknown-key'],
    'a shared secret by the name of a public key': [line(hs256(held, K1, { alg: 'ES256', kid: 'e1' })), 'es-before', 'wrong-signature'],
    'the old key in the overlap': [line(hs256(held, K1)), 'overlap', 1600],
    'the new key in the overlap': [line(hs256(held, K2)), 'overlap', 1600],
    'the old key once it was removed': [line(hs256(held, K1)), 'after', 'unknown-key'],
    'the old pair in the overlap': [line(es256(held, E1)), 'es-overlap', 1600],
    'the new pair in the overlap': [line(es256(held, E2)), 'es-overlap', 1600],
    'the old pair once it was removed': [line(es256(held, E1)), 'es-after', 'unknown-key'],
    'HS256 of before ES256 came into use': [line(hs256(held, K1)), 'es-before', 1600],
  };
}

const said = ({ status, price_minor, code }) => (status === 'valid' ? price_minor : code);

describe('each quote is judged alike', () => {
  test('by haggle, who gives the catalogue price where it refuses', async () => {
    for (const [name, [line, location, expected]] of Object.entries(cases())) {
      const result = await verdict(line.quote, location, line);
      assert.equal(said(result), expected, `${name}: ${JSON.stringify(result)}`);
      const refused = typeof expected === 'string';
      assert.deepEqual([result.status, typeof result.error], refused ? ['refused', 'string'] : ['valid', 'undefined'], name);
      // No amount in one currency may be charged in another.
      const isInEuro = (line.currency ?? 'EUR') === 'EUR';
      const catalogue = !isInEuro ? null : line.sku === SKU ? CATALOGUE : 12900;
      assert.deepEqual([result.catalogue_minor, result.price_minor], [catalogue, refused ? catalogue : 1600], name);
    }
  });

  for (const { name, command, missing, prepare } of EXAMPLES) {
    test(`by ${name}`, { skip: missing || false }, async () => {
      prepare?.();
      const all = Object.entries(cases());
      for (const location of Object.keys(LOCATIONS)) {
        const some = all.filter(([, [, of]]) => of === location);
        const results = await run(command, some.map(([, [line]]) => line), settingsOf(location));
        assert.deepEqual(results.map((result, at) => [some[at][0], said(result)]), some.map(([what, [, , expected]]) => [what, expected]));
      }
    });
  }
});

test('what the Worker signs is what these libraries take, with its header and all its claims', async () => {
  for (const [location, alg, kid] of [['before', 'HS256', 'k1'], ['overlap', 'HS256', 'k2'], ['es-before', 'ES256', 'e1'], ['es-overlap', 'ES256', 'e2']]) {
    const { quote, price_minor } = await world.shopper().price(SKU, { location });
    assert.deepEqual(JSON.parse(Buffer.from(quote.split('.')[0], 'base64url').toString()), { alg, typ: 'JWT', kid });
    const { m, o, c, p, pp, exp, iat, x, a, v, w, jti } = claimsOf(quote);
    assert.deepEqual({ m, o, c, p, pp, x }, { m: MERCHANT, o: SKU, c: 'EUR', p: price_minor, pp: CATALOGUE, x: 'sevilla' });
    assert.ok(a && v > 0 && w > 0 && jti && exp - Date.now() / 1000 >= 48.5 * 3600 - 120 && iat <= Date.now() / 1000);
    const line = { sku: SKU, currency: 'EUR', quote };
    const { expires_at_s, experiment: of, arm, ...result } = await verdict(quote, location);
    assert.deepEqual([said(result), expires_at_s, of, arm], [price_minor, exp, x, a]);
    for (const { command, missing, prepare } of EXAMPLES) {
      if (missing) continue;
      prepare?.();
      assert.deepEqual(await run(command, [line], settingsOf(location)), [{ status: 'valid', price_minor }]);
    }
  }
});

test('the field in a form is signed by the key that signs, and charged at the price in the page', async () => {
  for (const [location, kid] of [['overlap', 'k2'], ['es-overlap', 'e2']]) {
    const { prices, quotes } = await world.shopper().look(`/product/${SKU}`, { location });
    assert.equal(JSON.parse(Buffer.from(quotes[SKU].split('.')[0], 'base64url').toString()).kid, kid);
    assert.equal((await verdict(quotes[SKU], location)).price_minor, prices.find(({ sku }) => sku === SKU).price_minor);
  }
});

test('without any storage the quote itself decides, and nobody knows the catalogue price of a refused one', async () => {
  await setFault(world, 'fail');
  for (const quote of [hs256(held, K1), es256(held, E1)]) {
    const { status, price_minor, catalogue_minor } = await verdict(quote, 'no-kv');
    assert.deepEqual([status, price_minor, catalogue_minor], ['valid', 1600, CATALOGUE]);
  }
  const { status, code, price_minor } = await verdict(tampered(hs256(held, K1), { p: 1 }), 'no-kv');
  assert.deepEqual([status, code, price_minor], ['refused', 'wrong-signature', null]);
  await setFault(world, 'none');
});

test('a batch is answered line by line, in order, with the names of the lines', async () => {
  const lines = Array.from({ length: 100 }, (_, at) => ({ line_id: `l${at}`, sku: at % 3 ? SKU : 'KNIFE-21', quote: at % 5 ? hs256(held, K1) : null }));
  const { status, body } = await ask(lines, 'before');
  assert.equal(status, 200);
  assert.deepEqual(body.results.map(({ line_id, sku, code, price_minor }) => [line_id, sku, code, price_minor]), lines.map(({ line_id, sku, quote }) => {
    if (!quote) return [line_id, sku, 'malformed', sku === SKU ? CATALOGUE : 12900];
    return sku === SKU ? [line_id, sku, undefined, 1600] : [line_id, sku, 'another-item', 12900];
  }));
  const more = await ask([...lines, lines[0]], 'before');
  assert.equal(more.status, 400);
  assert.match(more.body.error, /number of lines is 101; it must be 1 to 100/);
  const small = await ask([{ ...lines[0], currency: 'eur' }], 'before');
  assert.deepEqual([small.status, /currency is "eur"; it must be three capital letters/.test(small.body.error)], [400, true], small.text);
});

test('only the shop\'s server is answered, and only so much is read', async () => {
  for (const headers of [{}, { authorization: 'Bearer nobody' }, { authorization: `Bearer ${world.edge.secrets.ADMIN_TOKEN}` }]) {
    assert.equal((await ask([{ sku: SKU }], 'before', headers)).status, 401);
  }
  assert.equal((await ask([{ sku: SKU, quote: 'x'.repeat(200 * 1024) }], 'before')).status, 413);
  assert.equal((await verdict('x'.repeat(1025), 'before')).code, 'too-long');
  assert.equal((await get('/haggle/v1/quotes/verify', 'before')).status, 405);
});

test('an item that nothing prices has no price here, and what was quoted for it is still charged', async () => {
  const line = { sku: 'CORK-1' };
  assert.deepEqual(await verdict('', 'before', line).then(({ code, price_minor, catalogue_minor, currency }) => [code, price_minor, catalogue_minor, currency]),
    ['malformed', null, null, null]);
  const of = hs256({ ...held, o: 'CORK-1', x: 'over', p: 700, pp: 750 }, K1);
  const { status, price_minor, catalogue_minor } = await verdict(of, 'before', line);
  assert.deepEqual([status, price_minor, catalogue_minor], ['valid', 700, 750]);
});

test('a price outside of the guardrails is not charged, whoever signed it', async () => {
  const { code, price_minor } = await verdict(hs256({ ...held, p: 700 }, K1), 'before');
  assert.deepEqual([code, price_minor], ['outside-guardrails', CATALOGUE]);
});

test('the public keys are a JSON Web Key Set of ES256, and HS256 has none', async () => {
  const { status, headers, text } = await get('/haggle/v1/quotes/keys', 'es-overlap');
  assert.equal(status, 200, text);
  const { x, y } = E1.jwk;
  const [e2, e1] = JSON.parse(text).keys;
  assert.deepEqual(e1, { kty: 'EC', crv: 'P-256', x, y, kid: 'e1', alg: 'ES256', use: 'sig' });
  assert.deepEqual([e2.kid, 'd' in e2, headers['cache-control']], ['e2', false, 'public, max-age=300']);
  const none = await get('/haggle/v1/quotes/keys', 'before');
  assert.equal(none.status, 404);
  assert.match(JSON.parse(none.text).error, /HS256 here, which has no public keys/);
});

test('rewards and exposures are counted by quotes of ES256 too', async () => {
  const location = 'es-overlap', quotes = [es256({ ...held, jti: newId() }, E1), es256({ ...held, jti: newId() }, E2)];
  assert.deepEqual((await world.expose(quotes, location)).statuses, ['recorded', 'recorded']);
  assert.deepEqual((await world.reward(world.order(quotes), location)).statuses, ['matched', 'matched']);
  const [refused] = (await world.reward(world.order([es256(held, FOREIGN)]), location)).body.results;
  assert.deepEqual([refused.status, refused.error], ['refused', 'quote refused: the signature is wrong']);
});

test('a key that cannot sign is named in health and never shown, and pages go out as they are', async () => {
  for (const [location, why] of [['not-a-pair', /QUOTE_SIGNING_KEYS: key e3 does not sign/], ['not-a-key', /QUOTE_SIGNING_KEYS: signing key 1 is without crv/]]) {
    const { status, text } = await get('/haggle/health', location);
    assert.equal(status, 200);
    const { error } = JSON.parse(text);
    assert.match(error, why);
    for (const part of [E1.jwk.x, E1.jwk.d, E2.jwk.d]) assert.ok(!text.includes(part));
    const page = await world.shopper().ask(`/product/${SKU}`, { location });
    assert.deepEqual([page.status, page.reason], [200, 'misconfigured'], location);
    assert.ok(!page.headers['set-cookie']);
    assert.equal((await world.shopper().ask(`/haggle/v1/price?sku=${SKU}`, { location })).status, 503);
  }
});

test('while all prices are stopped, a quote is honoured where it is not above the catalogue price', async () => {
  const low = hs256(held, K1), high = hs256({ ...held, p: 2400, a: 'high' }, K1);
  assert.equal((await verdict(high, 'before')).price_minor, 2400);
  const stopped = await world.everywhere('stop');
  assert.deepEqual([stopped.status, stopped.body.stopped], [200, true], stopped.text);
  await world.served(stopped.body.version, 'before');
  assert.equal((await verdict(low, 'before')).price_minor, 1600);
  const refused = await verdict(high, 'before');
  assert.deepEqual([refused.code, refused.price_minor], ['stopped', CATALOGUE]);
  const { body } = await world.everywhere('resume');
  await world.served(body.version, 'before');
  await until('the quote is honoured again', () => verdict(high, 'before'), ({ price_minor }) => price_minor === 2400);
});
