//! Where and with what was measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::Row;
use crate::origin::Origin;

/// The peers from crates.io whose versions are named.
const CRATES: [&str; 14] = [
    "corosensei",
    "generator",
    "may",
    "tokio",
    "async-executor",
    "async-io",
    "async-channel",
    "async-lock",
    "embassy-executor",
    "embassy-sync",
    "monoio",
    "local-sync",
    "compio",
    "glommio",
];

/// A paragraph.
pub fn description(rows: &[Row]) -> String {
    let mut origins: BTreeMap<&Origin, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        origins.entry(&row.origin).or_default().insert(format!("`{}`", row.name));
    }
    let is_one = origins.len() == 1;
    let origins = origins.into_iter().map(|(origin, names)| {
        let Origin { measured, commit, kernel, cpu, .. } = origin;
        let which = if is_one {
            String::new()
        } else {
            format!(" ({})", names.into_iter().collect::<Vec<_>>().join(", "))
        };
        format!("on {measured}, of commit {commit}, on {cpu}, Linux {kernel}{which}")
    });
    format!(
        "Measured with `just bench` {}. Compiled with {}. Peers: {}; {}; {}; Boost {}.\n\n",
        origins.collect::<Vec<_>>().join("; "),
        first_line("rustc", &["--version"]).split('(').next().unwrap_or_default().trim(),
        crates(),
        first_line("go", &["version"]).replace("go version ", "").replace(" linux/amd64", ""),
        first_line("cc", &["--version"]),
        boost(),
    )
}

/// A line below a plot.
pub fn caption(rows: &[Row]) -> String {
    let Some(Row { origin, .. }) = rows.first() else { return String::new() };
    let Origin { measured, commit, kernel, cpu, .. } = origin;
    format!("{cpu}, Linux {kernel}, measured on {measured}, commit {commit}")
}

/// What a program says first.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return format!("no {program}");
    };
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

/// Names and versions, as locked.
fn crates() -> String {
    let lock = include_str!("../../Cargo.lock");
    let version = |name: &str| {
        let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", after.split('"').next()?))
    };
    CRATES.iter().filter_map(|name| version(name)).collect::<Vec<_>>().join(", ")
}

fn boost() -> String {
    let header = fs::read_to_string("/usr/include/boost/version.hpp").unwrap_or_default();
    let line = header.lines().find(|line| line.starts_with("#define BOOST_LIB_VERSION"));
    let version = line.and_then(|line| line.split('"').nth(1)).unwrap_or("?");
    version.replace('_', ".")
}
