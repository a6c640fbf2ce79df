/** A chart's data as CSV (RFC 4180) and its picture as PNG, saved by the browser. */
import { themeOf } from './theme.js';

/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** @param {unknown} cell a text, or a number @returns {string} */
function written(cell) {
  if (typeof cell === 'number') return Number.isFinite(cell) ? String(cell) : '';
  const text = cell === null || cell === undefined ? '' : String(cell);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {unknown[][]} rows @returns {string} */
export const csv = (rows) => rows.map((row) => `${row.map(written).join(',')}\r\n`).join('');

/** @param {string} name @param {Blob} blob */
export function save(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {string} name @param {unknown[][]} rows */
export const saveCsv = (name, rows) => save(`${name}.csv`, new Blob([csv(rows)], { type: 'text/csv;charset=utf-8' }));

/**
 * The canvas under its title and legend.
 * @param {string} name @param {HTMLElement} figure @param {HTMLCanvasElement} canvas
 * @param {{ title: string, note?: string, keys: { name: string, color: import('./theme.js').Color }[] }} texts
 */
export function savePicture(name, figure, canvas, { title, note = '', keys }) {
  const theme = themeOf(figure), px = devicePixelRatio, edge = 20 * px, line = 22 * px;
  const sheet = document.createElement('canvas'), ctx = /** @type {CanvasRenderingContext2D} */ (sheet.getContext('2d'));
  const font = (/** @type {number} */ size, weight = 400) => { ctx.font = `${weight} ${size * px}px ${theme.font}`; };
  font(13);
  /** @type {{ x: number, row: number, name: string, color: import('./theme.js').Color }[]} */
  const places = [];
  let x = 0, row = 0;
  for (const key of keys.length > 1 ? keys : []) {
    const width = ctx.measureText(key.name).width + 34 * px;
    if (x > 0 && x + width > canvas.width) [x, row] = [0, row + 1];
    places.push({ ...key, x, row });
    x += width;
  }
  const legend = places.length ? (row + 1) * line : 0;
  sheet.width = canvas.width + 2 * edge;
  sheet.height = 2 * edge + 2 * line + legend + canvas.height + (note ? line : 0);
  ctx.fillStyle = theme.card;
  ctx.fillRect(0, 0, sheet.width, sheet.height);
  ctx.textBaseline = 'top';
  ctx.fillStyle = theme.ink;
  font(17, 600);
  ctx.fillText(title, edge, edge, canvas.width);
  font(13);
  for (const one of places) {
    const top = edge + 1.5 * line + one.row * line;
    ctx.fillStyle = theme.color(one.color);
    ctx.fillRect(edge + one.x, top + 2 * px, 12 * px, 12 * px);
    ctx.fillStyle = theme.ink;
    ctx.fillText(one.name, edge + one.x + 18 * px, top);
  }
  ctx.drawImage(canvas, edge, edge + 2 * line + legend);
  ctx.fillStyle = theme.soft;
  if (note) ctx.fillText(note, edge, sheet.height - edge - 14 * px, canvas.width);
  sheet.toBlob((blob) => { if (blob) save(`${name}.png`, blob); }, 'image/png');
}
