/**
 * haggle in the shop's page: reports which prices were really seen, and does nothing else.
 *
 * Seen: at least half of it has been in view for a moment, in a page that is itself in view. A click is no look: it
 * would count who buys at once and leave out who leaves at once. Out of scope: cookies, storage, shadow trees.
 */
const REPORT_URL = new URL('v1/exposures', import.meta.url).href;
const DWELL_MS = 250, GATHER_MS = 1000, SCAN_MS = 200, BATCH_MAX = 60, TRIES_MAX = 5;

/** Quotes of this page by item. @type {Map<string, string>} */
const quotes = new Map();
/** What is queued or sent: each quote once per page view. @type {Set<string>} */
const noted = new Set();
/** Price elements in view with their dwell timer. @type {Map<HTMLElement, { quote?: string, timer: number }>} */
const inView = new Map();
/** @type {string[]} */
const queue = [];
let sending = 0, scanning = 0, failures = 0;

/** The shop's page comes first: whatever goes wrong in here ends in silence. @param {(...given: any[]) => void} work */
const quietly = (work) => (/** @type {any[]} */ ...given) => {
  try {
    work(...given);
  } catch {}
};

// Not so when prerendered, in another tab, or kept for the back button.
const isPageInView = () => document.visibilityState === 'visible' && !(/** @type {any} */ (document).prerendering);

/** Starts the dwell time, unless it runs already. @param {HTMLElement} element */
function watch(element) {
  const quote = quotes.get(element.dataset.haggleSku ?? ''), running = inView.get(element);
  if (running?.timer && running.quote === quote) return;
  clearTimeout(running?.timer);
  const due = quote && !noted.has(quote) && isPageInView();
  inView.set(element, { quote, timer: due ? setTimeout(conclude, DWELL_MS, element, quote) : 0 });
}

/** Ends the dwell time. */
const conclude = quietly((/** @type {HTMLElement} */ element, /** @type {string} */ quote) => {
  inView.set(element, { timer: 0 });
  if (!isPageInView() || noted.has(quote)) return;
  const { width, height } = element.getBoundingClientRect();
  const isPainted = element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
  // A panel that fades in, a closed menu: the observer will not tell when it opens.
  if (!(width * height > 0 && isPainted)) return watch(element);
  noted.add(quote);
  queue.push(quote);
  sending ||= setTimeout(send, GATHER_MS);
});

/** Finds quotes and prices, also those which the page adds later. @param {IntersectionObserver} observer */
function scan(observer) {
  for (const tag of document.querySelectorAll('script[data-haggle-quotes]')) {
    const found = JSON.parse(tag.getAttribute('data-haggle-quotes') ?? '');
    for (const sku of Object.keys(found)) quotes.set(sku, found[sku]);
  }
  for (const element of document.querySelectorAll('[data-haggle-sku]:not(form)')) observer.observe(element);
  for (const element of inView.keys()) watch(element);
}

const send = quietly((/** @type {Event=} */ leaving) => {
  clearTimeout(sending);
  sending = 0;
  while (queue.length > 0) report(queue.splice(0, BATCH_MAX), Boolean(leaving));
});

/** @param {string[]} batch @param {boolean} isLeaving */
function report(batch, isLeaving) {
  const body = JSON.stringify({ quotes: batch });
  // A beacon outlives the page; a fetch hears whether it arrived. A string goes as text/plain: no preflight.
  if ((isLeaving || !('keepalive' in Request.prototype)) && navigator.sendBeacon?.(REPORT_URL, body)) return;
  fetch(REPORT_URL, { method: 'POST', body, keepalive: true })
    // An answer that nobody reads keeps its connection.
    .then((answer) => answer.text().then(() => answer.status < 500 && answer.status !== 429))
    .then((isSettled) => isSettled || again(batch), () => again(batch));
}

/** Nothing counts twice, so what may be lost is sent again, later and later. @param {string[]} batch */
function again(batch) {
  failures += 1;
  if (failures > TRIES_MAX) return;
  queue.unshift(...batch);
  sending ||= setTimeout(send, GATHER_MS * 2 ** failures);
}

quietly(() => {
  const observer = new IntersectionObserver(quietly((entries) => {
    for (const { target, isIntersecting, intersectionRatio } of entries) {
      if (isIntersecting && intersectionRatio >= 0.5) watch(target);
      else {
        clearTimeout(inView.get(target)?.timer);
        inView.delete(target);
      }
    }
  }), { threshold: 0.5 });
  const rescan = quietly(() => {
    scanning = 0;
    scan(observer);
  });
  const onChange = (/** @type {Event} */ event) => (isPageInView() ? rescan() : send(event));
  for (const name of ['visibilitychange', 'prerenderingchange']) document.addEventListener(name, onChange);
  addEventListener('pageshow', onChange);
  addEventListener('pagehide', send);
  new MutationObserver(() => { scanning ||= setTimeout(rescan, SCAN_MS); })
    .observe(document, { childList: true, subtree: true, attributeFilter: ['data-haggle-sku', 'data-haggle-quotes'] });
  rescan();
})();
