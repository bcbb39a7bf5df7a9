//! The labels of images: the keys of the OCI image specification, `annotations.md`.

use std::collections::BTreeMap;

/// The commit that an image was made from.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// When the content of an image came about: the time of that commit.
pub const CREATED: &str = "org.opencontainers.image.created";
/// Where the sources are.
pub const SOURCE: &str = "org.opencontainers.image.source";
/// The version of what is packaged.
pub const VERSION: &str = "org.opencontainers.image.version";
/// An SPDX expression of its licences.
pub const LICENSES: &str = "org.opencontainers.image.licenses";
/// What people call it.
pub const TITLE: &str = "org.opencontainers.image.title";

/// The last commit that touched a component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revision {
    /// Its name; with `-dirty` behind it where something in the component was changed since.
    pub name: String,
    /// When it was committed, in seconds since 1970.
    pub time: u64,
}

/// What is known about an image whatever the commit.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What people call it.
    pub title: String,
    /// Where the sources are.
    pub source: Option<String>,
    /// The version of what is packaged.
    pub version: Option<String>,
    /// An SPDX expression.
    pub licenses: Option<String>,
}

/// The labels that do not depend on the commit.
pub fn lasting(facts: &Facts) -> BTreeMap<String, String> {
    let pairs = [
        (TITLE, Some(facts.title.clone())),
        (SOURCE, facts.source.clone()),
        (VERSION, facts.version.clone()),
        (LICENSES, facts.licenses.clone()),
    ];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// All labels of an image.
pub fn labels(facts: &Facts, revision: &Revision) -> BTreeMap<String, String> {
    let mut labels = lasting(facts);
    labels.insert(REVISION.to_owned(), revision.name.clone());
    labels.insert(CREATED.to_owned(), timestamp(revision.time));
    labels
}

/// A time as RFC 3339 has it, in UTC: `2026-11-25T02:10:00Z`. By Howard Hinnant's `civil_from_days`: years begin in March, so
/// that the leap day is the last.
pub fn timestamp(seconds: u64) -> String {
    let (days, clock) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_back_by_who_writes_none() {
        use crate::core::release::health::Timestamp;
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_709_210_096), "2024-02-29T12:34:56Z");
        for seconds in (0..4_102_444_800).step_by(7_654_321) {
            let read = Timestamp::parse(&timestamp(seconds)).unwrap();
            assert_eq!(read.0.as_secs(), seconds);
        }
    }

    #[test]
    fn only_two_labels_follow_the_commit() {
        let facts =
            Facts { title: "backend".to_owned(), licenses: Some("MIT".to_owned()), ..Facts::default() };
        let all = labels(&facts, &Revision { name: "c0ffee".to_owned(), time: 60 });
        let extra: Vec<&str> =
            all.keys().filter(|key| !lasting(&facts).contains_key(*key)).map(String::as_str).collect();
        assert_eq!(extra, [CREATED, REVISION]);
        assert_eq!(all[CREATED], "1970-01-01T00:01:00Z");
    }
}
