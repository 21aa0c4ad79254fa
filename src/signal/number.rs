//! The numbers of signals.

use core::fmt;

use linux_raw_sys::general as linux;

use crate::text::Decimal;

/// A signal's number, named as in signal(7) without the leading `SIG`.
///
/// # Examples
///
/// ```
/// use barecoro::signal::Signal;
///
/// assert_eq!(Signal::TERM.get(), 15);
/// assert_eq!(Signal::TERM.to_string(), "SIGTERM");
/// assert_eq!(Signal::real_time(1).unwrap().to_string(), "SIGRTMIN+1");
/// assert_eq!("HUP".parse(), Ok(Signal::HUP));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// The greatest number (signal(7)).
const MOST: u32 = linux::_NSIG;

/// The first signal without a meaning that libc leaves to programs: it keeps two for itself.
const FIRST_FREE: u32 = 34;

impl Signal {
    /// The signal of a number between 1 and 64.
    pub const fn new(number: i32) -> Option<Self> {
        if number >= 1 && number.cast_unsigned() <= MOST {
            Some(narrow(number.cast_unsigned()))
        } else {
            None
        }
    }

    /// `SIGRTMIN` + `offset`, as libc counts: 0 to 30. They have no meaning of their own.
    pub const fn real_time(offset: u32) -> Option<Self> {
        let most = MOST - FIRST_FREE;
        if offset <= most { Some(narrow(FIRST_FREE + offset)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> i32 {
        self.0 as i32
    }

    /// The name, such as `"SIGTERM"`; `None` for those without a meaning of their own.
    pub fn name(self) -> Option<&'static str> {
        let found = NAMES.iter().find(|(number, _)| *number == self.0);
        found.map(|(_, name)| *name)
    }

    /// As the kernel's headers have numbers.
    pub(crate) const fn number(self) -> u32 {
        self.0 as u32
    }
}

/// The signal of a number that is one.
#[expect(clippy::cast_possible_truncation, reason = "numbers go to 64")]
const fn narrow(number: u32) -> Signal {
    Signal(number as u8)
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.number().checked_sub(FIRST_FREE)) {
            (Some(name), _) => f.pad(name),
            (None, Some(0)) => f.pad("SIGRTMIN"),
            (None, Some(offset)) => write!(f, "SIGRTMIN+{}", Decimal(offset.into())),
            (None, None) => write!(f, "signal {}", Decimal(self.number().into())),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no signal's name or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSignal;

impl fmt::Display for UnknownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such signal")
    }
}

impl core::error::Error for UnknownSignal {}

impl From<UnknownSignal> for crate::error::Errno {
    fn from(_: UnknownSignal) -> Self {
        Self::INVAL
    }
}

impl core::str::FromStr for Signal {
    type Err = UnknownSignal;

    /// A name, with or without `SIG`, or a number.
    fn from_str(text: &str) -> Result<Self, UnknownSignal> {
        if let Ok(number) = text.parse() {
            return Self::new(number).ok_or(UnknownSignal);
        }
        let short = text.strip_prefix("SIG").unwrap_or(text);
        let found = NAMES.iter().find(|(_, name)| name.strip_prefix("SIG") == Some(short));
        found.map(|(number, _)| Self(*number)).ok_or(UnknownSignal)
    }
}

macro_rules! signals {
    ($($name:ident = $number:ident, $meaning:literal;)*) => {
        impl Signal {
            $(
                #[doc = concat!("`", stringify!($number), "`: ", $meaning, ".")]
                pub const $name: Self = narrow(linux::$number);
            )*
        }

        static NAMES: &[(u8, &str)] = &[$((Signal::$name.0, stringify!($number)),)*];
    };
}

signals! {
    HUP = SIGHUP, "the terminal has gone, or a service is to read its settings anew";
    INT = SIGINT, "interrupted from the terminal";
    QUIT = SIGQUIT, "to be ended from the terminal, with a core dump";
    ILL = SIGILL, "an instruction that does not exist";
    TRAP = SIGTRAP, "a breakpoint";
    ABRT = SIGABRT, "aborted";
    BUS = SIGBUS, "memory that is not there";
    FPE = SIGFPE, "an arithmetic fault";
    KILL = SIGKILL, "killed, which nothing keeps away";
    USR1 = SIGUSR1, "what the program makes of it";
    SEGV = SIGSEGV, "an address that is not the program's";
    USR2 = SIGUSR2, "what the program makes of it";
    PIPE = SIGPIPE, "nobody reads what was written";
    ALRM = SIGALRM, "a timer of alarm(2)";
    TERM = SIGTERM, "to be ended";
    STKFLT = SIGSTKFLT, "not in use";
    CHLD = SIGCHLD, "a child has ended, stopped or gone on";
    CONT = SIGCONT, "to go on";
    STOP = SIGSTOP, "to stop, which nothing keeps away";
    TSTP = SIGTSTP, "to stop, from the terminal";
    TTIN = SIGTTIN, "a read from the terminal in the background";
    TTOU = SIGTTOU, "a write to the terminal in the background";
    URG = SIGURG, "urgent data at a socket";
    XCPU = SIGXCPU, "the limit of processor time";
    XFSZ = SIGXFSZ, "the limit of a file's size";
    VTALRM = SIGVTALRM, "a timer of the process's own time";
    PROF = SIGPROF, "a timer of the processor's time";
    WINCH = SIGWINCH, "the terminal has another size";
    IO = SIGIO, "a descriptor is ready";
    PWR = SIGPWR, "the power fails";
    SYS = SIGSYS, "a system call that is not allowed";
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn every_number_has_a_name() {
        for number in 1..=64 {
            let signal = Signal::new(number).unwrap();
            assert_eq!(signal.get(), number);
            assert_eq!(signal.name().is_some(), number < 32, "{signal}");
        }
        assert_eq!((Signal::new(0), Signal::new(65), Signal::new(-1)), (None, None, None));
        assert_eq!(format!("{} {:?}", Signal::HUP, Signal::SYS), "SIGHUP SIGSYS");
        assert_eq!(format!("{:>8}|", Signal::HUP), "  SIGHUP|");
        let [first, last] = [0, 30].map(|offset| Signal::real_time(offset).unwrap());
        assert_eq!(format!("{first} {last}"), "SIGRTMIN SIGRTMIN+30");
        assert_eq!(format!("{}", Signal::new(33).unwrap()), "signal 33");
        assert_eq!(Signal::real_time(31), None);
    }

    #[test]
    fn names_are_read() {
        assert_eq!("SIGKILL".parse(), Ok(Signal::KILL));
        assert_eq!("9".parse(), Ok(Signal::KILL));
        assert_eq!(format!("{}", Signal::KILL).parse(), Ok(Signal::KILL));
        for wrong in ["", "SIG", "SIGSIGHUP", "0", "65", "hup"] {
            assert_eq!(wrong.parse::<Signal>(), Err(UnknownSignal), "{wrong}");
        }
    }
}
