//! The standard pipeline of a repository, made from its components.

use std::time::Duration;

use super::lint::Fix;
use super::{
    agreement, architecture, contract, coverage, dependencies, docs, footprints, gate, image, kubernetes,
    licenses, lint, perf, sbom, security, setup, test,
};
use crate::config::{Component, ComponentKind, Config, TaskSettings};
use crate::core::command::Command;
use crate::cx::Cx;
use crate::error::Result;
use crate::pipeline::{Footprint, Pipeline, Task};

/// How the standard pipeline is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether `lint` reports problems or mends them.
    pub fix: Fix,
    /// Arguments for the test runners.
    pub test_args: Vec<String>,
    /// How images are built.
    pub image: image::Options,
    /// How the gates look.
    pub security: security::Options,
    /// How load is made.
    pub perf: perf::Options,
}

impl Options {
    /// Checks everything and mends nothing.
    pub const CHECK: Self = Self {
        fix: Fix::Check,
        test_args: Vec::new(),
        image: image::Options::LOCAL,
        security: security::Options { history: false },
        perf: perf::Options::USUAL,
    };
}

/// How long a task may run that nothing slower than a registry or a slow machine holds up.
const TIMEOUT: Duration = Duration::from_mins(15);

/// cargo compiles, and waits while another cargo compiles in the same target folder.
const TIMEOUT_CARGO: Duration = Duration::from_mins(30);

/// cargo compiles on as many cores as there are. Two say so on the machines where it matters: with two cores nothing starts
/// beside it, so that no second cargo sits on a core waiting for the lock on the target folder. With more cores there is room
/// for one that waits, and it begins as soon as the first has compiled and only runs tests: the lock itself is the better
/// order there than an edge in the graph, which would also skip the tests where clippy found something.
const CORES_CARGO: u32 = 2;

/// What the compiler and the linker take with the dependencies of a middling crate, in bytes.
const MEMORY_CARGO: u64 = 2048 * MIB;

const MIB: u64 = 1 << 20;

/// Several scanners, each of which has a limit of its own.
const TIMEOUT_GATES: Duration = Duration::from_mins(20);

/// Why set-up runs each time.
const LOOKS_ITSELF: &str = "it looks itself whether what it has made still stands";

/// The task that installs the tools of the repository.
const TOOLS: &str = "setup.tools";

/// The standard pipeline for `config`: a task for each verb and each component that the verb applies to, `setup.tools` where
/// there are tools, and for each task what has to be set up before it.
///
/// `[tasks."ID"]` of the configuration may give a task another timeout, cores and memory.
pub fn pipeline(config: &Config, options: &Options) -> Pipeline {
    let has_tools = config.tools.is_some();
    let setup_tools = Task::new(TOOLS, |cx| setup::task(cx, setup::tools(cx)))
        .about("install the tools of the repository")
        .timeout(TIMEOUT)
        .uncached(LOOKS_ITSELF)
        .concerns(
            Footprint::new().reads(config.tools.iter().map(|tools| tools.requirements.display().to_string())),
        );
    let requirements = config.tools.iter().flat_map(|tools| {
        let sources = tools.requirements.with_extension("in");
        [tools.requirements.display().to_string(), sources.display().to_string()]
    });
    let check_tools = Task::new("dependencies.tools", dependencies::tools)
        .about("check the dependencies of the tools")
        .timeout(TIMEOUT)
        .gate()
        .cached(gate::judged(config, "dependencies.tools", Footprint::new().reads(requirements)));
    let recorder = image::Recorder::default();
    let each = |make: &dyn Fn(&Component) -> Option<Task>| -> Vec<Task> {
        config.components.iter().filter_map(make).collect()
    };
    // The verbs in the order in which people read them; when a task runs is decided by what it waits for.
    Pipeline::new()
        .extend(has_tools.then_some(setup_tools))
        .extend(each(&|component| Some(setup_task(config, component))))
        .extend(each(&|component| architecture_task(config, component)))
        .extend(settings_task(config))
        .extend(contract_tasks(config))
        .extend(kubernetes_task(config))
        .extend(has_tools.then_some(check_tools))
        .extend(each(&|component| Some(dependencies_task(config, component))))
        .extend(versions_task(config))
        .extend(license_tasks(config))
        .extend(image_licenses_task(config))
        .extend(each(&|component| lint_task(config, component, options.fix)))
        .extend(each(&|component| Some(test_task(config, component, &options.test_args))))
        .extend(each(&|component| coverage_task(config, component)))
        .extend(each(&|component| docs_task(config, component)))
        .extend(site_tasks(config))
        .extend(security_tasks(config, options.security))
        .extend(each(&|component| image_task(component, &options.image, &recorder)))
        .extend(perf_task(config, &options.perf))
        .extend(sbom_tasks(config))
        .extend(config.tasks.iter().filter_map(|(id, settings)| command_task(id, settings)))
}

