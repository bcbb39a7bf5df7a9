//! What the standard tasks read and make.
//!
//! What set-up installs counts by the lock files that it is made from: the set-up task goes first and has looked whether it
//! stands. The compiler of a Rust component counts by this program, which it has compiled.

use super::security::workflows::FOLDER as WORKFLOWS;
use super::tool::VARIABLES_OF_CARGO;
use super::{agreement, docs, kubernetes};
use crate::config::{Component, ComponentKind, Config, Python, TaskSettings};
use crate::core::gate::scanner::{self, Scanner};
use crate::pipeline::Footprint;

/// Where cargo compiles to, and finds what it has compiled.
const TARGET: &str = "target/";

/// What rustc says of itself, where cargo has written it down; it asks once more where that is not there.
const RUSTC_INFO: &str = "target/.rustc_info.json";

/// Where runs leave what people look at.
const OUTPUT: &str = "target/xtask";

/// What tools leave beside the files that they read, in a component of any kind; and what set-up installs there.
const LEFTOVERS: &[&str] = &[
    "**/.coverage",
    "**/.coverage.*",
    "**/.hypothesis",
    "**/.import_linter_cache",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.venv",
    "**/.xtask",
    "**/__pycache__",
    "**/coverage.lcov",
    "**/coverage.xml",
    "**/node_modules",
    "**/target",
];

/// What decides which files linters and formatters of a component look at, and how they want them to be.
const OF_ALL: &[&str] = &[".editorconfig", ".git/info/exclude", ".gitignore"];

