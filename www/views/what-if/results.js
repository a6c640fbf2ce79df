/** What came of a simulation: a sentence for each policy, a table, regret and allocation over time. */
import { areaChart, lineChart } from '../../charts.js';
import { save } from '../../charts/save.js';
import { make } from '../../dom.js';
import { count, minorDigits, number, percent, sum } from '../../format.js';
import { whatIf as words } from '../../words.js';
import { policyLabel } from './form.js';

/** @typedef {{ scenario: any, outlook: import('../what-if.js').Outlook, found: import('../what-if.js').Found, seed: number, runs: number }} Shown */

export class Results {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    /** @type {Map<string, import('../../charts.js').Chart<any>>} */
    this.charts = new Map();
    /** @type {Shown | null} */
    this.shown = null;
    this.sentences = make('ul', { class: 'sentences', role: 'list' });
    this.table = make('div', { class: 'scroll', role: 'region', 'aria-label': words.compared, tabindex: 0 });
    this.regret = make('div');
    this.allocations = make('div', { class: 'columns' });
    this.again = make('p', { class: 'help' });
    const file = make('button', { type: 'button', class: 'quiet small' }, words.file);
    file.addEventListener('click', () => { if (this.shown) save('what-if.json', new Blob([this.shown.outlook.environment], { type: 'application/json' })); });
    place.append(make('section', {}, make('h2', {}, words.found), this.sentences, this.table, make('p', { class: 'help' }, words.tableHelp)),
      make('section', {}, make('h2', {}, words.regret), make('p', { class: 'help' }, words.regretHelp), this.regret),
      make('section', {}, make('h2', {}, words.allocation), make('p', { class: 'help' }, words.allocationHelp), this.allocations),
      make('section', {}, make('h2', {}, words.same), this.again, file));
  }

  /** @param {Shown} shown */
  show(shown) {
    this.shown = shown;
    const { scenario, outlook, found, seed, runs } = shown, digits = minorDigits(scenario.currency), isMoney = scenario.objective !== 'conversion';
    const amount = (/** @type {number} */ value, signed = false) => (isMoney ? `${signed && value > 0 ? '+' : ''}${sum(value * 10 ** digits, scenario.currency, digits)}` : `${signed && value > 0 ? '+' : ''}${number(value)}`);
    const best = scenario.arms[outlook.best].name;
    this.sentences.replaceChildren(...found.policies.map((one) => make('li', {}, make('strong', {}, policyLabel(one.policy)), ` ${sentence(one, best)}`)));
    this.table.replaceChildren(this.tableOf(found.policies, amount));
    this.drawRegret(found, scenario, digits, isMoney);
    this.drawAllocations(found, scenario);
    this.again.textContent = words.again(`haggle simulate what-if.json ${found.policies.map(({ policy }) => `--policy ${policy}`).join(' ')} --runs ${runs} --seed ${seed} --checkpoints ${found.days.length}`);
  }

  /** @param {import('../what-if.js').Compared[]} policies @param {(value: number, signed?: boolean) => string} amount */
  tableOf(policies, amount) {
    const days = (/** @type {import('../what-if.js').When} */ { runs, low, days: middle, high }) => (runs ? words.range(number(middle), number(low), number(high)) : '–');
    const rows = policies.map((one) => make('tr', { 'data-policy': one.policy }, make('th', { scope: 'row' }, policyLabel(one.policy)),
      ...[amount(one.earned), amount(one.to_equal, true), amount(one.lost), words.of(count(one.decided.runs), count(one.runs)), days(one.decided), words.of(count(one.right.runs), count(one.runs)),
        words.of(count(one.best_at_last), count(one.runs)), percent(one.best_arm_share)].map((text) => make('td', { class: 'number' }, text))));
    return make('table', {}, make('caption', { class: 'unseen' }, words.compared),
      make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, words.policy), ...words.columns.map((text) => make('th', { scope: 'col', class: 'number' }, text)))), make('tbody', {}, ...rows));
  }

  /** @param {import('../what-if.js').Found} found @param {any} scenario @param {number} digits @param {boolean} isMoney */
  drawRegret({ days, policies }, scenario, digits, isMoney) {
    const scaled = (/** @type {Float64Array} */ values) => (isMoney ? values.map((value) => value * 10 ** digits) : values);
    this.draw('regret', this.regret, lineChart, { title: words.regretTitle(scenario.objective), name: 'regret', currency: isMoney ? scenario.currency : undefined, digits,
      x: { label: words.day, kind: 'number', values: days }, y: { label: words.lost, kind: isMoney ? 'money' : 'number' }, note: words.band,
      series: policies.map(({ policy, regret }, at) => ({ name: policyLabel(policy), color: at, values: scaled(regret.mean), low: scaled(regret.low), high: scaled(regret.high) })) });
  }

  /** @param {import('../what-if.js').Found} found @param {any} scenario */
  drawAllocations({ days, policies }, scenario) {
    const now = new Set(policies.map(({ policy }) => `share ${policy}`));
    for (const [key, chart] of this.charts) {
      if (!key.startsWith('share ') || now.has(key)) continue;
      chart.close();
      chart.figure.parentElement?.remove();
      this.charts.delete(key);
    }
    for (const { policy, shares } of policies) {
      const key = `share ${policy}`, home = this.charts.get(key)?.figure.parentElement ?? make('div');
      if (!home.isConnected) this.allocations.append(home);
      this.draw(key, home, areaChart, { title: policyLabel(policy), name: `allocation-${policy}`, x: { label: words.day, kind: 'number', values: days }, y: { label: words.share, kind: 'percent' },
        series: shares.map((values, at) => ({ name: scenario.arms[at].name, color: at, values })) });
    }
  }

  /** @param {string} key @param {HTMLElement} home @param {(place: Element, data: any) => import('../../charts.js').Chart<any>} open @param {any} data */
  draw(key, home, open, data) {
    const chart = this.charts.get(key);
    if (chart) chart.update(data);
    else this.charts.set(key, open(home, data));
  }

  close() {
    for (const chart of this.charts.values()) chart.close();
  }
}

/** @param {import('../what-if.js').Compared} one @param {string} best name of the arm that really is */
function sentence({ policy, runs, right, decided, best_at_last }, best) {
  if (right.runs > 0) return words.right(number(right.days), count(right.runs), count(runs), best, count(decided.runs - right.runs));
  if (policy === 'fixed' || best_at_last > 0) return words.leads(count(best_at_last), count(runs), best);
  return words.never(count(runs));
}
