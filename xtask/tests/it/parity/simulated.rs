//! The simulated cluster as a stage.

use std::time::Duration;

use xtask::core::release::effect::{Change, Object, Outcome};
use xtask::core::release::model::{Fence, Revision, Slot};
use xtask::core::release::view::View;
use xtask::core::simulation::Nature;
use xtask::core::simulation::cluster::{Act, Cluster};
use xtask::core::simulation::component::Component;
use xtask::core::simulation::job::JobNature;
use xtask::core::simulation::nature::Failure;
use xtask::core::simulation::random::Random;

use super::objects::Objects;
use super::play::{self, Stage};
use super::situations::{Deed, Kind, Situation, Upon};

/// How long a look takes, or the time between two of them.
const LOOK: Duration = Duration::from_millis(250);

/// How long a write takes until it is there.
const WRITE: Duration = Duration::from_millis(100);

struct Simulated {
    cluster: Cluster,
    revisions: [Revision; 2],
    last: Option<View>,
    kept: Option<View>,
}

/// The normal form of a situation.
pub(super) fn play(situation: &Situation) -> String {
    let objects = Objects::new("simulated", situation.kind, None);
    let quick = Nature { start: (Duration::from_secs(1), Duration::from_secs(2)), ..Nature::good() };
    let failing = |failure| Nature { failure: Some(failure), ..quick.clone() };
    let new = match situation.kind {
        Kind::Good | Kind::Scaled | Kind::MigrationFails | Kind::TooLarge => quick.clone(),
        Kind::Crashes => failing(Failure::AtOnce),
        Kind::NoImage => failing(Failure::NoImage),
        Kind::Slow => Nature { start: (Duration::from_secs(8), Duration::from_secs(9)), ..quick.clone() },
        Kind::NeverReady => {
            Nature { start: (Duration::from_hours(1), Duration::from_hours(2)), ..quick.clone() }
        }
    };
    let revisions = objects.revisions();
    let of = |index: usize| revisions[index].clone();
    let mut component = Component::new(0, 3, vec![(of(0), quick), (of(1), new)], 1.0);
    component.slots[Slot::B as usize] = None;
    if situation.kind == Kind::Scaled {
        component = component.with_autoscaler(3, 10);
    }
    let job = JobNature { takes: Duration::from_secs(2), fails: situation.kind == Kind::MigrationFails };
    let mut cluster = Cluster::new(vec![component], None, Random::new(1), Duration::ZERO)
        .with_extras([None].into_iter())
        .with_jobs([job].into_iter());
    cluster.settle();
    if situation.kind == Kind::TooLarge {
        // What runs already has its room.
        cluster.schedule(0, false);
    }
    let mut stage = Simulated { cluster, revisions, last: None, kept: None };
    play::play(&mut stage, &situation.steps(&objects))
}

impl Simulated {
    fn pass(&mut self, time: Duration) {
        let until = self.cluster.now() + time;
        self.cluster.advance(until);
    }
}

impl Stage for Simulated {
    fn look(&mut self) -> View {
        self.pass(LOOK);
        let now = self.cluster.now();
        self.last.insert(self.cluster.look(now)).clone()
    }

    fn remember(&mut self) {
        self.kept.clone_from(&self.last);
    }

    fn write(&mut self, object: Object, change: &Change, upon: Upon) -> Outcome {
        self.pass(WRITE);
        let look = match upon {
            Upon::Last => &self.last,
            Upon::Kept => &self.kept,
        };
        let version = look.as_ref().unwrap().version(object);
        self.cluster.write(object, version, Fence(1), change)
    }

    fn act(&mut self, deed: &Deed) {
        match *deed {
            Deed::Scale(slot, pods) => self.cluster.act(0, Act::Scale(slot, pods)),
            Deed::Select(traffic) => self.cluster.act(0, Act::Select(traffic)),
            Deed::Delete(object) => self.cluster.act(0, Act::Delete(object)),
            Deed::Quota(pods) => self.cluster.limit(0, Some(pods)),
            Deed::LosePod => self.cluster.lose_node(1),
            Deed::Own => {}
        }
    }

    fn now(&mut self) -> Duration {
        self.cluster.now()
    }

    fn revisions(&self) -> [Revision; 2] {
        self.revisions.clone()
    }
}
