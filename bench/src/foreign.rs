//! Programs in other languages, compiled by this one when they are needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A program in `foreign/`.
#[derive(Clone, Copy)]
pub struct Foreign {
    /// Its file there.
    pub source: &'static str,
    pub language: Language,
}

/// What it is written in.
#[derive(Clone, Copy)]
pub enum Language {
    C {
        /// What it is linked with.
        libraries: &'static [&'static str],
    },
    Go,
}

impl Foreign {
    /// Compiles the program. Returns where it is, or why there is none.
    pub fn build(self) -> Result<PathBuf, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(self.source);
        let folder = crate::report::folder().join("foreign");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let program = folder.join(self.source.replace('.', "-"));
        let mut compiler = match self.language {
            Language::Go => Command::new("go"),
            Language::C { .. } => Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into())),
        };
        match self.language {
            Language::Go => compiler.env("GO111MODULE", "off").args(["build", "-o"]),
            Language::C { .. } => compiler.args(["-O2", "-o"]),
        };
        compiler.arg(&program).arg(&source);
        if let Language::C { libraries } = self.language {
            compiler.args(libraries);
        }
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
