/**
 * JSON Schema (2020-12) as far as www/openapi.json uses it. What it does not know it refuses, so that no rule of the
 * document goes unchecked.
 */

const ANNOTATIONS = new Set(['description', 'summary', 'title', 'example', 'examples', 'default', 'format', 'readOnly', 'deprecated']);

/** @param {unknown} value @returns {string} */
function typeOf(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

const bound = (holds, what) => (value, limit) => (holds(value, limit) ? [] : [`${what} ${JSON.stringify(limit)}`]);
const size = (value) => (typeof value === 'string' ? [...value].length : value.length);

/** What each keyword says of a value of its type; others are none of its business. */
const RULES = {
  minimum: ['number', bound((value, limit) => value >= limit, 'must be at least')],
  maximum: ['number', bound((value, limit) => value <= limit, 'must be at most')],
  minLength: ['string', bound((value, limit) => size(value) >= limit, 'is shorter than')],
  maxLength: ['string', bound((value, limit) => size(value) <= limit, 'is longer than')],
  minItems: ['array', bound((value, limit) => size(value) >= limit, 'has fewer than')],
  maxItems: ['array', bound((value, limit) => size(value) <= limit, 'has more than')],
  pattern: ['string', bound((value, limit) => new RegExp(limit, 'u').test(value), 'does not match')],
};

/**
 * What is wrong with a value, each with its place; nothing where it is as the schema says.
 * @param {any} document that references point into
 * @param {any} schema
 * @param {any} value
 * @param {string} [at]
 * @returns {string[]}
 */
export function wrongIn(document, schema, value, at = '$') {
  if (schema.$ref) return wrongIn(document, resolved(document, schema.$ref), value, at);
  const type = typeOf(value), wrong = [];
  for (const [keyword, rule] of Object.entries(schema)) {
    const within = (inner, one, where) => wrongIn(document, inner, one, where);
    if (keyword === 'type') {
      const allowed = [rule].flat();
      if (!allowed.includes(type) && !(type === 'integer' && allowed.includes('number'))) wrong.push(`${at} is ${type}; it must be ${allowed}`);
    } else if (keyword === 'enum') {
      if (!rule.includes(value)) wrong.push(`${at} is ${JSON.stringify(value)}; it must be one of ${rule}`);
    } else if (keyword === 'const') {
      if (rule !== value) wrong.push(`${at} is ${JSON.stringify(value)}; it must be ${JSON.stringify(rule)}`);
    } else if (keyword === 'oneOf') {
      const each = rule.map((one) => within(one, value, at));
      const fit = each.filter((errors) => errors.length === 0).length;
      if (fit !== 1) wrong.push(`${at} fits ${fit} of ${rule.length}: ${each.flat()}`);
    } else if (keyword === 'required') {
      if (type === 'object') wrong.push(...rule.filter((name) => !(name in value)).map((name) => `${at}.${name} is missing`));
    } else if (keyword === 'properties') {
      if (type === 'object') wrong.push(...Object.entries(rule).flatMap(([name, inner]) => (name in value ? within(inner, value[name], `${at}.${name}`) : [])));
    } else if (keyword === 'additionalProperties') {
      const more = type === 'object' ? Object.keys(value).filter((name) => !(name in (schema.properties ?? {}))) : [];
      if (rule === false) wrong.push(...more.map((name) => `${at}.${name} is not known`));
      else if (rule !== true) wrong.push(...more.flatMap((name) => within(rule, value[name], `${at}.${name}`)));
    } else if (keyword === 'items') {
      if (type === 'array') wrong.push(...value.flatMap((one, place) => within(rule, one, `${at}[${place}]`)));
    } else if (keyword in RULES) {
      const [of, check] = RULES[keyword];
      if (type === of || (of === 'number' && type === 'integer')) wrong.push(...check(value, rule).map((why) => `${at} ${why}`));
    } else if (!ANNOTATIONS.has(keyword)) {
      throw new Error(`keyword ${keyword} of a schema is not known here`);
    }
  }
  return wrong;
}

/** @param {any} document @param {string} reference @returns {any} */
export function resolved(document, reference) {
  const found = reference.split('/').slice(1).reduce((part, name) => part?.[name.replace(/~1/g, '/').replace(/~0/g, '~')], document);
  if (!reference.startsWith('#/') || found === undefined) throw new Error(`${reference} is not in the document`);
  return found;
}
