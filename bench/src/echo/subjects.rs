//! Who takes part in `echo`.

use super::serve::Library;
use super::server::{Driver, Program, Subject};
use crate::foreign::{Foreign, Language};
use crate::report;

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "barecoro, io_uring",
        program: Program::Own(Library::Barecoro),
        driver: Driver::Uring,
        environment: &[("BARECORO_DRIVER", "uring")],
    },
    Subject {
        name: "barecoro, epoll",
        program: Program::Own(Library::Barecoro),
        driver: Driver::Epoll,
        environment: &[("BARECORO_DRIVER", "epoll")],
    },
    foreign("C, epoll", "echo_epoll.c", Driver::Epoll, Language::C(&[])),
    foreign("C, io_uring", "echo_uring.c", Driver::Uring, Language::C(&["-luring"])),
    own("tokio", Library::Tokio, Driver::Epoll),
    own("monoio", Library::Monoio, Driver::Uring),
    own("compio", Library::Compio, Driver::Uring),
    own("glommio", Library::Glommio, Driver::Uring),
    own("smol", Library::AsyncExecutor, Driver::Epoll),
    own("may", Library::May, Driver::Epoll),
    Subject {
        name: "Go",
        program: Program::Foreign(Foreign {
            source: "echo.go",
            language: Language::Go(&["build"]),
        }),
        driver: Driver::Epoll,
        environment: &[("GOMAXPROCS", "1")],
    },
];

const fn own(name: &'static str, library: Library, driver: Driver) -> Subject {
    Subject { name, program: Program::Own(library), driver, environment: &[] }
}

const fn foreign(
    name: &'static str,
    source: &'static str,
    driver: Driver,
    language: Language,
) -> Subject {
    let program = Program::Foreign(Foreign { source, language });
    Subject { name, program, driver, environment: &[] }
}

impl Subject {
    /// Whether it is barecoro's.
    pub fn is_ours(&self) -> bool {
        self.name.starts_with("barecoro")
    }
}

/// Compiles those in other languages; what fails is reported later.
pub fn build() {
    for subject in SUBJECTS {
        if let Program::Foreign(foreign) = subject.program {
            let _reported_later = foreign.build();
        }
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
