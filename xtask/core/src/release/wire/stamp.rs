//! What each write leaves on its object: by whom, which effect it was, and when.

use std::fmt;
use std::time::Duration;

use crate::release::effect::EffectId;

/// The owner of an environment: a process that releases.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    /// The number that no other process has.
    pub number: u64,
    /// Who it is, for people: `anna@laptop`. What stands here decides nothing.
    pub name: String,
}

impl Owner {
    /// How it is written down as the holder of a Lease: `anna@laptop/00000000000004d2`.
    pub(super) fn holder(number: u64, name: &str) -> String {
        if name.is_empty() { format!("{number:016x}") } else { format!("{name}/{number:016x}") }
    }

    /// The number of a holder. One that somebody else has written has a number of its own.
    pub(super) fn number(holder: &str) -> Option<u64> {
        if holder.is_empty() {
            return None;
        }
        let number = holder.rsplit('/').next().filter(|number| number.len() == 16);
        let number = number.and_then(|number| u64::from_str_radix(number, 16).ok());
        Some(number.unwrap_or_else(|| hash(holder)))
    }
}

/// A number that stands for a text.
pub(super) fn hash(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let first = hash.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    u64::from_le_bytes(first)
}

/// What a write leaves: `00000000000004d2-17-1700000000`. No two writes leave the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// The number of the process.
    pub owner: u64,
    /// Its effect.
    pub effect: EffectId,
    /// When it was asked for, in seconds since the Unix epoch.
    pub at: u64,
}

impl Stamp {
    /// Reads one; `None` where it is none of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let owner = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self { owner, effect: EffectId(parts.next()?.parse().ok()?), at: parts.next()?.parse().ok()? })
    }

    /// When it was asked for, since the Unix epoch.
    pub(super) fn since_epoch(self) -> Duration {
        Duration::from_secs(self.at)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}-{}", self.owner, self.effect.0, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_is_written() {
        let stamp = Stamp { owner: 1234, effect: EffectId(17), at: 1_700_000_000 };
        assert_eq!(stamp.to_string(), "00000000000004d2-17-1700000000");
        assert_eq!(Stamp::read(&stamp.to_string()), Some(stamp));
        for text in ["", "-", "x-1-2", "1-2", "1-2-3-4", "1--3"] {
            assert_eq!(Stamp::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_holder_is_known_by_its_number_whatever_it_is_called() {
        for name in ["", "anna@laptop", "a/b", "0000000000000001"] {
            assert_eq!(Owner::number(&Owner::holder(77, name)), Some(77), "{name}");
        }
        assert_eq!(Owner::number(""), None);
        assert_ne!(Owner::number("somebody"), Owner::number("somebody else"));
        assert!(Owner::number("somebody/short").is_some());
    }
}
