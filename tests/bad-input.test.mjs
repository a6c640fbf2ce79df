/**
 * What is wrong is refused with a 4xx and `{ "error" }` that says what was given and what is allowed; what stands
 * beside it is taken, and nothing is lost or counted that should not be.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, beforeEach, afterEach, test } from 'node:test';

import { ADMIN_HOST } from './edge.mjs';
import { ALONE, claimsOf, experiment, openWorld, otherExperiment } from './kit.mjs';

const DAY_S = 86_400, WINDOW_S = 168 * 3600;
const now_s = () => Math.floor(Date.now() / 1000);

/** @type {import('./kit.mjs').World} */
let world;
before(async () => { world = await openWorld({ vars: { QUOTE_HOLD_S: String(2 * DAY_S) }, experiments: [experiment()] }); });
after(() => world?.close());

/** What a test has counted on purpose. */
let counted = { stored: 0, exposures: 0 };
let ledger;
beforeEach(async () => {
  await world.sync();
  ledger = await world.ledger();
  counted = { stored: 0, exposures: 0 };
});
// After every test the books must say exactly what was acknowledged.
afterEach(async () => {
  await world.sync();
  const { stored, matched, unmatched, exposures } = await world.ledger();
  assert.deepEqual({ stored: stored - ledger.stored, exposures: exposures - ledger.exposures }, counted);
  assert.equal(stored, matched + unmatched);
});

/** @param {{ status: number, text: string, body: any }} answer @param {number} status @param {RegExp[]} says */
function assertRefused(answer, status, ...says) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(typeof answer.body?.error, 'string', answer.text);
  for (const one of says) assert.match(answer.body.error, one);
  assert.doesNotMatch(answer.text, /panick|unreachable|RuntimeError|wasm/i);
}

/** Tokens that are no good, by name: the token and what is said of it. @returns {Promise<[string, string, RegExp][]>} */
async function badTokens() {
  const claims = await world.claims(), good = world.sign(claims);
  const [header, payload, signature] = good.split('.');
  const flip = (part) => (part[5] === 'A' ? `${part.slice(0, 5)}B${part.slice(6)}` : `${part.slice(0, 5)}A${part.slice(6)}`);
  const without = (name) => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
  const none = Buffer.from('{"alg":"none","typ":"JWT","kid":"k1"}').toString('base64url');
  return [
    ['empty', '', /malformed/], ['a word', 'quote', /malformed/], ['one dot', 'a.b', /malformed/], ['dots only', '..', /malformed/],
    ['four parts', `${good}.x`, /refused/], ['not base64url', good.replace('.', '.+/='), /signature|malformed/],
    ['no signature', `${header}.${payload}.`, /signature/], ['half a signature', good.slice(0, -20), /signature|malformed/],
    ['cut in the claims', `${header}.${payload.slice(0, 40)}.${signature}`, /signature/], ['cut in the header', header.slice(0, 8), /malformed/],
    ['truncated', good.slice(0, good.length / 2), /malformed/], ['changed claims', `${header}.${flip(payload)}.${signature}`, /signature/],
    ['changed signature', `${header}.${payload}.${flip(signature)}`, /signature/],
    ['signature of another quote', `${header}.${payload}.${world.sign({ ...claims, p: 1 }).split('.')[2]}`, /signature/],
    ['another key', world.sign(claims, { key: randomBytes(32) }), /signature/],
    ['oversized', 'x'.repeat(1025), /1025 bytes long; it must be at most 1024/],
    ['oversized and genuine', world.sign({ ...claims, o: 'X'.repeat(1000) }), /it must be at most 1024/],
    ['alg none', `${none}.${payload}.`, /"none"; only "HS256"/],
    ['alg none and signed', world.sign(claims, { header: { alg: 'none' } }), /"none"; only "HS256"/],
    ['another alg', world.sign(claims, { header: { alg: 'HS512' } }), /"HS512"; only "HS256"/],
    ['small alg', world.sign(claims, { header: { alg: 'hs256' } }), /only "HS256"/],
    ['unknown kid', world.sign(claims, { header: { kid: 'k9' } }), /unknown key id "k9"/],
    ['no kid', world.sign(claims, { header: { kid: undefined } }), /malformed/],
    ['claims no JSON', world.sign('not json'), /malformed: claims/], ['claims a list', world.sign([1, 2]), /malformed: claims/],
    // Quotes of builds before `v` are honoured.
    ...Object.keys(claims).filter((name) => name !== 'v').map((name) => [`without ${name}`, world.sign(without(name)), /malformed: claims/]),
    ['price as text', world.sign({ ...claims, p: '1900' }), /malformed: claims/],
    ['negative time', world.sign({ ...claims, iat: -1 }), /malformed: claims/],
    ['no shards', world.sign({ ...claims, s: 0 }), /shard count/], ['too many shards', world.sign({ ...claims, s: 1025 }), /shard count/],
    ['of another shop', world.sign({ ...claims, m: 'another-shop' }), /"another-shop"; it must be "almazara"/],
    ['from the future', world.sign({ ...claims, iat: now_s() + 3600, exp: now_s() + 7200 }), /ahead/],
  ];
}

