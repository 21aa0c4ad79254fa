//! How the libraries are told apart in plots: by colour and by shape, so that either is enough.

use plotters::style::RGBColor;

/// What sort of tasks a library has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Stackful,
    Futures,
    Other,
}

impl Kind {
    /// In the order of the key.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Stackful, Self::Futures, Self::Other];

    /// That of a subject or peer.
    pub fn of(name: &str) -> Self {
        const STACKFUL: [&str; 6] =
            ["corosensei", "generator", "Boost.Context", "may", "Go", "the original's scheme"];
        const FUTURES: [&str; 7] =
            ["tokio", "smol", "monoio", "compio", "glommio", "embassy", "async-io"];
        // What comes after a comma is a variant.
        let library = name.split(", ").next().unwrap_or(name);
        match library {
            "barecoro" => Self::Ours,
            _ if STACKFUL.contains(&library) => Self::Stackful,
            _ if FUTURES.contains(&library) => Self::Futures,
            _ => Self::Other,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "barecoro",
            Self::Stackful => "stackful",
            Self::Futures => "futures",
            Self::Other => "neither",
        }
    }

    /// Of Okabe and Ito's palette, which is distinct to the colour-blind too, and grey.
    pub const fn colour(self) -> RGBColor {
        match self {
            Self::Ours => RGBColor(0xD5, 0x5E, 0x00),
            Self::Stackful => RGBColor(0x00, 0x72, 0xB2),
            Self::Futures => RGBColor(0x00, 0x7A, 0x5A),
            Self::Other => RGBColor(0x60, 0x60, 0x60),
        }
    }

    /// The corners of its mark around the middle, none if that is round.
    pub const fn corners(self) -> &'static [(i32, i32)] {
        match self {
            Self::Ours => &[],
            Self::Stackful => &[(-4, -4), (4, -4), (4, 4), (-4, 4)],
            Self::Futures => &[(0, -5), (5, 4), (-5, 4)],
            Self::Other => &[(0, -5), (5, 0), (0, 5), (-5, 0)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_of_their_librarys_kind() {
        assert_eq!(Kind::of("barecoro, epoll"), Kind::Ours);
        assert_eq!(Kind::of("embassy, polled"), Kind::Futures);
        assert_eq!(Kind::of("Go"), Kind::Stackful);
        assert_eq!(Kind::of("C, io_uring"), Kind::Other);
    }
}
