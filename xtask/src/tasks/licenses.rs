//! Are the licences of what is depended on allowed, and what has to be said of them?

use std::path::Path;

use super::gate;
use super::packages::{self, Packages};
use crate::config::Component;
use crate::core::command::Command;
use crate::core::finding::{Finding, Location};
use crate::core::gate::{Answer, Coverage, Look};
use crate::core::inventory::{Inventory, Package, Scope};
use crate::core::license::notice::{self, Texts};
use crate::core::license::{fossa, policy};
use crate::core::text;
use crate::cx::{Cx, files};
use crate::driver::process::Exit;
use crate::error::Result;

/// The variable without which FOSSA is not asked.
const FOSSA_KEY: &str = "FOSSA_API_KEY";

/// The largest licence text that is taken over, in bytes.
const TEXT_MAX: u64 = 256 << 10;

/// Checks the licences of a component's packages against `[licenses]`.
///
/// # Errors
///
/// Those of [`Cx::looked`]: [`Problems`](crate::ErrorKind::Problems) where a licence is not allowed. Where a lock file cannot be read, why.
pub fn component(cx: &Cx, component: &Component) -> Result<()> {
    check(cx, packages::of(cx, component)?)
}

/// Checks the licences of the packages of `[tools]`, where there are some.
///
/// # Errors
///
/// As [`component`].
pub fn tools(cx: &Cx) -> Result<()> {
    packages::of_tools(cx)?.map_or(Ok(()), |found| check(cx, found))
}

fn check(cx: &Cx, found: Packages) -> Result<()> {
    let Inventory { component, packages, gaps, .. } = found.inventory;
    let policy = &cx.config().licenses;
    let is_elsewhere = |package: &&Package| package.licenses.is_none() && package.is_elsewhere;
    let elsewhere: Vec<String> =
        packages.iter().filter(is_elsewhere).map(|one| format!("`{}`", one.identity)).collect();
    if !elsewhere.is_empty() {
        let are = if elsewhere.len() == 1 { "is" } else { "are" };
        let count = text::count(elsewhere.len(), "package");
        let names = elsewhere.join(", ");
        cx.note(format!(
            "{count} {are} wanted on other platforms only, and not installed here to look at: {names}"
        ));
    }
    let examined = packages.iter().filter(|package| package.licenses.is_some()).count();
    let findings = packages.iter().filter_map(|package| policy.check(package, &component));
    let mut look = Look::at(policy::TOOL, Coverage::new(examined, "package")).found(findings);
    look.gaps = gaps;
    gate::conclude(cx, vec![look])
}

/// Finds exceptions of `[licenses]` for packages that nothing depends on any more.
///
/// # Errors
///
/// Those of [`Cx::looked`].
pub fn exceptions(cx: &Cx) -> Result<()> {
    let inventories: Vec<Inventory> =
        packages::of_all(cx)?.into_iter().map(|found| found.inventory).collect();
    let licenses = &cx.config().licenses;
    let look = Look::at(policy::TOOL, Coverage::new(licenses.exceptions.len(), "exception"));
    gate::conclude(cx, vec![look.found(licenses.unused(&inventories, "nothing depends on"))])
}

/// Checks the licences of what the images of the components bring beside the components' own packages, such as those of the
/// operating system in their base, against `[licenses.images]`. What is found stands at the Dockerfile.
///
/// # Errors
///
/// As [`component`].
pub fn images(cx: &Cx) -> Result<()> {
    let Some(licenses) = &cx.config().image_licenses else { return Ok(()) };
    let mut look = Look::at(policy::TOOL, Coverage::new(0, "package"));
    let mut seen = Vec::new();
    for component in &cx.config().components {
        let Some(image) = &component.image else { continue };
        let dockerfile = component.path.join(&image.dockerfile);
        match packages::of_image(cx, component, &packages::of(cx, component)?.inventory) {
            Ok(found) => {
                let installed =
                    found.iter().map(|package| package.installed(Location::file(&dockerfile))).collect();
                let component = format!("the image of {}", component.name);
                seen.push(Inventory { component, packages: installed, ..Inventory::default() });
            }
            Err(gap) => look.gaps.push(gap),
        }
    }
    for Inventory { component, packages, .. } in &seen {
        look.coverage.examined += packages.len() as u64;
        let found: Vec<Finding> =
            packages.iter().flat_map(|package| licenses.check(package, component)).collect();
        say_unknown(cx, component, &found);
        look.findings.extend(found);
    }
    // Of what was not looked at nobody knows which exceptions it needs.
    if look.gaps.is_empty() {
        look.findings.extend(licenses.policy.unused(&seen, "no image has"));
    }
    gate::conclude(cx, vec![look])
}