test('a token that is not genuine is refused by name, as an exposure and as a reward', async () => {
  const tokens = await badTokens();
  assert.ok(tokens.length > 40);
  for (const [name, token, says] of tokens) {
    for (const answer of [await world.expose([token]), await world.reward(world.order([token]))]) {
      assert.deepEqual(answer.statuses, ['refused'], `${name}: ${answer.status} ${answer.text}`);
      assertRefused(answer, 400, /quote refused: /, says);
    }
  }
});

test('all the bad tokens beside two good ones: the good ones are taken, each bad one is answered in its place', async () => {
  const [first, last] = await world.quotes(2);
  const bad = (await badTokens()).map(([, token]) => token);
  const exposed = await world.expose([first, ...bad.slice(0, 40), last]);
  assert.equal(exposed.status, 200);
  assert.deepEqual(exposed.statuses, ['recorded', ...Array(40).fill('refused'), 'recorded']);
  const rewarded = await world.reward(world.order([first, ...bad, last]));
  assert.equal(rewarded.status, 200);
  assert.deepEqual(rewarded.statuses, ['matched', ...bad.map(() => 'refused'), 'matched']);
  counted = { stored: 2, exposures: 2 };
});

test('an expired quote is no exposure any more, but its reward counts until the reward window ends', async () => {
  const expired = world.sign(await world.claims({ iat: now_s() - 3 * DAY_S, exp: now_s() - DAY_S }));
  assertRefused(await world.expose([expired]), 400, /expired \d+ s ago, at \d+/);
  assert.deepEqual((await world.reward(world.order([expired]))).statuses, ['unmatched']);
  const late = world.sign(await world.claims({ iat: now_s() - WINDOW_S - 60, exp: now_s() - 5 * DAY_S }));
  assertRefused(await world.reward(world.order([late])), 400, /reward window of 604800 s ended \d+ s ago/);
  const justNow = world.sign(await world.claims({ iat: now_s() - WINDOW_S + 60, exp: now_s() - 5 * DAY_S }));
  assert.deepEqual((await world.reward(world.order([justNow]))).statuses, ['unmatched']);
  counted = { stored: 2, exposures: 0 };
});

