//! The words of a release: components, slots, revisions, digests, fences.
//!
//! Time is a [`Duration`](std::time::Duration) since an instant that the caller chooses; the machine never reads a clock.

use std::fmt;
use std::sync::Arc;

/// The name of a component of a release: `backend`. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ComponentName(pub Arc<str>);

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One of the two Deployments of a component, which take turns.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The Deployment of the component's own name.
    A,
    /// The Deployment with `-b` behind it.
    B,
}

impl Slot {
    /// The one whose turn is next.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// What stands behind the component's name in the names of this slot's objects.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::A => "",
            Self::B => "-b",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// What a component runs, by content: the hash of everything that its pods are made from. A component whose revision did not
/// change does not roll.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Revision(pub Arc<str>);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What an object says, by content: the hash of all that its manifest states.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Content(pub Arc<str>);

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A release of an environment, in the order in which they were begun: `production-42`, short enough to be typed.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId {
    /// The environment.
    pub environment: Arc<str>,
    /// The number, from 1; 0 is what ran before the first release.
    pub number: u32,
}

impl ReleaseId {
    /// The release that serves, in words: `nothing` before the first one.
    pub fn or_nothing(serving: Option<&Self>) -> String {
        serving.map_or_else(|| "nothing".to_owned(), Self::to_string)
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.environment, self.number))
    }
}

impl From<ReleaseId> for String {
    fn from(id: ReleaseId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ReleaseId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for ReleaseId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once('-').filter(|(environment, _)| !environment.is_empty());
        let id = parts.and_then(|(environment, number)| {
            let canonical = number == "0" || !number.starts_with(['0', '+']);
            let number = number.parse().ok().filter(|_| canonical)?;
            Some(Self { environment: environment.into(), number })
        });
        id.ok_or_else(|| {
            format!("`{text}` is no release: one is an environment and a number, as in `production-42`")
        })
    }
}

/// The number of the owner of a release. It only rises; an update with an older one than the object's is refused.
#[derive(
    Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Fence(pub u64);

/// How a release ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The new release serves, verified.
    Promoted,
    /// The new release was worse; the old one serves.
    RolledBack,
    /// Somebody wanted it to end; the old release serves.
    Aborted,
    /// The evidence was not enough; the old release serves.
    Inconclusive,
    /// Nothing was measured; the old release serves.
    NoEvidence,
    /// What runs is written down, and nothing was changed.
    Adopted,
    /// There was nothing to do.
    Nothing,
    /// It was not begun: the cluster has moved on, or somebody else owns it.
    Refused,
    /// Somebody else has taken over; this process must not touch anything any more.
    Superseded,
    /// It needs a person.
    Stuck,
}

impl Ending {
    /// The exit code of the process.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Promoted | Self::Adopted | Self::Nothing => 0,
            Self::Refused => 5,
            Self::RolledBack | Self::Aborted | Self::Inconclusive | Self::NoEvidence => 6,
            Self::Superseded | Self::Stuck => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_ids_are_read_as_they_are_written() {
        for text in ["production-42", "staging-eu-1-7", "p-0"] {
            assert_eq!(text.parse::<ReleaseId>().unwrap().to_string(), text);
        }
        for text in
            ["", "production", "-1", "production-", "production-01", "production-+1", "production-4294967296"]
        {
            assert!(text.parse::<ReleaseId>().is_err(), "{text}");
        }
        let (old, new): (ReleaseId, ReleaseId) = ("p-9".parse().unwrap(), "p-10".parse().unwrap());
        assert!(old < new);
    }

    #[test]
    fn slots_take_turns() {
        assert_eq!(Slot::A.other(), Slot::B);
        assert_eq!(Slot::B.other(), Slot::A);
        assert_eq!(format!("vitalyst-backend{}", Slot::B.suffix()), "vitalyst-backend-b");
    }

    #[test]
    fn endings_have_the_exit_codes_of_the_help() {
        use Ending::{
            Aborted, Adopted, Inconclusive, NoEvidence, Nothing, Promoted, Refused, RolledBack, Stuck,
            Superseded,
        };
        let codes = [
            Promoted,
            Adopted,
            Nothing,
            Refused,
            RolledBack,
            Aborted,
            Inconclusive,
            NoEvidence,
            Superseded,
            Stuck,
        ]
        .map(Ending::exit_code);
        assert_eq!(codes, [0, 0, 0, 5, 6, 6, 6, 6, 7, 7]);
    }
}
