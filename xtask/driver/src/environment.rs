//! The environment that commands are given: what they need to work, and nothing that was not declared.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

use crate::core::mask;

/// Variables that every command is given where they are set, and that say where things are on this machine and how to reach
/// others. A trailing `*` stands for any ending. No result depends on them: what is found through them counts by itself.
///
/// People's machines need them, and so [`COUNTED`]. What a task reads beyond both is declared in `xtask.toml`: a secret of the run
/// must not reach tools that have no use for it.
pub const MACHINE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TERM",
    "COLORTERM",
    "XDG_*",
    "RUNNER_TRACKING_ID",
    "RUNNER_TEMP",
    // Proxies and certificates of companies.
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    // The package managers' own settings: mirrors, caches, offline mode.
    "PIP_*",
    "UV_*",
    "npm_config_*",
    "NPM_CONFIG_*",
    "CARGO_HOME",
    "CARGO_NET_*",
    "CARGO_HTTP_*",
    "CARGO_REGISTRIES_*",
    "RUSTUP_HOME",
    "PYENV_*",
    "NVM_*",
];

/// What tells package managers to ask nobody: cargo, pip, uv and npm. All of them are among those of [`MACHINE`].
pub const OFFLINE: &[(&str, &str)] = &[
    ("CARGO_NET_OFFLINE", "true"),
    ("PIP_NO_INDEX", "1"),
    ("UV_OFFLINE", "1"),
    ("npm_config_offline", "true"),
];

/// Variables that every command is given where they are set, and that may change what it does: a result depends on them.
pub const COUNTED: &[&str] = &[
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "CI",
    "GITHUB_ACTIONS",
    "SOURCE_DATE_EPOCH",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_*",
    "RUSTUP_*",
];

/// Whether one of the patterns names the variable; a trailing `*` stands for any ending.
pub fn is_named(name: &str, patterns: &[&str]) -> bool {
    let names = |pattern: &&str| {
        pattern.strip_suffix('*').map_or(**pattern == *name, |start| name.starts_with(start))
    };
    patterns.iter().any(names)
}

/// The variables of this process, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    all: BTreeMap<OsString, OsString>,
    /// Those that every command is given: asked for by each of thousands of tasks.
    usual: OnceLock<BTreeMap<OsString, OsString>>,
}

impl Environment {
    /// The variables of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place where variables come in")]
    pub fn of_this_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// These variables.
    pub fn new<N: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let all = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { all, usual: OnceLock::new() }
    }

    /// The same with other values for some of its variables.
    pub fn with(mut self, variables: &[(&str, &str)]) -> Self {
        self.all.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The value of a variable, where it is set and is UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all.get(OsStr::new(name)).and_then(|value| value.to_str())
    }

    /// The same, where it is not empty: many a system has no other way to say that a variable is not meant.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Where programs are looked for.
    pub fn path(&self) -> Option<&OsStr> {
        self.all.get(OsStr::new("PATH")).map(OsString::as_os_str)
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.all.iter()
    }

    /// The values that must not be shown: those of variables that look like secrets, or are named in `declared`.
    pub fn secrets(&self, declared: &[String]) -> Vec<String> {
        let text = self.all.iter().filter_map(|(name, value)| name.to_str().zip(value.to_str()));
        mask::secrets_of(text, declared)
    }

    /// What a command is given: [`MACHINE`], [`COUNTED`] and `declared`, as far as they are set.
    pub fn for_commands(&self, declared: &[String]) -> BTreeMap<OsString, OsString> {
        let usual = || self.named(&MACHINE.iter().chain(COUNTED).copied().collect::<Vec<_>>());
        let mut given = self.usual.get_or_init(usual).clone();
        if !declared.is_empty() {
            given.extend(self.named(&declared.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        given
    }

    /// The variables of these names, as far as they are set. A trailing `*` stands for any ending.
    pub fn named(&self, patterns: &[&str]) -> BTreeMap<OsString, OsString> {
        let passed = |name: &OsString| is_named(&name.to_string_lossy(), patterns);
        self.all.iter().filter(|(name, _)| passed(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_what_is_passed_and_what_is_declared() {
        let environment = Environment::new([
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("DATABASE_URL", "d"),
            ("PATHOLOGY", "x"),
            ("VITALYST_A", "1"),
            ("VITALYST_B", "2"),
        ]);
        let names = |declared: &[&str]| {
            let declared: Vec<String> = declared.iter().map(|&name| name.to_owned()).collect();
            environment
                .for_commands(&declared)
                .into_keys()
                .map(|n| n.into_string().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["LC_ALL", "PATH"]);
        assert_eq!(
            names(&["DATABASE_URL", "VITALYST_*"]),
            ["DATABASE_URL", "LC_ALL", "PATH", "VITALYST_A", "VITALYST_B"]
        );
    }
}
