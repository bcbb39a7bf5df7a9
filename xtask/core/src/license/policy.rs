//! Whether a policy allows a licence: `[licenses]` of `xtask.toml`.

use std::collections::BTreeSet;

use super::{Reading, names};
use crate::diagnostic::Place;
use crate::finding::weakness::{Level, Weakness};
use crate::finding::{Finding, Location};
use crate::inventory::{Inventory, Package, Scope};

/// The tool's name in findings.
pub const TOOL: &str = "licenses";

/// The rule of findings about licences that nobody knows.
pub const UNKNOWN: &str = "unknown";

/// What packages of Debian are packages of.
const DEBIAN: &str = "deb";

/// Which licences packages may have. What is in none of the lists is not allowed.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The section of `xtask.toml` that states it: `licenses`.
    pub section: &'static str,
    /// Allowed.
    pub allow: BTreeSet<String>,
    /// Allowed, too, where a package is there for development only.
    pub allow_development: BTreeSet<String>,
    /// Allowed where a person has looked, and an exception says so.
    pub ask: BTreeSet<String>,
    /// Not allowed, whatever else a package offers beside it.
    pub deny: BTreeSet<String>,
    /// What was decided about single packages.
    pub exceptions: Vec<Exception>,
}

/// A decision of a person about packages.
#[derive(Clone, Debug)]
pub struct Exception {
    /// The packages, as `pypi:alabaster`.
    pub packages: BTreeSet<String>,
    /// What they say of their licence, in their words or as an expression. Where that changes, somebody has to look again.
    pub states: String,
    /// Why that will do.
    pub reason: String,
    /// Where it is written.
    pub place: Option<Place>,
}

/// What a policy says of a licence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// It is allowed.
    Allowed,
    /// It has to be decided.
    Ask(Vec<String>),
    /// It is denied by name.
    Denied(Vec<String>),
    /// It is in none of the lists.
    Unlisted(Vec<String>),
    /// Nobody knows it.
    Unknown,
}

impl Policy {
    /// Whether there is one.
    pub fn is_stated(&self) -> bool {
        !self.allow.is_empty() || !self.ask.is_empty() || !self.deny.is_empty()
    }

    /// All that is stated, in words, without where: whatever differs there may make a difference.
    pub fn lists(&self) -> String {
        let Self { section: _, allow, allow_development, ask, deny, exceptions } = self;
        let exceptions: Vec<String> =
            exceptions.iter().map(|one| format!("{:?} {}", one.packages, one.states)).collect();
        format!("{allow:?} {allow_development:?} {ask:?} {deny:?} {exceptions:?}")
    }

    /// What the policy says of a licence, exceptions aside. Of a choice the best part counts, of a sum the worst.
    pub fn judge(&self, reading: &Reading, scope: Scope) -> Judgement {
        let Reading::Known(expression) = reading else { return Judgement::Unknown };
        let among = |list: &BTreeSet<String>, names: &[String]| names.iter().any(|name| list.contains(name));
        let allowed = |names: &[String]| {
            let development = scope == Scope::Development && among(&self.allow_development, names);
            // What is denied with its exception is not allowed by the licence alone.
            let denied = names.first().is_some_and(|whole| self.deny.contains(whole));
            !denied && (among(&self.allow, names) || development)
        };
        if expression.evaluate(|one| allowed(&names(one))) {
            return Judgement::Allowed;
        }
        let open: Vec<Vec<String>> =
            expression.requirements().map(|one| names(&one.req)).filter(|names| !allowed(names)).collect();
        // A sum of many files names some of them often.
        let once = |names: &mut dyn Iterator<Item = &Vec<String>>| -> Vec<String> {
            let names: BTreeSet<&String> = names.filter_map(|names| names.first()).collect();
            names.into_iter().cloned().collect()
        };
        let of = |list: &BTreeSet<String>| once(&mut open.iter().filter(|names| among(list, names)));
        if expression.evaluate(|one| allowed(&names(one)) || among(&self.ask, &names(one))) {
            return Judgement::Ask(of(&self.ask));
        }
        let denied = of(&self.deny);
        if !denied.is_empty() {
            return Judgement::Denied(denied);
        }
        Judgement::Unlisted(once(&mut open.iter().filter(|names| !among(&self.ask, names))))
    }

