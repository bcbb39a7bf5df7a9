//! A PostgreSQL on this machine that the pods of a node reach, for as long as the value lives.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::harness::eventually;

/// Who owns the files and runs the server, which refuses to run as root.
const OWNERS: [&str; 2] = ["postgres", "nobody"];

/// The server.
pub(crate) struct Database {
    process: Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Database {
    /// One that listens at an address of this machine and lets in whoever comes from a private network. `None`, said, where
    /// PostgreSQL is not installed.
    pub(crate) fn start(address: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL's `initdb` and `postgres` are not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("xtask-database-").tempdir().unwrap();
        let owner =
            *OWNERS.iter().find(|name| Command::new("id").arg(name).output().unwrap().status.success())?;
        let as_owner = |program: &Path| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", owner, "--regid", owner, "--clear-groups", "--pdeathsig", "KILL"]);
            command.arg(program).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let data = folder.path().join("data");
        let made = as_owner(&programs.join("initdb"))
            .args(["--username=vitalyst", "--auth=trust", "--encoding=UTF8", "--no-sync", "--pgdata"])
            .arg(&data)
            .status();
        assert!(made.unwrap().success(), "a database is made");
        let mut access = std::fs::File::options().append(true).open(data.join("pg_hba.conf")).unwrap();
        writeln!(access, "host all all 10.0.0.0/8 trust").unwrap();
        let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
        let said = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = as_owner(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args([
                "-h",
                address,
                "-p",
                &port.to_string(),
                "-k",
                "",
                "-c",
                "max_connections=200",
                "-c",
                "fsync=off",
            ])
            .stderr(said)
            .spawn()
            .unwrap();
        let database =
            Self { process, folder, url: format!("postgresql://vitalyst@{address}:{port}/postgres") };
        eventually("the database takes connections", Duration::from_mins(1), || {
            let log = std::fs::read_to_string(database.folder.path().join("log")).unwrap_or_default();
            log.contains("ready to accept connections").then_some(())
        });
        Some(database)
    }

    /// What the service takes for `DATABASE_URL`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // An immediate end: its data outlive no test.
        if kill_process(Pid::from_child(&self.process), Signal::QUIT).is_ok() {
            drop(self.process.wait());
        }
    }
}

/// Debian keeps the server's programs off the `PATH`, one folder a version.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let complete = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    folders.chain(std::env::split_paths(&path)).find(complete)
}
