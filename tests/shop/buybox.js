/**
 * The buy box of the oven, as shops render theirs: again, in the browser, from the data in the page. Another quantity
 * renders it anew. It knows nothing of experiments.
 */
const { sku, price } = JSON.parse(document.querySelector('#state').textContent);
const box = document.querySelector('.buy'), units = box.querySelector('input[name="units"]');

/** `3798` as `3.798,00 €`. @param {number} amount */
const money = (amount) => `${new Intl.NumberFormat('de-DE', { minimumFractionDigits: 2 }).format(amount)} €`;

function render() {
  const shown = document.createElement('p');
  shown.className = 'price big';
  const one = Object.assign(document.createElement('span'), { textContent: money(Number(price)) });
  one.dataset.haggleSku = sku;
  shown.append(one);
  if (Number(units.value) > 1) {
    const all = Object.assign(document.createElement('span'), { className: 'together', textContent: `${units.value} for ${money(price * units.value)}` });
    shown.append(' ', all);
  }
  box.querySelector('.price').replaceWith(shown);
}

units.addEventListener('input', render);
render();
