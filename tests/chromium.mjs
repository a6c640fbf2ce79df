/** Debian's Chromium as the tests start it, and what they look at in its pages. */
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';
// Without a window it calls itself HeadlessChrome, whom the Worker takes for a crawler and does not count.
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', `--user-agent=${AGENT}`];

export const startChromium = () => chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });

/**
 * Notes what the price elements of a page say in every picture from now on, before it is painted.
 * @param {import('playwright-core').Page} page that is not open yet
 * @param {string} selector
 * @returns {Promise<() => Promise<string[]>>} every text that was in a picture so far, each once
 */
export async function watchPictures(page, selector) {
  await page.addInitScript((prices) => {
    const seen = new Set();
    const note = () => {
      for (const element of document.querySelectorAll(prices)) seen.add(element.textContent);
      requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
    Object.defineProperty(document, 'picturesSeen', { get: () => [...seen] });
  }, selector);
  return () => page.evaluate(() => /** @type {any} */ (document).picturesSeen);
}