test('a body that is no report is refused whole, and says what it should be', async () => {
  const [quote] = await world.quotes(1);
  const deep = '['.repeat(20_000);
  const bodies = [['', /JSON/], ['{', /JSON/], [deep, /JSON/], ['null', /./], ['[]', /./], ['"x"', /./], ['{}', /quotes|order_id/],
    [`\u0000{"quotes":["${quote}"]}`, /JSON/],
    [JSON.stringify({ quotes: [quote], more: 1 }), /more|order_id/], [Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), /UTF-8/]];
  for (const [body, says] of bodies) {
    assertRefused(await world.post('/haggle/v1/exposures', body), 400, says);
    assertRefused(await world.reward(body), 400, says);
  }
  for (const [quotes, says] of [[[], /0; it must be 1 to 60/], [Array(61).fill('x'), /61; it must be 1 to 60/], ['x', /./], [[1], /./],
    [[null], /./], [{ 0: 'x' }, /./]]) {
    assertRefused(await world.post('/haggle/v1/exposures', { quotes }), 400, says);
  }
  const line = world.order([quote]).lines[0];
  for (const [body, says] of [[{ orders: [] }, /0; it must be 1 to 200/], [{ order_id: 'o', lines: [] }, /0; it must be 1 to 200/],
    [{ order_id: 'o', lines: Array.from({ length: 201 }, (_, at) => ({ ...line, quote: 'x', line_id: String(at) })) }, /201; it must be 1 to 200/],
    [{ order_id: 1, lines: [line] }, /order/], [{ lines: [line] }, /order_id/], [{ order_id: 'o', lines: [{ ...line, more: 1 }] }, /more/],
    [{ order_id: 'o', lines: [{ ...line, units: 1.5 }] }, /1\.5/], [{ order_id: 'o', lines: [{ ...line, units: '1' }] }, /"1"/],
    [{ order_id: 'o', lines: [{ ...line, revenue_minor: null }] }, /null/],
    [{ order_id: 'o', lines: [{ ...line, kind: 'return', refund_id: 'r' }] }, /kind is "return"; it must be one of sale, refund, cancellation/],
    [{ order_id: 'o', lines: [{ ...line, kind: 'refund' }] }, /refund_id is missing; it must be a text/],
    [{ order_id: 'o', lines: [{ ...line, kind: 'refund', refund_id: 7 }] }, /refund_id is 7/],
    [{ order_id: 'o', lines: [{ ...line, refund_id: 'r' }] }, /refund_id is not known; it must be one of kind, line_id/],
    [{ order_id: 'o', lines: [{ ...line, kind: 'cancellation', refund_id: 'r' }] }, /units is not known; it must be one of kind, refund_id, line_id, quote/], [{ orders: [{ order_id: 'o', lines: [line] }, 7] }, /7/],
    [`{"order_id":"o","lines":[{"line_id":"1","quote":"${quote}","units":1,"revenue_minor":9223372036854775808}]}`, /9223372036854775808/],
    [`{"order_id":"o","lines":[{"line_id":"1","quote":"${quote}","units":1,"revenue_minor":1e400}]}`, /./]]) {
    assertRefused(await world.reward(body), 400, says);
  }
});

test('a line out of bounds is refused by itself, with what was given and what is allowed', async () => {
  const [quote] = await world.quotes(1);
  for (const [change, ...says] of [
    [{ units: 0 }, /units is 0; it must be 1 to 10000/], [{ units: -1 }, /-1/], [{ units: 10_001 }, /10001/],
    [{ revenue_minor: -1 }, /revenue_minor is -1; it must be 0 to 1000000000000/], [{ revenue_minor: 1_000_000_000_001 }, /1000000000001/],
    [{ cost_minor: -5 }, /cost_minor is -5; it must be 0 to 1000000000000/], [{ cost_minor: Number.MAX_SAFE_INTEGER }, /9007199254740991/],
    [{ line_id: '' }, /line_id is ""; it must be 1 to 64/], [{ line_id: 'x'.repeat(65) }, /1 to 64/], [{ line_id: 'a b' }, /"a b"/],
    [{ line_id: 'ä' }, /visible ASCII/]]) {
    const answer = await world.reward(world.order([quote], change));
    assertRefused(answer, 400, ...says);
    assert.deepEqual([answer.statuses, answer.body.results[0].line_id], [['refused'], change.line_id ?? '1']);
  }
  for (const [change, says] of [[{ refund_id: '' }, /refund_id is ""; it must be 1 to 64/], [{ refund_id: 'r 1' }, /visible ASCII/],
    [{ units: -1 }, /units is -1; it must be 0 to 10000/], [{ revenue_minor: -1 }, /-1; it must be 0 to 1000000000000/],
    [{ units: 0, revenue_minor: 0, cost_minor: 0 }, /refund is 0; it must be of pieces/]]) {
    assertRefused(await world.reward(world.order([quote], { kind: 'refund', refund_id: 'r', ...change })), 400, says);
  }
  assertRefused(await world.reward({ ...world.order([quote]), order_id: 'o 1' }), 400, /order_id is "o 1"; it must be 1 to 64 visible/);
  assertRefused(await world.reward({ ...world.order([quote]), order_id: '' }), 400, /order_id is ""/);
});

