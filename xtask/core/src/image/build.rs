//! A build as a value, and the command lines that each engine has for it.
//!
//! Two steps for every engine: the image is built and written to an archive, which is looked at; then it is pushed. What is
//! refused was never in a registry. No command line holds a secret: certificates go in as a mounted file, credentials stay
//! where the engine finds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::engine::Engine;
use crate::command::Command;
use crate::registry::Reference;

/// The name under which the certificates of a company are mounted: `RUN --mount=type=secret,id=ca_bundle …`.
pub const CA_BUNDLE: &str = "ca_bundle";

/// The time that everything in an image gets, in seconds since 1970: 2000-01-01.
///
/// Not the time of the commit, which stands in the label `created`: a layer is reused from one commit to the next, by engines
/// and by registries, only where its bytes are the same; and an engine that has it in its cache does not write it anew with
/// another time, so that the digest would depend on the machine's past.
pub const LAYER_TIME: u64 = 946_684_800;

/// What is built, and how.
#[derive(Clone, Debug)]
pub struct Build {
    /// Who builds.
    pub engine: Engine,
    /// The Dockerfile.
    pub dockerfile: PathBuf,
    /// The folder that goes in.
    pub context: PathBuf,
    /// The name in the engine's own storage.
    pub local: String,
    /// Build arguments.
    pub arguments: BTreeMap<String, String>,
    /// Labels that the Dockerfile does not hold.
    pub labels: BTreeMap<String, String>,
    /// The platform; none stands for the engine's own.
    pub platform: Option<String>,
    /// Certificates that the build trusts: mounted as a secret, in no layer.
    pub ca_bundle: Option<PathBuf>,
    /// Where layers of earlier builds are.
    pub cache: Cache,
    /// The images that it begins with.
    pub bases: Vec<String>,
}

/// Where the layers of earlier builds are kept, beside the engine's own storage. Only buildx keeps them elsewhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cache {
    /// Nowhere else.
    Engine,
    /// The cache of GitHub Actions, under a name of its own for each image: two images with one name overwrite each other.
    Actions {
        /// The name.
        scope: String,
    },
    /// A repository in a registry.
    Registry {
        /// Its name with a tag.
        reference: String,
    },
}

/// What the surroundings and the configuration say about caches.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CacheWish {
    /// The cache of GitHub Actions where it can be reached, else the engine's own.
    #[default]
    Auto,
    /// A repository beside the image.
    Registry,
    /// The engine's own.
    Local,
}

/// The cache of a build, and what a reader should know about it.
pub fn cache(
    wish: CacheWish,
    engine: Engine,
    repository: &str,
    component: &str,
    is_on_actions: bool,
    has_runtime_token: bool,
) -> (Cache, Option<&'static str>) {
    match wish {
        _ if engine != Engine::Buildx => (Cache::Engine, None),
        CacheWish::Registry => (Cache::Registry { reference: format!("{repository}:build-cache") }, None),
        CacheWish::Auto if has_runtime_token => (Cache::Actions { scope: component.to_owned() }, None),
        CacheWish::Auto if is_on_actions => (
            Cache::Engine,
            Some("no cache of GitHub Actions: `ACTIONS_RUNTIME_TOKEN` is not set in this step"),
        ),
        CacheWish::Auto | CacheWish::Local => (Cache::Engine, None),
    }
}

/// The name of an image in a layout that has no other.
const LAYOUT_NAME: &str = "built";

impl Build {
    /// The commands that build the image and write it to `archive`, in the format of `docker save`; buildah keeps it, and
    /// writes with [`Build::export`] what is asked for.
    pub fn build(&self, archive: &Path, metadata: &Path) -> Vec<Command> {
        match self.engine {
            Engine::Buildx => {
                // Uncompressed, so that the layers can be looked at; what is pushed is compressed as always.
                let output = format!(
                    "type=docker,dest={},name={},compression=uncompressed,force-compression=true,rewrite-timestamp=true",
                    archive.display(),
                    self.local
                );
                let build = self.cache_to(self.buildx(metadata));
                vec![build.args(["--output", &output]).arg(&self.context)]
            }
            Engine::Buildah => vec![self.buildah()],
            Engine::Podman => vec![self.podman(), save("podman", &self.local, archive)],
            Engine::Docker => vec![self.docker(), save("docker", &self.local, archive)],
        }
    }

