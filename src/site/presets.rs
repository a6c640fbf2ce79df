//! What is known of the shop platforms: where their themes write prices, and how a quote reaches the charge.

use super::Charge;

/// A shop platform. Its rules stand behind the shop's own.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    name: &'static str,
    charge: Charge,
    statement: &'static str,
    rules: &'static str,
}

impl Preset {
    /// All presets.
    pub const ALL: [&'static Preset; 7] =
        [&SHOPIFY, &WOOCOMMERCE, &MAGENTO, &BIGCOMMERCE, &PRESTASHOP, &SHOPWARE, &SCHEMA_ORG];

    /// As a site file names it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How a quote reaches the charge unless the site file says otherwise.
    pub fn charge(&self) -> Charge {
        self.charge
    }

    /// How a quote reaches the charge on this platform, or why it does not, in words.
    pub fn statement(&self) -> &'static str {
        self.statement
    }

    /// Its rules, in the form of a site file in JSON.
    pub fn rules(&self) -> &'static str {
        self.rules
    }
}

/// Rules of every preset: what schema.org and Open Graph define, on whichever platform.
pub(super) const COMMON: &str = r#"{
"cards":[
{"selector":"[itemprop=\"isRelatedTo\"]"},
{"selector":"[itemprop=\"isSimilarTo\"]"},
{"selector":"[itemprop=\"isAccessoryOrSparePartFor\"]"}],
"surfaces":[
{"selector":"meta[property=\"product:price:amount\"]","place":"attribute","attributes":["content"]},
{"selector":"meta[property=\"og:price:amount\"]","place":"attribute","attributes":["content"]},
{"selector":"[itemprop=\"price\"]","place":"attribute","attributes":["content","value"]},
{"selector":"[itemprop=\"price\"]"},
{"selector":"[itemprop=\"lowPrice\"]","place":"attribute","attributes":["content","value"],"role":"if-equal"},
{"selector":"[itemprop=\"lowPrice\"]","role":"if-equal"},
{"selector":"[itemprop=\"highPrice\"]","place":"attribute","attributes":["content","value"],"role":"if-equal"},
{"selector":"[itemprop=\"highPrice\"]","role":"if-equal"}]}"#;

const SHOPIFY: Preset = Preset {
    name: "shopify",
    charge: Charge::None,
    statement: "the hosted checkout charges the price of the variant: a quote reaches it only through a Cart Transform \
                function that reads the line item property _haggle_quote, verifies it and returns lineUpdate with a \
                fixedPricePerUnit; Shopify runs lineUpdate on Shopify Plus (and development stores) only, and not for \
                lines with a selling plan. With such a function in place set charge = \"cart-transform\"; a shop of \
                your own that makes draft orders sets charge = \"server\"",
    rules: r##"{
"field":"properties[_haggle_quote]",
"pages":[{"path":"*/products/{sku}"}],
"cards":[
{"selector":".card-wrapper","sku":{"selector":"a[href]","attribute":"href","pattern":"*/products/{sku}"}},
{"selector":".product-card","sku":{"selector":"a[href]","attribute":"href","pattern":"*/products/{sku}"}},
{"selector":".grid-product","sku":{"selector":"a[href]","attribute":"href","pattern":"*/products/{sku}"}},
{"selector":"figure.product","sku":{"selector":"a[href]","attribute":"href","pattern":"*/products/{sku}"}}],
"surfaces":[
{"selector":".price__regular .price-item--regular"},
{"selector":".price__sale .price-item--sale"},
{"selector":".price__sale s.price-item--regular","role":"compare-at"},
{"selector":"#ProductPrice"},
{"selector":"#ComparePrice","role":"compare-at"},
{"selector":"[id^=\"ProductPrice-\"]"},
{"selector":"[id^=\"ComparePrice-\"]","role":"compare-at"},
{"selector":"[data-product-price]"},
{"selector":"[data-compare-price]","role":"compare-at"},
{"selector":".product-card .price","role":"if-equal"},
{"selector":"select[name=\"id\"] option","role":"if-equal"},
{"selector":"meta[name=\"twitter:data1\"]","place":"attribute","attributes":["content"],"role":"if-equal"},
{"selector":"script[id^=\"ProductJson\"]","place":"script","keys":["price","price_min","price_max"],"item_keys":["handle","sku"],"scale":"minor","role":"if-equal"},
{"selector":"script[data-product-json]","place":"script","keys":["price","price_min","price_max"],"item_keys":["handle","sku"],"scale":"minor","role":"if-equal"}],
"forms":[{"selector":"form[action*=\"/cart/add\"]"}]}"##,
};

const WOOCOMMERCE: Preset = Preset {
    name: "woocommerce",
    charge: Charge::Server,
    statement: "a plugin of a few lines keeps the posted haggle_quote with the cart item \
                (woocommerce_add_cart_item_data), verifies it, and sets the price in \
                woocommerce_before_calculate_totals with $cart_item['data']->set_price(), each time totals are \
                calculated",
    rules: r##"{
"pages":[{"path":"*/product/{sku}"}],
"cards":[
{"selector":"li.product","sku":{"selector":"[data-product_sku]","attribute":"data-product_sku"}},
{"selector":"li.wc-block-grid__product","sku":{"selector":"[data-product_sku]","attribute":"data-product_sku"}}],
"surfaces":[
{"selector":".summary .price"},
{"selector":".summary .price del","role":"compare-at"},
{"selector":".wp-block-woocommerce-product-price .price"},
{"selector":".wp-block-woocommerce-product-price .price del","role":"compare-at"},
{"selector":"li.product .price"},
{"selector":"li.product .price del","role":"compare-at"},
{"selector":".wc-block-grid__product-price"},
{"selector":".wc-block-grid__product-price del","role":"compare-at"},
{"selector":"form.variations_form","place":"attribute","attributes":["data-product_variations"],"keys":["display_price","price_html"],"item_keys":["sku"],"role":"if-equal"}],
"forms":[{"selector":"form.cart"}]}"##,
};

