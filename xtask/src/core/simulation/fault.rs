//! What can go wrong in a night, and the nights that a seed draws.
//!
//! Each seed enables a few kinds of faults and leaves the others out (swarm testing, Groce et al. 2012): a night with
//! everything in it hides what two faults do together. All times count from the start of the night.

use std::time::Duration;

use super::cluster::Act;
use super::random::Random;
use super::scrape::Blind;
use crate::core::release::effect::Object;
use crate::core::release::machine::{Command, Intent};
use crate::core::release::model::Slot;
use crate::core::release::view::Traffic;

/// Something that goes wrong, or that somebody does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// What happens to a write, counted from the first of the night. Signs of life count for themselves.
    Write {
        /// Which.
        nth: u32,
        /// What.
        fate: Fate,
    },
    /// What happens to a sign of life: a lease that is renewed, or evidence that is written down.
    Renewal {
        /// Which.
        nth: u32,
        /// What.
        fate: Fate,
    },
    /// A look is answered late, and shows what was before, or not at all.
    Look {
        /// Which.
        nth: u32,
        /// How late; `None` for never.
        late: Option<Duration>,
    },
    /// The API server does not answer.
    ApiDown {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// Metrics cannot be read.
    Dark {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Of which pods.
        blind: Blind,
    },
    /// A deployer is killed; what it has sent is on its way.
    Kill {
        /// Which, in the order of their starts.
        owner: usize,
        /// When.
        moment: Moment,
        /// How much later another one starts with the same release; `None` for never.
        next: Option<Duration>,
    },
    /// A deployer does not get to run for a while, and knows nothing of it.
    Sleep {
        /// Which.
        owner: usize,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// The clock of a deployer is ahead.
    Clock {
        /// Which.
        owner: usize,
        /// By how much.
        ahead: Duration,
    },
    /// Another deployer starts.
    Start {
        /// When.
        at: Duration,
        /// What it wants.
        intent: Intent,
    },
    /// A person does something to our objects by hand.
    Person {
        /// When.
        at: Duration,
        /// To which component.
        part: usize,
        /// What.
        act: Act,
    },
    /// More requests come.
    Load {
        /// From when.
        at: Duration,
        /// How many times as many, in percent.
        percent: u32,
    },
    /// A node is lost.
    NodeLost {
        /// When.
        at: Duration,
        /// How many pods were on it.
        pods: u32,
    },
    /// No more pods may be made than that.
    Quota {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Of which component.
        part: usize,
        /// How many.
        pods: u32,
    },
    /// Somebody says something to a deployer.
    Command {
        /// When.
        at: Duration,
        /// Which.
        owner: usize,
        /// What.
        command: Command,
    },
}

/// What happens to a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It is never done, and nobody knows.
    Lost,
    /// It is done so much later; nobody knows until then.
    Late(Duration),
    /// The same, and at this moment somebody wants the release to end.
    LateInAnAbort(Duration),
    /// It is done, and nobody knows.
    Unknown,
    /// It is done, and no answer ever comes.
    Silent,
    /// It is done, answered, and done again so much later.
    Twice(Duration),
}

/// When a deployer is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// At a time.
    At(Duration),
    /// At its `nth` new phase in the ledger.
    Journal {
        /// Which, from 0.
        nth: u32,
        /// Just after it was written; else just before.
        written: bool,
    },
}

impl Fault {
    /// When it is over, where that is a matter of time.
    pub fn until(&self) -> Duration {
        match *self {
            Self::ApiDown { until, .. }
            | Self::Dark { until, .. }
            | Self::Sleep { until, .. }
            | Self::Quota { until, .. } => until,
            Self::Start { at, .. }
            | Self::Person { at, .. }
            | Self::Load { at, .. }
            | Self::NodeLost { at, .. }
            | Self::Command { at, .. }
            | Self::Kill { moment: Moment::At(at), .. } => at,
            Self::Write { .. }
            | Self::Renewal { .. }
            | Self::Look { .. }
            | Self::Clock { .. }
            | Self::Kill { .. } => Duration::ZERO,
        }
    }

    /// Whether a person, a quota or the end of the API server may leave a release where only a person can help.
    pub fn may_need_a_person(&self) -> bool {
        matches!(
            self,
            Self::Person { .. } | Self::Quota { .. } | Self::ApiDown { .. } | Self::NodeLost { .. }
        )
    }
}

/// How long faults happen.
const NIGHT: Duration = Duration::from_mins(25);

