//! Who takes part in `echo`.

use super::serve::Library;
use super::server::{Program, Subject};
use crate::foreign::{Foreign, Language};
use crate::report;

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "barecoro, io_uring",
        program: Program::Own(Library::Barecoro),
        environment: &[("BARECORO_DRIVER", "uring")],
    },
    Subject {
        name: "barecoro, epoll",
        program: Program::Own(Library::Barecoro),
        environment: &[("BARECORO_DRIVER", "epoll")],
    },
    foreign("C, epoll", "echo_epoll.c", Language::C(&[])),
    foreign("C, io_uring", "echo_uring.c", Language::C(&["-luring"])),
    own("tokio", Library::Tokio),
    own("monoio", Library::Monoio),
    own("compio", Library::Compio),
    own("glommio", Library::Glommio),
    own("smol", Library::AsyncExecutor),
    own("may", Library::May),
    Subject {
        name: "Go",
        program: Program::Foreign(Foreign { source: "echo.go", language: Language::Go }),
        environment: &[("GOMAXPROCS", "1")],
    },
];

const fn own(name: &'static str, library: Library) -> Subject {
    Subject { name, program: Program::Own(library), environment: &[] }
}

const fn foreign(name: &'static str, source: &'static str, language: Language) -> Subject {
    Subject { name, program: Program::Foreign(Foreign { source, language }), environment: &[] }
}

impl Subject {
    /// Whether it is barecoro's.
    pub fn is_ours(&self) -> bool {
        self.name.starts_with("barecoro")
    }
}

/// Those that can be run here. Says of the others why they cannot.
pub fn able() -> Vec<Subject> {
    let is_able = |subject: &&Subject| match subject.command() {
        Ok(_) => true,
        Err(why) => {
            report::skip("echo", subject.name, &why);
            false
        }
    };
    SUBJECTS.iter().filter(is_able).copied().collect()
}
