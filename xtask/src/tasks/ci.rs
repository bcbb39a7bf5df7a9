//! The standard pipeline of a repository, made from its components.

use std::time::Duration;

use super::lint::Fix;
use super::{architecture, dependencies, docs, footprints, image, lint, security, setup, test};
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
}

impl Options {
    /// Checks everything and mends nothing.
    pub const CHECK: Self = Self {
        fix: Fix::Check,
        test_args: Vec::new(),
        image: image::Options::LOCAL,
        security: security::Options { history: false },
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

/// Why what is compared with advisories is compared each time.
const FEED: &str = "advisories change while the repository does not";

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
    let setup_tools = Task::new(TOOLS, setup::tools)
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
        .cached(Footprint::new().reads(requirements));
    let recorder = image::Recorder::default();
    let each = |make: &dyn Fn(&Component) -> Option<Task>| -> Vec<Task> {
        config.components.iter().filter_map(make).collect()
    };
    // The verbs in the order in which people read them; when a task runs is decided by what it waits for.
    Pipeline::new()
        .extend(has_tools.then_some(setup_tools))
        .extend(each(&|component| Some(setup_task(config, component))))
        .extend(each(&|component| architecture_task(config, component)))
        .extend(has_tools.then_some(check_tools))
        .extend(each(&|component| Some(dependencies_task(config, component))))
        .extend(each(&|component| lint_task(config, component, options.fix)))
        .extend(each(&|component| Some(test_task(config, component, &options.test_args))))
        .extend(each(&|component| docs_task(config, component)))
        .extend(security_tasks(config, options.security))
        .extend(each(&|component| image_task(component, &options.image, &recorder)))
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
    let task = light_task("setup", component, "install the needs", setup::component)
        .uncached(LOOKS_ITSELF)
        .concerns(footprints::of(config, component, "setup"));
    // The installer of Python packages is one of the tools.
    let takes_tools = matches!(component.kind, ComponentKind::Python(_)) && config.tools.is_some();
    task.after(takes_tools.then_some(TOOLS))
}

fn architecture_task(config: &Config, component: &Component) -> Option<Task> {
    let task = light_task("architecture", component, "check the imports", architecture::component)
        .cached(footprints::of(config, component, "architecture"));
    // The contracts of Python are checked by a tool of the component; those of Rust are read here.
    let takes_tool = matches!(component.kind, ComponentKind::Python(_));
    let setup = takes_tool.then(|| format!("setup.{}", component.name));
    architecture::applies(component).then(|| task.after(setup))
}

/// It reads manifests and lock files, so that nothing has to be installed before it.
fn dependencies_task(config: &Config, component: &Component) -> Task {
    light_task("dependencies", component, "check the dependencies", dependencies::component)
        .cached(footprints::of_dependencies(config, component))
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
        Fix::Check => task.cached(footprints::of(config, component, "lint")),
        Fix::Apply => {
            task.uncached("it changes what it reads").concerns(footprints::of(config, component, "lint"))
        }
    })
}

fn test_task(config: &Config, component: &Component, args: &[String]) -> Task {
    let options = test::Options { args: args.to_vec() };
    let work = move |cx: &Cx, component: &Component| test::component(cx, component, &options).map(drop);
    task("test", component, "run the tests", 1024 * MIB, work)
        .cached(footprints::of_tests(config, component, args))
}

fn docs_task(config: &Config, component: &Component) -> Option<Task> {
    let has_docs = match &component.kind {
        ComponentKind::Python(python) => python.docs.is_some(),
        ComponentKind::Rust(_) => true,
        ComponentKind::Node(_) => false,
    };
    let work = |cx: &Cx, component: &Component| docs::component(cx, component).map(drop);
    has_docs.then(|| {
        task("docs", component, "build the documentation", 512 * MIB, work)
            .cached(footprints::of_docs(config, component))
    })
}

/// The gates, which the scanners among the tools make possible.
fn security_tasks(config: &Config, options: security::Options) -> Vec<Task> {
    let Some(tools) = &config.tools else { return Vec::new() };
    let secrets = Task::new("security.secrets", move |cx| security::secrets::secrets(cx, options));
    let secrets = secrets.about("look for secrets in all files");
    let secrets = if options.history {
        secrets
            .about("look for secrets in all commits")
            .uncached("the history is no file that could be compared")
    } else {
        secrets.cached(footprints::of_secrets(config))
    };
    let files = |id: &str, about: &str, footprint, work: fn(&Cx) -> Result<()>| {
        Task::new(id, work).about(about).cached(footprint)
    };
    let of_tools = Task::new("security.tools", security::vulnerabilities::tools)
        .about("look for known vulnerabilities of the tools")
        .uncached(FEED)
        .concerns(Footprint::new().reads([tools.requirements.display().to_string()]));
    let of_component = |component: &Component| {
        let work = security::vulnerabilities::component;
        let about = "look for known vulnerabilities and dangerous code";
        // The linter of Python code is among what set-up installs.
        let setup =
            matches!(component.kind, ComponentKind::Python(_)).then(|| format!("setup.{}", component.name));
        light_task("security", component, about, work)
            .after(setup)
            .uncached(FEED)
            .concerns(footprints::of_security(config, component))
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
    let tasks = repository.into_iter().chain(config.components.iter().map(of_component));
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
