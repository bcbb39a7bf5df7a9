//! The import rules of a Rust crate: which module may import which, and what a module must not name at all.
//!
//! Imports that point one way keep a program in pieces that can be understood, tested and taken out one by one. The rules
//! look at every path in `use`, in code, in attributes and in the bodies of macros; `crate`, `self`, `super`, renamed names
//! and what the crate's root re-exports are followed to where they lead. Code for tests only (`#[cfg(test)]`, `#[test]`) may
//! do as it likes. Not followed are names that come out of a glob (`use super::*`), what modules other than the root
//! re-export, and `#[path]`.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::Path;

use crate::diagnostic::position;
use crate::finding::{Finding, Location};
use crate::rules::error;

mod scan;
#[cfg(test)]
mod tests;

use scan::{How, Mention, Scan};

/// The tool's name in findings.
pub const TOOL: &str = "imports";

/// The files that are roots: they belong to no module.
const ROOTS: &[&str] = &["lib", "main", "bin"];

/// The rules of a crate.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// The name of its library, which its binaries call it by.
    pub library: &'r str,
    /// For each module at the top of the crate, the others that it may import. The roots are called `lib`, `main` and `bin`;
    /// a root without a rule may import everything.
    pub modules: &'r BTreeMap<String, Vec<String>>,
    /// For a module, the paths that it must not name, nor anything below them.
    pub forbidden: &'r BTreeMap<String, Vec<String>>,
    /// The file that states the rules.
    pub stated_in: &'r Path,
}

/// A file of a crate.
#[derive(Clone, Copy, Debug)]
pub struct Source<'t> {
    /// Where it is, relative to the repository.
    pub path: &'t Path,
    /// Where it is, relative to the folder of the crate's root: `cx/scope.rs`.
    pub in_crate: &'t Path,
    /// What is in it.
    pub text: &'t str,
}

/// Checks a crate. The findings are in the order of the files and lines; rules that fit no file and circles come last.
pub fn check(rules: Rules<'_>, sources: &[Source<'_>]) -> Vec<Finding> {
    let krate = Crate::new(rules, sources);
    let mut findings = krate.modules_without_rule();
    let mut imports = Imports::new();
    for file in &krate.files {
        findings.extend(krate.check_file(file, &mut imports));
    }
    findings.extend(krate.rules_without_module());
    findings.extend(circles(&imports).iter().filter_map(|circle| circle_finding(circle, &imports)));
    findings
}

/// The modules at the top of a crate, and which of them imports which, tests aside.
pub fn modules(rules: Rules<'_>, sources: &[Source<'_>]) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
    let krate = Crate::new(rules, sources);
    let mut imports = Imports::new();
    for file in &krate.files {
        // What breaks a rule is another question.
        drop(krate.check_file(file, &mut imports));
    }
    let modules = krate.tops().into_iter().map(str::to_owned).collect();
    (modules, imports.keys().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect())
}

/// The names with which paths in the text begin: among them, those of all crates that it uses.
pub fn first_names(text: &str) -> BTreeSet<&str> {
    let scan = scan::scan(text);
    scan.mentions.into_iter().filter_map(|mention| mention.path.names.first().copied()).collect()
}

/// The imports between modules, each with the first place where it stands.
pub(super) type Imports<'t> = BTreeMap<(&'t str, &'t str), Location>;

struct Crate<'t> {
    rules: Rules<'t>,
    files: Vec<File<'t>>,
    /// All modules, as paths from the root.
    modules: BTreeSet<Vec<&'t str>>,
    /// The modules whose files are compiled for tests only.
    test_modules: BTreeSet<Vec<&'t str>>,
    /// The modules that define macros, by the macro's name.
    macros: HashMap<&'t str, &'t str>,
}

struct File<'t> {
    source: Source<'t>,
    /// `lib`, `main` or `bin` for a root.
    root: Option<&'t str>,
    /// Its own module.
    module: Vec<&'t str>,
    scan: Scan<'t>,
}

