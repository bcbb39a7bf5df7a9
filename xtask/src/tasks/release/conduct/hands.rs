//! What the machine asks for, done by kubectl. Nothing is decided here.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::core::kubectl::Fault;
use crate::core::kubectl::document::{Name, Seen};
use crate::core::kubectl::scrape::{Miss, Window};
use crate::core::release::analysis::Sides;
use crate::core::release::metrics::Counts;
use crate::core::release::plan::Smoke;
use crate::core::release::smoke;
use crate::core::release::wire::{Answer, Asked, Question, Request, Verb};
use crate::driver::kubectl::{Failure, Kubectl, Mode, Proxy, Query};
use crate::error::Error;
use crate::tasks::release::cluster::distinct;

/// The objects that answer all questions; each question is asked at the same time.
///
/// # Errors
///
/// When one of them has no answer.
pub fn ask_all(kubectl: &Kubectl, questions: &[Question]) -> Result<Vec<Value>, Failure> {
    let answers = std::thread::scope(|scope| {
        let asked: Vec<_> =
            questions.iter().map(|question| scope.spawn(move || kubectl.get(&query(question)))).collect();
        asked.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let panicked = |_| {
        let error = Error::bug("a question to the cluster panicked");
        Err(Failure { fault: Fault::Local, error })
    };
    let answers = answers.into_iter().map(|answer| answer.unwrap_or_else(panicked));
    Ok(distinct(answers.collect::<Result<_, Failure>>()?))
}

fn query(question: &Question) -> Query {
    match &question.asked {
        Asked::Named(identities) => {
            // Those of one question are of one namespace, which the question states.
            let name = |identity| Name { namespace: None, ..Name::from(identity) };
            let names: Vec<Name> = identities.iter().map(name).collect();
            Query::objects(&names).namespace(&question.namespace)
        }
        Asked::Events(uid) => Query::kinds(&["event.v1."])
            .namespace(&question.namespace)
            .with_fields(format!("involvedObject.uid={uid}")),
        Asked::Listed { kinds, selector } => {
            let kind = |&(api_version, kind): &(&str, &str)| {
                let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
                Name { api_version, kind, namespace: None, name: String::new() }.resource()
            };
            let query = Query::kinds(&kinds.iter().map(kind).collect::<Vec<_>>());
            let query = query.namespace(&question.namespace);
            match selector {
                Some(selector) => query.labelled(selector),
                None => query,
            }
        }
    }
}

/// Carries a request out, object by object; what became of each. Those behind one that was not done are not asked for.
pub fn carry(kubectl: &Kubectl, request: &Request) -> Vec<Answer> {
    let mut answers = Vec::new();
    for object in &request.objects {
        let answer = one(kubectl, request, object);
        let is_done = answer == Answer::Done;
        answers.push(answer);
        if !is_done {
            break;
        }
    }
    answers
}

fn one(kubectl: &Kubectl, request: &Request, object: &Value) -> Answer {
    let manager = request.manager.name();
    let object = in_namespace(object, &request.namespace);
    let written = match request.verb {
        Verb::Create => kubectl.create(manager, &[object], Mode::Really).pop(),
        Verb::Apply { force: false } => kubectl.apply(manager, &[object], Mode::Really).pop(),
        Verb::Apply { force: true } => kubectl.take_over(manager, &[object], Mode::Really).pop(),
        Verb::Merge => match (Seen::of(&object), Name::of(&object)) {
            (Some(seen), Some(name)) => Some(kubectl.patch(manager, &name, &seen, object, Mode::Really)),
            _ => return Answer::Stale,
        },
        Verb::Replace => match Seen::of(&object) {
            Some(seen) => Some(kubectl.replace(manager, &seen, object, Mode::Really)),
            None => return Answer::Stale,
        },
    };
    match written {
        Some(Ok(_)) => Answer::Done,
        Some(Err(failure)) => meaning(&failure),
        None => Answer::Unclear,
    }
}

/// An object that says where it is: kubectl is told one namespace for all.
fn in_namespace(object: &Value, namespace: &str) -> Value {
    let mut object = object.clone();
    let is_said = object.pointer("/metadata/namespace").is_some();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut).filter(|_| !is_said) {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    object
}

/// What a failure says of a write.
fn meaning(failure: &Failure) -> Answer {
    let words = || {
        let cause = failure.error.causes().first().cloned().unwrap_or_default();
        if cause.is_empty() {
            failure.error.message().to_owned()
        } else {
            format!("{}: {cause}", failure.error.message())
        }
    };
    match &failure.fault {
        Fault::Conflict => Answer::Stale,
        Fault::AlreadyExists => Answer::Exists,
        Fault::NotFound => Answer::Absent,
        Fault::Owned(_) => Answer::Owned(words()),
        fault if fault.leaves_unknown() => Answer::Unclear,
        // Nobody was asked. That says nothing about the object, and may be over at the next attempt.
        Fault::Unauthorized
        | Fault::NoPlugin(_)
        | Fault::PluginFailed
        | Fault::Certificate(_)
        | Fault::Misconfigured
        | Fault::NoSuchContext
        | Fault::WrongCluster
        | Fault::Local => Answer::Stale,
        _ => Answer::Denied(words()),
    }
}

/// The pages of pods, read through the API server.
#[derive(Debug)]
pub(super) struct Reader {
    proxy: Arc<Proxy>,
    /// What could not be read the last time, to be said once.
    last: Mutex<Option<String>>,
}

/// What reading a component's pods came to.
pub(super) struct Pages {
    /// One for each pod that was asked.
    pub(super) of_pods: Vec<Option<Vec<u8>>>,
    /// What came of the checks that were sent.
    pub(super) checks: Sides,
    /// Whether nobody could be asked at all.
    pub(super) is_blind: bool,
}

impl Reader {
    pub(super) fn new(proxy: Proxy) -> Self {
        Self { proxy: Arc::new(proxy), last: Mutex::new(None) }
    }

    /// Sends `count` checks to each side, then reads the pages of `pods`.
    pub(super) fn read(
        &self,
        metrics: &Window,
        check: &Window,
        pods: &[String],
        sides: [&[String]; 2],
        count: u64,
    ) -> Pages {
        let [canary, baseline] = sides.map(|side| self.checks(check, side, count));
        let checks = Sides { canary, baseline };
        let (pages, is_blind) = match self.proxy.scrape(metrics, pods) {
            Ok(pages) => {
                let says_nothing = |page: &Result<Vec<u8>, Miss>| {
                    page.as_ref().is_err_and(|miss| !miss.is_of_the_pod() && *miss != Miss::Gone)
                };
                let is_blind = !pages.is_empty() && pages.iter().all(says_nothing);
                self.note(pages.iter().find_map(|page| page.as_ref().err()).map(ToString::to_string));
                (pages.into_iter().map(Result::ok).collect(), is_blind)
            }
            Err(failure) => {
                self.note(Some(failure.error.message().to_owned()));
                (vec![None; pods.len()], true)
            }
        };
        Pages { of_pods: pages, checks, is_blind }
    }

    /// What kept a page from being read the last time; said once, for a log.
    pub(super) fn trouble(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, words: Option<String>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    fn checks(&self, window: &Window, pods: &[String], count: u64) -> Counts {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(1000);
        let wanted: Vec<String> =
            pods.iter().cycle().take(if pods.is_empty() { 0 } else { count }).cloned().collect();
        let Ok(answers) = self.proxy.scrape(window, &wanted) else { return Counts::default() };
        let bad = answers.iter().filter(|answer| answer.as_ref().is_err_and(Miss::is_of_the_pod)).count();
        let good = answers.iter().filter(|answer| answer.is_ok()).count();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Counts::new(number(bad), number(bad + good))
    }

    /// Asks a pod the questions of a smoke test.
    pub(super) fn smoke(&self, windows: &[(Window, Smoke)], pod: &str) -> Option<Result<(), String>> {
        let pod = [pod.to_owned()];
        for (window, wanted) in windows {
            let answer = self.proxy.scrape(window, &pod).ok()?.pop()?;
            match smoke::judge(wanted, &answer) {
                Some(Ok(())) => {}
                other => return other,
            }
        }
        Some(Ok(()))
    }
}
