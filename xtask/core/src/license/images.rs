//! Whether a policy allows the licences of what images bring beside a component's own packages: `[licenses.images]` of
//! `xtask.toml`.
//!
//! An operating system is shipped beside our software and is no part of it, so it has a policy of its own. Its packages consist
//! of files under many licences; those that are known are judged whatever stands beside them.

use super::policy::UNKNOWN;
use super::{Policy, Reading};
use crate::finding::Finding;
use crate::finding::weakness::Level;
use crate::inventory::Package;

/// Which licences the packages of images may have.
#[derive(Clone, Debug)]
pub struct Images {
    /// The lists and the exceptions.
    pub policy: Policy,
    /// How bad a licence is that no program can read.
    pub unknown: Level,
}

impl Images {
    /// What is wrong with the licences of a package: with those that are known, and with what nobody knows.
    pub fn check(&self, package: &Package, image: &str) -> Vec<Finding> {
        let Some(statements) = &package.licenses else { return Vec::new() };
        let is_known =
            |statement: &String| Reading::of(std::slice::from_ref(statement)).expression().is_some();
        let (known, unknown): (Vec<String>, Vec<String>) = statements.iter().cloned().partition(is_known);
        let is_silent = statements.is_empty();
        let parts = [(known, false), (unknown, is_silent)];
        let judged = parts.into_iter().filter(|(part, is_silent)| !part.is_empty() || *is_silent);
        let found = judged.filter_map(|(part, _)| {
            self.policy.check(&Package { licenses: Some(part), ..package.clone() }, image)
        });
        found.map(|finding| self.rated(finding)).collect()
    }

    fn rated(&self, mut finding: Finding) -> Finding {
        if let Some(weakness) = finding.weakness.as_mut().filter(|_| finding.rule == UNKNOWN) {
            weakness.level = self.unknown;
        }
        finding
    }
}