test('a half-good batch counts its good half, in the order of its lines', async () => {
  const [one, two] = await world.quotes(2);
  const good = world.order([one]), bad = world.order([two], { units: 0 }), mixed = world.order([two, 'x', two]);
  const { status, body } = await world.reward({ orders: [bad, good, mixed] });
  assert.equal(status, 200);
  assert.deepEqual(body.results.map((result) => [result.order_id, result.line_id, result.status]),
    [[bad.order_id, '1', 'refused'], [good.order_id, '1', 'unmatched'],
    [mixed.order_id, '1', 'unmatched'], [mixed.order_id, '2', 'refused'], [mixed.order_id, '3', 'unmatched']]);
  for (const result of body.results) assert.equal('error' in result, result.status === 'refused');
  counted = { stored: 3, exposures: 0 };
});

test('a body beyond its limit is refused by its length, announced or not', async () => {
  const { REWARDS_TOKEN } = world.edge.secrets;
  for (const [path, most] of [['/haggle/v1/rewards', 65_536], ['/haggle/v1/exposures', 40_960]]) {
    const headers = { authorization: `Bearer ${REWARDS_TOKEN}` };
    for (const size of [most + 1, 1_000_000]) {
      assertRefused(await world.post(path, ' '.repeat(size), { headers, ...ALONE }), 413, new RegExp(`at most ${most} bytes`));
    }
    assertRefused(await world.post(path, ' '.repeat(most), { headers }), 400, /JSON/);
    const unannounced = `POST ${path} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer ${REWARDS_TOKEN}\r\ntransfer-encoding: chunked\r\n\r\n`
      + `${(most + 1).toString(16)}\r\n${' '.repeat(most + 1)}\r\n0\r\n\r\n`;
    assert.match(await overSocket(unannounced), /^HTTP\/1\.1 413 /);
  }
});

/**
 * What comes back for bytes that no HTTP client would send: the head of the answer and what came with it.
 * @param {string} bytes
 * @param {{ breaksOff?: boolean }} [options] nothing more is sent, and it is said
 * @returns {Promise<string>}
 */
