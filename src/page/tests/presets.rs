//! Pages as the platforms' usual themes write them, shortened: every price is found, and nothing else.

use super::*;

/// Rewrites a page of a platform from 19.00 to 17.50. `@FIELD` is where the field is expected, `~` a nine that stays.
fn run(preset: &str, path: &str, page: &str) -> Done {
    let site = format!(r#"{{"preset":"{preset}","skus":{{"harvest-oil":"OIL","7":"OIL"}}}}"#);
    let done = rewrite(&site, path, &page.replace("@FIELD", "").replace('~', "9"), &OIL);
    let field = format!("[{} OIL]", Site::from_json(&site).unwrap().field());
    let expected = page
        .replace("1900", "1750")
        .replace("19,00", "17,50")
        .replace("19.00", "17.50")
        .replace(":19,", ":17.5,")
        .replace("@FIELD", &field)
        .replace('~', "9");
    assert_eq!(done.page, expected, "{preset}");
    assert_eq!(done.mismatches("OIL"), Vec::<&str>::new(), "{preset}");
    assert!(done.item("OIL").is_shown(), "{preset}");
    done
}

#[test]
fn shopify() {
    let done = run(
        "shopify",
        "/en/products/harvest-oil",
        r#"<head><meta property="og:price:amount" content="19,00"><meta name="twitter:data1" content="Olive"></head>
<div class="product__info-container"><div class="price price--large"><div class="price__container">
<div class="price__regular"><span class="visually-hidden">Regular price</span>
<span class="price-item price-item--regular"> €19,00 EUR </span></div>
<div class="price__sale"><span><s class="price-item price-item--regular"> €25,00 EUR </s></span>
<span class="price-item price-item--sale price-item--last"> €19,00 EUR </span></div></div></div>
<form method="post" action="/cart/add" id="product-form"><select name="id"><option value="4119">Small - €19,00 EUR</option>
<option value="4120">Large - €29,00 EUR</option></select><button name="add">Add to cart</button>@FIELD</form></div>
<script type="application/json" id="ProductJson-1">{"handle":"harvest-oil","price":1900,"price_min":1900,"compare_at_price":2500,"variants":[{"id":4119,"price":1900},{"id":4120,"price":2900}]}</script>
<div class="card-wrapper"><a href="/products/other">Other</a><div class="price__regular"><span class="price-item price-item--regular">€1~,00</span></div></div>"#,
    );
    assert!(done.tag.contains("[\".price__regular .price-item--regular\",\"OIL\"]"), "{}", done.tag);
    assert!(done.tag.contains(",\"field\":\"properties[_haggle_quote]\"}'"), "{}", done.tag);
}

#[test]
fn shopify_of_before_sections() {
    run(
        "shopify",
        "/collections/all/products/harvest-oil",
        r##"<meta property="og:price:amount" content="19.00"><form action="/cart/add"><span id="ProductPrice" itemprop="price" content="19.00">$19.00</span>
<s id="ComparePrice">$25.00</s>@FIELD</form>"##,
    );
}

#[test]
fn woocommerce() {
    run(
        "woocommerce",
        "/product/harvest-oil/",
        r#"<div class="summary entry-summary"><p class="price"><del aria-hidden="true"><span class="woocommerce-Price-amount amount"><bdi>25,00&nbsp;<span class="woocommerce-Price-currencySymbol">&euro;</span></bdi></span></del>
<span class="screen-reader-text">Original price was: 25,00&nbsp;&euro;.</span><ins aria-hidden="true"><span class="woocommerce-Price-amount amount"><bdi>19,00&nbsp;<span class="woocommerce-Price-currencySymbol">&euro;</span></bdi></span></ins><span class="screen-reader-text">Current price is: 19,00&nbsp;&euro;.</span></p>
<form class="variations_form cart" data-product_variations="[{&quot;display_price&quot;:19,&quot;display_regular_price&quot;:25,&quot;sku&quot;:&quot;OIL&quot;,&quot;price_html&quot;:&quot;&lt;span class=\&quot;price\&quot;&gt;19,00&amp;nbsp;&amp;euro;&lt;\/span&gt;&quot;}]"><button>Buy</button>@FIELD</form></div>
<ul class="products"><li class="product"><a href="/product/nut/"><span class="price"><span class="amount">1~,00 €</span></span></a><a data-product_sku="NUT" class="button">Add</a></li>
<li class="product"><span class="price"><span class="amount">19,00 €</span></span><a data-product_sku="OIL">Add</a></li></ul>"#,
    );
}

#[test]
fn magento() {
    run(
        "magento",
        "/harvest-oil.html",
        r#"<meta property="product:price:amount" content="19.00"><div class="product-info-main"><div class="price-box price-final_price">
<span class="special-price"><span class="price-container"><span class="price-label">Special Price</span><span id="product-price-7" data-price-amount="19.00" data-price-type="finalPrice" class="price-wrapper"><span class="price">$19.00</span></span></span></span>
<span class="old-price"><span id="old-price-7" data-price-amount="25" data-price-type="oldPrice"><span class="price">$25.00</span></span></span></div>
<form id="product_addtocart_form"><button>Add</button>@FIELD</form></div>
<script type="text/x-magento-init">{"[data-role=priceBox]":{"priceBox":{"prices":{"oldPrice":{"amount":25},"finalPrice":{"amount":19,"adjustments":[]}}}}}</script>
<li class="item product product-item"><span data-price-type="finalPrice" data-price-amount="1~">$1~.00</span><form data-role="tocart-form" data-product-sku="NUT"></form></li>"#,
    );
}

#[test]
fn magento_of_before() {
    run(
        "magento",
        "/shop/harvest-oil.html",
        r#"<div class="product-view"><div class="price-box"><span class="regular-price" id="product-price-301"><span class="price">$19.00</span></span></div></div>
<ul class="products-grid"><li class="item"><span class="regular-price" id="product-price-9"><span class="price">$1~.00</span></span></li></ul>"#,
    );
}

#[test]
fn bigcommerce() {
    run(
        "bigcommerce",
        "/harvest-oil/",
        r#"<meta property="product:price:amount" content="19.00"><div class="productView-price"><div class="price-section price-section--withoutTax">
<span class="price-section price--rrp">$25.00</span><span data-product-price-without-tax class="price price--withoutTax">$19.00</span></div></div>
<form method="post" action="/cart.php" data-cart-item-add>@FIELD</form>
<article class="card"><a href="https://shop.example/other/" class="card-figure__link"></a><span class="price price--withoutTax">$1~.00</span></article>"#,
    );
}

#[test]
fn prestashop() {
    run(
        "prestashop",
        "/en/men/7-25-harvest-oil.html",
        r#"<div class="product-prices"><div class="product-discount"><span class="regular-price">€25.00</span></div><div class="current-price"><span class='current-price-value' content="19.00">€19.00</span></div></div>
<form action="/cart" method="post" id="add-to-cart-or-refresh"><input type="hidden" name="id_product" value="7"><button>Add</button>@FIELD</form>
<div id="product-details" data-product="{&quot;price&quot;:&quot;\u20ac19.00&quot;,&quot;price_amount&quot;:19,&quot;regular_price_amount&quot;:25}"></div>
<article class="product-miniature" data-id-product="8"><span class="price">€1~.00</span></article>
<article class="product-miniature" data-id-product="7"><span class="price">€19.00</span></article>"#,
    );
    run(
        "prestashop",
        "/7-harvest-oil.html",
        r#"<p class="our_price_display" itemprop="offers" itemscope><span id="our_price_display" itemprop="price">19,00 €</span></p>
<script type="text/javascript">var productPrice=19.00;var id_product='7';</script><form id="buy_block">@FIELD</form>"#,
    );
}

#[test]
fn shopware() {
    run(
        "shopware",
        "/Harvest-Oil/OIL",
        r#"<meta property="product:price:amount" content="19.00"><div itemprop="offers" itemscope><meta itemprop="price" content="19.00">
<p class="product-detail-price with-list-price">19,00 €* <span class="product-detail-list-price-wrapper"><span class="list-price-price">25,00 €*</span></span></p></div>
<form id="productDetailPageBuyProductForm" action="/checkout/line-item/add"><button>In den Warenkorb</button>@FIELD</form>
<div class="card product-box"><a href="/Nut/NUT" class="product-name">Nut</a><span class="product-price">1~,00 €*</span></div>"#,
    );
}

#[test]
fn schema_org() {
    let done = rewrite(
        r#"{"preset":"schema-org","pages":[{"path":"/p/{sku}"}]}"#,
        "/p/OIL",
        r#"<div itemscope itemtype="https://schema.org/Product"><div itemprop="offers" itemscope itemtype="https://schema.org/AggregateOffer">
from <span itemprop="lowPrice">19,00</span> to <span itemprop="highPrice" content="25">25,00</span></div>
<div itemprop="offers" itemscope><meta itemprop="price" content="19"/><b itemprop="price" content="19.00">19,00 €</b></div>
<div itemprop="isRelatedTo" itemscope><b itemprop="price">19,00</b></div></div>"#,
        &OIL,
    );
    assert_eq!(
        done.page,
        r#"<div itemscope itemtype="https://schema.org/Product"><div itemprop="offers" itemscope itemtype="https://schema.org/AggregateOffer">
from <span itemprop="lowPrice">17,50</span> to <span itemprop="highPrice" content="25">25,00</span></div>
<div itemprop="offers" itemscope><meta itemprop="price" content="17.50"/><b itemprop="price" content="17.50">17,50 €</b></div>
<div itemprop="isRelatedTo" itemscope><b itemprop="price">19,00</b></div></div>"#
    );
    assert!(done.item("OIL").is_shown());
}
