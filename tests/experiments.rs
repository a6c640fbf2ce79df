//! Experiment files: those in `tests/experiments/right` can run, and each in `tests/experiments/wrong` is refused with the
//! message that its first line announces, which names the line, the field, what was given and what is allowed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "experiments/schema.rs"]
mod schema;

use std::path::{Path, PathBuf};

use haggle::Experiment;
use proptest::prelude::*;

fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/experiments").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn each_wrong_file_is_refused_by_line_field_value_and_bound() {
    let files = files("wrong");
    assert!(files.len() >= 30, "only {} files", files.len());
    for (path, text) in files {
        let path = path.display();
        let expected = text.lines().next().and_then(|first| first.strip_prefix("# ")).unwrap_or_default();
        let error = Experiment::from_toml(&text).map(drop).unwrap_err().to_string();
        assert_eq!(error, expected, "{path}");
        let (line, message) = parts(&error).unwrap_or_else(|| panic!("{path}: {error}"));
        let Some((given, _)) =
            message.split_once("; it must be ").filter(|(given, _)| given.contains(" is "))
        else {
            assert!(
                error.starts_with("not an experiment in TOML: "),
                "{path}: neither a field nor its bound"
            );
            continue;
        };
        names_the_line(&path.to_string(), &text, line, given);
    }
}

/// The number of the line, and what is wrong there.
fn parts(error: &str) -> Option<(usize, &str)> {
    let rest = error.strip_prefix("not an experiment in TOML: ").unwrap_or(error);
    let (line, message) = rest.strip_prefix("line ")?.split_once(": ")?;
    Some((line.parse().ok()?, message))
}

/// Whether the line shows the field or its value; where the field is missing, its table or the end of the file.
fn names_the_line(path: &str, text: &str, line: usize, given: &str) {
    let shown = text.lines().nth(line - 1).unwrap_or_else(|| panic!("{path}: it has no line {line}"));
    let words = given.split([' ', '.', '[', ']', ',']).filter(|word| word.len() > 2 && *word != "missing");
    let is_end = line == text.lines().count() && given.ends_with("missing");
    assert!(
        is_end || words.into_iter().any(|word| shown.contains(word)),
        "{path}: line {line} is {shown:?}: {given}"
    );
}

#[test]
fn each_right_file_is_read_and_written_as_it_was() {
    let files = files("right");
    assert!(files.len() >= 6, "only {} files", files.len());
    for (path, text) in files {
        let experiment =
            Experiment::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(Experiment::from_json(&experiment.to_json()), Ok(experiment), "{}", path.display());
    }
}

proptest! {
    /// A file with any character in another's place is read or refused, and a refusal has its line.
    #[test]
    fn damage_is_refused_with_its_line(
        file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), to in "[\\PC\n]{0,3}"
    ) {
        let files = files("right");
        let (_, text) = &files[file.index(files.len())];
        let mut text: Vec<char> = text.chars().collect();
        let at = at.index(text.len());
        text.splice(at..=at, to.chars());
        let text: String = text.into_iter().collect();
        if let Err(error) = Experiment::from_toml(&text) {
            let error = error.to_string();
            let (line, _) = parts(&error).ok_or_else(|| TestCaseError::fail(format!("no line: {error}")))?;
            prop_assert!((1..=text.lines().count() + 1).contains(&line), "{}", error);
        }
    }
}

#[test]
fn the_complete_file_of_the_documentation_can_run() {
    let page = include_str!("../docs/experiments.md");
    let whole: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(whole.len(), 1);
    let experiment = Experiment::from_toml(whole[0]).unwrap();
    assert_eq!(experiment.arms.len(), 3);
    // What the page says of a refusal is what a refusal says.
    let wrong = whole[0].replace("multiplier = 0.9", "multiplier = 11");
    let error = Experiment::from_toml(&wrong).unwrap_err().to_string();
    assert!(page.contains(&format!("sevilla.toml: {error}\n")), "{error}");
}
