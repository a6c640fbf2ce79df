//! Each kind of surface, with and without its price.

use super::*;

/// The page with the new price, on a site without rules.
fn marked(page: &str) -> Done {
    rewrite("{}", "/", page, &OIL)
}

#[test]
fn a_marked_text_is_repriced_in_place() {
    for (page, expected) in [
        ("<b data-haggle-sku=OIL>19,00&nbsp;€</b>", "<b data-haggle-sku=OIL>17,50&nbsp;€</b>"),
        (
            "<B DATA-haggle-SKU='OIL' >\n<i>$</i><span>19</span><sup>00</sup>\n</B>x",
            "<B DATA-haggle-SKU='OIL' >\n<i>$</i><span>17</span><sup>50</sup>\n</B>x",
        ),
        (
            "<p data-haggle-sku=OIL>CHF <!-- -->19.00<p>19.00",
            "<p data-haggle-sku=OIL>CHF <!-- -->17.50<p>19.00",
        ),
        (
            "<b data-haggle-sku=OIL><script>19.00</script>19.00<style>19.00</style></b>",
            "<b data-haggle-sku=OIL><script>19.00</script>17.50<style>19.00</style></b>",
        ),
        (
            "<b data-haggle-sku=OIL>19.00<textarea>19.00</textarea></b>",
            "<b data-haggle-sku=OIL>17.50<textarea>19.00</textarea></b>",
        ),
        (
            "<textarea data-haggle-sku=OIL>19.00</textarea><b data-haggle-sku=OIL>19.00",
            "<textarea data-haggle-sku=OIL>17.50</textarea><b data-haggle-sku=OIL>17.50",
        ),
        ("<b data-haggle-sku=&#79;IL>19.00</b>", "<b data-haggle-sku=&#79;IL>17.50</b>"),
    ] {
        let done = marked(page);
        assert_eq!(done.page, expected);
        assert!(done.item("OIL").is_shown() && !done.tag.is_empty(), "{page}");
    }
}

#[test]
fn a_mark_without_the_catalogue_price_is_a_mismatch_and_nothing_more_of_the_item_changes() {
    for page in [
        "<b data-haggle-sku=OIL>18.00</b><b data-haggle-sku=OIL>19.00</b>",
        "<b data-haggle-sku=OIL></b><b data-haggle-sku=OIL>19.00</b>",
        "<img data-haggle-sku=OIL><b data-haggle-sku=OIL>19.00</b>",
        "<b data-haggle-sku=OIL>free</b><form data-haggle-sku=OIL></form>",
    ] {
        let done = marked(page);
        assert_eq!(done.page, page);
        assert_eq!(done.mismatches("OIL"), ["data-haggle-sku"]);
        assert!(!done.item("OIL").is_shown() && done.tag.is_empty());
    }
    let page = "<b data-haggle-sku=OTHER>19.00</b>";
    let done = marked(page);
    assert_eq!((done.page.as_str(), done.report.items.len()), (page, 0));
}

#[test]
fn attributes_of_a_marked_element_hold_the_price_too() {
    let done = marked(
        "<meta data-haggle-sku=OIL content=19.0000><span data-haggle-sku=OIL data-price=1900 \
         aria-label='now 19,00 &euro;'>19,00 €</span><input type=hidden data-haggle-sku=OIL value=\"19\">\
         <li value=1900 data-haggle-sku=OIL>19.00<button data-haggle-sku=OIL value=4711>Buy for 19.00</button>",
    );
    assert_eq!(
        done.page,
        "<meta data-haggle-sku=OIL content=17.5000><span data-haggle-sku=OIL data-price=1750 \
         aria-label='now 17,50 &euro;'>17,50 €</span><input type=hidden data-haggle-sku=OIL value=\"17.50\">\
         <li value=1750 data-haggle-sku=OIL>17.50<button data-haggle-sku=OIL value=4711>Buy for 17.50</button>"
    );
    assert!(done.item("OIL").is_shown());
    let shown = "<b data-haggle-sku=OIL>19.00</b>";
    for (page, is_match) in [
        ("<b data-haggle-sku=OIL data-price=20.00>19.00</b>", false),
        ("<b data-haggle-sku=OIL data-price=19.00>20.00</b>", false),
        ("<b data-haggle-sku=OIL data-price=19.00>on sale</b>", true),
    ] {
        let done = marked(&format!("{shown}{page}"));
        assert_eq!(done.mismatches("OIL").is_empty(), is_match, "{page}");
    }
}

