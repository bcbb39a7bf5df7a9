//! What a built image must look like: who runs it, what it exposes, what must not be in it, how large it may be.
//!
//! What counts is the image as it starts, with one exception: a secret in any layer is a secret that leaked, also where a
//! later layer takes it away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::archive::{Member, Type};
use super::dockerfile::Instruction;
use crate::finding::{Finding, Location};
use crate::mask;
use crate::registry::manifest::ImageConfig;

/// The name under which the findings stand.
const TOOL: &str = "image";

/// The largest file whose content is searched for secrets, in bytes: keys and settings are smaller.
pub const SEARCHED_MAX: u64 = 256 << 10;

/// What is demanded.
#[derive(Clone, Debug)]
pub struct Policy<'p> {
    /// The Dockerfile, for the places of findings.
    pub dockerfile: &'p Path,
    /// The TCP ports that the image exposes.
    pub ports: &'p [u16],
    /// How large what is laid upon the base may be, in bytes.
    pub size_max: Option<u64>,
}

/// A layer, as far as sizes go.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Layer {
    /// The instruction that made it.
    pub made_by: String,
    /// Its bytes, uncompressed.
    pub size: u64,
    /// Whether it belongs to the base.
    pub is_base: bool,
}

/// The layers of an image with what made each. `sizes` are those of its layers, the lowest first; `own` the instructions of the
/// Dockerfile that make up the image.
///
/// What the base has brought along is told by the history: its last entries are those of the Dockerfile.
pub fn layers(config: &ImageConfig, sizes: &[u64], own: &[&Instruction]) -> Vec<Layer> {
    let mut first = config.history.len();
    for instruction in own.iter().rev().filter(|instruction| instruction.keyword != "ARG") {
        let Some(found) =
            config.history[..first].iter().rposition(|entry| is_of(&entry.created_by, instruction))
        else {
            break;
        };
        first = found;
    }
    let made: Vec<(usize, &str)> = config
        .history
        .iter()
        .enumerate()
        .filter(|(_, entry)| !entry.empty_layer)
        .map(|(at, entry)| (at, entry.created_by.as_str()))
        .collect();
    let layer = |(position, &size): (usize, &u64)| {
        // Aligned at the top: some builders merge the history of what is below.
        let entry = (made.len() + position).checked_sub(sizes.len()).and_then(|at| made.get(at));
        let (at, words) = entry.copied().unwrap_or((0, ""));
        Layer { made_by: plain(words), size, is_base: at < first }
    };
    sizes.iter().enumerate().map(layer).collect()
}

/// Whether an entry of the history is that of an instruction, whichever builder wrote it.
fn is_of(created_by: &str, instruction: &Instruction) -> bool {
    let keyword = instruction.keyword.as_str();
    match created_by.split_once("#(nop)") {
        Some((_, rest)) => rest.trim_start().starts_with(keyword),
        None if keyword == "RUN" => created_by.starts_with("RUN ") || created_by.contains("-c "),
        None => created_by.starts_with(keyword),
    }
}

/// The words of the Dockerfile, without what builders put around them.
fn plain(created_by: &str) -> String {
    let words = created_by.rsplit("#(nop)").next().unwrap_or(created_by).trim();
    let words = words.strip_prefix("/bin/sh -c ").map_or(words.to_owned(), |run| format!("RUN {run}"));
    let words = words.replace("RUN /bin/sh -c ", "RUN ").replace(" # buildkit", "");
    let mut short: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = short.char_indices().nth(80) {
        short.truncate(end);
        short.push('…');
    }
    short
}

/// Looks at an image, member by member.
#[derive(Debug)]
pub struct Judge<'p> {
    policy: Policy<'p>,
    findings: Vec<Finding>,
    counts: Counts,
}

/// What was counted in the layers so far, and is judged at the end: a later layer may take it away.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Counts {
    /// What can run with the rights of somebody else.
    setuid: BTreeSet<String>,
    /// The bytes in the folders of package managers.
    caches: BTreeMap<String, u64>,
    /// Whether a finding came of one of these layers.
    has_findings: bool,
}

impl Counts {
    /// Whether nothing was found that would have to be said again.
    pub fn is_clean(&self) -> bool {
        !self.has_findings
    }
}

impl<'p> Judge<'p> {
    /// Somebody who has seen nothing yet.
    pub fn new(policy: Policy<'p>) -> Self {
        Self { policy, findings: Vec::new(), counts: Counts::default() }
    }

