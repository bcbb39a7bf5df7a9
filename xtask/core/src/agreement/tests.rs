//! What code reads, and what does not agree.

use std::path::Path;

use expect_test::expect;

use super::*;
use crate::release::manifest;
use crate::rules::TextFile;

const PYTHON: &str = r#""""Settings, of os.environ."""
import os

class Settings(BaseSettings):
    """All that can be set.

    host: not this
    """

    model_config = SettingsConfigDict(env_prefix="APP_", frozen=True)

    database_url: Annotated[URL, NoDecode] = Field(
        default="sqlite:///x.db", validation_alias="DATABASE_URL"  # default=7
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8_000, ge=0, le=65535)
    workers: int = Field(4, ge=1)
    token: SecretStr
    key: SecretStr = Field(min_length=16)
    origins: Annotated[tuple[str, ...], NoDecode] = ()
    mode: Literal["a", "b"] = "a"
    KINDS: ClassVar[int] = 3

    def check(self) -> bool:
        other: int = 3
        return self.port == other

a = os.environ["MUST"]
b = os.environ.get('MAY', "12")
c = os.getenv("MAY_TOO")
# os.environ["COMMENT"]
"#;

const SCRIPT: &str = r#"
const a = process.env.MUST, b = process.env['MAY'] ?? 12, c = env.ALSO || '7';
const d = import.meta.env.BUILD, e = env[`T`], f = process?.env?.CHAINED;
function read(env: Env) {
  function integer(name: string, fallback: number) { const text = env[name]; return text; }
  const words = (name) => env[name];
  if (env.NODE_ENV === 'production') {}
  return { port: integer('PORT', 3_000), word: words('WORD'), other: env.toString(), integer: '' };
}
// env.COMMENT
"#;