    /// The command with which buildah says what it has built.
    pub fn inspect(&self) -> Command {
        Command::new("buildah").args(["inspect", "--type", "image", &self.local])
    }

    /// The command with which buildah writes what it has built to `layout`, a folder in the format of OCI (image layout 1.0).
    /// A layer for which there is a file already, named by its diff id, is left out, whatever is in that file.
    pub fn export(&self, layout: &Path) -> Command {
        let to = format!("oci:{}:{LAYOUT_NAME}", layout.display());
        Command::new("buildah").args(["push", "--quiet", "--disable-compression", &self.local, &to])
    }

    /// The commands that push the image as `reference`. The digest is written to `digest`; for buildx, to its metadata.
    pub fn push(&self, reference: &str, digest: &Path) -> Vec<Command> {
        match self.engine {
            Engine::Buildx => {
                let output = format!("type=image,name={reference},push=true,rewrite-timestamp=true");
                vec![self.buildx(digest).args(["--output", &output]).arg(&self.context)]
            }
            Engine::Buildah | Engine::Podman => {
                let push = Command::new(self.engine.program()).args(["push", "--digestfile"]).arg(digest);
                let push = insecure(push, [reference]).arg(&self.local);
                vec![push.arg(if self.engine == Engine::Buildah {
                    format!("docker://{reference}")
                } else {
                    reference.to_owned()
                })]
            }
            Engine::Docker => vec![
                Command::new("docker").args(["tag", &self.local, reference]),
                Command::new("docker").args(["push", "--quiet", reference]),
            ],
        }
    }

    /// The command that says what a registry calls the image that docker has pushed to it.
    pub fn pushed_by_docker(reference: &str) -> Command {
        Command::new("docker").args([
            "image",
            "inspect",
            "--format",
            "{{join .RepoDigests \"\\n\"}}",
            reference,
        ])
    }

    fn buildx(&self, metadata: &Path) -> Command {
        let mut command =
            self.common(Command::new("docker").args(["buildx", "build", "--progress", "plain"]));
        // Both are on by default, and add a manifest for the platform `unknown/unknown` on which other tools stumble.
        command = command.args(["--provenance=false", "--sbom=false", "--metadata-file"]).arg(metadata);
        command = command.env("SOURCE_DATE_EPOCH", LAYER_TIME.to_string());
        match &self.cache {
            Cache::Engine => command,
            Cache::Actions { scope } => command.arg(format!("--cache-from=type=gha,scope={scope}")),
            Cache::Registry { reference } => {
                command.arg(format!("--cache-from=type=registry,ref={reference}"))
            }
        }
    }

    /// Keeps the layers for later builds. Once is enough: the build that pushes has nothing new.
    fn cache_to(&self, command: Command) -> Command {
        match &self.cache {
            Cache::Engine => command,
            Cache::Actions { scope } => {
                command.arg(format!("--cache-to=type=gha,scope={scope},mode=max,ignore-error=true"))
            }
            Cache::Registry { reference } => {
                command.arg(format!("--cache-to=type=registry,ref={reference},mode=max,ignore-error=true"))
            }
        }
    }

    fn buildah(&self) -> Command {
        // chroot: builds as well where a container may not start others. oci: in docker's own format stand the names of the
        // containers that built, so that no two builds are alike. What it lacks is HEALTHCHECK, which clusters do not read.
        let start = Command::new("buildah").args([
            "build",
            "--isolation",
            "chroot",
            "--layers",
            "--force-rm",
            "--format",
            "oci",
        ]);
        // A build that failed leaves no container behind. Its own version would make images differ that do not.
        let start = start.arg("--identity-label=false").args(["--timestamp", &LAYER_TIME.to_string()]);
        insecure(self.common(start), self.bases.iter().map(String::as_str))
            .args(["--tag", &self.local])
            .arg(&self.context)
    }

