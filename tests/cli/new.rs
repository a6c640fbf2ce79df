//! `haggle new` and `haggle schema`: what is written can be read, and nothing is written over.

use haggle::Experiment;
use haggle::experiment::{ArmPrice, Goods, Unit, Which};

use super::{Run, haggle};

/// A folder of this test alone, which is not there yet.
fn folder(name: &str) -> String {
    super::folder(&format!("new-{name}")).display().to_string()
}

fn new(folder: &str, arguments: &[&str]) -> Run {
    let all: Vec<&str> = ["new"].iter().chain(arguments).copied().chain(["--dir", folder]).collect();
    haggle(&all, "")
}

fn written(folder: &str, arguments: &[&str]) -> Experiment {
    let run = new(folder, arguments);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    let name = arguments[0];
    assert!(run.out.contains(&format!("{name}.toml")), "{}", run.out);
    let text = std::fs::read_to_string(format!("{folder}/{name}.toml")).unwrap();
    assert!(text.starts_with("#:schema ./experiment.schema.json\n"), "{text}");
    Experiment::from_toml(&text).unwrap()
}

#[test]
fn an_experiment_of_one_item_is_what_the_flags_say() {
    let folder = folder("item");
    let flags =
        "--sku OLIVE-500 --price 19.00 --cost 8.00 --arm low=17.50 --arm high=x1.1 --currency USD --weeks 3";
    let arguments: Vec<&str> =
        ["sevilla", "--hypothesis", "cheaper \"earns\" more"].into_iter().chain(flags.split(' ')).collect();
    let experiment = written(&folder, &arguments);
    let prices: Vec<i64> = experiment.arms.iter().map(|arm| arm.price_minor).collect();
    assert_eq!(prices, [1900, 1750, 2090]);
    assert_eq!(experiment.item().unwrap().cost_minor, Some(800));
    assert_eq!(experiment.hypothesis, "cheaper \"earns\" more");
    assert_eq!((experiment.currency.to_string().as_str(), experiment.stop.min_weeks), ("USD", 3));
    let again = new(&folder, &arguments);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("sevilla.toml is there already; it must be another name"), "{}", again.err);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_experiment_of_many_items_is_what_the_flags_say() {
    let folder = folder("items");
    let flags = "merida --where brand=Fabrikam --where brand=Contoso --where price_minor=500..5000 --where k=a.b \
                 --positive 400 --negative 300 --arm low=x0.9 --arm list-2=column:next_price";
    let experiment = written(&folder, &flags.split_whitespace().collect::<Vec<_>>());
    let Goods::Scope(scope) = &experiment.goods else { panic!("{:?}", experiment.goods) };
    assert_eq!((scope.positive, scope.negative), (Some(400), 300));
    assert!(matches!(&scope.which, Which::Where(conditions) if conditions.len() == 3), "{scope:?}");
    assert_eq!(experiment.arms[1].price, ArmPrice::Times(0.9));
    assert_eq!(experiment.arms[2].price, ArmPrice::Column("next_price".into()));
    let flags = "toledo --items A,B --unit item-period --period-hours 12 --arm low=x0.95";
    let experiment = written(&folder, &flags.split(' ').collect::<Vec<_>>());
    assert_eq!((experiment.unit, experiment.period_hours), (Unit::ItemPeriod, Some(12)));
    let schema = std::fs::read_to_string(format!("{folder}/experiment.schema.json")).unwrap();
    assert_eq!(schema, haggle(&["schema"], "").out);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_cannot_run_is_not_written() {
    let folder = folder("refused");
    for (flags, why) in [
        ("Sevilla --items all", "name is \"Sevilla\"; it must be 1 to 32 small letters"),
        ("../x --items all", "name is \"../x\""),
        ("x", "what is priced is missing; it must be --sku with --price, --items or --where"),
        ("x --sku A --price 3", "--cost is missing"),
        ("x --sku A --price 3,00", "3,00 is not an amount in EUR"),
        ("x --sku A", "--price"),
        ("x --items all --where a=b", "cannot be used with"),
        ("x --items all --where", "--where"),
        ("x --where brand", "--where is brand; it must be COLUMN=VALUE"),
        ("x --items all --unit session", "unit is \"session\"; it must be one of visitor, item"),
        ("x --items all --arm low", "--arm is low; it must be NAME=PRICE"),
        ("x --items all --arm low=xx", "--arm is low=xx"),
        ("x --items all --arm low=x0.01", "arms[1].multiplier is 0.01; it must be a number from 0.1 to 10"),
        ("x --items all --arm low=17.50", "multiplier or column with [scope]"),
        ("x --items all --policy tomson", "policy.name is \"tomson\""),
    ] {
        let run = new(&folder, &flags.split(' ').collect::<Vec<_>>());
        assert_eq!(run.code, 2, "{flags}");
        assert!(run.err.contains(why) && !run.err.contains("line "), "{flags}: {}", run.err);
    }
    assert!(!std::path::Path::new(&folder).exists());
}
