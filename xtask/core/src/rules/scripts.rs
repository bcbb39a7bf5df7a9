//! The import rules of a Node component: which folder may import which, which packages it must not use, and nothing of another
//! component.
//!
//! A module is a folder or a file, named by its path in the component; the longest name that a file's path begins with is its
//! own. Looked at is every `import`, `export … from`, `import()` and `require()` whose name is written as a string. An import
//! of types alone counts for the direction and not for circles: at run time it is not there. Tests may do as they like, and so
//! may files beside the folders (`vite.config.ts`), which are tools' and not the program's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::imports::{Imports, TOOL, circle_finding, circles};
use super::script::{self, Kind, Token};
use super::{TextFile, error};
use crate::diagnostic::position;
use crate::finding::{Finding, Location};

/// The rules of a component.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// Its folder, relative to the repository.
    pub folder: &'r Path,
    /// For each module, the others that it may import. Its own files it may always import.
    pub modules: &'r BTreeMap<String, Vec<String>>,
    /// For a module, the packages that it must not import; `node:` stands for all that come with Node.
    pub forbidden: &'r BTreeMap<String, Vec<String>>,
    /// The folders of the other components, with their names.
    pub others: &'r [(&'r str, &'r Path)],
    /// The file that states the rules.
    pub stated_in: &'r Path,
}

/// The endings of scripts.
const ENDINGS: &[&str] = &["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"];

/// Whether a file is a script.
pub fn is_script(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

/// Whether a script is a test, by its name: `x.test.ts`, `x.spec.ts`.
pub fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().map(Path::new).and_then(Path::extension);
    stem.is_some_and(|stem| stem == "test" || stem == "spec")
}

/// Checks the scripts of a component. Paths are relative to the repository; tests are left out by whoever calls.
pub fn check(rules: Rules<'_>, files: &[TextFile<'_>]) -> Vec<Finding> {
    let paths: BTreeSet<&Path> = files.iter().map(|file| file.path).collect();
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    let mut edges: Imports<'_> = Imports::new();
    for file in files {
        let Ok(inside) = file.path.strip_prefix(rules.folder) else { continue };
        let module = rules.module(inside);
        used.extend(module);
        if module.is_none() && inside.components().count() > 1 {
            let message = format!("`{}` belongs to no module that has a rule", inside.display());
            let help = format!("add its folder to the modules in {}", rules.stated_in.display());
            findings.push(error((TOOL, "module-without-rule"), file.line(1), message, Some(&help)));
        }
        for import in imports(file) {
            findings.extend(rules.fault(file, module, &import));
            let target = resolve(file.path, &import.name).and_then(|target| {
                let found =
                    candidates(&target).into_iter().find_map(|path| paths.get(path.as_path()).copied());
                found.and_then(Path::to_str)
            });
            if let (Some(from), Some(to), false) = (file.path.to_str(), target, import.is_of_types) {
                edges.entry((from, to)).or_insert(import.location);
            }
        }
    }
    for module in rules.modules.keys().filter(|module| !used.contains(module.as_str())) {
        let message = format!("`{module}` has a rule, and no file belongs to it");
        findings.push(error((TOOL, "rule-without-module"), Location::file(rules.stated_in), message, None));
    }
    findings.extend(circles(&edges).iter().filter_map(|circle| circle_finding(circle, &edges)));
    findings
}