#[test]
fn what_shoppers_do_not_see_alone_is_not_shown() {
    let page = "<title data-haggle-sku=OIL>Oil 19.00</title><meta data-haggle-sku=OIL content=19.00>";
    let done = marked(page);
    assert_eq!(done.mismatches("OIL"), ["no visible price"]);
    assert_eq!((done.item("OIL").written, done.tag.as_str()), (2, ""));
}

#[test]
fn a_surface_in_a_surface_is_one_place() {
    let site = r#"{"pages":[{"path":"/","sku":"OIL"}],"surfaces":[{"selector":".price"},{"selector":"b"}]}"#;
    for (page, expected, written) in [
        ("<p class=price>$<b>19</b><sup>00</sup></p>", "<p class=price>$<b>17</b><sup>50</sup></p>", 1),
        ("<b class=price data-haggle-sku=OIL>19.00</b>", "<b class=price data-haggle-sku=OIL>17.50</b>", 1),
        ("<p data-haggle-sku=OIL>19.00 <b>19.00</b></p>", "<p data-haggle-sku=OIL>17.50 <b>17.50</b></p>", 1),
        (
            "<p class=price>€ <b data-haggle-sku=OIL>19.00</b></p>",
            "<p class=price>€ <b data-haggle-sku=OIL>17.50</b></p>",
            1,
        ),
    ] {
        let done = rewrite(site, "/", page, &OIL);
        assert_eq!(done.page, expected);
        assert_eq!((done.item("OIL").written, done.mismatches("OIL")), (written, vec![]), "{page}");
    }
    // Another item's mark takes its own text out of the surface around it.
    let prices = [("OIL", 1900, 1750), ("NUT", 500, 450)];
    let page = "<p class=price>19.00 <b data-haggle-sku=NUT>5.00</b> <b data-haggle-sku=X>19.00</b></p>";
    let done = rewrite(site, "/", page, &prices);
    assert_eq!(done.page, page.replace(">19.00 ", ">17.50 ").replace("5.00", "4.50"));
    assert!(done.item("OIL").is_shown() && done.item("NUT").is_shown());
}

#[test]
fn a_price_of_before_stays_and_must_be_above_the_new_price() {
    let site = r#"{"pages":[{"path":"/","sku":"OIL"}],
        "surfaces":[{"selector":".price"},{"selector":"del","role":"compare-at"},
                    {"selector":"del","place":"attribute","attributes":["data-was"],"role":"compare-at"}]}"#;
    let page = "<p class=price><del data-was=25>25.00 €</del> 19.00 €</p>";
    let done = rewrite(site, "/", page, &OIL);
    assert_eq!(done.page, page.replace("19.00", "17.50"));
    for (page, price) in [(page, 2500), ("<del>19.00</del><p class=price>19.00</p>", 1900)] {
        let done = rewrite(site, "/", page, &[("OIL", 1900, price)]);
        assert_eq!(done.mismatches("OIL").is_empty(), price == 1900, "{price}");
    }
    let done = rewrite(site, "/", page, &[("OIL", 1900, 2600)]);
    assert_eq!((done.page.as_str(), done.mismatches("OIL")), (page, vec!["compare-at"]));
}

