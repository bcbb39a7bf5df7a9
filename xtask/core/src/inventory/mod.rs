//! What a component is built upon: its packages, where each is declared, what it needs, and what its authors say of its
//! licence.
//!
//! One inventory is what bills of materials, licences and the graph of dependencies are made from. It is read from lock files
//! and from what package managers leave on the disk; what neither says is a [`Gap`], never a guess.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use crate::cycle;
use crate::finding::Location;
use crate::finding::weakness::Package as Identity;
use crate::gate::{Gap, GapKind};
use crate::rules::requirements::python_name;

pub mod cargo;
pub mod graph;
pub mod npm;
pub mod outdated;
mod purl;
pub mod python;
#[cfg(test)]
pub(crate) mod tests;

pub use purl::purl;

/// What one component is built upon.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inventory {
    /// The component's name in `xtask.toml`.
    pub component: String,
    /// What it calls itself.
    pub root: Root,
    /// Its packages, in the order of ecosystem, name and version.
    pub packages: Vec<Package>,
    /// What is not known of them.
    pub gaps: Vec<Gap>,
}

/// What a component calls itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Root {
    /// Its name, in its ecosystem.
    pub name: String,
    /// Its version; empty where it has none.
    pub version: String,
    /// What it says of its own licence; empty where it says nothing.
    pub licenses: Vec<String>,
}

/// A version of a package that a component is built upon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Package {
    /// Which.
    pub identity: Identity,
    /// What its authors say of its licence, in their words, all of which hold; empty where they say nothing. `None` where it
    /// was not looked at, and a gap says why.
    pub licenses: Option<Vec<String>>,
    /// The hashes of the files that it may be installed from.
    pub hashes: BTreeSet<Hash>,
    /// What it is there for.
    pub scope: Scope,
    /// Whether the component asks for it itself.
    pub is_direct: bool,
    /// Whether it is a part of this repository.
    pub is_own: bool,
    /// Whether it is wanted under a condition that does not hold on this machine, where nobody can look at it.
    pub is_elsewhere: bool,
    /// Where it is declared: a line of a lock file.
    pub declared: Location,
    /// Positions of the packages that it needs itself.
    pub needs: BTreeSet<usize>,
}

impl Package {
    /// Its package URL.
    pub fn purl(&self) -> String {
        purl(&self.identity)
    }

    /// How `xtask.toml` and the command line call it: `pypi:requests`.
    pub fn key(&self) -> String {
        format!("{}:{}", self.identity.ecosystem, self.identity.name)
    }
}

/// What a package is there for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// It is part of what is shipped, or makes it.
    Production,
    /// It tests, checks or documents; nobody outside of the repository gets it.
    Development,
}

/// The hash of a file.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Hash {
    /// The function, as CycloneDX calls it: `SHA-256`.
    pub algorithm: &'static str,
    /// In lowercase hexadecimal digits.
    pub digits: String,
}

impl Hash {
    /// The hash of these bytes by a function, as lock files call it: `sha512`.
    fn of_bytes(function: &str, bytes: &[u8]) -> Option<Self> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
        let digits: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
        Self::parse(&format!("{function}:{digits}"))
    }

    /// The hash that `sha256:DIGITS` names; `None` for what is no hash of a known function and length.
    pub fn parse(text: &str) -> Option<Self> {
        let (function, digits) = text.split_once(':')?;
        let (algorithm, length) = match function {
            "sha256" => ("SHA-256", 64),
            "sha384" => ("SHA-384", 96),
            "sha512" => ("SHA-512", 128),
            "sha1" => ("SHA-1", 40),
            _ => return None,
        };
        let digits = digits.to_ascii_lowercase();
        let is_hash = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then_some(Self { algorithm, digits })
    }
}

/// Packages on their way into an inventory, with names where it has positions.
#[derive(Debug, Default)]
struct Draft {
    packages: BTreeMap<Identity, (Package, BTreeSet<Identity>)>,
}