impl<'t> File<'t> {
    fn new(source: Source<'t>) -> Self {
        let mut module: Vec<&'t str> = source.in_crate.iter().filter_map(|part| part.to_str()).collect();
        let name = module.pop().unwrap_or_default();
        let stem = name.strip_suffix(".rs").unwrap_or(name);
        if stem != "mod" {
            module.push(stem);
        }
        let root = module
            .first()
            .copied()
            .filter(|first| ROOTS.contains(first) && (module.len() == 1 || *first == "bin"));
        if root.is_some() {
            module.clear();
        }
        Self { source, root, module, scan: scan::scan(source.text) }
    }

    /// The module at the top of the crate that a scope belongs to.
    fn top(&self, scope: usize) -> &'t str {
        let inline = self.scan.scopes[scope].module.first();
        self.module.first().or(inline).copied().or(self.root).unwrap_or("lib")
    }

    fn scope_module(&self, scope: usize) -> Vec<&'t str> {
        self.module.iter().chain(&self.scan.scopes[scope].module).copied().collect()
    }

    fn location(&self, offset: usize) -> Location {
        let (line, column) = position(self.source.text, offset);
        let number = |number: usize| u32::try_from(number).ok();
        Location::at(self.source.path, number(line), number(column))
    }
}

/// What is wrong about a path.
struct Fault<'t> {
    /// The rule.
    rule: &'static str,
    /// The module or path that the rule keeps away; one of them on one line is one finding.
    about: &'t str,
    /// A sentence.
    message: String,
}

/// Where a path leads.
struct Resolved<'t> {
    /// The path from its crate; a path in this crate begins with `crate`.
    path: Vec<&'t str>,
    /// The path that a renamed or imported name stands for, where the path begins with one.
    through: Option<Vec<&'t str>>,
}

