//! The programs that this build system knows: what each is for, which version it takes, how to get it.

use serde::Serialize;

use crate::version::Version;

/// A program that people have to bring along.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// What people call it.
    pub name: &'static str,
    /// The name of its executable.
    pub program: &'static str,
    /// Arguments that make it say its version.
    pub ask: &'static [&'static str],
    /// Folders where it may lie beside `PATH`; `*` stands for any name.
    pub folders: &'static [&'static str],
    /// The least version that will do, where that matters.
    pub wanted: Option<Version>,
    /// What it is for.
    pub purpose: &'static str,
    /// Whether anything goes without it.
    pub need: Need,
    /// How to get it.
    pub get: Get,
}

/// Whether anything goes without a tool.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Nothing goes without it.
    Needed,
    /// Only some tasks need it, and say so.
    Optional,
}

/// How to get a tool: the arguments of each package manager's `install`, and words for everybody else.
#[derive(Clone, Copy, Debug)]
pub struct Get {
    /// Packages of Debian and Ubuntu.
    pub apt: Option<&'static str>,
    /// Formulae of Homebrew.
    pub brew: Option<&'static str>,
    /// Packages of winget.
    pub winget: Option<&'static str>,
    /// Where it comes from, or the command that brings it.
    pub other: &'static str,
}

/// A package manager.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manager {
    /// Debian, Ubuntu.
    Apt,
    /// macOS.
    Brew,
    /// Windows.
    Winget,
}

impl Manager {
    /// All of them, the most likely first.
    pub const ALL: [Self; 3] = [Self::Apt, Self::Brew, Self::Winget];

    /// The program by whose presence a system is told.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Brew => "brew",
            Self::Winget => "winget",
        }
    }
}

impl Get {
    /// A line for each way to get the tool; those of `present` package managers first.
    pub fn lines(&self, present: &[Manager]) -> Vec<String> {
        let (first, later): (Vec<Manager>, Vec<Manager>) =
            Manager::ALL.into_iter().partition(|manager| present.contains(manager));
        self.ways(&[first, later].concat())
    }

    /// On one line what to do on a system with the `present` package managers.
    pub fn hint(&self, present: &[Manager]) -> String {
        let ways = self.ways(if present.is_empty() { &Manager::ALL } else { present });
        let quoted: Vec<String> = ways.iter().map(|way| format!("`{way}`")).collect();
        format!("get it with {}", quoted.join(" or "))
    }

    fn ways(&self, managers: &[Manager]) -> Vec<String> {
        let way = |manager: &Manager| match manager {
            Manager::Apt => self.apt.map(|packages| format!("apt-get install {packages}")),
            Manager::Brew => self.brew.map(|packages| format!("brew install {packages}")),
            Manager::Winget => self.winget.map(|packages| format!("winget install {packages}")),
        };
        let other = (!self.other.is_empty()).then(|| self.other.to_owned());
        managers.iter().filter_map(way).chain(other).collect()
    }
}

/// git.
pub const GIT: Tool = Tool {
    name: "git",
    program: "git",
    wanted: Some(Version::new(2, 20, 0)),
    purpose: "which files there are, and what has changed",
    get: Get {
        apt: Some("git"),
        brew: Some("git"),
        winget: Some("Git.Git"),
        other: "https://git-scm.com/downloads",
    },
    ..NODE
};

/// Python, with `venv`.
pub const PYTHON: Tool = Tool {
    name: "python",
    program: "python3",
    ask: &["--version"],
    folders: &[],
    wanted: Some(Version::new(3, 11, 0)),
    purpose: "Python components, and the tools that come as wheels",
    need: Need::Needed,
    get: Get {
        apt: Some("python3 python3-venv"),
        brew: Some("python"),
        winget: Some("Python.Python.3.13"),
        other: "https://www.python.org/downloads/",
    },
};

/// Node.
pub const NODE: Tool = Tool {
    name: "node",
    program: "node",
    ask: &["--version"],
    folders: &[],
    wanted: Some(Version::new(20, 0, 0)),
    purpose: "Node components",
    need: Need::Needed,
    get: Get {
        apt: Some("nodejs"),
        brew: Some("node"),
        winget: Some("OpenJS.NodeJS.LTS"),
        other: "https://nodejs.org/en/download",
    },
};

/// npm.
pub const NPM: Tool = Tool {
    name: "npm",
    program: "npm",
    wanted: Some(Version::new(9, 0, 0)),
    purpose: "installs the packages of Node components",
    get: Get { apt: Some("npm"), ..NODE.get },
    ..NODE
};

const RUSTUP: Get =
    Get { apt: None, brew: Some("rustup"), winget: Some("Rustlang.Rustup"), other: "https://rustup.rs" };

/// The Rust compiler. The version that is wanted stands in `rust-toolchain.toml`.
pub const RUSTC: Tool = Tool {
    name: "rustc",
    program: "rustc",
    wanted: None,
    purpose: "Rust components, and this program",
    get: RUSTUP,
    ..NODE
};

