//! A real server that keeps files: nginx with `WebDAV`, for as long as a test runs.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::program;

/// What says that a machine must have it, so that a skip does not hide that nothing was tried.
const REQUIRED: &str = "XTASK_REQUIRE_NGINX";

/// The token that [`Nginx::with_token`] wants.
pub(super) const TOKEN: &str = "t0ken-of-the-cache";

/// A server that ends with this value.
pub(super) struct Nginx {
    process: Child,
    port: u16,
    folder: TempDir,
}

/// Where Debian puts it is not in everybody's `PATH`.
fn program() -> Option<PathBuf> {
    let found = which::which("nginx")
        .ok()
        .or_else(|| Some(PathBuf::from("/usr/sbin/nginx")).filter(|path| path.exists()));
    if found.is_none() {
        assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, and `nginx` is not installed");
        println!("skipped: `nginx` is not installed");
    }
    found
}

impl Nginx {
    /// Starts one that lets everybody read and write. `None`, said, where it is not installed and need not be.
    pub(super) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts one that wants to be told [`TOKEN`].
    pub(super) fn with_token() -> Option<Self> {
        Self::start_with(&format!("if ($http_authorization != \"Bearer {TOKEN}\") {{ return 401; }}"))
    }

    /// Starts one that wants to be told `me` and `s3cret-word`.
    pub(super) fn with_password() -> Option<Self> {
        Self::start_with("if ($http_authorization != \"Basic bWU6czNjcmV0LXdvcmQ=\") { return 401; }")
    }

    /// Starts one that lets everybody read, and nobody write.
    pub(super) fn read_only() -> Option<Self> {
        Self::start_with("limit_except GET { deny all; }")
    }

    fn start_with(rule: &str) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port before it does.
        (0..5).find_map(|_| try_start(&program, &folder, rule)).map(|(process, port)| Self {
            process,
            port,
            folder,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/shared", self.port)
    }

    /// The number of its process.
    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    /// The files that it keeps, below `shared/` and this folder.
    pub(super) fn files(&self, folder: &str) -> Vec<PathBuf> {
        let all =
            walkdir::WalkDir::new(self.folder.path().join("data/shared").join(folder)).sort_by_file_name();
        let files = all.into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
        files.map(walkdir::DirEntry::into_path).collect()
    }

    /// What it was asked: method, path and status of each request.
    pub(super) fn asked(&self) -> String {
        fs::read_to_string(self.folder.path().join("access")).unwrap()
    }
}

fn try_start(program: &PathBuf, folder: &TempDir, rule: &str) -> Option<(Child, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let path = folder.path().display();
    fs::create_dir_all(folder.path().join("data")).unwrap();
    let config = folder.path().join("nginx.conf");
    let text = format!(
        "daemon off;\nmaster_process off;\nerror_log stderr;\npid {path}/pid;\nevents {{}}\nhttp {{\n\
         log_format asked \"$request_method $uri $status\";\naccess_log {path}/access asked;\n\
         client_body_temp_path {path}/body;\nproxy_temp_path {path}/proxy;\nfastcgi_temp_path {path}/fastcgi;\n\
         uwsgi_temp_path {path}/uwsgi;\nscgi_temp_path {path}/scgi;\n\
         server {{\nlisten 127.0.0.1:{port};\nroot {path}/data;\nclient_max_body_size 0;\n\
         location /shared/ {{\ndav_methods PUT;\ncreate_full_put_path on;\n{rule}\n}}\n}}\n}}\n"
    );
    fs::write(&config, text).unwrap();
    let process = Command::new(program)
        .arg("-c")
        .arg(&config)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    program::listening(process, port, &folder.path().join("log")).map(|process| (process, port))
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
