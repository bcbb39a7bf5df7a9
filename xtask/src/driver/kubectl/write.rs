//! Writes. Each is good for one version of an object, or makes one that is not there yet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::session::Call;
use super::{Failure, Kubectl};
use crate::core::kubectl::attribution::{Fate, attribute};
use crate::core::kubectl::document::{self, Name, Seen};
use crate::core::kubectl::{Answer, Fault};

/// How many calls are made at once where documents are asked about one by one.
const AT_ONCE: usize = 4;

/// Whether something is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// It is to be done.
    Really,
    /// The server is asked whether it would do it, and what would come of it. Nothing is changed.
    DryRun,
}

impl Kubectl {
    /// Applies whole documents on the server's side, in one call for each namespace; what became of each, in their order.
    ///
    /// A document that carries a version ([`Seen::onto`]) changes that version or nothing. One that carries none is made
    /// where it is not there, and changed whatever it has become where it is. Fields of other managers are never taken over by
    /// force.
    ///
    /// Where only some fail, of some it may not be known; they are to be read back. A dry run is then done one by one.
    ///
    /// *Whole* documents: on an object that was made with `kubectl apply` in its older way, kubectl makes `manager` the owner
    /// of everything that was applied so, without asking (`migrateToSSAIfNecessary` in its `cmd/apply`). What a later document
    /// of this manager leaves out is then taken away.
    /// [`taken_over`](crate::core::kubectl::ownership::taken_over) says beforehand from whom.
    pub fn apply(&self, manager: &str, documents: &[Value], mode: Mode) -> Vec<Result<Value, Failure>> {
        // The server refuses fields that it does not know in any case; to have kubectl check them first takes as long again.
        let arguments = ["apply", "--server-side", "--validate=ignore"];
        self.write(&arguments, manager, documents, mode)
    }

    /// The same, but fields of other managers are taken over: for what a release owns whoever wrote it last.
    pub fn take_over(&self, manager: &str, documents: &[Value], mode: Mode) -> Vec<Result<Value, Failure>> {
        let arguments = ["apply", "--server-side", "--validate=ignore", "--force-conflicts"];
        self.write(&arguments, manager, documents, mode)
    }

    /// Makes objects that are not there, in one call for each namespace; what became of each, in their order. One that is
    /// there is [`Fault::AlreadyExists`].
    pub fn create(&self, manager: &str, documents: &[Value], mode: Mode) -> Vec<Result<Value, Failure>> {
        self.write(&["create", "--validate=strict"], manager, documents, mode)
    }

    /// Puts a whole document in the place of the version that was seen, and of no other.
    pub fn replace(&self, manager: &str, seen: &Seen, document: Value, mode: Mode) -> Result<Value, Failure> {
        let document = seen.onto(document);
        let namespace = namespace_of(&document).map(str::to_owned);
        let call = call(&["replace", "--validate=ignore", "--filename=-"], manager, &[&document], mode)
            .namespace(namespace.as_deref());
        self.one(&call)
    }

    /// Changes some fields of the version that was seen, and of no other (RFC 7386: null takes a field away).
    pub fn patch(
        &self,
        manager: &str,
        name: &Name,
        seen: &Seen,
        change: Value,
        mode: Mode,
    ) -> Result<Value, Failure> {
        let change = seen.onto(change);
        let resource = name.resource();
        let arguments = ["patch", &resource, &name.name, "--type=merge", "--patch-file=/dev/stdin"];
        let mut call = call(&arguments, manager, &[&change], mode).namespace(name.namespace.as_deref());
        call.doing = format!("change {name}");
        self.one(&call)
    }

