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
    const isCurve = curve.rate.length > 0, points = isCurve ? curve : sorted(arms);
    const worth = scenario.objective === 'conversion' ? percent(arms.rate[outlook.best]) : average(arms.value[outlook.best], currency, digits);
    best.textContent = words.best(scenario.arms[outlook.best].name, money(arms.price_minor[outlook.best], currency, digits), worth, scenario.objective);
    const data = { title: words.curve, name: 'demand', currency, digits, x: { label: words.price, kind: /** @type {const} */ ('money'), values: points.price_minor },
      y: { label: words.buyers, kind: /** @type {const} */ ('percent') },
      series: [{ name: words.buyers, color: /** @type {const} */ ('ink'), values: points.rate, style: isCurve ? /** @type {const} */ ('line') : /** @type {const} */ ('points') }],
      marks: scenario.arms.map((/** @type {any} */ arm, /** @type {number} */ at) => ({ x: arms.price_minor[at], text: arm.name })) };
    if (chart) chart.update(data);
    else chart = lineChart(place, data);
  };
  return { update, close: () => chart?.close() };
}

/** Charts want their prices in order. @param {import('../what-if.js').Points} points */
function sorted({ price_minor, rate }) {
  const order = [...price_minor.keys()].sort((one, other) => price_minor[one] - price_minor[other]);
  return { price_minor: order.map((at) => price_minor[at]), rate: order.map((at) => rate[at]) };
}