    fn podman(&self) -> Command {
        let start = Command::new("podman").args([
            "build",
            "--layers",
            "--force-rm",
            "--format",
            "oci",
            "--identity-label=false",
        ]);
        let start = start.args(["--timestamp", &LAYER_TIME.to_string()]);
        insecure(self.common(start), self.bases.iter().map(String::as_str))
            .args(["--tag", &self.local])
            .arg(&self.context)
    }

    fn docker(&self) -> Command {
        let start = Command::new("docker").arg("build").env("DOCKER_BUILDKIT", "0");
        self.common(start).args(["--tag", &self.local]).arg(&self.context)
    }

    /// What all engines spell alike.
    fn common(&self, mut command: Command) -> Command {
        command = command.arg("--file").arg(&self.dockerfile);
        for (name, value) in &self.arguments {
            command = command.args(["--build-arg", &format!("{name}={value}")]);
        }
        for (name, value) in &self.labels {
            command = command.args(["--label", &format!("{name}={value}")]);
        }
        if let Some(platform) = &self.platform {
            command = command.args(["--platform", platform]);
        }
        match &self.ca_bundle {
            // The classic builder has no secrets; the choice of the engine has seen to it that none is needed.
            Some(file) if self.engine != Engine::Docker => {
                command.args(["--secret", &format!("id={CA_BUNDLE},src={}", file.display())])
            }
            _ => command,
        }
    }
}

fn save(program: &str, image: &str, archive: &Path) -> Command {
    let command = Command::new(program).arg("save");
    let command = if program == "podman" { command.args(["--format", "docker-archive"]) } else { command };
    command.arg("--output").arg(archive).arg(image)
}

