/** Bars that lie: the name, the bar from zero with its interval, the value as text. */
import { writer } from './theme.js';

const ROW_PX = 34, FONT_PX = 13;

/** @param {CanvasRenderingContext2D} ctx @param {string[]} texts @returns {number} width of the longest */
const widest = (ctx, texts) => texts.reduce((most, text) => Math.max(most, ctx.measureText(text).width), 0);

/** @param {number | null | undefined} value @returns {value is number} */
const isKnown = (value) => typeof value === 'number' && Number.isFinite(value);

/**
 * @param {HTMLCanvasElement} canvas @param {import('../charts.js').BarData} data @param {number} width CSS pixels
 * @param {import('./theme.js').Theme} theme
 */
export function drawBars(canvas, data, width, theme) {
  const px = devicePixelRatio, ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const height = Math.max(1, data.bars.length) * ROW_PX;
  canvas.width = width * px;
  canvas.height = height * px;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  ctx.scale(px, px);
  ctx.font = `600 ${FONT_PX}px ${theme.font}`;
  ctx.textBaseline = 'middle';
  const write = writer(data.y, data), texts = data.bars.map(({ value, text }) => text ?? write(value));
  const left = Math.min(widest(ctx, data.bars.map(({ name }) => name)) + 12, width * 0.35), right = width - widest(ctx, texts) - 14;
  const all = data.bars.flatMap(({ value, low, high }) => [value, low, high]).filter(isKnown);
  const [least, most] = [Math.min(0, ...all), Math.max(0, ...all)], span = most - least || 1;
  const x = (/** @type {number} */ value) => left + ((value - least) / span) * (right - left);
  data.bars.forEach(({ name, color, value, low, high }, row) => {
    const middle = (row + 0.5) * ROW_PX;
    ctx.fillStyle = theme.ink;
    ctx.fillText(name, 0, middle, left - 8);
    ctx.fillText(texts[row], right + 12, middle);
    if (!isKnown(value)) return;
    ctx.fillStyle = theme.color(color);
    ctx.globalAlpha = 0.75;
    ctx.beginPath();
    ctx.roundRect(Math.min(x(0), x(value)), middle - 8, Math.max(1, Math.abs(x(value) - x(0))), 16, 3);
    ctx.fill();
    ctx.globalAlpha = 1;
    if (!isKnown(low) || !isKnown(high)) return;
    ctx.strokeStyle = theme.ink;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(x(low), middle); ctx.lineTo(x(high), middle);
    for (const end of [low, high]) { ctx.moveTo(x(end), middle - 5); ctx.lineTo(x(end), middle + 5); }
    ctx.stroke();
  });
  if (least < 0) {
    ctx.strokeStyle = theme.soft;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(x(0), 0); ctx.lineTo(x(0), height);
    ctx.stroke();
  }
}
