/** The guessed demand: how many buy at which price, and what a visitor is worth there. */
import { lineChart } from '../../charts.js';
import { make } from '../../dom.js';
import { average, minorDigits, money, percent } from '../../format.js';
import { whatIf as words } from '../../words.js';

/** @param {HTMLElement} place */
export function demandChart(place) {
  /** @type {import('../../charts.js').Chart<import('../../charts.js').LineData> | null} */
  let chart = null;
  const best = make('p', { class: 'best' });
  place.append(best);
  /** @param {any} scenario @param {import('../what-if.js').Outlook} outlook */
  const update = (scenario, outlook) => {
    const { currency } = scenario, digits = minorDigits(currency), { arms, curve } = outlook;
    const points = drawn(outlook);
    const worth = scenario.objective === 'conversion' ? percent(arms.rate[outlook.best]) : average(arms.value[outlook.best], currency, digits);
    best.textContent = words.best(scenario.arms[outlook.best].name, money(arms.price_minor[outlook.best], currency, digits), worth, scenario.objective);
    const data = { title: words.curve, name: 'demand', currency, digits, x: { label: words.price, kind: /** @type {const} */ ('money'), values: points.map(({ price_minor }) => price_minor) },
      y: { label: words.buyers, kind: /** @type {const} */ ('percent') },
      series: [...(curve.rate.length ? [{ name: words.buyers, color: /** @type {const} */ ('ink'), values: points.map(({ rate }) => rate) }] : []),
        ...scenario.arms.map((/** @type {any} */ _, /** @type {number} */ arm) => ({ name: scenario.arms[arm].name, color: arm, style: /** @type {const} */ ('points'), values: points.map(({ rate, arms: here }) => (here.includes(arm) ? rate : NaN)) }))] };
    if (chart) chart.update(data);
    else chart = lineChart(place, data);
  };
  return { update, close: () => chart?.close() };
}

/** The curve with the arms on it, in the order of their prices. @param {import('../what-if.js').Outlook} outlook */
function drawn({ arms, curve }) {
  const prices = [...new Set([...curve.price_minor, ...arms.price_minor])].sort((one, other) => one - other);
  return prices.map((price_minor) => {
    const here = [...arms.price_minor.keys()].filter((arm) => arms.price_minor[arm] === price_minor);
    return { price_minor, arms: here, rate: here.length ? arms.rate[here[0]] : curve.rate[curve.price_minor.indexOf(price_minor)] };
  });
}
