/** The same product page in Vue; see `react.mjs`. */
import { createSSRApp, h, ref } from 'vue';

import { amounts, LARGE } from './amounts.mjs';

/** @param {{ sku: string, name: string, price_minor: number }} item */
export const product = ({ sku, name, price_minor }) => createSSRApp({
  setup() {
    const units = ref(1), round = ref(0), isLarge = ref(false), cards = ref(0);
    const button = (text, onClick) => h('button', { type: 'button', onClick }, text);
    return () => {
      const { text, plain, whole, cents } = amounts(isLarge.value ? price_minor + LARGE : price_minor);
      return h('main', { class: 'prose' }, [
        h('h1', name),
        h('p', { class: 'price big', key: `price-${round.value}` }, [h('span', { 'data-haggle-sku': sku }, text)]),
        h('p', { class: 'price' }, [h('span', { 'data-haggle-sku': sku }, ['€ ', plain])]),
        h('p', { class: 'price' }, [h('span', { 'data-haggle-sku': sku }, [whole, h('sup', cents), ' €'])]),
        h('form', { action: '/cart', method: 'post', 'data-haggle-sku': sku }, [
          h('input', { type: 'hidden', name: 'sku', value: sku }), h('input', { type: 'hidden', name: 'units', value: units.value }),
          h('button', { class: 'button' }, 'Add to basket')]),
        h('p', { id: 'units' }, `${units.value} in the box`),
        button('one more', () => { units.value += 1; }), button('again', () => { round.value += 1; }),
        button('size', () => { isLarge.value = !isLarge.value; }), button('card', () => { cards.value += 1; }),
        Array.from({ length: cards.value }, (_, at) => h('div', { class: 'card', key: at }, [h('span', { 'data-haggle-sku': sku }, text)])),
      ]);
    };
  },
});

if (globalThis.document) {
  product(JSON.parse(document.querySelector('#state').textContent)).mount('#root');
  document.body.dataset.alive = 'yes';
}
