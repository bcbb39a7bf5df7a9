//! Carries a release out: asks the machine what to do, does it, and tells it how it went, until it has ended.
//!
//! Each effect has a thread of its own: a call that hangs holds up nothing else, and the machine has a deadline for each.

mod announce;
mod glance;
mod hands;
mod hearing;
mod windows;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::Scope;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::notify::{About, Notifier};
use super::other::images;
use crate::config::release::EnvironmentConfig;
use crate::core::kubectl::scrape::Window;
use crate::core::release::effect::{Action, Effect, EffectId, Outcome};
use crate::core::release::health::{Sightings, Testimony};
use crate::core::release::ledger::Phase;
use crate::core::release::machine::{Command, Course, End, Input, Intent, Machine};
use crate::core::release::model::{Ending, Slot};
use crate::core::release::monitor::Monitor;
use crate::core::release::narration::{Kind, Layout, Line, Narrator};
use crate::core::release::plan::Plan;
use crate::core::release::slots::Derived;
use crate::core::release::wire::{self, Inventory, Look, Moment, Order, Owner, SeenPod, Unseen, Witness};
use crate::core::text;
use crate::cx::Cx;
use crate::driver::kubectl::{Failure, Kubectl};
use crate::driver::platform;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Body;

pub use hands::{ask_all, carry};
pub(super) use hearing::testimony;

use announce::Announcer;
use glance::Glance;
use hands::{Pages, Reader};
use hearing::Hearing;
use windows::{PartWindows, windows};

/// How often a run looks whether somebody wants it to end.
const PULSE: Duration = Duration::from_millis(100);

/// A release, ready to be carried out.
pub(super) struct Release<'r> {
    /// Where.
    pub(super) environment: &'r EnvironmentConfig,
    /// What is written, and how it is judged.
    pub(super) plan: &'r Plan,
    /// The objects.
    pub(super) derived: &'r Derived,
    /// What the machine is to do.
    pub(super) course: Course,
    /// What the release that serves has stated.
    pub(super) former: Vec<Value>,
    /// What is wanted of it.
    pub(super) intent: Intent,
    /// Whether fields that others own may be taken from them.
    pub(super) takes_over: bool,
}

impl Release<'_> {
    /// What everything that it writes is called, and says.
    pub(super) fn inventory(&self) -> Result<Inventory> {
        let namespace = &self.environment.namespace;
        let inventory = Inventory::new(self.plan, self.derived, namespace, self.former.clone())
            .map_err(|unclear| Error::bug("the plan and the manifests do not fit").source(unclear))?;
        Ok(if self.takes_over { inventory.taking_over() } else { inventory })
    }
}

/// What came back.
enum Reply {
    Looked(EffectId, Moment, Result<Vec<Value>, Box<Failure>>),
    Wrote(EffectId, Outcome),
    Measured(EffectId, usize, Vec<SeenPod>, Pages),
    Smoked(EffectId, Option<Result<(), String>>),
    /// What a glance that began at this time has shown; `None` where there was no answer.
    Glanced(Duration, Option<Vec<Value>>),
    /// What a pod says of why it fails.
    Heard(Box<Witness>, Testimony),
}

/// How long the last words of a release wait for those of a pod that was asked.
const HEARING: Duration = Duration::from_secs(6);

