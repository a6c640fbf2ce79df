//! What holds for every page, however it is written and in whatever pieces it comes.

use super::*;

const SITE: &str = r##"{"skus":{"oil-slug":"OIL"},"pages":[{"path":"/p/{sku}"}],
    "cards":[{"selector":"li","sku":{"attribute":"data-id"}},{"selector":"aside"},
             {"selector":"article","sku":{"selector":"a","attribute":"href","pattern":"*/p/{sku}"}}],
    "surfaces":[{"selector":".price"},{"selector":"li b","role":"if-equal"},{"selector":"del","role":"compare-at"},
                {"selector":"[data-price]","place":"attribute","attributes":["data-price"],"scale":"minor"},
                {"selector":"[data-json]","place":"attribute","attributes":["data-json"],"keys":["price"]},
                {"selector":"#data","place":"script","keys":["price"],"item_keys":["sku"]},
                {"selector":"#must","required":true}],
    "forms":[{"selector":"form.cart"}]}"##;

/// Pieces of pages, well and badly formed.
const PIECES: [&str; 60] = [
    "19.00",
    "19,00&nbsp;€",
    "$",
    "19",
    "00",
    "1900",
    "5.00 ",
    "18.00",
    "25.00",
    " ",
    "\n",
    "é",
    "&euro;",
    "<b data-haggle-sku=OIL>",
    "<b data-haggle-sku='NUT'>",
    "<b data-haggle-sku=X>",
    "</b>",
    "<b>",
    "<p class=price>",
    "<p class='price' data-price=1900>",
    "</p>",
    "<div>",
    "</div>",
    "<span class=price>",
    "</span>",
    "<del>",
    "</del>",
    "<ul>",
    "</ul>",
    "<li data-id=OIL>",
    "<li data-id=NUT>",
    "<li>",
    "</li>",
    "<aside>",
    "</aside>",
    "<article>",
    "</article>",
    "<a href=/p/OIL>",
    "<a href='https://s.example/x/p/oil-slug?a=1'>",
    "</a>",
    "<form class=cart>",
    "<form data-haggle-sku=OIL>",
    "</form>",
    "<!-- 19.00 -->",
    "<br>",
    "<p id=must>",
    "<script type='application/ld+json'>{\"@type\":\"Product\",\"offers\":{\"price\":\"19.00\"}}</script>",
    "<script id=data>x={\"sku\":\"NUT\",\"price\":5}</script>",
    "<script>19.00",
    "</script>",
    "<style>19.00</style>",
    "<i data-json='{\"price\":19}'></i>",
    "<meta data-haggle-sku=OIL content=19.0>",
    "<textarea>",
    "</textarea>",
    "<p data-haggle-disclosure>",
    "<p data-haggle-disclosure=OIL>x</p>",
    "<body data-haggle-sku=OIL>",
    "<",
    "<b data-hag",
];

fn pages() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        20 => proptest::sample::select(PIECES.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn paths() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["/", "/p/OIL", "/p/oil-slug", "/p/NUT", "/p/X"])
}

/// The page in pieces of these lengths, over and over.
fn pieces<'p>(page: &'p [u8], lengths: &[usize]) -> Vec<&'p [u8]> {
    let (mut pieces, mut rest) = (Vec::new(), page);
    for &length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn whole(site: &Site, path: &str, page: &[u8], prices: &Prices) -> (Vec<u8>, Report) {
    bytes_of(site, path, std::iter::once(page), prices)
}