#[test]
fn attribute_rules_take_numbers_texts_and_json() {
    let site = r##"{"pages":[{"path":"/p/{sku}"}],"surfaces":[{"selector":"b"},
        {"selector":"#a","place":"attribute","attributes":["data-cents","data-price"],"scale":"minor"},
        {"selector":"#j","place":"attribute","attributes":["data-json"],"keys":["amount"],"item_keys":["sku"]}]}"##;
    let page = "<i id=a data-cents='1900' DATA-PRICE=\"19,00 €\"></i>\
                <i id=j data-json='{\"sku\":\"OIL\",\"amount\":19,\"n\":19}'></i>\
                <i id=j data-json=\"{&quot;amount&quot;:&quot;19.00&quot;}\"></i><b>19.00</b>";
    let done = rewrite(site, "/p/OIL", page, &OIL);
    let expected = "<i id=a data-cents='1750' DATA-PRICE=\"17,50 €\"></i>\
                    <i id=j data-json='{\"sku\":\"OIL\",\"amount\":17.5,\"n\":19}'></i>\
                    <i id=j data-json=\"{&quot;amount&quot;:&quot;17.50&quot;}\"></i><b>17.50</b>";
    assert_eq!(done.page, expected);
    let done = rewrite(site, "/p/OIL", "<b>19.00</b><i id=a data-cents=1800></i>", &OIL);
    assert_eq!(done.mismatches("OIL"), ["#a"]);
}

#[test]
fn json_ld_is_always_on_and_scripts_where_a_rule_says_so() {
    let site = r##"{"pages":[{"path":"/p/{sku}"}],"surfaces":[{"selector":"b"},
        {"selector":"#data","place":"script","keys":["price"],"item_keys":["id"],"scale":"minor"}]}"##;
    let page = "<script type='application/ld+json'>{\"@type\":\"Product\", \"offers\":{\"price\":\"19.00\"}}</script>\
                <script id=data>x = {\"id\":\"OIL\", \"price\":1900}</script><script>x={\"price\":1900}</script><b>19.00</b>";
    let done = rewrite(site, "/p/OIL", page, &OIL);
    let expected = page
        .replace("\"19.00\"", "\"17.50\"")
        .replacen("1900", "1750", 1)
        .replace("<b>19", "<b>17")
        .replace("<b>17.00", "<b>17.50");
    assert_eq!((done.page, done.report.items[0].written), (expected, 3));
    let other = page.replace("\"19.00\"", "\"21.00\"");
    assert_eq!(rewrite(site, "/p/OIL", &other, &OIL).mismatches("OIL"), ["json-ld"]);
}

#[test]
fn a_place_that_may_hold_another_price_is_a_mismatch_where_it_has_no_room_for_the_new_one() {
    let site = r##"{"pages":[{"path":"/p/{sku}"}],"surfaces":[{"selector":"b"},{"selector":"i","role":"if-equal"},
        {"selector":"u","place":"attribute","attributes":["title"],"role":"if-equal"},
        {"selector":"script","place":"script","keys":["text"],"role":"if-equal"}]}"##;
    for (other, unfit) in [
        ("<i>from \u{20ac}21</i>", "<i>from \u{20ac}19</i>"),
        ("<u title='\u{20ac} 21'>", "<u title='\u{20ac} 19'>"),
        ("<script>text='\u{20ac} 21'</script>", "<script>text='\u{20ac} 19'</script>"),
    ] {
        let page = |place: &str| format!("{place}<b>19.00</b>");
        assert!(rewrite(site, "/p/OIL", &page(other), &OIL).item("OIL").is_shown(), "{other}");
        assert!(rewrite(site, "/p/OIL", &page(unfit), &OIL).item("OIL").has_mismatch(), "{unfit}");
    }
    let marked = "<b data-haggle-sku=OIL data-price=19.00>\u{20ac}19</b>";
    assert!(rewrite("{}", "/", marked, &OIL).item("OIL").has_mismatch(), "its attribute does not say it all");
}

