use super::*;

fn refusal(json: &str) -> String {
    Site::from_json(json).unwrap_err().to_string()
}

#[test]
fn each_refusal_says_what_was_given_and_what_is_allowed() {
    for (json, given, allowed) in [
        ("[]", "a list", "an object"),
        (r#"{"presets":"shopify"}"#, "field presets is not known", "preset, charge"),
        (r#"{"preset":"oxid"}"#, "preset is \"oxid\"", "shopify, woocommerce, magento"),
        (r#"{"charge":"card"}"#, "charge is \"card\"", "server, cart-transform, cart-api, none"),
        (r#"{"preset":"woocommerce","charge":"cart-transform"}"#, "cart-transform", "server or none"),
        (r#"{"field":""}"#, "field is \"\"", "1 to 500"),
        (r#"{"skus":{"a":1}}"#, "skus.a is 1", "a text"),
        (r#"{"skus":["a"]}"#, "skus is a list", "an object"),
        (r#"{"pages":{}}"#, "pages is an object", "a list"),
        (r#"{"pages":[{"path":"/p"}]}"#, "pages[0].path is \"/p\"", "a sku beside it"),
        (r#"{"pages":[{"path":"/{sku}","sku":"A"}]}"#, "pages[0].sku is \"A\"", "left out"),
        (r#"{"pages":[{"path":"/{id}"}]}"#, "pages[0].path is \"/{id}\"", "other than in {sku}"),
        (r#"{"cards":[{"selector":"li","sku":{}}]}"#, "cards[0].sku.attribute is missing", "a text"),
        (
            r#"{"cards":[{"selector":"li","sku":{"attribute":"a","pattern":"/p"}}]}"#,
            "cards[0].sku.pattern is \"/p\"",
            "with {sku}",
        ),
        (r#"{"surfaces":[{"place":"text"}]}"#, "surfaces[0].selector is missing", "a text"),
        (
            r#"{"surfaces":[{"selector":"p","place":"attribute"}]}"#,
            "surfaces[0].attributes is missing",
            "given",
        ),
        (r#"{"surfaces":[{"selector":"p","place":"script"}]}"#, "surfaces[0].keys is missing", "given"),
        (r#"{"surfaces":[{"selector":"p","role":"old"}]}"#, "surfaces[0].role is \"old\"", "compare-at"),
        (r#"{"surfaces":[{"selector":"p","scale":"cents"}]}"#, "\"cents\"", "major, minor"),
        (r#"{"surfaces":[{"selector":"p","required":1}]}"#, "surfaces[0].required is 1", "true or false"),
        (r#"{"surfaces":[{"selector":"p","price":1}]}"#, "surfaces[0].price is not known", "item_keys"),
        (
            r#"{"surfaces":[{"selector":"p","place":"attribute","attributes":["a b"]}]}"#,
            "surfaces[0].attributes[0] is \"a b\"",
            "name of an attribute",
        ),
        (r#"{"forms":[{"id":"f"}]}"#, "forms[0].id is not known", "selector"),
    ] {
        let error = refusal(json);
        assert!(error.contains(given) && error.contains(allowed), "{json}: {error}");
    }
    let many = format!(r#"{{"forms":[{}]}}"#, vec![r#"{"selector":"form"}"#; 65].join(","));
    assert!(refusal(&many).contains("at most 64"), "{}", refusal(&many));
}

#[test]
fn a_selector_that_is_not_supported_is_shown_with_its_place() {
    let error = refusal(r#"{"surfaces":[{"selector":"p:has(a)"}]}"#);
    assert!(error.contains("surfaces[0].selector is \"p:has(a)\""), "{error}");
}

#[test]
fn the_empty_site_charges_at_the_shop_and_knows_no_page() {
    for site in [Site::default(), Site::from_json("{}").unwrap()] {
        assert_eq!((site.field(), site.charge()), ("haggle_quote", Charge::Server));
        assert_eq!(site.page_sku("/products/x"), None);
        assert!(site.check_charge().is_ok() && site.preset().is_none());
    }
}

#[test]
fn the_first_rule_for_a_page_wins_and_names_are_mapped() {
    let site = Site::from_json(
        r#"{"skus":{"harvest oil":"OLIVE-500"},
            "pages":[{"path":"/products/gift","sku":"GIFT"},{"path":"*/products/{sku}"}]}"#,
    )
    .unwrap();
    for (path, sku) in [
        ("/products/gift", Some("GIFT")),
        ("/en/products/gift", Some("gift")),
        ("/products/harvest%20oil?utm=1", Some("OLIVE-500")),
        ("/cart", None),
    ] {
        assert_eq!(site.page_sku(path).as_deref(), sku, "{path}");
    }
    assert_eq!(site.written_as("OLIVE-500").collect::<Vec<_>>(), ["harvest oil"]);
}

#[test]
fn every_preset_can_be_read_and_says_how_a_quote_reaches_the_charge() {
    for preset in Preset::ALL {
        let site = Site::from_json(&format!(r#"{{"preset":"{}"}}"#, preset.name())).unwrap();
        assert_eq!((site.preset(), site.charge()), (Some(preset), preset.charge()));
        assert!(preset.statement().len() > 80 && !preset.statement().contains("  "), "{}", preset.name());
        assert!(!site.surfaces.is_empty() && site.surfaces.iter().all(|surface| !surface.is_required));
        assert_eq!(site.rules.len(), site.selectors.len());
        match preset.charge() {
            Charge::None => {
                let error = site.check_charge().unwrap_err().to_string();
                assert!(error.contains("unit visitor") && error.contains(preset.statement()), "{error}");
            }
            _ => assert!(site.check_charge().is_ok()),
        }
    }
}

#[test]
fn a_hosted_checkout_can_be_charged_where_the_shop_says_how() {
    for (preset, charge) in
        [("shopify", "cart-transform"), ("shopify", "server"), ("bigcommerce", "cart-api")]
    {
        let site = Site::from_json(&format!(r#"{{"preset":"{preset}","charge":"{charge}"}}"#)).unwrap();
        assert_eq!(site.charge().name(), charge);
        assert!(site.check_charge().is_ok());
    }
    assert_eq!(Site::from_json(r#"{"preset":"shopify"}"#).unwrap().field(), "properties[_haggle_quote]");
    assert_eq!(Site::from_json(r#"{"preset":"shopify","field":"q"}"#).unwrap().field(), "q");
}

#[test]
fn own_rules_stand_before_those_of_the_preset_and_in_the_place_of_the_same() {
    let site = Site::from_json(
        r##"{"preset":"shopify","surfaces":[{"selector":"#ProductPrice","required":true},{"selector":"#bar"}]}"##,
    )
    .unwrap();
    let named: Vec<bool> = site
        .surfaces
        .iter()
        .filter(|surface| surface.selector == "#ProductPrice")
        .map(|surface| surface.is_required)
        .collect();
    assert_eq!(named, [true]);
    assert_eq!(site.surfaces.iter().position(|surface| surface.selector == "#bar"), Some(1));
}

#[test]
#[cfg(feature = "toml")]
fn toml_and_json_are_one_document() {
    let toml =
        "preset = \"magento\"\n[skus]\na = \"B\"\n[[surfaces]]\nselector = \"p\"\npaths = [\"/x/*\"]\n";
    let json = r#"{"preset":"magento","skus":{"a":"B"},"surfaces":[{"selector":"p","paths":["/x/*"]}]}"#;
    let (toml, json) = (Site::from_toml(toml).unwrap(), Site::from_json(json).unwrap());
    assert_eq!((toml.surfaces, toml.skus), (json.surfaces, json.skus));
    assert!(Site::from_toml("preset = 1").unwrap_err().to_string().contains("preset is 1"));
}
