//! The example `million` keeps within the memory that it is meant to.

mod common;

use std::collections::HashMap;
use std::process::Command;

/// Runs the example and returns the numbers of its last line.
fn million(n: usize, guard: &str) -> HashMap<String, u64> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "run",
        "--quiet",
        "--release",
        "--example",
        "million",
        "--",
        &n.to_string(),
        guard,
    ]);
    let ended = common::run(cargo.current_dir(common::root()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains(&format!("{n} of {n}")), "it shows progress: {ended:?}");
    let line = ended.stdout.lines().last().unwrap();
    assert!(line.starts_with(&format!("tasks={n} guard={guard} ")), "{line}");
    let pairs = line.split(' ').map(|pair| pair.split_once('=').unwrap());
    pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?))).collect()
}

#[test]
fn a_guarded_task_costs_a_page_and_an_entry_for_five() {
    let numbers = million(100_000, "guarded");
    assert!(numbers["rss_per_task"] <= 4400 * 1024 / 1000, "{numbers:?}");
    assert!(numbers["pte_per_task"] <= 48, "{numbers:?}");
    assert!(numbers["vmas"] <= 64, "{numbers:?}");
}

#[test]
fn a_packed_task_costs_a_kibibyte_and_a_little() {
    let numbers = million(100_000, "packed");
    assert!(numbers["rss_per_task"] <= 1400 * 1024 / 1000, "{numbers:?}");
    assert!(numbers["vmas"] <= 64, "{numbers:?}");
}

#[test]
fn what_it_does_not_understand_it_explains() {
    for arguments in [["0", "guarded"], ["1000001", "guarded"], ["x", "packed"], ["1", "loose"]] {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--release", "--example", "million", "--"]).args(arguments);
        let ended = common::run(cargo.current_dir(common::root()));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("usage: million"), "{ended:?}");
    }
}