/// Draws the faults of a night with `parts` components.
pub fn draw(random: &mut Random, parts: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    if random.chance(0.1) {
        return faults;
    }
    // The night's own share of troubles; each kind is in it or not.
    let common = 0.1 + 0.8 * random.unit();
    let mut kinds = random.fork();
    let mut has = |share: f64| kinds.chance(common * share);
    if has(1.0) {
        for _ in 0..=random.below(11) {
            faults.push(Fault::Write { nth: random.less_than(60), fate: fate(random) });
        }
    }
    if has(0.7) {
        for _ in 0..=random.below(7) {
            faults.push(Fault::Renewal { nth: random.less_than(150), fate: fate(random) });
        }
    }
    if has(1.0) {
        for _ in 0..=random.below(11) {
            let late = random.chance(0.7).then(|| random.between(seconds(1, 30)));
            faults.push(Fault::Look { nth: random.less_than(400), late });
        }
    }
    if has(0.7) {
        let (from, until) = span(random, seconds(2, 240));
        faults.push(Fault::ApiDown { from, until });
    }
    if has(0.7) {
        let (from, until) = span(random, seconds(5, 300));
        let blind = Blind { canary: random.chance(0.7), baseline: random.chance(0.5) };
        faults.push(Fault::Dark { from, until, blind });
    }
    if has(1.0) {
        let moment = if random.chance(0.5) {
            Moment::At(early(random))
        } else {
            Moment::Journal { nth: random.less_than(12), written: random.chance(0.5) }
        };
        let next = random.chance(0.6).then(|| random.between(seconds(1, 120)));
        faults.push(Fault::Kill { owner: 0, moment, next });
        if random.chance(0.3) {
            faults.push(Fault::Kill { owner: 1, moment: Moment::At(early(random)), next: None });
        }
    }
    if has(0.8) {
        for _ in 0..=random.below(1) {
            let intent = random.pick(&[Intent::Release, Intent::Release, Intent::Recover, Intent::Abort]);
            faults.push(Fault::Start { at: early(random), intent: intent.unwrap_or(Intent::Release) });
        }
    }
    if has(0.6) {
        let (from, until) = span(random, seconds(5, 180));
        faults.push(Fault::Sleep { owner: random.less_than(2) as usize, from, until });
        if random.chance(0.6) {
            // While one sleeps another takes over.
            let intent = random.pick(&[Intent::Release, Intent::Recover, Intent::Abort]);
            let at = from + random.between(seconds(0, 60));
            faults.push(Fault::Start { at, intent: intent.unwrap_or(Intent::Recover) });
        }
    }
    if has(0.5) {
        let ahead = random.between(seconds(1, 60));
        faults.push(Fault::Clock { owner: random.less_than(3) as usize, ahead });
    }
    let part = random.below(parts as u64);
    let part = usize::try_from(part).unwrap_or_default();
    if has(0.4) {
        faults.push(Fault::Person { at: early(random), part, act: act(random, part) });
    }
    if has(0.4) {
        faults.push(Fault::Load { at: early(random), percent: 150 + random.less_than(200) });
    }
    if has(0.5) {
        faults.push(Fault::NodeLost { at: early(random), pods: 1 + random.less_than(3) });
    }
    if has(0.3) {
        let (from, until) = span(random, seconds(20, 600));
        faults.push(Fault::Quota { from, until, part, pods: 3 + random.less_than(3) });
    }
    if has(0.6) {
        for _ in 0..=random.below(2) {
            let all = [Command::PromoteFully, Command::Pause, Command::Resume, Command::Abort];
            let command = random.pick(&all).unwrap_or(Command::Abort);
            let (at, owner) = (early(random), random.less_than(2) as usize);
            faults.push(Fault::Command { at, owner, command });
            if command == Command::Pause {
                let at = at + random.between(seconds(10, 300));
                faults.push(Fault::Command { at, owner, command: Command::Resume });
            }
        }
    }
    faults
}

fn seconds(least: u64, most: u64) -> (Duration, Duration) {
    (Duration::from_secs(least), Duration::from_secs(most))
}

/// A moment of the night, more often an early one: most of what can be disturbed happens then.
fn early(random: &mut Random) -> Duration {
    random.between((Duration::ZERO, NIGHT)).mul_f64(random.unit())
}

fn span(random: &mut Random, length: (Duration, Duration)) -> (Duration, Duration) {
    let from = early(random);
    (from, from + random.between(length))
}

fn fate(random: &mut Random) -> Fate {
    let late = random.between((Duration::from_millis(200), Duration::from_mins(2)));
    match random.below(7) {
        0 => Fate::Lost,
        1 | 2 => Fate::Late(late),
        6 => Fate::LateInAnAbort(late),
        3 => Fate::Unknown,
        4 => Fate::Silent,
        _ => Fate::Twice(late),
    }
}

fn act(random: &mut Random, part: usize) -> Act {
    let slot = if random.chance(0.5) { Slot::A } else { Slot::B };
    match random.below(5) {
        0 | 1 => Act::Scale(slot, random.less_than(6)),
        2 => Act::Select(Traffic::Foreign),
        3 => Act::Delete(Object::Slot(part, slot)),
        _ => Act::Delete(Object::Service(part)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_one_night_and_all_seeds_draw_everything() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let faults = draw(&mut Random::new(seed), 2);
            assert_eq!(faults, draw(&mut Random::new(seed), 2));
            let words = faults.iter().map(|fault| format!("{fault:?}"));
            kinds.extend(words.map(|words| words.split(' ').next().unwrap_or_default().to_owned()));
        }
        assert_eq!(kinds.len(), 14, "{kinds:?}");
    }
}
