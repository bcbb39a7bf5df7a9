//! Nights with a name, and the night of a seed.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Act, Cluster};
use super::component::Component;
use super::draw::draw;
use super::fault::{ANYBODY, Fault, Moment};
use super::job::JobNature;
use super::nature::{Failure, Nature};
use super::random::Random;
use super::scrape::Blind;
use crate::release::analysis::{Objective, Settings};
use crate::release::effect::Object;
use crate::release::ledger::{Consent, Entry, Head, State};
use crate::release::machine::{Command, Course, Intent, PartCourse, Step, Strategy, Timing};
use crate::release::metrics::Selector;
use crate::release::model::{ComponentName, ReleaseId, Revision, Slot};
use crate::release::weights::Weight;

/// When a night begins: not at zero, so that a clock may also be behind.
pub const BEGIN: Duration = Duration::from_hours(1);

/// A release and everything that happens to it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed of everything that the scenario leaves to chance.
    pub seed: u64,
    /// What the first deployer wants.
    pub intent: Intent,
    /// What is to be released.
    pub course: Course,
    /// What is there, one for each component of the course.
    pub setups: Vec<Setup>,
    /// What its Jobs are like, one for each migration of the course.
    pub jobs: Vec<JobNature>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Whether every five minutes somebody ends what has no living owner.
    pub recover: bool,
}

/// One component before the release, and what it is to become.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many pods serve.
    pub pods: u32,
    /// Requests a second.
    pub rate: f64,
    /// Floor and ceiling of its autoscaler.
    pub autoscaler: Option<(u32, u32)>,
    /// Whether there is a second Deployment already.
    pub has_idle: bool,
    /// What runs.
    pub old: Nature,
    /// What is released.
    pub new: Nature,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            pods: 3,
            rate: 50.0,
            autoscaler: None,
            has_idle: true,
            old: Nature::good(),
            new: Nature::good(),
        }
    }
}

/// The scenarios that have a name, and what they show.
pub const NAMES: [(&str, &str); 28] = [
    ("good", "a good release at 50 requests a second"),
    ("quiet-night", "a good release at one request every five seconds"),
    ("bad-canary", "one request in five fails on the new release"),
    ("dead-canary", "every request fails on the new release"),
    ("unwell", "pods of the new release are ready and do not pass the smoke test"),
    ("slow-leak", "pods of the new release run out of memory after ten minutes"),
    ("crash-under-traffic", "pods of the new release crash after a hundred requests"),
    ("registry-down", "the image of the new release cannot be pulled"),
    ("killed-deployer", "the deployer is killed while users see the canary"),
    ("two-deployers", "a second deployer starts while the first is at work"),
    ("api-down", "the API server is away for three minutes"),
    ("monitoring-down", "the pods on trial cannot be measured"),
    ("quota", "the quota leaves no room for the new pods"),
    ("hpa-grows", "the load rises from three pods to ten during the canary"),
    ("gate", "a person lets the release pass a gate after eight minutes"),
    ("gate-unanswered", "nobody says that the release may pass a gate"),
    ("held", "the pods on trial cannot be measured, and a person promotes them all the same"),
    ("rolling", "a worker without requests is replaced pod by pod"),
    ("rolling-back", "the image of a worker that is replaced pod by pod cannot be pulled"),
    ("migration", "the database is expanded before the release and contracted after it"),
    ("migration-fails", "the Job fails that adds what the new release needs"),
    ("contraction-fails", "the Job fails that takes away what the old release needed"),
    ("adopt", "what runs already is written down"),
    ("after-adoption", "the first release of what was adopted"),
    ("first-release", "nothing has been released yet"),
    ("first-release-fails", "nothing has been released yet, and every request fails"),
    ("configuration", "nothing but further objects changes"),
    ("rollback-during-deploy", "somebody wants the old release back while the canary runs"),
];

impl Scenario {
    /// A release of two components, of which nothing goes wrong.
    pub fn plain(seed: u64, setups: Vec<Setup>) -> Self {
        let course = course(&setups);
        Self {
            seed,
            intent: Intent::Release,
            course,
            setups,
            jobs: Vec::new(),
            faults: Vec::new(),
            recover: true,
        }
    }

