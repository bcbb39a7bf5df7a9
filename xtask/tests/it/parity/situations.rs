//! The situations.

use std::fmt;
use std::sync::Arc;

use xtask::core::release::effect::{Change, Object};
use xtask::core::release::ledger::{Entry, Head, Live};
use xtask::core::release::model::{Revision, Slot};
use xtask::core::release::view::{Autoscaler, Traffic};

use super::objects::Objects;

/// What the new release is like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Good,
    Crashes,
    NoImage,
    /// Its pods are ready after eight seconds.
    Slow,
    NeverReady,
    /// No node has room for its pods.
    TooLarge,
    MigrationFails,
    /// A good one, and an autoscaler scales what serves.
    Scaled,
}

/// What is written upon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Upon {
    /// The last look.
    Last,
    /// The look that was kept.
    Kept,
}

/// What no release does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// Somebody scales a Deployment.
    Scale(Slot, u32),
    /// Somebody writes a selector.
    Select(Traffic),
    /// Somebody deletes an object.
    Delete(Object),
    /// From now on there may be so many pods.
    Quota(u32),
    /// A pod is gone at once.
    LosePod,
    /// Another manager makes the further object, and owns it.
    Own,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// So many pods of a slot are there, and available.
    Available(Slot, u32),
    /// So many pods of a slot get requests.
    Serves(Slot, u32),
    /// A slot has no pods.
    Empty(Slot),
    /// So many pods of a slot are asked for.
    Wants(Slot, u32),
    /// The pods of a slot will never be ready.
    Hopeless(Slot),
    /// The Job has ended.
    JobEnds,
    /// So many seconds have passed.
    Passed(u64),
}

/// A step of a script.
pub(super) enum Step {
    /// The machine writes until a look shows it.
    Write(Object, Change),
    /// Somebody writes once.
    Once(Object, Change, Upon),
    /// The last look is kept.
    Remember,
    /// Something else happens.
    Deed(Deed),
    /// Something is waited for.
    Until(Until),
}

/// A script, and what it is played with.
pub(super) struct Situation {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Why the real cluster shows something else, where it does.
    pub(super) differs: Option<&'static str>,
    script: fn(&Words<'_>) -> Vec<Step>,
}

impl Situation {
    /// What is played, with these objects.
    pub(super) fn steps(&self, objects: &Objects) -> Vec<Step> {
        (self.script)(&Words { revisions: objects.revisions(), objects })
    }
}

/// What scripts are made of.
struct Words<'o> {
    revisions: [Revision; 2],
    objects: &'o Objects,
}

impl Words<'_> {
    /// A slot gets the new template, and so many pods.
    fn next(&self, slot: Slot, replicas: u32) -> Step {
        let revision = Some(self.revisions[1].clone());
        Step::Write(Object::Slot(0, slot), Change::Slot { revision, replicas })
    }

    fn old(&self, slot: Slot, replicas: u32) -> Step {
        let revision = Some(self.revisions[0].clone());
        Step::Write(Object::Slot(0, slot), Change::Slot { revision, replicas })
    }

    /// The further object is written.
    fn settings(&self) -> Step {
        Step::Write(Object::Extra(0), Change::Content(self.objects.content()))
    }
}

fn pods(replicas: u32) -> Change {
    Change::Slot { revision: None, replicas }
}

fn scale(slot: Slot, replicas: u32) -> Step {
    Step::Write(Object::Slot(0, slot), pods(replicas))
}

fn send(traffic: Traffic) -> Step {
    Step::Write(Object::Service(0), Change::Traffic(traffic))
}

fn autoscale(target: Slot, floor: u32) -> Step {
    Step::Write(Object::Autoscaler(0), Change::Autoscaler(Autoscaler { target, floor, ceiling: 10 }))
}

fn job(is_suspended: bool) -> Step {
    Step::Write(Object::Job(0), Change::Job { is_suspended })
}

fn lease(holder: Option<u64>, transitions: u64, renewals: u64) -> Change {
    Change::Lease { holder, transitions, renewals }
}

fn ledger(number: u32) -> Change {
    let release = format!("parity-{number}").parse().unwrap();
    Change::Ledger(Box::new(Head::new(Entry::adopted(release, Arc::default(), 1_700_000_000), Live::new())))
}

