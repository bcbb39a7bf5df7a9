//! SARIF 2.1.0, the form in which tools and GitHub exchange findings: written for others, and read from tools.
//!
//! The specification is that of OASIS (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>); what GitHub makes of
//! it, and up to which size, is in "SARIF support for code scanning" of its documentation. Only the parts are written and read
//! that somebody uses.

mod model;
pub mod read;
mod uri;
pub mod write;

pub use read::{Report, SarifError, read};
pub use write::{Tool, Written, write};

#[cfg(test)]
mod tests;
