//! The faults that a seed draws.
//!
//! Each seed enables a few kinds of faults and leaves the others out (swarm testing, Groce et al. 2012): a night with
//! everything in it hides what two faults do together.

use std::time::Duration;

use super::cluster::Act;
use super::fault::{Fate, Fault, Moment};
use super::random::Random;
use super::scrape::Blind;
use crate::release::effect::Object;
use crate::release::machine::{Command, Intent};
use crate::release::model::Slot;
use crate::release::view::Traffic;

/// How long faults happen.
const NIGHT: Duration = Duration::from_mins(25);

/// Draws the faults of a night with `parts` components.
pub(super) fn draw(random: &mut Random, parts: usize) -> Vec<Fault> {
    if random.chance(0.1) {
        return Vec::new();
    }
    // The night's own share of troubles; each kind is in it or not.
    let common = 0.1 + 0.8 * random.unit();
    let kinds = random.fork();
    let part = usize::try_from(random.below(parts as u64)).unwrap_or_default();
    let mut night = Night { random, kinds, common, part, faults: Vec::new() };
    night.writes();
    night.answers();
    night.servers();
    night.deployers();
    night.clocks();
    night.people();
    night.pods();
    night.words();
    night.faults
}

struct Night<'r> {
    random: &'r mut Random,
    /// Decides which kinds are in it: more of one kind does not change which others there are.
    kinds: Random,
    common: f64,
    /// The component that most of it happens to.
    part: usize,
    faults: Vec<Fault>,
}

