//! Versions of programs: found in whatever a program says about itself, and compared.

use std::fmt;

/// Three numbers. What stands behind them (`-rc1`, `+dfsg1`) does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// The version `major.minor.patch`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The first number.
    pub const fn major(self) -> u32 {
        self.major
    }

    /// The second number.
    pub const fn minor(self) -> u32 {
        self.minor
    }

    /// The first thing in `text` that looks like a version: numbers with dots, at the start of a word or behind a `v`.
    ///
    /// Programs have no common form: `Python 3.11.7`, `v20.20.2`, `git version 2.39.5 (Apple Git-154)`, `tmux 3.3a`.
    pub fn find_in(text: &str) -> Option<Self> {
        let starts_word = |at: usize| {
            let mut before = text[..at].chars().rev();
            match before.next() {
                Some('v' | 'V') => before.next().is_none_or(|c| !c.is_alphanumeric()),
                Some(c) => !c.is_alphanumeric() && c != '.' && c != '-',
                None => true,
            }
        };
        let digits = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at);
        digits.filter(|&at| starts_word(at)).find_map(|at| Self::at_start_of(&text[at..]))
    }

    fn at_start_of(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text[..end].split('.').map_while(|number| number.parse().ok());
        let (major, minor) = (numbers.next()?, numbers.next()?);
        Some(Self::new(major, minor, numbers.next().unwrap_or(0)))
    }

    /// As a lower bound is written: `20`, `3.11`, `1.95`.
    pub fn bound(self) -> String {
        match self {
            Self { major, minor: 0, patch: 0 } => major.to_string(),
            Self { major, minor, patch: 0 } => format!("{major}.{minor}"),
            whole => whole.to_string(),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::find_in(&text).ok_or_else(|| serde::de::Error::custom("not a version"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (text, found) in [
            ("Python 3.11.7", "3.11.7"),
            ("v20.20.2\n", "20.20.2"),
            ("11.19.1", "11.19.1"),
            ("git version 2.39.5 (Apple Git-154)", "2.39.5"),
            ("rustc 1.95.0 (f8297e351 2026-04-13)", "1.95.0"),
            ("rustfmt 1.8.0-stable (f8297e351 2026-04-13)", "1.8.0"),
            ("initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", "15.14.0"),
            ("tmux 3.3a", "3.3.0"),
            ("tmux next-3.6", "none"),
            ("Docker version 20.10.24+dfsg1, build 297e128", "20.10.24"),
            ("k6 v1.3.0 (go1.24.6, linux/amd64)", "1.3.0"),
            ("k6 (devel, go1.24.6, linux/amd64)", "none"),
            (r#"Client Version: version.Info{Major:"1", Minor:"20", GitVersion:"v1.20.2""#, "1.20.2"),
            ("Python 3.15.0a1", "3.15.0"),
            ("größe 7, v. 2.5", "2.5.0"),
            ("1.", "none"),
            ("99999999999.1", "none"),
            ("no version here", "none"),
            ("", "none"),
        ] {
            let version = Version::find_in(text).map_or("none".to_owned(), |version| version.to_string());
            assert_eq!(version, found, "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let ordered = ["2.7.18", "3.8.1", "3.9.0", "3.11.0", "3.11.7", "20.0.0"];
        let versions: Vec<Version> = ordered.iter().map(|text| Version::find_in(text).unwrap()).collect();
        assert!(versions.is_sorted());
        assert_eq!(Version::find_in("3.11"), Some(Version::new(3, 11, 0)));
    }

    #[test]
    fn bounds_leave_out_zeros() {
        for (version, bound) in [
            (Version::new(20, 0, 0), "20"),
            (Version::new(3, 11, 0), "3.11"),
            (Version::new(1, 95, 1), "1.95.1"),
            (Version::new(1, 0, 1), "1.0.1"),
        ] {
            assert_eq!(version.bound(), bound);
        }
    }

    #[test]
    fn json_and_back() {
        let version = Version::new(3, 11, 7);
        let json = serde_json::to_string(&version).unwrap();
        assert_eq!(json, r#""3.11.7""#);
        assert_eq!(serde_json::from_str::<Version>(&json).unwrap(), version);
        assert!(serde_json::from_str::<Version>(r#""x""#).is_err());
    }
}