const MAGENTO: Preset = Preset {
    name: "magento",
    charge: Charge::Server,
    statement: "a module verifies the posted haggle_quote in an observer of checkout_cart_product_add_after and sets it \
                on the quote item with setCustomPrice() and setOriginalCustomPrice(), and \
                getProduct()->setIsSuperMode(true) so that collecting totals keeps it",
    rules: r##"{
"pages":[{"path":"*/{sku}.html"}],
"cards":[
{"selector":"li.product-item","sku":{"selector":"[data-product-sku]","attribute":"data-product-sku"}},
{"selector":"ul.products-grid > li.item"}],
"surfaces":[
{"selector":"[data-price-type=\"finalPrice\"]"},
{"selector":"[data-price-type=\"finalPrice\"]","place":"attribute","attributes":["data-price-amount"]},
{"selector":"[data-price-type=\"oldPrice\"]","role":"compare-at"},
{"selector":".product-view [id^=\"product-price-\"]"},
{"selector":".product-view [id^=\"old-price-\"]","role":"compare-at"},
{"selector":"script[type=\"text/x-magento-init\"]","place":"script","keys":["amount"],"role":"if-equal"}],
"forms":[{"selector":"#product_addtocart_form"},{"selector":"form[data-role=\"tocart-form\"]"}]}"##,
};

const BIGCOMMERCE: Preset = Preset {
    name: "bigcommerce",
    charge: Charge::None,
    statement: "the storefront's own cart takes no price and keeps no extra field of a form: a quote reaches the hosted \
                checkout only where the add-to-cart form is posted to a server of yours, which verifies it and writes \
                the line into the cart through the Carts API with list_price. With such a server in place set \
                charge = \"cart-api\"",
    rules: r##"{
"pages":[{"path":"/{sku}"}],
"cards":[{"selector":"article.card","sku":{"selector":"a[href]","attribute":"href","pattern":"/{sku}"}}],
"surfaces":[
{"selector":".productView-price .price--withTax","role":"if-equal"},
{"selector":".productView-price .price--withoutTax","role":"if-equal"},
{"selector":".productView-price .price--rrp","role":"compare-at"},
{"selector":".productView-price .price--non-sale","role":"compare-at"},
{"selector":"article.card .price--withTax","role":"if-equal"},
{"selector":"article.card .price--withoutTax","role":"if-equal"},
{"selector":"article.card .price--rrp","role":"compare-at"},
{"selector":"article.card .price--non-sale","role":"compare-at"}],
"forms":[{"selector":"form[data-cart-item-add]"}]}"##,
};

const PRESTASHOP: Preset = Preset {
    name: "prestashop",
    charge: Charge::Server,
    statement: "a module verifies the posted haggle_quote in the hook actionCartUpdateQuantityBefore and adds a \
                SpecificPrice with the id_cart of this cart and the price of the quote, net of tax; it is deleted with \
                the cart line",
    rules: r##"{
"pages":[{"path":"*/{sku}-*.html"}],
"cards":[
{"selector":".product-miniature","sku":{"attribute":"data-id-product"}},
{"selector":".ajax_block_product"}],
"surfaces":[
{"selector":".current-price-value"},
{"selector":".current-price-value","place":"attribute","attributes":["content"]},
{"selector":".product-discount .regular-price","role":"compare-at"},
{"selector":"#our_price_display"},
{"selector":"#old_price_display","role":"compare-at"},
{"selector":".product-miniature .price"},
{"selector":".product-miniature .regular-price","role":"compare-at"},
{"selector":"#product-details","place":"attribute","attributes":["data-product"],"keys":["price_amount","price"],"role":"if-equal"},
{"selector":"script:not([src])","place":"script","keys":["productPrice"],"role":"if-equal"}],
"forms":[{"selector":"#add-to-cart-or-refresh"},{"selector":"#buy_block"}]}"##,
};

const SHOPWARE: Preset = Preset {
    name: "shopware",
    charge: Charge::Server,
    statement: "a plugin keeps the posted haggle_quote in the line item's payload, and a cart collector and processor \
                (CartDataCollectorInterface, CartProcessorInterface) verify it and give the line a \
                QuantityPriceDefinition of the quote's price",
    rules: r##"{
"pages":[{"path":"*/{sku}"}],
"cards":[{"selector":".product-box","sku":{"selector":"a.product-name","attribute":"href","pattern":"*/{sku}"}}],
"surfaces":[
{"selector":".product-detail-price"},
{"selector":".product-detail-price .list-price-price","role":"compare-at"},
{"selector":".product-detail-list-price-wrapper","role":"compare-at"},
{"selector":".product-box .product-price"},
{"selector":".product-box .list-price","role":"compare-at"}],
"forms":[{"selector":"#productDetailPageBuyProductForm"},{"selector":"form.buy-widget"}]}"##,
};

const SCHEMA_ORG: Preset = Preset {
    name: "schema-org",
    charge: Charge::Server,
    statement: "the pages say nothing of the checkout: the shop's server verifies the posted haggle_quote and charges \
                its price; where the checkout is hosted elsewhere and takes no price, set charge = \"none\"",
    rules: "{}",
};
