//! A real registry: Debian's `docker-registry`, for as long as a test runs.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::program;

/// What says that a machine must have it, so that a skip does not hide that nothing was tried.
const REQUIRED: &str = "XTASK_REQUIRE_REGISTRY";

/// A registry that ends with this value.
pub(crate) struct Real {
    process: Child,
    port: u16,
    folder: TempDir,
}

/// How a registry wants to be told who asks.
pub(crate) enum Door<'a> {
    /// Not at all.
    Open,
    /// By one name and password: [`USER`] and [`PASSWORD`].
    Password,
    /// By tokens of this issuer, signed by whom this certificate belongs to.
    Token { realm: &'a str, certificate: &'a Path },
}

pub(crate) const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "s3cret-password";

/// [`PASSWORD`] as `htpasswd -B` writes it.
const BCRYPT: &str = "$2b$04$xUxcuKcV3C8fsiVNnZ111uRGNI1oOFObD1kzErYuLpgYGodUoukUK";

/// Whether a program is installed. Where it must be and is not, the test fails; where it need not be, that is said.
pub(crate) fn installed(program: &str) -> bool {
    let found = which::which(program).is_ok();
    if !found {
        assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, and `{program}` is not installed");
        println!("skipped: `{program}` is not installed");
    }
    found
}

impl Real {
    /// Starts one. `None`, said, where it is not installed and need not be.
    pub(crate) fn start(door: &Door<'_>) -> Option<Self> {
        if !installed("docker-registry") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port before the registry does.
        (0..5).find_map(|_| Self::try_start(door, &folder)).map(|(process, port)| Self {
            process,
            port,
            folder,
        })
    }

    fn try_start(door: &Door<'_>, folder: &TempDir) -> Option<(Child, u16)> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let passwords = folder.path().join("passwords");
        fs::write(&passwords, format!("{USER}:{BCRYPT}\n")).unwrap();
        let auth = match door {
            Door::Open => String::new(),
            Door::Password => format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", passwords.display()),
            Door::Token { realm, certificate } => format!(
                "auth: {{token: {{realm: {realm:?}, service: test, issuer: test, rootcertbundle: {}}}}}\n",
                certificate.display()
            ),
        };
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\", secret: test}}\n{auth}",
            folder.path().join("storage").display()
        );
        fs::write(&config, text).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env_clear()
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        program::listening(process, port, &folder.path().join("log")).map(|process| (process, port))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its name in references.
    pub(crate) fn name(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The file behind a blob in its storage, to be broken.
    pub(crate) fn blob_file(&self, digest: &str) -> std::path::PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let storage = self.folder.path().join("storage/docker/registry/v2/blobs/sha256");
        storage.join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
