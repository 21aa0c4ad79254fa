//! The floors of the house: a module uses only those below its own, assembly is where it belongs,
//! and only `sys` talks to the kernel.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module's floor, in tenths: some rooms of a floor are entered through others. `text` is in the
/// cellar. `lib.rs` and the programs stand on top of all.
const FLOORS: &[(&str, i32)] = &[
    ("text", -10),
    ("arch", 0),
    ("error", 0),
    ("collections", 0),
    ("unwind", 0),
    ("sys", 10),
    ("stack", 20),
    ("coroutine", 30),
    ("task", 40),
    ("time", 50),
    ("sync", 51),
    ("future", 52),
    ("driver", 50),
    ("fd", 60),
    ("io", 61),
    ("fs", 62),
    ("net", 62),
    ("signal", 62),
    ("process", 63),
    ("runtime", 70),
    ("start", 80),
];

/// What `lib.rs` makes public from a module, so that its name at the root stands for the module.
const AT_THE_ROOT: &[(&str, &str)] = &[("Errno", "error"), ("Runtime", "runtime")];

fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file: its path below `src`, its module, and its code without comments and tests.
fn sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let module = name.split(['/', '.']).next().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let code = code
                .lines()
                .map(|line| line.split("//").next().unwrap())
                .collect::<Vec<_>>()
                .join("\n");
            (name, module, code)
        })
        .filter(|(_, module, _)| module != "lib" && module != "bin")
        .collect()
}

fn floor(module: &str) -> i32 {
    let found = FLOORS.iter().find(|(name, _)| *name == module);
    found.unwrap_or_else(|| panic!("module {module} has no floor in this test")).1
}

/// The modules that follow `crate::` in some code, also inside of braces.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (place, _) in code.match_indices("crate::") {
        if code[..place].ends_with('$') {
            continue; // in a macro for other crates
        }
        let rest = &code[place + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => {
                let end = group.find("};").unwrap_or(group.len());
                group[..end].split(',').map(str::trim).collect()
            }
            None => vec![rest],
        };
        for name in names {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            if !name[..end].is_empty() {
                used.push(name[..end].to_owned());
            }
        }
    }
    used
}

#[test]
fn modules_use_only_lower_floors() {
    let mut checked = 0;
    for (file, module, code) in sources() {
        for used in used_modules(&code) {
            let at_root = AT_THE_ROOT.iter().find(|(name, _)| *name == used);
            let used = at_root.map_or(used.as_str(), |(_, module)| module);
            if used == module {
                continue;
            }
            checked += 1;
            assert!(
                floor(used) < floor(&module),
                "src/{file} (floor {}) uses crate::{used} (floor {})",
                floor(&module),
                floor(used),
            );
        }
    }
    assert!(checked > 50, "only {checked} uses found: does the search still work?");
}

#[test]
fn assembly_is_in_arch_and_start() {
    let mut blocks = 0;
    for (file, module, code) in sources() {
        let count = code.matches("asm!(").count();
        blocks += count;
        assert!(
            count == 0 || module == "arch" || module == "start",
            "assembly in src/{file}: it belongs into src/arch or src/start",
        );
    }
    assert!(blocks >= 8, "only {blocks} blocks found: does the search still work?");
}

#[test]
fn system_calls_are_in_sys() {
    for (file, module, code) in sources() {
        assert!(!code.contains("sc::syscall") || module == "sys", "a system call in src/{file}");
    }
}

#[test]
fn modules_are_declared_once_and_have_a_floor() {
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    for line in library.unwrap().lines() {
        let line = line.trim_start_matches("pub ");
        if let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            floor(module);
        }
    }
}
