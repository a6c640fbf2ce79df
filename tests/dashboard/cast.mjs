/**
 * The experiments of the seeded world: what they ask, how shoppers really take to their prices, and what is done to them
 * on the way. The first few are each in another state; the further ones are ordinary, so that there are many.
 */
import { stream } from '../shop/random.mjs';
import { CATALOGUE } from '../shop/server.mjs';

/**
 * @typedef {object} Step something that a person does
 * @property {number} at when, as a part of the experiment's time
 * @property {string} action of the lifecycle
 * @property {string} by
 * @property {string} reason
 * @property {Record<string, unknown>} [more] what the action needs beside who and why
 */

/**
 * @typedef {object} Role
 * @property {any} definition
 * @property {number} visitors a day
 * @property {{ reach: number, middle: number, width: number }} demand a visitor buys at a price with probability
 *   `reach / (1 + exp((price - middle) / width))`; in parts of the catalogue price where there are many items
 * @property {number} [days] how long before the end it starts, where it is not the whole time; 0: it stays a draft
 * @property {Step[]} [steps]
 * @property {{ arm: string, part: number }} [lost] exposures of an arm that no beacon reports
 * @property {[string, 'input' | 'output', number][]} [mismatches] places that did not show the price: in a day so many
 * @property {{ sku: string, price_minor: number, cost_minor: number, family: string }[]} [catalogue] where it has many items
 * @property {number} [delay_h] mean hours from the exposure to the order
 */

const SHOP = new Map(CATALOGUE.items.map((item) => [item.sku, item]));
const step = (at, action, by, reason, more = {}) => ({ at, action, by, reason, more });

/** A definition of one item with a price for each arm. */
function ofItem(name, sku, arms, hypothesis, changes = {}) {
  const { price_minor, cost_minor } = SHOP.get(sku) ?? { price_minor: 2400, cost_minor: 900 };
  return { name, hypothesis, document: `https://wiki.almazara.example/pricing/${name}`, author: 'maria', objective: 'profit', currency: 'EUR', holdout: 0.1,
    floor: 0.03, reward_window_hours: 168, salt: `${name}-2026`, control: 'list', policy: { name: 'thompson' }, item: { sku, price_minor, cost_minor },
    arms: Object.entries(arms).map(([arm, price]) => ({ name: arm, price_minor: price })), ...changes };
}

/** A definition over items of the seeded catalogue. */
function ofMany(name, brand, hypothesis, changes) {
  const { item: _item, ...rest } = ofItem(name, '', { list: 1 }, hypothesis);
  const arms = [['list', 1], ['less', 0.92], ['more', 1.09]].map(([arm, multiplier]) => ({ name: arm, multiplier }));
  return { ...rest, policy: { name: 'thompson' }, arms, scope: { where: { brand } }, ...changes };
}

/** Items of a brand, in families of two. @param {string} brand @param {number} count @param {number} at */
function items(brand, count, at) {
  const next = stream(11, at), code = brand.slice(0, 3).toUpperCase();
  return Array.from({ length: count }, (_, n) => {
    const price_minor = 900 + Math.floor(next() * 400) * 10;
    return { sku: `${code}-${String(n).padStart(3, '0')}`, brand, family: `${code}-F${n >> 1}`, price_minor, cost_minor: Math.floor(price_minor * 0.42), past: 2000 + Math.floor(next() * 4000) };
  });
}

