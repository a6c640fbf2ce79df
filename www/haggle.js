/**
 * haggle in the shop's page: keeps the decided prices where the page's own scripts render again, and reports which
 * prices were really seen. It decides nothing: the Worker's tag says what each item costs and what stood there before.
 *
 * Seen: at least half of it has been in view for a moment, in a page that is itself in view. A click is no look: it
 * would count who buys at once and leave out who leaves at once. Out of scope: cookies, storage, shadow trees.
 */
const API = new URL('v1/', import.meta.url).href, MARKED = '[data-haggle-sku]:not(html,body)';
const DWELL_MS = 250, GATHER_MS = 1000, SCAN_MS = 200, BATCH_MAX = 60, TRIES_MAX = 5, RUNS_MAX = 200;

/** Items by sku: price, texts before and after, quote. */
const items = new Map(), heard = new Set(), rules = [], skus = {};
/** Text nodes that we wrote: in which element, over what, and what. */
const ours = new WeakMap();
/** Price elements in view with their dwell timer. */
const inView = new Map();
/** What is queued or sent: each price once per page view. */
const noted = new Set(), queue = [];
let found = new Map(), field = 'haggle_quote', sending = 0, scanning = 0, failures = 0, runs = 0;

/** The shop's page comes first: whatever goes wrong in here ends in silence. */
const quietly = (work) => (...given) => {
  try {
    work(...given);
  } catch {}
};

/** Hears the Worker's tags, also those of parts of pages that come later. */
function hear() {
  for (const tag of document.querySelectorAll('script[data-haggle]')) {
    const text = tag.dataset.haggle, told = heard.has(text) ? {} : JSON.parse(text);
    heard.add(text);
    // A page's own item is another one as soon as the address is.
    rules.unshift(...(told.rules ?? []).map((rule) => (rule.in ? rule : [...rule, location.pathname])));
    for (const sku in told.items) items.set(sku, told.items[sku]);
    Object.assign(skus, told.skus);
    field = told.field ?? field;
  }
}

/** Price elements and forms with their item: the marked ones, and those that rules find. */
function find() {
  found = new Map([...document.querySelectorAll(MARKED)].map((element) => [element, element.dataset.haggleSku]));
  const owners = [MARKED, ...rules.flatMap((rule) => rule.in ?? [])].join();
  for (const { in: card, by, at, 0: selector, 1: item, 2: path = location.pathname } of rules) {
    if (path !== location.pathname) continue;
    for (const owner of card ? document.querySelectorAll(card) : [null]) {
      const sku = owner ? skuOf(owner, by) : item;
      for (const element of (owner ?? document).querySelectorAll(card ? at : selector)) {
        if (element.closest(owners) === owner) found.set(element, sku);
      }
    }
  }
}

function skuOf(card, [selector, attribute, pattern]) {
  let name = (selector ? card.querySelector(selector) : card)?.getAttribute(attribute) ?? '';
  if (pattern) {
    const path = pattern.replace(/[^\w/]/g, '\\$&').replace('\\{sku\\}', '([^/]+)').replaceAll('\\*', '.*');
    name = decodeURIComponent(RegExp(`^${path}$`).exec(new URL(name, location.href).pathname)?.[1] ?? '');
  }
  return skus[name] ?? name;
}

/** The same texts with other parts, where they have these parts and only blanks between them. */
function exchanged(texts, [before, after]) {
  const text = texts.join(''), all = [];
  let end = 0;
  for (const [i, old] of before.entries()) {
    const at = text.indexOf(old, end), fresh = after[i], most = Math.min(old.length - 1, fresh.length);
    if (at < 0 || text.slice(end, at).trim()) return;
    end = at + old.length;
    // No more than must be: the page may cut its texts elsewhere than the Worker read them.
    let head = 0, tail = 0;
    while (head < most && old[head] === fresh[head]) head += 1;
    while (tail < most - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1;
    if (old !== fresh) all.unshift([at + head, end - tail, fresh.slice(head, fresh.length - tail)]);
  }
  if (text.slice(end).trim()) return;
  let made = end = 0;
  const result = texts.map((one) => {
    const start = end;
    end += one.length;
    for (const [from, to, fresh] of all) {
      if (from < start || to > end) continue;
      one = one.slice(0, from - start) + fresh + one.slice(to - start);
      made += 1;
    }
    return one;
  });
  return made === all.length && result;
}

/** Writes the price where the page wrote the catalogue price. Where it wrote another text, all of that text stands. */
function rewrite(element, pairs) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), nodes = [];
  while (walker.nextNode()) if (!walker.currentNode.parentElement.matches('script,style')) nodes.push(walker.currentNode);
  const before = nodes.map((node) => {
    const [where, old, fresh] = ours.get(node) ?? [];
    return where === element && fresh === node.data ? old : node.data;
  });
  const after = pairs.map((pair) => exchanged(before, pair)).find(Boolean) || before;
  for (const [i, node] of nodes.entries()) {
    if (node.data === after[i]) continue;
    node.data = after[i];
    ours.set(node, [element, before[i], after[i]]);
  }
}