/// The output without the client's tag.
fn untagged(bytes: &[u8]) -> &[u8] {
    let tag = b"<script type=\"module\" src=\"/haggle/haggle.js\"";
    let at = bytes.windows(tag.len()).rposition(|window| window == tag);
    &bytes[..at.unwrap_or(bytes.len())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn without_offers_every_byte_stays(page in pages(), path in paths(), lengths in proptest::collection::vec(1usize..9, 1..4)) {
        let site = Site::from_json(SITE).unwrap();
        let (bytes, report) = bytes_of(&site, path, pieces(&page, &lengths).into_iter(), &Prices(Vec::new()));
        prop_assert_eq!(bytes, page);
        prop_assert!(report.items.is_empty());
    }

    #[test]
    fn the_pieces_in_which_a_page_comes_do_not_matter(
        page in pages(), path in paths(), lengths in proptest::collection::vec(1usize..9, 1..4), is_personal: bool
    ) {
        let site = Site::from_json(SITE).unwrap();
        let oil = if is_personal { "OIL!" } else { "OIL" };
        let prices = Prices(vec![(oil, 1900, 1750), ("NUT", 500, 600)]);
        let (bytes, report) = whole(&site, path, &page, &prices);
        let (other, others) = bytes_of(&site, path, pieces(&page, &lengths).into_iter(), &prices);
        prop_assert_eq!(String::from_utf8_lossy(&other), String::from_utf8_lossy(&bytes));
        prop_assert_eq!(format!("{:?}", others.items), format!("{:?}", report.items));
    }

    #[test]
    fn the_catalogue_price_changes_nothing(page in pages(), path in paths()) {
        let site = Site::from_json(&SITE.replace("form.cart", "no-form")).unwrap();
        let page = String::from_utf8_lossy(&page).replace("<form data-haggle-sku=OIL>", "");
        let prices = Prices(vec![("OIL", 1900, 1900), ("NUT", 500, 500)]);
        let (bytes, _) = whole(&site, path, page.as_bytes(), &prices);
        prop_assert_eq!(String::from_utf8_lossy(untagged(&bytes)), page);
    }

    /// Whatever was changed is changed back by the opposite prices, so nothing else was.
    #[test]
    fn there_and_back_again_is_the_same_page(page in pages(), path in paths()) {
        let site = Site::from_json(&SITE.replace("form.cart", "no-form")).unwrap();
        let page = String::from_utf8_lossy(&page).replace("<form data-haggle-sku=OIL>", "").replace("18.00", "");
        let there = Prices(vec![("OIL", 1900, 2100), ("NUT", 500, 600)]);
        let back = Prices(vec![("OIL", 2100, 1900), ("NUT", 600, 500)]);
        let (changed, report) = whole(&site, path, page.as_bytes(), &there);
        // About one page in five.
        if report.items.iter().all(PageItem::is_shown) {
            let (again, _) = whole(&site, path, untagged(&changed), &back);
            prop_assert_eq!(String::from_utf8_lossy(untagged(&again)), page);
        }
    }

    #[test]
    fn any_bytes_go_through(page in proptest::collection::vec(any::<u8>(), 0..200), near in "[<>/!a-z =\"'-]{0,80}") {
        for page in [page, near.into_bytes()] {
            let (bytes, _) = whole(&Site::default(), "/", &page, &Prices(OIL.to_vec()));
            prop_assert_eq!(bytes, page);
        }
    }
}

#[test]
fn a_page_of_two_thousand_items_is_done_in_one_go() {
    struct All;
    impl Offers for All {
        fn price(&self, sku: &str) -> Option<Price> {
            let currency = "EUR".parse().unwrap();
            let price = Price { catalogue_minor: 1900, price_minor: 1750, currency, is_disclosed: false };
            sku.starts_with("SKU-").then_some(price)
        }
    }
    let items: Vec<String> = (0..2000)
        .map(|i| format!("<li><h2>Item {i}</h2><b data-haggle-sku=SKU-{i}>19,00 €</b><form data-haggle-sku=SKU-{i}></form></li>"))
        .collect();
    let page = items.concat();
    let (site, mut output) = (Site::default(), Output::default());
    let mut rewriter = Rewriter::new(&site, "/", &All);
    for piece in page.as_bytes().chunks(4096) {
        rewriter.push(piece, &mut output);
    }
    let report = rewriter.end(&mut output);
    assert_eq!(report.items.iter().filter(|item| item.is_shown()).count(), 2000);
    assert_eq!(output.fields.len(), 2000);
    let page = page.replace("19,00", "17,50");
    assert!(output.bytes.starts_with(page.as_bytes()));
}

/// Nothing that never ends may fill the memory: what waits is bounded, and every byte goes out.
#[test]
fn a_comment_without_an_end_is_let_go() {
    let (site, prices) = (Site::default(), Prices(vec![("OIL", 1900, 1750)]));
    let mut rewriter = Rewriter::new(&site, "/", &prices);
    let (mut output, mut given) = (Output::default(), 0);
    let first = "<b data-haggle-sku=OIL>19,00 €</b><!--";
    for piece in std::iter::once(first.as_bytes()).chain(std::iter::repeat_n(&[b'x'; 65_536][..], 100)) {
        rewriter.push(piece, &mut output);
        given += piece.len();
        assert!(given - output.bytes.len() <= TOKEN_MAX + 65_536, "{given} bytes in, {}", output.bytes.len());
    }
    let report = rewriter.end(&mut output);
    assert!(output.bytes.starts_with("<b data-haggle-sku=OIL>17,50 €</b><!--xxx".as_bytes()));
    assert_eq!(output.bytes.len(), given);
    assert_eq!(report.items[0].mismatches, ["unended"]);
}
