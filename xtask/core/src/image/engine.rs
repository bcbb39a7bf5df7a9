//! Who builds: the engines that are known, and the choice among those that really work.

use std::fmt;

/// What builds images.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Engine {
    /// `docker buildx`, which is BuildKit.
    Buildx,
    /// `buildah`, without a daemon.
    Buildah,
    /// `podman`, which is buildah with more around it.
    Podman,
    /// `docker build` without BuildKit.
    Docker,
}

impl Engine {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Buildx, Self::Buildah, Self::Podman, Self::Docker];

    /// Its name, as `--engine` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buildx => "buildx",
            Self::Buildah => "buildah",
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// The engine of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The program that is started.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Buildx | Self::Docker => "docker",
            Self::Buildah => "buildah",
            Self::Podman => "podman",
        }
    }

    /// Arguments with which it shows that it works, and not only that it is there: a client without its daemon fails here, but
    /// for buildx, whose answer has to be read by [`of_builder`].
    pub const fn proof(self) -> &'static [&'static str] {
        match self {
            Self::Buildx => &["buildx", "inspect"],
            Self::Buildah => &["info"],
            Self::Podman => &["info", "--format", "{{.Version.Version}}"],
            Self::Docker => &["info", "--format", "{{.ServerVersion}}"],
        }
    }

    /// Who may start what it has built, the best first. buildx keeps its images to itself, and may build on a machine without a
    /// daemon.
    pub const fn starters(self) -> &'static [Self] {
        match self {
            Self::Buildx => &[Self::Docker, Self::Podman, Self::Buildah],
            Self::Buildah => &[Self::Buildah],
            Self::Podman => &[Self::Podman],
            Self::Docker => &[Self::Docker],
        }
    }

    const fn needs(self) -> &'static str {
        match self {
            Self::Buildx => "install Docker with the buildx plugin, and start it",
            Self::Buildah => "`apt-get install buildah`",
            Self::Podman => "`apt-get install podman`",
            Self::Docker => "start the docker daemon",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Arguments with which `docker` says how it keeps images.
pub const STORE: [&str; 3] = ["info", "--format", "{{json .DriverStatus}}"];

/// What `docker buildx inspect` says of its builder: it ends well also where nobody answers. `store` asks `docker` for
/// [`STORE`], and is called only where it matters.
///
/// # Errors
///
/// What `store` said when it could not ask.
pub fn of_builder<E>(inspected: &str, store: impl FnOnce() -> Result<String, E>) -> Result<State, E> {
    let field = |name: &str| {
        let mut values = inspected.lines().filter_map(|line| line.split_once(':'));
        values.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    };
    if let Some(error) = field("Error") {
        return Ok(State::Broken(error.to_owned()));
    }
    match (field("Driver"), field("Status")) {
        // One in a container starts when it is needed; one elsewhere is not ours to start.
        (Some("remote"), Some("inactive")) => {
            let place = field("Endpoint").unwrap_or_default();
            Ok(State::Broken(format!("the builder at `{place}` does not answer")))
        }
        // The one inside the daemon writes archives only where the daemon keeps its images in containerd.
        (Some("docker"), _) if !store()?.contains("io.containerd.snapshotter") => Ok(State::Broken(
            "Docker's built-in builder writes no archive to look at: `docker buildx create --use` makes one that does"
                .to_owned(),
        )),
        _ => Ok(State::Works),
    }
}

/// What asking an engine came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// Its program is not there.
    Absent,
    /// It is there and does not work; what it said.
    Broken(String),
    /// It works.
    Works,
}

impl State {
    /// Why `engine` will not do, where it does not work.
    pub fn why_not(&self, engine: Engine) -> Option<String> {
        match self {
            Self::Works => None,
            Self::Absent => Some(format!("{engine}: `{}` is not installed", engine.program())),
            Self::Broken(said) => Some(format!("{engine}: {said}")),
        }
    }
}

/// What a build asks of its engine.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    /// Why `RUN --mount` is needed: the place in a Dockerfile.
    pub mounts: Option<String>,
}

/// The engine that builds, and why it does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The engine.
    pub engine: Engine,
    /// Why, in words for a reader.
    pub reason: String,
}

/// Why nobody builds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What is wrong.
    pub message: String,
    /// What each engine lacks.
    pub causes: Vec<String>,
    /// What to do.
    pub hint: String,
}

/// Chooses an engine. `ask` finds out whether one works, and is asked for no more engines than it takes.
///
/// # Errors
///
/// Why none will do; or what `ask` said when it could not ask.
pub fn choose<E>(
    wanted: Option<Engine>,
    demand: &Demand,
    mut ask: impl FnMut(Engine) -> Result<State, E>,
) -> Result<Result<Choice, Refusal>, E> {
    let mut passed_over: Vec<String> = Vec::new();
    for engine in wanted.map_or(Engine::ALL.to_vec(), |engine| vec![engine]) {
        let lack = || lacks(engine, demand).map(|lack| format!("{engine}: {lack}"));
        if let Some(why_not) = ask(engine)?.why_not(engine).or_else(lack) {
            passed_over.push(why_not);
            continue;
        }
        let reason = if wanted.is_some() { "as asked for" } else { "the first that works" };
        let mut reason = reason.to_owned();
        if !passed_over.is_empty() {
            reason = format!("{reason} ({})", passed_over.join("; "));
        }
        if engine == Engine::Docker {
            reason.push_str("; a fallback without cache export and without reproducible layers");
        }
        return Ok(Ok(Choice { engine, reason }));
    }
    let message = match wanted {
        Some(engine) => format!("`{engine}` cannot build this"),
        None => "nothing here can build images".to_owned(),
    };
    let hint = match wanted {
        Some(engine) => format!("{}; or leave the choice: `--engine auto`", engine.needs()),
        None => format!("{}; or {}", Engine::Buildah.needs(), Engine::Buildx.needs()),
    };
    Ok(Err(Refusal { message, causes: passed_over, hint }))
}

