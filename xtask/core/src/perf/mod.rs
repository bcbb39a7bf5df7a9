//! Load tests with a verdict: what k6 measured, how two versions compare, and what that means for a release.
//!
//! One run says little: on a shared machine the same program is now 20 % slower, now 20 % faster than a minute ago. So
//! baseline and candidate run at the same time, in pairs ([`pairs`]); each run becomes a few figures ([`samples`], [`run`]); the
//! ratios within pairs are resampled ([`bootstrap`]); and [`judge`] says better, same, worse, or that it cannot tell. What
//! was measured on another machine is never compared ([`machine`]). `docs/guides/performance.md` gives the reasons.

pub mod bootstrap;
pub mod gate;
pub mod judge;
pub mod k6;
pub mod machine;
pub mod pairs;
pub mod report;
pub mod run;
pub mod samples;
#[cfg(test)]
mod tests;

/// What is compared with what.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What it is compared with.
    Baseline,
    /// What is asked about.
    Candidate,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Candidate => "candidate",
        })
    }
}