#[test]
fn a_rule_for_all_scripts_of_a_page_leaves_structured_data_to_its_own_rules() {
    let site = r##"{"pages":[{"path":"/p/{sku}"}],"surfaces":[{"selector":"b"},
        {"selector":"script","place":"script","keys":["sum"],"role":"if-equal"}]}"##;
    let page = "<script type='application/ld+json'>{\"@type\":\"Product\",\"sum\":19,\"offers\":{\"price\":19}}</script>\
                <script>sum = 19</script><b>19.00</b>";
    let expected =
        page.replace("\"price\":19", "\"price\":17.5").replace("= 19", "= 17.5").replace("19.00", "17.50");
    assert_eq!(rewrite(site, "/p/OIL", page, &OIL).page, expected);
}

#[test]
fn if_equal_and_other_pages_rules_do_not_complain_and_required_ones_do() {
    let site = r##"{"pages":[{"path":"/p/{sku}"}],"surfaces":[{"selector":"b"},
        {"selector":"option","role":"if-equal"}, {"selector":"i","paths":["/list*"]},
        {"selector":"#bar","required":true,"paths":["/p/*"]},{"selector":"u","required":true,"paths":["/x"]}]}"##;
    let page = "<i>18.00</i><select><option>S 19.00<option>XL 21.00</select><b>19.00</b>";
    let done = rewrite(site, "/p/OIL", &format!("{page}<p id=bar>19.00"), &OIL);
    assert_eq!(done.mismatches("OIL"), Vec::<&str>::new());
    assert!(done.page.contains("<option>S 17.50<option>XL 21.00"));
    for bar in ["", "<p id=bar>sold out"] {
        let done = rewrite(site, "/p/OIL", &format!("{page}{bar}"), &OIL);
        assert_eq!(done.mismatches("OIL"), ["required: #bar"]);
    }
}

#[test]
fn cards_say_their_item_by_an_attribute_or_by_an_element_in_them() {
    let site = r##"{"skus":{"harvest-oil":"OIL"},"cards":[
        {"selector":"li","sku":{"attribute":"data-id"}},
        {"selector":"article","sku":{"selector":"a[href]","attribute":"href","pattern":"*/p/{sku}"}},
        {"selector":"aside"}],"surfaces":[{"selector":".price"}],"pages":[{"path":"/","sku":"NUT"}],
        "forms":[{"selector":"form"}]}"##;
    let prices = [("OIL", 1900, 1750), ("NUT", 500, 450)];
    let page = "<li data-id=OIL class=price>19.00<li data-id=X><b class=price>19.00</b>\
        <article><b class=price>19.00</b><form></form><a href='/help'></a><a href='https://s.example/en/p/harvest-oil?x=1'>oil</a>\
        <b class=price>19.00</b></article><article><b class=price>19.00</b></article>\
        <aside><b class=price>19.00</b></aside></li><b class=price>5.00</b>";
    let done = rewrite(site, "/", page, &prices);
    let expected = "<li data-id=OIL class=price>17.50<li data-id=X><b class=price>19.00</b>\
        <article><b class=price>17.50</b><form>[haggle_quote OIL]</form><a href='/help'></a><a href='https://s.example/en/p/harvest-oil?x=1'>oil</a>\
        <b class=price>17.50</b></article><article><b class=price>19.00</b></article>\
        <aside><b class=price>19.00</b></aside></li><b class=price>4.50</b>";
    assert_eq!(done.page, expected);
    assert_eq!(
        done.tag,
        "<script type=\"module\" src=\"/haggle/haggle.js\" data-haggle='{\"items\":{\
         \"NUT\":{\"price\":450,\"texts\":[[[\"5.00\"],[\"4.50\"]]]},\
         \"OIL\":{\"price\":1750,\"texts\":[[[\"19.00\"],[\"17.50\"]]]}},\"rules\":[\
         {\"in\":\"li\",\"by\":[\"\",\"data-id\",\"\"],\"at\":\".price\"},\
         {\"in\":\"article\",\"by\":[\"a[href]\",\"href\",\"*/p/{sku}\"],\"at\":\".price\"},\
         [\".price\",\"NUT\"],\
         {\"in\":\"aside\",\"by\":[\"\",\"data-haggle-sku\",\"\"],\"at\":\".price\"}],\"skus\":{\"harvest-oil\":\"OIL\"}}'></script>"
    );
}

