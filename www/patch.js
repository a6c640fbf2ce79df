/**
 * What stands on the page becomes what should stand there, and only what differs is touched: so a page that is live keeps
 * its scroll position, the focus, what is selected, and which details are open.
 *
 * Listeners belong on an element around all this: those of `wanted` are lost where an element of before stays.
 */

/** @param {Node} node @returns {string} what must be the same for a node to stay */
const identity = (node) => (node instanceof Element ? `${node.nodeName} ${node.getAttribute('data-key') ?? ''}` : node.nodeName);

/** The reader opens and closes these. @param {Element} element @param {string} name */
const isReaders = (element, name) => element instanceof HTMLDetailsElement && name === 'open';

/**
 * Makes the children of a place those that are wanted.
 * @param {Element} place
 * @param {Iterable<Node>} wanted new nodes; attribute `data-key` tells those of one kind apart
 * @param {(element: Element) => void} [changed] hears of each element whose own text is another now
 */
export function renew(place, wanted, changed = () => {}) {
  const left = Array.from(place.childNodes, (node) => ({ node, is: identity(node) }));
  const nodes = Array.from(wanted, (node) => {
    const is = identity(node), at = left.findIndex((one) => one.is === is);
    if (at < 0) return node;
    const [{ node: kept }] = left.splice(at, 1);
    update(kept, node, changed);
    return kept;
  });
  for (const { node } of left) node.remove();
  nodes.forEach((node, at) => {
    if (place.childNodes[at] !== node) place.insertBefore(node, place.childNodes[at] ?? null);
  });
}

/** @param {Node} kept @param {Node} wanted @param {(element: Element) => void} changed */
function update(kept, wanted, changed) {
  // Most is as it was, and the browser sees that sooner than we do.
  if (kept.isEqualNode(wanted)) return;
  if (kept instanceof CharacterData && wanted instanceof CharacterData) {
    kept.data = wanted.data;
    if (kept.parentElement) changed(kept.parentElement);
  } else if (isDrawn(kept) && isDrawn(wanted)) {
    attributes(kept, wanted);
    renew(kept, wanted.childNodes, changed);
  }
}

/** @typedef {HTMLElement | SVGElement} Drawn */

/** @param {Node} node @returns {node is Drawn} */
const isDrawn = (node) => node instanceof HTMLElement || node instanceof SVGElement;

/** @param {Drawn} kept @param {Drawn} wanted */
function attributes(kept, wanted) {
  for (const name of kept.getAttributeNames()) {
    if (!wanted.hasAttribute(name) && !isReaders(kept, name)) kept.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (kept.getAttribute(name) === value || isReaders(kept, name)) continue;
    // The policy of the page refuses the attribute, and allows the property.
    if (name === 'style') kept.style.cssText = wanted.style.cssText;
    else kept.setAttribute(name, value);
  }
}
