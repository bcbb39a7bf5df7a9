//! What is asked before anything is written: whether a server would take it.

use serde_json::Value;

use super::inventory::Inventory;
use super::request::{Manager, Request, Verb};
use crate::release::manifest;
use crate::release::plan::Identity;
use crate::release::view::Traffic;

/// Which way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// To the new release.
    Forward,
    /// Back to the one that serves, as far as it is kept.
    Back,
}

impl Inventory {
    /// What a dry run on the server asks: each object as it is in the end, one request each. It names what is not valid, what
    /// an admission refuses and what others own, before the first write.
    ///
    /// Without a version: nothing is written, so there is nothing to be too late for.
    pub fn dry_run(&self, way: Way) -> Vec<Request> {
        let objects = match way {
            Way::Forward => self.forward(),
            Way::Back => self.former.clone(),
        };
        let request = |object: Value| {
            let namespace = self.namespace_of(&Identity::of(&object)).to_owned();
            let verb = Verb::Apply { force: self.takes_over };
            Request { namespace, manager: Manager::Manifests, verb, objects: vec![object] }
        };
        objects.into_iter().map(request).collect()
    }

    fn forward(&self) -> Vec<Value> {
        let mut objects = Vec::new();
        for part in &self.parts {
            objects.extend(part.deployment(part.next).cloned());
            objects.extend(part.services(Traffic::One(part.next)));
            objects.extend(part.autoscaler(part.next));
        }
        let jobs = self.jobs.iter().cloned().map(|mut job| {
            manifest::set(&mut job, "/spec/suspend", true);
            job
        });
        objects.into_iter().chain(self.extras.iter().map(|extra| extra.object.clone())).chain(jobs).collect()
    }
}