    /// The scenario of that name, if there is one.
    pub fn named(name: &str, seed: u64) -> Option<Self> {
        let minutes = Duration::from_mins;
        let usual = Setup::default;
        let with = |new: Nature| Self::plain(seed, vec![Setup { new, ..usual() }, usual()]);
        let faulty = |faults: Vec<Fault>| Self { faults, ..with(Nature::good()) };
        let slow = || Setup { rate: 0.2, ..usual() };
        let grown = || Setup { autoscaler: Some((3, 10)), ..usual() };
        Some(match name {
            "good" => with(Nature::good()),
            "quiet-night" => Self::plain(seed, vec![slow(), slow()]),
            "bad-canary" => with(Nature::failing(0.2)),
            "dead-canary" => with(Nature::failing(1.0)),
            "unwell" => with(Nature::broken(Failure::Unwell)),
            "slow-leak" => with(Nature::broken(Failure::After(minutes(10)))),
            "crash-under-traffic" => with(Nature::broken(Failure::UnderTraffic(100))),
            "registry-down" => with(Nature::broken(Failure::NoImage)),
            "killed-deployer" => {
                faulty(vec![Fault::Kill { owner: 0, moment: Moment::At(minutes(2)), next: None }])
            }
            "two-deployers" => {
                faulty(vec![Fault::Start { at: Duration::from_secs(90), intent: Intent::Release }])
            }
            "api-down" => faulty(vec![Fault::ApiDown { from: minutes(2), until: minutes(5) }]),
            "monitoring-down" => {
                let blind = Blind { canary: true, baseline: false };
                faulty(vec![Fault::Dark { from: Duration::ZERO, until: minutes(60), blind }])
            }
            "quota" => {
                faulty(vec![Fault::Quota { from: Duration::ZERO, until: minutes(60), part: 0, pods: 3 }])
            }
            "hpa-grows" => {
                let more = vec![Fault::Load { at: minutes(3), percent: 330 }];
                Self { faults: more, ..Self::plain(seed, vec![grown(), grown()]) }
            }
            "rollback-during-deploy" => faulty(vec![Fault::Start { at: minutes(3), intent: Intent::Abort }]),
            "gate" => {
                let says = Fault::Command { at: minutes(8), owner: 0, command: Command::Promote };
                Self { faults: vec![says], ..with(Nature::good()).with_gate() }
            }
            "gate-unanswered" => with(Nature::good()).with_gate(),
            "held" => {
                let blind = Blind { canary: true, baseline: false };
                let says = Fault::Start { at: minutes(5), intent: Intent::Promote(Consent::Full) };
                let dark = Fault::Dark { from: Duration::ZERO, until: minutes(20), blind };
                let mut night = Self { faults: vec![dark, says], ..with(Nature::good()) };
                night.course.timing.hold = minutes(15);
                night
            }
            "rolling" => with(Nature::good()).with_worker().with_extras(),
            "rolling-back" => {
                let mut night = with(Nature::good()).with_worker();
                night.setups[1].new = Nature::broken(Failure::NoImage);
                night
            }
            "migration" => with(Nature::good()).with_migrations(None),
            "migration-fails" => with(Nature::good()).with_migrations(Some(0)),
            "contraction-fails" => with(Nature::good()).with_migrations(Some(1)),
            "adopt" => with(Nature::good()).with_adoption(),
            "after-adoption" => with(Nature::good()).with_adopted(),
            "first-release" => with(Nature::good()).first().with_extras(),
            "first-release-fails" => with(Nature::failing(1.0)).first(),
            "configuration" => {
                let mut night = Self::plain(seed, vec![Setup::default(), Setup::default()]);
                for part in &mut night.course.parts {
                    part.old = Some(part.new.clone());
                }
                night.with_extras()
            }
            _ => return None,
        })
    }

    /// Whether it may end where only a person can help.
    pub fn may_need_a_person(&self) -> bool {
        self.faults.iter().any(Fault::may_need_a_person) || self.jobs.iter().any(|job| job.fails)
    }