#[test]
fn a_form_has_its_field_once_the_price_is_shown() {
    for (page, expected) in [
        (
            "<b data-haggle-sku=OIL>19.00</b><form data-haggle-sku=OIL><button></form>",
            "<b data-haggle-sku=OIL>17.50</b><form data-haggle-sku=OIL><button>[haggle_quote OIL]</form>",
        ),
        (
            "<form data-haggle-sku=OIL><b data-haggle-sku=OIL>19.00</b></form>",
            "<form data-haggle-sku=OIL><b data-haggle-sku=OIL>17.50</b>[haggle_quote OIL]</form>",
        ),
        (
            "<form data-haggle-sku=OIL></form><b data-haggle-sku=OIL>19.00</b>",
            "<form data-haggle-sku=OIL>[haggle_quote OIL]</form><b data-haggle-sku=OIL>17.50</b>",
        ),
        (
            "<b data-haggle-sku=OIL>19.00</b><div><form data-haggle-sku=OIL><button></div>",
            "<b data-haggle-sku=OIL>17.50</b><div><form data-haggle-sku=OIL><button>[haggle_quote OIL]</div>",
        ),
        (
            "<b data-haggle-sku=OIL>19.00</b><form data-haggle-sku=OIL><button>",
            "<b data-haggle-sku=OIL>17.50</b><form data-haggle-sku=OIL><button>[haggle_quote OIL]",
        ),
        // Browsers leave such a form empty, and send it with the fields of the table.
        (
            "<b data-haggle-sku=OIL>19.00</b><table><form data-haggle-sku=OIL><tr><td><button></table></form>",
            "<b data-haggle-sku=OIL>17.50</b><table><form data-haggle-sku=OIL>[haggle_quote OIL]<tr><td><button></table></form>",
        ),
        // And they ignore a form in a form.
        (
            "<b data-haggle-sku=OIL>19.00</b><form data-haggle-sku=OIL><form data-haggle-sku=OIL></form>",
            "<b data-haggle-sku=OIL>17.50</b><form data-haggle-sku=OIL><form data-haggle-sku=OIL>[haggle_quote OIL]</form>",
        ),
        ("<form data-haggle-sku=OIL></form>", "<form data-haggle-sku=OIL></form>"),
    ] {
        assert_eq!(marked(page).page, expected);
    }
    let far =
        format!("<form data-haggle-sku=OIL></form>{}<b data-haggle-sku=OIL>19.00</b>", "<br>".repeat(70_000));
    let done = marked(&far);
    assert_eq!((done.page.as_str(), done.mismatches("OIL")), (far.as_str(), vec!["form"]));
}

#[test]
fn the_catalogue_price_changes_no_byte_and_is_checked_all_the_same() {
    let page = "<b data-haggle-sku=OIL>19,00 €</b><form data-haggle-sku=OIL></form>";
    let done = rewrite("{}", "/", page, &[("OIL", 1900, 1900)]);
    assert_eq!(done.page, page.replace("</form>", "[haggle_quote OIL]</form>"));
    assert!(done.item("OIL").is_shown() && done.tag.contains("{\"OIL\":{\"price\":1900}}"), "{}", done.tag);
    let done = rewrite("{}", "/", &page.replace("19", "18"), &[("OIL", 1900, 1900)]);
    assert!(done.item("OIL").has_mismatch());
}

#[test]
fn the_page_s_item_is_that_of_its_address_or_of_a_mark_in_it() {
    let site = r#"{"pages":[{"path":"/p/{sku}"}],"surfaces":[{"selector":"b"}]}"#;
    for (path, page) in [
        ("/p/OIL", "<b>19.00</b>"),
        ("/p/harvest", "<meta name=haggle-sku content=OIL><b>19.00</b>"),
        ("/", "<html data-haggle-sku=OIL><b>19.00</b>"),
        ("/", "<body data-haggle-sku='OIL'><p><b>19.00</b>"),
    ] {
        let done = rewrite(site, path, page, &OIL);
        assert_eq!(done.page, page.replace("19.00", "17.50"));
        assert!(done.tag.contains("\"rules\":[[\"b\",\"OIL\"]]"), "{}", done.tag);
    }
    assert!(rewrite(site, "/p/x", "<b>19.00</b>", &OIL).report.items.is_empty());
}

