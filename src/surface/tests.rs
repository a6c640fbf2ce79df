//! Shapes of data as real shops have them, and laws that hold for any data.

use proptest::prelude::*;
use serde_json::Value;

use super::amount::{self, Amount};
use super::script::{Keys, attribute_edits};
use super::{Find, Found, Item, Outcome, Price, Scale, apply, json_ld, script};

fn price(currency: &str, catalogue_minor: i64, price_minor: i64) -> Price {
    Price { catalogue_minor, price_minor, currency: currency.parse().unwrap(), is_disclosed: false }
}

/// The item `A` at a price, under its own name only.
fn only_a(price: Price) -> impl FnMut(&str) -> Option<Item> {
    move |name| (name == "A").then(|| Item { sku: "A".into(), price })
}

fn changed(text: &str, outcome: &Outcome) -> String {
    let mut edits: Vec<_> = outcome.items.iter().flat_map(|item| item.edits.clone()).collect();
    edits.sort_by_key(|edit| edit.range.start);
    apply(text, &edits)
}

/// The record of the item `A`.
fn a(outcome: &Outcome) -> &Found {
    outcome.items.iter().find(|item| item.sku == "A").expect("A was found")
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| name.to_string()).collect()
}

/// A text with `[before|after]` where an amount changes, as (before, after).
fn marked(text: &str) -> (String, String) {
    let (mut before, mut after) = (String::new(), String::new());
    for (i, part) in text.split("⟦").enumerate() {
        let (pair, rest) = if i == 0 { ("", part) } else { part.split_once('⟧').unwrap() };
        let (old, new) = pair.split_once('|').unwrap_or_default();
        before.extend([old, rest]);
        after.extend([new, rest]);
    }
    (before, after)
}

fn assert_script(keys: &[&str], scale: Scale, price: Price, marked_text: &str) {
    let (before, after) = marked(marked_text);
    let (price_keys, item_keys) = (names(keys), names(&["sku", "handle"]));
    let keys = Keys { price: &price_keys, item: &item_keys, scale };
    let outcome = script::edits(&before, &keys, Some("A"), &mut only_a(price));
    assert_eq!(changed(&before, &outcome), after);
    assert_eq!(a(&outcome).mismatches, Vec::<String>::new(), "{before}");
    assert_eq!(a(&outcome).written as usize, marked_text.matches('⟦').count(), "{before}");
}

