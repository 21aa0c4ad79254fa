//! What must not compile does not, and for the reason it should.
//!
//! Each file in `tests/ui` says in its first line which error it is to give, by its code and a part
//! of its message, and nothing else may be wrong with it. trybuild compiles them; what the compiler
//! says is not compared as a whole, as it differs from one version to the next.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What a file's first line asks for: the start of each error, with its code if it has one, and a
/// part of one of them. None if the file is to compile.
fn expectation(source: &str) -> Option<(String, &str)> {
    let line = source.lines().next().unwrap().strip_prefix("// ").expect("an expectation");
    if line == "compiles" {
        return None;
    }
    let (start, part) = line.split_once(": ").expect("an error and a part of its message");
    assert!(start == "error" || start.starts_with("error[E"), "{line}");
    Some((format!("{start}: "), part))
}

/// Where copies of the files are compiled, with the compiler's messages beside them.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("ui")
}

/// The files' names and contents.
fn files() -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into(), fs::read_to_string(entry.path()).unwrap()))
        .collect()
}

/// Fails if a file compiles that should not, or the other way round.
fn compile(files: &[(PathBuf, String)]) {
    let cases = trybuild::TestCases::new();
    for (name, source) in files {
        match expectation(source) {
            None => cases.pass(folder().join(name)),
            Some(_) => cases.compile_fail(folder().join(name)),
        }
    }
}

/// Runs twice: the second time as a child of itself, whose output is kept aside.
#[test]
fn wrong_programs_do_not_compile() {
    let mut files = files();
    assert!(files.len() > 20, "they are there: {files:?}");
    if cfg!(not(feature = "sync")) {
        files.retain(|(_, source)| {
            !source.contains("barecoro::sync") && !source.contains("select!")
        });
    }
    if std::env::var_os("TRYBUILD").is_some() {
        return compile(&files);
    }
    if folder().exists() {
        fs::remove_dir_all(folder()).unwrap();
    }
    fs::create_dir_all(folder()).unwrap();
    for (name, source) in &files {
        fs::write(folder().join(name), source).unwrap();
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "wrong_programs_do_not_compile"]).env("TRYBUILD", "overwrite");
    let ended = again.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    for (name, source) in &files {
        let Some((start, part)) = expectation(source) else { continue };
        let said = fs::read_to_string(folder().join(name).with_extension("stderr")).unwrap();
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
        let as_expected = !errors.is_empty()
            && errors.iter().all(|error| error.starts_with(&start))
            && said.contains(part);
        assert!(as_expected, "{}: expected {start}{part}\n{said}", name.display());
    }
}
