//! What the checks of the whole repository find in one where something is planted, and that they find nothing in this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xtask::config::Config;
use xtask::core::contract::{self, Document};
use xtask::core::policy;
use xtask::core::rules::TextFile;
use xtask::driver::environment::Environment;
use xtask::event::Sink;
use xtask::tasks::{agreement, architecture, contract as contracts, kubernetes};
use xtask::{Cx, ErrorKind};

use super::{Heard, repository};

const CONFIGURATION: &str = r#"
project.name = "shop"
[components.back]
kind = "python"
path = "back"
package = "src"
requirements = []
[components.front]
kind = "node"
path = "front"
test = "test"
[components.front.modules]
src = []
[components.front.image]
ports = [3000]
[contracts.api]
document = "api.json"
provider = "back"
command = ["cat", "served.json"]
consumer = "front"
client = ["src"]
origin = "apiUrl"
[release]
order = ["front"]
[release.components.front]
deployment = "front"
strategy = "rolling"
metrics = { port = 3000 }
[release.components.front.objectives]
errors = { bad = "b", total = "t" }
[environments.staging]
manifests = ["k8s/shop.template.yml"]
namespace = "shop"
context = "shop"
registry = "ghcr.io"
"#;

const MANIFESTS: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: front
spec:
  replicas: 1
  selector:
    matchLabels: {app: front}
  template:
    metadata:
      labels: {app: front}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: front
          image: ${REGISTRY}/shop-front:1
          ports:
            - containerPort: 3000
          env:
            - name: API_URL
              value: https://api.example.com
          readinessProbe: {httpGet: {path: /, port: 3000}}
          livenessProbe: {httpGet: {path: /, port: 3000}}
          startupProbe: {httpGet: {path: /, port: 3000}}
          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
          resources:
            limits: {cpu: "1", memory: 1Gi}
            requests: {cpu: "1", memory: 1Gi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: front
spec:
  podSelector:
    matchLabels: {app: front}
  policyTypes: [Ingress, Egress]
"#;

const API: &str = r#"{
  "openapi": "3.1.0",
  "paths": {
    "/items": {
      "get": {
        "responses": {
          "200": { "content": { "application/json": { "schema": {
            "type": "object",
            "required": ["name", "price"],
            "properties": {
              "name": { "type": "string" },
              "price": { "type": "number" }
            }
          } } } }
        }
      }
    }
  }
}
"#;

const CLIENT: &str = "export interface Item {
  readonly name: string;
  readonly price: number;
}
export const items = (apiUrl: string) => get<Item>(`${apiUrl}/items`);
";

/// A small repository that passes; `path` is changed from `from` to `to`.
fn planted(path: &str, from: &str, to: &str) -> tempfile::TempDir {
    let mut files = [
        ("xtask.toml", CONFIGURATION.to_owned()),
        ("k8s/shop.template.yml", MANIFESTS.to_owned()),
        ("api.json", API.to_owned()),
        ("back/served.json", API.to_owned()),
        ("back/src/__init__.py", String::new()),
        ("front/Dockerfile", "FROM scratch\nENV PORT=3000\nEXPOSE 3000\n".to_owned()),
        ("front/src/api.ts", CLIENT.to_owned()),
        (
            "front/src/main.ts",
            "import { items } from './api.ts';\nconst url = process.env.API_URL;\n".to_owned(),
        ),
    ];
    let changed = files.iter_mut().find(|(name, _)| *name == path).unwrap();
    assert!(changed.1.contains(from), "`{from}` is not in {path}");
    changed.1 = changed.1.replace(from, to);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    repository(&files)
}

type Check = fn(&Cx) -> xtask::Result<()>;

fn imports(cx: &Cx) -> xtask::Result<()> {
    architecture::component(cx, cx.config().component("front").unwrap())
}

/// Runs a check, and returns its result and what was found.
fn run(root: &Path, check: Check) -> (xtask::Result<()>, Vec<String>) {
    let text = fs::read_to_string(root.join("xtask.toml")).unwrap();
    let config = Config::parse(Path::new("xtask.toml"), &text).unwrap();
    let heard = Arc::new(Heard::default());
    let sink: Arc<dyn Sink> = Arc::<Heard>::clone(&heard);
    let environment = Environment::of_this_process();
    let cx = Cx::builder(root).config(config).environment(environment).sink(sink).build();
    let result = check(&cx);
    let heard = heard.0.lock().unwrap().clone();
    (result, heard)
}

#[test]
fn what_is_planted_is_found_at_its_line() {
    let cases: &[(&str, &str, &str, Check, &str)] = &[
        (
            "k8s/shop.template.yml",
            "runAsNonRoot: true",
            "runAsUser: 0",
            kubernetes::manifests,
            "k8s/shop.template.yml:15:20: Error run-as-root: the container `front` of Deployment `front` runs as root",
        ),
        (
            "front/src/main.ts",
            "from './api.ts'",
            "from '../../back/src/x.js'",
            imports,
            "front/src/main.ts:1:23: Error foreign-component: a component must not import what is not its own: `back/src/x.js` belongs to `back`",
        ),
        (
            "front/src/api.ts",
            "export const items",
            "import './main.ts';\nexport const items",
            imports,
            "front/src/api.ts:5:8: Error import-circle: modules import each other in a circle: front/src/api.ts → front/src/main.ts → front/src/api.ts",
        ),
        (
            "front/src/main.ts",
            "process.env.API_URL",
            "process.env.API_URL + process.env.SECRET_NAME",
            agreement::settings,
            "front/src/main.ts:2:47: Error undeclared-variable: `SECRET_NAME` is read here, without a default, and neither Deployment `front` (k8s/shop.template.yml:4:9) nor the Dockerfile gives it",
        ),
        (
            "front/Dockerfile",
            "EXPOSE 3000",
            "EXPOSE 3000 8080",
            agreement::settings,
            "front/Dockerfile:3:13: Error port: `EXPOSE` 8080 is named here, and 3000 in xtask.toml:15",
        ),
    ];
    for (path, from, to, check, expected) in cases {
        let folder = planted(path, from, to);
        let (result, heard) = run(folder.path(), *check);
        assert_eq!(heard, [*expected], "{to}");
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    }
}

