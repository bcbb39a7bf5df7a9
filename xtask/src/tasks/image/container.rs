//! A built image as a server beside some work: what starts it, in the network of the machine, and what it is given.

use std::path::Path;

use super::engines;
use crate::core::command::Command;
use crate::core::image::engine::Engine;
use crate::core::registry::Reference;
use crate::cx::Cx;
use crate::error::{Context as _, Result};

/// Who may start servers, the best first.
const ENGINES: [Engine; 3] = [Engine::Docker, Engine::Podman, Engine::Buildah];

/// A container that shares the network of the machine and one folder with it.
#[derive(Clone, Copy, Debug)]
pub(in crate::tasks) struct Container<'c> {
    /// The image, `repository@sha256:…` or `repository:tag`; it is pulled where it is not here.
    pub(in crate::tasks) image: &'c str,
    /// What the container is called; nothing else may be called so.
    pub(in crate::tasks) name: &'c str,
    /// Its variables, beside those of the image.
    pub(in crate::tasks) environment: &'c [(String, String)],
    /// The folder, and where it is inside.
    pub(in crate::tasks) folder: (&'c Path, &'c str),
}

impl Container<'_> {
    /// What prepares it, in order; what runs `command` in it; and what takes it away. Each of `prepare` is a command that runs
    /// in it before.
    pub(in crate::tasks) fn commands(
        &self,
        engine: Engine,
        prepare: &[Vec<String>],
        command: &[String],
    ) -> (Vec<Command>, Command, Option<Command>) {
        let program = engine.program();
        let mut volume = self.folder.0.as_os_str().to_owned();
        volume.push(":");
        volume.push(self.folder.1);
        let variables =
            self.environment.iter().flat_map(|(name, value)| ["--env".to_owned(), format!("{name}={value}")]);
        let variables: Vec<String> = variables.collect();
        if engine == Engine::Buildah {
            let is_here = self.image.parse::<Reference>().is_ok_and(|image| image.is_loopback());
            let from = Command::new(program).args(["from", "--name", self.name]);
            // A registry on this machine speaks plain HTTP, as docker takes for granted.
            let from = if is_here { from.arg("--tls-verify=false") } else { from };
            let run = |words: &[String]| {
                let run = Command::new(program).args(["run", "--isolation", "chroot"]).args(&variables);
                run.arg("--volume").arg(&volume).args([self.name, "--"]).args(words)
            };
            let before = std::iter::once(from.arg(self.image)).chain(prepare.iter().map(|words| run(words)));
            return (before.collect(), run(command), Some(Command::new(program).args(["rm", self.name])));
        }
        let run = |words: &[String]| {
            let (entry, rest) =
                words.split_first().map_or(("", words), |(entry, rest)| (entry.as_str(), rest));
            let run = Command::new(program).args(["run", "--rm", "--network", "host", "--name", self.name]);
            let run = run.args(&variables).arg("--volume").arg(&volume);
            run.args(["--entrypoint", entry, self.image]).args(rest)
        };
        let before = prepare.iter().map(|words| run(words)).collect();
        (before, run(command), Some(Command::new(program).args(["rm", "--force", self.name])))
    }
}

/// Who starts servers from images here, and what the report calls that; `None` where nobody can, which is said.
pub(in crate::tasks) fn engine(cx: &Cx) -> Result<Option<(Engine, String)>> {
    if !cfg!(target_os = "linux") {
        cx.note("containers share no network with this machine: the servers are started from the files");
        return Ok(None);
    }
    let mut reasons = Vec::new();
    for engine in ENGINES {
        match engines::ask(cx, engine)?.why_not(engine) {
            None => {
                let said =
                    cx.output(engines::with_variables(cx, Command::new(engine.program()).arg("--version")))?;
                let version = said.stdout.lines().next().unwrap_or_default();
                return Ok(Some((engine, crate::core::text::one_line(version).into_owned())));
            }
            Some(reason) => reasons.push(reason),
        }
    }
    cx.note(format!(
        "no container engine works, so the servers are started from the files: {}",
        reasons.join("; ")
    ));
    Ok(None)
}

/// Lets whoever a container runs as write into its folder.
pub(in crate::tasks) fn open_to_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder, permissions).context(|| format!("could not open `{}`", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_prepared_and_served_has_the_same_variables_and_folder() {
        let environment = [("PORT".to_owned(), "4000".to_owned())];
        let container = Container {
            image: "127.0.0.1:5000/x@sha256:aa",
            name: "one",
            environment: &environment,
            folder: (Path::new("/tmp/one"), "/data"),
        };
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let lines = |engine| {
            let (before, run, after) =
                container.commands(engine, &[words("python seed")], &words("python serve"));
            before
                .into_iter()
                .chain([run])
                .chain(after)
                .map(|command| command.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(Engine::Docker),
            [
                "docker run --rm --network host --name one --env PORT=4000 --volume /tmp/one:/data --entrypoint python 127.0.0.1:5000/x@sha256:aa seed",
                "docker run --rm --network host --name one --env PORT=4000 --volume /tmp/one:/data --entrypoint python 127.0.0.1:5000/x@sha256:aa serve",
                "docker rm --force one",
            ]
        );
        let buildah = lines(Engine::Buildah);
        assert!(buildah[0].starts_with("buildah from --name one"), "{buildah:?}");
        assert_eq!(
            buildah[1..],
            [
                "buildah run --isolation chroot --env PORT=4000 --volume /tmp/one:/data one -- python seed",
                "buildah run --isolation chroot --env PORT=4000 --volume /tmp/one:/data one -- python serve",
                "buildah rm one",
            ]
        );
    }
}