/// Carries it out in the cluster that `kubectl` speaks to, and returns how it ended.
///
/// The first wish that the run ends is told to the machine, which takes the release back; the second one ends the process and
/// leaves the release to `recover`.
pub(super) fn conduct(cx: &Cx, kubectl: &Kubectl, release: Release<'_>) -> Result<End> {
    let patient = cx.patient();
    let kubectl = patient.kubectl(kubectl.target().clone());
    let inventory = release.inventory()?;
    let windows = windows(release.plan, &release.environment.namespace);
    let all: Vec<Window> = windows.iter().flatten().flat_map(PartWindows::all).collect();
    let reader = if all.is_empty() { None } else { Some(Reader::new(kubectl.proxy(&all)?)) };
    let began = Instant::now();
    let number = RandomState::new().hash_one(platform::unix_time()).max(1);
    let name = super::prepare::who(cx).to_owned();
    let (intent, mut course) = (release.intent, release.course);
    course.origin = super::prepare::now(); // When the machine's clock begins: somebody may have thought for an hour before.
    course.timing.ready = release.derived.ready_within();
    if let Some(stated) = &cx.config().release {
        course.timing.gate = stated.pause_max;
    }
    let previous = course.previous.clone();
    let monitors = course.parts.iter().map(|part| Monitor::new(&part.objectives)).collect();
    let subjects = course.parts.iter().map(|part| text::width(&part.name.0)).max().unwrap_or(0);
    let subject = course.release.to_string();
    let layout = Layout {
        subjects: subjects.max(text::width(&subject)),
        began: Some(Duration::from_secs(platform::unix_time() % 86_400)),
    };
    let id = course.release.clone();
    let about = About {
        release: id.clone(),
        previous: previous.clone(),
        commit: course.account.commit.as_deref().map(str::to_owned),
        who: name.clone(),
        images: release
            .derived
            .stated()
            .into_iter()
            .flat_map(images)
            .map(|image| image.to_string())
            .collect(),
    };
    let stage = Stage {
        cx,
        kubectl: &kubectl,
        inventory: &inventory,
        windows: &windows,
        reader: reader.as_ref(),
        began,
    };
    let mut play = Play {
        machine: Machine::new(course, intent, number, Duration::ZERO),
        narrator: Narrator::new(subject, Duration::ZERO),
        layout,
        owner: Owner { number, name },
        sightings: Sightings::default(),
        look: None,
        objects: Vec::new(),
        taken_at: Duration::ZERO,
        monitors,
        trouble: None,
        glance: Glance::default(),
        hearing: Hearing::default(),
        announcer: Announcer::new(Notifier::new(cx, release.environment, about, number)),
        is_unexamined: false,
        has_failed: false,
    };
    let end = std::thread::scope(|scope| play.run(&stage, scope, &patient))?;
    let exit_code = intent.exit_code(end.ending);
    let is_well = matches!(end.ending, Ending::Promoted | Ending::Adopted | Ending::Nothing);
    let mut evidence = play.narrator.evidence().to_vec();
    if let Some((subject, words)) = play.hearing.words().filter(|_| !is_well) {
        // A log is for those who may look at it here, and for nobody else.
        evidence.extend(words.first().map(|words| format!("{subject}: {words}")));
        let mut words = words.into_iter();
        let line = Line::new(began.elapsed(), Kind::Evidence, subject, words.next().unwrap_or_default());
        cx.emit(Body::Narrated { line: line.because(words), layout });
    }
    for line in play.narrator.end(&id, previous.as_ref(), &end, began.elapsed(), exit_code) {
        cx.emit(Body::Narrated { line, layout });
    }
    play.announcer.end(&end, &evidence);
    if end.ending == Ending::Stuck {
        let head = play.look.as_ref().and_then(|look| look.view.ledger.as_ref()).map(|read| &read.object);
        let by_hand = inventory.by_hand(&release.environment.context.value, head, &play.objects);
        let data = serde_json::json!({ "by_hand": by_hand.commands, "remarks": by_hand.remarks });
        cx.emit(Body::Answer { text: by_hand.words(), data });
    }
    Ok(end)
}