/** @type {Role[]} */
const LEADING = [
  {
    definition: ofItem('sevilla', 'OLIVE-500', { friendly: 1600, list: 1900, delicacy: 2400, gift: 3000 },
      'Early-harvest oil is bought as a delicacy, not by the litre: at 24.00 nearly as many shoppers buy as at 19.00, and each sale earns half as much again.'),
    visitors: 1100, demand: { reach: 0.062, middle: 2900, width: 220 },
    steps: [
      step(0.2, 'set-floor', 'maria', 'gift gets too little to be judged; the floor goes up for two weeks', { floor: 0.05 }),
      step(0.45, 'add-arm', 'jonas', 'the competitor is at 20.90 since Monday', { arm: { name: 'market', price_minor: 2090 } }),
      step(0.6, 'pause-arm', 'maria', 'complaints about 30.00 in the shop in town', { arm: 'gift' }),
    ],
  },
  {
    definition: ofItem('kozani', 'SAFFRON-2', { pinch: 990, spoon: 1190, list: 1490 },
      'Saffron is a first purchase: we look for the price at which most visitors become customers, and expect it under ten euros.', { objective: 'conversion' }),
    visitors: 700, demand: { reach: 0.11, middle: 1250, width: 260 }, lost: { arm: 'pinch', part: 0.2 },
  },
  {
    definition: ofItem('napoli', 'OVEN-80', { garden: 169900, list: 189900, terrace: 219900, villa: 249900 },
      'Who builds a place for an oven has decided already: 2,199.00 loses few orders against 1,899.00 and pays for the delivery that we now give away.',
      { reward_window_hours: 336 }),
    visitors: 420, demand: { reach: 0.05, middle: 243000, width: 26000 }, days: 2, delay_h: 16,
  },
  {
    definition: ofItem('jerez', 'VINEGAR-250', { less: 1090, list: 1250, more: 1590 },
      'Reserva vinegar is compared with wine, not with vinegar: 15.90 earns a third more per visitor than 12.50.', { stop: { expected_loss_minor: 0.4, min_weeks: 1 } }),
    visitors: 900, demand: { reach: 0.09, middle: 2050, width: 260 },
  },
  {
    definition: ofItem('carrara', 'MORTAR-18', { list: 4900, less: 4400, more: 5500 },
      'A plain A/B/C test, as we did them before: is 49.00 too low for the mortar?', { policy: { name: 'fixed', shares: [0.4, 0.3, 0.3] } }),
    visitors: 420, demand: { reach: 0.05, middle: 5900, width: 420 }, mismatches: [['json-ld', 'input', 24], ['.sticky-bar .price', 'output', 9]],
  },
  {
    definition: ofItem('faro', 'HONEY-450', { list: 1390, less: 1190, more: 1590 }, 'Raw honey is a present in December: 15.90 sells as much as 13.90.'),
    visitors: 0, demand: { reach: 0, middle: 1, width: 1 }, days: 0,
  },
  {
    definition: ofItem('trapani', 'SALT-200', { list: 790, less: 690, more: 890 }, 'Salt is bought with something else: nobody leaves because of a euro.'),
    visitors: 500, demand: { reach: 0.1, middle: 1300, width: 120 },
    steps: [step(0.6, 'decide', 'jonas', 'more is the best price since the second week', { arm: 'more' }), step(0.7, 'archive', 'jonas', 'the new price is in the catalogue')],
  },
  {
    definition: ofItem('toledo', 'KNIFE-21', { apprentice: 8900, cook: 10900, list: 12900, master: 14900 },
      'Many cooks want the knife but stop at a hundred euros: below that line the orders more than make up for the lower price.',
      { objective: 'revenue', policy: { name: 'top_two_thompson' } }),
    visitors: 300, demand: { reach: 0.035, middle: 14000, width: 2600 }, delay_h: 20,
  },
  {
    definition: ofMany('jaen', 'Contoso', 'A tenth less for the oils of Contoso sells at least a fifth more, and so earns more.', { sample: { positive: 40, negative: 20, strata: 2 } }),
    visitors: 800, demand: { reach: 0.06, middle: 1.25, width: 0.16 }, catalogue: items('Contoso', 64, 1),
  },
  {
    definition: ofMany('cordoba', 'Northwind', 'Everybody sees one price, a day at a time: nine per cent more loses no basket.',
      { unit: 'item-period', period_hours: 24, washout_hours: 1, families: true, holdout: 0, floor: 0.1, sample: { positive: 40, negative: 10, strata: 1 } }),
    visitors: 0, demand: { reach: 6, middle: 1.3, width: 0.15 }, catalogue: items('Northwind', 50, 2),
  },
  {
    definition: ofItem('evora', 'HAM-7', { list: 38900, less: 35900, more: 41900 }, 'A whole ham is a feast: nobody counts thirty euros.'),
    visitors: 90, demand: { reach: 0.02, middle: 44000, width: 5000 }, delay_h: 40,
    steps: [step(0.8, 'stop', 'ines', 'the supplier has raised its price; until we know ours')],
  },
  {
    definition: ofItem('ronda', 'BOARD-45', { list: 7400, less: 6600, more: 7900 }, 'Olive wood sells by its grain, not by its price.', { policy: { name: 'thompson' } }),
    visitors: 240, demand: { reach: 0.03, middle: 8200, width: 1100 }, steps: [step(0.85, 'pause', 'maria', 'sold out until the next delivery')],
  },
];

const TOWNS = ['braga', 'gijon', 'lugo', 'murcia', 'nerja', 'olhao', 'palma', 'ragusa', 'siena', 'tavira', 'ubeda', 'vigo', 'zafra', 'amalfi', 'bari', 'cadiz'];
const POLICIES = ['thompson', 'top_two_thompson', 'discounted_thompson', 'contrast_thompson', 'thompson'];
const TAKEN = new Set(LEADING.map(({ definition }) => definition.item?.sku));
const FREE = CATALOGUE.items.filter(({ sku }) => !TAKEN.has(sku)).map(({ sku }) => sku);

/** An ordinary experiment. @param {number} at @returns {Role} */
function ordinary(at) {
  const next = stream(17, at), sku = FREE[at] ?? `SEED-${at}`, town = TOWNS[at % TOWNS.length] + (at < TOWNS.length ? '' : `-${Math.floor(at / TOWNS.length) + 1}`);
  const { price_minor } = SHOP.get(sku) ?? { price_minor: 2400 };
  const part = (share) => Math.round((price_minor * share) / 10) * 10;
  const definition = ofItem(town, sku, { list: price_minor, less: part(0.9), more: part(1.12) }, `The catalogue price of ${sku} is a guess of years ago; twelve per cent more loses few orders.`,
    { policy: { name: POLICIES[at % POLICIES.length] } });
  return { definition, visitors: 100 + Math.floor(next() * 500), demand: { reach: 0.03 + next() * 0.05, middle: price_minor * (1 + next() * 0.4), width: price_minor * (0.1 + next() * 0.12) } };
}

/** So many experiments. @param {number} count @returns {Role[]} */
export const cast = (count) => Array.from({ length: count }, (_, at) => LEADING[at] ?? ordinary(at - LEADING.length));

/**
 * A role with so many arms, all of one item, as the largest experiment has them.
 * @param {string} name
 * @param {number} arms
 * @returns {Role}
 */
export function large(name, arms) {
  const prices = Object.fromEntries(Array.from({ length: arms }, (_, at) => [at === 10 ? 'list' : `p-${at}`, 1400 + at * 50]));
  return { definition: ofItem(name, 'OLIVE-500', prices, 'Every half euro is tried.', { floor: 0.005 }), visitors: 6000, demand: { reach: 0.06, middle: 2750, width: 330 } };
}