/// What an engine cannot do that is asked for.
fn lacks(engine: Engine, demand: &Demand) -> Option<String> {
    match engine {
        Engine::Docker if demand.mounts.is_some() => {
            let place = demand.mounts.as_deref().unwrap_or_default();
            Some(format!(
                "the classic builder knows no `RUN --mount`, which {place} has: it could not be given secrets"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        wanted: Option<Engine>,
        demand: &Demand,
        working: &[Engine],
    ) -> (Result<Choice, Refusal>, Vec<Engine>) {
        let mut asked = Vec::new();
        let choice = choose(wanted, demand, |engine| {
            asked.push(engine);
            Ok::<_, ()>(match engine {
                engine if working.contains(&engine) => State::Works,
                Engine::Buildx => State::Broken("cannot connect to the docker daemon".to_owned()),
                _ => State::Absent,
            })
        });
        (choice.unwrap(), asked)
    }

    #[test]
    fn the_first_that_works_builds_and_it_is_said_why() {
        let demand = Demand::default();
        let (choice, asked) = chosen(None, &demand, &[Engine::Buildah, Engine::Docker]);
        let choice = choice.unwrap();
        assert_eq!(choice.engine, Engine::Buildah);
        assert_eq!(choice.reason, "the first that works (buildx: cannot connect to the docker daemon)");
        assert_eq!(asked, [Engine::Buildx, Engine::Buildah]);
        let (choice, _) = chosen(None, &demand, &[Engine::Docker]);
        assert!(
            choice
                .unwrap()
                .reason
                .ends_with("a fallback without cache export and without reproducible layers")
        );
        let (choice, asked) = chosen(Some(Engine::Podman), &demand, &[Engine::Podman]);
        assert_eq!((choice.unwrap().reason.as_str(), asked.len()), ("as asked for", 1));
    }

    #[test]
    fn who_cannot_is_refused_with_the_reason() {
        let mounts = Demand { mounts: Some("Dockerfile:7".to_owned()) };
        let (refusal, _) = chosen(None, &mounts, &[Engine::Docker]);
        let refusal = refusal.unwrap_err();
        assert_eq!(refusal.message, "nothing here can build images");
        assert_eq!(refusal.causes.len(), 4);
        assert!(refusal.causes[3].contains("knows no `RUN --mount`, which Dockerfile:7 has"));
        let (refusal, _) = chosen(Some(Engine::Docker), &mounts, &[Engine::Docker]);
        assert_eq!(refusal.unwrap_err().message, "`docker` cannot build this");
        assert_eq!(Engine::ALL.map(|engine| Engine::of(engine.name())), Engine::ALL.map(Some));
        assert_eq!(Engine::of("auto"), None);
    }

    /// What buildx 0.38 said, the last two with other values.
    #[test]
    fn the_answer_of_buildx_is_read() {
        let nobody = "Name:   default\nDriver: \nError:  failed to connect to the docker API at unix:///no.sock; check if the \
                      path is correct and if the daemon is running: dial unix /no.sock: connect: no such file\n";
        let elsewhere = "Name:          rem\nDriver:        remote\nLast Activity: 2026-11-25 09:09:00 +0000 UTC\n\n\
                         Nodes:\nName:     rem0\nEndpoint: unix:///no.sock\nStatus:   inactive\n";
        let inside = "Name:          default\nDriver:        docker\n\nNodes:\nName:             default\n\
                      Endpoint:         default\nStatus:           running\nBuildKit version: v0.8+unknown\n";
        let running = elsewhere.replace("inactive", "running");
        let boxed = elsewhere.replace("remote", "docker-container");
        let containerd = r#"[["driver-type","io.containerd.snapshotter.v1"]]"#;
        let overlay = r#"[["Backing Filesystem","extfs"],["Supports d_type","true"]]"#;
        for (inspected, store, lack) in [
            (nobody, None, Some("failed to connect to the docker API at unix:///no.sock")),
            (elsewhere, None, Some("the builder at `unix:///no.sock` does not answer")),
            (inside, Some(overlay), Some("Docker's built-in builder writes no archive")),
            (inside, Some(containerd), None),
            (&running, None, None),
            (&boxed, None, None),
        ] {
            let state = of_builder(inspected, || store.map(str::to_owned).ok_or("nobody asks")).unwrap();
            match (&state, lack) {
                (State::Broken(said), Some(lack)) => assert!(said.starts_with(lack), "{said}"),
                _ => assert_eq!((state, lack), (State::Works, None), "{inspected}"),
            }
        }
        assert_eq!(of_builder(inside, || Err::<String, _>("interrupted")), Err("interrupted"));
    }
}