/// What an end means to the command that brought it about.
pub(super) fn verdict(release: &str, intent: Intent, end: &End) -> Result<()> {
    if intent.exit_code(end.ending) == 0 {
        return Ok(());
    }
    let (kind, words) = match end.ending {
        Ending::Promoted | Ending::Adopted | Ending::Nothing => return Ok(()),
        Ending::Refused => (ErrorKind::Refused, format!("{release} was not begun")),
        Ending::Superseded => (ErrorKind::Stuck, format!("somebody else has taken {release} over")),
        Ending::Stuck => (ErrorKind::Stuck, format!("{release} needs a person")),
        Ending::RolledBack | Ending::Aborted | Ending::Inconclusive | Ending::NoEvidence => {
            (ErrorKind::NotReleased, format!("{release} does not serve: the release before does"))
        }
    };
    Err(Error::new(kind, words).cause(end.reason.clone()))
}

/// What does not change while a release is carried out.
struct Stage<'s> {
    cx: &'s Cx,
    kubectl: &'s Kubectl,
    inventory: &'s Inventory,
    windows: &'s [Option<PartWindows>],
    reader: Option<&'s Reader>,
    began: Instant,
}

/// What does.
struct Play {
    machine: Machine,
    narrator: Narrator,
    layout: Layout,
    owner: Owner,
    sightings: Sightings,
    /// The look that the machine decides on.
    look: Option<Look>,
    /// The objects of that look.
    objects: Vec<Value>,
    taken_at: Duration,
    monitors: Vec<Monitor>,
    /// What is wrong with looking, as it was said last.
    trouble: Option<String>,
    glance: Glance,
    hearing: Hearing,
    announcer: Announcer,
    /// Whether there is a look in which nobody has looked for a pod that fails.
    is_unexamined: bool,
    /// Whether the release was on its way back at that time.
    has_failed: bool,
}