impl<'r> Rules<'r> {
    /// The module of a path in the component.
    fn module(&self, inside: &Path) -> Option<&'r str> {
        let own = self.modules.keys().filter(|module| inside.starts_with(module.as_str()));
        own.max_by_key(|module| module.len()).map(String::as_str)
    }

    /// What is wrong with an import of a file in `module`.
    fn fault(&self, file: &TextFile<'_>, module: Option<&str>, import: &Import) -> Option<Finding> {
        let fault = |rule, message: String, help: Option<&str>| {
            Some(error((TOOL, rule), import.location.clone(), message, help))
        };
        let Some(target) = resolve(file.path, &import.name) else {
            let module = module?;
            let forbidden = self.forbidden.get(module)?.iter().find(|name| is_of(&import.name, name))?;
            let message =
                format!("`{module}` must not import `{}`: `{forbidden}` is forbidden there", import.name);
            return fault("forbidden-path", message, None);
        };
        let Ok(inside) = target.strip_prefix(self.folder) else {
            let other = self.others.iter().find(|(_, folder)| target.starts_with(folder));
            let whose = other.map_or_else(
                || format!("`{}` lies outside of it", target.display()),
                |(name, _)| format!("`{}` belongs to `{name}`", target.display()),
            );
            let message = format!("a component must not import what is not its own: {whose}");
            let help = "components speak to each other by their interfaces, and each has its own release";
            return fault("foreign-component", message, Some(help));
        };
        let (module, wanted) = (module?, self.module(inside)?);
        let allowed = self.modules.get(module)?;
        if module == wanted || allowed.iter().any(|allowed| allowed == wanted) {
            return None;
        }
        let may = match allowed.as_slice() {
            [] => "it may import nothing".to_owned(),
            allowed => format!("it may import `{}`", allowed.join("`, `")),
        };
        let message = format!("`{module}` must not import `{wanted}` (`{}`): {may}", import.name);
        fault("import-direction", message, None)
    }
}

/// Whether a name is that of a package, or of something in it.
fn is_of(name: &str, package: &str) -> bool {
    let rest = name.strip_prefix(package);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || package.ends_with(':'))
}

/// An import.
struct Import {
    /// What is imported: `./x.ts`, `react`.
    name: String,
    location: Location,
    is_of_types: bool,
}

fn imports(file: &TextFile<'_>) -> Vec<Import> {
    let tokens = script::tokens(file.text);
    let mut imports = Vec::new();
    // Where the statement that a `from` ends has begun: `import type { A } from '…'`.
    let mut is_of_types = false;
    for (index, token) in tokens.iter().enumerate() {
        let next = |behind: usize| tokens.get(index + behind);
        let is_call = next(1).is_some_and(|next| next.is("("));
        let is_member = index.checked_sub(1).is_some_and(|before| tokens[before].is("."));
        let named: Option<&Token<'_>> = match token.name() {
            Some("import" | "export") if !is_call && !is_member => {
                is_of_types = next(1).is_some_and(|next| next.is("type"))
                    && next(2).is_some_and(|next| !next.is("from"));
                next(1)
            }
            Some("from") if !is_member => next(1),
            Some("import" | "require") if is_call && !is_member => next(2),
            _ => None,
        };
        let Some(named) = named.filter(|named| matches!(named.kind, Kind::Text | Kind::Template)) else {
            continue;
        };
        let Some(name) = named.string() else { continue };
        let is_statement = token.is("from");
        let (line, column) = position(file.text, named.offset);
        let number = |number: usize| u32::try_from(number).ok();
        imports.push(Import {
            name: name.into_owned(),
            location: Location::at(file.path, number(line), number(column)),
            is_of_types: is_statement && is_of_types,
        });
    }
    imports
}

