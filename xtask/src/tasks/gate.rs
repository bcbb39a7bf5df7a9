//! What is made of the looks of a gate: which findings fail it, and what is said of the rest.

use crate::core::finding::Severity;
use crate::core::finding::weakness::Level;
use crate::core::gate::Look;
use crate::cx::Cx;
use crate::error::Result;

/// Reports what the tools of one gate have looked at. A weakness fails the gate from [`Level::High`] on; what is less is a warning.
///
/// # Errors
///
/// Those of [`Cx::looked`].
pub fn conclude(cx: &Cx, mut looks: Vec<Look>) -> Result<()> {
    for finding in looks.iter_mut().flat_map(|look| &mut look.findings) {
        if let Some(weakness) = &finding.weakness {
            finding.severity =
                if weakness.level.reaches(Level::High) { Severity::Error } else { Severity::Warning };
        }
    }
    cx.looked(looks)
}
