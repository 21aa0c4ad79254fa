//! What must not compile does not, and for the reason it should.
//!
//! Each file in `tests/ui` says in its first line which error it is to give, by its code and a part
//! of its message, and nothing else may be wrong with it. Whole messages are not compared: they
//! differ from one version of the compiler to the next.
#![expect(clippy::expect_used, reason = "a test may panic")]

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a file's first line asks for.
enum Expected {
    Compiles,
    /// The start of each error, with its code if it has one, and a part of one of them.
    Error {
        start: String,
        part: String,
    },
}

fn expectation(source: &str) -> Option<Expected> {
    let line = source.lines().next()?.strip_prefix("// ")?;
    if line == "compiles" {
        return Some(Expected::Compiles);
    }
    let (start, part) = line.split_once(": ")?;
    let is_error = start == "error" || start.starts_with("error[E") && start.ends_with(']');
    is_error.then(|| Expected::Error { start: format!("{start}: "), part: part.into() })
}

/// The files to compile, by name.
fn files() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let paths = fs::read_dir(folder).expect("tests/ui is there").map(|entry| {
        let path = entry.expect("an entry").path();
        (path.file_stem().expect("a name").to_string_lossy().into(), path.to_string_lossy().into())
    });
    paths.collect()
}

/// Checks all files, as the programs of one package. Returns what the compiler says, a line for
/// each message.
fn check(files: &BTreeMap<String, String>) -> String {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    let crate_path = env!("CARGO_MANIFEST_DIR");
    fs::create_dir_all(&package).expect("a folder for the package");
    let mut manifest = format!(
        "[package]\nname = \"ui\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautobins = false\n\
         [workspace]\n[dependencies]\nbarecoro = {{ path = {crate_path:?} }}\n"
    );
    for (name, path) in files {
        write!(manifest, "[[bin]]\nname = {name:?}\npath = {path:?}\n").expect("a string grows");
    }
    fs::write(package.join("Cargo.toml"), manifest).expect("the manifest");
    // The versions that this test was built with are at hand, and no others may be.
    let lock = fs::read(Path::new(crate_path).join("Cargo.lock")).expect("the crate's lock file");
    fs::write(package.join("Cargo.lock"), lock).expect("the package's lock file");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--bins", "--keep-going", "--offline", "--color=never"])
        .arg("--message-format=short")
        .env("CARGO_TARGET_DIR", package.join("target"))
        // What a wrapper or flags of the outer build add is not what is tested.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(&package)
        .output()
        .expect("cargo runs");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The errors in a file whose path has this part, from `error` on. A message in short form is
/// `path:line:column: error[code]: text`.
fn errors_in<'a>(said: &'a str, path: &str) -> Vec<&'a str> {
    said.lines()
        .filter(|line| line.contains(path))
        .filter_map(|line| line.find(": error").map(|place| &line[place + 2..]))
        .collect()
}

#[test]
fn wrong_programs_do_not_compile() {
    let files = files();
    assert!(files.len() > 20, "they are there: {files:?}");
    let said = check(&files);
    // Cargo names each program that has failed, which shows that it got as far as that one.
    let failed = |name: &str| said.contains(&format!("could not compile `ui` (bin \"{name}\")"));
    let mut wrong = Vec::new();
    for (name, path) in &files {
        let source = fs::read_to_string(path).expect("a file");
        let Some(expected) = expectation(&source) else {
            wrong.push(format!("{name}: its first line does not say what to expect"));
            continue;
        };
        let errors = errors_in(&said, &format!("/tests/ui/{name}.rs:"));
        let as_expected = match &expected {
            Expected::Compiles => errors.is_empty() && !failed(name),
            Expected::Error { start, part } => {
                let fits = |error: &&str| error.starts_with(start) && error.contains(part);
                // A constant of the crate that cannot be computed is an error in the crate.
                let in_the_crate = || errors_in(&said, "/src/").iter().any(fits);
                failed(name)
                    && errors.iter().all(|error| error.starts_with(start))
                    && (errors.iter().any(fits) || errors.is_empty() && in_the_crate())
            }
        };
        if !as_expected {
            wrong.push(format!("{name}: {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\nthe compiler has said: {said}");
}