/// The command, told to speak without TLS where it speaks to nobody but this machine.
fn insecure<'r>(command: Command, images: impl IntoIterator<Item = &'r str>) -> Command {
    let mut images = images.into_iter().map(str::parse::<Reference>).peekable();
    let speaks = images.peek().is_some();
    let only_here = images.all(|image| image.is_ok_and(|image| image.is_loopback()));
    if speaks && only_here { command.arg("--tls-verify=false") } else { command }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn build(engine: Engine) -> Build {
        let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Build {
            engine,
            dockerfile: "backend/Dockerfile.prod".into(),
            context: "backend".into(),
            local: "localhost/vitalyst-backend:f1".to_owned(),
            arguments: map("BASE_IMAGE", "127.0.0.1:5000/base:1"),
            labels: map("org.opencontainers.image.licenses", "MIT OR Apache-2.0"),
            platform: Some("linux/amd64".to_owned()),
            ca_bundle: Some("/etc/ssl/ca.pem".into()),
            cache: cache(CacheWish::Auto, engine, "r.io/o/vitalyst-backend", "backend", true, true).0,
            bases: vec!["127.0.0.1:5000/base:1".to_owned()],
        }
    }

    fn check(engine: Engine, expected: &Expect) {
        let build = build(engine);
        let mut commands = build.build(Path::new("out/image.tar"), Path::new("out/metadata.json"));
        if engine == Engine::Buildah {
            commands.extend([build.inspect(), build.export(Path::new("out/image"))]);
        }
        commands.extend(build.push("ghcr.io/o/vitalyst-backend:c0ffee", Path::new("out/digest")));
        let lines: Vec<String> = commands.iter().map(ToString::to_string).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn each_engine_has_its_command_lines() {
        check(
            Engine::Buildx,
            &expect![[r#"
            SOURCE_DATE_EPOCH=946684800 docker buildx build --progress plain --file backend/Dockerfile.prod --build-arg BASE_IMAGE=127.0.0.1:5000/base:1 --label 'org.opencontainers.image.licenses=MIT OR Apache-2.0' --platform linux/amd64 --secret id=ca_bundle,src=/etc/ssl/ca.pem --provenance=false --sbom=false --metadata-file out/metadata.json --cache-from=type=gha,scope=backend --cache-to=type=gha,scope=backend,mode=max,ignore-error=true --output type=docker,dest=out/image.tar,name=localhost/vitalyst-backend:f1,compression=uncompressed,force-compression=true,rewrite-timestamp=true backend
            SOURCE_DATE_EPOCH=946684800 docker buildx build --progress plain --file backend/Dockerfile.prod --build-arg BASE_IMAGE=127.0.0.1:5000/base:1 --label 'org.opencontainers.image.licenses=MIT OR Apache-2.0' --platform linux/amd64 --secret id=ca_bundle,src=/etc/ssl/ca.pem --provenance=false --sbom=false --metadata-file out/digest --cache-from=type=gha,scope=backend --output type=image,name=ghcr.io/o/vitalyst-backend:c0ffee,push=true,rewrite-timestamp=true backend"#]],
        );
        check(
            Engine::Buildah,
            &expect![[r#"
            buildah build --isolation chroot --layers --force-rm --format oci --identity-label=false --timestamp 946684800 --file backend/Dockerfile.prod --build-arg BASE_IMAGE=127.0.0.1:5000/base:1 --label 'org.opencontainers.image.licenses=MIT OR Apache-2.0' --platform linux/amd64 --secret id=ca_bundle,src=/etc/ssl/ca.pem --tls-verify=false --tag localhost/vitalyst-backend:f1 backend
            buildah inspect --type image localhost/vitalyst-backend:f1
            buildah push --quiet --disable-compression localhost/vitalyst-backend:f1 oci:out/image:built
            buildah push --digestfile out/digest localhost/vitalyst-backend:f1 docker://ghcr.io/o/vitalyst-backend:c0ffee"#]],
        );
        check(
            Engine::Podman,
            &expect![[r#"
            podman build --layers --force-rm --format oci --identity-label=false --timestamp 946684800 --file backend/Dockerfile.prod --build-arg BASE_IMAGE=127.0.0.1:5000/base:1 --label 'org.opencontainers.image.licenses=MIT OR Apache-2.0' --platform linux/amd64 --secret id=ca_bundle,src=/etc/ssl/ca.pem --tls-verify=false --tag localhost/vitalyst-backend:f1 backend
            podman save --format docker-archive --output out/image.tar localhost/vitalyst-backend:f1
            podman push --digestfile out/digest localhost/vitalyst-backend:f1 ghcr.io/o/vitalyst-backend:c0ffee"#]],
        );
        check(
            Engine::Docker,
            &expect![[r#"
            DOCKER_BUILDKIT=0 docker build --file backend/Dockerfile.prod --build-arg BASE_IMAGE=127.0.0.1:5000/base:1 --label 'org.opencontainers.image.licenses=MIT OR Apache-2.0' --platform linux/amd64 --tag localhost/vitalyst-backend:f1 backend
            docker save --output out/image.tar localhost/vitalyst-backend:f1
            docker tag localhost/vitalyst-backend:f1 ghcr.io/o/vitalyst-backend:c0ffee
            docker push --quiet ghcr.io/o/vitalyst-backend:c0ffee"#]],
        );
    }

    #[test]
    fn tls_is_left_out_only_on_this_machine() {
        for (images, expected) in [
            (&["127.0.0.1:5000/a", "localhost/b"][..], true),
            (&["127.0.0.1:5000/a", "ghcr.io/b"], false),
            (&["python:3"], false),
            (&["x.localhost:5000/a"], true),
            (&["127.0.0.1:5000/A b"], false),
            (&[], false),
        ] {
            let command = insecure(Command::new("x"), images.iter().copied());
            assert_eq!(command.arguments().len() == 1, expected, "{images:?}");
        }
    }

    #[test]
    fn caches_have_a_scope_for_each_image_and_their_absence_is_said() {
        let ask =
            |wish, on_actions, token| cache(wish, Engine::Buildx, "r.io/o/p-web", "web", on_actions, token);
        assert_eq!(ask(CacheWish::Auto, true, true).0, Cache::Actions { scope: "web".to_owned() });
        let (none, said) = ask(CacheWish::Auto, true, false);
        assert_eq!((none, said.is_some()), (Cache::Engine, true));
        assert_eq!(ask(CacheWish::Auto, false, false), (Cache::Engine, None));
        assert_eq!(ask(CacheWish::Local, true, true), (Cache::Engine, None));
        assert_eq!(
            ask(CacheWish::Registry, false, false).0,
            Cache::Registry { reference: "r.io/o/p-web:build-cache".to_owned() }
        );
    }
}
