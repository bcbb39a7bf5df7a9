//! Nights laid over what a repository really releases: its components, strategies and times, and the pods that serve it.

use std::time::Duration;

use super::fault::Fault;
use super::job::JobNature;
use super::scenario::{Scenario, Setup};
use crate::release::machine::{Course, Intent, PartCourse};

/// What serves a component before the release.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ground {
    /// How many pods.
    pub pods: u32,
    /// Floor and ceiling of its autoscaler.
    pub autoscaler: Option<(u32, u32)>,
}

impl Scenario {
    /// The same night over another release, one ground for each component of its course.
    ///
    /// What is wrong with the first component here is wrong with the first one there that changes, and has steps if one has;
    /// all others are like the last one here.
    #[must_use]
    pub fn over(self, mut course: Course, grounds: &[Ground]) -> Self {
        let parts = course.parts.iter();
        let stepped = parts.clone().position(|part| !part.steps().is_empty());
        let focus = stepped.or_else(|| course.parts.iter().position(PartCourse::changes)).unwrap_or(0);
        if course.extras.is_empty() {
            course.extras.clone_from(&self.course.extras);
        }
        if !self.course.parts.iter().any(PartCourse::changes) {
            // A night in which no component changes.
            course.parts.iter_mut().for_each(|part| part.old = Some(part.new.clone()));
        }
        if self.intent == Intent::Adopt {
            course = course.adoption();
        } else if self.course.previous.is_none() {
            course = course.first();
        }
        if self.course.asks() {
            course = course.with_gate();
        }
        course.timing.hold = course.timing.hold.max(self.course.timing.hold);
        if self.course.parts.iter().any(|part| !part.has_slots())
            && course.parts.iter().all(PartCourse::has_slots)
        {
            course = course.with_worker();
        }
        let setup = |(index, ground): (usize, &Ground)| {
            let of = if index == focus { self.setups.first() } else { self.setups.last() };
            let setup = of.cloned().unwrap_or_default();
            let autoscaler =
                ground.autoscaler.or(setup.autoscaler.map(|(_, most)| (ground.pods, most.max(ground.pods))));
            Setup { pods: ground.pods, autoscaler, ..setup }
        };
        let setups: Vec<Setup> = grounds.iter().enumerate().map(setup).collect();
        let moved = |part: usize| if part == 0 { focus } else { part.min(setups.len().saturating_sub(1)) };
        let fault = |fault: &Fault| match *fault {
            Fault::Quota { from, until, part, .. } => {
                let part = moved(part);
                Fault::Quota { from, until, part, pods: grounds.get(part).map_or(1, |ground| ground.pods) }
            }
            Fault::Person { at, part, act } => Fault::Person { at, part: moved(part), act },
            other => other,
        };
        let faults = self.faults.iter().map(fault).collect();
        if self.course.parts.iter().any(|part| part.is_adopted) {
            course.parts.iter_mut().for_each(|part| part.is_adopted = true);
        }
        let mut jobs = self.jobs;
        if !jobs.is_empty() {
            course = course.with_migrations();
        }
        jobs.resize(course.migrations.len(), JobNature { takes: Duration::from_secs(30), fails: false });
        Self { seed: self.seed, intent: self.intent, course, setups, jobs, faults, recover: self.recover }
    }

    /// The same with so many requests a second to each component, but for those that the scenario is about.
    #[must_use]
    pub fn at_rate(mut self, rate: f64) -> Self {
        let usual = Setup::default().rate;
        for setup in self.setups.iter_mut().filter(|setup| setup.rate.to_bits() == usual.to_bits()) {
            setup.rate = rate;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::NAMES;
    use super::super::{play, play_with};
    use super::*;
    use crate::release::machine::{Machine, Strategy};

    /// A release of another shape: the canary is not the first one.
    fn other() -> (Course, Vec<Ground>) {
        let mut course = Scenario::plain(1, vec![Setup::default(); 3]).course;
        course.parts[0].strategy = Strategy::Flip;
        course.parts[2].strategy = Strategy::Flip;
        (course, vec![Ground { pods: 2, autoscaler: None }; 3])
    }

    #[test]
    fn nights_with_a_name_end_over_another_release_as_over_their_own() {
        for (name, _) in NAMES {
            let night = Scenario::named(name, 1).unwrap();
            let own = play(&night, false).ending();
            let (course, grounds) = other();
            let over = play_with(&night.over(course, &grounds), &Machine::new, false);
            assert_eq!((over.ending(), &over.broken), (own, &None), "{name}: {:?}", over.ends);
        }
    }
}