/// A task that `xtask.toml` makes: `command` in `[tasks."ID"]`.
fn command_task(id: &str, settings: &TaskSettings) -> Option<Task> {
    let (program, arguments) = settings.command.split_first()?;
    let command = Command::new(program).args(arguments);
    let footprint = footprints::with_settings(Footprint::new(), settings);
    let task = match &settings.uncached {
        None if settings.reads.is_empty() => {
            Task::new(id, move |cx| cx.run(command.clone())).uncached("`reads` does not say what it reads")
        }
        None => Task::command(id, command, footprint),
        Some(reason) => {
            let run = command.clone();
            let task = Task::new(id, move |cx| cx.run(run.clone())).uncached(reason);
            if settings.reads.is_empty() { task } else { task.concerns(footprint.command(command)) }
        }
    };
    Some(task.about(settings.about.as_deref().unwrap_or_default()).after(settings.after.iter().cloned()))
}

fn setup_task(config: &Config, component: &Component) -> Task {
    let work = |cx: &Cx, component: &Component| setup::task(cx, setup::component(cx, component));
    let task = light_task("setup", component, "install the needs", work)
        .uncached(LOOKS_ITSELF)
        .concerns(footprints::of(config, component, "setup"));
    // The installer of Python packages is one of the tools.
    let takes_tools = matches!(component.kind, ComponentKind::Python(_)) && config.tools.is_some();
    task.after(takes_tools.then_some(TOOLS))
}

fn architecture_task(config: &Config, component: &Component) -> Option<Task> {
    let task = light_task("architecture", component, "check the imports", architecture::component);
    let footprint = gate::judged(config, task.id(), footprints::of(config, component, "architecture"));
    let task = task.gate().cached(footprint);
    // The contracts of Python are checked by a tool of the component; those of Rust are read here.
    let takes_tool = matches!(component.kind, ComponentKind::Python(_));
    let setup = takes_tool.then(|| format!("setup.{}", component.name));
    architecture::applies(component).then(|| task.after(setup))
}

/// What the provider makes, its own code says; what was before, git does.
fn contract_tasks(config: &Config) -> Vec<Task> {
    if config.contracts.is_empty() {
        return Vec::new();
    }
    let providers = config.contracts.iter().map(|contract| format!("setup.{}", contract.provider));
    let documents = config.contracts.iter().map(|contract| contract.document.display().to_string());
    let kept = Task::new("architecture.contract", contract::kept)
        .about("compare providers and consumers with their contracts")
        .timeout(TIMEOUT)
        .after(providers)
        .gate()
        .cached(gate::judged(config, "architecture.contract", footprints::of_contracts(config)));
    let compatible = Task::new("architecture.compatibility", contract::compatible)
        .about("compare contracts with those of the base branch")
        .timeout(TIMEOUT)
        .gate()
        .uncached("the base branch moves on its own")
        .concerns(Footprint::new().reads(documents));
    vec![kept, compatible]
}

/// It reads texts, so that nothing has to be installed before it.
fn settings_task(config: &Config) -> Option<Task> {
    let task = Task::new("architecture.settings", agreement::settings)
        .about("compare variables, ports and names of code, images and manifests")
        .timeout(TIMEOUT)
        .gate()
        .cached(gate::judged(config, "architecture.settings", footprints::of_settings(config)));
    agreement::components(config).next().map(|_| task)
}

/// The schemas are one of the tools.
fn kubernetes_task(config: &Config) -> Option<Task> {
    let task = Task::new("security.kubernetes", kubernetes::manifests)
        .about("check the manifests of all environments")
        .timeout(TIMEOUT)
        .after(config.tools.is_some().then_some(TOOLS))
        .gate()
        .cached(gate::judged(config, "security.kubernetes", footprints::of_manifests(config)));
    kubernetes::applies(config).then_some(task)
}

