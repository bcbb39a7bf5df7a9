//! Code that is dangerous, by the rules for its language and those of the repository.

use super::{Call, find, scan};
use crate::config::{Component, ComponentKind};
use crate::core::gate::Look;
use crate::core::gate::scanner::{ruff, semgrep};
use crate::cx::Cx;
use crate::error::Result;

/// Looks at the code of a component. Linters of Rust and TypeScript speak in `lint`.
pub(super) fn looks(cx: &Cx, component: &Component) -> Result<Vec<Look>> {
    let mut looks = Vec::new();
    if let ComponentKind::Python(_) = component.kind {
        let ruff = component.path.join(".venv/bin/ruff");
        looks.push(scan(cx, &ruff::SCANNER, &Call::new(&component.path, ".").program(ruff))?);
    }
    if cx.root().join(semgrep::RULES).exists() {
        // Where the repository has rules, somebody has to apply them.
        let opengrep = find(cx, &semgrep::OPENGREP).is_some();
        let scanner = if opengrep { &semgrep::OPENGREP } else { &semgrep::SEMGREP };
        looks.push(scan(cx, scanner, &Call::new("", &component.path))?);
    }
    Ok(looks)
}
