//! `haggle page`, `haggle site` and `haggle presets`.

use serde_json::json;

use super::{file, haggle};

const PAGE: &str = "<p>Oil\n<b id=price>19,00 €</b><del>25,00 €</del>\n<form action=/cart/add></form>";

#[test]
fn a_saved_page_shows_its_places_with_their_lines() {
    let site = file(
        "site.toml",
        "[[pages]]\npath = \"/p/{sku}\"\n[[surfaces]]\nselector = \"#price\"\n[[surfaces]]\nselector = \"del\"\nrole = \"compare-at\"\n\
         [[forms]]\nselector = \"form\"\n",
    );
    let written = file("written.html", "");
    let (site, written) = (site.to_str().unwrap(), written.to_str().unwrap());
    let options = ["--site", site, "--path", "/p/OIL", "--item", "OIL:19.00:17.50:EUR"];
    let run = haggle(&[&["page", "-", "--write", written], &options[..]].concat(), PAGE);
    assert_eq!(
        (run.code, run.out.as_str()),
        (
            0,
            "place   item  line     text         result\n\
             #price   OIL     2  19,00 €      rewritten\n\
             del      OIL     2  25,00 €  higher, stays\n\
             OIL: shown at 17.50 EUR in 1 places, 1 hidden fields\n"
        ),
        "{}",
        run.err
    );
    let page = std::fs::read_to_string(written).unwrap();
    let expected =
        PAGE.replace("19,00", "17,50").replace("</form>", "<!-- haggle_quote: quote of OIL --></form>");
    assert!(page.starts_with(&expected), "{page}");

    let run = haggle(&[&["page", "-", "--json"], &options[..]].concat(), &PAGE.replace("19,00", "18,00"));
    assert_eq!((run.code, run.json()["items"][0]["mismatches"].clone()), (1, json!(["#price"])));
    assert_eq!(run.json()["places"][0]["result"], "mismatch");
    assert_eq!(haggle(&[&["page", "-"], &options[..]].concat(), "<p>nothing").code, 1);
}

#[test]
fn what_is_wrong_is_named() {
    let site = file("bad-site.toml", "[[surfaces]]\nselector = \"p:has(b)\"\n");
    let site = site.to_str().unwrap();
    for (arguments, why) in [
        (vec!["site", site], "surfaces[0].selector is \"p:has(b)\""),
        (vec!["page", "-", "--item", "OIL:19.00:EUR"], "SKU:FROM:TO:CURRENCY"),
        (vec!["page", "-", "--item", "OIL:19.001:17:EUR"], "19.001 is not an amount in EUR"),
        (vec!["page", "-", "--item", "OIL:19:17:EURO"], "ISO 4217"),
    ] {
        let run = haggle(&arguments, PAGE);
        assert_eq!(run.code, 2);
        assert!(run.err.contains(why), "{}", run.err);
    }
}

#[test]
fn a_site_says_whether_a_quote_reaches_the_charge() {
    let site = file("shop.toml", "preset = \"shopify\"\n[skus]\na = \"B\"\n");
    let run = haggle(&["site", site.to_str().unwrap()], "");
    assert_eq!(run.code, 1);
    assert!(run.out.contains("charge none, hidden field properties[_haggle_quote]"), "{}", run.out);
    assert!(run.err.contains("Cart Transform"), "{}", run.err);
    let site = file("shop.toml", "preset = \"shopify\"\ncharge = \"cart-transform\"\n");
    let run = haggle(&["site", site.to_str().unwrap(), "--json"], "");
    assert_eq!((run.code, run.json()), (0, json!({ "preset": "shopify", "charge": "cart-transform" })));
}

#[test]
fn presets_are_listed_with_their_charge() {
    let run = haggle(&["presets"], "");
    assert!(
        run.code == 0 && run.out.starts_with("shopify (charge: none)\n  the hosted checkout"),
        "{}",
        run.out
    );
    let all = haggle(&["presets", "--json"], "").json();
    assert_eq!(all.as_array().unwrap().len(), 7);
    assert_eq!(all[1]["rules"]["forms"][0]["selector"], "form.cart");
}