/// The new release serves in slot b, and the old one stands by.
fn flipped(words: &Words<'_>) -> Vec<Step> {
    vec![
        words.next(Slot::B, 3),
        Step::Until(Until::Available(Slot::B, 3)),
        send(Traffic::One(Slot::B)),
        Step::Until(Until::Serves(Slot::A, 0)),
    ]
}

use Slot::{A, B};
use Step::{Deed as Do, Once, Remember, Until as Wait};

/// The name of a situation, the cluster it begins with, and its steps.
type Scripted = (&'static str, Kind, fn(&Words<'_>) -> Vec<Step>);

/// Those of what serves, and its pods.
const SLOTS: &[Scripted] = &[
    ("the idle slot is made without pods", Kind::Good, |words| {
        vec![words.next(B, 0), Wait(Until::Passed(2))]
    }),
    ("the idle slot gets one pod, then three", Kind::Good, |words| {
        vec![words.next(B, 1), Wait(Until::Available(B, 1)), scale(B, 3), Wait(Until::Available(B, 3))]
    }),
    ("pods whose image is not there", Kind::NoImage, |words| {
        vec![words.next(B, 1), Wait(Until::Hopeless(B)), Wait(Until::Passed(3))]
    }),
    ("pods that crash", Kind::Crashes, |words| vec![words.next(B, 1), Wait(Until::Hopeless(B))]),
    ("pods that are slow to be ready", Kind::Slow, |words| {
        vec![words.next(B, 3), Wait(Until::Available(B, 3))]
    }),
    ("pods that are never ready", Kind::NeverReady, |words| {
        vec![words.next(B, 1), Wait(Until::Passed(15)), scale(B, 0), Wait(Until::Empty(B))]
    }),
    ("pods that no node has room for", Kind::TooLarge, |words| {
        vec![words.next(B, 1), Wait(Until::Hopeless(B)), scale(B, 0), Wait(Until::Empty(B))]
    }),
    ("a quota leaves room for one more pod", Kind::Good, |words| {
        vec![
            Do(Deed::Quota(4)),
            words.next(B, 3),
            Wait(Until::Hopeless(B)),
            scale(B, 0),
            Wait(Until::Empty(B)),
        ]
    }),
    ("a slot that serves gets another template", Kind::Good, |words| {
        vec![
            words.next(A, 3),
            Wait(Until::Passed(5)),
            Wait(Until::Available(A, 3)),
            Wait(Until::Serves(A, 3)),
        ]
    }),
    ("the idle slot gets the old template again", Kind::Good, |words| {
        vec![words.next(B, 0), words.old(B, 1), Wait(Until::Available(B, 1))]
    }),
    ("a pod that serves is gone", Kind::Good, |_| {
        vec![
            Do(Deed::LosePod),
            Wait(Until::Serves(A, 2)),
            Wait(Until::Serves(A, 3)),
            Wait(Until::Available(A, 3)),
        ]
    }),
];

/// Those of the requests.
const TRAFFIC: &[Scripted] = &[
    ("requests go to both slots, then to the new one", Kind::Good, |words| {
        vec![
            words.next(B, 3),
            Wait(Until::Available(B, 3)),
            send(Traffic::Both),
            Wait(Until::Serves(B, 3)),
            send(Traffic::One(B)),
            Wait(Until::Serves(A, 0)),
        ]
    }),
    ("requests go to the new slot at once", Kind::Good, flipped),
    ("requests go back", Kind::Good, |words| {
        let mut steps = flipped(words);
        steps.extend([send(Traffic::One(A)), Wait(Until::Serves(B, 0))]);
        steps
    }),
    ("pods that no longer serve are drained", Kind::Good, |words| {
        let mut steps = flipped(words);
        steps.extend([scale(A, 0), Wait(Until::Empty(A))]);
        steps
    }),
    ("pods that serve are drained", Kind::Good, |_| vec![scale(A, 1), Wait(Until::Available(A, 1))]),
    ("requests go to nobody", Kind::Good, |_| {
        vec![
            send(Traffic::Nobody),
            Wait(Until::Serves(A, 0)),
            send(Traffic::One(A)),
            Wait(Until::Serves(A, 3)),
        ]
    }),
    ("requests go to a slot without pods", Kind::Good, |words| {
        vec![words.next(B, 0), send(Traffic::One(B)), Wait(Until::Serves(A, 0))]
    }),
];

