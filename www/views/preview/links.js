/**
 * A preview link: a page of the shop with the prices of the visitor, or of chosen arms, for an hour at most.
 */
import { change } from '../../api.js';
import { make } from '../../dom.js';
import { dateTime } from '../../format.js';
import { preview as words } from '../../words.js';

/** The page that was last looked at, in this tab. */
const PAGE = 'haggle_shop_page';

/** @typedef {import('./items.js').Item} Item */

/** A choice of arm for an experiment. @param {Item} item any of its items @param {string} chosen @returns {HTMLLabelElement} */
function choice({ experiment, arms }, chosen) {
  const options = [['', words.asVisitor], ...arms.map(({ name }) => [name, name]), ['holdout', words.holdout]];
  const select = make('select', { name: experiment }, ...options.map(([value, text]) => make('option', { value, selected: value === chosen }, text)));
  return make('label', {}, experiment, select);
}

/**
 * @param {() => string} visitor whose prices are shown now
 * @param {HTMLElement} list tells by `drawn` which items are in it
 * @returns {HTMLElement}
 */
export function linkForm(visitor, list) {
  const address = make('input', { id: 'page', type: 'url', required: true, placeholder: words.pageExample, value: sessionStorage.getItem(PAGE) ?? '', 'aria-describedby': 'page-help' });
  const minutes = make('input', { id: 'minutes', type: 'number', min: 1, max: 60, value: 60, required: true });
  const arms = make('div', { class: 'fields' }), problem = make('p', { class: 'problem', role: 'alert' });
  const copy = make('button', { type: 'button', class: 'quiet', id: 'copy-link' }, words.copy);
  const made = make('p', { class: 'made', role: 'status' });
  const choices = make('details', { hidden: true }, make('summary', {}, words.chooseArms), arms);
  const form = make('form', {}, make('div', { class: 'fields' },
    make('label', { class: 'wide', for: 'page' }, words.page, address), make('label', { for: 'minutes' }, words.minutes, minutes),
    make('button', { id: 'open-link' }, words.open), copy), choices, problem, made);

  list.addEventListener('drawn', (event) => {
    const items = /** @type {CustomEvent<Item[]>} */ (event).detail.filter(({ unit }) => unit === 'visitor');
    const one = new Map(items.map((item) => [item.experiment, item]));
    const known = chosen();
    arms.replaceChildren(...[...one.values()].map((item) => choice(item, known[item.experiment] ?? '')));
    choices.hidden = one.size === 0;
  });
  const chosen = () => Object.fromEntries([...arms.querySelectorAll('select')].filter(({ value }) => value).map(({ name, value }) => [name, value]));

  /** @returns {Promise<string | null>} the link; null where there can be none, and it is said why */
  async function link() {
    problem.textContent = '';
    made.replaceChildren();
    sessionStorage.setItem(PAGE, address.value);
    try {
      const wish = { url: address.value, visitor: visitor(), arms: chosen(), minutes: Number(minutes.value) };
      const { url, expires_at_ms } = await change('POST', '/haggle/v1/preview-links', wish);
      made.replaceChildren(make('a', { href: url, target: '_blank', rel: 'noopener noreferrer', id: 'link' }, words.link), ` ${words.until(dateTime(expires_at_ms))}`);
      return url;
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      return null;
    }
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    // Opened at once, by the click: a page that comes later would be taken for one that nobody asked for.
    const tab = window.open('about:blank', '_blank');
    const url = await link();
    if (tab && url) {
      tab.opener = null;
      tab.location.replace(url);
    } else tab?.close();
  });
  copy.addEventListener('click', async () => {
    if (!form.reportValidity()) return;
    const url = await link();
    if (!url) return;
    await navigator.clipboard.writeText(url).then(() => made.append(` ${words.copied}`), () => made.append(` ${words.notCopied}`));
  });
  return make('section', { class: 'link' }, make('h2', {}, words.inShop), form, make('p', { class: 'help', id: 'page-help' }, words.pageHelp));
}