impl<'t> Crate<'t> {
    fn new(rules: Rules<'t>, sources: &[Source<'t>]) -> Self {
        let files: Vec<File<'t>> = sources.iter().copied().map(File::new).collect();
        let mut modules = BTreeSet::new();
        let mut test_modules = BTreeSet::new();
        let mut macros = HashMap::new();
        for file in &files {
            for scope in 0..file.scan.scopes.len() {
                let path = file.scope_module(scope);
                modules.extend((1..=path.len()).map(|length| path[..length].to_vec()));
            }
            let inside = |path: &Vec<&'t str>| file.module.iter().chain(path).copied().collect::<Vec<_>>();
            test_modules.extend(file.scan.test_modules.iter().map(inside));
            macros.extend(file.scan.macros.iter().map(|name| (*name, file.top(0))));
        }
        Self { rules, files, modules, test_modules, macros }
    }

    /// The names of the modules at the top.
    fn tops(&self) -> BTreeSet<&'t str> {
        self.modules.iter().filter_map(|path| path.first().copied()).collect()
    }

    fn modules_without_rule(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        for file in &self.files {
            let Some(&top) = file.module.first() else { continue };
            let test = self.test_modules.contains(&vec![top]);
            if test || self.rules.modules.contains_key(top) || !seen.insert(top) {
                continue;
            }
            let message = format!("module `{top}` has no rule that says what it may import");
            let help = format!("name it in the modules of {}", self.rules.stated_in.display());
            findings.push(error((TOOL, "module-without-rule"), file.location(0), message, Some(&help)));
        }
        findings
    }

    fn rules_without_module(&self) -> Vec<Finding> {
        let tops = self.tops();
        let roots: BTreeSet<&str> = self.files.iter().filter_map(|file| file.root).collect();
        let known = |name: &str| tops.contains(name) || roots.contains(name);
        let rules = self.rules.modules.iter();
        let named = rules.flat_map(|(module, allowed)| std::iter::once(module).chain(allowed));
        let unknown: BTreeSet<&String> =
            named.chain(self.rules.forbidden.keys()).filter(|name| !known(name)).collect();
        let location = || Location::file(self.rules.stated_in);
        let finding = |name: &String| {
            let message = format!("a rule names the module `{name}`, which does not exist");
            error((TOOL, "rule-without-module"), location(), message, None)
        };
        unknown.into_iter().map(finding).collect()
    }

    fn check_file<'f>(&'f self, file: &'f File<'t>, imports: &mut Imports<'t>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        for mention in &file.scan.mentions {
            let module = file.scope_module(mention.scope);
            let test = |length: usize| self.test_modules.contains(&module[..length]);
            if mention.test || (1..=module.len()).any(test) {
                continue;
            }
            let from = file.top(mention.scope);
            let resolved = self.resolve(file, mention);
            if let Some(to) = self.target(&resolved.path).filter(|to| *to != from) {
                imports.entry((from, to)).or_insert_with(|| file.location(mention.offset));
            }
            let Some(fault) = self.judge(from, &resolved.path, mention.how) else { continue };
            // What is wrong about an imported name is said where it is imported.
            let said = |path: &Vec<&'t str>| self.judge(from, path, How::Import).is_some();
            if resolved.through.as_ref().is_some_and(said) {
                continue;
            }
            let location = file.location(mention.offset);
            if seen.insert((location.line, fault.about)) {
                findings.push(error((TOOL, fault.rule), location, fault.message, None));
            }
        }
        findings
    }

    /// The module at the top of this crate that a path leads into.
    fn target(&self, path: &[&'t str]) -> Option<&'t str> {
        let (&krate, rest) = path.split_first()?;
        if krate != "crate" {
            return None;
        }
        let Some(&first) = rest.first() else { return Some("lib") };
        if self.modules.contains(&vec![first]) {
            return Some(first);
        }
        // An item of the root itself, if no macro is called so.
        Some(self.macros.get(first).copied().unwrap_or("lib"))
    }

    /// What is wrong when the module `from` names the path.
    fn judge(&self, from: &str, path: &[&'t str], how: How) -> Option<Fault<'t>> {
        let name = path.join("::");
        for forbidden in self.rules.forbidden.get(from).into_iter().flatten() {
            let parts: Vec<&str> = forbidden.split("::").collect();
            let what = if path.starts_with(&parts) {
                format!("name `{name}`")
            } else if how == How::Glob && parts.starts_with(path) {
                format!("import `{name}::*`")
            } else {
                continue;
            };
            let message = format!("`{from}` must not {what}: `{forbidden}` is forbidden there");
            return Some(Fault { rule: "forbidden-path", about: forbidden, message });
        }
        let to = self.target(path).filter(|to| *to != from)?;
        // That a module has no rule is a finding of its own, and a root needs none.
        let allowed = self.rules.modules.get(from)?;
        if allowed.iter().any(|allowed| allowed == to) {
            return None;
        }
        let may = match allowed.as_slice() {
            [] => "nothing".to_owned(),
            allowed => allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        let what = if to == "lib" { "the crate's root".to_owned() } else { format!("`{to}`") };
        let message = format!("`{from}` must not import {what} (`{name}`): it may import {may}");
        Some(Fault { rule: "import-direction", about: to, message })
    }

    fn resolve(&self, file: &File<'t>, mention: &Mention<'t>) -> Resolved<'t> {
        let own = (mention.how == How::Import).then_some(&mention.path);
        self.lead(file, mention.scope, &mention.path, own, 0)
    }

    /// Follows a path to where it leads. `own` is the import that is being resolved, which does not explain itself.
    fn lead(
        &self,
        file: &File<'t>,
        scope: usize,
        path: &scan::Path<'t>,
        own: Option<&scan::Path<'t>>,
        depth: u32,
    ) -> Resolved<'t> {
        let direct = |path: Vec<&'t str>| Resolved { path: self.through_root(path, depth), through: None };
        let Some((&first, rest)) = path.names.split_first() else { return direct(Vec::new()) };
        if path.global {
            return direct(path.names.clone());
        }
        let below = |mut module: Vec<&'t str>, rest: &[&'t str]| {
            module.insert(0, "crate");
            module.extend(rest);
            direct(module)
        };
        let mut module = file.scope_module(scope);
        match first {
            "crate" => return below(Vec::new(), rest),
            "self" | "super" => {
                let mut rest = path.names.as_slice();
                while let Some((&step @ ("self" | "super"), behind)) = rest.split_first() {
                    if step == "super" {
                        module.pop();
                    }
                    rest = behind;
                }
                return below(module, rest);
            }
            _ => {}
        }
        if let Some((scope, target)) = named(file, scope, first, own)
            && depth < 8
        {
            let through = self.lead(file, scope, target, Some(target), depth + 1).path;
            let path = through.iter().chain(rest).copied().collect();
            return Resolved { path: self.through_root(path, depth), through: Some(through) };
        }
        module.push(first);
        if self.modules.contains(&module) {
            return below(module, rest);
        }
        // A binary calls the library of its package by its name, and `extern crate self as …` lets everybody do so.
        if first == self.rules.library { below(Vec::new(), rest) } else { direct(path.names.clone()) }
    }

    /// Replaces what the library's root re-exports by what it re-exports.
    fn through_root(&self, path: Vec<&'t str>, depth: u32) -> Vec<&'t str> {
        let ["crate", first, rest @ ..] = path.as_slice() else { return path };
        if depth >= 8 || self.modules.contains(&vec![*first]) {
            return path;
        }
        let root = self.files.iter().find(|file| file.root == Some("lib"));
        let Some((root, (scope, target))) = root.and_then(|root| Some((root, named(root, 0, first, None)?)))
        else {
            return path;
        };
        let mut path = self.lead(root, scope, target, Some(target), depth + 1).path;
        path.extend(rest);
        path
    }
}

/// The path that `name` stands for in a scope, and the scope that says so.
fn named<'f, 't>(
    file: &'f File<'t>,
    scope: usize,
    name: &str,
    own: Option<&scan::Path<'t>>,
) -> Option<(usize, &'f scan::Path<'t>)> {
    let mut next = Some(scope);
    while let Some(scope) = next {
        let found = &file.scan.scopes[scope];
        let import = found.names.iter().find(|(known, path)| *known == name && own != Some(path));
        if let Some((_, path)) = import {
            return Some((scope, path));
        }
        next = found.parent;
    }
    None
}

/// The circles among imports: for each group of modules that reach each other, the shortest one.
pub(super) fn circles<'t>(imports: &Imports<'t>) -> Vec<Vec<&'t str>> {
    let mut next: BTreeMap<&str, Vec<&'t str>> = BTreeMap::new();
    for &(from, to) in imports.keys() {
        // The roots tie everything together; that is what they are for.
        if !ROOTS.contains(&from) && !ROOTS.contains(&to) {
            next.entry(from).or_default().push(to);
        }
    }
    let mut circles: Vec<Vec<&str>> = Vec::new();
    for &(start, _) in imports.keys() {
        if circles.iter().any(|circle| circle.contains(&start)) {
            continue;
        }
        let mut before: BTreeMap<&str, &'t str> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(module) = queue.pop_front() {
            for &to in next.get(module).into_iter().flatten() {
                if !before.contains_key(to) {
                    before.insert(to, module);
                    queue.push_back(to);
                }
            }
        }
        if before.contains_key(start) {
            let mut circle = vec![start];
            let mut module = before[start];
            while module != start {
                circle.push(module);
                module = before[module];
            }
            circle.push(start);
            circle.reverse();
            circles.push(circle);
        }
    }
    circles
}

pub(super) fn circle_finding(circle: &[&str], imports: &Imports<'_>) -> Option<Finding> {
    let places: Vec<&Location> =
        circle.windows(2).filter_map(|pair| imports.get(&(pair[0], pair[1]))).collect();
    let message = format!("modules import each other in a circle: {}", circle.join(" → "));
    let at: Vec<String> = places.iter().map(ToString::to_string).collect();
    let help = format!("the imports: {}", at.join(", "));
    let first = places.first().copied()?.clone();
    Some(error((TOOL, "import-circle"), first, message, Some(&help)))
}