fn shown(reads: &[Read]) -> String {
    let line = |read: &Read| {
        let required = if read.is_required { " required" } else { "" };
        let default = read.default.map(|number| format!(" {number}")).unwrap_or_default();
        format!("{} {}{required}{default}", read.location, read.name)
    };
    reads.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_python_reads_is_found() {
    let reads = python::reads(TextFile { path: Path::new("s.py"), text: PYTHON });
    expect![[r#"
        s.py:12:5 DATABASE_URL
        s.py:15:5 APP_HOST
        s.py:16:5 APP_PORT 8000
        s.py:17:5 APP_WORKERS 4
        s.py:18:5 APP_TOKEN required
        s.py:19:5 APP_KEY required
        s.py:20:5 APP_ORIGINS
        s.py:21:5 APP_MODE
        s.py:28:1 MUST required
        s.py:29:1 MAY 12
        s.py:30:1 MAY_TOO"#]]
    .assert_eq(&shown(&reads));
}

#[test]
fn what_scripts_read_is_found() {
    let reads = script::reads(TextFile { path: Path::new("c.ts"), text: SCRIPT });
    expect![[r#"
        c.ts:2:23 MUST required
        c.ts:2:45 MAY 12
        c.ts:2:67 ALSO 7
        c.ts:3:42 T required
        c.ts:3:66 CHAINED required
        c.ts:7:11 NODE_ENV
        c.ts:8:26 PORT 3000
        c.ts:8:54 WORD required"#]]
    .assert_eq(&shown(&reads));
}

#[test]
fn any_text_ends() {
    for text in [PYTHON, SCRIPT] {
        for (at, _) in text.char_indices() {
            for part in [&text[..at], &text[at..]] {
                drop(python::reads(TextFile { path: Path::new("a"), text: part }));
                drop(script::reads(TextFile { path: Path::new("a"), text: part }));
            }
        }
    }
}

const MANIFESTS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: ghcr.io/o/shop-web:1
          ports:
            - {name: http, containerPort: 3000}
          env:
            - {name: API_URL, value: https://x}
            - {name: TZ, value: UTC}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
    - {port: 80, targetPort: http}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - ports: [{port: 3000}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      containers:
        - name: migrate
          image: ghcr.io/o/shop-web:1
";

/// A component that agrees with the manifests.
fn component(manifests: &str) -> Component {
    let read = |name: &str, is_required, default, line| Read {
        name: name.to_owned(),
        is_required,
        default,
        location: Location::at("web/config.ts", Some(line), Some(3)),
    };
    let port = |role: &str, path: &str, line| Port {
        number: 3000,
        role: role.to_owned(),
        location: Location::at(path, Some(line), None),
    };
    Component {
        name: "web".to_owned(),
        reads: vec![read("API_URL", true, None, 4), read("PORT", false, Some(3000), 5)],
        image: Vec::new(),
        exposed: vec![port("`EXPOSE`", "web/Dockerfile", 9)],
        declared: vec![port("`ports`", "xtask.toml", 7)],
        used: vec![port("`metrics`", "xtask.toml", 20)],
        image_name: Some("shop-web".to_owned()),
        workloads: workload::workloads("web", &manifest::read("m.yml", manifests, None).unwrap()),
    }
}

fn found(component: &Component) -> Vec<String> {
    let line = |finding: &Finding| {
        format!("{}: {}: {}", finding.location.as_ref().unwrap(), finding.rule, finding.message)
    };
    check(component).iter().map(line).collect()
}

#[test]
fn what_agrees_is_clean() {
    let component = component(MANIFESTS);
    assert_eq!(component.workloads.len(), 2);
    assert_eq!(found(&component), [""; 0]);
    assert_eq!(found(&Component::default()), [""; 0]);
}

#[test]
fn what_does_not_agree_in_manifests_is_found_on_both_sides() {
    let mut lines = Vec::new();
    for (from, to) in [
        ("name: API_URL", "name: API_URI"),
        ("            - {name: API_URL, value: https://x}\n", ""),
        (
            "{name: API_URL, value: https://x}",
            "{name: API_URL, value: x}\n            - {name: PORT, value: '3001'}",
        ),
        ("containerPort: 3000", "containerPort: 3001"),
        ("targetPort: http", "targetPort: web"),
        ("targetPort: http", "targetPort: 8080"),
        ("ports: [{port: 3000}]", "ports: [{port: 3001}]"),
        ("o/shop-web:1", "o/shop-wbe:1"),
    ] {
        assert!(MANIFESTS.contains(from), "{from}");
        let found = found(&component(&MANIFESTS.replace(from, to)));
        assert!(!found.is_empty(), "{to}");
        lines.push(format!("{}\n  {}", to.trim(), found.join("\n  ")));
    }
    expect![[r#"
        name: API_URI
          m.yml:15:22: unread-variable: Deployment `web` gives `API_URI` to `web`, whose code does not read it
          web/config.ts:4:3: undeclared-variable: `API_URL` is read here, without a default, and neither Deployment `web` (m.yml:3:18) nor the Dockerfile gives it

          web/config.ts:4:3: undeclared-variable: `API_URL` is read here, without a default, and neither Deployment `web` (m.yml:3:18) nor the Dockerfile gives it
        {name: API_URL, value: x}
                    - {name: PORT, value: '3001'}
          m.yml:16:22: port: `PORT` 3001 is named here, and 3000 in xtask.toml:7
        containerPort: 3001
          m.yml:13:43: port: `containerPort` 3001 is named here, and 3000 in xtask.toml:7
          xtask.toml:7: port: `ports` 3000 is named here, and the containers have 3001 (m.yml:13:43)
        targetPort: web
          m.yml:24:30: port: `targetPort` of Service `web` `web` is the name of no port of Deployment `web`: there are `http`
        targetPort: 8080
          m.yml:24:30: port: `targetPort` of Service `web` 8080 is named here, and 3000 in xtask.toml:7
        ports: [{port: 3001}]
          m.yml:32:22: port: `port` of NetworkPolicy `web` 3001 is named here, and 3000 in xtask.toml:7
        o/shop-wbe:1
          m.yml:11:18: image-name: Deployment `web` runs the image `shop-wbe`, and `cargo xtask image web` makes `shop-web`"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn what_does_not_agree_elsewhere_is_found() {
    let mut other = component(MANIFESTS);
    other.exposed[0].number = 80;
    other.used[0].number = 9000;
    other.reads[1].default = Some(8080);
    expect![[r#"
        web/Dockerfile:9: port: `EXPOSE` 80 is named here, and 3000 in xtask.toml:7
        web/config.ts:5:3: port: by default, `PORT` 8080 is named here, and 3000 in xtask.toml:7
        xtask.toml:7: port: `ports` 3000 is named here, and the Dockerfile exposes 80 (web/Dockerfile:9)
        xtask.toml:20: port: `metrics` 9000 is named here, and 3000 in xtask.toml:7"#]]
    .assert_eq(&found(&other).join("\n"));
    // The Dockerfile may give what no manifest does.
    let mut image = component(&MANIFESTS.replace("            - {name: API_URL, value: https://x}\n", ""));
    image.image.push(Given {
        name: "API_URL".to_owned(),
        value: None,
        location: Location::file("web/Dockerfile"),
    });
    image.image.push(Given {
        name: "PORT".to_owned(),
        value: Some("81".to_owned()),
        location: Location::file("web/Dockerfile"),
    });
    expect!["web/Dockerfile: port: `PORT` 81 is named here, and 3000 in xtask.toml:7"]
        .assert_eq(&found(&image).join("\n"));
    // Nobody knows here what is in a ConfigMap.
    let whole = MANIFESTS.replace("          env:\n            - {name: API_URL, value: https://x}\n            - {name: TZ, value: UTC}\n", "          envFrom: [{configMapRef: {name: c}}]\n");
    assert_eq!(found(&component(&whole)), [""; 0]);
}
