//! Files that are secrets by their name: no scanner of contents knows the format of every one.

use std::path::Path;

use crate::finding::weakness::Level;
use crate::finding::{Finding, Location, Weakness};

/// The tool's name in findings.
pub const TOOL: &str = "file-names";

/// Whether the bytes of a file decide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    /// The name says it all.
    Whatever,
    /// It holds these words.
    With(&'static str),
}

/// A rule: its name, the names of files (`*` stands for any beginning), what decides beside the name, what such a file is.
struct Rule {
    name: &'static str,
    files: &'static [&'static str],
    content: Content,
    what: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        name: "private-key",
        files: &["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "*.ppk"],
        content: Content::Whatever,
        what: "a private key of SSH",
    },
    Rule {
        name: "private-key",
        files: &["*.pem", "*.key", "*.asc", "*.gpg"],
        content: Content::With("PRIVATE KEY"),
        what: "a private key",
    },
    Rule {
        name: "key-store",
        files: &["*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"],
        content: Content::Whatever,
        what: "a store of keys or passwords",
    },
    Rule {
        name: "password-file",
        files: &[
            ".netrc",
            "_netrc",
            ".htpasswd",
            ".pgpass",
            ".my.cnf",
            ".git-credentials",
            ".s3cfg",
            ".boto",
            ".fetchmailrc",
            ".dockercfg",
            ".vault-token",
        ],
        content: Content::Whatever,
        what: "a file of passwords",
    },
    Rule {
        name: "password-file",
        files: &[".npmrc", ".yarnrc", ".yarnrc.yml"],
        content: Content::With("uth"),
        what: "a file with a token for a registry",
    },
    Rule {
        name: "password-file",
        files: &[".pypirc"],
        content: Content::With("password"),
        what: "a file with a password for a registry",
    },
    Rule {
        name: "environment-file",
        files: &[".env", ".envrc"],
        content: Content::With("="),
        what: "a file of variables, which belongs to a machine",
    },
    Rule {
        name: "cluster-access",
        files: &["kubeconfig", "*.kubeconfig"],
        content: Content::Whatever,
        what: "access to a cluster",
    },
    Rule {
        name: "state",
        files: &["*.tfstate", "*.tfstate.backup"],
        content: Content::Whatever,
        what: "state of Terraform, with every secret in it",
    },
    Rule {
        name: "history",
        files: &[".bash_history", ".zsh_history", ".psql_history", ".mysql_history", ".python_history"],
        content: Content::Whatever,
        what: "what somebody has typed",
    },
];

/// Endings of a file of variables that is an example.
const EXAMPLES: &[&str] = &[".example", ".sample", ".template", ".dist", ".defaults"];

/// Whether the name of a file makes it worth a look into it.
pub fn is_suspect(path: &Path) -> bool {
    rules(path).next().is_some()
}

/// What is found in a file of this name, relative to the repository, with this beginning.
pub fn check(path: &Path, beginning: &[u8]) -> Option<Finding> {
    let text = String::from_utf8_lossy(beginning);
    let holds = |rule: &&Rule| match rule.content {
        Content::Whatever => true,
        Content::With(words) => text.contains(words),
    };
    let rule = rules(path).find(holds)?;
    Some(Finding {
        rule: rule.name.to_owned(),
        location: Some(Location::file(path)),
        help: Some(
            "take it out (`git rm --cached`), name it in .gitignore, and revoke what it gave access to"
                .to_owned(),
        ),
        weakness: Some(Box::new(Weakness { level: Level::High, ..Weakness::default() })),
        ..Finding::error(TOOL, format!("{} lies in the repository", rule.what))
    })
}

fn rules(path: &Path) -> impl Iterator<Item = &'static Rule> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    // `.env.production` is one as well; `.env.example` is there to be copied.
    let is_example = EXAMPLES.iter().any(|ending| name.ends_with(ending));
    let environment = name.starts_with(".env.") && !is_example;
    RULES.iter().filter(move |rule| {
        let named = |pattern: &&str| match pattern.strip_prefix('*') {
            Some(ending) => name.len() > ending.len() && name.ends_with(ending),
            None => name == **pattern,
        };
        rule.files.iter().any(named) || (environment && rule.name == "environment-file")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_in_the_files_decide() {
        for (path, content, rule) in [
            ("a/.netrc", "", Some("password-file")),
            (".HTPASSWD", "", Some("password-file")),
            ("keys/id_rsa", "", Some("private-key")),
            ("keys/id_rsa.pub", "", None),
            ("tls.pem", "-----BEGIN CERTIFICATE-----", None),
            ("tls.pem", "-----BEGIN EC PRIVATE KEY-----", Some("private-key")),
            (".env", "A=1", Some("environment-file")),
            (".env", "", None),
            (".env.production", "A=1", Some("environment-file")),
            (".env.example", "A=1", None),
            ("src/environment.py", "A=1", None),
            (".npmrc", "fund=false", None),
            (".npmrc", "//host/:_authToken=x", Some("password-file")),
            ("a/terraform.tfstate", "{}", Some("state")),
            (".pem", "PRIVATE KEY", None),
            ("", "PRIVATE KEY", None),
        ] {
            let found = check(Path::new(path), content.as_bytes());
            assert_eq!(found.as_ref().map(|finding| finding.rule.as_str()), rule, "{path}");
            assert!(found.is_none() || is_suspect(Path::new(path)), "{path}");
        }
        // Bytes that are no text.
        assert!(check(Path::new("x.pem"), &[0xff, 0, 0xfe]).is_none());
    }
}
