/**
 * What the charts do with numbers before they draw them, and how numbers are written: no browser is needed for that.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { columns } from '../../www/charts/columns.js';
import { csv } from '../../www/charts/save.js';
import { ago, average, count, duration, minorDigits, money, NOTHING, percent, probability, share, TOTAL } from '../../www/format.js';
import { stream } from '../shop/random.mjs';

const WIDTH = 800;

/** Random walks with gaps at their beginning. @param {number} lines @param {number} points @param {number} [seed] */
function walks(lines, points, seed = 1) {
  const next = stream(seed, 1), xs = Array.from({ length: points }, (_, at) => at * 3_600_000);
  const series = Array.from({ length: lines }, (_, at) => {
    let value = at;
    const values = xs.map((_x, x) => { value += next() - 0.5; return x < at ? NaN : value; });
    return { name: `arm ${at}`, color: at, values, low: values.map((one) => one - 1), high: values.map((one) => one + 1) };
  });
  return { title: '', name: '', x: { label: '', kind: 'time', values: xs }, y: { label: '', kind: 'number' }, series };
}
const known = (values) => values.filter((value) => value !== null && Number.isFinite(value));

test('few points are drawn as they are, and what is unknown is a gap', () => {
  const data = walks(3, 500), { xs, series } = columns(data, { isStacked: false, width: WIDTH, hidden: new Set(['arm 1']) });
  assert.deepEqual(xs, data.x.values);
  assert.deepEqual(series.map(({ at }) => at), [0, 2]);
  assert.deepEqual(series[1].values, data.series[2].values.map((value) => (Number.isNaN(value) ? null : value)));
});

test('many points become at most two for each column of pixels, and no peak is lost', () => {
  for (const [lines, points] of [[2, 20_000], [12, 5000], [50, 2000]]) {
    const data = walks(lines, points, points), { xs, series } = columns(data, { isStacked: false, width: WIDTH, hidden: new Set() });
    assert.ok(xs.length <= 2 * (WIDTH + 1) && xs.length * lines <= 31_000, `${lines} lines of ${xs.length} points`);
    assert.ok(xs.every((x, at) => at === 0 || x > xs[at - 1]), 'in their order');
    assert.equal(series.some(({ low }) => low), lines <= 12, 'twelve bands at most');
    for (const { at, values, low, high } of series) {
      const all = known(data.series[at].values);
      assert.equal(values.length, xs.length);
      assert.deepEqual([Math.min(...known(values)), Math.max(...known(values))], [Math.min(...all), Math.max(...all)]);
      if (low && high) assert.deepEqual([Math.min(...known(low)), Math.max(...known(high))], [Math.min(...all) - 1, Math.max(...all) + 1]);
    }
  }
});

test('shares stand on each other up to all of them, whoever is hidden', () => {
  const data = walks(5, 300);
  for (const one of data.series) one.values = one.values.map((value) => Math.abs(value || 0) + 0.1);
  for (const hidden of [[], ['arm 0'], ['arm 2', 'arm 4']]) {
    const { xs, series } = columns(data, { isStacked: true, width: WIDTH, hidden: new Set(hidden) });
    xs.forEach((_, x) => {
      assert.equal(series[0].low[x], 0);
      series.forEach(({ low, high }, at) => assert.ok(low[x] <= high[x] && (at === 0 || low[x] === series[at - 1].high[x])));
      assert.ok(Math.abs(series.at(-1).high[x] - 1) < 1e-12);
    });
  }
  const nobody = columns({ ...data, series: data.series.map((one) => ({ ...one, values: [0] })), x: { ...data.x, values: [0] } }, { isStacked: true, width: WIDTH, hidden: new Set() });
  assert.deepEqual(nobody.series.map(({ values }) => values), [[null], [null], [null], [null], [null]]);
});

test('CSV comes back as it was, and no text in it is a formula', () => {
  const next = stream(7, 1), letters = [...'a"\r\n,;=+-@\t’€ '];
  const text = () => Array.from({ length: Math.floor(next() * 9) }, () => letters[Math.floor(next() * letters.length)]).join('');
  for (let time = 0; time < 500; time += 1) {
    const rows = Array.from({ length: 3 }, () => [text(), next() * 1e6 - 5e5, text()]), fields = [...`${csv(rows)}`.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)];
    assert.equal(fields.length, 9);
    fields.forEach(([, quoted, plain], at) => {
      const cell = rows[Math.floor(at / 3)][at % 3], read = quoted === undefined ? plain : quoted.replaceAll('""', '"');
      if (typeof cell === 'number') assert.equal(Number(read), cell);
      else assert.equal(read, /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);
    });
  }
});

test('numbers are written so that nothing is lost that counts, and what is unknown is a dash', () => {
  assert.deepEqual([money(1999, 'EUR', 2), money(-5, 'EUR', 2), money(1999, 'JPY', 0), money(12_345, 'KWD', 3)].map((text) => text.replaceAll('\u00a0', ' ')), ['€19.99', '-€0.05', '¥1,999', 'KWD 12.345']);
  assert.deepEqual([19.7781, 1234.5, 0.0123, 0.00001, 0, -3.1].map((minor) => average(minor, 'EUR', 2)), ['€0.198', '€12.35', '€0.00012', '€0.00', '€0.00', '-€0.0310']);
  assert.deepEqual([average(5, 'EUR', 2, true), average(0, 'EUR', 2, true)], ['+€0.0500', '€0.00']);
  assert.deepEqual([percent(0.1234), percent(0.5, 0), share(TOTAL / 4)], ['12.3%', '50%', '25.0%']);
  assert.deepEqual([1, 0.99999, 0.00001, 0, 0.5].map(probability), ['100.0%', '>99.9%', '<0.1%', '<0.1%', '50.0%']);
  assert.deepEqual([ago(-5), ago(119_000), ago(3 * 3_600_000), duration(12 * 86_400_000)], ['0 seconds ago', '119 seconds ago', '3 hours ago', '12 days']);
  assert.deepEqual([minorDigits('JPY'), minorDigits('KWD'), count(31_672)], [0, 3, '31,672']);
  for (const write of [percent, probability, share, count, duration, (value) => money(value, 'EUR', 2), (value) => average(value, 'EUR', 2)]) {
    for (const unknown of [null, undefined, NaN, Infinity]) assert.equal(write(unknown), NOTHING);
  }
});
