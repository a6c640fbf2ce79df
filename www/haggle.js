/**
 * haggle in the shop's page: keeps decided prices where the page's scripts render again, and reports which were seen.
 * It decides nothing; docs/storefront.md says what it does and why. Out of scope: cookies, storage, shadow trees.
 */
const API = new URL('v1/', import.meta.url).href, MARKED = '[data-haggle-sku]:not(html,body)';
const DWELL_MS = 250, GATHER_MS = 1000, SCAN_MS = 200, BATCH_MAX = 60, TRIES_MAX = 5, RUNS_MAX = 200;

/** What the Worker's tags say; by sku: price, texts before and after, quote. */
const items = new Map(), skus = {}, rules = [], heard = new Set();
/** Text nodes that we wrote, and price elements in view with their dwell timer. */
const ours = new WeakMap(), inView = new Map();
/** What is queued or sent: each price once per page view. */
const noted = new Set(), queue = [];
/** Price elements and forms with their item. */
let found = new Map();
let field = 'haggle_quote', isPreview = false, sending = 0, scanning = 0, failures = 0, runs = 0;

/** The shop's page comes first: whatever goes wrong in here ends in silence. */
const quietly = (work) => (...given) => {
  try {
    return work(...given);
  } catch {}
};

function hear() {
  for (const { dataset: { haggle } } of document.querySelectorAll('script[data-haggle]')) {
    if (heard.has(haggle)) continue;
    heard.add(haggle);
    const told = JSON.parse(haggle);
    for (const sku in told.items) items.set(sku, told.items[sku]);
    // A page's own item is another one as soon as the address is.
    for (const rule of told.rules ?? []) rules.unshift(rule.in ? rule : [...rule, location.pathname]);
    Object.assign(skus, told.skus);
    field = told.field ?? field;
    isPreview ||= told.preview === true;
  }
}

function find() {
  found = new Map([...document.querySelectorAll(MARKED)].map((element) => [element, element.dataset.haggleSku]));
  const owners = [MARKED, ...rules.flatMap((rule) => (rule.in ? `:is(${rule.in}):not(html,body)` : []))].join();
  for (const { in: card, by, at, 0: selector, 1: item, 2: path } of rules) {
    if (!card && path !== location.pathname) continue;
    for (const element of document.querySelectorAll(card ? at : selector)) {
      const owner = element.closest(owners);
      if (card ? owner?.matches(card) : !owner) found.set(element, card ? skuOf(owner, by) : item);
    }
  }
}

/** As src/site.rs. */
function skuOf(card, [selector, attribute, pattern]) {
  const path = pattern.replace(/[^\w/]/g, '\\$&').replace('\\{sku\\}', '([^/]+?)').replaceAll('\\*', '.*?');
  for (const one of selector ? card.querySelectorAll(selector) : [card]) {
    let name = one.getAttribute(attribute)?.trim();
    if (pattern) name = name?.replace(/^(\w+:)?\/\/[^/?#]*|[?#].*/g, '').match(`^${path}/?$`)?.[1];
    if (pattern && name) name = quietly(decodeURIComponent)(name) ?? name;
    if (name) return skus[name] ?? name;
  }
}

/** The same texts with other parts, where they are these parts with only blanks between them. */
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
    all.unshift([at + head, end - tail, fresh.slice(head, fresh.length - tail)]);
  }
  let made = 0, from = 0;
  if (text.slice(end).trim()) return;
  const result = texts.map((one) => {
    const start = from;
    from += one.length;
    for (const [at, to, fresh] of all) {
      if (at < start || to > from) continue;
      one = one.slice(0, at - start) + fresh + one.slice(to - start);
      made += 1;
    }
    return one;
  });
  return made === all.length && result;
}

/** Writes the price where the page wrote the catalogue price. Where it wrote another text, all of that text stands. */
function rewrite(element, pairs) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), nodes = [];
  for (let node; (node = walker.nextNode());) {
    let owner = node.parentElement;
    const isShown = !owner.matches('script,style');
    while (!found.has(owner)) owner = owner.parentElement;
    if (isShown && found.get(owner) === found.get(element)) nodes.push(node);
  }
  const before = nodes.map((node) => {
    const [where, old, fresh] = ours.get(node) ?? [];
    return where === element && fresh === node.data ? old : node.data;
  });
  const after = pairs.map((pair) => exchanged(before, pair)).find(Boolean) || before;
  nodes.forEach((node, i) => {
    if (node.data === after[i]) return;
    node.data = after[i];
    ours.set(node, [element, before[i], after[i]]);
  });
}

/** A form that the page has rendered again gets its quote again. */
function keepQuote(form, sku, item) {
  const input = form.elements[field];
  if (input) item.quote = input.value;
  else if (item.quote) form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: field, value: item.quote }));
  else if (item.quote !== '') quote(sku, (item.quote = ''));
}

/** The offer for an item to this visitor, for pages that render by themselves; none where the catalogue price stands. */
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

const conclude = quietly((element, key) => {
  inView.set(element, {});
  if (!isPageInView() || noted.has(key)) return;
  const { width, height } = element.getBoundingClientRect();
  const isPainted = element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
  // A panel that fades in, a closed menu: the observer will not tell when it opens.
  if (!(width * height > 0 && isPainted)) return watch(element);
  noted.add(key);
  queue.push(JSON.parse(key));
  sending ||= setTimeout(send, GATHER_MS);
});

function send(leaving) {
  clearTimeout(sending);
  sending = 0;
  while (queue.length > 0) report(queue.splice(0, BATCH_MAX), leaving);
}

async function report(shown, leaving) {
  if (isPreview) return;
  const url = `${API}exposures`, body = JSON.stringify({ shown });
  try {
    // A beacon outlives the page; a fetch hears whether it arrived. A string goes as text/plain: no preflight.
    if (leaving && navigator.sendBeacon?.(url, body)) return;
    const answer = await fetch(url, { method: 'POST', body, keepalive: true });
    // An answer that nobody reads keeps its connection.
    await answer.text();
    if (answer.status < 500 && answer.status !== 429) return;
  } catch {}
  // Nothing counts twice, so what may be lost is sent again, later and later.
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

// Called before the next picture is painted. A page that writes against us in a loop wins, and is not held up.
new MutationObserver((records) => {
  scanning ||= setTimeout(() => {
    scanning = runs = 0;
    scan();
  }, SCAN_MS);
  const nodes = records.flatMap(({ type, target, addedNodes }) => (type === 'childList' ? [...addedNodes] : target));
  if (nodes.some((node) => /\p{Nd}/u.test(node.textContent) || node.dataset?.haggle) && (runs += 1) <= RUNS_MAX) scan();
}).observe(document, { childList: true, characterData: true, subtree: true, attributeFilter: ['data-haggle-sku', 'data-haggle'] });
const onChange = (event) => (isPageInView() ? scan() : send(event));
for (const name of ['visibilitychange', 'prerenderingchange']) document.addEventListener(name, onChange);
addEventListener('pageshow', onChange);
addEventListener('pagehide', send);
scan();
