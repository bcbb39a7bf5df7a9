//! What the load test of the images means for their release.

use super::other;
use super::prepare::who;
use crate::core::perf::gate::{Weighed, weigh};
use crate::core::perf::report::{FILE, Report};
use crate::core::release::slots::Derived;
use crate::cx::{Cx, files};
use crate::error::Result;

/// What is to be said of a load test, and whether it stands against the release.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    /// What a reader of the plan should know.
    pub(super) remarks: Vec<String>,
    /// What somebody should be warned of.
    pub(super) doubt: Option<String>,
    /// Why it must not be released.
    pub(super) refused: Option<String>,
}

/// Looks at the load test in the output folder, where the repository has load tests; `reason` outweighs what it says.
pub(super) fn check(cx: &Cx, derived: &Derived, reason: Option<&str>) -> Result<Judged> {
    if cx.config().perf.is_none() {
        return Ok(Judged::default());
    }
    let images = derived.stated().into_iter().flat_map(other::images).map(|image| image.to_string());
    let images: Vec<String> = images.collect();
    let path = cx.output_folder().join(FILE);
    let weighed = if path.exists() {
        match Report::from_json(&files::read(&path)?) {
            Ok(report) => weigh(Some(&report), &images),
            Err(reason) => Weighed::Doubtful(format!("`{FILE}` cannot be read: {reason}")),
        }
    } else {
        weigh(None, &images)
    };
    Ok(match (weighed, reason) {
        (Weighed::Good, _) => Judged::default(),
        (Weighed::Doubtful(doubt), _) => {
            Judged { remarks: vec![doubt.clone()], doubt: Some(doubt), refused: None }
        }
        (Weighed::Refused(why), None) => {
            let remark = format!("the load test stands against it: {why}");
            Judged { remarks: vec![remark], refused: Some(why), doubt: None }
        }
        (Weighed::Refused(why), Some(reason)) => {
            let by = format!("{} releases it in spite of the load test: {reason}", who(cx));
            Judged { remarks: vec![by, format!("the load test says: {why}")], ..Judged::default() }
        }
    })
}
