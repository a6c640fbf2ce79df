/**
 * Whether a page that was served with another price is the shop's page with that price and no other change.
 *
 * Shares nothing with what wrote the page: its own parser (cheerio over parse5), its own reading of numbers.
 */
import { load } from 'cheerio';

const TAG = /<script type="module" src="\/haggle\/haggle\.js" data-haggle='[^']*'><\/script>$/;
const FIELD = /<input type="hidden" name="(?:properties\[_)?haggle_quote\]?" value="[\w-]+\.[\w-]+\.[\w-]+">/g;

/** A number with its groups and decimals; of bytes, a no-break space is one byte, two, or an entity. */
const NUMBER = /\d+(?:(?:[.,'’]|(?: |\u00c2?\u00a0|&nbsp;)(?=\d{3}(?!\d)))\d+)*/g;

/**
 * @typedef {object} Change
 * @property {string} old number
 * @property {string} new
 */

/**
 * @typedef {object} Prices
 * @property {number} from in minor units
 * @property {number} to in minor units
 * @property {number} digits minor digits of the currency
 */

/**
 * Two texts that may differ in numbers only.
 * @param {string} origin
 * @param {string} served
 * @returns {Change[] | string} the numbers that differ, or where something else does
 */
export function numbersThatDiffer(origin, served) {
  if (origin === served) return [];
  const [old, now] = [origin, served].map((text) => ({ numbers: text.match(NUMBER) ?? [], between: text.split(NUMBER) }));
  const at = old.between.findIndex((text, i) => text !== now.between[i]);
  if (at >= 0 || old.between.length !== now.between.length) {
    const around = ({ between, numbers }) => JSON.stringify([numbers[at - 1], between[at], numbers[at]]).slice(0, 200);
    return `${around(now)} instead of ${around(old)}`;
  }
  return old.numbers.map((number, i) => ({ old: number, new: now.numbers[i] })).filter((change) => change.old !== change.new);
}

/**
 * What a number can be worth in minor units, by how it is read.
 * @param {string} number
 * @param {number} digits
 */
function readings(number, digits) {
  const plain = number.replace(/[^\d]/g, '');
  const [, decimals] = /[.,](\d+)$/.exec(number) ?? [];
  const isGrouped = /^\d{1,3}([.,' ’]|\u00c2?\u00a0|&nbsp;)\d{3}(\1\d{3})*$/.test(number);
  const whole = Number(plain) * 10 ** digits;
  return {
    decimal: decimals ? Math.round((Number(plain) / 10 ** decimals.length) * 10 ** digits * 1e4) / 1e4 : NaN,
    integer: isGrouped || plain === number ? whole : NaN,
    minor: plain === number ? Number(plain) : NaN,
  };
}

/**
 * Whether a number that was the old price is the new one.
 * @param {Change} change
 * @param {Prices} prices
 * @param {boolean} [split] whole units and minor units may stand apart
 */
export function isRepriced(change, { from, to, digits }, split = false) {
  const [old, now] = [readings(change.old, digits), readings(change.new, digits)];
  if (old.decimal === from) return now.decimal === to || (now.integer === to && !/[.,]/.test(change.new));
  if (old.integer === from) return now.integer === to || now.decimal === to;
  if (old.minor === from) return now.minor === to;
  const [whole, rest] = [from, to].map((minor) => String(minor).padStart(digits + 1, '0')).map((text) => [text.slice(0, -digits), text.slice(-digits)])
    .reduce(([a], [b, c], i, all) => (i ? [[all[0][0], b], [all[0][1], c]] : [[b]]), [[]]);
  const is = (pair) => change.old.replace(/\D/g, '') === pair[0] && change.new.replace(/\D/g, '') === pair[1];
  return split && (is(whole) || is(rest));
}

/** The page as it came from the shop's server, but for its prices. @param {string} served */
export function withoutOurs(served) {
  return { tags: TAG.test(served) ? 1 : 0, page: served.replace(TAG, '').replace(FIELD, ''), fields: (served.match(FIELD) ?? []).length };
}

/** All nodes of a document, in its order. */
function flat(document) {
  const nodes = [];
  (function walk(node) {
    nodes.push(node);
    node.children?.forEach(walk);
  })(document);
  return nodes;
}

/**
 * Two documents that may differ in numbers only.
 * @returns {{ place: object, name: string, changes: Change[] }[] | string} texts and attributes that differ, or what else does
 */
function placesThatDiffer(origin, served) {
  const [old, now] = [flat(origin), flat(served)];
  if (old.length !== now.length) return `${now.length} nodes instead of ${old.length}`;
  const places = [];
  for (const [i, node] of old.entries()) {
    const other = now[i];
    if (node.type !== other.type || node.name !== other.name) return `a ${other.type} ${other.name} instead of a ${node.type} ${node.name}`;
    const values = { ...node.attribs, ...(node.data === undefined ? {} : { '': node.data }) };
    const others = { ...other.attribs, ...(other.data === undefined ? {} : { '': other.data }) };
    if (Object.keys(values).join('\n') !== Object.keys(others).join('\n')) return `other attributes of ${node.name}`;
    for (const [name, value] of Object.entries(values)) {
      const changes = numbersThatDiffer(value, others[name]);
      if (typeof changes === 'string') return `${node.name ?? node.parent?.name} ${name}: ${changes}`;
      if (changes.length) places.push({ place: node, name, changes });
    }
  }
  return places;
}

/** `$.offers[0].price` of a document of JSON. @param {string} json @param {string} path */
function byPath(json, path) {
  const steps = path.slice(1).match(/[^.[\]]+/g) ?? [];
  return steps.reduce((value, step) => value?.[step], JSON.parse(json));
}

const isJsonLd = (script) => /ld\+json/.test(script.attribs.type ?? '');

/** The scripts of a page as the manifest counts them: structured data apart. */
function scriptsOf($) {
  const scripts = $('script').toArray();
  return { data: scripts.filter(isJsonLd), code: scripts.filter((script) => !isJsonLd(script)) };
}

/**
 * Where a surface of the manifest stands in a document.
 * @returns {{ node: object, name?: string, text: string }} the element (text), or its attribute, or its script, and what stands there
 */
function find($, surface) {
  const [, kind, at, path] = /^(ld\+json|script)\[(\d+)\](?: (\$.*))?/.exec(surface.path ?? '') ?? [];
  if (kind) {
    const { data, code } = scriptsOf($);
    const node = (kind === 'script' ? code : data)[Number(at)];
    const text = $(node).text();
    return { node, text: path ? JSON.stringify(byPath(text, path)) : text, isData: true };
  }
  const element = $(surface.selector).eq(surface.index);
  const node = element.get(0);
  const isContent = surface.kind === 'meta' || (surface.kind === 'microdata' && element.attr('content') !== undefined);
  const name = surface.attr ?? (isContent ? 'content' : undefined);
  if (!name) return { node, text: element.text() };
  const value = element.attr(name) ?? '';
  return { node, name, text: surface.path ? JSON.stringify(byPath(value, surface.path)) : value };
}

/** The price as a surface of the manifest has it, as often as it stands in a text. */
const count = (text, part) => text.split(part).length - 1;

/**
 * What is wrong with one surface of the manifest in the served page; nothing where it shows the new price.
 * @param {object} surface
 * @param {{ text: string }} old
 * @param {{ text: string }} now
 * @param {number} alike surfaces of the manifest with this text in the same script
 */
function problemOf(surface, old, now, alike) {
  if (surface.kind === 'hydration') {
    const [left, before] = [count(now.text, surface.text), count(old.text, surface.text)];
    return before - left >= alike ? undefined : `${left} of ${before} still say ${surface.text}`;
  }
  const changes = numbersThatDiffer(old.text, now.text);
  if (typeof changes === 'string') return changes;
  if (!changes.length) return `still ${JSON.stringify(now.text.trim().slice(0, 60))}`;
  return changes.every((change) => isRepriced(change, surface.prices, surface.split)) ? undefined : JSON.stringify(changes);
}

/**
 * Compares a served page with the shop's.
 * @param {Buffer} origin
 * @param {Buffer} served
 * @param {{ charset?: string, surfaces: (object & { prices: Prices })[], also?: number }} about surfaces: those of the
 *   manifest, with the prices of the item of each, that have to show the new one; also: further numbers of scripts
 * @returns {{ problems: string[], numbers: number, places: number }}
 */
export function comparePages(origin, served, { charset = 'utf-8', surfaces, also = 0 }) {
  const problems = [];
  const ours = withoutOurs(served.toString('latin1'));
  if (!ours.tags) problems.push('no tag of the client at the end');
  const numbers = numbersThatDiffer(origin.toString('latin1'), ours.page);
  if (typeof numbers === 'string') return { problems: [`bytes: ${numbers}`], numbers: 0, places: 0 };
  const isAnItems = (change) => surfaces.some(({ prices, split }) => isRepriced(change, prices, split));
  problems.push(...numbers.filter((change) => !isAnItems(change)).map((change) => `bytes: ${change.old} became ${change.new}`));

  const [$origin, $served] = [origin, Buffer.from(ours.page, 'latin1')].map((bytes) => load(new TextDecoder(charset).decode(bytes)));
  const places = placesThatDiffer($origin.root().get(0), $served.root().get(0));
  if (typeof places === 'string') return { problems: [...problems, `document: ${places}`], numbers: numbers.length, places: 0 };

  const allowed = surfaces.map((surface) => {
    const old = find($origin, surface);
    const alike = surfaces.filter((other) => other.path === surface.path && other.text === surface.text && other.kind === surface.kind).length;
    const problem = problemOf(surface, old, find($served, surface), alike);
    if (problem) problems.push(`${surface.kind} ${surface.selector ?? ''} ${surface.path ?? ''}: ${problem}`);
    return old;
  });
  const isAllowed = ({ place, name }) => allowed.some((surface) => (name ? surface.node === place && surface.name === name
    : !surface.name && flat(surface.node).includes(place)));
  const inScript = ({ place, name }) => !name && place.parent?.name === 'script';
  // In a script, as many numbers as the manifest has surfaces there.
  const extra = places.filter((place) => inScript(place)).map((place) => {
    const expected = allowed.filter((surface) => surface.node === place.place.parent).length;
    return Math.max(0, place.changes.length - expected);
  }).reduce((sum, more) => sum + more, 0);
  if (extra !== also) problems.push(`${extra} further numbers in scripts, not ${also}`);
  for (const place of places.filter((place) => !inScript(place) && !isAllowed(place))) {
    problems.push(`changed, and no surface: ${place.place.name ?? place.place.parent?.name} ${place.name} ${JSON.stringify(place.changes)}`);
  }
  return { problems, numbers: numbers.length, places: places.length };
}
