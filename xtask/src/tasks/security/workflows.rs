//! Workflows of GitHub Actions.

use super::{Call, scan, scan_where_present};
use crate::core::gate::scanner::{actionlint, zizmor};
use crate::core::gate::{Coverage, Look};
use crate::cx::Cx;
use crate::error::Result;
use crate::tasks::gate;

/// Where GitHub looks for workflows.
pub(in crate::tasks) const FOLDER: &str = ".github";

/// Looks at the workflows, where there are some.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where something was found that fails the gate, [`Missing`](crate::ErrorKind::Missing) where a scanner broke.
pub fn workflows(cx: &Cx) -> Result<()> {
    if !cx.root().join(FOLDER).exists() {
        cx.note(format!("there is no `{FOLDER}`: nothing to look at"));
        let none = Look::at(zizmor::SCANNER.name, Coverage::new(0, zizmor::SCANNER.unit));
        return gate::conclude(cx, vec![none]);
    }
    let mut looks = vec![scan(cx, &zizmor::SCANNER, &Call::new("", "."))?];
    looks.extend(scan_where_present(cx, &actionlint::SCANNER, &Call::new("", ""))?);
    gate::conclude(cx, looks)
}