/// What decides how cargo compiles, beside the packages. It reads the manifests of all members of its workspace, also of those
/// that are no component.
const CARGO: &[&str] = &[
    "[!.]*/**/Cargo.toml",
    ".cargo",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "clippy.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// What all tasks of a component read, and what `xtask.toml` says of the task `VERB.COMPONENT` beyond it.
pub(super) fn of(config: &Config, component: &Component, verb: &str) -> Footprint {
    let path = component.path.display().to_string();
    let footprint = Footprint::new()
        .reads([path.clone()])
        .reads(OF_ALL.iter().copied())
        .ignores(LEFTOVERS.iter().copied());
    // All that is configured, in words: whatever differs there may make a difference.
    let footprint = footprint.setting("component", format!("{component:?}"));
    // Some of the tools are the repository's own.
    let requirements = config.tools.iter().map(|tools| tools.requirements.display().to_string());
    let footprint = footprint.reads(requirements);
    let footprint = match &component.kind {
        ComponentKind::Python(python) => {
            let built = docs_folder(component, python);
            footprint.tools([format!("{path}/.venv/bin/python")]).ignores(built)
        }
        ComponentKind::Node(_) => {
            footprint.tools(["node", "npm"]).ignores([format!("{path}/dist"), format!("{path}/coverage")])
        }
        ComponentKind::Rust(_) => {
            let all = config.crates().map(|(other, _)| other);
            footprint
                .reads(CARGO.iter().copied())
                .variables(VARIABLES_OF_CARGO.iter().copied())
                .reads(all.map(|other| other.path.display().to_string()))
                .ignores([TARGET])
        }
    };
    match config.tasks.get(&format!("{verb}.{}", component.name)) {
        Some(settings) => with_settings(footprint, settings),
        None => footprint,
    }
}

/// A footprint with what `xtask.toml` adds to it.
pub(super) fn with_settings(footprint: Footprint, settings: &TaskSettings) -> Footprint {
    let footprint = match &settings.unsandboxed {
        Some(reason) => footprint.unsandboxed(reason),
        None => footprint,
    };
    footprint
        .reads(settings.reads.iter().cloned())
        .ignores(settings.ignores.iter().cloned())
        .makes(settings.makes.iter().cloned())
        .tools(settings.tools.iter().cloned())
}

/// Of tests: they leave their coverage.
pub(super) fn of_tests(config: &Config, component: &Component, args: &[String]) -> Footprint {
    let footprint = of(config, component, "test").setting("arguments", format!("{args:?}"));
    match component.kind {
        ComponentKind::Python(_) | ComponentKind::Node(_) if args.is_empty() => {
            footprint.makes([format!("{OUTPUT}/coverage/{}", component.name)])
        }
        ComponentKind::Python(_) | ComponentKind::Node(_) | ComponentKind::Rust(_) => footprint,
    }
}

/// Of documentation.
pub(super) fn of_docs(config: &Config, component: &Component) -> Footprint {
    let footprint = of(config, component, "docs");
    match &component.kind {
        ComponentKind::Python(python) => footprint.makes(docs_folder(component, python)),
        // Whether the documentation is as new as the files, cargo finds out with git where it can, and without it where it cannot.
        ComponentKind::Rust(_) => {
            // Its pages lead to those of the others.
            let crates = config.crates().map(|(other, rust)| format!("{} {}", other.name, rust.package));
            footprint
                .makes([docs_of(component)])
                .ignores([".git"])
                .setting("crates", crates.collect::<Vec<_>>().join(", "))
        }
        // Its own program reads what typedoc writes for programs.
        ComponentKind::Node(_) => footprint.makes([docs_of(component) + "/"]),
    }
}

/// Of what looks at the documents: they may lead to any file of the repository, but for what is made.
pub(super) fn of_documents(config: &Config) -> Footprint {
    let made = config.components.iter().flat_map(|component| {
        let built = match &component.kind {
            ComponentKind::Python(python) => docs_folder(component, python),
            ComponentKind::Node(_) | ComponentKind::Rust(_) => None,
        };
        let left = |name: &str| component.path.join(name).display().to_string();
        [built, Some(left("dist")), Some(left("coverage"))].into_iter().flatten()
    });
    Footprint::new()
        .reads(["*"])
        .ignores([".git"])
        .ignores(LEFTOVERS.iter().copied())
        .ignores(made)
        .setting("docs", format!("{} {:?}", config.name, config.docs))
}

/// Of what makes one site of the documents and of what the tasks before it have built.
pub(super) fn of_site(config: &Config) -> Footprint {
    let components: Vec<&str> = config.components.iter().map(|component| component.name.as_str()).collect();
    of_documents(config)
        .setting("components", components.join(" "))
        .makes([format!("{OUTPUT}/{}", docs::SITE)])
        .spares(config.crates().map(|(component, _)| docs_of(component)))
}

/// Where the documentation of a component is put, relative to the repository, where it is for us to say: that of a crate into the
/// site, that of others beside it.
pub(super) fn docs_of(component: &Component) -> String {
    match component.kind {
        ComponentKind::Rust(_) => format!("{OUTPUT}/{}/{}", docs::SITE, docs::place(component).display()),
        ComponentKind::Python(_) | ComponentKind::Node(_) => format!("{OUTPUT}/docs/{}", component.name),
    }
}

/// Where Sphinx puts that of a Python component.
pub(super) fn docs_folder(component: &Component, python: &Python) -> Option<String> {
    let built = python.docs.as_ref()?.with_file_name("build");
    Some(component.path.join(built).display().to_string())
}

/// Of what checks manifests and lock files.
pub(super) fn of_dependencies(config: &Config, component: &Component) -> Footprint {
    of(config, component, "dependencies")
        .tools(["cargo"])
        .setting("budget", format!("{:?} {:?}", config.budget, config.dependencies))
}

/// The lock files of a component, relative to the repository.
pub(super) fn locks(component: &Component) -> Vec<String> {
    let path = |name: &std::path::Path| component.path.join(name).display().to_string();
    match &component.kind {
        ComponentKind::Python(python) => python.requirements.iter().map(|name| path(name)).collect(),
        ComponentKind::Node(_) => vec![path("package-lock.json".as_ref())],
        ComponentKind::Rust(_) => CARGO.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Of what reads licences by these lock files: what they install says which licence it has, and that stays the same.
pub(super) fn of_licenses(config: &Config, id: &str, locks: Vec<String>) -> Footprint {
    of_locks(config, id, locks).setting("licenses", config.licenses.lists())
}

/// Of the task `id`, which reads these lock files.
pub(super) fn of_locks(config: &Config, id: &str, locks: Vec<String>) -> Footprint {
    let footprint = Footprint::new()
        .reads(locks)
        .tools(["cargo"])
        .variables(VARIABLES_OF_CARGO.iter().copied())
        .ignores([RUSTC_INFO])
        .ignores(LEFTOVERS.iter().copied());
    match config.tasks.get(id) {
        Some(settings) => with_settings(footprint, settings),
        None => footprint,
    }
}

/// Of what reads the manifests of all environments, as they are filled in.
pub(super) fn of_manifests(config: &Config) -> Footprint {
    let named = config.environments.iter().flat_map(|environment| {
        environment.manifests.iter().chain(&environment.overlays).map(|path| path.value.display().to_string())
    });
    let requirements = config.tools.iter().map(|tools| tools.requirements.display().to_string());
    Footprint::new()
        .reads([Config::FILE])
        .reads(named)
        .reads(requirements)
        .ignores([".xtask"])
        .variables(kubernetes::variables(config))
}

/// Of what compares manifests with the components that they run.
pub(super) fn of_settings(config: &Config) -> Footprint {
    let folders = agreement::components(config).map(|(component, _)| component.path.display().to_string());
    of_manifests(config).reads(folders).ignores(LEFTOVERS.iter().copied())
}

/// Of what compares contracts with both of their sides.
pub(super) fn of_contracts(config: &Config) -> Footprint {
    let footprint = Footprint::new().reads([Config::FILE]).ignores(LEFTOVERS.iter().copied());
    config.contracts.iter().fold(footprint, |footprint, contract| {
        let sides =
            [&contract.provider, &contract.consumer].into_iter().filter_map(|name| config.component(name));
        let provider =
            config.component(&contract.provider).filter(|side| matches!(side.kind, ComponentKind::Python(_)));
        let python = provider.map(|side| format!("{}/.venv/bin/python", side.path.display()));
        footprint
            .reads([contract.document.display().to_string()])
            .reads(sides.map(|side| side.path.display().to_string()))
            .tools(python)
    })
}

/// Programs of gates that are used where they are there; that one is there now is a difference.
fn optional(scanners: &[&Scanner]) -> Vec<&'static str> {
    scanners.iter().map(|scanner| scanner.program).collect()
}

/// Of a gate: the tools of the repository count by the lock file that they are made from.
fn of_gate(config: &Config) -> Footprint {
    let requirements = config.tools.iter().map(|tools| tools.requirements.display().to_string());
    Footprint::new().reads(requirements).reads(OF_ALL.iter().copied()).ignores(LEFTOVERS.iter().copied())
}

/// Of the search for secrets: every file, but those that tools leave and that git ignores in every repository. Whether git tracks a
/// file that it would ignore is no input: a fresh clone tells.
pub(super) fn of_secrets(config: &Config) -> Footprint {
    of_gate(config)
        .reads(["*"])
        .ignores([".git"])
        .tools(["git"])
        .unsandboxed("it looks at every file that git does not ignore")
}

/// Of what looks at workflows and composite actions.
pub(super) fn of_workflows(config: &Config) -> Footprint {
    of_gate(config)
        .reads([WORKFLOWS, "**/action.yml", "**/action.yaml"])
        .ignores([".git"])
        .tools(["git"])
        .tools(optional(&[&scanner::actionlint::SCANNER]))
}

/// Of what looks at Dockerfiles.
pub(super) fn of_dockerfiles(config: &Config) -> Footprint {
    let dockerfiles = config.components.iter().filter_map(|component| {
        let image = component.image.as_ref()?;
        Some(component.path.join(&image.dockerfile).display().to_string())
    });
    of_gate(config)
        .reads(dockerfiles)
        .variables(scanner::trivy::CONFIGURATION.settings.iter().copied())
        .tools(optional(&[&scanner::trivy::CONFIGURATION]))
}

/// Variables that say where advisories come from.
const FEEDS: &[&str] = &["PIP_*", "npm_config_*", "DOCKER_CONFIG", "TRIVY_*", "OSV_SCANNER_*"];

/// Of what compares the repository's own tools with advisories.
pub(super) fn of_tools(config: &Config) -> Footprint {
    of_gate(config).variables(FEEDS.iter().copied())
}

/// Of what looks at the packages and the code of a component.
pub(super) fn of_security(config: &Config, component: &Component) -> Footprint {
    of(config, component, "security")
        .reads([scanner::semgrep::RULES, "deny.toml"])
        .variables([scanner::snyk::TOKEN])
        .variables(FEEDS.iter().copied())
        .tools(optional(&[
            &scanner::cargo_audit::SCANNER,
            &scanner::trivy::FILES,
            &scanner::osv_scanner::SCANNER,
            &scanner::dependency_check::SCANNER,
            &scanner::semgrep::SEMGREP,
            &scanner::semgrep::OPENGREP,
        ]))
}
