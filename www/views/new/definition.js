/** The form as a definition, as the API and the core read it, and back. What is missing is left to the core to refuse. */
import { major, minorOf, numberOf, perCent, put, textOf } from '../../fields.js';
import { guardrailsOf, putGuardrails } from '../../guardrails.js';

/** What a new experiment begins with. */
const BLANK = { objective: 'profit', currency: 'EUR', unit: 'visitor', holdout: 0.1, floor: 0.02, policy: { name: 'thompson' }, reward_window_hours: 168, stop: { min_weeks: 2 },
  item: {}, control: 'list', arms: [{ name: 'list' }, { name: 'low' }] };

/** Without what is empty. @param {Record<string, unknown>} all @returns {Record<string, unknown> | undefined} */
function given(all) {
  const fields = Object.entries(all).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return fields.length > 0 ? Object.fromEntries(fields) : undefined;
}

/** Lines without empty ones. @param {string} text */
const lines = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** `brand = Fabrikam, Contoso` or `price_minor = 500..5000`, one a line. @param {string} text @returns {Record<string, unknown>} */
function conditions(text) {
  return Object.fromEntries(lines(text).map((line) => {
    const [column, value = ''] = line.split(/=(.*)/s).map((part) => part.trim()), range = /^(-?\d*)\.\.(-?\d*)$/.exec(value);
    if (range) return [column, given({ from: range[1] && Number(range[1]), to: range[2] && Number(range[2]) }) ?? {}];
    const values = value.split(',').map((one) => one.trim());
    return [column, values.length > 1 ? values : value];
  }));
}

/** @param {any} where @returns {string} */
const conditionsText = (where) => Object.entries(where).map(([column, test]) => {
  if (Array.isArray(test)) return `${column} = ${test.join(', ')}`;
  return `${column} = ${typeof test === 'object' ? `${test.from ?? ''}..${test.to ?? ''}` : test}`;
}).join('\n');

/** @param {ParentNode} form */
function scopeOf(form) {
  switch (textOf(form, 'which')) {
    case 'items': return { items: lines(textOf(form, 'scope.items')) };
    case 'where': return { where: conditions(textOf(form, 'scope.where')) };
    default: return { items: 'all' };
  }
}

/** @param {import('./form.js').Form} wizard @param {Record<string, any>} base what is not asked for stays @returns {Record<string, any>} */
export function read({ element: form, advanced }, base) {
  const text = (/** @type {string} */ path) => textOf(form, path), isItem = /** @type {HTMLInputElement} */ (form.querySelector('[name="goods"][value="item"]')).checked;
  const currency = text('currency'), digits = digitsOf(currency), unit = text('unit'), tax = numberOf(form, 'item.tax_rate', 0.01);
  const price = isItem ? 'price_minor' : 'multiplier';
  const arms = [...form.querySelectorAll('.arms-form tbody tr')].map((_, at) => ({ name: text(`arms[${at}].name`),
    [price]: isItem ? minorOf(form, `arms[${at}].${price}`, digits) : numberOf(form, `arms[${at}].${price}`), ...column(base, at, isItem) }));
  const goods = isItem
    ? { item: { ...given({ ...base.item, price_includes_tax: tax === null ? null : true, tax_rate: tax, cost_minor: minorOf(form, 'item.cost_minor', digits) }), sku: text('item.sku'), price_minor: minorOf(form, 'item.price_minor', digits) } }
    : { scope: { ...given({ exclude: base.scope?.exclude }), ...scopeOf(form) }, sample: { strata: base.sample?.strata ?? 4, ...given({ positive: numberOf(form, 'sample.positive') }), negative: numberOf(form, 'sample.negative') ?? 0 } };
  const { item: _item, scope: _scope, sample: _sample, ...rest } = base;
  const days = numberOf(form, 'reward_window_hours', 24);
  const all = { ...rest, name: text('name'), hypothesis: text('hypothesis'), document: text('document'), author: text('author') || null, objective: text('objective'), currency,
    start: text('start') || null, end: text('end') || null, unit, ...goods, arms, control: arms[0]?.name ?? '', holdout: unit === 'visitor' ? numberOf(form, 'holdout', 0.01) : null, floor: numberOf(form, 'floor', 0.01),
    period_hours: unit === 'item-period' ? numberOf(form, 'period_hours') : null, washout_hours: unit === 'item-period' ? numberOf(form, 'washout_hours') : null,
    ...advanced.read(form), reward_window_hours: days, stop: given({ min_weeks: numberOf(form, 'stop.min_weeks'), expected_loss_minor: numberOf(form, 'stop.expected_loss_minor') }),
    guardrails: given(guardrailsOf(form, digits)), salt: base.name === text('name') && base.salt ? base.salt : text('name') };
  // What is missing has its default, or is missed by the core.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

/** An arm that takes its prices from a column of the catalogue keeps it. @param {Record<string, any>} base @param {number} at @param {boolean} isItem */
function column(base, at, isItem) {
  const name = isItem ? undefined : base.arms?.[at]?.column;
  return name ? { column: name, multiplier: undefined } : {};
}

/** @param {string} currency @returns {number} of the minor unit */
function digitsOf(currency) {
  try {
    return new Intl.NumberFormat(undefined, { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** @param {import('./form.js').Form} wizard @param {any} definition null: a new one @param {string} name what it is called; a copy has no name yet */
export function fill(wizard, definition, name) {
  const form = wizard.element, one = definition ?? BLANK, digits = digitsOf(one.currency), amount = (/** @type {number | undefined} */ minor) => major(minor, digits);
  const { item = {}, scope = {}, sample = {}, guardrails = {}, stop = {} } = one, isItem = !one.scope;
  wizard.isItem = isItem;
  const which = scope.where ? 'where' : Array.isArray(scope.items) ? 'items' : 'all', date = (/** @type {string | undefined} */ at) => at?.slice(0, 10) ?? '';
  const values = { name, hypothesis: one.hypothesis, document: one.document, author: one.author, objective: one.objective, currency: one.currency, unit: one.unit ?? 'visitor', start: date(one.start), end: date(one.end),
    'item.sku': item.sku, 'item.price_minor': amount(item.price_minor), 'item.cost_minor': amount(item.cost_minor), 'item.tax_rate': perCent(item.tax_rate), which,
    'scope.items': which === 'items' ? scope.items.join('\n') : '', 'scope.where': which === 'where' ? conditionsText(scope.where) : '', 'sample.positive': sample.positive, 'sample.negative': sample.negative,
    period_hours: one.period_hours ?? 24, washout_hours: one.washout_hours ?? 0, holdout: perCent(one.holdout ?? 0.1), floor: perCent(one.floor ?? 0.02), 'policy.name': one.policy.name,
    reward_window_hours: (one.reward_window_hours ?? 168) / 24, 'stop.min_weeks': stop.min_weeks ?? '', 'stop.expected_loss_minor': stop.expected_loss_minor ?? '' };
  for (const [path, value] of Object.entries(values)) put(form, path, value);
  putGuardrails(form, guardrails, digits);
  wizard.advanced.fill(form, one);
  wizard.arms.replaceChildren();
  const sorted = [...one.arms].sort((a, b) => Number(b.name === one.control) - Number(a.name === one.control));
  for (const arm of sorted) wizard.addArm(arm.name, isItem ? amount(arm.price_minor) : arm.multiplier ?? '');
  wizard.adjust();
}
