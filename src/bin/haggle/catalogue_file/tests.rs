use super::*;

/// Reads a file of this name and content.
fn items(name: &str, bytes: &[u8], currency: Option<&str>) -> Result<Vec<CatalogueItem>, String> {
    // Tests of one process have files of different names.
    let path = std::env::temp_dir().join(format!("haggle-catalogue-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let read = || {
        read(&path, currency.map(|code| code.parse().unwrap()), None)?.collect::<Result<Vec<_>, Failure>>()
    };
    let items = read().map_err(|failure| failure.to_string());
    std::fs::remove_file(&path).unwrap();
    items
}

#[test]
fn columns_are_found_by_name_in_the_api_s_form_and_in_a_feed_s() {
    let ours = "sku,price_minor,cost_minor,price_includes_tax,tax_rate,brand,category,family,stock,map_minor,compare_at_minor,past,colour\n\
                A,1900,800,true,0.19,Fabrikam,\"Food > Oil, green\",F1,12,1500,2500,12345,green\n\
                B,500,,,,,,,,,,,\n";
    let read = items("ours.csv", ours.as_bytes(), None).unwrap();
    let json = r#"{"sku":"A","price_minor":1900,"price_includes_tax":true,"tax_rate":0.19,"cost_minor":800,"compare_at_minor":2500,"map_minor":1500,"brand":"Fabrikam","category":"Food > Oil, green","family":"F1","stock":12,"past":12345,"colour":"green"}"#;
    assert_eq!(
        read,
        [
            CatalogueItem::from_json(json).unwrap(),
            CatalogueItem::from_json(r#"{"sku":"B","price_minor":500}"#).unwrap()
        ]
    );
    let feed = "\u{feff}ID\tPrice\tSale price\tcost_of_goods_sold\tproduct_type\titem_group_id\tdescription\r\n\
                A\t19.00 EUR\t17,50 EUR\tEUR 8\tFood\tF1\t\r\n";
    let read = items("feed.tsv", feed.as_bytes(), None).unwrap();
    let json = r#"{"sku":"A","price_minor":1900,"cost_minor":800,"category":"Food","family":"F1","Sale price":"1750"}"#;
    assert_eq!(read, [CatalogueItem::from_json(json).unwrap()]);
}

#[test]
fn the_currency_of_plain_decimals_is_said_and_the_delimiter_is_found() {
    for (name, text) in [
        ("s.csv", "sku;price\nA;19,00\n"),
        ("b.txt", "sku|price\nA|19\n"),
        ("t.csv", "sku\tprice\nA\t19.0\n"),
    ] {
        let read = items(name, text.as_bytes(), Some("EUR")).unwrap();
        assert_eq!(read.first().map(|item| item.price_minor), Some(1900), "{name}");
    }
    assert_eq!(items("y.csv", b"sku,price\nA,1900\n", Some("JPY")).unwrap()[0].price_minor, 1900);
    // Where a file has both, the column that is exact and that is named as the API does wins; the other is kept.
    let both = items("both.csv", b"id,sku,price,price_minor\n7,A,19.00,1905\n", None).unwrap();
    assert_eq!(
        (both[0].sku.as_str(), both[0].price_minor, both[0].text("id").as_deref()),
        ("A", 1905, Some("7"))
    );
    let long = format!("sku,price_minor,description,note\nA,1,{},\"a\nb\"\n", "x".repeat(501));
    assert!(items("long.csv", long.as_bytes(), None).unwrap()[0].columns.is_empty());
}

#[test]
fn each_refusal_names_file_line_and_column() {
    for (name, bytes, why) in [
        (
            "1.csv",
            &b"sku,cost\nA,1\n"[..],
            "1.csv: line 1: no column price_minor or price in the head, which is sku, cost",
        ),
        ("2.csv", b"name,price\nA,1\n", "line 1: no column sku or id in the head"),
        ("3.csv", b"sku,sku,price\n", "line 1: column \"sku\" is there twice"),
        ("4.csv", b"sku,,price\n", "line 1: column 2 is \"\"; it must be a name of 1 to 64 characters"),
        ("5.csv", b"", "line 1: no column sku or id in the head, which is empty"),
        ("6.csv", b"sku,price_minor\nA,1\nB\n", "line 3: 1 columns; it must be 2, as many as the head has"),
        (
            "7.csv",
            b"sku,price_minor\nA,1\nA,2\n",
            "line 3: sku is \"A\", as in line 2; it must be there once",
        ),
        (
            "8.csv",
            b"sku,price\nA,19.00\n",
            "line 2: price is \"19.00\"; it must be with its currency, such as 19.00 EUR",
        ),
        (
            "9.csv",
            b"sku,price\nA,19.00 EUR\nB,19.00 USD\n",
            "line 3: price is \"19.00 USD\"; it must be an amount in EUR",
        ),
        (
            "10.csv",
            b"sku,price\nA,\"1,900 EUR\"\n",
            "line 2: price is \"1,900 EUR\"; it must be an amount such as 19.00 EUR",
        ),
        ("11.csv", b"sku,price\nA,19.005 EUR\n", "line 2: price is \"19.005 EUR\""),
        ("12.csv", b"sku,price\nA,\n", "line 2: the price is missing or 0; it must be above 0"),
        ("13.csv", b"sku,price_minor,stock\nA,1,few\n", "line 2: stock is \"few\"; it must be an integer"),
        (
            "14.csv",
            b"sku,price_minor,tax_rate\nA,1,190\n",
            "line 2: tax_rate is \"190\"; it must be a share such as 0.19",
        ),
        ("15.csv", b"sku,price_minor,tax_rate\nA,1,19 %\n", "line 2: price_includes_tax is missing"),
        (
            "16.csv",
            b"sku,price_minor,price_includes_tax\nA,1,maybe\n",
            "line 2: price_includes_tax is \"maybe\"; it must be true or false",
        ),
        ("17.csv", b"sku,price_minor,price_includes_tax\nA,1,yes\n", "line 2: tax_rate is missing"),
        ("18.csv", b"sku,price_minor\nA B,1\n", "line 2: sku is \"A B\"; it must be 1 to 64 visible ASCII"),
        ("19.csv", b"sku,price_minor\nA,-5\n", "line 2: price_minor is -5; it must be 1 to 1000000000"),
        (
            "20.csv",
            b"sku,price_minor,brand\nA,1,\xff\xfe\n",
            "line 2: brand is \"\u{fffd}\u{fffd}\"; it must be text in UTF-8",
        ),
        (
            "21.csv",
            b"sku,price_minor,test_price\nA,1,soon\n",
            "line 2: test_price is \"soon\"; it must be with its currency",
        ),
    ] {
        let error = items(name, bytes, None).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let open = format!("sku,price_minor,brand\nA,1,\"{}", "x\n".repeat(ROW_MAX));
    let error = items("open.csv", open.as_bytes(), None).unwrap_err();
    assert!(
        error.contains("line 2: longer than 1048576 bytes; is there a quote that is not closed?"),
        "{error}"
    );
    assert!(items("24.csv", b"sku,price_minor\n", None).unwrap().is_empty());
}
