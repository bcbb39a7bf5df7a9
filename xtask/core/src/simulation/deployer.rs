//! What can be driven through a night: the release machine, or in a test one with a mistake in it.

use std::time::Duration;

use crate::release::effect::Effect;
use crate::release::machine::{Course, End, Input, Intent, Machine, Status};

/// What can be driven through a night: the release machine, or in a test one with a mistake in it.
pub trait Deployer {
    /// Takes what happened; returns what is to be done.
    fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect>;

    /// When it has to be woken at the latest; `None` once it has ended.
    fn deadline(&self) -> Option<Duration>;

    /// How it ended, once it has.
    fn end(&self) -> Option<&End>;

    /// Whether its writes carry the version that they were made from. One without a version is done whatever the object says.
    fn is_careful(&self) -> bool {
        true
    }

    /// Where it stands, for people; `None` where it does not say.
    fn status(&self) -> Option<Status<'_>> {
        None
    }
}

/// Makes a deployer that wants this for a course, as the owner of that number, at that time.
pub type Begin<D> = dyn Fn(Course, Intent, u64, Duration) -> D;

impl Deployer for Machine {
    fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        self.handle(input, now)
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline()
    }

    fn end(&self) -> Option<&End> {
        self.end()
    }

    fn status(&self) -> Option<Status<'_>> {
        Some(self.status())
    }
}
