/**
 * What a developer of each shop would write to have its pages priced: the site file of each of the real pages.
 *
 * No content of the pages is here, only where their prices stand. `left` says why a page cannot be priced in all the
 * places of the manifest: its rules ask for these places, and so it has to be left as it is.
 */

/** Inline scripts: wide, so what stands in them need not be the price. @param {object} rule */
const script = (rule) => ({ selector: 'script:not([src])', place: 'script', role: 'if-equal', ...rule });
/** @param {string} selector @param {string[]} attributes @param {object} [rule] */
const attribute = (selector, attributes, rule) => ({ selector, place: 'attribute', attributes, ...rule });
/** Sentences for search engines and for other sites that show the page. @param {...string} names */
const metas = (...names) => names.map((name) => {
  const key = name.startsWith('og:') ? 'property' : 'name';
  return attribute(`meta[${key}="${name}"]`, ['content'], { role: 'if-equal' });
});

/**
 * @typedef {object} Page
 * @property {string} name of the manifest
 * @property {object} site rules; the page's path and items come on top
 * @property {string} [equal] price with as many digits
 * @property {string} [longer] price with another number of digits, be it more or fewer
 * @property {string[]} [family] other items at the same price, priced with the page's item
 * @property {number} [also] further numbers of scripts that are the price
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
    name: 'rejuvenation_us', equal: '110.00',
    left: 'its structured data say 150.00, the price of before, and no price stands in it for shoppers to see',
    site: { preset: 'schema-org', surfaces: [script({ keys: ['price'] })] },
  },
  {
    name: 'sfcc_paris_cl_a', equal: '22990',
    left: 'two of its places are other products that cost the same, among many that do not',
    site: {
      preset: 'schema-org',
      surfaces: [
        { selector: '.product-price-2 .offer-price' },
        { selector: '.price-normal > [itemprop="price"]' },
        attribute('.pdpForm', ['data-product'], { keys: ['price', 'dimension19'] }),
        attribute('.btn-add-cart', ['data-product'], { keys: ['price', 'dimension19'] }),
        script({ keys: ['price'] }),
      ],
    },
  },
  {
    name: 'leroymerlin_pl', equal: '29.00',
    left: 'its meta tag says 36.49, the price of before, and one of its places is branch 32 in a list of branches',
    site: {
      preset: 'schema-org',
      surfaces: [
        { selector: '.product-price.promotional .price' },
        { selector: '#select2-variant-0-container .price' },
        attribute('.product-price.promotional', ['data-price']),
        attribute('.total-price', ['data-price']),
        attribute('#variant-0 > option', ['data-price'], { role: 'if-equal' }),
        attribute('meta[property="product:sale_price:amount"]', ['content']),
        attribute('select.choose-shop-select > option', ['value']),
        script({ keys: ['bigPrice'] }),
      ],
    },
  },
  {
    name: 'ikea_gb', equal: '45.00',
    left: 'its places are a trolley at the same price among sixty other products, and a knife tray of 10x50 cm',
    site: {
      preset: 'schema-org',
      surfaces: [
        { selector: '.range-revamp-price' },
        attribute('.range-revamp-product-compact', ['data-price']),
        attribute('.js-sticky-cart-button-props', ['data-product-price']),
        attribute('img.range-revamp-aspect-ratio-image__image', ['alt']),
      ],
    },
  },
  {
    name: 'kiabi_fr', equal: '13.50',
    left: 'the sum from which delivery is free is 15.00 too, in the same sentence and without an element of its own: the rule that wants one protects it',
    site: {
      preset: 'schema-org',
      surfaces: [
        { selector: 'title', role: 'if-equal' },
        ...metas('description', 'og:title', 'og:description'),
        { selector: '.mainproduct .lowestPrice' },
        attribute('.mainproduct .lowestPrice', ['data-price']),
        attribute('#productColorData', ['data-json'], { keys: ['colorisListPrix', 'colorisSalePrix'] }),
        attribute('#currentCodeVenteData', ['data-json'], { keys: ['listPrix', 'salePrix', 'listPrixEuro', 'salePrixEuro'] }),
        script({ keys: ['product_unitprice_ati'] }),
        { selector: '.product-delivery .threshold', role: 'compare-at', required: true },
      ],
    },
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
    // Two more sizes than the manifest has.
    also: 2,
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
    // The structured data, which are no valid JSON.
    also: 1,
    site: {
      surfaces: [
        { selector: '.c-tp-price--baseline .c-tp-price-currentprice' },
        ...metas('og:description'),
        script({ keys: ['product_price', 'price'] }),
      ],
    },
  },
];

/**
 * Listings: `card` finds the items of the page for the test itself, `price` the places that have to show the new price,
 * `beside` other prices.
 * @type {{ name: string, site: object, card: string, sku: { selector?: string, attribute: string, pattern?: RegExp }, price: string, beside?: string }[]}
 */
export const LISTINGS = [
  {
    name: 'shopify_radioshack_plp',
    card: '.products > .product', sku: { attribute: 'data-sku' }, price: '.money',
    site: {
      preset: 'shopify', charge: 'cart-transform',
      cards: [{ selector: '.product[data-sku]', sku: { attribute: 'data-sku' } }],
      surfaces: [{ selector: '.product[data-sku] .money' }],
    },
  },
  {
    name: 'wellca_plp',
    card: '.product-item', sku: { selector: '.product_grid_link', attribute: 'href', pattern: /_(\d+)\.html/ }, price: '.product_grid_new_price',
    beside: '.product_grid_original_price, #hover_shopping_cart_total',
    site: {
      cards: [{ selector: '.product-item', sku: { selector: 'a.product_grid_link', attribute: 'href', pattern: '/products/*_{sku}.html' } }],
      surfaces: [{ selector: '.product_grid_new_price' }, { selector: '.product_grid_original_price', role: 'compare-at' }],
    },
  },
];