/// It reads manifests, lock files and code. Only Python's packages have to be installed before it: nothing else says which
/// names they bring.
fn dependencies_task(config: &Config, component: &Component) -> Task {
    let takes_setup = matches!(component.kind, ComponentKind::Python(_));
    let task = light_task("dependencies", component, "check the dependencies", dependencies::component)
        .after(takes_setup.then(|| format!("setup.{}", component.name)));
    let footprint = gate::judged(config, task.id(), footprints::of_dependencies(config, component));
    task.gate().cached(footprint)
}

/// It compares the lock files of all components, where there are several.
fn versions_task(config: &Config) -> Option<Task> {
    let locks = config.components.iter().flat_map(footprints::locks);
    let tools = config.tools.iter().map(|tools| tools.requirements.display().to_string());
    let locks: Vec<String> = locks.chain(tools).collect();
    (config.components.len() > 1).then(|| {
        Task::new("dependencies.versions", dependencies::versions)
            .about("compare the versions of what several components depend on")
            .timeout(TIMEOUT)
            .gate()
            .cached(gate::judged(
                config,
                "dependencies.versions",
                footprints::of_locks(config, "dependencies.versions", locks),
            ))
    })
}

/// The licences of each component and of the tools, where `[licenses]` says which are allowed. Most stand in what set-up
/// installs.
fn license_tasks(config: &Config) -> Vec<Task> {
    if !config.licenses.is_stated() {
        return Vec::new();
    }
    let cached = |task: Task, id: &str, locks: Vec<String>| {
        task.timeout(TIMEOUT).gate().cached(gate::judged(
            config,
            id,
            footprints::of_licenses(config, id, locks),
        ))
    };
    let of_component = |component: &Component| {
        let task =
            light_task("licenses", component, "check the licences of the dependencies", licenses::component);
        let takes_setup = matches!(component.kind, ComponentKind::Python(_));
        let setup = takes_setup.then(|| format!("setup.{}", component.name));
        let id = task.id().to_owned();
        cached(task.after(setup), &id, footprints::locks(component))
    };
    let tools = config.tools.as_ref().map(|tools| {
        let task = Task::new("licenses.tools", licenses::tools)
            .about("check the licences of the tools")
            .after([TOOLS]);
        cached(task, "licenses.tools", vec![tools.requirements.display().to_string()])
    });
    let exceptions = Task::new("licenses.exceptions", licenses::exceptions)
        .about("find exceptions for what nothing depends on");
    let mut locks: Vec<String> = config.components.iter().flat_map(footprints::locks).collect();
    locks.extend(config.tools.iter().map(|tools| tools.requirements.display().to_string()));
    let exceptions = cached(exceptions, "licenses.exceptions", locks);
    let notice = Task::new("licenses.notice", licenses::notice)
        .about("write the NOTICE of what is shipped")
        .timeout(TIMEOUT)
        .on_demand()
        .uncached("the texts stand in what is installed");
    let fossa = Task::new("licenses.fossa", licenses::fossa)
        .about("ask FOSSA, where there is a key for it")
        .timeout(TIMEOUT)
        .on_demand()
        .gate()
        .uncached("a service answers");
    let components = config.components.iter().map(of_component);
    components.chain(tools).chain([exceptions, notice, fossa]).collect()
}

/// It looks at what was built here, so only a run that has built images asks for it: any other could not look.
fn image_licenses_task(config: &Config) -> Option<Task> {
    let has_images = config.components.iter().any(|component| component.image.is_some());
    let task = Task::new("licenses.images", licenses::images)
        .about("check the licences of what images bring beside the components' own packages")
        .timeout(TIMEOUT)
        .alone()
        .gate()
        .uncached("an image is no file of the repository");
    (has_images && config.image_licenses.is_some()).then_some(task)
}