    /// The night of a seed.
    pub fn drawn(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let bad = random.chance(0.45);
        let mut setup = || {
            let pods = random.pick(&[1, 2, 3, 3, 3, 4]).unwrap_or(3);
            let has_autoscaler = random.chance(0.4);
            let old = Nature { error_rate: 0.002 * random.unit(), ..Nature::good() };
            Setup {
                pods,
                rate: random.pick(&[0.2, 5.0, 50.0, 50.0, 50.0, 200.0]).unwrap_or(50.0),
                autoscaler: has_autoscaler.then_some((2, pods + 4)),
                has_idle: random.chance(0.8),
                new: if bad && random.chance(0.7) { ill(&mut random) } else { old.clone() },
                old,
            }
        };
        let mut setups = vec![setup(), setup()];
        let faults = draw(&mut random, setups.len());
        if faults.is_empty() {
            // Here an end is demanded, and chance alone must not decide: how often it does is measured elsewhere.
            for Setup { old, new, .. } in &mut setups {
                for nature in [Some(old), (!bad).then_some(new)].into_iter().flatten() {
                    (nature.error_rate, nature.slow_rate) = (0.0, 0.0);
                }
            }
        }
        let mut scenario = Self { faults, ..Self::plain(seed, setups) };
        scenario.recover = random.chance(0.8);
        if random.chance(0.2) {
            scenario.course.parts[1].strategy = Strategy::Flip;
        }
        if random.chance(0.1) {
            let part = &mut scenario.course.parts[0];
            part.old = Some(part.new.clone());
            scenario.setups[0].new = scenario.setups[0].old.clone();
        }
        scenario.vary(&mut random.fork())
    }

    /// Draws what is rarer: further objects, a worker, a first release, migrations, components that flip together, an
    /// autoscaler with room, a gate.
    fn vary(mut self, random: &mut Random) -> Self {
        if random.chance(0.15) {
            self = self.with_extras();
        }
        if random.chance(0.1) {
            self = self.with_worker();
            self.setups
                .iter_mut()
                .filter(|setup| setup.rate == 0.0)
                .for_each(|setup| setup.autoscaler = None);
        } else if random.chance(0.05) {
            self = self.first();
        }
        if random.chance(0.08) {
            let failing = random.pick(&[None, None, Some(0), Some(1)]).flatten();
            self = self.with_migrations(failing);
        }
        if random.chance(0.08) {
            let strategy = if random.chance(0.5) { Strategy::Flip } else { Strategy::Restore };
            let slots = self.course.parts.iter_mut().filter(|part| part.has_slots());
            slots.for_each(|part| part.strategy = strategy.clone());
        }
        if random.chance(0.15) {
            // From three pods to ten, while the canary is on trial.
            for setup in self.setups.iter_mut().filter(|setup| setup.rate > 0.0) {
                setup.autoscaler = Some((setup.pods, setup.pods.max(10)));
            }
            let at = random.between((Duration::ZERO, Duration::from_mins(8)));
            self.faults.push(Fault::Load { at, percent: 330 });
        }
        let steps = self.course.parts.iter_mut().filter_map(|part| match &mut part.strategy {
            Strategy::Canary(steps) if part.old.as_ref() != Some(&part.new) => Some(steps),
            _ => None,
        });
        let steps: Vec<&mut Step> = steps.flatten().collect();
        if steps.is_empty() || !random.chance(0.1) {
            return self;
        }
        for step in steps {
            step.gate = random.chance(0.5);
        }
        // A person looks in every few minutes, and says the same each time; or never comes.
        let wishes = [Some(Command::Promote), Some(Command::Promote), Some(Command::Abort), None];
        let Some(command) = random.pick(&wishes).flatten() else { return self };
        let every = random.between((Duration::from_mins(2), Duration::from_mins(10)));
        for time in 1..=12 {
            self.faults.push(Fault::Command { at: every * time, owner: ANYBODY, command });
        }
        self
    }

    /// The same night with the deployer killed, once for each of its `points` in the journal: before and after that is
    /// written, and then followed by another, found by somebody who looks every five minutes, or never.
    pub fn killed(&self, points: u32) -> Vec<Self> {
        let mut nights = Vec::new();
        for nth in 0..points {
            for written in [false, true] {
                let moment = Moment::Journal { nth, written };
                for (next, recover) in [(Some(Duration::from_secs(5)), false), (None, true), (None, false)] {
                    let faults = vec![Fault::Kill { owner: 0, moment, next }];
                    nights.push(Self { faults, recover, ..self.clone() });
                }
            }
        }
        nights
    }

