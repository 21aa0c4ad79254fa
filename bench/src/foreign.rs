//! Programs in other languages, compiled by this one when they are needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A program in `foreign/`.
#[derive(Clone, Copy)]
pub struct Foreign {
    /// Its file there.
    pub source: &'static str,
    /// What it is linked with.
    pub libraries: &'static [&'static str],
}

impl Foreign {
    /// Compiles the program. Returns where it is, or why there is none.
    pub fn build(self) -> Result<PathBuf, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(self.source);
        let folder = crate::report::folder().join("foreign");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let program = folder.join(self.source.replace('.', "-"));
        let mut compiler = if self.source.ends_with(".go") {
            let mut go = Command::new("go");
            go.args(["build", "-o"]).arg(&program).arg(&source).env("GO111MODULE", "off");
            go
        } else {
            let mut cc = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
            cc.args(["-O2", "-o"]).arg(&program).arg(&source).args(self.libraries);
            cc
        };
        let output = compiler.output().map_err(|error| {
            format!("no compiler {}: {error}", compiler.get_program().display())
        })?;
        if output.status.success() {
            return Ok(program);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| line.contains("error")).unwrap_or_default();
        Err(format!("{} does not compile here: {first}", self.source))
    }
}