#[test]
fn a_field_that_the_provider_has_removed_is_found_on_both_sides() {
    let folder = planted(
        "back/served.json",
        "\"price\": { \"type\": \"number\" }",
        "\"cost\": { \"type\": \"number\" }",
    );
    let (result, heard) = run(folder.path(), contracts::kept);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(
        heard,
        [
            "api.json:10:13: Error stale-document: the provider makes another document than the committed one: they differ at `paths./items.get.responses.200.content.application/json.schema.properties.cost`"
        ]
    );
    fs::copy(folder.path().join("back/served.json"), folder.path().join("api.json")).unwrap();
    let (result, heard) = run(folder.path(), contracts::kept);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(heard, ["front/src/api.ts:3:12: Error unknown-field: the contract has no field `price`"]);
}

#[test]
fn the_small_repository_passes_where_nothing_is_planted() {
    let folder = planted("api.json", "{", "{");
    for check in [kubernetes::manifests as Check, imports, agreement::settings, contracts::kept] {
        let (result, heard) = run(folder.path(), check);
        result.unwrap();
        assert_eq!(heard, [""; 0]);
    }
}

/// Runs git in a folder, with nothing of who runs the tests.
fn git(folder: &Path, arguments: &[&str]) {
    let mut command = std::process::Command::new("git");
    command.args([
        "-c",
        "user.name=n",
        "-c",
        "user.email=e",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "commit.gpgsign=false",
    ]);
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_change_that_breaks_released_clients_is_found_against_the_base_branch() {
    let folder = planted("api.json", "{", "{");
    // Not yet in git: that is said, and is no clean look.
    let (result, heard) = run(folder.path(), contracts::compatible);
    result.unwrap();
    assert_eq!(heard, [""; 0]);
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "front"]);
    git(folder.path(), &["commit", "--quiet", "--message", "one"]);
    let (result, heard) = run(folder.path(), contracts::compatible);
    result.unwrap();
    assert_eq!(heard, ["`api.json` is new: no client uses it yet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "two"]);
    git(folder.path(), &["switch", "--quiet", "--create", "change"]);
    let changed = API.replace("\"required\": [\"name\", \"price\"]", "\"required\": [\"name\"]");
    fs::write(folder.path().join("api.json"), changed).unwrap();
    let (result, heard) = run(folder.path(), contracts::compatible);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(
        heard,
        [
            "api.json:12:15: Error optional-field: the field `price` of the answer of `GET /items` may be missing now"
        ]
    );
}

#[test]
fn a_contract_that_cannot_be_held_is_a_mistake_in_the_configuration() {
    let folder = planted("xtask.toml", "origin = \"apiUrl\"", "origin = \"elsewhere\"");
    let error = run(folder.path(), contracts::kept).0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let folder = planted("xtask.toml", "document = \"api.json\"", "document = \"absent.json\"");
    let error = run(folder.path(), contracts::kept).0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.hints(), ["make it anew: `(cd back && cat served.json) > absent.json`"]);
    let folder = planted("xtask.toml", "\"cat\", \"served.json\"", "\"cat\", \"absent.json\"");
    let error = run(folder.path(), contracts::kept).0.unwrap_err();
    assert!(error.hints().iter().any(|hint| hint.contains("cargo xtask setup back")), "{error:?}");
}

fn this_repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn this_repository_has_no_findings() {
    let frontend = |cx: &Cx| architecture::component(cx, cx.config().component("frontend").unwrap());
    for check in [kubernetes::manifests as Check, agreement::settings, frontend] {
        let (result, heard) = run(&this_repository(), check);
        result.unwrap();
        assert_eq!(heard, [""; 0]);
    }
}

#[test]
fn the_client_of_this_repository_keeps_to_its_contract() {
    let root = this_repository();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let texts = ["client.ts", "types.ts", "problem.ts"].map(|name| read(&format!("frontend/src/api/{name}")));
    let files: Vec<TextFile<'_>> = texts.iter().map(|text| TextFile { path: Path::new("x"), text }).collect();
    let client = contract::client(&files, "apiUrl");
    assert_eq!(client.requests.len(), 4);
    let document = read("docs/api/openapi.json");
    let document = Document::read(TextFile { path: Path::new("openapi.json"), text: &document }).unwrap();
    assert_eq!(contract::usage(&client, &document), []);
    // It is looked at: with a field more there is something to find.
    let more =
        texts[1].replace("readonly weight: number;", "readonly weight: number;\n  readonly colour: string;");
    let files = [texts[0].as_str(), &more].map(|text| TextFile { path: Path::new("x"), text });
    assert_eq!(contract::usage(&contract::client(&files, "apiUrl"), &document).len(), 1);
}

#[test]
fn the_guide_names_every_rule() {
    let guide = fs::read_to_string(this_repository().join("docs/guides/architecture-checks.md")).unwrap();
    for rule in policy::all() {
        let line = format!("| `{}` | {} |", rule.name, rule.demands);
        assert!(guide.contains(&line), "the guide has no line\n{line}");
    }
}
