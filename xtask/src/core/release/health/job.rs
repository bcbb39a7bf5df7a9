//! Whether a Job is done: the migration of a database before a release.

use super::objects::{Job, condition};
use super::{Hopeless, Rollout};

/// The state of a Job. Its logs are those of its pods, which the Job does not name.
pub fn job(job: &Job) -> Rollout {
    let name = &job.metadata.name;
    let is_true =
        |kind| condition(&job.status.conditions, kind).filter(|condition| condition.status == "True");
    if let Some(failed) = is_true("Failed") {
        return Rollout::Hopeless(Hopeless {
            reason: failed.reason.clone(),
            words: format!("job `{name}` failed: {} {}", failed.reason, failed.message).trim_end().to_owned(),
            pod: None,
            ask_logs: None,
        });
    }
    if is_true("Complete").is_some() {
        return Rollout::Complete;
    }
    let words = if job.spec.suspend {
        format!("job `{name}` is suspended")
    } else {
        let wanted = job.spec.completions.unwrap_or(1);
        let done = job.status.succeeded;
        format!("job `{name}`: {done} of {wanted} pods succeeded, {} failed", job.status.failed)
    };
    Rollout::Progressing { words }
}
