//! What the repository says about its benchmarks: `[bench]`.

use std::path::PathBuf;

/// Benchmarks: `[bench]`.
#[derive(Clone, Debug)]
pub struct BenchSettings {
    /// `document`: the document in which the last figures stand, between a line `<!-- begin bench -->` and a line
    /// `<!-- end bench -->`; relative to the repository's root, as all of these. Required.
    pub document: PathBuf,
    /// `plot`: the picture of all ratios, an SVG that is written; the document shows it. Required.
    pub plot: PathBuf,
    /// `history`: the file of all figures that were ever measured, a line of JSON each, to be committed. Required.
    pub history: PathBuf,
    /// `[bench.suites.NAME]`: the benchmarks, in the order in which they run and are shown. At least one.
    pub suites: Vec<BenchSuite>,
}

/// A benchmark: `[bench.suites.NAME]`.
///
/// It writes a line of JSON for each figure, and nothing else, on its standard output: `case`, `side`, `value` and `unit` (`ms`,
/// `bytes`, `1/s`), or `case`, `side` and `absent`, which says why there is none. The side that is named first in a case is the
/// one that the others are compared with.
#[derive(Clone, Debug)]
pub struct BenchSuite {
    /// `NAME` in the section's name.
    pub name: String,
    /// `title`: what it measures, a heading of the document. Required.
    pub title: String,
    /// `command`: the words that run it, at the repository's root. Required.
    pub command: Vec<String>,
    /// `whole`: the words behind them in a run whose figures are kept. Default: none.
    pub whole: Vec<String>,
    /// `quick`: the words behind them with `--quick`, for small sizes. Default: none.
    pub quick: Vec<String>,
    /// `env`: variables that it is given where they are in the environment; a trailing `*` stands for any ending. Default:
    /// none.
    pub env: Vec<String>,
}
