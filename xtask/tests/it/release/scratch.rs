//! A small repository that releases something, and a cluster that is a file.

use std::process::Command;

use serde_json::{Value, json};

use crate::repository::{Repository, Said};

/// The ticket's template, released in one environment.
pub(super) const TICKET: &str = r#"[project]
name = "ticket"

[components.backend]
kind = "python"
path = "backend"
package = "src"
requirements = []

[release]
order = ["backend", "frontend"]
migration = "expand"

[release.components.backend]
deployment = "vitalyst-backend"
strategy = "canary"
steps = [{ weight = "10 %", gate = true }, 50]
metrics = { port = 8000 }
smoke = [{ path = "/ready", field = "status", value = "ready" }]
objectives.errors = { bad = 'http_requests_total{status=~"5xx"}', total = "http_requests_total" }

[release.components.frontend]
deployment = "vitalyst-frontend"
strategy = "flip"
metrics = { port = 3000 }
objectives.errors = { bad = 'http_requests_total{status=~"5xx"}', total = "http_requests_total" }

[environments.production]
manifests = ["k8s"]
namespace = "vitalyst"
context = "vitalyst-production"
registry = "ghcr.io"
owner = "vitalyst"

[environments.production.variables]
BACKEND_IMAGE = "backend"
FRONTEND_IMAGE = "frontend"
VERSION = { env = "VERSION", default = "1" }
"#;

/// What a stranger wrote: a component with two slots and one that keeps its Deployment.
pub(super) const FOREIGN: &str = r#"[project]
name = "shop"

[release]
order = ["cache", "shop"]

[release.components.shop]
deployment = "shop"
strategy = "canary"
metrics = { port = 8080 }
objectives.errors = { bad = 'requests{code=~"5xx"}', total = "requests", rate-max = "0.5 %" }
objectives.latency = { histogram = "request_seconds", bound = "250ms", rate-max = "5 %" }
objectives.counters.payments = { bad = "payments_failed", total = "payments", rate-max = "2 %" }

[release.components.cache]
deployment = "cache"
strategy = "rolling"
metrics = { port = 9121 }
objectives.errors = { bad = "commands_failed", total = "commands" }

[environments.shop]
manifests = ["shop.yml"]
namespace = "shop"
context = "shop"
"#;

/// A repository, and `cluster.json`, which is what is in its cluster.
pub(super) struct Scratch {
    pub(super) repository: Repository,
}

impl Scratch {
    /// A repository with this `xtask.toml` and an empty cluster.
    pub(super) fn new(config: &str) -> Self {
        let repository = Repository::new();
        repository.write("xtask.toml", config);
        repository.write(".gitignore", "/target/\n/cluster.json\n/plan.json\n");
        let scratch = Self { repository };
        scratch.cluster(&json!([]));
        scratch
    }

    /// Writes the template of the ticket.
    pub(super) fn ticket(&self) {
        let text = include_str!("../../../testdata/release/ticket.template.yml");
        self.repository.write("k8s/deployment.template.yml", text);
    }

    /// Writes the manifests of a stranger, and what was built for them.
    pub(super) fn foreign(&self) {
        self.repository.write("shop.yml", include_str!("../../../testdata/release/foreign.yml"));
        let image = |name: &str, digit: &str| {
            let digest = format!("sha256:{}", digit.repeat(64));
            json!({"component": "shop", "reference": format!("registry.example.com/shop/{name}"), "digest": digest})
        };
        let record = json!({"format": 1, "images": [image("shop:1.4", "5"), image("proxy:7", "6")]});
        self.repository.write("target/xtask/images.json", &record.to_string());
    }

    /// Writes down which images were built under this tag.
    pub(super) fn images(&self, tag: &str, digests: &[(&str, char)]) {
        let image = |(name, digit): &(&str, char)| {
            let digest = format!("sha256:{}", digit.to_string().repeat(64));
            json!({"component": name, "reference": format!("ghcr.io/vitalyst/{name}:{tag}"), "digest": digest})
        };
        let images: Vec<Value> = digests.iter().map(image).collect();
        let record = json!({"format": 1, "images": images});
        self.repository.write("target/xtask/images.json", &record.to_string());
    }

    /// Commits everything. Dates and people are always the same, and so are the names of commits.
    pub(super) fn commit(&self, message: &str) {
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(self.repository.root()).args([
                "-c",
                "core.autocrlf=false",
                "-c",
                "commit.gpgsign=false",
            ]);
            for name in ["GIT_AUTHOR", "GIT_COMMITTER"] {
                command.env(format!("{name}_NAME"), "A").env(format!("{name}_EMAIL"), "a@example.com");
                command.env(format!("{name}_DATE"), "2026-01-01T00:00:00Z");
            }
            let output = command.args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        git(&["init", "--quiet", "--object-format=sha1"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", message]);
    }

    /// Says what is in the cluster.
    pub(super) fn cluster(&self, objects: &Value) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.repository.write("cluster.json", &list.to_string());
    }

    /// Changes what is in the cluster.
    pub(super) fn change(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut list: Value = serde_json::from_str(&self.repository.read("cluster.json")).unwrap();
        change(list["items"].as_array_mut().unwrap());
        self.cluster(&list["items"]);
    }

    /// Puts everything that a saved plan writes into the cluster.
    pub(super) fn apply(&self, plan: &str) {
        let plan: Value = serde_json::from_str(&self.repository.read(plan)).unwrap();
        let mut objects: Vec<Value> = Vec::new();
        let phases = plan["phases"].as_array().unwrap().iter();
        for write in phases.flat_map(|phase| phase["writes"].as_array().unwrap()) {
            let object = &write["object"];
            let same = |other: &Value| {
                other["kind"] == object["kind"] && other["metadata"]["name"] == object["metadata"]["name"]
            };
            let position = objects.iter().position(same);
            match (position, write["hand"] == "replicas") {
                (Some(position), true) => {
                    objects[position]["spec"]["replicas"] = object["spec"]["replicas"].clone();
                }
                (None, true) => objects.push(object.clone()),
                (position, false) => {
                    let mut object = object.clone();
                    let old = position.map(|position| objects.remove(position)).unwrap_or_default();
                    if let Some(count) = old.pointer("/spec/replicas") {
                        object["spec"]["replicas"] = count.clone();
                    }
                    object["metadata"]["uid"] =
                        json!(format!("uid of {} {}", object["kind"], object["metadata"]["name"]));
                    object["metadata"]["namespace"] = json!("vitalyst");
                    if plan["release"].as_str().unwrap().starts_with("shop") {
                        object["metadata"]["namespace"] = json!("shop");
                    }
                    objects.push(object);
                }
            }
        }
        self.cluster(&objects.into());
    }

    /// The command with more arguments, against the file.
    pub(super) fn deploy(&self, more: &[&str]) -> Said {
        let arguments = ["deploy", "--plan-only", "--snapshot", "cluster.json"];
        self.repository.xtask(&[&arguments, more].concat())
    }

    /// What a plan says, with `COMMIT` for the names of commits.
    #[track_caller]
    pub(super) fn plan(&self, more: &[&str]) -> String {
        let said = self.deploy(more).expect(0).stdout;
        let is_commit =
            |word: &str| [7, 40].contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let words = said.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
        let name = |word: &str| {
            let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
            let (text, rest) = word.split_at(end);
            format!("{}{rest}", if is_commit(text) { "COMMIT" } else { text })
        };
        words.map(name).collect()
    }
}
