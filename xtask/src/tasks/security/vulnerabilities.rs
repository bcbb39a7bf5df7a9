//! Known vulnerabilities of the packages that a component depends on.

use std::path::{Path, PathBuf};

use super::{Call, code, scan, scan_where_present, unreadable};
use crate::config::{Component, ComponentKind, Python};
use crate::core::gate::Look;
use crate::core::gate::locks::{self, Lock};
use crate::core::gate::scanner::{
    Scanner, cargo_audit, cargo_deny, dependency_check, npm_audit, osv_scanner, pip_audit, snyk, trivy,
};
use crate::cx::{Cx, files};
use crate::error::Result;
use crate::tasks::gate;

/// Looks at the packages of a component, and at its code.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where something was found that fails the gate, [`Missing`](crate::ErrorKind::Missing) where a scanner broke.
pub fn component(cx: &Cx, component: &Component) -> Result<()> {
    let mut looks = packages(cx, component)?;
    looks.extend(further(cx, component)?);
    looks.extend(code::looks(cx, component)?);
    gate::conclude(cx, looks)
}

/// Looks at the packages of the repository's own tools.
///
/// # Errors
///
/// Those of [`component`].
pub fn tools(cx: &Cx) -> Result<()> {
    let requirements = cx.config().tools.as_ref().map(|tools| tools.requirements.as_path());
    let looks = requirements.map(|path| python(cx, Path::new(""), path)).transpose()?;
    gate::conclude(cx, looks.into_iter().collect())
}

fn packages(cx: &Cx, component: &Component) -> Result<Vec<Look>> {
    let folder = &component.path;
    match &component.kind {
        ComponentKind::Python(Python { requirements, .. }) => {
            requirements.iter().map(|path| python(cx, folder, path)).collect()
        }
        ComponentKind::Node(_) => Ok(vec![npm(cx, folder)?]),
        ComponentKind::Rust(_) => {
            let mut call = Call::new("", "");
            // The packages of this member of the workspace, and of no other.
            call.target = folder.join("Cargo.toml");
            let mut looks =
                vec![placed(cx, scan(cx, &cargo_deny::SCANNER, &call)?, Lock::Cargo, "", "Cargo.lock")];
            let audit = scan_where_present(cx, &cargo_audit::SCANNER, &Call::new("", ""))?;
            looks.extend(audit.map(|look| placed(cx, look, Lock::Cargo, "", "Cargo.lock")));
            Ok(looks)
        }
    }
}

/// `requirements` is relative to `folder`, and that to the repository.
fn python(cx: &Cx, folder: &Path, requirements: &Path) -> Result<Look> {
    let look = scan(cx, &pip_audit::SCANNER, &Call::new(folder, requirements))?;
    Ok(placed(cx, look, Lock::Requirements, folder, folder.join(requirements)))
}

fn npm(cx: &Cx, folder: &Path) -> Result<Look> {
    let look = scan(cx, &npm_audit::SCANNER, &Call::new(folder, ""))?;
    Ok(placed(cx, look, Lock::Npm, folder, folder.join("package-lock.json")))
}

/// The look, with each finding at its line of the lock file.
fn placed(cx: &Cx, mut look: Look, kind: Lock, folder: impl AsRef<Path>, path: impl Into<PathBuf>) -> Look {
    let path = path.into();
    match files::read(&cx.root().join(&path)) {
        Ok(text) => locks::place(look, kind, folder.as_ref(), &path, &text),
        Err(error) => {
            look.gaps.extend(unreadable("", "file", &path, &error).gaps);
            look
        }
    }
}

/// What is used where it is there.
fn further(cx: &Cx, component: &Component) -> Result<Vec<Look>> {
    const SCANNERS: [&Scanner; 2] = [&trivy::FILES, &dependency_check::SCANNER];
    let call = Call::new(&component.path, ".");
    let mut looks = Vec::new();
    for scanner in SCANNERS {
        looks.extend(scan_where_present(cx, scanner, &call)?);
    }
    let mut of_osv = call.clone();
    if let Some(folder) = cx.environment().filled(osv_scanner::DATABASES) {
        of_osv.variables.push((osv_scanner::DATABASES, folder.to_owned()));
        of_osv.more.push(osv_scanner::OFFLINE.into());
    }
    looks.extend(scan_where_present(cx, &osv_scanner::SCANNER, &of_osv)?);
    let read = |path: &Path| files::read(&cx.root().join(path)).ok();
    let mut looks: Vec<Look> = looks.into_iter().map(|look| locks::find(look, &read)).collect();
    if let Some(token) = cx.environment().filled(snyk::TOKEN) {
        let variables = vec![(snyk::TOKEN, token.to_owned())];
        looks.push(scan(cx, &snyk::SCANNER, &Call { variables, ..call })?);
    }
    Ok(looks)
}