/// Rust's builder. Its version is the compiler's.
pub const CARGO: Tool = Tool { name: "cargo", program: "cargo", purpose: "builds Rust components", ..RUSTC };

/// The formatter of Rust.
pub const RUSTFMT: Tool = Tool {
    name: "rustfmt",
    program: "rustfmt",
    purpose: "format of Rust components",
    get: Get { apt: None, brew: None, winget: None, other: "rustup component add rustfmt" },
    ..RUSTC
};

/// The linter of Rust.
pub const CLIPPY: Tool = Tool {
    name: "clippy",
    program: "cargo-clippy",
    purpose: "lints of Rust components",
    get: Get { apt: None, brew: None, winget: None, other: "rustup component add clippy" },
    ..RUSTC
};

/// tmux.
pub const TMUX: Tool = Tool {
    name: "tmux",
    program: "tmux",
    ask: &["-V"],
    purpose: "tests of the live view on a real terminal",
    get: Get { apt: Some("tmux"), brew: Some("tmux"), ..NOWHERE },
    ..OPTIONAL
};

/// Every tool, in the order in which they are shown.
pub const ALL: &[Tool] = &[
    GIT,
    PYTHON,
    NODE,
    NPM,
    RUSTC,
    CARGO,
    RUSTFMT,
    CLIPPY,
    Tool {
        name: "docker",
        program: "docker",
        purpose: "container images; buildah does as well",
        get: Get {
            apt: Some("docker.io"),
            brew: Some("--cask docker"),
            winget: Some("Docker.DockerDesktop"),
            other: "https://docs.docker.com/get-started/get-docker/",
        },
        ..OPTIONAL
    },
    Tool {
        name: "buildah",
        program: "buildah",
        purpose: "container images, without a daemon",
        get: Get { apt: Some("buildah"), other: "https://buildah.io", ..NOWHERE },
        ..OPTIONAL
    },
    Tool {
        name: "kubectl",
        program: "kubectl",
        ask: &["version", "--client"],
        purpose: "deploy and rollback",
        get: Get {
            apt: Some("kubernetes-client"),
            brew: Some("kubernetes-cli"),
            winget: Some("Kubernetes.kubectl"),
            other: "https://kubernetes.io/docs/tasks/tools/",
        },
        ..OPTIONAL
    },
    Tool {
        name: "aws",
        program: "aws",
        purpose: "deploy and rollback, where the cluster is one of EKS",
        get: Get {
            apt: Some("awscli"),
            brew: Some("awscli"),
            winget: Some("Amazon.AWSCLI"),
            other: "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
        },
        ..OPTIONAL
    },
    Tool {
        name: "k6",
        program: "k6",
        ask: &["version"],
        purpose: "load tests",
        get: Get {
            apt: None,
            brew: Some("k6"),
            winget: Some("GrafanaLabs.k6"),
            other: "https://grafana.com/docs/k6/latest/set-up/install-k6/",
        },
        ..OPTIONAL
    },
    Tool {
        name: "postgres",
        program: "initdb",
        // Debian keeps the server's programs off PATH; Homebrew does so with every version but the newest.
        folders: &["/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/*/bin"],
        purpose: "tests of Python components on a real PostgreSQL",
        get: Get {
            apt: Some("postgresql"),
            brew: Some("postgresql@17"),
            winget: Some("PostgreSQL.PostgreSQL.17"),
            other: "https://www.postgresql.org/download/",
        },
        ..OPTIONAL
    },
    Tool {
        name: "ninja",
        program: "ninja",
        purpose: "the yardstick of the scheduler's benchmark",
        get: Get {
            apt: Some("ninja-build"),
            brew: Some("ninja"),
            winget: Some("Ninja-build.Ninja"),
            other: "https://ninja-build.org",
        },
        ..OPTIONAL
    },
    TMUX,
];

const NOWHERE: Get = Get { apt: None, brew: None, winget: None, other: "" };

const OPTIONAL: Tool = Tool { need: Need::Optional, wanted: None, ..NODE };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_the_present_system_comes_first() {
        let first = |present: &[Manager]| PYTHON.get.lines(present)[0].clone();
        assert_eq!(first(&[]), "apt-get install python3 python3-venv");
        assert_eq!(first(&[Manager::Brew]), "brew install python");
        assert_eq!(first(&[Manager::Winget]), "winget install Python.Python.3.13");
        assert_eq!(PYTHON.get.lines(&[Manager::Brew]).len(), 4);
        assert_eq!(RUSTUP.hint(&[Manager::Apt]), "get it with `https://rustup.rs`");
        assert_eq!(RUSTUP.hint(&[Manager::Brew]), "get it with `brew install rustup` or `https://rustup.rs`");
    }

    #[test]
    fn every_tool_says_what_it_is_for_and_how_to_get_it() {
        let mut names: Vec<&str> = ALL.iter().map(|tool| tool.name).collect();
        for tool in ALL {
            assert!(!tool.purpose.is_empty() && !tool.get.lines(&[]).is_empty(), "{}", tool.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
