/**
 * What a developer of each shop would write to have its pages priced: the site file of each of the real pages.
 *
 * No content of the pages is here, only where their prices stand. `items` are the products that a page is about, with
 * their catalogue prices; `equal` and `longer` are new prices of as many digits and of another number of them. `also`
 * counts the places that hold the price of an item and are not in the manifest, script by script (why, beside it).
 * `left` says why a page cannot be priced in all the places of the manifest: its rules ask for just these places, and it
 * has to be left as it is.
 */

/** Inline scripts: wide, so what stands in them need not be the price. @param {object} rule */
const script = (rule) => ({ selector: 'script:not([src])', place: 'script', role: 'if-equal', ...rule });
/** @param {string} selector @param {string[]} attributes @param {object} [rule] */
const attribute = (selector, attributes, rule) => ({ selector, place: 'attribute', attributes, ...rule });
/** Sentences for search engines and for other sites that show the page. @param {...string} names */
const metas = (...names) => names.map((name) => attribute(`meta[${name.includes(':') && !name.startsWith('twitter') ? 'property' : 'name'}="${name}"]`, ['content'], { role: 'if-equal' }));

/**
 * @typedef {object} Page
 * @property {string} name of the manifest
 * @property {object} [site] rules; the page's path and items come on top
 * @property {string} [equal] price with as many digits
 * @property {string} [longer] price with another number of digits
 * @property {string[]} [family] other items at the same price, priced with the page's item
 * @property {number} [also] further places with the price
 * @property {string} [left] why the page is left as it is
 */