/// Bills of materials, of each component and of all together; only who names them gets them.
fn sbom_tasks(config: &Config) -> Vec<Task> {
    let written = |task: Task| task.on_demand().uncached("it says which commit it is made of");
    let takes_setup = |component: &&Component| matches!(component.kind, ComponentKind::Python(_));
    let setup = config.components.iter().filter(takes_setup).map(|one| format!("setup.{}", one.name));
    let all = Task::new("sbom.all", sbom::all)
        .about("write the bill of materials of all components")
        .timeout(TIMEOUT)
        .after(setup);
    let of_component = |component: &Component| {
        let task = light_task("sbom", component, "write the bill of materials", sbom::component);
        let setup = takes_setup(&component).then(|| format!("setup.{}", component.name));
        written(task.after(setup))
    };
    let mut tasks: Vec<Task> = config.components.iter().map(of_component).collect();
    tasks.extend((!config.components.is_empty()).then(|| written(all)));
    tasks
}

fn lint_task(config: &Config, component: &Component, fix: Fix) -> Option<Task> {
    let has_lints = match &component.kind {
        ComponentKind::Node(node) => !node.lint.is_empty(),
        ComponentKind::Python(_) | ComponentKind::Rust(_) => true,
    };
    let about = match fix {
        Fix::Check => "check format, lints and types",
        Fix::Apply => "mend format and lints, check the rest",
    };
    let options = lint::Options { fix };
    let work = move |cx: &Cx, component: &Component| lint::component(cx, component, &options);
    // The linter of Dockerfiles is one of the tools.
    let takes_tools = component.image.is_some() && config.tools.is_some();
    let task = task("lint", component, about, 512 * MIB, work).after(takes_tools.then_some(TOOLS));
    has_lints.then(|| match fix {
        Fix::Check => {
            let footprint = gate::judged(config, task.id(), footprints::of(config, component, "lint"));
            task.gate().cached(footprint)
        }
        Fix::Apply => task
            .gate()
            .uncached("it changes what it reads")
            .concerns(footprints::of(config, component, "lint")),
    })
}

fn test_task(config: &Config, component: &Component, args: &[String]) -> Task {
    let options = test::Options { args: args.to_vec() };
    let work = move |cx: &Cx, component: &Component| test::component(cx, component, &options).map(drop);
    task("test", component, "run the tests", 1024 * MIB, work)
        .cached(footprints::of_tests(config, component, args))
}

/// What the tests have counted is an output of theirs. That of Rust takes a build of its own; only who names it gets it.
fn coverage_task(config: &Config, component: &Component) -> Option<Task> {
    let about = "sum and judge the coverage";
    let footprint = footprints::of(config, component, "coverage");
    let task = match component.kind {
        ComponentKind::Rust(_) => {
            task("coverage", component, about, MEMORY_CARGO, coverage::component).on_demand()
        }
        ComponentKind::Python(_) | ComponentKind::Node(_) => {
            light_task("coverage", component, about, coverage::component)
                .after([format!("test.{}", component.name)])
        }
    };
    let task = task.uncached("the base branch, since which lines count as changed, moves on its own");
    coverage::applies(component).then(|| task.concerns(footprint))
}

fn docs_task(config: &Config, component: &Component) -> Option<Task> {
    let work = |cx: &Cx, component: &Component| docs::component(cx, component).map(drop);
    has_docs(component).then(|| {
        let task = task("docs", component, "build the documentation", 512 * MIB, work);
        let footprint = gate::judged(config, task.id(), footprints::of_docs(config, component));
        task.cached(footprint)
    })
}

fn has_docs(component: &Component) -> bool {
    match &component.kind {
        ComponentKind::Python(python) => python.docs.is_some(),
        ComponentKind::Node(node) => node.docs.is_some(),
        ComponentKind::Rust(_) => true,
    }
}

/// The links of the documents need nothing; the site takes what all components have built.
fn site_tasks(config: &Config) -> Vec<Task> {
    if config.docs.is_none() {
        return Vec::new();
    }
    let built = config.components.iter().filter(|component| has_docs(component));
    let links = Task::new("docs.links", docs::links)
        .about("check the links of all documents")
        .timeout(TIMEOUT)
        .cached(gate::judged(config, "docs.links", footprints::of_documents(config)));
    let site = Task::new("docs.site", docs::site)
        .about("make one site of all documentation")
        .timeout(TIMEOUT)
        .after(built.map(|component| format!("docs.{}", component.name)))
        .cached(gate::judged(config, "docs.site", footprints::of_site(config)));
    vec![links, site]
}

