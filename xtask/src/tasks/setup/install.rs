//! Runs installers: with the machine's proxies, mirrors and certificates, and with words for how they fail.

use crate::core::command::Command;
use crate::core::installer::{Trouble, explain};
use crate::cx::Cx;
use crate::error::{Error, Result};

/// Variables that would lead an installer to another place than the one it is told, or past its hashes.
const MISLEADING: &[&str] = &[
    "PIP_CONSTRAINT",
    "PIP_DRY_RUN",
    "PIP_NO_DEPS",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_REQUIREMENT",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "UV_BUILD_CONSTRAINT",
    "UV_CONSTRAINT",
    "UV_EXCLUDE",
    "UV_EXCLUDE_NEWER",
    "UV_NO_VERIFY_HASHES",
    "UV_OVERRIDE",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "npm_config_dry_run",
    "npm_config_global",
    "npm_config_location",
    "npm_config_omit",
    "npm_config_package_lock_only",
];

/// For a variable that an installer reads, the variables of others that mean the same; the first that is set counts.
///
/// A company says once where its mirror and its certificates are, and pip, uv and npm each look elsewhere: uv reads neither
/// pip's variables nor `REQUESTS_CA_BUNDLE`, the authorities that come with pip and Node know no company.
type StandIns = &'static [(&'static str, &'static [&'static str])];

/// An installer.
#[derive(Clone, Copy, Debug)]
pub(in crate::tasks) enum Installer {
    /// `python -m venv`, `ensurepip` and pip.
    Pip,
    /// uv.
    Uv,
    /// npm.
    Npm,
    /// cargo.
    Cargo,
}

impl Installer {
    const fn stand_ins(self) -> StandIns {
        match self {
            Self::Pip => &[("PIP_CERT", &["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])],
            Self::Uv => &[
                ("UV_DEFAULT_INDEX", &["UV_INDEX_URL", "PIP_INDEX_URL"]),
                ("UV_INDEX", &["UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"]),
                ("SSL_CERT_FILE", &["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]),
            ],
            Self::Npm => &[(
                "NODE_EXTRA_CA_CERTS",
                &["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
            )],
            Self::Cargo => &[(
                "CARGO_HTTP_CAINFO",
                &["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
            )],
        }
    }

    /// Variables that are set unless the user has set them.
    const fn defaults(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Pip | Self::Uv | Self::Cargo => &[],
            // Without it npm waits more than a minute before it says that there is no network.
            Self::Npm => &[("npm_config_fetch_retry_mintimeout", "1000")],
        }
    }
}

/// What to say of an installer that fails.
#[derive(Debug)]
pub(in crate::tasks) struct Words {
    /// The files that say what to install, as people know them: "`backend/requirements.txt`".
    pub(in crate::tasks) lock: String,
    /// How to bring them in line with what they are made from.
    pub(in crate::tasks) mend: String,
}

/// Runs an installer. When it fails, its own reason becomes the cause.
pub(in crate::tasks) fn run(cx: &Cx, installer: Installer, command: Command, words: &Words) -> Result<()> {
    let attempt = cx.attempt(equipped(cx, installer, command))?;
    let Some(error) = attempt.error else { return Ok(()) };
    // The time limit of the task speaks for itself.
    cx.check()?;
    let (trouble, lines) = explain(&attempt.output);
    let lock = &words.lock;
    let told = match trouble {
        Trouble::DiskFull => Error::missing("the disk is full")
            .hint("make room on that disk, then run the same command again; what is half-finished is made anew"),
        Trouble::ReadOnly => Error::missing("the file system is mounted read-only")
            .hint("run from a writable checkout, with a writable home for the package managers' caches"),
        Trouble::NotAllowed => Error::missing("a file or folder belongs to somebody else")
            .hint("check who owns the path, and the package managers' caches in the home folder"),
        Trouble::WrongHash => Error::configuration(format!("a download is not what {lock} says"))
            .hint("take the lock file back from git if it was edited by hand")
            .hint(&words.mend)
            .hint("otherwise somebody may have tampered with the package: look at it before you accept its hash"),
        Trouble::LockOutdated => {
            Error::configuration(format!("{lock} is not in line with what it is made from")).hint(&words.mend)
        }
        Trouble::NotOffered => {
            Error::configuration(format!("{lock} pins what is not offered for this system"))
                .hint(&words.mend)
        }
        Trouble::UnknownAuthority => Error::missing("the registry's certificate is signed by an unknown authority")
            .hint("set SSL_CERT_FILE to the file with your company's certificates"),
        Trouble::Offline => Error::missing("the registry is out of reach")
            .hint("check the network; behind a proxy, set HTTPS_PROXY; a mirror is PIP_INDEX_URL or npm_config_registry"),
        Trouble::Other => Error::missing(error.message()),
    };
    Err(lines.into_iter().fold(told, Error::cause))
}

fn equipped(cx: &Cx, installer: Installer, command: Command) -> Command {
    let environment = cx.environment();
    let stand_in = |(name, others): &(&'static str, &[&str])| {
        Some((*name, others.iter().find_map(|other| environment.get(other))?))
    };
    let stand_ins = installer.stand_ins().iter().filter_map(stand_in);
    let unset = stand_ins
        .chain(installer.defaults().iter().copied())
        .filter(|(name, _)| environment.get(name).is_none());
    let command = MISLEADING.iter().fold(command, Command::env_remove);
    unset.fold(command, |command, (name, value)| command.env(name, value))
}
