//! How a night went.

use std::time::Duration;

use super::fault::Fault;
use super::invariant::Broken;
use super::recording::Recording;
use crate::release::machine::{End, Ending};

/// How a night went.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// How the deployers ended, in the order in which they did; who was killed has no end.
    pub ends: Vec<End>,
    /// The invariant that did not hold.
    pub broken: Option<Broken>,
    /// What went wrong; of a night that broke an invariant, only what is needed for that.
    pub faults: Vec<Fault>,
    /// What happened, where that was to be kept.
    pub timeline: Vec<Line>,
    /// What it looked like, where that was to be kept.
    pub recording: Option<Recording>,
    /// How long the night was.
    pub length: Duration,
    /// Requests of users, and those that failed.
    pub requests: (u64, u64),
    /// New phases that the first deployer wrote down: the points at which it can be killed.
    pub journal: u32,
}

/// A line of the timeline.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// When, since the night began.
    pub at: Duration,
    /// What.
    pub words: String,
}

impl Verdict {
    /// Whether the release went back because it was found to be worse.
    pub fn is_rolled_back(&self) -> bool {
        self.ending() == Some(Ending::RolledBack)
    }

    /// What broke, the faults that were needed for it, and what happened: for whoever has to find out why.
    pub fn story(&self) -> String {
        let seed = self.seed;
        let mut story = match &self.broken {
            Some(Broken { invariant, at, words }) => {
                format!("seed {seed} broke {invariant} after {:.3} s: {words}\n", at.as_secs_f64())
            }
            None => format!("seed {seed} broke nothing\n"),
        };
        story.push_str("needed for it:\n");
        story.extend(self.faults.iter().map(|fault| format!("    {fault:?}\n")));
        story.push_str("what happened:\n");
        let lines = self.timeline.iter();
        story.extend(lines.map(|line| format!("{:>10.3} {}\n", line.at.as_secs_f64(), line.words)));
        story.extend(["again: cargo xtask rehearse --seed ", &seed.to_string(), "\n"]);
        story
    }

    /// How the release ended: what the last deployer said that had something to do.
    pub fn ending(&self) -> Option<Ending> {
        let minor = [Ending::Nothing, Ending::Refused, Ending::Superseded];
        let mut endings = self.ends.iter().rev().map(|end| end.ending);
        endings.clone().find(|ending| !minor.contains(ending)).or_else(|| endings.next())
    }
}
