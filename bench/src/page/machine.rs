//! Where and with what was measured.

use std::fs;
use std::process::Command;

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
pub fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(": ").map_or("?", |(_, value)| value).to_owned()
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    // Not how many this process may use: it stays on one.
    let processors = cpus.lines().filter(|line| line.starts_with("processor")).count();
    format!(
        "Measured with `just bench`, page written on {}: a machine with {processors} processor(s) of an \
         {} (family {} model {}), Linux {kernel}, {}. Peers: {}; {}; {}; Boost {}.\n\n",
        first_line("date", &["+%-d %B %Y"]),
        field("model name"),
        field("cpu family"),
        field("model\t"),
        first_line("rustc", &["--version"]).split('(').next().unwrap_or_default().trim(),
        crates(),
        first_line("go", &["version"]).replace("go version ", "").replace(" linux/amd64", ""),
        first_line("cc", &["--version"]),
        boost(),
    )
}

/// A line below a plot.
pub fn caption() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, Linux {}, drawn on {}",
        model.map_or("?", |(_, model)| model),
        kernel.split('.').take(2).collect::<Vec<_>>().join("."),
        first_line("date", &["+%-d %B %Y"]),
    )
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