#[test]
fn the_disclosure_stands_where_personal_data_set_the_price() {
    let personal = [("OIL!", 1900, 1750), ("NUT", 500, 450)];
    let price = "<b data-haggle-sku=OIL>19.00</b>";
    for (page, is_filled) in [
        (format!("{price}<p data-haggle-disclosure><i>x</i></p>"), true),
        (format!("{price}<p data-haggle-disclosure=OIL></p>"), true),
        (format!("<p data-haggle-disclosure=OIL>x{price}</p>{price}"), true),
        (format!("{price}<p data-haggle-disclosure=NUT></p>"), false),
        (price.to_owned(), false),
    ] {
        let done = rewrite("{}", "/", &page, &personal);
        assert_eq!(done.page.contains(&format!(">{DISCLOSURE}</p>")), is_filled, "{page}");
        let mismatches: &[&str] = if is_filled { &[] } else { &["disclosure"] };
        assert_eq!(done.mismatches("OIL"), mismatches, "{page}");
        assert!(!rewrite("{}", "/", &page, &OIL).page.contains(DISCLOSURE), "{page}");
    }
}

#[test]
fn what_is_too_long_goes_out_as_it_came() {
    let long = format!("<b data-haggle-sku=OIL>19.00{}</b>", "<i>x</i>".repeat(9_000));
    let done = marked(&long);
    assert_eq!((done.page.as_str(), done.mismatches("OIL")), (long.as_str(), vec!["data-haggle-sku"]));
    let site = r#"{"pages":[{"path":"/","sku":"OIL"}],"surfaces":[{"selector":"b"}]}"#;
    let json = format!(
        "<script type=application/ld+json>{{\"@type\":\"Product\",{}\"offers\":{{\"price\":19}}}}</script><b>19.00",
        " ".repeat(wait::SCRIPT_MAX)
    );
    let site = Site::from_json(site).unwrap();
    let (bytes, report) = bytes_of(&site, "/", json.as_bytes().chunks(65_536), &Prices(OIL.to_vec()));
    assert_eq!(bytes, json.as_bytes());
    assert_eq!(report.items[0].mismatches, ["json-ld"]);
}

#[test]
fn pages_in_any_charset_keep_their_bytes() {
    let page = b"<p>caf\xe9 <b data-haggle-sku=OIL>\xa319.00\xa0\x80</b> \xff";
    let (bytes, report) = bytes_of(&Site::default(), "/", page.chunks(3), &Prices(OIL.to_vec()));
    let end = b"<p>caf\xe9 <b data-haggle-sku=OIL>\xa317.50\xa0\x80</b> \xff";
    assert!(bytes.starts_with(end) && report.items[0].is_shown());
    let tag = String::from_utf8(bytes[end.len()..].to_vec()).unwrap();
    assert!(
        tag.is_ascii() && tag.contains("[[\"\\u00a319.00\\u00a0\\u20ac\"],[\"\\u00a317.50\\u00a0\\u20ac\"]]"),
        "{tag}"
    );
}

#[test]
fn the_tag_is_safe_in_its_attribute() {
    let site = r#"{"pages":[{"path":"/","sku":"O'I<&"}],"surfaces":[{"selector":"b[title='x']"}]}"#;
    let done = rewrite(site, "/", "<b title=x>19.00 &amp; 'more' \\</b>", &[("O'I<&", 1900, 1750)]);
    let (_, json) = done.tag.split_once("data-haggle='").unwrap();
    let (json, rest) = json.split_once('\'').unwrap();
    assert_eq!(rest, "></script>");
    assert!(!json.contains(['&', '<', '>']));
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["items"]["O'I<&"]["texts"][0][1][0], "17.50 & 'more' \\");
    assert_eq!(json["rules"][0][0], "b[title='x']");
}