impl Play {
    fn run<'scope, 'env: 'scope>(
        &mut self,
        stage: &'env Stage<'env>,
        scope: &'scope Scope<'scope, 'env>,
        patient: &Cx,
    ) -> Result<End> {
        let (answers, replies) = mpsc::channel();
        let mut told = false;
        let mut input = Some(Input::Wake);
        loop {
            let now = stage.began.elapsed();
            if let Some(input) = input.take() {
                for effect in self.machine.handle(input, now) {
                    self.perform(stage, scope, &answers, effect, now);
                }
                self.announcer.follow(&self.machine.status(), self.narrator.evidence());
                for line in self.narrator.tell(&self.machine.status(), now) {
                    stage.cx.emit(Body::Narrated { line, layout: self.layout });
                }
            }
            self.inquire(stage, scope, &answers);
            if let Some(end) = self.machine.end() {
                let end = end.clone();
                let until = Instant::now() + HEARING;
                while self.hearing.is_under_way && !patient.cancel().is_cancelled() {
                    let Ok(reply) = replies.recv_timeout(until.saturating_duration_since(Instant::now()))
                    else {
                        break;
                    };
                    if let Reply::Heard(witness, testimony) = reply {
                        self.hearing.hear(*witness, testimony);
                    }
                }
                return Ok(end);
            }
            if patient.cancel().is_cancelled() {
                return Err(Error::interrupted().hint(
                    "the release is under way without an owner: `cargo xtask recover` ends it, and so does `cargo xtask rollback`",
                ));
            }
            if stage.cx.cancel().is_cancelled() && !told {
                told = true;
                stage.cx.warn(
                    "interrupted: the release is taken back",
                    "once more, and this process ends at once and leaves the release to `cargo xtask recover`",
                );
                input = Some(Input::Command(Command::Abort));
                continue;
            }
            self.glance(stage, scope, &answers, now);
            let wait = self.machine.deadline().map_or(PULSE, |at| at.saturating_sub(now));
            match replies.recv_timeout(wait.min(PULSE)) {
                Ok(reply) => input = self.take(stage, reply)?,
                Err(RecvTimeoutError::Timeout) if wait <= PULSE => input = Some(Input::Wake),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// Asks a pod that fails why: as soon as it is seen, and once more when the release turns back.
    fn inquire<'scope, 'env: 'scope>(
        &mut self,
        stage: &'env Stage<'env>,
        scope: &'scope Scope<'scope, 'env>,
        answers: &Sender<Reply>,
    ) {
        let is_back =
            matches!(self.machine.phase(), Some(Phase::Reverting | Phase::Restoring | Phase::Holding));
        let turns_back = is_back && !std::mem::replace(&mut self.has_failed, is_back);
        if !std::mem::take(&mut self.is_unexamined) && !turns_back {
            return;
        }
        let look = (self.objects.as_slice(), self.taken_at);
        let Some(witness) = self.hearing.next(stage.inventory, look, is_back) else { return };
        let answers = answers.clone();
        scope.spawn(move || {
            let testimony = testimony(stage.kubectl, &witness);
            drop(answers.send(Reply::Heard(Box::new(witness), testimony)));
        });
    }

    /// Asks, between two looks, whether anything has changed.
    fn glance<'scope, 'env: 'scope>(
        &mut self,
        stage: &'env Stage<'env>,
        scope: &'scope Scope<'scope, 'env>,
        answers: &Sender<Reply>,
        now: Duration,
    ) {
        // Before it has a phase it waits for somebody else.
        let is_steady = self.machine.phase().is_none() || self.machine.is_watching();
        if !self.glance.begin(is_steady, now) {
            return;
        }
        let answers = answers.clone();
        scope.spawn(move || {
            // What cannot be read is said when all of it is looked at.
            let glanced = glance::glance(stage.kubectl, stage.inventory).ok();
            drop(answers.send(Reply::Glanced(now, glanced)));
        });
    }

    fn perform<'scope, 'env: 'scope>(
        &mut self,
        stage: &'env Stage<'env>,
        scope: &'scope Scope<'scope, 'env>,
        answers: &Sender<Reply>,
        effect: Effect,
        now: Duration,
    ) {
        let Effect { id, action } = effect;
        let answers = answers.clone();
        // Nobody listens any more once the release has ended.
        let answer = move |reply: Reply| drop(answers.send(reply));
        match action {
            Action::Look => {
                let moment = Moment { began: now, taken_at: platform::since_epoch() };
                scope.spawn(move || {
                    let objects = ask_all(stage.kubectl, &stage.inventory.questions());
                    answer(Reply::Looked(id, moment, objects.map_err(Box::new)));
                });
            }
            Action::Write { object, version, fence, change } => {
                let Some(look) = &self.look else { return answer(Reply::Wrote(id, Outcome::Unknown)) };
                let order = Order {
                    effect: id,
                    object,
                    version,
                    fence,
                    change: &change,
                    at: platform::since_epoch(),
                };
                match stage.inventory.write(look, order, &self.owner) {
                    Err(unwritten) => answer(Reply::Wrote(id, unwritten.into())),
                    Ok(request) => {
                        scope.spawn(move || {
                            answer(Reply::Wrote(id, wire::outcome(&carry(stage.kubectl, &request))));
                        });
                    }
                }
            }
            Action::Measure { part, checks } => {
                let pods = stage.inventory.pods(part, &self.objects, self.taken_at).unwrap_or_default();
                let (Some(reader), Some(Some(windows))) = (stage.reader, stage.windows.get(part)) else {
                    let nothing = Pages { of_pods: Vec::new(), checks: <_>::default(), is_blind: true };
                    return answer(Reply::Measured(id, part, Vec::new(), nothing));
                };
                scope.spawn(move || {
                    let wanted: Vec<SeenPod> = Monitor::wanted(&pods).into_iter().cloned().collect();
                    let names: Vec<String> = wanted.iter().map(|pod| pod.name.clone()).collect();
                    let ready = |is_new: bool| -> Vec<String> {
                        let side = wanted.iter().filter(|pod| pod.ready && pod.is_new == is_new);
                        side.map(|pod| pod.name.clone()).collect()
                    };
                    let (new, old) = (ready(true), ready(false));
                    let pages = reader.read(&windows.metrics, &windows.check, &names, [&new, &old], checks);
                    answer(Reply::Measured(id, part, wanted, pages));
                });
            }
            Action::Smoke { part, slot } => self.smoke(stage, scope, id, part, slot, answer),
        }
    }

    fn smoke<'scope, 'env: 'scope>(
        &self,
        stage: &'env Stage<'env>,
        scope: &'scope Scope<'scope, 'env>,
        id: EffectId,
        part: usize,
        slot: Slot,
        answer: impl FnOnce(Reply) + Send + 'scope,
    ) {
        let pods = stage.inventory.pods(part, &self.objects, self.taken_at).unwrap_or_default();
        let pod = pods.into_iter().find(|pod| pod.slot == slot && pod.ready);
        let (Some(reader), Some(Some(windows))) = (stage.reader, stage.windows.get(part)) else {
            return answer(Reply::Smoked(id, Some(Ok(()))));
        };
        let Some(pod) = pod else {
            return answer(Reply::Smoked(id, Some(Err("no pod is ready".to_owned()))));
        };
        scope.spawn(move || answer(Reply::Smoked(id, reader.smoke(&windows.smoke, &pod.name))));
    }

    /// What came back, as the machine hears it.
    fn take(&mut self, stage: &Stage<'_>, reply: Reply) -> Result<Option<Input>> {
        if let Reply::Looked(.., objects) = &reply {
            self.glance.looked(objects.is_ok(), stage.began.elapsed());
        }
        Ok(Some(match reply {
            Reply::Looked(id, moment, Ok(objects)) => {
                let view = match stage.inventory.look(&objects, moment, &mut self.sightings) {
                    Ok(look) => {
                        let view = look.view.clone();
                        (self.look, self.objects, self.taken_at) = (Some(look), objects, moment.taken_at);
                        (self.trouble, self.is_unexamined) = (None, true);
                        Some(view)
                    }
                    // Nobody writes over what cannot be read.
                    Err(unseen @ (Unseen::Ledger { .. } | Unseen::NoTexts(_))) => {
                        return Err(super::connect::damaged(&unseen));
                    }
                    Err(unseen) => {
                        self.say(stage.cx, &Error::refused(unseen.to_string()));
                        None
                    }
                };
                Input::Looked(id, view)
            }
            Reply::Looked(id, _, Err(failure)) => {
                self.say(stage.cx, &failure.error);
                Input::Looked(id, None)
            }
            Reply::Wrote(id, outcome) => Input::Wrote(id, outcome),
            Reply::Measured(id, part, pods, Pages { of_pods, checks, is_blind }) => {
                if let Some(words) = stage.reader.and_then(Reader::trouble).filter(|_| is_blind) {
                    self.say(stage.cx, &Error::missing(format!("no pod can be measured: {words}")));
                }
                let read: Vec<_> = pods.iter().zip(of_pods).collect();
                let now = stage.began.elapsed();
                let monitor = self.monitors.get_mut(part);
                Input::Measured(id, monitor.and_then(|monitor| monitor.tick(now, &read, checks, is_blind)))
            }
            Reply::Smoked(id, answer) => Input::Smoked(id, answer),
            Reply::Heard(witness, testimony) => {
                self.hearing.hear(*witness, testimony);
                return Ok(None);
            }
            Reply::Glanced(began, glanced) => {
                self.glance.end(glanced.is_some(), stage.began.elapsed());
                // A look that began later is newer.
                let is_older = self.look.as_ref().is_some_and(|look| look.view.began < began);
                let is_new =
                    is_older && glanced.is_some_and(|glanced| glance::differs(&glanced, &self.objects));
                return Ok(is_new.then_some(Input::Called));
            }
        }))
    }

    /// Says what keeps it from seeing, once, and what somebody else can do about it.
    fn say(&mut self, cx: &Cx, error: &Error) {
        if self.trouble.as_deref() != Some(error.message()) {
            cx.warn_of(error, "it is tried again");
            self.trouble = Some(error.message().to_owned());
        }
    }
}