impl Draft {
    /// Adds a package with what it needs. Where it is there already, both become one: what one of them ships is shipped.
    fn add(&mut self, package: Package, needs: impl IntoIterator<Item = Identity>) {
        let identity = package.identity.clone();
        match self.packages.get_mut(&identity) {
            None => {
                self.packages.insert(identity, (package, needs.into_iter().collect()));
            }
            Some((there, edges)) => {
                there.scope = there.scope.min(package.scope);
                there.is_direct |= package.is_direct;
                there.is_elsewhere &= package.is_elsewhere;
                there.licenses = there.licenses.take().or(package.licenses);
                there.hashes.extend(package.hashes);
                edges.extend(needs);
            }
        }
    }

    /// The inventory. What is needed and not there is left out.
    fn finish(self, component: &str, root: Root, gaps: Vec<Gap>) -> Inventory {
        let positions: BTreeMap<&Identity, usize> =
            self.packages.keys().enumerate().map(|(position, identity)| (identity, position)).collect();
        let resolved: Vec<BTreeSet<usize>> = self
            .packages
            .iter()
            .map(|(own, (_, needs))| {
                needs
                    .iter()
                    .filter(|need| *need != own)
                    .filter_map(|need| positions.get(need).copied())
                    .collect()
            })
            .collect();
        let packages = self.packages.into_values().map(|(package, _)| package).zip(resolved);
        let packages = packages.map(|(package, needs)| Package { needs, ..package }).collect();
        Inventory { component: component.to_owned(), root, packages, gaps }
    }
}

/// One gap for all packages of which something is not known; `None` where there are none. The first few are named.
fn unseen(names: &[String], what: &str, hint: &str) -> Option<Gap> {
    const NAMED_MAX: usize = 5;
    let shown: Vec<String> = names.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| Gap {
        kind: GapKind::CouldNotLook,
        why: format!("{what} {}{more}", shown.join(", ")),
        hint: Some(hint.to_owned()),
    })
}

impl Inventory {
    /// The packages that a component asks for itself, by position.
    pub fn direct(&self) -> impl Iterator<Item = usize> {
        self.packages
            .iter()
            .enumerate()
            .filter(|(_, package)| package.is_direct)
            .map(|(position, _)| position)
    }

    /// The positions of the packages that a word names: `requests`, `pypi:requests`, `requests@2.0.0`.
    pub fn named(&self, word: &str) -> Vec<usize> {
        let is_named = |package: &Package| {
            let Identity { ecosystem, name, version } = &package.identity;
            let normal = if ecosystem == "pypi" { python_name(word) } else { word.to_owned() };
            [
                name == word,
                *name == normal,
                package.key() == word,
                format!("{name}@{version}") == word,
                package.purl() == word,
            ]
            .contains(&true)
        };
        let packages = self.packages.iter().enumerate();
        packages.filter(|(_, package)| is_named(package)).map(|(position, _)| position).collect()
    }

    /// Why a package is there: for each package that the component asks for itself and that needs it, the shortest chain to
    /// it, which begins with the one and ends with the other.
    pub fn chains(&self, wanted: usize) -> Vec<Vec<usize>> {
        // From the wanted one back to those that need it: the first step of each towards it.
        let mut towards: BTreeMap<usize, usize> = BTreeMap::from([(wanted, wanted)]);
        let mut next = VecDeque::from([wanted]);
        while let Some(position) = next.pop_front() {
            for (by, package) in self.packages.iter().enumerate() {
                if package.needs.contains(&position) && !towards.contains_key(&by) {
                    towards.insert(by, position);
                    next.push_back(by);
                }
            }
        }
        let chain = |start: usize| {
            let mut chain = vec![start];
            while let Some(&last) = chain.last().filter(|last| **last != wanted) {
                chain.push(*towards.get(&last)?);
            }
            Some(chain)
        };
        let mut chains: Vec<Vec<usize>> = self.direct().filter_map(chain).collect();
        chains.sort_by_key(|chain| (chain.len(), chain.clone()));
        chains
    }

    /// Packages that need each other in a circle, each circle once, in the order of their positions.
    pub fn circles(&self) -> Vec<Vec<usize>> {
        let needs: Vec<Vec<usize>> =
            self.packages.iter().map(|package| package.needs.iter().copied().collect()).collect();
        cycle::circles(&needs)
    }
}
