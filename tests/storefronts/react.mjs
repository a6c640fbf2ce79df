/**
 * A product page in React, as a shop with server rendering has it: rendered by the server at the catalogue price, taken
 * over in the browser from the data in the page. It knows nothing of experiments but the marks on its prices.
 */
import { createElement as h, useState } from 'react';
import { hydrateRoot } from 'react-dom/client';

import { amounts, LARGE } from './amounts.mjs';

/** @param {{ sku: string, name: string, price_minor: number }} item */
export function Product({ sku, name, price_minor }) {
  const [units, setUnits] = useState(1), [round, setRound] = useState(0), [isLarge, setLarge] = useState(false), [cards, setCards] = useState(0);
  const { text, plain, whole, cents } = amounts(isLarge ? price_minor + LARGE : price_minor);
  const button = (name, onClick) => h('button', { type: 'button', onClick }, name);
  return h('main', { className: 'prose' },
    h('h1', null, name),
    h('p', { className: 'price big', key: `price-${round}` }, h('span', { 'data-haggle-sku': sku }, text)),
    h('p', { className: 'price' }, h('span', { 'data-haggle-sku': sku }, '€ ', plain)),
    h('p', { className: 'price' }, h('span', { 'data-haggle-sku': sku }, whole, h('sup', null, cents), ' €')),
    h('form', { action: '/cart', method: 'post', 'data-haggle-sku': sku },
      h('input', { type: 'hidden', name: 'sku', value: sku, readOnly: true }),
      h('input', { type: 'hidden', name: 'units', value: units, readOnly: true }),
      h('button', { className: 'button' }, 'Add to basket')),
    h('p', { id: 'units' }, units, ' in the box'),
    button('one more', () => setUnits(units + 1)), button('again', () => setRound(round + 1)),
    button('size', () => setLarge(!isLarge)), button('card', () => setCards(cards + 1)),
    Array.from({ length: cards }, (_, at) => h('div', { className: 'card', key: at }, h('span', { 'data-haggle-sku': sku }, text))));
}

if (globalThis.document) {
  const item = JSON.parse(document.querySelector('#state').textContent);
  // Where the page differs from the data, React renders it anew, and says so; that is what is tried here.
  hydrateRoot(document.querySelector('#root'), h(Product, item), { onRecoverableError: () => { document.body.dataset.anew = 'yes'; } });
  document.body.dataset.alive = 'yes';
}
