//! Rules for the imports of a Python package as contracts of import-linter, and its report as findings.
//!
//! import-linter knows who imports whom in Python; which module may import which is said in `xtask.toml`, as for the other
//! languages. Each module becomes a contract that forbids it, by imports of its own, the modules that it has not named.
//!
//! import-linter has no form for programs, so its words are read: below the heading `Broken contracts`, each contract's name
//! underlined, sentences that end in a colon, and chains of imports, `a.b -> c.d (l.3, l.7)`, of which the first begins with
//! a dash and the others are indented. A contract of which no import can be read is a finding without a place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::finding::{Finding, Location};

/// The tool's name in findings.
pub const TOOL: &str = "import-linter";

/// The rules of a package.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// The package at the top: `src`.
    pub package: &'r str,
    /// For each of its modules, the others that it may import.
    pub modules: &'r BTreeMap<String, Vec<String>>,
    /// For a module, the packages of others that it must not import.
    pub forbidden: &'r BTreeMap<String, Vec<String>>,
}

impl Rules<'_> {
    /// As a configuration of import-linter, in the form of an INI file.
    pub fn configuration(&self) -> String {
        let package = self.package;
        let mut text =
            format!("[importlinter]\nroot_package = {package}\ninclude_external_packages = True\n");
        for (module, allowed) in self.modules {
            let is_kin = |other: &str| is_within(other, module) || is_within(module, other);
            let others = self.modules.keys().filter(|other| !is_kin(other) && !allowed.contains(other));
            let mut forbidden: Vec<String> = others.map(|other| format!("{package}.{other}")).collect();
            forbidden.extend(self.forbidden.get(module).into_iter().flatten().cloned());
            if forbidden.is_empty() {
                continue;
            }
            // Writing into a String cannot fail.
            let _infallible = write!(
                text,
                "\n[importlinter:contract:{module}]\nname = what `{module}` may import\ntype = forbidden\n\
                 allow_indirect_imports = True\nsource_modules =\n    {package}.{module}\nforbidden_modules =\n    {}\n",
                forbidden.join("\n    ")
            );
        }
        text
    }

    /// Modules without a rule, and rules without a module. `files` are those of the package in `folder`; `stated_in` is the file
    /// with the rules.
    pub fn compare(&self, folder: &Path, files: &[&Path], stated_in: &Path) -> Vec<Finding> {
        let mut unruled: BTreeMap<String, &Path> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for path in files {
            let Ok(inside) = path.strip_prefix(folder) else { continue };
            let steps: Vec<_> =
                inside.with_extension("").iter().map(|step| step.to_string_lossy().into_owned()).collect();
            let name = steps.join(".");
            let name = name.strip_suffix(".__init__").unwrap_or(&name);
            let rules = self.modules.keys().filter(|module| is_within(name, module));
            used.extend(rules.clone().map(String::as_str));
            // The package itself holds what its modules have in common, and imports none of them.
            if rules.count() == 0 && name != "__init__" {
                unruled.entry(steps[0].clone()).or_insert(path);
            }
        }
        let help = format!("add it to the modules in {}", stated_in.display());
        let unruled = unruled.iter().map(|(module, path)| Finding {
            rule: "module-without-rule".to_owned(),
            location: Some(Location::file(path)),
            help: Some(help.clone()),
            ..Finding::error(TOOL, format!("`{module}` has no rule for what it may import"))
        });
        let gone = self.modules.keys().filter(|module| !used.contains(module.as_str()));
        let gone = gone.map(|module| Finding {
            rule: "rule-without-module".to_owned(),
            location: Some(Location::file(stated_in)),
            help: Some("take the rule out".to_owned()),
            ..Finding::error(TOOL, format!("`{module}` has a rule, and no file belongs to it"))
        });
        unruled.chain(gone).collect()
    }
}

/// Whether a module is another one or in it.
fn is_within(name: &str, module: &str) -> bool {
    name.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// How many files it says it has read; `None` where it does not say that.
pub fn analyzed(report: &str) -> Option<usize> {
    let line = report.lines().find_map(|line| line.strip_prefix("Analyzed "))?;
    line.split_once(" file")?.0.parse().ok()
}

/// The findings of a report. `file` says which file of the repository a module stands in.
pub fn findings(report: &str, file: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for contract in broken(report) {
        let mut own: Vec<Finding> = Vec::new();
        for chain in &contract.chains {
            let finding = chain_finding(&contract, chain, file);
            if !own.contains(&finding) {
                own.push(finding);
            }
        }
        if own.is_empty() {
            let said = contract.text.join(" ");
            let message = format!("the contract `{}` is broken: {said}", contract.name);
            own.push(finding(None, message.trim_end_matches([':', ' ']).to_owned()));
        }
        findings.extend(own);
    }
    // The report's order changes from run to run.
    findings.sort_by(|one, other| (&one.location, &one.message).cmp(&(&other.location, &other.message)));
    findings
}

/// A contract that is broken.
struct Contract<'r> {
    name: &'r str,
    /// The sentences of the report.
    text: Vec<&'r str>,
    chains: Vec<Chain<'r>>,
}

/// Imports that lead from one module to another that it must not import.
struct Chain<'r> {
    /// The sentence above it: `src.domain is not allowed to import src.storage`.
    sentence: &'r str,
    imports: Vec<Import<'r>>,
}

/// `from -> to (l.3)`.
#[derive(Clone, Copy)]
struct Import<'r> {
    from: &'r str,
    to: &'r str,
    line: Option<u32>,
}

