use proptest::prelude::*;

use super::*;
use crate::money::PRICE_MINOR_MAX;

fn refusal(json: &str) -> String {
    CatalogueItem::from_json(json).unwrap_err().to_string()
}

#[test]
fn an_item_has_what_its_line_says() {
    let json = r#"{"sku": "A-1", "price_minor": 1900, "price_includes_tax": true, "tax_rate": 0.077, "cost_minor": 800,
        "compare_at_minor": 2500, "map_minor": 1700, "brand": "Fabrikam", "category": "Food > Oil", "family": "olive",
        "stock": -2, "past": 12345, "test_price": 1750, "organic": true, "label": null}"#;
    let item = CatalogueItem::from_json(json).unwrap();
    assert_eq!((item.tax, item.cost_minor, item.stock), (Tax::included(0.077), Some(800), Some(-2)));
    assert_eq!(
        (item.number("test_price"), item.number("organic"), item.number("past")),
        (Some(1750), None, Some(12345))
    );
    assert_eq!((item.text("organic").as_deref(), item.text("label")), (Some("true"), None));
    assert_eq!(
        (item.text("price_minor").as_deref(), item.text("family").as_deref()),
        (Some("1900"), Some("olive"))
    );
    let plain =
        CatalogueItem::from_json(r#"{"sku": "A", "price_minor": 1, "family": null, "tax_rate": null}"#)
            .unwrap();
    let expected =
        CatalogueItem { sku: "A".into(), family: "A".into(), price_minor: 1, ..CatalogueItem::default() };
    assert_eq!(plain, expected);
    assert_eq!((plain.text("brand"), plain.text("stock"), plain.number("stock")), (None, None, None));
    assert_eq!(plain.to_json(), r#"{"sku":"A","price_minor":1}"#);
}

#[test]
fn each_refusal_names_the_field_what_was_given_and_what_is_allowed() {
    let with = |fields: &str| format!(r#"{{"sku": "A", "price_minor": 1900, {fields}}}"#);
    for (json, why) in [
        ("[]".into(), "not a catalogue item in JSON: it is a list; it must be an object"),
        ("{".into(), "not a catalogue item in JSON: expected a name in double quotes"),
        (r#"{"price_minor": 1900}"#.into(), "sku is missing; it must be a text"),
        (r#"{"sku": "A"}"#.into(), "price_minor is missing; it must be an integer"),
        (r#"{"sku": "a b", "price_minor": 1}"#.into(), "sku is \"a b\"; it must be 1 to 64 visible ASCII"),
        (r#"{"sku": "A", "price_minor": 0}"#.into(), "price_minor is 0; it must be 1 to 1000000000"),
        (r#"{"sku": "A", "price_minor": 19.5}"#.into(), "price_minor is 19.5; it must be an integer"),
        (with(r#""cost_minor": -1"#), "cost_minor is -1; it must be 0 to 1000000000"),
        (with(r#""compare_at_minor": 0"#), "compare_at_minor is 0; it must be 1 to"),
        (with(r#""map_minor": "12""#), "map_minor is \"12\"; it must be an integer"),
        (with(r#""stock": 1e3"#), "stock is 1e3; it must be an integer"),
        (with(r#""past": 9000000000000000"#), "past is 9000000000000000; it must be -1000000000000000 to"),
        (with(r#""brand": 7"#), "brand is 7; it must be a text"),
        (
            with(r#""category": "a\tb""#),
            "category is \"a\\tb\"; it must be a text without control characters",
        ),
        (
            with(&format!(r#""label": "{}""#, "x".repeat(501))),
            "label is 501 characters long; it must be at most 500",
        ),
        (with(r#""": 1"#), "name of a column is \"\"; it must be 1 to 64 characters"),
        (with(r#""tags": ["a"]"#), "tags is a list; it must be a text, a number, true or false"),
        (with(r#""tax_rate": 0.19"#), "price_includes_tax is missing; it must be given with a tax_rate"),
        (
            with(r#""price_includes_tax": true"#),
            "tax_rate is missing; it must be given where prices include tax",
        ),
    ] {
        let error = refusal(&json);
        assert!(error.contains(why), "{json}: {error}");
    }
    let columns: Vec<String> = (0..=COLUMNS_MAX).map(|i| format!(r#""c{i}": 1"#)).collect();
    assert!(refusal(&with(&columns.join(","))).contains("number of columns is 51; it must be at most 50"));
}

fn any_item() -> impl Strategy<Value = CatalogueItem> {
    let amount = || proptest::option::of(1..=PRICE_MINOR_MAX);
    let text = || "[^\\p{Cc}]{0,20}";
    let amounts = (
        1..=PRICE_MINOR_MAX,
        amount(),
        amount(),
        amount(),
        proptest::option::of(-9..9_i64),
        0..=1_000_000_u32,
    );
    let columns = proptest::collection::btree_map("col_[a-z]{1,8}", "[^\\p{Cc}]{0,20}", 0..6);
    ("[!#-%(-;=?-\\[\\]-~]{1,64}", amounts, text(), text(), "[^\\p{Cc}]{1,20}", columns).prop_map(
        |(
            sku,
            (price_minor, cost_minor, compare_at_minor, map_minor, stock, rate),
            brand,
            category,
            family,
            columns,
        )| {
            let (tax, past) = (Tax::included(f64::from(rate) / 1e6), stock.map(|stock| stock * 1000));
            CatalogueItem {
                sku,
                price_minor,
                tax,
                cost_minor,
                compare_at_minor,
                map_minor,
                brand,
                category,
                family,
                stock,
                past,
                columns,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(item in any_item()) {
        let json = item.to_json();
        prop_assert!(!json.contains('\n'));
        prop_assert_eq!(CatalogueItem::from_json(&json).unwrap(), item);
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in ".{0,80}", item in any_item(), at in any::<prop::sample::Index>(), to in r#"[\[\]{},:"\\ue0-9.+ -]"#
    ) {
        let mut damaged: Vec<char> = item.to_json().chars().collect();
        let at = at.index(damaged.len());
        damaged.splice(at..=at, to.chars());
        for text in [text, damaged.into_iter().collect()] {
            // What was taken can be kept: it is within its limits and comes back as it is.
            if let Ok(item) = CatalogueItem::from_json(&text) {
                prop_assert!(item.check().is_ok());
                prop_assert_eq!(CatalogueItem::from_json(&item.to_json()).unwrap(), item);
            }
        }
    }
}