/** A form that the page has rendered again gets its quote again. */
function keepQuote(form, sku, item) {
  const input = form.elements[field];
  if (input) item.quote = input.value;
  else if (item.quote) form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: field, value: item.quote }));
  else if (item.quote !== '') quote(sku, (item.quote = ''));
}

/**
 * The offer for an item to this visitor, for pages that render by themselves.
 * @param {string} sku
 * @returns {Promise<{ price_minor: number, currency: string, quote: string } | undefined>} none: the catalogue price stands
 */
export async function quote(sku) {
  try {
    const offer = await (await fetch(`${API}price?sku=${encodeURIComponent(sku)}`)).json(), price = offer.price_minor;
    if (!offer.quote) return;
    if (!items.has(sku)) items.set(sku, { price });
    if (items.get(sku).price === price) items.get(sku).quote = offer.quote;
    scan();
    return offer;
  } catch {}
}

// Not so when prerendered, in another tab, or kept for the back button.
const isPageInView = () => document.visibilityState === 'visible' && !document.prerendering;

/** Starts the dwell time, unless it runs already. */
function watch(element) {
  const sku = found.get(element), item = items.get(sku), running = inView.get(element);
  const key = item && JSON.stringify({ sku, price_minor: item.price });
  if (running?.timer && running.key === key) return;
  clearTimeout(running?.timer);
  const due = key && !noted.has(key) && isPageInView();
  inView.set(element, { key, timer: due ? setTimeout(conclude, DWELL_MS, element, key) : 0 });
}

/** Ends the dwell time. */
const conclude = quietly((element, key) => {
  inView.set(element, {});
  if (!isPageInView() || noted.has(key)) return;
  const { width, height } = element.getBoundingClientRect();
  // A panel that fades in, a closed menu: the observer will not tell when it opens.
  if (!(width * height > 0 && (element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true))) return watch(element);
  noted.add(key);
  queue.push(JSON.parse(key));
  sending ||= setTimeout(send, GATHER_MS);
});

const send = quietly((leaving) => {
  clearTimeout(sending);
  sending = 0;
  while (queue.length > 0) report(queue.splice(0, BATCH_MAX), leaving);
});

function report(shown, leaving) {
  const url = `${API}exposures`, body = JSON.stringify({ shown });
  // A beacon outlives the page; a fetch hears whether it arrived. A string goes as text/plain: no preflight.
  if ((leaving || !('keepalive' in Request.prototype)) && navigator.sendBeacon?.(url, body)) return;
  fetch(url, { method: 'POST', body, keepalive: true })
    // An answer that nobody reads keeps its connection.
    .then((answer) => answer.text().then(() => answer.status < 500 && answer.status !== 429))
    .then((isSettled) => isSettled || again(shown), () => again(shown));
}

/** Nothing counts twice, so what may be lost is sent again, later and later. */
function again(shown) {
  failures += 1;
  if (failures > TRIES_MAX) return;
  queue.unshift(...shown);
  sending ||= setTimeout(send, GATHER_MS * 2 ** failures);
}

const observer = new IntersectionObserver(quietly((entries) => {
  for (const { target, isIntersecting, intersectionRatio } of entries) {
    if (isIntersecting && intersectionRatio >= 0.5) watch(target);
    else {
      clearTimeout(inView.get(target)?.timer);
      inView.delete(target);
    }
  }
}), { threshold: 0.5 });

const scan = quietly(() => {
  hear();
  find();
  for (const [element, sku] of found) {
    const item = items.get(sku);
    if (!item) continue;
    if (element.localName === 'form') keepQuote(element, sku, item);
    else {
      rewrite(element, item.texts ?? []);
      observer.observe(element);
    }
  }
  for (const element of inView.keys()) watch(element);
});
const later = () => {
  scanning = runs = 0;
  scan();
};

// Called before the next picture is painted. A page that writes against us in a loop wins, and is not held up.
new MutationObserver((records) => {
  scanning ||= setTimeout(later, SCAN_MS);
  const nodes = records.flatMap(({ type, target, addedNodes }) => (type === 'childList' ? [...addedNodes] : target));
  if (nodes.some((node) => /\p{Nd}/u.test(node.textContent) || node.dataset?.haggle) && (runs += 1) <= RUNS_MAX) scan();
}).observe(document, { childList: true, characterData: true, subtree: true, attributeFilter: ['data-haggle-sku', 'data-haggle'] });
const onChange = (event) => (isPageInView() ? scan() : send(event));
for (const name of ['visibilitychange', 'prerenderingchange']) document.addEventListener(name, onChange);
addEventListener('pageshow', onChange);
addEventListener('pagehide', send);
scan();