#[test]
fn places_are_noted_where_that_is_asked_for() {
    let site = Site::default();
    let prices = Prices(OIL.to_vec());
    let mut rewriter = Rewriter::new(&site, "/", &prices).noting();
    let mut output = Output::default();
    rewriter.push(b"<b data-haggle-sku=OIL>19.00</b><b data-haggle-sku=OIL>18.00</b>", &mut output);
    let seen = rewriter.end(&mut output).surfaces;
    let brief: Vec<_> = seen.iter().map(|seen| (seen.at, seen.is_matched, seen.text.as_str())).collect();
    assert_eq!(brief, [(23, Some(true), "19.00"), (55, Some(false), "18.00")]);
}

#[test]
fn two_rules_for_one_attribute_are_one_place() {
    let site = r##"{"pages":[{"path":"/","sku":"OIL"}],"surfaces":[{"selector":"b"},
        {"selector":"#a","place":"attribute","attributes":["data-price"],"scale":"minor"},
        {"selector":"i","place":"attribute","attributes":["data-price"]}]}"##;
    let done = rewrite(site, "/", "<b>19.00</b><i id=a data-price=1900></i>", &OIL);
    assert_eq!(done.page, "<b>17.50</b><i id=a data-price=1750></i>");
    assert_eq!((done.item("OIL").written, done.mismatches("OIL")), (2, vec![]));
}

#[test]
fn a_form_waits_no_longer_than_its_item_may_be_shown() {
    let (site, prices) = (Site::default(), Prices(OIL.to_vec()));
    let (mut rewriter, mut output) = (Rewriter::new(&site, "/", &prices), Output::default());
    let form = b"<form data-haggle-sku=OIL></form><p>";
    rewriter.push(form, &mut output);
    assert_eq!(output.bytes, b"<form data-haggle-sku=OIL>");
    let mismatch = b"<b data-haggle-sku=OIL>18.00</b>";
    rewriter.push(mismatch, &mut output);
    assert_eq!(output.bytes, [&form[..], mismatch].concat());
    assert!(output.fields.is_empty());
}

#[test]
fn where_elements_are_too_deep_to_be_told_apart_no_item_of_the_page_is_shown() {
    let data =
        r#"<script type=application/ld+json>{"@type":"Product","sku":"OIL","offers":{"price":19}}</script>"#;
    let after = |depth: usize| {
        rewrite("{}", "/", &format!("<b data-haggle-sku=OIL>19.00</b>{}{data}", "<div>".repeat(depth)), &OIL)
    };
    assert!(after(500).page.contains(":17.5}") && after(500).item("OIL").is_shown());
    assert!(after(600).page.contains(":19}"));
    assert_eq!(after(600).mismatches("OIL"), ["depth"]);
    let open = format!("<b data-haggle-sku=OIL>19.00{}<p>Vinegar 19.00", "<i>".repeat(600));
    assert_eq!(rewrite("{}", "/", &open, &OIL).page, open);
}

#[test]
fn a_card_that_says_its_item_too_late_contradicts_what_is_shown() {
    let site = r##"{"cards":[{"selector":"li","sku":{"selector":"a","attribute":"href","pattern":"/p/{sku}"}}],
        "surfaces":[{"selector":"i"}]}"##;
    let long = " ".repeat(70_000);
    for card in [format!("<i>19.00{long}</i>"), format!("<i>19.00</i><br>{long}<br>")] {
        let page = format!("<b data-haggle-sku=OIL>19.00</b><li>{card}<a href=/p/OIL></a></li>");
        let done = rewrite(site, "/", &page, &OIL);
        assert!(done.page.contains("<i>19.00") && done.tag.is_empty());
        assert_eq!(done.mismatches("OIL"), ["card"]);
    }
}