    /// Goes on behind layers that were looked at before.
    pub fn resume(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn error(&mut self, rule: &str, message: String, help: &str) {
        let location = Location::file(self.policy.dockerfile);
        self.findings.push(Finding {
            rule: rule.to_owned(),
            location: Some(location),
            help: Some(help.to_owned()),
            ..Finding::error(TOOL, message)
        });
    }

    /// Judges what made the image. Images in the format of OCI cannot say whether they have a health check.
    pub fn instructions(&mut self, own: &[&Instruction]) {
        if !own.iter().any(|instruction| instruction.keyword == "HEALTHCHECK") {
            let message = "the image has no health check".to_owned();
            self.error("healthcheck", message, "`HEALTHCHECK` in the last stage");
        }
    }

    /// Judges what the image says about itself.
    pub fn config(&mut self, config: &ImageConfig) {
        let run = &config.config;
        let user = run.user.split(':').next().unwrap_or_default();
        if matches!(user, "" | "root" | "0") {
            self.error("user", "the image runs as root".to_owned(), "`USER 10001:10001` in the last stage");
        } else if user.parse::<u32>().is_err() {
            let message = format!("the user `{user}` is a name: a cluster cannot see that it is not root");
            self.error("user", message, "write its number: `USER 10001:10001`");
        }
        let exposed: BTreeSet<&str> = run.exposed_ports.keys().map(String::as_str).collect();
        let wanted: Vec<String> = self.policy.ports.iter().map(|port| format!("{port}/tcp")).collect();
        let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
        for port in exposed.difference(&wanted) {
            let message = format!("the image exposes {port}, which xtask.toml does not name");
            self.error("ports", message, "`ports` of the component's image in xtask.toml lists them");
        }
        for port in wanted.difference(&exposed) {
            self.error("ports", format!("the image does not expose {port}"), "`EXPOSE` in the last stage");
        }
        if run.entrypoint.is_empty() && run.cmd.first().is_some_and(|word| word == "/bin/sh") {
            let message = "a shell stands between the signals and the program".to_owned();
            self.error("signals", message, "write `CMD` as a list: `CMD [\"program\", \"argument\"]`");
        }
        let variables = run.env.iter().filter_map(|line| line.split_once('='));
        let secret: Vec<&str> = variables
            .filter(|&(name, value)| !mask::secrets_of([(name, value)], &[]).is_empty())
            .map(|(name, _)| name)
            .collect();
        for name in secret {
            let message = format!("the variable `{name}` in the image looks like a secret");
            self.error("secrets", message, "give it when the container starts");
        }
        for entry in &config.history {
            if let Some(kind) = secret_in(entry.created_by.as_bytes()) {
                let message = format!("{kind} stands in the history of the image");
                self.error("secrets", message, "use `RUN --mount=type=secret` instead of an argument");
            }
        }
    }

    /// Judges a member of a layer. Returns whether its content is to be searched, too.
    pub fn member(&mut self, layer: &Layer, member: &Member) -> bool {
        if let Some(whiteout) = member.whiteout() {
            self.counts.setuid.retain(|path| !whiteout.takes(path));
            return false;
        }
        let gives_rights = member.mode & 0o6000 != 0 && member.mode & 0o111 != 0;
        if member.kind == Type::File && gives_rights {
            self.counts.setuid.insert(member.name.clone());
        } else if member.kind != Type::Folder {
            self.counts.setuid.remove(&member.name);
        }
        if layer.is_base || member.kind != Type::File {
            return false;
        }
        if let Some(cache) = CACHES.iter().find(|cache| member.name.starts_with(**cache)) {
            *self.counts.caches.entry((*cache).to_owned()).or_default() += member.size;
        }
        let name = member.name.rsplit('/').next().unwrap_or_default();
        if is_secret_file(name, &member.name) {
            let message =
                format!("`/{}` is a file for secrets, in the layer of `{}`", member.name, layer.made_by);
            self.counts.has_findings = true;
            self.error(
                "secrets",
                message,
                "leave it out of the build in .dockerignore; a later layer does not take it away",
            );
        }
        member.size <= SEARCHED_MAX
    }

    /// Judges the content of a member.
    pub fn content(&mut self, layer: &Layer, member: &Member, content: &[u8]) {
        if let Some(kind) = secret_in(content) {
            let message = format!("{kind} stands in `/{}`, in the layer of `{}`", member.name, layer.made_by);
            self.counts.has_findings = true;
            self.error("secrets", message, "take it out, and take it out of use: who has the image has it");
        }
    }

    /// What was found. `before` are the layers of an image that was small enough.
    pub fn finish(mut self, layers: &[Layer], before: Option<&[Layer]>) -> Vec<Finding> {
        if !self.counts.setuid.is_empty() {
            let names: Vec<String> =
                self.counts.setuid.iter().take(5).map(|path| format!("`/{path}`")).collect();
            let more = self.counts.setuid.len() - names.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!("{}{more} run with the rights of their owner", names.join(", "));
            self.error(
                "setuid",
                message,
                "`RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +` in the last stage",
            );
        }
        for (cache, size) in std::mem::take(&mut self.counts.caches) {
            if size > 0 {
                let message = format!(
                    "the image carries {} of a package manager's cache in `/{cache}`",
                    megabytes(size)
                );
                self.error("caches", message, "remove it in the instruction that made it, or turn it off");
            }
        }
        let own = size_of_own(layers);
        if let Some(size_max) = self.policy.size_max.filter(|&size_max| own > size_max) {
            let grown = grown(layers, before.unwrap_or_default());
            let message = format!(
                "{} are laid upon the base, at most {} may be: {grown}",
                megabytes(own),
                megabytes(size_max)
            );
            self.error("size", message, "`size-max` of the component's image in xtask.toml is the budget");
        }
        self.findings
    }
}

/// How much is laid upon the base, in bytes.
pub fn size_of_own(layers: &[Layer]) -> u64 {
    layers.iter().filter(|layer| !layer.is_base).map(|layer| layer.size).sum()
}

/// The layer that grew most; where nothing is known about before, the largest.
fn grown(layers: &[Layer], before: &[Layer]) -> String {
    let was = |layer: &Layer| before.iter().find(|old| old.made_by == layer.made_by).map(|old| old.size);
    let growth = |layer: &&Layer| layer.size.saturating_sub(was(layer).unwrap_or(0));
    let Some(layer) = layers.iter().filter(|layer| !layer.is_base).max_by_key(growth) else {
        return "no layer is known".to_owned();
    };
    match was(layer) {
        Some(old) => format!("`{}` grew from {} to {}", layer.made_by, megabytes(old), megabytes(layer.size)),
        None if before.is_empty() => {
            format!("the largest is `{}` with {}", layer.made_by, megabytes(layer.size))
        }
        None => format!("`{}` with {} is new", layer.made_by, megabytes(layer.size)),
    }
}

/// Bytes as people read them: `12.3 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// Where package managers keep what they have downloaded.
const CACHES: &[&str] = &[
    "var/cache/apt/archives/",
    "var/lib/apt/lists/",
    "var/cache/apk/",
    "var/cache/dnf/",
    "root/.cache/",
    "root/.npm/",
    "home/node/.npm/",
    "usr/local/share/.cache/",
];

/// Names of files that hold secrets or grant access.
const SECRET_NAMES: &[&str] = &[
    ".env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".htpasswd",
    ".git-credentials",
    ".pgpass",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "kubeconfig",
    "credentials.json",
];

fn is_secret_file(name: &str, path: &str) -> bool {
    SECRET_NAMES.contains(&name)
        || path.ends_with(".docker/config.json")
        || path.ends_with(".aws/credentials")
}

/// What begins a secret, how many characters of which kind follow, and what it is.
const SECRETS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "a key of AWS"),
    ("ghp_", 36, "a token of GitHub"),
    ("github_pat_", 22, "a token of GitHub"),
    ("ghs_", 36, "a token of GitHub"),
    ("npm_", 36, "a token of npm"),
    ("pypi-AgEIcHlwaS5vcmc", 20, "a token of PyPI"),
    ("xoxb-", 20, "a token of Slack"),
    ("sk_live_", 20, "a key of Stripe"),
];

/// The kind of secret that stands in a content.
fn secret_in(content: &[u8]) -> Option<&'static str> {
    let key = memchr::memmem::find_iter(content, b"-----BEGIN ").any(|at| {
        let line = content[at + 11..].split(|&byte| byte == b'\n').next().unwrap_or_default();
        let line = line.trim_ascii_end();
        // A line that ends there, with a key behind it: programs that read keys have the words alone.
        let begins = line.ends_with(b"PRIVATE KEY-----");
        let body = content.get(at + 11 + line.len()..).unwrap_or_default().trim_ascii_start();
        begins
            && body.len() > 64
            && body[..64].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
    });
    if key {
        return Some("a private key");
    }
    SECRETS.iter().find_map(|(start, length, kind)| {
        memchr::memmem::find_iter(content, start.as_bytes())
            .any(|at| {
                let before = at.checked_sub(1).map(|before| content[before]);
                let rest = content[at + start.len()..].iter();
                let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                // A part of a longer word is a part of something else: base64, hashes.
                !before.is_some_and(|byte| byte.is_ascii_alphanumeric())
                    && rest.take_while(|byte| word(**byte)).count() >= *length
            })
            .then_some(*kind)
    })
}

#[cfg(test)]
mod tests;