    /// Deletes the object with this uid, and not another one of the same name. What it owns follows.
    pub fn delete(&self, name: &Name, uid: &str) -> Result<(), Failure> {
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        });
        let path = name.path(Some(&self.0.target.namespace));
        let call = Call::new(format!("delete {name}"), &["delete", "--raw", &path, "--filename=-"])
            .namespace(name.namespace.as_deref())
            .documents(&[&options]);
        self.0.call(&call).map(drop)
    }

    fn write(
        &self,
        arguments: &[&str],
        manager: &str,
        documents: &[Value],
        mode: Mode,
    ) -> Vec<Result<Value, Failure>> {
        // kubectl takes documents of one namespace at a time.
        let mut groups: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (at, document) in documents.iter().enumerate() {
            groups.entry(namespace_of(document)).or_default().push(at);
        }
        let mut written: Vec<Option<Result<Value, Failure>>> = vec![None; documents.len()];
        for (namespace, places) in groups {
            let group: Vec<&Value> = places.iter().map(|&at| &documents[at]).collect();
            let mut fates = self.write_group(arguments, manager, namespace, &group, mode);
            if mode == Mode::DryRun && group.len() > 1 && fates.iter().any(Result::is_err) {
                fates = self.one_by_one(arguments, manager, namespace, &group);
            }
            for (at, fate) in places.into_iter().zip(fates) {
                written[at] = Some(fate);
            }
        }
        written.into_iter().flatten().collect()
    }

    fn write_group(
        &self,
        arguments: &[&str],
        manager: &str,
        namespace: Option<&str>,
        documents: &[&Value],
        mode: Mode,
    ) -> Vec<Result<Value, Failure>> {
        let call = call(arguments, manager, documents, mode).argument("--filename=-").namespace(namespace);
        let all = |failure: Failure| documents.iter().map(|_| Err(failure.clone())).collect();
        let (stdout, failed) = match self.0.attempt(&call) {
            Err(failure) => return all(failure),
            Ok(Ok(stdout)) => (stdout, Vec::new()),
            Ok(Err(displeased)) => (displeased.stdout, displeased.answers),
        };
        let done = document::objects(&stdout).unwrap_or_default();
        let default = namespace.unwrap_or(&self.0.target.namespace);
        let fates = attribute(documents, done, &failed, default).into_iter().zip(documents);
        fates.map(|(fate, document)| self.fate(&call, fate, document)).collect()
    }

    /// What became of a document, with words that name it.
    fn fate(&self, call: &Call<'_>, fate: Fate, document: &Value) -> Result<Value, Failure> {
        let answer = match fate {
            Fate::Done(object) => return Ok(object),
            Fate::Failed(answer) => answer,
            Fate::Unknown(said) => Answer { fault: Fault::Other, said },
        };
        let Some(name) = Name::of(document) else { return Err(self.0.explain(call, &answer)) };
        let call = Call::new(format!("write {name}"), &[]).namespace(call.namespace);
        Err(self.0.explain(&call, &answer))
    }

    /// A dry run for each document by itself, several at a time.
    fn one_by_one(
        &self,
        arguments: &[&str],
        manager: &str,
        namespace: Option<&str>,
        documents: &[&Value],
    ) -> Vec<Result<Value, Failure>> {
        let next = AtomicUsize::new(0);
        let results: Mutex<BTreeMap<usize, Result<Value, Failure>>> = Mutex::default();
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(documents.len()) {
                scope.spawn(|| {
                    while let Some((at, document)) = {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        documents.get(at).map(|document| (at, *document))
                    } {
                        let fate = self.write_group(arguments, manager, namespace, &[document], Mode::DryRun);
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.extend(fate.into_iter().map(|fate| (at, fate)));
                    }
                });
            }
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }

    fn one(&self, call: &Call<'_>) -> Result<Value, Failure> {
        let answer = self.0.call(call)?;
        let nonsense = || self.0.failure(call, Fault::Nonsense, "it is not the one object that was written");
        match <[Value; 1]>::try_from(self.objects(call, &answer)?) {
            Ok([object]) => Ok(object),
            Err(_) => Err(nonsense()),
        }
    }
}

fn call(arguments: &[&str], manager: &str, documents: &[&Value], mode: Mode) -> Call<'static> {
    let doing = match documents {
        [document] => Name::of(document).map(|name| format!("write {name}")),
        _ => None,
    };
    let doing = doing.unwrap_or_else(|| format!("write {} objects", documents.len()));
    let call = Call::new(doing, arguments)
        .argument(format!("--field-manager={manager}"))
        .argument("--output=json")
        .documents(documents);
    match mode {
        Mode::Really => call,
        Mode::DryRun => call.argument("--dry-run=server"),
    }
}

fn namespace_of(document: &Value) -> Option<&str> {
    document.pointer("/metadata/namespace").and_then(Value::as_str)
}