#[test]
fn scripts_of_real_shops_change_their_prices_and_nothing_else() {
    let (major, minor) = (Scale::Major, Scale::Minor);
    for (keys, scale, price, text) in [
        (
            vec!["price", "price_min", "price_max"],
            minor,
            price("USD", 1199, 1050),
            r#"P({"tags":["s0 \u0026 x"],"price":⟦1199|1050⟧,"price_min":⟦1199|1050⟧,"price_max":⟦1199|1050⟧,"compare_at_price":1199,"variants":[{"price":⟦1199|1050⟧,"weight":1199},{"price":1299}]})"#,
        ),
        (
            vec!["price"],
            minor,
            price("USD", 1199, 1050),
            "push({\n  sku: 'A',\n  quantity: 1199,\n  price: ⟦1199|1050⟧,\n  compare_at_price_max: 1999 });",
        ),
        (
            vec!["price"],
            major,
            price("USD", 4000, 3550),
            "var qty = parseInt(x('qty').value);\n var price = '⟦40|35.50⟧';\n var totalPrice = qty * price;",
        ),
        (
            vec!["Price"],
            major,
            price("USD", 4000, 3550),
            "_kmq.push(['record', {'SKU':'G', 'Price':'$⟦40.00|35.50⟧','Product Name':'It\\'s'}]);",
        ),
        (
            vec!["basePrice"],
            major,
            price("EUR", 3200, 2850),
            r##"new C({"template":"#{price}\u00a0\u20ac","basePrice":"⟦32|28.50⟧","oldPrice":"32"});"##,
        ),
        (
            vec!["productPrice", "priceInclTax"],
            major,
            price("EUR", 3200, 2850),
            r#"o = {"productPrice":⟦32|28.5⟧,"productOldPrice":32,"priceInclTax":⟦32|28.5⟧};"#,
        ),
        (
            vec!["productPrice"],
            major,
            price("EUR", 893, 990),
            "var a=7.44;var productPrice=⟦8.93|9.90⟧;var productPriceTaxExcluded=8.93;",
        ),
        (
            vec!["price"],
            major,
            price("CLP", 24990, 19990),
            "{\n \"price\": \"⟦24990|19990⟧\",\n \"dimension2\": \"24990\" }",
        ),
        (
            vec!["ecomm_totalvalue", "value"],
            major,
            price("USD", 11199, 9950),
            r#"Q("{\"url\":\"https:\\/\\/a.b\\/e.php?n=1&value=⟦111.99|99.50⟧&c=2\\\"\",\"ecomm_totalvalue\":⟦111.99|99.50⟧}")"#,
        ),
        (
            vec!["bidPrice", "bidPriceDouble"],
            major,
            price("GBP", 1299, 1150),
            r#"{"bidPrice":"GBP ⟦12,99|11,50⟧","bidPriceDouble":"⟦12.99|11.50⟧","x":"GBP 12,99"}"#,
        ),
        (
            vec!["original_price", "prices.price"],
            minor,
            price("CHF", 1950, 2100),
            r#"{"price":1950,"original_price":⟦1950|2100⟧,"prices":{"price":⟦1950|2100⟧}}"#,
        ),
        (
            vec!["productFullPrice", "EM.price"],
            major,
            price("RON", 17334, 16500),
            "EM.productFullPrice = ⟦173.34|165.00⟧;EM.price=⟦173.34|165.00⟧; X.price=173.34",
        ),
        (
            vec!["price.value", "price.formatted"],
            major,
            price("EUR", 7495, 6990),
            "{\"price\":{\"value\":⟦74.95|69.90⟧,\"formatted\":\"⟦74,95|69,90⟧\u{a0}€\"},\"originalPrice\":{\"value\":74.95}}",
        ),
        (
            vec!["dynx_totalvalue"],
            major,
            price("BYN", 50220, 48000),
            "gtag('e', {\n'dynx_totalvalue': ⟦502.2|480⟧\n});",
        ),
        (
            vec!["product_price"],
            major,
            price("EUR", 9995, 10450),
            r#"x.url = "\x2F\x2Fa"; x.exactag.product_price = "⟦99.95|104.50⟧";"#,
        ),
        (vec!["price"], major, price("EUR", 6784, 7000), r#"{"price":⟦67.8400|70.0000⟧,"b":"67.84"}"#),
    ] {
        assert_script(&keys, scale, price, text);
    }
}

#[test]
fn html_in_json_and_json_in_attributes_are_read_through_their_escapes() {
    let dollars = price("USD", 1900, 1750);
    assert_script(
        &["price_html"],
        Scale::Major,
        dollars,
        r#"[{"sku":"A","price_html":"\u003cspan class=\"x19.00\"\u003e\u003cbdi\u003e\u003cspan\u003e&#36;\u003c\/span\u003e⟦19.00|17.50⟧\u003c\/bdi\u003e\u003c\/span\u003e"}]"#,
    );
    let keys = names(&["price", "display_price", "price_html"]);
    let keys = Keys { price: &keys, item: &[], scale: Scale::Major };
    let (before, after) = marked(
        "[{&quot;display_price&quot;:⟦19|17.5⟧,&quot;price&quot;:&#34;⟦19.00|17.50⟧&#34;,&quot;sku&quot;:&quot;19&quot;,\
         &quot;price_html&quot;:&quot;&lt;bdi class=\\&quot;price\\&quot;&gt;&amp;#36;⟦19.00|17.50⟧&lt;\\/bdi&gt;&quot;}]",
    );
    let outcome = attribute_edits(&before, &keys, Some("A"), &mut only_a(dollars));
    assert_eq!(changed(&before, &outcome), after);
    assert_eq!(a(&outcome).written, 3);
}

#[test]
fn a_value_is_of_the_innermost_object_that_names_an_item() {
    let text = r#"{"sku":"B","price":19.00,"related":[{"price":19.00,"sku":"A"},{"sku":"C","price":19.00}]}"#;
    let (keys, item) = (names(&["price"]), names(&["sku"]));
    let keys = Keys { price: &keys, item: &item, scale: Scale::Major };
    let outcome = script::edits(text, &keys, Some("A"), &mut only_a(price("EUR", 1900, 1750)));
    assert_eq!(changed(text, &outcome), text.replacen(r#"[{"price":19.00"#, r#"[{"price":17.50"#, 1));
}

#[test]
fn another_amount_is_a_mismatch_only_where_the_item_is_named() {
    let (keys, item) = (names(&["price"]), names(&["sku"]));
    let keys = Keys { price: &keys, item: &item, scale: Scale::Major };
    let mut find = only_a(price("EUR", 1900, 1750));
    let named = script::edits(r#"{"sku":"A","price":18}"#, &keys, None, &mut find);
    assert_eq!((a(&named).others, a(&named).mismatches.as_slice()), (1, &names(&["price"])[..]));
    let unnamed = script::edits(r#"{"price":18}"#, &keys, Some("A"), &mut find);
    assert_eq!((a(&unnamed).others, a(&unnamed).mismatches.len()), (1, 0));
    let none = script::edits(r#"{"price":null,"b":{"price":f(19)}}"#, &keys, Some("A"), &mut find);
    assert_eq!(none.items, []);
}

#[test]
fn programs_are_read_past_what_looks_like_strings() {
    for text in [
        "a = b.replace(/[\"'/]/g, \"\"); price = ⟦19|17.5⟧; // it's price = 19\n/* price: 19 */",
        "t = `it's ${x}`; if (price == 19 || price >= 19 || price => 19) { price = ⟦19|17.5⟧ }",
        "price = -19; price = 19px; price = 019; price = 0x19; price = 1e1; x = c ? price : y, {price:⟦19.0|17.5⟧}",
        "don't { price: ⟦19|17.5⟧ }\n var s = 'unfinished\n price = '⟦19|17.50⟧'",
        "<!--\nvar price = \"⟦19,00|17,50⟧ EUR\";\n//-->",
        "}}]) {\"price\" : ⟦19.000|17.500⟧",
    ] {
        assert_script(&["price"], Scale::Major, price("EUR", 1900, 1750), text);
    }
}

#[test]
fn a_number_keeps_its_decimals_or_gains_those_that_it_needs() {
    for (text, from, to, expected) in [
        ("15", 1500, 1550, "15.50"),
        ("15", 1500, 1600, "16"),
        ("15.0", 1500, 1550, "15.5"),
        ("15.0", 1500, 1600, "16.0"),
        ("15.00", 1500, 1600, "16.00"),
        ("52.8", 5280, 4755, "47.55"),
        ("52.8", 5280, 4700, "47"),
        (" 67.8400 ", 6784, 7, " 0.0700 "),
        ("1,500.00", 150_000, 99_900, "999.00"),
    ] {
        let Amount::Price(edits) = amount::of_text(text, &price("EUR", from, to), Scale::Major) else {
            panic!("{text}")
        };
        assert_eq!(apply(text, &edits), expected, "{text} to {to}");
    }
    for text in ["15.001", "", "x", "150", "99999999999999999999999"] {
        let amount = amount::of_text(text, &price("EUR", 1500, 1400), Scale::Major);
        assert!(matches!(amount, Amount::Other | Amount::Missing), "{text}: {amount:?}");
    }
    assert_eq!(amount::of_text("1500", &price("EUR", 1500, 1400), Scale::Major), Amount::Other);
    assert_eq!(amount::of_text("15", &price("EUR", 1500, 1400), Scale::Minor), Amount::Other);
    assert_eq!(amount::of_text("€15", &price("EUR", 1500, 1550), Scale::Major), Amount::Unfit);
    assert_eq!(amount::of_text("€15", &price("EUR", 1500, 1500), Scale::Major), Amount::Price(vec![]));
}

fn assert_json_ld(page: Option<&str>, price: Price, marked_text: &str) -> Found {
    let (before, after) = marked(marked_text);
    let outcome = json_ld::edits(&before, page, &mut only_a(price));
    assert_eq!(changed(&before, &outcome), after);
    let found = a(&outcome);
    assert_eq!(found.written as usize, marked_text.matches('⟦').count(), "{before}");
    found.clone()
}

#[test]
fn the_offers_of_a_product_change() {
    let euro = price("EUR", 1900, 1750);
    for (page, text) in [
        (None, r#"{"@type":"Product","sku":"A","offers":{"@type":"Offer","price":⟦19|17.5⟧}}"#),
        (
            None,
            "[ {\"@type\" : [\"Thing\",\"http:\\/\\/schema.org\\/Product\"],\n\"mpn\":\"A\",\t\"offers\":[{\"price\":\"⟦19.00|17.50⟧\"},{\"price\":\"21.00\"}]}]",
        ),
        (
            Some("A"),
            r#"{"@graph":[{"@type":"WebSite"},{"@type":"schema:Product","sku":"other","offers":{"price":"⟦19|17.50⟧","priceCurrency":"EUR"}}]}"#,
        ),
        (
            Some("A"),
            r#"{"@type":"ItemPage","mainEntity":{"@type":"Car","offers":{"price":⟦19.0|17.5⟧},"isSimilarTo":[{"@type":"Product","sku":"A","offers":{"price":19.0}}],"review":{"price":19}}}"#,
        ),
        (
            None,
            r#"{"@type":"ProductGroup","url":"https://shop/p/A/?x=1#y","hasVariant":[{"@type":"Product","sku":"A-1","offers":{"price":⟦19|17.5⟧}},{"@type":"Product","offers":{"price":20}}]}"#,
        ),
        (
            None,
            r#"{"@type":"ItemList","itemListElement":[{"@type":"ListItem","item":{"@type":"Product","sku":"A","offers":{"price":⟦19|17.5⟧}}},{"@type":"Product","sku":"B","offers":{"price":19}}]}"#,
        ),
        (
            Some("A"),
            r#"[{"@type":"Product","sku":"A","offers":{"price":⟦19|17.5⟧}},{"@type":"Product","sku":"B","offers":{"price":19}}]"#,
        ),
        (None, r#"{"@type":"Product","offers":[{"sku":"A","price":⟦19|17.5⟧},{"sku":"B","price":19}]}"#),
        (
            None,
            r#"{"@graph":[{"@type":"Offer","@id":"/o","price":⟦19|17.5⟧},{"@type":"Product","productID":"sku:A","offers":{"@id":"/o"}}]}"#,
        ),
        (
            None,
            r#"{"@type":"Offer","price":"⟦19|17.50⟧","itemOffered":{"@type":"Product","sku":"A"},"shippingDetails":{"shippingRate":{"price":19}},"addOn":{"@type":"Offer","price":19}}"#,
        ),
        (
            Some("A"),
            r#"{"@type":"Product","offers":{"@type":"AggregateOffer","lowPrice":"⟦19|17.50⟧","highPrice":"25","offers":[{"price":"⟦19|17.50⟧"},{"price":"25"}]}}"#,
        ),
        (Some("A"), r#"{"@type":"Product","offers":{"lowPrice":⟦19|17.5⟧,"highPrice":⟦19|17.5⟧}}"#),
        (
            Some("A"),
            r#"{"@type":"Product","offers":{"price":⟦19|17.5⟧,"priceSpecification":[{"price":⟦19|17.5⟧,"referenceQuantity":{"value":19}},{"price":19,"priceType":"https://schema.org/ListPrice"},{"price":19,"priceType":"StrikethroughPrice"},{"price":19,"validForMemberTier":{"@id":"/t"}},{"@type":"DeliveryChargeSpecification","price":19}]}}"#,
        ),
        (
            Some("A"),
            r#"{"@type":"Product","offers":[{"price":19,"priceCurrency":"USD"},{"price":"⟦19,00|17,50⟧ €","priceCurrency":"EUR"}]}"#,
        ),
        (
            Some("A"),
            "\n/*<![CDATA[*/\n{\"@type\":\"Product\",\"offers\":[{\"price\":\"⟦19.00|17.50⟧\",}]}\n/*]]>*/",
        ),
        (Some("A"), "{\"name\": \"a \"b\"\", \"offers\": {\"price\": \"⟦19.00|17.50⟧\"}"),
    ] {
        assert_eq!(assert_json_ld(page, euro, text).mismatches, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_would_say_two_prices_is_a_mismatch() {
    for (page, text) in [
        (None, r#"{"@type":"Product","sku":"A","offers":{"price":18}}"#),
        (Some("A"), r#"{"@type":"Product","sku":"B","offers":{"price":18}}"#),
        (
            Some("A"),
            r#"[{"@type":"Product","sku":"C","offers":{"price":19}},{"@type":"Product","sku":"B","offers":{"price":19}}]"#,
        ),
        (None, r#"{"@type":"Product","sku":"A","offers":{"lowPrice":19,"highPrice":25}}"#),
        (
            None,
            r#"{"@type":"Product","sku":"A","offers":{"price":19,"priceSpecification":{"price":25,"priceType":"ListPrice"}}}"#,
        ),
        (None, r#"{"@type":"Product","sku":"A","offers":{"price":"€19 or so"}}"#),
    ] {
        let outcome = json_ld::edits(text, page, &mut only_a(price("EUR", 1900, 2650)));
        assert!(!a(&outcome).mismatches.is_empty(), "{text}");
    }
}

#[test]
fn a_page_without_offers_of_the_item_is_none_of_its_surfaces() {
    for text in [
        r#"{"@type":"Product","sku":"A","aggregateRating":{"ratingValue":19}}"#,
        r#"{"@type":"Organization","price":19,"makesOffer":{"@type":"Offer","price":19}}"#,
        r#"{"@type":"BreadcrumbList","itemListElement":[{"item":{"@id":"/A","name":"19.00"}}]}"#,
        "",
        "[",
    ] {
        let outcome = json_ld::edits(text, Some("A"), &mut only_a(price("EUR", 1900, 1750)));
        assert_eq!(outcome.items, [], "{text}");
    }
}

#[test]
fn the_catalogue_price_is_found_and_changes_nothing() {
    let text = r#"{"@type":"Product","sku":"A","offers":{"price":"19.00","lowPrice":"19,00 €"}}"#;
    let outcome = json_ld::edits(text, None, &mut only_a(price("EUR", 1900, 1900)));
    assert_eq!((a(&outcome).written, a(&outcome).edits.len()), (2, 0));
}

#[test]
fn depth_and_size_have_limits() {
    let deep = format!("{}{}", "[{\"offers\":".repeat(20_000), "1");
    json_ld::edits(&deep, Some("A"), &mut only_a(price("EUR", 1900, 1750)));
    let circle = format!(
        r#"{{"@type":"Product","@id":"a","offers":[{0}],"hasVariant":[{0}]}}"#,
        r#"{"@id":"a"},"#.repeat(5000)
    );
    json_ld::edits(&circle, Some("A"), &mut only_a(price("EUR", 1900, 1750)));
    let long = format!("[{}]", "{\"price\":19,\"sku\":\"A\"},".repeat(40_000));
    let (keys, item) = (names(&["price"]), names(&["sku"]));
    let keys = Keys { price: &keys, item: &item, scale: Scale::Major };
    let outcome = script::edits(&long, &keys, Some("A"), &mut only_a(price("EUR", 1900, 1750)));
    assert_eq!(a(&outcome).mismatches, ["size"]);
    let nested =
        (0..12).fold("{\"price\":19}".to_string(), |inner, _| serde_json::to_string(&inner).unwrap());
    script::edits(&nested, &keys, Some("A"), &mut only_a(price("EUR", 1900, 1750)));
}

/// Any JSON, with some of the properties and prices that matter.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::from(19)),
        Just(Value::from(19.5)),
        Just(Value::from("19.00")),
        Just(Value::from("A")),
        Just(Value::from("Product")),
        Just(Value::from("Offer")),
        Just(Value::from("{\"price\": \"19.00 \\u20ac\"}")),
        ".{0,8}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("@type"),
        Just("sku"),
        Just("offers"),
        Just("price"),
        Just("lowPrice"),
        Just("highPrice"),
        Just("hasVariant"),
        Just("@graph"),
        Just("priceSpecification"),
        Just("name \" / \\ é"),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.to_string(), value));
                Value::Object(members.collect())
            }),
        ]
    })
}

/// The same JSON with prices instead of prices.
fn same_but_for_prices(before: &Value, after: &Value, key: &str) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|((name, before), (other, after))| {
                    name == other && same_but_for_prices(before, after, name)
                })
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| same_but_for_prices(before, after, key))
        }
        (Value::String(before), Value::String(after)) => {
            let is_price = before == "19.00" && after == "17.50";
            before == after
                || is_price && matches!(key, "price" | "lowPrice" | "highPrice")
                || before.contains("price") && before.replace("19.00", "17.50") == *after
        }
        (Value::Number(before), Value::Number(after)) if before != after => {
            before.as_f64() == Some(19.0)
                && after.as_f64() == Some(17.5)
                && matches!(key, "price" | "lowPrice" | "highPrice")
        }
        (before, after) => before == after,
    }
}

fn both(text: &str, find: &mut Find) -> [Outcome; 2] {
    let (keys, item) = (names(&["price"]), names(&["sku"]));
    let keys = Keys { price: &keys, item: &item, scale: Scale::Major };
    [json_ld::edits(text, Some("A"), find), script::edits(text, &keys, Some("A"), find)]
}

proptest! {
    #[test]
    fn valid_json_stays_valid_and_differs_in_prices_only(value in json(), is_pretty: bool) {
        let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        for outcome in both(&text, &mut only_a(price("EUR", 1900, 1750))) {
            let after = changed(&text, &outcome);
            let after: Value = serde_json::from_str(&after).map_err(|e| TestCaseError::fail(format!("{e}: {after}")))?;
            prop_assert!(same_but_for_prices(&value, &after, ""), "{text} became {after}");
        }
    }

    #[test]
    fn a_named_product_always_gets_its_price(others in json(), is_first: bool) {
        let product = serde_json::json!({"@type": "Product", "sku": "A", "offers": {"price": 19}});
        let list = if is_first { [product, others] } else { [others, product] };
        let outcome = json_ld::edits(&serde_json::to_string(&list).unwrap(), None, &mut only_a(price("EUR", 1900, 1750)));
        prop_assert!(a(&outcome).written >= 1);
    }

    #[test]
    fn any_text_has_an_outcome(text in "([{}\\[\\]():=,;\"'`/\\\\<&*\n.]|price|sku|A|19|19.00|offers|@type|Product|&quot;|\\\\u0022|é| ){0,60}") {
        let mut find = only_a(price("EUR", 1900, 1750));
        for outcome in both(&text, &mut find) {
            for item in &outcome.items {
                prop_assert!(item.edits.iter().all(|edit| text.get(edit.range.clone()).is_some()));
                prop_assert!(item.edits.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start), "{item:?}");
            }
            changed(&text, &outcome);
        }
        let keys = names(&["price"]);
        attribute_edits(&text, &Keys { price: &keys, item: &[], scale: Scale::Minor }, Some("A"), &mut find);
        amount::of_text(&text, &price("EUR", 1900, 1750), Scale::Minor);
    }
}

#[test]
fn what_never_ends_is_looked_for_once() {
    let keys = names(&["price"]);
    let keys = Keys { price: &keys, item: &[], scale: Scale::Major };
    for endless in ["\"\\\"", "'\\'", "`\\`", "(/["] {
        // Searched anew from each place, each of these takes minutes.
        let text = format!("price = 19; {}\nprice = 19", endless.repeat(60_000));
        let outcome = script::edits(&text, &keys, Some("A"), &mut only_a(price("EUR", 1900, 1750)));
        assert!(a(&outcome).written >= 1, "{endless}");
    }
}

#[test]
fn the_code_of_a_currency_may_be_written_small() {
    let json = |code: &str| {
        format!(r#"{{"@type":"Product","sku":"A","offers":{{"price":19,"priceCurrency":"{code}"}}}}"#)
    };
    let find = || only_a(price("EUR", 1900, 1750));
    for (code, written) in [("EUR", 1), ("eur", 1), (" Eur ", 1)] {
        assert_eq!(a(&json_ld::edits(&json(code), None, &mut find())).written, written, "{code}");
    }
    assert!(json_ld::edits(&json("usd"), None, &mut find()).items.is_empty());
}