/// Names the packages of an image of which not all licences are known. Where that fails nothing, nobody would read it otherwise.
fn say_unknown(cx: &Cx, image: &str, found: &[Finding]) {
    let unknown = found.iter().filter(|finding| finding.rule == policy::UNKNOWN);
    let packages = unknown.filter_map(|finding| finding.weakness.as_ref()?.package.as_ref());
    let names: Vec<String> = packages.map(|package| format!("`{}`", package.name)).collect();
    if !names.is_empty() {
        let have = if names.len() == 1 { "has" } else { "have" };
        let count = text::count(names.len(), "package");
        cx.note(format!(
            "{count} in {image} {have} a licence that no program can read: {}",
            names.join(", ")
        ));
    }
}

/// Writes `NOTICE` into the output folder: what the components with images ship of others, all components where none has
/// one, with the licence texts that are installed.
///
/// # Errors
///
/// Where a lock file cannot be read or the file not be written.
pub fn notice(cx: &Cx) -> Result<()> {
    let components = &cx.config().components;
    let has_image = components.iter().any(|component| component.image.is_some());
    let shipped = components.iter().filter(|component| !has_image || component.image.is_some());
    let (mut inventories, mut texts) = (Vec::new(), Texts::new());
    for component in shipped {
        let Packages { inventory, folders } = packages::of(cx, component)?;
        let production =
            inventory.packages.iter().filter(|one| one.scope == Scope::Production && !one.is_own);
        for purl in production.map(Package::purl) {
            if let Some(folder) = folders.get(&purl) {
                texts.insert(purl, texts_in(folder)?);
            }
        }
        inventories.push(inventory);
    }
    let path = cx.output_folder().join("NOTICE");
    files::write(&path, notice::notice(&cx.config().name, &inventories, &texts).as_bytes())?;
    cx.note(format!("wrote `{}`", path.strip_prefix(cx.root()).unwrap_or(&path).display()));
    Ok(())
}

/// The licences that lie in the folder of a package.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in [folder.to_owned(), folder.join("licenses")] {
        for name in files::names(&folder)? {
            let path = folder.join(&name);
            let is_small =
                std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= TEXT_MAX);
            if is_small && notice::is_text(&name) {
                found.push(files::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// Asks FOSSA, where there is a key for it: uploads what it finds of the repository, and waits for its judgement.
///
/// # Errors
///
/// Those of [`Cx::looked`].
pub fn fossa(cx: &Cx) -> Result<()> {
    let Some(key) = cx.environment().filled(FOSSA_KEY) else {
        cx.note(format!("FOSSA is not asked: there is no {FOSSA_KEY}"));
        return Ok(());
    };
    let run = |arguments: &[&str]| {
        cx.output(Command::new(fossa::TOOL).args(arguments).env(FOSSA_KEY, key).cwd(cx.root()))
    };
    if cx.find(fossa::TOOL).is_err() {
        let why = format!("`{}` is not installed", fossa::TOOL);
        let hint = "install the command line of FOSSA, or take its key out of the environment";
        return gate::conclude(cx, vec![Look::blind(fossa::TOOL, "package", why).hint(hint)]);
    }
    let upload = run(&["analyze"])?;
    if !upload.success() {
        let why = format!("the upload failed with {}: {}", upload.exit, upload.stderr.trim());
        return gate::conclude(cx, vec![Look::blind(fossa::TOOL, "package", why)]);
    }
    let output = run(&["test", "--format", "json", "--timeout", "600"])?;
    let answer = Answer {
        code: match output.exit {
            Exit::Code(code) => Some(code),
            _ => None,
        },
        ended: &output.exit.to_string(),
        stdout: &output.stdout,
        stderr: &output.stderr,
        report: None,
    };
    let count: usize = packages::of_all(cx)?.iter().map(|found| found.inventory.packages.len()).sum();
    gate::conclude(cx, vec![fossa::look(&answer, count)])
}
