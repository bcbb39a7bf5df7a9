//! Who we are to a registry: what `docker login` has kept, what a helper knows, what a workflow is given.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Means, service};
use crate::core::capture::Capture;
use crate::core::registry::credentials::{
    Credentials, DockerConfig, Source, helper_of_registry, is_helper_name, of_helper,
};
use crate::core::secret::Secret;
use crate::driver::files;
use crate::driver::process::{self, Exit, Request, Stream};
use crate::error::{Error, Result};

/// How long a helper may take: it may have to ask a service of its own.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// How much a helper may print, in bytes.
const ANSWER_MAX: usize = 64 << 10;

/// What helpers need beyond what every command is given: where they keep secrets, and who they are to a cloud.
const HELPER_VARIABLES: &[&str] = &[
    "DOCKER_CONFIG",
    "AWS_*",
    "CLOUDSDK_*",
    "GOOGLE_*",
    "AZURE_*",
    "ACR_*",
    "GNUPGHOME",
    "PASSWORD_STORE_*",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
];

/// The credentials for a registry; `None` where nobody is logged in.
pub(super) fn find(means: &Means, registry: &str) -> Result<Option<Credentials>> {
    for source in docker_config(means)?.sources(registry)? {
        let found = match source {
            Source::Here(credentials) => Some(credentials),
            Source::Helper { name, server } => ask_helper(means, &name, &server)?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    if let Some(name) = helper_of_registry(registry)
        && program(means, name).is_ok()
        && let Some(found) = ask_helper(means, name, registry)?
    {
        return Ok(Some(found));
    }
    Ok(github(means, registry))
}

/// In a workflow, its token opens the registry of GitHub. The name that goes with it is shown and not checked.
fn github(means: &Means, registry: &str) -> Option<Credentials> {
    let get = |name| means.environment.filled(name);
    let token = get("GITHUB_TOKEN").filter(|_| registry == "ghcr.io")?;
    let user = get("GITHUB_ACTOR").unwrap_or("x-access-token").to_owned();
    Some(Credentials::Password { user, password: Secret::new(token) })
}

fn docker_config(means: &Means) -> Result<DockerConfig> {
    let get = |name| means.environment.filled(name);
    let folder = get("DOCKER_CONFIG").map(PathBuf::from);
    let Some(folder) = folder.or_else(|| Some(PathBuf::from(get("HOME")?).join(".docker"))) else {
        return Ok(DockerConfig::default());
    };
    let path = folder.join("config.json");
    if !path.exists() {
        return Ok(DockerConfig::default());
    }
    let text = files::read(&path)?;
    DockerConfig::parse(&text)
        .map_err(|invalid| Error::from(invalid).context(format!("could not use `{}`", path.display())))
}

fn program(means: &Means, name: &str) -> Result<PathBuf> {
    let program = format!("docker-credential-{name}");
    process::find_in(means.environment.path(), program.as_ref(), &means.folder)
}

/// Asks a helper. What it answers goes from its pipe to us and nowhere else.
fn ask_helper(means: &Means, name: &str, server: &str) -> Result<Option<Credentials>> {
    let helper = format!("docker-credential-{name}");
    let failed = || format!("`{helper}` did not say who we are to `{server}`");
    if !is_helper_name(name) {
        return Err(Error::configuration(format!("`{name}` is no helper for credentials"))
            .hint("docker's `config.json` names it in `credsStore` or `credHelpers`"));
    }
    let hint =
        "docker's `config.json` names it in `credsStore` or `credHelpers`: install it, or take it out there";
    let program =
        program(means, name).map_err(|_| Error::missing(format!("`{helper}` is not there")).hint(hint))?;
    let mut env = means.environment.for_commands(&[]);
    env.extend(means.environment.named(HELPER_VARIABLES));
    let request = Request {
        program,
        args: vec!["get".into()],
        env,
        cwd: means.folder.clone(),
        stdin: format!("{server}\n").into_bytes(),
        apart: true,
        deadline: Some(Instant::now() + HELPER_TIMEOUT),
        stop: None,
        sandbox: None,
    };
    let mut stdout = Vec::new();
    let mut stderr = Capture::new(2 << 10, 2 << 10);
    let finished = means.runner.run(&request, &mut |stream, bytes| match stream {
        Stream::Stdout => stdout.extend_from_slice(&bytes[..bytes.len().min(ANSWER_MAX - stdout.len())]),
        Stream::Stderr => stderr.push(bytes),
    })?;
    let succeeded = match finished.exit {
        Exit::Cancelled => return Err(Error::interrupted()),
        exit => exit == Exit::Code(0),
    };
    of_helper(succeeded, &String::from_utf8_lossy(&stdout)).map_err(|invalid| {
        let error = service(invalid).cause(format!("it ended with {}", finished.exit)).context(failed());
        let said = means.mask.text(stderr.text().trim());
        let error = if said.is_empty() { error } else { error.cause(said) };
        error.hint(format!("`echo {server} | {helper} get` shows what it says"))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::http::retry::Policy;
    use crate::core::mask::Mask;
    use crate::driver::cancel::Cancel;
    use crate::driver::environment::Environment;
    use crate::driver::http::Client;
    use crate::driver::process::Processes;

    fn found(registry: &str, variables: &[(&str, &str)]) -> Option<(String, String)> {
        let (environment, cancel) = (Environment::new(variables.iter().copied()), Cancel::default());
        let means = Means {
            client: Client::new(environment.clone(), cancel.clone()),
            environment,
            runner: Arc::new(Processes::new(cancel.clone())),
            retries: Policy::default(),
            cancel,
            mask: Mask::default(),
            folder: PathBuf::from("/"),
        };
        match find(&means, registry).unwrap()? {
            Credentials::Password { user, password } => Some((user, password.expose().to_owned())),
            other => panic!("a name and a password: {other:?}"),
        }
    }

    #[test]
    fn a_workflow_is_let_in_by_github_and_only_there() {
        let of = |user: &str| Some((user.to_owned(), "t0ken".to_owned()));
        let token = ("GITHUB_TOKEN", "t0ken");
        assert_eq!(found("ghcr.io", &[token, ("GITHUB_ACTOR", "me")]), of("me"));
        assert_eq!(found("ghcr.io", &[token]), of("x-access-token"));
        assert_eq!(found("ghcr.io", &[("GITHUB_TOKEN", "")]), None);
        for registry in ["docker.io", "ghcr.io.example.com", "localhost:5000"] {
            assert_eq!(found(registry, &[token]), None, "{registry}");
        }
    }

    #[test]
    fn who_logged_in_goes_before_the_workflow() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"auths": {"ghcr.io": {"auth": "YTpi"}}}"#)
            .unwrap();
        let config = folder.path().display().to_string();
        let variables = [("GITHUB_TOKEN", "t0ken"), ("DOCKER_CONFIG", config.as_str())];
        assert_eq!(found("ghcr.io", &variables), Some(("a".to_owned(), "b".to_owned())));
    }

    #[test]
    fn amazon_is_asked_by_its_helper_where_there_is_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let registry = "1234.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(found(registry, &[("PATH", "/nowhere")]), None);
        let folder = tempfile::tempdir().unwrap();
        let helper = folder.path().join("docker-credential-ecr-login");
        let script = "#!/bin/sh\nread server\necho \"{\\\"Username\\\":\\\"AWS\\\",\\\"Secret\\\":\\\"$server\\\"}\"\n";
        std::fs::write(&helper, script).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        assert_eq!(found(registry, &[("PATH", &path)]), Some(("AWS".to_owned(), registry.to_owned())));
    }
}
