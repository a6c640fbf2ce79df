/**
 * Pages of our own with the shapes that pages of real shops have, described as the manifest describes those.
 */

/** @param {string} selector @param {string} text @param {object} [more] */
export const text = (selector, text, more) => ({ kind: 'text', role: 'base', selector, index: 0, text, ...more });
/** @param {string} selector @param {string} attr @param {string} text @param {object} [more] */
const attribute = (selector, attr, text, more) => ({ kind: 'attribute', role: 'base', selector, index: 0, attr, text, ...more });
/** @param {number} at @param {string} text */
const hydration = (at, text) => ({ kind: 'hydration', role: 'base', path: `script[${at}]`, text });
/** @param {number} at @param {string} path */
const jsonLd = (at, path) => ({ kind: 'jsonld', role: 'base', path: `ld+json[${at}] ${path}` });

export const OWN = [
  {
    name: 'split', equal: '169.50', longer: '89.90',
    site: {
      surfaces: [
        { selector: '.price' },
        { selector: '.before', role: 'compare-at' },
        { selector: 'button.heart', place: 'attribute', attributes: ['data-product'], keys: ['price', 'html'] },
      ],
    },
    about: {
      currency: 'RON', base_price: '173.34', encoding: 'utf-8',
      surfaces: [
        text('#main .price', '17334', { split: true }),
        text('#bar .price', '17334', { split: true }),
        text('#tail .price', '173,34'),
        attribute('button.heart', 'data-product', '173.34', { path: '$.price' }),
        attribute('button.heart', 'data-product', '', { path: '$.html', split: true }),
      ],
    },
    bytes: Buffer.from(`<!doctype html><html lang=ro><head><meta charset="utf-8"><title>Whisky 173 ani</title>
<!--[if lt IE 9]><script>var price = 173.34;</script><![endif]-->
<body><div id=main><s class="before">199<sup>99</sup> Lei</s>
<p class="price"><span class=sr>173,34&nbsp;Lei</span> 173<sup>34</sup> <span>Lei</span></p></div>
<div id=bar><p class=price>173<!-- --><sup>34</sup><!-- --> Lei</p></div>
<p>Livrare gratuit\u0103 de la 173,34 Lei, 173 buc\u0103\u021bi \u00een stoc.
<p id=tail>Numai <b class=price>173,34&nbsp;lei</b>, TVA 19%
<button class=heart data-product='{&quot;id&quot;:17334,&quot;price&quot;:173.34,"html":"<i>173</i><sup>,34</sup> <b>Lei<\\/b>"}'>\u2665</button>`),
  },
  {
    name: 'data', equal: '17.50', longer: '9.90',
    site: {
      preset: 'schema-org',
      surfaces: [
        { selector: '.buy .price' },
        { selector: 'select.size option', role: 'if-equal' },
        { selector: 'script:not([src])', place: 'script', keys: ['price', 'total', 'price_html'], item_keys: ['sku'], scale: 'minor', role: 'if-equal' },
      ],
    },
    about: {
      currency: 'EUR', base_price: '19.00', encoding: 'utf-8',
      surfaces: [
        { kind: 'meta', role: 'base', selector: 'meta[property="product:price:amount"]', index: 0, text: '19.0000' },
        text('.buy .price', '19,00'),
        text('option[value="s"]', 'S, 19,00'),
        jsonLd(0, '$.@graph[1].offers.price'),
        jsonLd(0, '$.@graph[1].offers.priceSpecification.price'),
        hydration(0, '"price":1900'), hydration(0, '"price_html":"\\u003cb\\u003e19,00'),
        hydration(1, "total = '19.00'"),
      ],
    },
    bytes: Buffer.from(`<!DOCTYPE html>
<html><head><meta property="product:price:amount" content="19.0000">
<script type="application/ld+json">
{ "@context": "https://schema.org", "@graph": [ {"@type":"Organization","name":"19"},
  {"@type": "Product", "name": "Tee", "isRelatedTo": {"@type":"Product","offers":{"price":"19.00"}},
   "offers": { "price":"19.00" , "priceSpecification":{"price":19.0},"shippingDetails":{"shippingRate":{"value":19.00}} } } ] }
</script>
<script>window.shop = {"sku":null,"price":1900,"compare_at_price":2400,"weight":1900,"price_html":"\\u003cb\\u003e19,00\\u00a0\\u20ac\\u003c\\/b\\u003e",
 "others":[{"sku":"CAP","price":1900},{"sku":"SOCK","price":500}]};</script>
<body><div class=buy><span class=price>19,00\u00a0\u20ac</span> <select class=size><option value=s>S, 19,00 \u20ac<option value=xl>XL, 21,00 \u20ac</select></div>
<p>19 % MwSt., 19 St\u00fcck, 19,00 \u20ac Pfand</p>
<script async>var total = '19.00', tax = 19, id = "1900";</script>`),
  },
  {
    name: 'prose', equal: '2199', longer: '999',
    site: {
      surfaces: [
        { selector: '#price' },
        { selector: '#range' },
        { selector: 'title', role: 'if-equal' },
        { selector: 'meta[name="description"]', place: 'attribute', attributes: ['content'], role: 'if-equal' },
        { selector: '#bid', place: 'attribute', attributes: ['aria-label', 'value'] },
        { selector: '#buy', place: 'attribute', attributes: ['onclick'], keys: ['amount'] },
      ],
    },
    about: {
      currency: 'INR', base_price: '2433', encoding: 'utf-8',
      surfaces: [
        text('title', '2,433'), text('#price', '2,433'), text('#range', '2,433'),
        { kind: 'meta', role: 'base', selector: 'meta[name="description"]', index: 0, text: '2,433' },
        attribute('#bid', 'aria-label', '2,433'), attribute('#bid', 'value', '2433.00'), attribute('#buy', 'onclick', "'amount':2433"),
      ],
    },
    bytes: Buffer.from(`<html><head><meta charset=utf-8><title>Fan 1250 mm, \u20b92,433 only</title>
<meta name=description content='Fan 1250 mm in India (2020): \u20b92,433. Save 2433 watts'></head>
<body><p id=price>\u20b92,433</p><p id=range>\u20b92,433 \u2013 \u20b93,100</p><ins>2433</ins>
<input id=bid aria-label="Enter \u20b92,433 or more" value="2433.00" data-id="2433"><button id=buy onclick="buy({
 'amount':2433, 'id':'2433' })">Buy</button>`),
  },
  {
    name: 'latin-1', equal: '11.50', longer: '9.90',
    site: { preset: 'schema-org', surfaces: [{ selector: '#prix', place: 'text' }] },
    about: {
      currency: 'EUR', base_price: '12.44', encoding: 'iso-8859-1',
      surfaces: [text('#prix', '12,44'), { kind: 'microdata', role: 'base', selector: '[itemprop="price"]', index: 0, text: '12.44' }],
    },
    bytes: Buffer.from('<html><head><meta itemprop="price" content="12.44"></head><body>D\u00e9j\u00e0 vu <b id=prix>12,44\u00a0EUR</b> \u00bd', 'latin1'),
  },
  {
    name: 'contradiction', equal: '36.50',
    left: 'its rule for a price finds another price, too',
    site: { surfaces: [{ selector: '.price' }] },
    about: { currency: 'EUR', base_price: '40.00', encoding: 'utf-8', surfaces: [text('.price', '40.00')] },
    bytes: Buffer.from('<html><body><b class=price>40.00\u20ac</b><ul><li>Same brand: <i class=price>42.00\u20ac</i></ul>'),
  },
  {
    name: 'no-room', equal: '36.50',
    left: 'the price has no decimals where the new one needs them',
    site: { surfaces: [{ selector: '.price' }] },
    about: { currency: 'EUR', base_price: '40.00', encoding: 'utf-8', surfaces: [text('.price', '40')] },
    bytes: Buffer.from('<html><body><b class=price>40\u20ac</b> <p>40 left'),
  },
];