    /// What is wrong with the licence of a package.
    pub fn check(&self, package: &Package, component: &str) -> Option<Finding> {
        // What was not looked at is a gap of its inventory. What is a part of this repository has no licence to give itself.
        let statements = package.licenses.as_ref().filter(|_| !package.is_own)?;
        let reading = Reading::of(statements);
        let judgement = self.judge(&reading, package.scope);
        if judgement == Judgement::Allowed {
            return None;
        }
        let words = reading.words();
        let mut decided = self.exceptions.iter().filter(|one| one.packages.contains(&package.key()));
        let stale = decided.clone().next();
        if decided.any(|exception| exception.states == words) {
            return None;
        }
        let quoted = |names: &[String], one: &str, several: &str| {
            let verb = if names.len() == 1 { one } else { several };
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("{} {verb}", names.join(", "))
        };
        let (rule, why) = match &judgement {
            Judgement::Allowed => return None,
            Judgement::Denied(names) => ("denied", format!("{} denied", quoted(names, "is", "are"))),
            Judgement::Ask(names) => ("ask", format!("{} a decision", quoted(names, "needs", "need"))),
            Judgement::Unlisted(names) => {
                ("unlisted", format!("{} in no list of the policy", quoted(names, "is", "are")))
            }
            Judgement::Unknown if words.is_empty() => (UNKNOWN, silence(package).to_owned()),
            Judgement::Unknown => (UNKNOWN, format!("`{words}` names no licence, or more than one")),
        };
        let help = match (stale, &judgement) {
            (Some(exception), _) => format!(
                "the exception is for `{}`; look again, and write what it says now: `{words}`",
                exception.states
            ),
            (None, Judgement::Denied(_)) => "take the package out, or another one".to_owned(),
            (None, Judgement::Unlisted(_)) => {
                format!("put the licence into `allow`, `ask` or `deny` of `[{}]` in xtask.toml", self.section)
            }
            (None, _) => format!(
                "read its licence{}; where it will do, write an exception: `[[{}.exceptions]]` with packages = [\"{}\"], \
                 states = \"{words}\" and a reason",
                text_of(package),
                self.section,
                package.key()
            ),
        };
        let shipped = if package.scope == Scope::Production { "" } else { ", for development," };
        let message = format!("`{}` of {component}{shipped} may not be used: {why}", package.identity);
        Some(Finding {
            rule: rule.to_owned(),
            location: Some(package.declared.clone()),
            help: Some(help),
            weakness: Some(Box::new(Weakness {
                level: Level::High,
                package: Some(package.identity.clone()),
                ..Weakness::default()
            })),
            ..Finding::error(TOOL, message)
        })
    }

    /// Exceptions for packages that are in none of the inventories. `nobody` says who could have them: `nothing depends on`.
    pub fn unused(&self, inventories: &[Inventory], nobody: &str) -> Vec<Finding> {
        let there: BTreeSet<String> =
            inventories.iter().flat_map(|inventory| inventory.packages.iter().map(Package::key)).collect();
        let unused = |exception: &Exception| -> Vec<Finding> {
            let gone = exception.packages.iter().filter(|key| !there.contains(*key));
            gone.map(|key| Finding {
                rule: "unused-exception".to_owned(),
                location: exception.place.as_ref().map(location),
                help: Some("take it out of the exception".to_owned()),
                ..Finding::error(TOOL, format!("{nobody} `{key}` any more, for which there is an exception"))
            })
            .collect()
        };
        self.exceptions.iter().flat_map(unused).collect()
    }
}

/// What is said of a package that says nothing. Most of Debian do say it, to people.
fn silence(package: &Package) -> &'static str {
    match package.identity.ecosystem.as_str() {
        DEBIAN => "it says nothing of its licence that a program can read",
        _ => "it says nothing of its licence",
    }
}

/// Where the licence of a package can be read, where that is known of all of its kind (Debian policy, 12.5).
fn text_of(package: &Package) -> String {
    match package.identity.ecosystem.as_str() {
        DEBIAN => format!(" in `/usr/share/doc/{}/copyright` of the image", package.identity.name),
        _ => String::new(),
    }
}

/// Where an exception is written.
fn location(place: &Place) -> Location {
    let diagnostic = place.diagnostic("");
    let (line, column) = diagnostic.position();
    Location::at(diagnostic.path, u32::try_from(line).ok(), u32::try_from(column).ok())
}
