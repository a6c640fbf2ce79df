mod files;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{CatalogueItem, Error};

/// An experiment on a scope, with more or other top-level fields.
fn experiment(fields: &str) -> Experiment {
    let known = [
        ("name", r#""sevilla""#),
        ("hypothesis", r#""h""#),
        ("document", r#""https://wiki.example/sevilla""#),
        ("objective", r#""revenue""#),
        ("currency", r#""EUR""#),
        ("salt", r#""s-2026""#),
        ("control", r#""list""#),
        ("policy", r#"{"name": "thompson"}"#),
        ("scope", r#"{"items": "all"}"#),
        ("sample", r#"{"positive": 40, "negative": 40}"#),
        ("arms", r#"[{"name": "list", "multiplier": 1}, {"name": "low", "multiplier": 0.9}]"#),
    ];
    let has = |name: &str| name != "name" && fields.contains(&format!("\"{name}\":"));
    let mut all: Vec<String> = known
        .iter()
        .filter(|(name, _)| !has(name))
        .map(|(name, json)| format!("\"{name}\": {json}"))
        .collect();
    all.extend((!fields.is_empty()).then(|| fields.to_owned()));
    Experiment::from_json(&format!("{{{}}}", all.join(","))).unwrap()
}

/// So many items: keys I000, I001..., prices from 5.00, families of three, brands by turns.
fn catalogue(count: usize) -> Vec<CatalogueItem> {
    let item = |i: usize| CatalogueItem {
        sku: format!("I{i:03}"),
        price_minor: 500 + (i as i64 * 7919) % 4500,
        cost_minor: Some(200),
        brand: ["Fabrikam", "Contoso", ""][i % 3].into(),
        family: format!("F{}", i / 3),
        past: (!i.is_multiple_of(10)).then_some(i as i64 * 10),
        columns: BTreeMap::from([("test_minor".to_owned(), (490 + (i as i64 * 7919) % 4500).to_string())]),
        ..CatalogueItem::default()
    };
    (0..count).map(item).collect()
}

fn draw(experiment: &Experiment, items: &[CatalogueItem], excluded: &[&str]) -> Result<Groups, Error> {
    let mut draw = Draw::new(experiment);
    items.iter().cloned().for_each(|item| draw.offer(item));
    draw.finish(&excluded.iter().map(|&sku| sku.to_owned()).collect())
}

fn drawn(fields: &str, items: &[CatalogueItem]) -> Groups {
    draw(&experiment(fields), items, &[]).unwrap()
}

fn refusal(fields: &str, items: &[CatalogueItem]) -> String {
    let drawn = draw(&experiment(fields), items, &[]).map(|groups| groups.members().len());
    drawn.expect_err(fields).to_string()
}

fn skus<'a>(members: impl Iterator<Item = &'a Member>) -> BTreeSet<String> {
    members.map(|member| member.sku.clone()).collect()
}

/// The draw itself: whoever ranks the same hashes must come to the same groups, today and in years.
#[test]
fn the_positive_items_are_those_of_lowest_rank_and_the_negative_ones_are_next() {
    let groups = drawn("", &catalogue(100));
    let mut ranked: Vec<([u8; 16], String)> = (0..100)
        .map(|i| format!("I{i:03}"))
        .map(|sku| (crate::mac::digest16(&["haggle group", "s-2026", &sku]), sku))
        .collect();
    ranked.sort();
    let of = |range: std::ops::Range<usize>| {
        ranked[range].iter().map(|(_, sku)| sku.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(skus(groups.positive()), of(0..40));
    assert_eq!(skus(groups.negative()), of(40..80));
    let first: Vec<&str> = groups.members().iter().take(4).map(|member| member.sku.as_str()).collect();
    assert_eq!(first, ["I000", "I001", "I002", "I003"]);
    assert!(groups.find("I001").is_some() && groups.find("J").is_none());
    // SHA-256 of "haggle group", a zero byte, "s-2026", a zero byte, "I000", a zero byte.
    assert_eq!(crate::mac::digest16(&["haggle group", "s-2026", "I000"])[..4], GOLDEN_RANK);
}

const GOLDEN_RANK: [u8; 4] = [0xa2, 0x6b, 0x39, 0x7f];

#[test]
fn the_order_of_the_catalogue_and_items_out_of_scope_change_nothing() {
    let items = catalogue(100);
    let mut turned = items.clone();
    turned.reverse();
    assert_eq!(drawn("", &items), drawn("", &turned));
    let where_brand =
        r#""scope": {"where": {"brand": "Fabrikam"}}, "sample": {"positive": 10, "negative": 10}"#;
    let of_brand: Vec<CatalogueItem> =
        items.iter().filter(|item| item.brand == "Fabrikam").cloned().collect();
    assert_eq!(drawn(where_brand, &items), drawn(where_brand, &of_brand));
    assert_ne!(skus(drawn("", &items).positive()), skus(drawn(r#""salt": "other""#, &items).positive()));
}

#[test]
fn what_is_in_scope_is_listed_or_meets_all_conditions() {
    let items = catalogue(100);
    let in_scope = |scope: &str| {
        let experiment = experiment(&format!(r#""scope": {scope}, "sample": {{}}"#));
        let mut draw = Draw::new(&experiment);
        items.iter().cloned().for_each(|item| draw.offer(item));
        assert_eq!(draw.offered(), 100);
        let count = draw.in_scope();
        assert_eq!(draw.finish(&BTreeSet::new()).unwrap().members().len(), count);
        count
    };
    let count = |test: &dyn Fn(&CatalogueItem) -> bool| items.iter().filter(|item| test(item)).count();
    assert_eq!(in_scope(r#"{"items": "all"}"#), 100);
    assert_eq!(in_scope(r#"{"items": ["I001", "I050"]}"#), 2);
    assert_eq!(
        in_scope(r#"{"where": {"brand": ["Fabrikam", "Contoso"]}}"#),
        count(&|item| !item.brand.is_empty())
    );
    assert_eq!(in_scope(r#"{"where": {"family": "F3"}}"#), 3);
    let range = r#"{"where": {"price_minor": {"from": 1000, "to": 2000}, "brand": "Contoso"}}"#;
    assert_eq!(
        in_scope(range),
        count(&|item| (1000..=2000).contains(&item.price_minor) && item.brand == "Contoso")
    );
    // An item of which it is not known what it brought before is in no range of it.
    assert_eq!(in_scope(r#"{"where": {"past": {"from": -1000}}}"#), 90);
    assert_eq!(
        in_scope(r#"{"where": {"test_minor": {"to": 1490}}}"#),
        count(&|item| item.price_minor <= 1500)
    );
}

#[test]
fn items_of_other_experiments_stay_out_with_their_families() {
    let items = catalogue(100);
    let all = experiment(r#""sample": {}"#);
    let without = draw(&all, &items, &["I000", "I004", "NEVER"]).unwrap();
    assert_eq!(without.members().len(), 98);
    let by_family = experiment(r#""sample": {}, "unit": "family""#);
    let without = draw(&by_family, &items, &["I000", "I004"]).unwrap();
    assert_eq!(without.members().len(), 94);
    assert!(["I001", "I003", "I005"].iter().all(|sku| without.find(sku).is_none()));
    let mut draw = Draw::new(&by_family);
    items.into_iter().for_each(|item| draw.offer(item));
    assert_eq!(draw.excluded(&BTreeSet::from(["I000".into(), "I004".into()])), 6);
}

#[test]
fn families_come_to_one_side() {
    let groups = drawn(
        r#""unit": "family", "sample": {"positive": 20, "negative": 20, "strata": 3}"#,
        &catalogue(100),
    );
    for member in groups.members() {
        let sides: BTreeSet<bool> = groups
            .members()
            .iter()
            .filter(|other| other.family == member.family)
            .map(|other| other.is_negative)
            .collect();
        assert_eq!(sides.len(), 1, "{}", member.family);
    }
    let (positive, negative) = (groups.positive().count(), groups.negative().count());
    assert!((20..23).contains(&positive) && (20..23).contains(&negative), "{positive} and {negative}");
    assert!(drawn("", &catalogue(100)).members().iter().all(|member| member.family == member.sku));
}

#[test]
fn each_price_band_gives_its_share_to_both_groups() {
    let items = catalogue(200);
    let groups = drawn(r#""sample": {"positive": 42, "negative": 40, "strata": 4}"#, &items);
    let mut prices: Vec<i64> = items.iter().map(|item| item.price_minor).collect();
    prices.sort();
    for (band, (positive, negative)) in [(11, 10), (11, 10), (10, 10), (10, 10)].into_iter().enumerate() {
        let range = prices[band * 50]..=prices[band * 50 + 49];
        let count = |side: bool| {
            groups
                .members()
                .iter()
                .filter(|it| it.is_negative == side && range.contains(&it.price_minor))
                .count()
        };
        assert_eq!((count(false), count(true)), (positive, negative), "band {band}");
    }
    // Prices that are all the same leave bands to the keys; the sizes stay.
    let same: Vec<CatalogueItem> =
        items.into_iter().map(|item| CatalogueItem { price_minor: 990, ..item }).collect();
    let groups = drawn(r#""sample": {"positive": 30, "negative": 31, "strata": 7}"#, &same);
    assert_eq!((groups.positive().count(), groups.negative().count()), (30, 31));
}

#[test]
fn all_the_rest_is_positive_where_the_sample_does_not_say() {
    let groups = drawn(r#""sample": {"negative": 30}"#, &catalogue(100));
    assert_eq!((groups.positive().count(), groups.negative().count()), (70, 30));
    let groups = drawn(r#""sample": {}"#, &catalogue(3));
    assert_eq!((groups.positive().count(), groups.negative().count()), (3, 0));
}

#[test]
fn prices_are_those_of_the_arms_and_the_catalogue_price_is_untouched() {
    let arms = r#""arms": [{"name": "list", "multiplier": 1}, {"name": "low", "multiplier": 0.9},
        {"name": "test", "column": "test_minor"}], "guardrails": {"max_step": 0.5}"#;
    let groups = drawn(arms, &catalogue(100));
    for member in groups.members() {
        let price = member.price_minor;
        let low = (price * 9 + 5) / 10;
        let expected = if member.is_negative { vec![price; 3] } else { vec![price, low, price - 10] };
        assert_eq!(member.prices, expected, "{}", member.sku);
        let bounds = if member.is_negative { (price, price) } else { ((price + 1) / 2, price * 3 / 2) };
        assert_eq!((member.floor_minor, member.ceiling_minor), bounds);
    }
    let experiment = experiment(arms);
    let ranges = groups.ranges(&experiment);
    assert_eq!(ranges.iter().map(|range| range.moved).collect::<Vec<_>>(), [0, 0, 0]);
    assert_eq!(ranges.iter().map(|range| range.unchanged).collect::<Vec<_>>(), [40, 0, 0]);
    let priced = groups.priced(&experiment);
    let sum = |place: usize| groups.positive().map(|member| member.prices[place]).sum::<i64>() as f64 / 40.0;
    for (place, arm) in priced.arms.iter().enumerate() {
        assert_eq!(arm.price_minor, (sum(place) + 0.5).floor() as i64);
    }
}

#[test]
fn a_grid_moves_prices_but_not_the_catalogue_price() {
    let endings = r#""guardrails": {"endings": [99], "max_step": 0.11}, "sample": {}"#;
    let groups = drawn(endings, &catalogue(100));
    assert!(
        groups
            .positive()
            .all(|member| member.prices[0] == member.price_minor && member.prices[1] % 100 == 99)
    );
    let moved = groups.ranges(&experiment(endings))[1].moved;
    assert!((90..=100).contains(&moved), "{moved}");
    // Nine tenths of 6.76 are 6.08; the nearest from 6.02 to 7.50 that ends in 99 is 6.99: a low price that is none.
    let is_crossed = |member: &&Member| member.prices[1] > member.price_minor;
    assert!(groups.positive().any(|member| is_crossed(&member)));
    let crossed = groups.positive().filter(is_crossed).count();
    assert_eq!(groups.ranges(&experiment(endings))[1].crossed, crossed);
}

#[test]
fn each_refusal_says_what_was_given_what_is_allowed_and_how_often() {
    let items = catalogue(100);
    let profit = r#""objective": "profit", "sample": {"positive": 50, "negative": 50}"#;
    let with_arm = |arm: &str, more: &str| {
        format!(
            r#""arms": [{{"name": "list", "multiplier": 1}}, {{"name": "low", {arm}}}], "sample": {{}}{more}"#
        )
    };
    let mut uncosted = items.clone();
    uncosted.iter_mut().take(7).for_each(|item| item.cost_minor = None);
    let mut with_map = items.clone();
    with_map.iter_mut().skip(10).take(4).for_each(|item| item.map_minor = Some(item.price_minor));
    for (fields, items, why) in [
        (
            String::new(),
            catalogue(79),
            "number of items in scope is 79, of which 0 are in other experiments; it must be at least 80 of its own: 40 \
             positive and 40 negative",
        ),
        (
            r#""sample": {"negative": 100}"#.into(),
            items.clone(),
            "is 100, of which 0 are in other experiments; it must be at least 101 of its own: 1 or more positive and 100",
        ),
        (
            r#""scope": {"items": ["I001", "X", "Y", "Z"]}, "sample": {}"#.into(),
            items.clone(),
            "scope.items is \"X\", which is not in the catalogue, and 2 more not either; it must be a list of the \
             catalogue's 100 items",
        ),
        (
            r#""scope": {"where": {"brnad": "Fabrikam"}}"#.into(),
            items.clone(),
            "scope.where.brnad is the name of a column that holds none in 100 items; it must be a column that holds \
             something",
        ),
        (
            r#""scope": {"where": {"brand": {"from": 1}}}"#.into(),
            items.clone(),
            "scope.where.brand is the name of a column that holds none in 100 items; it must be a column that holds an \
             integer",
        ),
        (
            profit.into(),
            uncosted.clone(),
            "cost_minor of item I000 is missing; it must be given under the profit objective: an unknown cost is not a \
             cost of zero, and 6 more like it",
        ),
        (
            with_arm(r#""multiplier": 0.9"#, r#", "guardrails": {"min_margin": 0.1}"#),
            uncosted,
            "cost_minor of item I000 is missing; it must be given with guardrails.min_margin",
        ),
        (
            with_arm(r#""multiplier": 0.9"#, ""),
            with_map,
            "price_minor of arm low on item I010 is 2871; it must be at least 3190, by item.map_minor, and 3 more like it",
        ),
        (
            with_arm(r#""multiplier": 0.8"#, r#", "guardrails": {"max_step": 0.1}"#),
            items.clone(),
            "price_minor of arm low on item I000 is 400; it must be at least 450, by guardrails.max_step, and 99 more",
        ),
        (
            with_arm(r#""multiplier": 0.35"#, r#", "objective": "profit""#),
            items.clone(),
            "price_minor of arm low on item I000 is 175; it must be at least 201, by its unit cost under the profit",
        ),
        (
            with_arm(r#""multiplier": 0.97"#, r#", "guardrails": {"endings": [50], "max_step": 0.04}"#),
            items.clone(),
            "price_minor of arm low on item I000 is 485; it must be a price ending in 50, by guardrails.endings, and none \
             is from 480 to 520",
        ),
        (
            with_arm(r#""column": "no_minor""#, ""),
            items.clone(),
            "price_minor of arm low on item I000 is missing; it must be an integer in the column no_minor of the \
             catalogue, and 99 more like it",
        ),
        (
            with_arm(r#""column": "test_minor""#, r#", "guardrails": {"grid_minor": 5}"#),
            items.clone(),
            "price_minor of arm low on item I001 is 3909; it must be a multiple of 5, by guardrails.grid_minor",
        ),
        (
            with_arm(r#""multiplier": 1.000001"#, ""),
            items.clone(),
            "price_minor of every item is the same in list and low; it must be different in every arm on some item",
        ),
        (
            String::new(),
            [&items[..], &items[3..4]].concat(),
            "sku is \"I003\" twice; it must be in the catalogue once",
        ),
        (
            r#""unit": "family", "sample": {"positive": 50, "negative": 50}"#.into(),
            items.clone(),
            "number of negative items is 48 after 52 positive ones in whole families; it must be at least 50",
        ),
    ] {
        let error = refusal(&fields, &items);
        assert!(error.contains(why), "{fields}\n  is: {error}\n not: {why}");
    }
}

#[test]
fn an_arm_that_is_added_is_priced_for_all_items_or_refused() {
    let base = r#""guardrails": {"max_step": 0.2}"#;
    let groups = drawn(base, &catalogue(100));
    let with = |arm: &str| {
        experiment(&format!(
            r#"{base}, "arms": [{{"name": "list", "multiplier": 1}}, {{"name": "low", "multiplier": 0.9}}, {{"name": "new", {arm}}}]"#
        ))
    };
    let none = |_: &str| None;
    let mut added = groups.clone();
    added.add_arm(&with(r#""multiplier": 1.1"#), &none).unwrap();
    let all = draw(&with(r#""multiplier": 1.1"#), &catalogue(100), &[]).unwrap();
    assert_eq!(added, all);
    let mut by_column = groups.clone();
    by_column
        .add_arm(&with(r#""column": "test_minor""#), &|sku| Some(groups.find(sku)?.price_minor - 10))
        .unwrap();
    assert!(by_column.positive().all(|member| member.prices[2] == member.price_minor - 10));
    for (arm, why) in [
        (r#""multiplier": 1.3"#, "of arm new on item I00"),
        (r#""column": "test_minor""#, "is missing; it must be an integer in the column test_minor"),
        (r#""multiplier": 0.900001"#, "the same in low and new"),
    ] {
        let mut refused = groups.clone();
        let error = refused.add_arm(&with(arm), &none).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(refused, groups);
    }
    let error = added.add_arm(&with(r#""multiplier": 1.1"#), &none).unwrap_err().to_string();
    assert!(
        error.contains("number of prices of item I000 is 3; it must be 2 before an arm is added"),
        "{error}"
    );
}

#[test]
fn new_guardrails_bound_every_item_or_are_refused() {
    let items = catalogue(100);
    let find = |sku: &str| items.iter().find(|item| item.sku == sku).cloned();
    let mut groups = drawn(r#""guardrails": {"max_step": 0.2}"#, &items);
    let before = groups.clone();
    groups.set_guardrails(&experiment(r#""guardrails": {"max_step": 0.15}"#), &find).unwrap();
    assert_eq!(groups, drawn(r#""guardrails": {"max_step": 0.15}"#, &items));
    let error = groups
        .set_guardrails(&experiment(r#""guardrails": {"max_step": 0.05}"#), &find)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("of arm low on item I00") && error.contains("by guardrails.max_step, and 39 more"),
        "{error}"
    );
    assert_ne!(groups, before);
    let error = groups.set_guardrails(&experiment(""), &|_| None).unwrap_err().to_string();
    assert!(error.contains("in the catalogue, for its bounds"), "{error}");
}

/// An arm that lost too much is retired, and then its price forbidden: it must not stand in the way of that for ever.
#[test]
fn an_arm_that_is_not_live_does_not_hold_new_guardrails_back() {
    let items = catalogue(100);
    let find = |sku: &str| items.iter().find(|item| item.sku == sku).cloned();
    let mut groups = drawn("", &items);
    let retired = |state: &str| {
        experiment(&format!(
            r#""guardrails": {{"max_step": 0.05}}, "arms": [{{"name": "list", "multiplier": 1}},
               {{"name": "low", "multiplier": 0.9, "state": "{state}"}}]"#
        ))
    };
    assert!(groups.clone().set_guardrails(&retired("live"), &find).is_err());
    for state in ["paused", "retired"] {
        let before = groups.clone();
        groups.set_guardrails(&retired(state), &find).unwrap();
        let known = groups.positive().zip(before.positive());
        for (now, before) in known {
            assert_eq!(now.prices, before.prices);
            assert!(now.floor_minor > now.prices[1] && now.floor_minor <= now.price_minor, "{now:?}");
        }
    }
}

#[test]
fn the_balance_is_that_of_the_textbook() {
    let member = |sku: &str, is_negative, price_minor, past| Member {
        sku: sku.into(),
        is_negative,
        family: "F".into(),
        price_minor,
        cost_minor: None,
        floor_minor: 1,
        ceiling_minor: 1,
        prices: vec![],
        past,
    };
    let groups = Groups::new(vec![
        member("A", false, 100, Some(10)),
        member("B", false, 200, None),
        member("C", false, 300, Some(30)),
        member("D", true, 150, None),
        member("E", true, 250, None),
    ]);
    let balance = groups.balance();
    assert_eq!((balance.positive.items, balance.positive.families), (3, 1));
    assert_eq!(balance.positive.price, Some(Moments { items: 3, mean: 200.0, variance: 10_000.0 }));
    assert_eq!(balance.positive.past, Some(Moments { items: 2, mean: 20.0, variance: 200.0 }));
    assert_eq!(balance.price_difference(), Some(0.0));
    assert_eq!((balance.negative.past, balance.past_difference()), (None, None));
    let apart = Groups::new(vec![
        member("A", false, 100, None),
        member("B", false, 300, None),
        member("C", true, 100, None),
        member("D", true, 100, None),
    ]);
    // 200 less 100, over the root of the mean of the variances 20000 and 0.
    assert_eq!(apart.balance().price_difference(), Some(1.0));
}