    /// Whether the new release is as good as the one before, and neither a Job fails nor anything hurts its pods: it should not
    /// be found to be worse.
    pub fn is_harmless(&self) -> bool {
        let is_equal = |setup: &Setup| setup.new.is_good(&setup.old) == Some(true);
        let is_hurt = self.faults.iter().any(Fault::may_hurt_pods) || self.jobs.iter().any(|job| job.fails);
        self.setups.iter().all(is_equal) && !is_hurt
    }

    /// When everything that goes wrong is over.
    pub fn calm(&self) -> Duration {
        BEGIN + self.faults.iter().map(Fault::until).max().unwrap_or_default()
    }

    /// The cluster before the release, at [`BEGIN`].
    pub fn cluster(&self, random: Random) -> Cluster {
        let components = self.setups.iter().zip(&self.course.parts).enumerate();
        let components = components.map(|(position, (setup, part))| {
            let old = part.old.clone().unwrap_or_else(|| Revision("old".into()));
            let mut revisions = vec![(old, setup.old.clone())];
            if part.changes() {
                revisions.push((part.new.clone(), setup.new.clone()));
            }
            let mut component = Component::new(position, setup.pods, revisions, setup.rate);
            if part.strategy == Strategy::Rolling {
                component = component.rolling();
            }
            if part.is_adopted {
                component = component.adopted();
            }
            if part.old.is_none() {
                component = component.unborn();
            }
            match setup.autoscaler {
                Some((floor, ceiling)) => component.with_autoscaler(floor, ceiling),
                None => component,
            }
        });
        let head = self.course.previous.clone().map(|previous| {
            let adopted = Entry::adopted(previous, Arc::default(), self.course.origin);
            let serving = Entry { state: State::Verified, ..adopted };
            Head::new(serving, self.course.serving_from_a())
        });
        let begin = BEGIN.saturating_sub(Duration::from_mins(1));
        let before = self.course.extras.iter().map(|extra| extra.old.clone());
        let mut cluster = Cluster::new(components.collect(), head, random, begin).with_extras(before);
        cluster = cluster.with_jobs(self.jobs.iter().copied());
        for (part, setup) in self.setups.iter().enumerate() {
            if !setup.has_idle {
                cluster.act(part, Act::Delete(Object::Slot(part, Slot::B)));
            }
        }
        cluster.settle();
        cluster
    }
}

/// Something that can be wrong with a release.
fn ill(random: &mut Random) -> Nature {
    match random.below(9) {
        0 => Nature::broken(Failure::AtOnce),
        1 => Nature::broken(Failure::NoImage),
        2 => Nature::broken(Failure::UnderTraffic(20 + random.below(500))),
        3 => {
            Nature::broken(Failure::After(random.between((Duration::from_secs(20), Duration::from_mins(25)))))
        }
        4 => Nature { start: (Duration::from_mins(1), Duration::from_secs(200)), ..Nature::good() },
        5 => Nature::failing(1.0),
        7 => Nature::broken(Failure::Unwell),
        6 => Nature { slow_rate: 0.5, ..Nature::good() },
        _ => Nature::failing(0.02 + 0.5 * random.unit()),
    }
}

fn course(setups: &[Setup]) -> Course {
    let release = |number| ReleaseId { environment: "production".into(), number };
    let names = ["backend", "frontend"];
    let streams = u32::try_from(2 * setups.len()).unwrap_or(u32::MAX);
    let parts = (0..setups.len()).map(|position| PartCourse {
        name: ComponentName(names.get(position).map_or_else(|| Arc::from("worker"), |name| Arc::from(*name))),
        old: Some(Revision("old".into())),
        new: Revision("new".into()),
        strategy: Strategy::Canary(vec![
            Step { weight: Weight::TENTH, gate: false },
            Step { weight: Weight::HALF, gate: false },
        ]),
        objectives: vec![
            Objective::errors(Selector::new("requests_failed"), Selector::new("requests"), 0.01),
            Objective::latency(Selector::new("request_seconds"), Duration::from_millis(250), 0.05),
        ],
        replicas: setups[position].pods,
        autoscaler: None,
        is_adopted: false,
        settings: Settings::new(streams),
    });
    Course {
        release: release(2),
        previous: Some(release(1)),
        parts: parts.collect(),
        extras: Vec::new(),
        migrations: Vec::new(),
        timing: Timing::default(),
        account: Arc::default(),
        origin: 0,
    }
}