impl<'r> Import<'r> {
    fn new(text: &'r str) -> Option<Self> {
        let (from, rest) = text.split_once(" -> ")?;
        let (to, lines) = rest.split_once(" (l.").map_or((rest, ""), |(to, lines)| (to, lines));
        let first = lines.split([',', ')']).next().unwrap_or_default();
        let name = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        let (from, to) = (from.trim(), to.trim());
        (name(from) && name(to)).then(|| Self { from, to, line: first.parse().ok() })
    }
}

fn broken(report: &str) -> Vec<Contract<'_>> {
    let mut lines = report.lines().skip_while(|line| line.trim() != "Broken contracts").skip(2).peekable();
    let mut contracts: Vec<Contract<'_>> = Vec::new();
    let mut sentence = "";
    while let Some(line) = lines.next() {
        let is_heading = |next: &&str| next.len() > 2 && next.bytes().all(|byte| byte == b'-');
        if !line.trim().is_empty() && lines.peek().is_some_and(is_heading) {
            lines.next();
            contracts.push(Contract { name: line.trim(), text: Vec::new(), chains: Vec::new() });
            sentence = "";
            continue;
        }
        let Some(contract) = contracts.last_mut() else { continue };
        let starts = line.starts_with('-');
        match Import::new(line.trim_start_matches('-')) {
            Some(import) if starts => contract.chains.push(Chain { sentence, imports: vec![import] }),
            Some(import) => match contract.chains.last_mut() {
                Some(chain) => chain.imports.push(import),
                None => contract.chains.push(Chain { sentence, imports: vec![import] }),
            },
            None if line.trim().is_empty() => {}
            None => {
                contract.text.push(line.trim());
                sentence = line.trim().trim_end_matches(':');
            }
        }
    }
    contracts
}

/// The place of a chain is its last import: the one that reaches what must not be reached.
fn chain_finding(
    contract: &Contract<'_>,
    chain: &Chain<'_>,
    file: &dyn Fn(&str) -> Option<PathBuf>,
) -> Finding {
    let last = chain.imports.last();
    let location = last.and_then(|import| Some(Location::at(file(import.from)?, import.line, None)));
    let mut way: Vec<&str> = chain.imports.first().map(|import| import.from).into_iter().collect();
    way.extend(chain.imports.iter().map(|import| import.to));
    let sentence = if chain.sentence.is_empty() { contract.name } else { chain.sentence };
    let message = format!("{sentence}: {} (contract `{}`)", way.join(" → "), contract.name);
    finding(location, message)
}

fn finding(location: Option<Location>, message: String) -> Finding {
    Finding { rule: "broken-contract".to_owned(), location, ..Finding::error(TOOL, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(report: &str) -> Vec<String> {
        let file = |module: &str| {
            module
                .starts_with("src.")
                .then(|| PathBuf::from(format!("backend/{}.py", module.replace('.', "/"))))
        };
        let text = |finding: Finding| {
            let location = finding.location.map(|location| location.to_string()).unwrap_or_default();
            format!("{location}: {}", finding.message)
        };
        findings(report, &file).into_iter().map(text).collect()
    }

    #[test]
    fn a_real_report_is_read() {
        assert_eq!(
            render(include_str!("../../../testdata/architecture/import-linter.txt")),
            [
                "backend/src/domain/graph.py:290: src.api is not allowed to import src.storage: src.api.nodes → src.domain.graph → src.storage.store (contract `Only the composition root knows storage`)",
                "backend/src/domain/graph.py:290: src.domain is not allowed to import src.storage: src.domain.graph → src.storage.store (contract `Layers import downwards only`)",
                "backend/src/domain/graph.py:290: src.domain is not allowed to import src.storage: src.domain.graph → src.storage.store (contract `Only the composition root knows storage`)",
                "backend/src/domain/graph.py:290: src.services is not allowed to import src.storage: src.services.catalog → src.domain.graph → src.storage.store (contract `Only the composition root knows storage`)",
                "backend/src/services/catalog.py:1: src.services is not allowed to import src.api: src.services.catalog → src.api.app (contract `Layers import downwards only`)",
            ]
        );
    }

    #[test]
    fn what_was_read_is_counted_where_that_is_said() {
        assert_eq!(analyzed(include_str!("../../../testdata/architecture/import-linter.txt")), Some(27));
        for (report, files) in [
            ("Analyzed 1 file, 0 dependencies.\n", Some(1)),
            ("Analyzed no files\n", None),
            ("Contracts: 1 kept\n", None),
        ] {
            assert_eq!(analyzed(report), files, "{report}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_silence() {
        let report = "Broken contracts\n----------------\n\nNo cycles\n---------\n\nNo cycles are allowed in src.\nIt could be made acyclic:\n";
        assert_eq!(
            render(report),
            [": the contract `No cycles` is broken: No cycles are allowed in src. It could be made acyclic"]
        );
        let report = "Broken contracts\n----\n\nX\n---\n\n- a.b -> c.d (l.?)\n- src.a -> src.b\n";
        assert_eq!(
            render(report),
            [": X: a.b → c.d (contract `X`)", "backend/src/a.py: X: src.a → src.b (contract `X`)"]
        );
        assert_eq!(render("Contracts: 3 kept, 0 broken."), [""; 0]);
        assert_eq!(render("Broken contracts"), [""; 0]);
    }
}
