//! The files of groups and of their prices, and the parts of the central store.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn the_file_reproduces_the_groups_whatever_has_come_into_the_catalogue_since() {
    let fields = r#""unit": "family", "objective": "profit", "sample": {"positive": 30, "negative": 30, "strata": 3},
        "guardrails": {"max_step": 0.5, "min_margin": 0.1}"#;
    let (experiment, items) = (experiment(fields), catalogue(100));
    let groups = draw(&experiment, &items, &["I007"]).unwrap();
    let file = groups.to_tsv(experiment.currency, 1_796_083_200_000, Some(1_798_502_400_000));
    assert!(file.starts_with("Id\tDate\tEndDate\tControl\tPrice\n"), "{file}");
    assert!(
        file.contains("\nI001\t2026-12-01\t2026-12-29\t1\t39.19\n")
            || file.contains("\nI001\t2026-12-01\t2026-12-29\t0\t39.19\n"),
        "{file}"
    );
    let mut grown = catalogue(300);
    // What the shop charges has changed since: the groups keep the price that they were drawn at.
    grown.iter_mut().for_each(|item| item.price_minor += 1000);
    grown.reverse();
    assert_eq!(Groups::from_tsv(&file, grown.clone(), &experiment).unwrap(), groups);
    assert_eq!(Groups::from_tsv(&file.replace('\n', "\r\n"), grown, &experiment).unwrap(), groups);
    let open = groups.to_tsv(experiment.currency, 1_796_083_200_000, None);
    assert!(open.contains("\t2026-12-01\t\t"), "{open}");
    assert_eq!(Groups::from_tsv(&open, items.clone(), &experiment).unwrap(), groups);
    assert_eq!(items_of(experiment.currency, &open).unwrap(), skus(groups.members().iter()));
    let parts = groups.write_parts(7);
    assert_eq!(parts.len(), groups.members().len().div_ceil(7));
    assert_eq!(Groups::read_parts(parts.iter().map(String::as_str)).unwrap(), groups);
    assert_eq!(
        Groups::read_parts(Groups::default().write_parts(7).iter().map(String::as_str)).unwrap(),
        Groups::default()
    );
}

#[test]
fn a_wrong_file_of_groups_is_refused_with_its_line() {
    let (experiment, items) = (experiment(r#""sample": {"positive": 2, "negative": 1}"#), catalogue(3));
    let groups = draw(&experiment, &items, &[]).unwrap();
    let file = groups.to_tsv(experiment.currency, 1_796_083_200_000, None);
    for (from, to, why) in [
        ("EndDate", "Until", "line 1: head of the file of groups is \"Id\\tDate\\tUntil"),
        ("I001\t", "I000\t", "line 3: Id is \"I000\" twice"),
        (
            "I001\t2026-12-01",
            "I001\t1.12.2026",
            "line 3: Date is \"1.12.2026\"; it must be a date such as 2026-12-01",
        ),
        ("39.19", "39,19", "line 3: Price is \"39,19\"; it must be a price in EUR such as 19.00"),
        ("39.19", "0.00", "line 3: Price is \"0.00\""),
        ("\t39.19", "", "line 3: number of columns is 4; it must be 5"),
        ("I001", "I<1", "line 3: Id is \"I<1\"; it must be 1 to 64 visible ASCII characters"),
        ("I001", "GONE", "Id of the file of groups is \"GONE\", which is not in the catalogue"),
    ] {
        assert!(file.contains(from), "{file}");
        let error = Groups::from_tsv(&file.replacen(from, to, 1), items.clone(), &experiment)
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{error}");
    }
    let all_negative = file.replace("\t0\t", "\t1\t");
    let error = Groups::from_tsv(&all_negative, items.clone(), &experiment).unwrap_err().to_string();
    assert!(error.contains("number of items whose Control is 0 is 0; it must be at least 1"), "{error}");
    let mut draw = Draw::saved(&experiment, &file).unwrap();
    items.into_iter().for_each(|item| draw.offer(item));
    let error = draw.finish(&BTreeSet::from(["I002".into()])).unwrap_err().to_string();
    assert!(
        error.contains("\"I002\", which is in another experiment; it must be in no other experiment"),
        "{error}"
    );
}

#[test]
fn the_file_of_prices_has_a_column_for_each_arm() {
    let fields = r#""sample": {"positive": 2, "negative": 1}"#;
    let text = drawn(fields, &catalogue(3)).prices_tsv(&experiment(fields));
    assert!(text.starts_with("Id\tlist\tlow\nI000\t5.00\t"), "{text}");
    assert_eq!(text.lines().count(), 4);
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(text in ".{0,100}", cells in proptest::collection::vec("[0-9A-Z\\t.\\-]{0,30}", 0..5)) {
        let experiment = experiment("");
        let lines = format!("Id\tDate\tEndDate\tControl\tPrice\n{}", cells.join("\n"));
        for text in [text, lines] {
            let _ = Groups::from_tsv(&text, catalogue(3), &experiment);
            let _ = Groups::read_parts([text.as_str()]);
        }
    }
}
