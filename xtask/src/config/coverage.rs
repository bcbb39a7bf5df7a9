//! What the repository says about its coverage: `[components.NAME.coverage]` for each component, `[coverage]` for all.

use crate::core::coverage::Minimum;
use crate::core::http::Url;

/// How the coverage of a component is measured and judged: `[components.NAME.coverage]`. That of Rust is measured only where
/// this is there: it means to compile everything a second time.
#[derive(Clone, Debug, Default)]
pub struct ComponentCoverage {
    /// `lines-min`, `branches-min`, `changed-min`: how much of its lines, of its branches, and of the lines that a change has
    /// brought the tests have to run at least: `"80 %"`. Default: nothing fails.
    pub minimum: Minimum,
    /// `ignores`: files that do not count, patterns relative to the component. Default: none.
    pub ignores: Vec<String>,
}

/// Where coverage is sent: `[coverage]`.
#[derive(Clone, Debug, Default)]
pub struct CoverageSettings {
    /// `upload`: `codecov`: jobs on a build server send it there, with `CODECOV_TOKEN` where it is in the environment; without one
    /// Codecov takes only what pull requests from forks of public repositories send. Default: it is sent nowhere.
    pub upload: Option<Service>,
    /// `url`: the address of a Codecov of one's own, `https://`, or `http://` of this machine. Default: codecov.io.
    pub url: Option<Url>,
}

/// A service that shows coverage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// codecov.io, or one's own.
    Codecov,
}