/// Those of people.
const PEOPLE: &[Scripted] = &[
    ("somebody scales what serves, and it is scaled back", Kind::Good, |_| {
        vec![
            Do(Deed::Scale(A, 1)),
            Wait(Until::Available(A, 1)),
            scale(A, 3),
            Wait(Until::Available(A, 3)),
            Wait(Until::Serves(A, 3)),
        ]
    }),
    ("somebody deletes what serves", Kind::Good, |words| {
        vec![
            Do(Deed::Delete(Object::Slot(0, A))),
            Wait(Until::Serves(A, 0)),
            words.next(A, 3),
            Wait(Until::Available(A, 3)),
            Wait(Until::Serves(A, 3)),
        ]
    }),
    ("somebody deletes the idle slot", Kind::Good, |words| {
        vec![words.next(B, 0), Do(Deed::Delete(Object::Slot(0, B))), Wait(Until::Passed(3)), words.next(B, 0)]
    }),
    ("somebody deletes the Service", Kind::Good, |_| {
        vec![
            Do(Deed::Delete(Object::Service(0))),
            Wait(Until::Serves(A, 0)),
            send(Traffic::One(A)),
            Wait(Until::Serves(A, 3)),
        ]
    }),
    ("somebody sends the requests elsewhere", Kind::Good, |_| {
        vec![
            Do(Deed::Select(Traffic::Foreign)),
            Wait(Until::Serves(A, 0)),
            send(Traffic::One(A)),
            Wait(Until::Serves(A, 3)),
        ]
    }),
    ("somebody gives the idle slot requests", Kind::Good, |words| {
        vec![
            words.next(B, 1),
            Wait(Until::Available(B, 1)),
            Do(Deed::Select(Traffic::Both)),
            Wait(Until::Serves(B, 1)),
        ]
    }),
];

/// Those of writes that come too late, or that somebody else was faster with.
const WRITES: &[Scripted] = &[
    ("a write upon what somebody has written since", Kind::Good, |words| {
        vec![
            words.next(B, 0),
            Remember,
            Do(Deed::Select(Traffic::Both)),
            Wait(Until::Passed(2)),
            Once(Object::Service(0), Change::Traffic(Traffic::One(A)), Upon::Kept),
        ]
    }),
    ("a write after the number of another owner", Kind::Good, |_| {
        vec![
            Remember,
            Once(Object::Service(0), Change::Fence, Upon::Last),
            Once(Object::Service(0), Change::Traffic(Traffic::One(B)), Upon::Kept),
        ]
    }),
    ("a write upon what was deleted since", Kind::Good, |_| {
        vec![
            Remember,
            Do(Deed::Delete(Object::Service(0))),
            Wait(Until::Serves(A, 0)),
            Once(Object::Service(0), Change::Traffic(Traffic::One(B)), Upon::Kept),
        ]
    }),
    ("an object is made that somebody has made since", Kind::Good, |words| {
        let revision = Some(words.revisions[1].clone());
        let again = Change::Slot { revision, replicas: 0 };
        vec![Remember, words.next(B, 0), Once(Object::Slot(0, B), again, Upon::Kept)]
    }),
    ("two who take the lease", Kind::Good, |_| {
        vec![
            Remember,
            Step::Write(Object::Lease, lease(Some(7), 1, 0)),
            Once(Object::Lease, lease(Some(7), 1, 0), Upon::Kept),
            Remember,
            Step::Write(Object::Lease, lease(Some(7), 1, 1)),
            Once(Object::Lease, lease(Some(8), 2, 0), Upon::Kept),
        ]
    }),
    ("a lease that somebody deletes", Kind::Good, |_| {
        vec![
            Step::Write(Object::Lease, lease(Some(7), 1, 0)),
            Remember,
            Do(Deed::Delete(Object::Lease)),
            Once(Object::Lease, lease(Some(7), 1, 1), Upon::Kept),
            Step::Write(Object::Lease, lease(Some(7), 1, 2)),
        ]
    }),
    ("two who write the ledger", Kind::Good, |_| {
        vec![
            Step::Write(Object::Ledger, ledger(1)),
            Remember,
            Step::Write(Object::Ledger, ledger(2)),
            Once(Object::Ledger, ledger(3), Upon::Kept),
        ]
    }),
    ("settings are made, deleted and made again", Kind::Good, |words| {
        vec![words.settings(), Do(Deed::Delete(Object::Extra(0))), Wait(Until::Passed(1)), words.settings()]
    }),
];

