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
             OIL: shown at 17.50 EUR; places: 1, hidden fields: 1\n"
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
        (
            vec!["page", "-", "--item", "OIL:19.001:17:EUR"],
            "19.001 is not an amount in EUR; it must be digits, a point",
        ),
        (
            vec!["page", "-", "--item", "OIL:19.00:17:JPY"],
            "19.00 is not an amount in JPY; it must be digits only",
        ),
        (vec!["page", "-", "--item", "OIL:19:+5:EUR"], "+5 is not an amount"),
        (
            vec!["page", "-", "--item", "OIL:19:0:EUR"],
            "0 is no price; it must be above 0 and at most 10000000.00 EUR",
        ),
        (vec!["page", "-", "--item", "OIL:10000000.01:1:EUR"], "10000000.01 is no price"),
        (vec!["page", "-", "--item", ":19:17:EUR"], "the key is empty"),
        (vec!["page", "-", "--item", "OIL:19:17:EUR", "--item", "OIL:19:18:EUR"], "OIL is given twice"),
        (vec!["page", "-", "--path", "p/OIL", "--item", "OIL:19:17:EUR"], "--path p/OIL: it must be a path"),
        (vec!["page", "-", "--item", "OIL:19:17:EURO"], "ISO 4217"),
    ] {
        let run = haggle(&arguments, PAGE);
        assert_eq!(run.code, 2);
        assert!(run.err.contains(why), "{}", run.err);
    }
}

#[test]
fn a_page_without_the_item_says_what_it_is_about() {
    let item = ["page", "-", "--item", "OIL:19.00:17.50:EUR"];
    let run = haggle(&item, "<p>19,00 €</p>");
    assert!(
        run.out.ends_with("was found: no mark, card or rule for the path / names an item\n"),
        "{}",
        run.out
    );
    let marks: String = (1..=7).map(|n| format!("<b data-haggle-sku=S{n}>19,00 €</b>")).collect();
    let run = haggle(&item, &marks);
    assert_eq!(run.code, 1);
    assert!(
        run.out.ends_with("was found: the page is about S1, S2, S3, S4, S5, and 2 more\n"),
        "{}",
        run.out
    );
}

#[test]
fn signs_that_a_terminal_obeys_are_not_passed_on() {
    let page = "<b data-haggle-sku=OIL>\u{1b}[31m19.00\u{1b}[0m\u{7}</b>";
    let run = haggle(&["page", "-", "--item", "OIL:19.00:17.50:EUR"], page);
    assert!(run.out.contains("[31m19.00[0m") && !run.out.contains(['\u{1b}', '\u{7}']), "{:?}", run.out);
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
