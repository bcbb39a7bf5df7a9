//! What can go wrong in a night. All times count from its beginning.

use std::time::Duration;

use super::cluster::Act;
use super::scrape::Blind;
use crate::release::effect::Object;
use crate::release::machine::{Command, Intent};

/// Whichever deployer is at work.
pub const ANYBODY: usize = usize::MAX;

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
    /// The clock of a deployer jumps ahead, as that of a machine does which was suspended. It never goes back: deployers read a
    /// clock that cannot.
    Jump {
        /// Which.
        owner: usize,
        /// When.
        at: Duration,
        /// By how much.
        by: Duration,
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
    /// New pods of a component find no node that has room for them.
    NoRoom {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Of which component.
        part: usize,
    },
    /// The counters of all pods of a component begin again, and no container was started again.
    Reset {
        /// When.
        at: Duration,
        /// Of which component.
        part: usize,
    },
    /// A controller that knows nothing of the release puts an object back again and again.
    Healed {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Of which component.
        part: usize,
        /// What it does each time.
        act: Act,
    },
    /// The role of the deployers may not write an object.
    Denied {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Which.
        object: Object,
    },
    /// Half of the looks are answered by an API server that stands still: they show what was at the beginning.
    Lag {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// Each write waits for an admission webhook.
    Slow {
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// How long.
        by: Duration,
    },
    /// Somebody says something to a deployer.
    Command {
        /// When.
        at: Duration,
        /// Which, or [`ANYBODY`].
        owner: usize,
        /// What.
        command: Command,
    },
    /// Somebody who owns nothing leaves a word in the ledger: that the release is to stay where it is, or may go on.
    Word {
        /// When.
        at: Duration,
        /// Whether it is to stay.
        stays: bool,
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
    /// It is done so much later. The deployer that sent it dies at this moment, or does not get to run until it is done; another
    /// one starts.
    Left {
        /// How much later.
        late: Duration,
        /// Whether the deployer dies; else it sleeps.
        dies: bool,
        /// What the other one wants.
        heir: Intent,
    },
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
    /// When it begins, where that is a matter of time, and when it ends, where it lasts.
    pub fn span(&self) -> Option<(Duration, Option<Duration>)> {
        match *self {
            Self::ApiDown { from, until }
            | Self::Dark { from, until, .. }
            | Self::Sleep { from, until, .. }
            | Self::Quota { from, until, .. }
            | Self::NoRoom { from, until, .. }
            | Self::Healed { from, until, .. }
            | Self::Denied { from, until, .. }
            | Self::Lag { from, until }
            | Self::Slow { from, until, .. } => Some((from, Some(until))),
            Self::Jump { at, .. }
            | Self::Start { at, .. }
            | Self::Person { at, .. }
            | Self::Load { at, .. }
            | Self::NodeLost { at, .. }
            | Self::Reset { at, .. }
            | Self::Command { at, .. }
            | Self::Word { at, .. }
            | Self::Kill { moment: Moment::At(at), .. } => Some((at, None)),
            Self::Write { .. }
            | Self::Renewal { .. }
            | Self::Look { .. }
            | Self::Clock { .. }
            | Self::Kill { .. } => None,
        }
    }

    /// When nothing of it is left, where that is a matter of time.
    pub fn until(&self) -> Duration {
        self.span().map(|(from, until)| until.unwrap_or(from)).unwrap_or_default()
    }

    /// Whether a person, a quota or the end of the API server may leave a release where only a person can help.
    pub fn may_need_a_person(&self) -> bool {
        self.may_hurt_pods() || matches!(self, Self::ApiDown { .. })
    }

    /// Whether it may hurt pods or take what they need: a release that goes back then is not worse for that.
    pub fn may_hurt_pods(&self) -> bool {
        matches!(
            self,
            Self::Person { .. }
                | Self::Quota { .. }
                | Self::NoRoom { .. }
                | Self::Healed { .. }
                | Self::Denied { .. }
                | Self::NodeLost { .. }
        )
    }
}