/// The gates, which the scanners among the tools make possible.
fn security_tasks(config: &Config, options: security::Options) -> Vec<Task> {
    if config.tools.is_none() {
        return Vec::new();
    }
    let secrets = Task::new("security.secrets", move |cx| security::secrets::secrets(cx, options));
    let secrets = secrets.about("look for secrets in all files");
    let secrets = if options.history {
        secrets
            .about("look for secrets in all commits")
            .gate()
            .uncached("the history is no file that could be compared")
    } else {
        secrets.gate().cached(gate::judged(config, "security.secrets", footprints::of_secrets(config)))
    };
    let files = |id: &str, about: &str, footprint, work: fn(&Cx) -> Result<()>| {
        Task::new(id, work).about(about).gate().cached(gate::judged(config, id, footprint))
    };
    let of_tools = Task::new("security.tools", security::vulnerabilities::tools)
        .about("look for known vulnerabilities of the tools")
        .gate()
        .cached(gate::judged_by_feed(config, "security.tools", footprints::of_tools(config)));
    let of_component = |component: &Component| {
        let work = security::vulnerabilities::component;
        let about = "look for known vulnerabilities and dangerous code";
        // The linter of Python code is among what set-up installs.
        let setup =
            matches!(component.kind, ComponentKind::Python(_)).then(|| format!("setup.{}", component.name));
        let task = light_task("security", component, about, work).after(setup);
        let footprint = gate::judged_by_feed(config, task.id(), footprints::of_security(config, component));
        task.gate().cached(footprint)
    };
    let repository = [
        secrets,
        files(
            "security.workflows",
            "look at the workflows",
            footprints::of_workflows(config),
            security::workflows::workflows,
        ),
        files(
            "security.images",
            "look at the Dockerfiles",
            footprints::of_dockerfiles(config),
            security::images::images,
        ),
        of_tools,
    ];
    let built = Task::new("security.built", security::images::built)
        .about("look for known vulnerabilities in the images that were pushed")
        .on_demand()
        .gate()
        .uncached("the images are in a registry");
    let of_images = config.components.iter().any(|component| component.image.is_some()).then_some(built);
    let tasks = repository.into_iter().chain(config.components.iter().map(of_component)).chain(of_images);
    tasks.map(|task| task.timeout(TIMEOUT_GATES).after([TOOLS])).collect()
}

/// It builds with what is in the repository, and needs nothing that is set up; only who names it gets it.
fn image_task(component: &Component, options: &image::Options, recorder: &image::Recorder) -> Option<Task> {
    let (options, recorder) = (options.clone(), recorder.clone());
    let work = move |cx: &Cx, component: &Component| image::component(cx, component, &options, &recorder);
    component.image.as_ref()?;
    let task = light_task("image", component, "build the image", work).on_demand();
    Some(task.uncached("an image is reused by its own fingerprint, wherever it was built"))
}

/// It needs the machine for itself; only who names it gets it.
fn perf_task(config: &Config, options: &perf::Options) -> Option<Task> {
    let timeout = perf::timeout(config.perf.as_ref()?, options);
    let options = options.clone();
    let task = Task::new("perf", move |cx| perf::perf(cx, &options))
        .about("put the servers under load, and compare");
    let task = task.cores(u32::MAX).timeout(timeout).on_demand();
    Some(task.uncached("what is measured is this machine, now"))
}

/// The task `VERB.COMPONENT`, which runs tools of the component: after its set-up, in `memory` bytes or what cargo needs.
fn task(
    verb: &str,
    component: &Component,
    about: &str,
    memory: u64,
    work: impl Fn(&Cx, &Component) -> Result<()> + Send + Sync + 'static,
) -> Task {
    let task = light_task(verb, component, about, work).after([format!("setup.{}", component.name)]);
    match component.kind {
        ComponentKind::Rust(_) => task.cores(CORES_CARGO).memory(MEMORY_CARGO).timeout(TIMEOUT_CARGO),
        ComponentKind::Python(_) | ComponentKind::Node(_) => task.memory(memory),
    }
}

/// The task `VERB.COMPONENT`, which waits for nothing and needs little.
fn light_task(
    verb: &str,
    component: &Component,
    about: &str,
    work: impl Fn(&Cx, &Component) -> Result<()> + Send + Sync + 'static,
) -> Task {
    let name = &component.name;
    let owned = component.clone();
    Task::new(format!("{verb}.{name}"), move |cx| work(cx, &owned))
        .about(format!("{about} of {name}"))
        .timeout(TIMEOUT)
}
