//! A pod: it starts, serves, crashes, starts again, goes.

use std::time::Duration;

use crate::release::model::Slot;

/// How long a pod that is to go still answers: the time that its preStop hook sleeps.
pub(super) const LEAVING: Duration = Duration::from_secs(5);

/// How long a pod has to be ready until it counts as available (`minReadySeconds`).
pub(super) const READY_MIN: Duration = Duration::from_secs(2);

/// How long a pod has to find no node until it counts as hopeless.
const UNSCHEDULABLE: Duration = Duration::from_mins(1);

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name; never used again.
    pub id: u32,
    /// The Deployment that made it.
    pub slot: Slot,
    /// The position of its template among the component's revisions.
    pub revision: usize,
    /// When it was made.
    pub made: Duration,
    /// What it does.
    pub state: State,
    /// Since when it is ready.
    pub ready_since: Duration,
    /// How often its container was started again.
    pub restarts: u32,
    /// Whether that was for want of memory.
    pub out_of_memory: bool,
    /// What its container has counted since it started.
    pub counters: Counters,
    /// Whether the Service sends requests to it.
    pub serving: bool,
    /// Its share of the component's requests. It follows `serving` with a delay, because clients keep connections.
    pub(super) share: f64,
    /// Counts its changes of state: what was planned for an earlier one does not happen.
    pub(super) turn: u32,
}

/// What a container counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that took too long.
    pub slow: u64,
    /// How often it has begun again without its container being started again.
    pub resets: u32,
}

/// What a pod does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// No node has room for it.
    Pending,
    /// Its container starts.
    Starting,
    /// It answers.
    Ready,
    /// Its container crashed and waits to be started again.
    Crashed,
    /// Its image cannot be found.
    NoImage,
    /// It is about to go, and still answers.
    Leaving,
}

impl Pod {
    /// Whether the controllers count it.
    pub fn is_active(&self) -> bool {
        self.state != State::Leaving
    }

    /// Whether it is ready.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Whether it has been ready for long enough.
    pub fn is_available(&self, now: Duration) -> bool {
        self.is_ready() && now >= self.ready_since + READY_MIN
    }

    /// Why it will never be ready, where that can be seen already.
    pub(super) fn hopeless(&self, now: Duration) -> Option<&'static str> {
        match self.state {
            State::Crashed => Some("CrashLoopBackOff"),
            State::Pending if now >= self.made + UNSCHEDULABLE => Some("Unschedulable: no node has room"),
            State::NoImage => Some("ErrImagePull: not found"),
            State::Starting if self.restarts > 1 => Some("CrashLoopBackOff"),
            _ => None,
        }
    }

    pub(super) fn enter(&mut self, state: State) {
        self.state = state;
        self.turn += 1;
    }
}
