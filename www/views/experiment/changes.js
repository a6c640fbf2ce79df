/**
 * What an intervention changed, in words: before and after of each field that differs.
 */
import { count, dateTime, number, percent } from '../../format.js';
import { experiment as words } from '../../words.js';

/** Longer texts are cut. */
const CHARS_MAX = 120;

/** @param {unknown} value @returns {string} */
function short(value) {
  if (value === undefined || value === null) return words.nothing;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > CHARS_MAX ? `${text.slice(0, CHARS_MAX)}…` : text;
}

/** How fields are written whose values say little by themselves. @type {Record<string, (value: any, terms: import('./terms.js').Terms) => string>} */
const WRITTEN = {
  floor: (value) => percent(value),
  holdout: (value) => percent(value),
  end: (value) => (value ? dateTime(Date.parse(value)) : words.open),
  start: (value) => (value ? dateTime(Date.parse(value)) : words.nothing),
  stopped: (value) => (value ? words.yes : words.no),
  held: (value) => (value ? words.yes : words.no),
  state: (value) => words.states[/** @type {keyof typeof words.states} */ (value)] ?? short(value),
  decision: (value) => (value ? words.decisionText(String(value.arm), String(value.rule ?? '')) : words.nothing),
  policy: (value) => short(value?.name),
  groups: (value) => words.groups(count(value?.positive), count(value?.negative)),
  imported: (value) => (value ? words.yes : words.no),
};

/** What a start says of every experiment. @param {string} name @param {any} value */
const isNoNews = (name, value) => (name === 'imported' && value === false) || (name === 'groups' && value?.positive === 1 && value.negative === 0);

/** Amounts among the guardrails; the rest are parts or lists. @param {string} name @param {any} value @param {import('./terms.js').Terms} terms */
function guardrail(name, value, terms) {
  if (value === undefined || value === null) return words.nothing;
  if (name.endsWith('_minor')) return terms.money(value);
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'number' ? percent(value) : short(value);
}

/** @param {any[]} before @param {any[]} after @param {import('./terms.js').Terms} terms @returns {string[]} */
function ofArms(before, after, terms) {
  const known = new Map(before.map((arm) => [arm.name, arm]));
  return after.flatMap((arm) => {
    const was = known.get(arm.name);
    if (!was) return [words.armAdded(arm.name, terms.price(arm))];
    const [from, to] = [was.state ?? 'live', arm.state ?? 'live'];
    const name = (/** @type {string} */ state) => words.armStates[/** @type {keyof typeof words.armStates} */ (state)] ?? state;
    const moved = from === to ? [] : [words.became(words.armNamed(arm.name), name(from), name(to))];
    const [low, high] = [terms.price(was), terms.price(arm)];
    return low === high ? moved : [...moved, words.became(words.armNamed(arm.name), low, high)];
  });
}

/**
 * @param {{ before: any, after: any }} intervention
 * @param {import('./terms.js').Terms} terms
 * @returns {string[]} one sentence for each field that differs
 */
export function changes({ before, after }, terms) {
  const [was, is] = [before ?? {}, after ?? {}];
  if (typeof was !== 'object' || typeof is !== 'object') return [words.became('', short(was), short(is))];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => JSON.stringify(was[name]) !== JSON.stringify(is[name]) && !isNoNews(name, is[name]));
  return names.flatMap((name) => {
    const [one, other] = [was[name], is[name]];
    if (name === 'arms' && Array.isArray(one) && Array.isArray(other)) return ofArms(one, other, terms);
    const label = words.fields[/** @type {keyof typeof words.fields} */ (name)] ?? name.replaceAll('_', ' ');
    if (name === 'guardrails') return ofGuardrails(one ?? {}, other ?? {}, terms);
    const write = WRITTEN[name] ?? ((value) => (typeof value === 'number' ? number(value) : short(value)));
    return [one === undefined ? words.set(label, write(other, terms)) : words.became(label, write(one, terms), write(other, terms))];
  });
}

/** @param {any} before @param {any} after @param {import('./terms.js').Terms} terms @returns {string[]} */
function ofGuardrails(before, after, terms) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return names.map((name) => words.became(words.fields[/** @type {keyof typeof words.fields} */ (name)] ?? name.replaceAll('_', ' '),
    guardrail(name, before[name], terms), guardrail(name, after[name], terms)));
}