impl Night<'_> {
    fn has(&mut self, share: f64) -> bool {
        self.kinds.chance(self.common * share)
    }

    /// A moment of the night, more often an early one: most of what can be disturbed happens then.
    fn early(&mut self) -> Duration {
        self.random.between((Duration::ZERO, NIGHT)).mul_f64(self.random.unit())
    }

    fn span(&mut self, length: (Duration, Duration)) -> (Duration, Duration) {
        let from = self.early();
        (from, from + self.random.between(length))
    }

    fn intent(&mut self) -> Intent {
        let all = [Intent::Release, Intent::Release, Intent::Recover, Intent::Abort];
        self.random.pick(&all).unwrap_or(Intent::Release)
    }

    fn fate(&mut self) -> Fate {
        let late = self.random.between((Duration::from_millis(200), Duration::from_mins(2)));
        match self.random.below(7) {
            0 => Fate::Lost,
            1 | 2 => Fate::Late(late),
            6 => Fate::LateInAnAbort(late),
            3 => Fate::Unknown,
            4 => Fate::Silent,
            _ => Fate::Twice(late),
        }
    }

    fn writes(&mut self) {
        if self.has(1.0) {
            for _ in 0..=self.random.below(11) {
                let fate = self.fate();
                self.faults.push(Fault::Write { nth: self.random.less_than(60), fate });
            }
        }
        if self.has(0.5) {
            // So late that somebody else may own the release by then.
            let late = self.random.between(seconds(30, 120));
            let fate = Fate::Left { late, dies: self.random.chance(0.7), heir: self.intent() };
            self.faults.push(Fault::Write { nth: self.random.less_than(30), fate });
        }
        if self.has(0.7) {
            for _ in 0..=self.random.below(7) {
                let fate = self.fate();
                self.faults.push(Fault::Renewal { nth: self.random.less_than(150), fate });
            }
        }
        if self.has(0.3) {
            let (from, until) = self.span(seconds(10, 180));
            let by = self.random.between(seconds(1, 15));
            self.faults.push(Fault::Slow { from, until, by });
        }
        if self.has(0.15) {
            let (from, until) = self.span(seconds(10, 900));
            let (part, slot) = (self.part, self.slot());
            let all = [
                Object::Lease,
                Object::Ledger,
                Object::Slot(part, slot),
                Object::Slot(part, slot),
                Object::Service(part),
                Object::Service(part),
                Object::Autoscaler(part),
            ];
            let object = self.random.pick(&all).unwrap_or(Object::Ledger);
            self.faults.push(Fault::Denied { from, until, object });
        }
    }

    fn answers(&mut self) {
        if self.has(1.0) {
            for _ in 0..=self.random.below(11) {
                let late = self.random.chance(0.7).then(|| self.random.between(seconds(1, 30)));
                self.faults.push(Fault::Look { nth: self.random.less_than(400), late });
            }
        }
        if self.has(0.3) {
            let (from, until) = self.span(seconds(2, 90));
            self.faults.push(Fault::Lag { from, until });
        }
    }

    fn servers(&mut self) {
        if self.has(0.7) {
            let (from, until) = self.span(seconds(2, 240));
            self.faults.push(Fault::ApiDown { from, until });
        }
        if self.has(0.7) {
            let (from, until) = self.span(seconds(5, 300));
            let blind = Blind { canary: self.random.chance(0.7), baseline: self.random.chance(0.5) };
            self.faults.push(Fault::Dark { from, until, blind });
        }
        if self.has(0.3) {
            for _ in 0..=self.random.below(2) {
                let at = self.early();
                self.faults.push(Fault::Reset { at, part: self.part });
            }
        }
    }

    fn deployers(&mut self) {
        if self.has(1.0) {
            let moment = if self.random.chance(0.5) {
                Moment::At(self.early())
            } else {
                Moment::Journal { nth: self.random.less_than(12), written: self.random.chance(0.5) }
            };
            let next = self.random.chance(0.6).then(|| self.random.between(seconds(1, 120)));
            self.faults.push(Fault::Kill { owner: 0, moment, next });
            if self.random.chance(0.3) {
                let moment = Moment::At(self.early());
                self.faults.push(Fault::Kill { owner: 1, moment, next: None });
            }
        }
        if self.has(0.8) {
            for _ in 0..=self.random.below(3) {
                let (at, intent) = (self.early(), self.intent());
                self.faults.push(Fault::Start { at, intent });
            }
        }
        if self.has(0.6) {
            let (from, until) = self.span(seconds(5, 180));
            self.faults.push(Fault::Sleep { owner: self.random.less_than(2) as usize, from, until });
            if self.random.chance(0.6) {
                // While one sleeps another takes over.
                let intent = self.intent();
                let at = from + self.random.between(seconds(0, 60));
                self.faults.push(Fault::Start { at, intent });
            }
        }
    }

    fn clocks(&mut self) {
        if self.has(0.5) {
            let ahead = self.random.between(seconds(1, 60));
            self.faults.push(Fault::Clock { owner: self.random.less_than(3) as usize, ahead });
        }
        if self.has(0.3) {
            let (at, by) = (self.early(), self.random.between(seconds(1, 600)));
            self.faults.push(Fault::Jump { owner: self.random.less_than(2) as usize, at, by });
        }
    }

    fn people(&mut self) {
        if self.has(0.4) {
            let (at, part, act) = (self.early(), self.part, self.act());
            self.faults.push(Fault::Person { at, part, act });
        }
        if self.has(0.15) {
            let (from, until) = self.span(seconds(20, 600));
            let all = [Act::Select(Traffic::One(Slot::A)), Act::Scale(Slot::B, 0), Act::Scale(Slot::A, 3)];
            let act = self.random.pick(&all).unwrap_or(Act::Scale(Slot::B, 0));
            self.faults.push(Fault::Healed { from, until, part: self.part, act });
        }
        if self.has(0.6) {
            for _ in 0..=self.random.below(2) {
                let all = [
                    Command::Promote,
                    Command::PromoteFully,
                    Command::Pause,
                    Command::Resume,
                    Command::Abort,
                ];
                let command = self.random.pick(&all).unwrap_or(Command::Abort);
                let (at, owner) = (self.early(), self.random.less_than(2) as usize);
                self.faults.push(Fault::Command { at, owner, command });
                if command == Command::Pause {
                    let at = at + self.random.between(seconds(10, 300));
                    self.faults.push(Fault::Command { at, owner, command: Command::Resume });
                }
            }
        }
    }

    fn pods(&mut self) {
        if self.has(0.4) {
            let at = self.early();
            self.faults.push(Fault::Load { at, percent: 150 + self.random.less_than(200) });
        }
        if self.has(0.5) {
            let at = self.early();
            self.faults.push(Fault::NodeLost { at, pods: 1 + self.random.less_than(3) });
        }
        if self.has(0.3) {
            let (from, until) = self.span(seconds(20, 600));
            let (part, pods) = (self.part, 3 + self.random.less_than(3));
            self.faults.push(Fault::Quota { from, until, part, pods });
        }
        if self.has(0.3) {
            let (from, until) = self.span(seconds(20, 600));
            self.faults.push(Fault::NoRoom { from, until, part: self.part });
        }
    }

    /// Decided by the source of the kinds alone: what else a seed draws is what it was before there were words.
    fn words(&mut self) {
        if !self.has(0.5) {
            return;
        }
        for _ in 0..=self.kinds.below(2) {
            let at = self.kinds.between((Duration::ZERO, NIGHT)).mul_f64(self.kinds.unit());
            self.faults.push(Fault::Word { at, stays: true });
            // Some pauses end by themselves.
            if self.kinds.chance(0.7) {
                let at = at + self.kinds.between(seconds(5, 600));
                self.faults.push(Fault::Word { at, stays: false });
            }
        }
    }

    fn slot(&mut self) -> Slot {
        if self.random.chance(0.5) { Slot::A } else { Slot::B }
    }

    fn act(&mut self) -> Act {
        let (part, slot) = (self.part, self.slot());
        match self.random.below(6) {
            0 | 1 => Act::Scale(slot, self.random.less_than(6)),
            2 => Act::Select(Traffic::Foreign),
            3 => Act::Delete(Object::Slot(part, slot)),
            4 => Act::Delete(Object::Autoscaler(part)),
            _ => Act::Delete(Object::Service(part)),
        }
    }
}

fn seconds(least: u64, most: u64) -> (Duration, Duration) {
    (Duration::from_secs(least), Duration::from_secs(most))
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
        assert_eq!(kinds.len(), 22, "{kinds:?}");
    }
}
