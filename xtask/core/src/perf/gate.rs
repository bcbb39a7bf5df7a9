//! What a load test means for a release of images.

use super::judge::Verdict;
use super::report::Report;

/// What is to be done with a release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Weighed {
    /// It may be released.
    Good,
    /// It may be released, and somebody should know this.
    Doubtful(String),
    /// It must not be released, for this reason.
    Refused(String),
}

/// Weighs the load test of images, `repository@sha256:…`, that are to be released; `None` where there is none.
///
/// A test says something of a release only where an image of it was measured, by its digest: whatever was found of others, or
/// of files, is nothing to go by.
pub fn weigh(report: Option<&Report>, images: &[String]) -> Weighed {
    let Some(report) = report else {
        return Weighed::Doubtful("these images were not load-tested".to_owned());
    };
    let digest = |image: &str| image.rsplit_once('@').map(|(_, digest)| digest.to_owned());
    let released: Vec<String> = images.iter().filter_map(|image| digest(image)).collect();
    let is_released = |image: &String| digest(image).is_some_and(|digest| released.contains(&digest));
    let measured = &report.candidate.images;
    if measured.is_empty() {
        return Weighed::Doubtful(format!(
            "the load test was of `{}`, run from files, and not of these images",
            report.candidate.name
        ));
    }
    if !measured.iter().all(is_released) {
        return Weighed::Doubtful("the load test was of other images than these".to_owned());
    }
    if let Some(objection) = report.objection() {
        return Weighed::Refused(objection);
    }
    let reason = &report.judgement.reason;
    match report.judgement.verdict {
        Verdict::Better | Verdict::Same => Weighed::Good,
        verdict @ (Verdict::Undecided | Verdict::NotComparable | Verdict::Worse) => {
            Weighed::Doubtful(format!("the load test of these images is {verdict}: {reason}"))
        }
    }
}