/** @type {Page[]} */
export const PAGES = [
  {
    name: 'shopify_radioshack_pdp', equal: '10.49', longer: '9.49',
    site: {
      preset: 'shopify', charge: 'cart-transform',
      surfaces: [script({ keys: ['price', 'price_min', 'price_max'], scale: 'minor' })],
    },
  },
  {
    name: 'magento1_brooklynbrew_pdp', equal: '37.50', longer: '9.00',
    // The kit beside it costs the same, and is priced with it.
    family: ['everyday-ipa-1-gal-kit'],
    site: {
      preset: 'magento',
      cards: [{ selector: '#upsell-product-table td', sku: { selector: 'a[href]', attribute: 'href', pattern: '/{sku}' } }],
      surfaces: [
        { selector: '[id^="product-price-"] .price' },
        script({ keys: ['price', 'Price'] }),
      ],
    },
  },
  {
    name: 'magento1_nahodsa_sk', equal: '27.50', longer: '9.90',
    site: {
      preset: 'magento',
      surfaces: [
        { selector: '[id^="product-price-1009648"] .price' },
        script({ keys: ['productPrice', 'productOldPrice', 'priceInclTax', 'priceExclTax', 'basePrice', 'oldPrice'] }),
      ],
    },
  },
  {
    name: 'magento1_pharao24_de', equal: '699.00', longer: '1049.00',
    site: {
      preset: 'magento',
      surfaces: [
        { selector: '#product-price-463 .price' },
        script({ keys: ['productPrice', 'productOldPrice', 'priceInclTax', 'priceExclTax', 'basePrice', 'oldPrice', 'price', 'finalPrice'] }),
      ],
    },
  },
  { name: 'prestashop_luthimate_fr', equal: '7.95', longer: '12.90', site: { preset: 'prestashop' } },
  {
    name: 'sfcc_luckybrand_us', equal: '47.50', longer: '9.90',
    site: {
      surfaces: [
        { selector: '#product-content .price-sales' },
        { selector: '#product-content .price-standard', role: 'compare-at' },
        attribute('.netotiate-button span', ['onclick'], { keys: ['productPrice'] }),
        attribute('input[name="netotiate_price"]', ['value']),
      ],
    },
  },
  {
    name: 'wayfair_us', equal: '109.50', longer: '99.99',
    site: {
      preset: 'schema-org',
      surfaces: [
        { selector: '.SFPrice span.pl-Price-V2--5000' },
        script({ keys: ['value', 'ecomm_totalvalue', 'salePrice', 'consumerPrice', 'smallestPurchasableQtyPrice', 'getSkuPrice'] }),
      ],
    },
  },
  {
    name: 'rejuvenation_us', equal: '110.00', longer: '99.00',
    site: { preset: 'schema-org', surfaces: [script({ keys: ['price'] })] },
  },
  {
    name: 'amazon_fr', equal: '11.90', longer: '9.90',
    site: {
      surfaces: [
        { selector: '#price_inside_buybox' },
        { selector: '#priceblock_ourprice' },
        { selector: '#color_name_1_price .twisterSwatchPrice' },
        attribute('#cerberus-data-metrics', ['data-asin-price']),
      ],
    },
  },
  {
    name: 'ebay_it', equal: '11.50', longer: '9.90',
    site: {
      surfaces: [
        { selector: '#prcIsum_bidPrice' },
        attribute('#prcIsum_bidPrice', ['content']),
        { selector: '#w1-15-_mtb' },
        attribute('#MaxBidId', ['aria-label']),
        script({ keys: ['bidPrice', 'bidPriceDouble', 'minToBidPrice'] }),
      ],
    },
  },
  {
    name: 'jumbo_ch_a', equal: '17.50', longer: '9.90',
    site: {
      surfaces: [
        { selector: '[data-testid="price"] .l1_l2' },
        script({ keys: ['original_price', 'price'], scale: 'minor' }),
      ],
    },
  },
  {
    name: 'smartprix_in', equal: '2199.00', longer: '999.00',
    site: {
      surfaces: [
        { selector: '#product-price .price' },
        { selector: 'tr.with-offer td.price > div', role: 'if-equal' },
        { selector: '#compare-prices > .compare-table-append', role: 'if-equal' },
        ...metas('description', 'og:description', 'twitter:description'),
      ],
    },
  },
  {
    name: 'emag_ro', equal: '169.50', longer: '99.90',
    site: {
      surfaces: [
        { selector: 'p.product-new-price', role: 'if-equal' },
        attribute('button.add-to-favorites', ['data-product'], { keys: ['price'], role: 'if-equal' }),
        script({ keys: ['productFullPrice', 'productDiscountedPrice', 'price'] }),
      ],
    },
  },
  {
    name: 'zalando_fi', equal: '69.95', longer: '109.95',
    site: {
      surfaces: [
        { selector: 'x-wrapper-re-1-3 span.ka2E9k', role: 'if-equal' },
        ...metas('description', 'og:description', 'twitter:description', 'twitter:data1'),
        { selector: '#z-vegas-pdp-props', place: 'script', keys: ['value'], role: 'if-equal' },
      ],
    },
  },
  {
    name: 'tmon_kr', equal: '28000', longer: '9900',
    site: {
      surfaces: [
        { selector: '.deal_price_sell > .number_unit[aria-label]' },
        attribute('meta[property="description"]', ['content'], { role: 'if-equal' }),
        attribute('meta[property="og:price"]', ['content']),
        script({ keys: ['price', 'originalPrice', 'tmonPrice', 'discountInfosPrice'] }),
      ],
    },
  },
  {
    name: 'getit_il', equal: '1599.00', longer: '999.00',
    site: {
      surfaces: [
        { selector: '.product_page_price .price-new > span', role: 'if-equal' },
        script({ keys: ['value', 'ecomm_totalvalue', 'price'] }),
      ],
    },
  },
  { name: 'bitrix_muzdom_ru', equal: '44990.00', longer: '104990.00', site: { surfaces: [{ selector: '.dc-price .dc-pr' }] } },
  { name: 'opencart_vsezaoci_si', equal: '36.50', longer: '9.90', site: { surfaces: [{ selector: '#price-list .price-old-live' }] } },
  {
    name: 'wellca_pdp', equal: '6.99', longer: '10.49',
    // Another shampoo of the brand costs the same, and is priced with it.
    family: ['67761'],
    site: {
      preset: 'schema-org',
      cards: [{ selector: '.productBox', sku: { selector: 'a[href]', attribute: 'href', pattern: '/products/*_{sku}.html' } }],
      surfaces: [
        { selector: '.productPrice .currentPrice' },
        { selector: '.product_grid_new_price' },
        script({ keys: ['pvalue'] }),
      ],
    },
  },
  {
    name: 'kinder_1k_by', equal: '489.90', longer: '99.90',
    site: {
      surfaces: [
        { selector: '.spec-about__price' },
        { selector: '.spec-about__markets .markets__price', role: 'if-equal' },
        { selector: '.spec-list--compare .u-mark-price', role: 'if-equal' },
        script({ keys: ['dynx_totalvalue'] }),
      ],
    },
  },
  {
    name: 'eduscho_at_a', equal: '89.95', longer: '109.95',
    site: {
      surfaces: [
        { selector: '.c-tp-price--baseline .c-tp-price-currentprice' },
        ...metas('og:description'),
        script({ keys: ['product_price', 'price'] }),
      ],
    },
  },
];
