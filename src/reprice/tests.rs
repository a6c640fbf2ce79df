use proptest::prelude::*;

use super::*;

fn written(text: &str, from: i64, to: i64, currency: &str) -> Result<String, String> {
    reprice(text, from, to, currency.parse().unwrap()).map_err(|error| error.to_string())
}

/// The price changes as expected, and back again.
fn assert_both_ways(cases: &[(&str, &str, i64, i64, &str)]) {
    for &(currency, text, from, to, expected) in cases {
        assert_eq!(written(text, from, to, currency).as_deref(), Ok(expected), "{text}");
        assert_eq!(written(expected, to, from, currency).as_deref(), Ok(text), "{expected} and back");
        assert_eq!(written(text, from, from, currency).as_deref(), Ok(text), "{text} stays");
    }
}

#[test]
fn the_format_and_all_around_it_stays() {
    for (text, from, to, expected) in [
        ("$1,299.00", 129_900, 99_950, "$999.50"),
        ("1.299,00 €", 129_900, 149_900, "1.499,00 €"),
        ("19.99", 1999, 1750, "17.50"),
        ("  ab 19,00&nbsp;&euro; inkl. 19 % MwSt. ", 1900, 1750, "  ab 17,50&nbsp;&euro; inkl. 19 % MwSt. "),
        ("&#8364;19.00", 1900, 2100, "&#8364;21.00"),
        ("1299.00", 129_900, 1_234_500, "12345.00"),
        ("€ 999,00", 99_900, 109_900, "€ 1.099,00"),
        ("€19", 1900, 2100, "€21"),
        ("1.299 €", 129_900, 149_900, "1.499 €"),
        ("1,234,567.00", 123_456_700, 99_900, "999.00"),
        ("19.00.", 1900, 2100, "21.00."),
        ("19,00\u{c2}\u{a0}\u{e2}\u{201a}\u{ac}", 1900, 2100, "21,00\u{c2}\u{a0}\u{e2}\u{201a}\u{ac}"),
    ] {
        assert_eq!(written(text, from, to, "EUR").as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(written("¥1,299", 1299, 980, "JPY").unwrap(), "¥980");
    assert_eq!(written("1.299 KD", 1299, 1500, "KWD").unwrap(), "1.500 KD");
}

#[test]
fn the_formats_of_the_world_stay() {
    assert_both_ways(&[
        ("EUR", "1.299,00 €", 129_900, 1_499_950, "14.999,50 €"),
        ("CHF", "CHF 1'299.–", 129_900, 1_149_900, "CHF 11'499.–"),
        ("CHF", "CHF 1’299.-", 129_900, 99_900, "CHF 999.-"),
        ("CHF", "CHF 999.50", 99_950, 129_950, "CHF 1’299.50"),
        ("EUR", "1.899,-", 189_900, 149_900, "1.499,-"),
        ("SEK", "1\u{a0}299:-", 129_900, 99_900, "999:-"),
        ("JPY", "¥1,299", 1299, 12_990, "¥12,990"),
        ("JPY", "税込1,299円", 1299, 980, "税込980円"),
        ("JPY", "１，２９９円", 1299, 1499, "１，４９９円"),
        ("KRW", "12,000원", 12_000, 9_000, "9,000원"),
        ("INR", "₹1,29,900.00", 12_990_000, 99_990_000, "₹9,99,900.00"),
        ("INR", "₹2,433", 243_300, 12_343_300, "₹1,23,433"),
        ("INR", "₹123,456.00", 12_345_600, 123_456_700, "₹1,234,567.00"),
        ("BRL", "R$ 1.299,90", 129_990, 89_990, "R$ 899,90"),
        ("BRL", "R$49,90", 4_990, 123_490, "R$1.234,90"),
        ("PLN", "19,99 zł", 1_999, 129_999, "1\u{a0}299,99 zł"),
        ("SEK", "1 299 kr", 129_900, 159_900, "1 599 kr"),
        ("SEK", "1\u{202f}299 kr", 129_900, 12_345_600, "123\u{202f}456 kr"),
        ("EUR", "1&nbsp;299,00&nbsp;€", 129_900, 234_567_800, "2&nbsp;345&nbsp;678,00&nbsp;€"),
        ("EUR", "1&#160;299,00", 129_900, 159_900, "1&#160;599,00"),
        ("EUR", r"1\u00a0299,00 \u20ac", 129_900, 159_900, r"1\u00a0599,00 \u20ac"),
        ("EUR", r"1\\u00a0299,00", 129_900, 159_900, r"1\\u00a0599,00"),
        ("EUR", "1\u{c2}\u{a0}299,00", 129_900, 159_900, "1\u{c2}\u{a0}599,00"),
        ("CHF", r"CHF 1\'299.00", 129_900, 159_900, r"CHF 1\'599.00"),
        ("EGP", "١٬٢٩٩٫٥٠ ج.م", 129_950, 99_950, "٩٩٩٫٥٠ ج.م"),
        ("IRR", "۱٬۲۹۹ ریال", 129_900, 229_900, "۲٬۲۹۹ ریال"),
        ("INR", "₹१,२९९.००", 129_900, 99_900, "₹९९९.००"),
        ("KWD", "KD 12.500", 12_500, 9_750, "KD 9.750"),
        ("KWD", "KD 1,299", 1_299_000, 1_500_000, "KD 1,500"),
        ("OMR", "123,456.789 OMR", 123_456_789, 999_001, "999.001 OMR"),
        ("THB", "฿ 3.3900", 339, 421, "฿ 4.2100"),
        ("UAH", "67.8400", 6_784, 6_105, "61.0500"),
        ("EUR", "19,1€", 1_910, 1_750, "17,5€"),
        ("JPY", "1299.00", 1299, 1499, "1499.00"),
        ("USD", "$.99", 99, 89, "$.89"),
        ("USD", "$.750.30", 75_030, 69_999, "$.699.99"),
        ("USD", "$ 8. 94", 894, 799, "$ 7. 99"),
        ("EUR", "105. –", 10_500, 99_900, "999. –"),
        ("USD", "- $44.99", 4_499, 4_250, "- $42.50"),
        ("USD", "From $109.90/mo (-15%)", 10_990, 9_990, "From $99.90/mo (-15%)"),
        ("BYN", "502,20 – 558,00 б.р.", 50_220, 49_900, "499,00 – 558,00 б.р."),
        ("EUR", "19,00–25,00 €", 2_500, 2_400, "19,00–24,00 €"),
        ("ZAR", "R8,499", 849_900, 799_900, "R7,999"),
        ("EUR", "EUR29.66 (inc VAT 20%)", 2_966, 2_500, "EUR25.00 (inc VAT 20%)"),
        ("PLN", "32zł", 3_200, 2_900, "29zł"),
        ("PLN", "32z&#322;", 3_200, 2_900, "29z&#322;"),
        ("EUR", "2 x 19,00 €", 1_900, 1_750, "2 x 17,50 €"),
        ("EUR", "19 left, 19 €", 1_900, 1_700, "19 left, 17 €"),
        ("INR", "now ₹2,433, save 2433 watts", 243_300, 219_900, "now ₹2,199, save 2433 watts"),
        ("GBP", "VARIERA 10x50 cm £50", 5_000, 4_500, "VARIERA 10x50 cm £45"),
        ("EUR", "€ 10.00 € 8.00 – € 10.00", 1_000, 1_250, "€ 12.50 € 8.00 – € 12.50"),
    ]);
}

#[test]
fn a_length_that_the_place_does_not_show_follows_its_locale() {
    for (currency, text, from, to, expected) in [
        // Dashes stand in the place of decimals.
        ("CHF", "CHF 19.–", 1_900, 1_750, "CHF 17.50"),
        ("EUR", "19,- €", 1_900, 1_750, "17,50 €"),
        ("SEK", "19:-", 1_900, 1_750, "17:50"),
        ("EUR", "105. –", 10_500, 9_950, "99.50"),
        // Fewer decimals than the price has.
        ("EUR", "19.5", 1_950, 1_755, "17.55"),
        // What programs may read has no groups.
        ("USD", "999.00", 99_900, 129_900, "1299.00"),
        ("USD", "999", 99_900, 129_900, "1299"),
        ("USD", "$999", 99_900, 129_900, "$1,299"),
        ("EUR", "€ 999", 99_900, 129_900, "€ 1299"),
        ("SEK", "999 kr", 99_900, 129_900, "1\u{a0}299 kr"),
        ("EUR", "999,00", 99_900, 129_900, "1.299,00"),
        ("USD", "$.99", 99, 1_250, "$12.50"),
        ("USD", "$1.99", 199, 99, "$0.99"),
        ("INR", "₹ 99,999", 9_999_900, 12_345_600, "₹ 1,23,456"),
        ("IRR", "۹۹۹ ریال", 99_900, 129_900, "۱٬۲۹۹ ریال"),
    ] {
        assert_eq!(written(text, from, to, currency).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_not_the_catalogue_price_is_left_alone() {
    for (text, from, why) in [
        ("$18.00", 1900, "the catalogue price of 1900 minor units"),
        ("", 1900, "the catalogue price"),
        ("&#1900;", 190_000, "the catalogue price"),
        ("A1900", 190_000, "the catalogue price"),
        ("-19.00", 1900, "the catalogue price"),
        ("19.000", 1900, "the catalogue price"),
        ("1.9.00", 1900, "the catalogue price"),
        ("19 or 19", 1900, "twice"),
        ("19 left, 19 sold", 1900, "twice"),
        ("€19", 1900, "with decimals"),
        ("$19 or $19.00", 1900, "with decimals"),
    ] {
        let error = written(text, from, 1750, "EUR").unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    for text in [
        "19%",
        "19 %",
        "19&nbsp;%",
        "%19",
        "19&percnt;",
        "x19",
        "19x",
        "v19",
        "#19",
        "№19",
        "id_19",
        "19_2",
        "1 019,00",
        "19 000",
        "19.00.01",
        "019",
        "0019.00",
        "−19,00 €",
        "–19,00",
        "-$19.00",
        "- -19",
        "−€19,00",
        "+19",
        "+ 5, +$19",
        "10x19",
        "10 x 19 cm",
        "19 × 10",
        "19 cm",
        "19&nbsp;ml",
        "$19+",
        "19-09",
        "2020-19",
        "19:30",
        "12:19",
        "19/20",
        "20/19",
        "/p/19/",
        "19°",
        "19½",
        "&#49;9",
        "1&#57;",
        r"\u00319",
        r"\u0019",
        "٠١٩",
        "1٩",
        "١9",
        "19. – 25. Mai",
        "UTD19",
        "19UTD",
        "kr_19",
        "19krona",
        "&frac19;",
        "19,0,0",
        "1,9,00",
        "1 9 00",
        "1'9",
        "19'99",
        "19.001",
        "1900",
        "19e3",
        "0x19",
        "a19b",
        "19. Mai",
        "am 19. – 20.",
        "19th",
        "--19",
        "19-20",
    ] {
        assert!(written(text, 1900, 1750, "EUR").is_err(), "{text}");
        assert!(written(text, 1900, 2000, "EUR").is_err(), "{text}");
    }
}

fn nodes(nodes: &[&str], from: i64, to: i64, currency: &str) -> Result<Vec<String>, String> {
    let written =
        reprice_nodes(nodes, from, to, currency.parse().unwrap()).map_err(|error| error.to_string())?;
    assert_eq!(written.len(), nodes.len());
    Ok(written.into_iter().zip(nodes).map(|(new, old)| new.unwrap_or_else(|| (*old).into())).collect())
}

#[test]
fn a_price_split_over_text_nodes_changes_in_each_of_them() {
    for (currency, before, from, to, after) in [
        ("USD", &["$19.99"][..], 1999, 1750, &["$17.50"][..]),
        ("CHF", &["CHF ", "19.50"], 1950, 1725, &["CHF ", "17.25"]),
        ("RON", &["173", "34", " Lei"], 17_334, 16_950, &["169", "50", " Lei"]),
        ("RON", &["1.173", "34", "Lei"], 117_334, 96_950, &["969", "50", "Lei"]),
        ("RON", &["973", "34", "Lei"], 97_334, 106_950, &["1069", "50", "Lei"]),
        ("RON", &["173", "34 Lei"], 17_334, 16_950, &["169", "50 Lei"]),
        ("PLN", &["32", "zł", "/szt."], 3_200, 2_900, &["29", "zł", "/szt."]),
        ("PLN", &["36", ",49", "zł"], 3_649, 102_999, &["1\u{a0}029", ",99", "zł"]),
        ("PLN", &["1 299", ",49", "zł"], 129_949, 99_999, &["999", ",99", "zł"]),
        ("PLN", &["36,", "\n  ", "49", "zł"], 3_649, 3_500, &["35,", "\n  ", "00", "zł"]),
        ("USD", &["$", "19", ".", "99"], 1_999, 1_750, &["$", "17", ".", "50"]),
        ("USD", &["$19.99", "$", "19", "99"], 1_999, 1_750, &["$17.50", "$", "17", "50"]),
        ("USD", &["$", "19", "99", "$19.99"], 1_999, 1_750, &["$", "17", "50", "$17.50"]),
        ("USD", &["$", "19", "2 reviews"], 1_900, 1_700, &["$", "17", "2 reviews"]),
        ("USD", &["$", "19", "12 reviews"], 1_900, 1_700, &["$", "17", "12 reviews"]),
        ("PLN", &["32", "32", "zł", "kod 32 abc"], 3_200, 2_900, &["29", "29", "zł", "kod 32 abc"]),
        ("USD", &["$88.00", "$52.80 Sale"], 5_280, 4_990, &["$88.00", "$49.90 Sale"]),
        ("CHF", &["19.", "–"], 1_900, 1_750, &["17.", "50"]),
        ("GBP", &["£", "50"], 5_000, 4_500, &["£", "45"]),
        ("KWD", &["12", "500", "KD"], 12_500, 9_750, &["9", "750", "KD"]),
        ("JPY", &["1,299", "円"], 1_299, 999, &["999", "円"]),
    ] {
        assert_eq!(nodes(before, from, to, currency).unwrap(), after, "{before:?}");
    }
}

#[test]
fn text_nodes_without_the_price_or_without_room_for_it_are_refused() {
    for (before, from, to) in [
        (&["19", "34"][..], 1900, 1700),
        (&["19", "34", "€"], 1900, 1700),
        (&["19", ",34"], 1900, 1700),
        (&["19", ",345"], 1900, 1700),
        (&["32", "€", "/Stk."], 3200, 2950),
        (&["19", " ", "%"], 1900, 1700),
        (&["-", "19.00"], 1900, 1700),
        (&["2 x ", "10", "x", "19"], 1900, 1700),
        (&["1", "034"], 1034, 1700),
        (&[], 1900, 1700),
        (&["", ""], 1900, 1700),
    ] {
        assert!(nodes(before, from, to, "EUR").is_err(), "{before:?}");
    }
}

#[test]
fn the_price_of_a_text_is_read() {
    for (text, amount, decimals) in [
        ("1.299,00 €", 129_900, 2),
        ("Rp 31.500", 31_500, 0),
        ("50 - $2.00 100 - $2.75", 200, 2),
        ("EUR29.66 (inc VAT 20%) EUR24.71", 2_966, 2),
        ("130, 38 zł", 13_038, 2),
        ("34.992001", 34_992_001, 6),
        ("₤1700.", 1_700, 0),
        ("200Q", 200, 0),
        ("22000.00元/台", 2_200_000, 2),
        ("32جن", 32, 0),
        ("1&#160;299,5", 12_995, 1),
        ("Price 29", 29, 0),
    ] {
        assert_eq!(read_price(text), Some(Reading { amount, decimals }), "{text}");
    }
    for text in ["", "i", "25-09", "Free Shipping on Orders $49+.", "20 %", "A4", "10x50", "1.2.3", "&euro;"]
    {
        assert_eq!(read_price(text), None, "{text}");
    }
}

/// A locale: currency, what stands before and after, decimal sign, grouping sign, digit zero.
const LOCALES: [(&str, &str, &str, &str, &str, char); 14] = [
    ("EUR", "ab ", " €", ",", ".", '0'),
    ("EUR", "", "&nbsp;€", ",", "&nbsp;", '0'),
    ("USD", "$", "", ".", ",", '0'),
    ("CHF", "CHF ", ".", ".", "’", '0'),
    ("CHF", "CHF ", "", ".", "'", '0'),
    ("PLN", "", " zł", ",", "\u{a0}", '0'),
    ("NOK", "kr ", "", ",", r"\u00a0", '0'),
    ("BRL", "por R$ ", " à vista", ",", ".", '0'),
    ("INR", "₹", "", ".", ",", '0'),
    ("EGP", "", " ج.م", "٫", "٬", '٠'),
    ("IRR", "", " ریال", "٫", "٬", '۰'),
    ("JPY", "¥", "", ".", ",", '0'),
    ("KWD", "KD ", "", ".", ",", '0'),
    ("JPY", "税込", "円", "．", "，", '０'),
];

/// A slow way to write a price that shares nothing with the reader.
fn plainly(minor: i64, locale: usize) -> String {
    let (currency, before, after, decimal, grouping, zero) = LOCALES[locale];
    let digits = currency.parse::<Currency>().unwrap().minor_digits() as usize;
    let all = format!("{minor:0width$}", width = digits + 1);
    let (whole, rest) = all.split_at(all.len() - digits);
    let mut text = String::new();
    for (i, digit) in whole.chars().enumerate() {
        let left = whole.len() - i;
        if i > 0 && (if currency == "INR" && left > 3 { left % 2 == 1 } else { left % 3 == 0 }) {
            text.push_str(grouping);
        }
        text.push(digit);
    }
    if digits > 0 {
        text.push_str(decimal);
        text.push_str(rest);
    }
    let script = |c: char| match c.to_digit(10) {
        // Digits of the grouping's escape stay.
        Some(digit) => char::from_u32(u32::from(zero) + digit).unwrap(),
        None => c,
    };
    let text = if zero == '0' { text } else { text.chars().map(script).collect() };
    format!("{before}{text}{after}")
}

proptest! {
    #[test]
    fn every_locale_is_written_as_it_writes_itself(from in 1i64..1_000_000_000, to in 1i64..1_000_000_000,
                                                   locale in 0..LOCALES.len()) {
        let text = plainly(from, locale);
        let currency = LOCALES[locale].0;
        let there = written(&text, from, to, currency).unwrap();
        prop_assert!(written(&there, to, from, currency).is_ok());
        prop_assert_eq!(written(&text, from, from, currency).unwrap(), text.clone());
        // Short prices do not show which of several grouping signs the shop would take.
        let shows = |minor: i64| minor >= 1_000 * 10i64.pow(currency.parse::<Currency>().unwrap().minor_digits());
        if shows(from) || !shows(to) {
            prop_assert_eq!(there, plainly(to, locale));
        }
    }

    #[test]
    fn equal_lengths_there_and_back_again_are_the_same_text(digits in 1u32..9, from: u32, to: u32, locale in 0..LOCALES.len(),
                                                            before in "([A-Za-zäß€$:(] ?){0,4} ", after in "( [a-zäß)€!]{0,4})?") {
        let scale = 10i64.pow(digits - 1);
        let (from, to) = (scale + i64::from(from) % (9 * scale), scale + i64::from(to) % (9 * scale));
        let text = format!("{before}{}{after}", plainly(from, locale));
        let currency = LOCALES[locale].0;
        if let Ok(there) = written(&text, from, to, currency) {
            prop_assert_eq!(written(&there, to, from, currency).unwrap(), text);
        }
    }

    #[test]
    fn any_text_is_repriced_or_refused_and_stays_where_the_price_does(text in ".{0,60}|[-0-9.,' $€%&#;x–:/\\\\u]{0,40}",
                                                                     from in 0i64..3000, to in 0i64..3000, currency in "EUR|JPY|KWD|INR") {
        let _ = read_price(&text);
        if let Ok(there) = written(&text, from, to, &currency) {
            prop_assert!(from == to || there != text);
            let unchanged = written(&text, from, from, &currency);
            prop_assert_eq!(unchanged.as_deref(), Ok(text.as_str()));
        }
    }

    #[test]
    fn any_text_nodes_are_repriced_or_refused(texts in prop::collection::vec("[-0-9.,$€ \u{1}]{0,6}", 0..6), from in 0i64..3000, to in 0i64..3000) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        if nodes(&texts, from, to, "EUR").is_ok() {
            prop_assert_eq!(nodes(&texts, from, from, "EUR").unwrap(), texts);
        }
    }
}

#[test]
fn a_bare_number_beside_another_amount_is_not_the_price() {
    for text in
        ["$25.00 - 19 left", "19 left, 25.00", "SKU 19 25,00 €", "4.9 (19) 25 €", "now € 17, 19 in stock"]
    {
        assert!(written(text, 1900, 2100, "EUR").unwrap_err().contains("catalogue price"), "{text}");
    }
    for (text, expected) in [("19 (-5,00 €)", "21 (-5,00 €)"), ("19 inkl. 7 % MwSt.", "21 inkl. 7 % MwSt.")]
    {
        assert_eq!(written(text, 1900, 2100, "EUR").as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_long_row_of_backslashes_is_read_once() {
    // Counted anew from each of them, this takes minutes.
    let text = format!("{} 19.00", "\\".repeat(60_000));
    assert!(written(&text, 1900, 2100, "EUR").unwrap().ends_with(" 21.00"));
}