/// Those of autoscalers and Jobs.
const OTHERS: &[Scripted] = &[
    ("an autoscaler goes from 3 to 10", Kind::Scaled, |_| {
        vec![
            autoscale(A, 10),
            Wait(Until::Wants(A, 10)),
            Wait(Until::Available(A, 10)),
            Wait(Until::Serves(A, 10)),
        ]
    }),
    ("an autoscaler is given to the new slot", Kind::Scaled, |words| {
        vec![
            words.next(B, 1),
            Wait(Until::Available(B, 1)),
            autoscale(B, 3),
            Wait(Until::Wants(B, 3)),
            Wait(Until::Available(B, 3)),
        ]
    }),
    ("an autoscaler is made", Kind::Good, |_| {
        vec![
            autoscale(A, 4),
            Wait(Until::Wants(A, 4)),
            Wait(Until::Available(A, 4)),
            Wait(Until::Serves(A, 4)),
        ]
    }),
    ("an autoscaler without a floor", Kind::Scaled, |_| vec![autoscale(A, 0)]),
    ("a migration is made, let go, and done", Kind::Good, |_| {
        vec![job(true), Wait(Until::Passed(2)), job(false), Wait(Until::JobEnds)]
    }),
    ("a migration fails", Kind::MigrationFails, |_| vec![job(true), job(false), Wait(Until::JobEnds)]),
];

/// The situations, in the order of the table.
pub(super) fn all() -> Vec<Situation> {
    let groups = [SLOTS, TRAFFIC, PEOPLE, WRITES, OTHERS];
    let alike = groups.into_iter().flatten();
    let alike = alike.map(|&(name, kind, script)| Situation { name, kind, differs: reason(name), script });
    let foreign = Situation {
        name: "another manager owns the settings",
        kind: Kind::Good,
        differs: Some("managers and their fields are not simulated"),
        script: |words| vec![Do(Deed::Own), words.settings()],
    };
    alike.chain([foreign]).collect()
}

/// Why a real cluster shows something else.
fn reason(name: &str) -> Option<&'static str> {
    const REASONS: &[(&str, &str)] = &[
        (
            "a pod that serves is gone",
            "a simulated pod goes with its node, and that is noticed after a while; a deleted one is replaced at once",
        ),
        (
            "a slot that serves gets another template",
            "pods that leave are still counted, and how many are old and new at a time is a matter of time",
        ),
    ];
    REASONS.iter().find(|(of, _)| *of == name).map(|(_, reason)| *reason)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(object, change) => write!(f, "{}", write_words(*object, change)),
            Self::Once(object, change, Upon::Last) => write!(f, "once: {}", write_words(*object, change)),
            Self::Once(object, change, Upon::Kept) => {
                write!(f, "upon an older look: {}", write_words(*object, change))
            }
            Self::Deed(Deed::Scale(slot, pods)) => write!(f, "somebody scales {slot} to {pods}"),
            Self::Deed(Deed::Select(traffic)) => write!(f, "somebody sends requests to {traffic:?}"),
            Self::Deed(Deed::Delete(object)) => write!(f, "somebody deletes {object:?}"),
            Self::Deed(Deed::Quota(pods)) => write!(f, "a quota of {pods} pods"),
            Self::Deed(Deed::LosePod) => write!(f, "a pod is gone"),
            Self::Deed(Deed::Own) => write!(f, "another manager makes the settings"),
            Self::Remember | Self::Until(_) => Ok(()),
        }
    }
}

fn write_words(object: Object, change: &Change) -> String {
    let slot =
        |object: Object| if let Object::Slot(_, slot) = object { slot.to_string() } else { String::new() };
    match change {
        Change::Fence => format!("{object:?} gets the owner's number"),
        Change::Lease { holder, transitions, renewals } => {
            format!("the lease is {holder:?}'s, {transitions}, {renewals}")
        }
        Change::Ledger(_) => "the ledger".to_owned(),
        Change::Slot { revision: None, replicas } => format!("{} has {replicas} pods", slot(object)),
        Change::Slot { revision: Some(_), replicas } => {
            format!("{} gets a template, {replicas} pods", slot(object))
        }
        Change::Traffic(traffic) => format!("requests to {traffic:?}"),
        Change::Autoscaler(Autoscaler { target, floor, .. }) => {
            format!("autoscaler of {target}, floor {floor}")
        }
        Change::Content(_) => "the settings".to_owned(),
        Change::Job { is_suspended } => {
            format!("the Job, {}", if *is_suspended { "suspended" } else { "let go" })
        }
    }
}