function overSocket(bytes, { breaksOff = false } = {}) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(world.edge.url).port), '127.0.0.1');
    let seen = '';
    const done = () => {
      resolve(seen);
      socket.destroy();
    };
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to ${bytes.slice(0, 60)}`)));
    socket.on('data', (chunk) => {
      seen += chunk;
      if (/\r\n\r\n[^]*\}$/.test(seen)) done();
    });
    socket.on('close', done).on('error', (error) => (breaksOff ? done() : reject(error)));
    socket.write(bytes, () => breaksOff && socket.end());
  });
}

test('a request that breaks off in its body counts nothing and hurts nobody', async () => {
  const [quote] = await world.quotes(1);
  const body = JSON.stringify(world.order([quote]));
  const authorization = `authorization: Bearer ${world.edge.secrets.REWARDS_TOKEN}`;
  const head = `POST /haggle/v1/rewards HTTP/1.1\r\nhost: shop\r\n${authorization}\r\ncontent-length: ${body.length}\r\n\r\n`;
  const broken = await Promise.all([0, 1, 10, body.length - 1].map((cut) => overSocket(head + body.slice(0, cut), { breaksOff: true })));
  for (const answer of broken) assert.doesNotMatch(answer, /^HTTP\/1\.1 [25]/);
  assert.match(await overSocket(head + body), /^HTTP\/1\.1 200 [\s\S]*"unmatched"/);
  counted = { stored: 1, exposures: 0 };
});

test('rewards need their own bearer', async () => {
  const [quote] = await world.quotes(1), { REWARDS_TOKEN, ADMIN_TOKEN } = world.edge.secrets;
  const given = ['', 'Bearer', 'Bearer ', `bearer${REWARDS_TOKEN}`, REWARDS_TOKEN, `Basic ${REWARDS_TOKEN}`, `Bearer ${REWARDS_TOKEN}x`,
    `Bearer ${REWARDS_TOKEN.slice(1)}`,
    `Bearer ${REWARDS_TOKEN.toUpperCase()}X`, `Bearer ${ADMIN_TOKEN}`, `Bearer ${quote}`];
  for (const authorization of given) {
    const answer = await world.post('/haggle/v1/rewards', world.order([quote]), { headers: authorization ? { authorization } : {}, ...ALONE });
    assertRefused(answer, 401, /must be Bearer/);
    assert.ok(!answer.text.includes(REWARDS_TOKEN));
  }
});

test('an item that no experiment prices, and a sku that is none, have no price', async () => {
  const ask = async (query) => {
    const { status, text } = await world.shopper().ask(`/haggle/v1/price${query}`);
    return { status, text, body: JSON.parse(text) };
  };
  assertRefused(await ask(''), 400, /sku is missing/);
  for (const query of ['?sku', '?sku=%', '?sku=%zz', '?sku=%ff%fe', '?other=1']) assertRefused(await ask(query), 400, /sku is missing/);
  for (const sku of ['', 'NOT-HERE', 'olive-500', 'OLIVE-500 ', 'a"b<c>', 'x'.repeat(5000), '漢🍋', '\u0000']) {
    assertRefused(await ask(`?sku=${encodeURIComponent(sku)}`), 404, /no running experiment; the catalogue price stands/);
  }
  assert.equal((await ask('?x=%&sku=OLIVE%2D500&sku=NOT-HERE')).status, 200);
});

test('cookies that are not ours, changed or another visitor\'s give a good price of this visitor', async () => {
  const [mine, other] = [world.shopper(), world.shopper()];
  const wanted = await mine.price('OLIVE-500');
  await other.price('OLIVE-500');
  const [haggle_vid, haggle_pins] = [mine.cookies.get('haggle_vid'), mine.cookies.get('haggle_pins')];
  for (const pins of ['', 'x', '=;=', 'A'.repeat(4000), '\u00e4', other.cookies.get('haggle_pins'), haggle_pins.slice(1),
    haggle_pins.slice(0, -3), `${haggle_pins}AAAA`]) {
    const shopper = world.shopper({ haggle_vid, haggle_pins: pins });
    assert.equal((await shopper.price('OLIVE-500')).price_minor, wanted.price_minor);
    assert.equal(shopper.cookies.has('haggle_pins'), true);
  }
  for (const vid of ['', 'x', haggle_vid.toUpperCase().replace(/\d/g, 'A'), `${haggle_vid}0`, haggle_vid.slice(1), '\u00e4'.repeat(16),
    'f'.repeat(4000), '../../etc']) {
    const shopper = world.shopper({ haggle_vid: vid });
    const { status, price_minor, quote } = await shopper.price('OLIVE-500');
    assert.deepEqual([status, claimsOf(quote).p], [200, price_minor]);
    assert.match(shopper.cookies.get('haggle_vid'), /^[0-9a-f]{32}$/, `${vid} is no visitor of ours: a new name`);
  }
});

test('a bad experiment is refused with what was given and what is allowed', async () => {
  const one = otherExperiment('alicante', 'ALMOND-400', 1150);
  const put = (body, name = 'alicante') => world.admin('PUT', `/haggle/v1/experiments/${name}`, body);
  const arms = (...prices) => ({ ...one, arms: prices.map((price_minor, at) => ({ name: at ? `arm-${at}` : 'list', price_minor })) });
  const item = (change) => ({ ...one, item: { ...one.item, ...change } });
  for (const [body, ...says] of [
    [arms(1150, 1150), /1150 in both list and arm-1/, /different/], [arms(1150, -5), /-5/, /1 to 1000000000/], [arms(1150, 0), /is 0/, /1 to/],
    [arms(1150, 1_000_000_001), /1000000001/], [arms(1150), /arms is 1; it must be 2 to 64/],
    [arms(...Array.from({ length: 65 }, (_, at) => 1150 + at)), /65; it must be 2 to 64/],
    [arms(1150, 99.5), /99\.5/], [arms(1000, 1150), /1000; it must be the catalogue price 1150/],
    [{ ...one, floor: 0.6 }, /floor is 0\.6/, /0 to 0\.5000 with 2 arms/], [{ ...one, floor: -0.1 }, /-0\.1/],
    [{ ...one, holdout: 0.6 }, /holdout is 0\.6/, /0 to 0\.5/],
    [{ ...one, objective: 'profit' }, /item\.cost_minor is missing/, /not a cost of zero/],
    [{ ...item({ cost_minor: 1000 }), objective: 'profit' }, /920/, /above the unit cost of 1000/],
    [{ ...one, objective: 'margin' }, /margin/, /profit/], [{ ...one, control: 'nowhere' }, /"nowhere"/, /one of list, low/],
    [{ ...one, currency: 'euro' }, /"euro"/, /ISO 4217/],
    [item({ sku: 'a<b' }), /a<b/, /visible ASCII/], [item({ sku: '' }), /""/], [item({ price_minor: -1150 }), /-1150/],
    [item({ cost_minor: -1 }), /-1/],
    [{ ...one, policy: { name: 'greedy' } }, /greedy/, /thompson/],
    [{ ...one, policy: { name: 'fixed', shares: [0.5] } }, /1; it must be one for each of the 2 arms/],
    [{ ...one, policy: { name: 'fixed', shares: [0.9, 0.9] } }, /1\.8; it must be 1/], [{ ...one, prior: { alpha: 0, beta: 1 } }, /0/],
    [{ ...one, prior: { alpha: 1, beta: -1 } }, /-1/],
    [{ ...one, reward_window_hours: 0 }, /is 0; it must be 1 to 2160/], [{ ...one, document: 'wiki' }, /"wiki"/, /https/],
    [{ ...one, hypothesis: ' ' }, /0 characters/],
    [{ ...one, flor: 1 }, /flor/, /floor/], [{ ...one, arms: undefined }, /arms/], [{ ...one, arms: 'many' }, /many/], ['', /JSON/],
    ['{', /JSON/], ['[]', /JSON/], ['null', /JSON/],
    [`${'['.repeat(10_000)}`, /JSON/], [{ ...one, name: 'Alicante 1' }, /"Alicante 1"/, /small letters/],
    [{ ...one, name: 'murcia' }, /"murcia"; it must be "alicante"/],
  ]) assertRefused(await put(body), 400, ...says);
  assertRefused(await put(one, 'murcia'), 400, /must be "murcia"/);
  const tooLong = await world.admin('PUT', '/haggle/v1/experiments/alicante', ' '.repeat(524_289), ALONE);
  assertRefused(tooLong, 413, /at most 409600 bytes/);
  for (const name of ['%', '%zz', 'a/b', 'x'.repeat(2000), '%00', "a'b"]) assert.ok([400, 404].includes((await put(one, name)).status), name);
  const { experiments } = (await world.admin('GET', '/haggle/v1/experiments')).body;
  assert.deepEqual(experiments.map(({ name }) => name), ['sevilla'], 'nothing of that was taken');
});

test('the administration needs its bearer and its host, and says which methods it has', async () => {
  const routes = [['POST', '/haggle/v1/sync'], ['GET', '/haggle/v1/experiments'], ['PUT', '/haggle/v1/experiments/x'],
    ['DELETE', '/haggle/v1/experiments/x'], ['GET', '/haggle/v1/snapshot'],
    ['GET', '/haggle/v1/unit?visitor=x']];
  const { ADMIN_TOKEN, REWARDS_TOKEN } = world.edge.secrets;
  for (const [at, [method, path]] of routes.entries()) {
    for (const authorization of ['', 'Bearer ', `Bearer ${REWARDS_TOKEN}`, `Bearer ${ADMIN_TOKEN}0`, `Basic ${ADMIN_TOKEN}`]) {
      const headers = { authorization, 'cf-connecting-ip': `192.0.2.${at}` };
      assertRefused(await world.admin(method, path, undefined, { headers }), 401, /must be Bearer/);
    }
    const onShop = await world.admin(method, path, undefined, { host: 'shop.example' });
    assertRefused(onShop, 404, /no \/haggle/);
    assertRefused(await world.admin('PATCH', path), 405, /it must be/);
  }
  assertRefused(await world.admin('GET', '/haggle/v1/unit'), 400, /visitor is missing/);
  assertRefused(await world.admin('GET', '/haggle/v1/nothing'), 404, /nothing/);
  assert.equal('ledger' in (await world.admin('GET', '/haggle/health', undefined, { headers: { authorization: '' } })).body, false);
  for (const [method, path] of [['GET', '/haggle/v1/rewards'], ['PUT', '/haggle/v1/exposures'], ['POST', '/haggle/v1/price'],
    ['DELETE', '/haggle/health']]) {
    assertRefused(await world.admin(method, path, undefined, { host: 'shop.example' }), 405, /it must be (GET|POST)/);
  }
  assert.equal((await world.admin('GET', '/haggle/v1/experiments', undefined, { host: ADMIN_HOST.toUpperCase() })).status, 200,
    'host names know no case');
});