/// The path that a relative name leads to, which may be a file without its ending; `None` for a package.
fn resolve(from: &Path, name: &str) -> Option<PathBuf> {
    if !name.starts_with("./") && !name.starts_with("../") && name != "." && name != ".." {
        return None;
    }
    let name = name.split(['?', '#']).next().unwrap_or(name);
    let mut path = from.parent()?.to_owned();
    for part in Path::new(name).components() {
        match part {
            Component::ParentDir => {
                if path.as_os_str().is_empty() || path.ends_with("..") {
                    path.push("..");
                } else {
                    path.pop();
                }
            }
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(path)
}

/// The files that a path may stand for.
fn candidates(path: &Path) -> Vec<PathBuf> {
    let with = |ending: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{ending}"));
        PathBuf::from(name)
    };
    let index = |ending: &&str| path.join("index").with_extension(ending);
    // TypeScript's own sources are imported by what they will be called.
    let of_typescript = ["ts", "tsx"].map(|ending| path.with_extension(ending));
    let found = [path.to_owned()].into_iter().chain(ENDINGS.iter().map(with));
    found.chain(ENDINGS.iter().map(index)).chain(of_typescript).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let rule = |(name, may): (&str, &[&str])| {
            (name.to_owned(), may.iter().map(|name| (*name).to_owned()).collect())
        };
        let modules =
            [("common", &[][..]), ("server", &["common"]), ("src/api", &[]), ("src", &["common", "src/api"])];
        let modules: BTreeMap<String, Vec<String>> = modules.into_iter().map(rule).collect();
        let forbidden =
            [("src", &["node:", "fs"][..]), ("server", &["react"])].into_iter().map(rule).collect();
        let rules = Rules {
            folder: Path::new("web"),
            modules: &modules,
            forbidden: &forbidden,
            others: &[("backend", Path::new("backend"))],
            stated_in: Path::new("xtask.toml"),
        };
        let all = [
            ("web/common/c.ts", ""),
            ("web/server/s.ts", ""),
            ("web/src/api/a.ts", ""),
            ("web/src/m.tsx", ""),
        ];
        let kept = all.iter().filter(|(path, _)| !files.iter().any(|(other, _)| other == path));
        let files: Vec<TextFile<'_>> =
            kept.chain(files).map(|(path, text)| TextFile { path: Path::new(*path), text }).collect();
        let line = |finding: &Finding| {
            format!("{}: {}: {}", finding.location.as_ref().unwrap(), finding.rule, finding.message)
        };
        check(rules, &files).iter().map(line).collect()
    }

    #[test]
    fn imports_that_point_the_right_way_are_clean() {
        let text = "import React from 'react';\nimport { c } from '../common/c.ts';\nexport * from './api/a';\nimport './x.css';\nconst y = Array.from('../server/s.ts');\n// import '../server/s'\nimport(`./${name}`);";
        assert_eq!(found(&[("web/src/m.tsx", text)]), [""; 0]);
        assert_eq!(found(&[("web/vite.config.ts", "import './server/s.ts';")]), [""; 0]);
    }

    #[test]
    fn each_rule_finds_what_breaks_it() {
        for (path, text, expected) in [
            (
                "web/src/m.tsx",
                "import a from 'x';\nimport type { S } from '../server/s.ts';",
                "web/src/m.tsx:2:24: import-direction: `src` must not import `server` (`../server/s.ts`): it may import `common`, `src/api`",
            ),
            (
                "web/src/api/a.ts",
                "export { m } from '../m';",
                "web/src/api/a.ts:1:19: import-direction: `src/api` must not import `src` (`../m`): it may import nothing",
            ),
            (
                "web/src/m.tsx",
                "const fs = await import('node:fs');",
                "web/src/m.tsx:1:25: forbidden-path: `src` must not import `node:fs`: `node:` is forbidden there",
            ),
            (
                "web/src/m.tsx",
                "const fs = require(\"fs/promises\");",
                "web/src/m.tsx:1:20: forbidden-path: `src` must not import `fs/promises`: `fs` is forbidden there",
            ),
            (
                "web/src/m.tsx",
                "\nimport data from '../../backend/data/x.json';",
                "web/src/m.tsx:2:18: foreign-component: a component must not import what is not its own: `backend/data/x.json` belongs to `backend`",
            ),
            (
                "web/src/m.tsx",
                "import '../../../../x';",
                "web/src/m.tsx:1:8: foreign-component: a component must not import what is not its own: `../../x` lies outside of it",
            ),
            (
                "web/other/o.ts",
                "",
                "web/other/o.ts:1: module-without-rule: `other/o.ts` belongs to no module that has a rule",
            ),
        ] {
            assert_eq!(found(&[(path, text)]), [expected], "{text}");
        }
    }

    #[test]
    fn circles_are_found_where_they_begin_and_types_make_none() {
        let back = "\nimport '../m.js';";
        let circle = found(&[("web/src/m.tsx", "import './n/index.ts';"), ("web/src/n/index.ts", back)]);
        assert_eq!(
            circle,
            [
                "web/src/m.tsx:1:8: import-circle: modules import each other in a circle: web/src/m.tsx → web/src/n/index.ts → web/src/m.tsx"
            ]
        );
        let types = "import type { M } from '../m.tsx';";
        assert_eq!(found(&[("web/src/m.tsx", "import './n';"), ("web/src/n/index.ts", types)]), [""; 0]);
    }
}
