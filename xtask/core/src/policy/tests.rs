//! Each rule, red and green; and objects that are anything.

use std::collections::BTreeSet;

use super::*;
use crate::release::manifest::{self, Manifest};
use crate::release::template::Variables;

/// A Deployment, with its policy and its budget, that breaks no rule.
const GOOD: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: web
          image: ${REGISTRY}/web:1
          ports:
            - containerPort: 80
          env:
            - name: MODE
              value: fast
          readinessProbe: {httpGet: {path: /, port: 80}}
          livenessProbe: {httpGet: {path: /, port: 80}}
          startupProbe: {httpGet: {path: /, port: 80}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          resources:
            limits: {cpu: 1, memory: 1Gi}
            requests: {cpu: 1, memory: 1Gi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {app: web}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
"#;

/// What is found in a template, one finding a line.
fn found(text: &str) -> Vec<String> {
    let mut variables = Variables::new("given", [("REGISTRY", "r.example.com")]);
    let manifests = manifest::read("m.yml", text, Some(&mut variables)).unwrap();
    let objects: Vec<&Value> = manifests.iter().map(|manifest| &manifest.object).collect();
    let files = Files { manifests: &manifests, overlays: &[] };
    look(&objects, &files).findings.iter().map(line).collect()
}

fn line(finding: &Finding) -> String {
    let place = finding.location.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{place} {}: {}", finding.rule, finding.message)
}

#[test]
fn what_breaks_no_rule_is_clean() {
    assert_eq!(found(GOOD), [""; 0]);
    let coverage = look(&[], &Files { manifests: &[], overlays: &[] }).coverage;
    assert_eq!(coverage.to_string(), "0 pod templates");
}

/// What is changed in the good file.
const TABLE: &[(&str, &str)] = &[
    ("runAsNonRoot: true", "runAsUser: 10001"),
    ("runAsNonRoot: true", "runAsNonRoot: false"),
    ("runAsNonRoot: true", "runAsUser: 0"),
    ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    ("allowPrivilegeEscalation: false", "runAsUser: 7"),
    ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: false\n            privileged: true"),
    ("drop: [ALL]", "drop: [CHOWN]"),
    ("drop: [ALL]", "drop: [all], add: [NET_BIND_SERVICE, SYS_ADMIN]"),
    ("type: RuntimeDefault", "type: Unconfined"),
    ("limits: {cpu: 1, memory: 1Gi}", "limits: {cpu: 1}"),
    ("            requests: {cpu: 1, memory: 1Gi}\n", ""),
    ("readinessProbe", "workingDir: /x # "),
    ("livenessProbe", "workingDir: /x # "),
    ("startupProbe", "workingDir: /x # "),
    ("preStop", "postStart"),
    ("${REGISTRY}/web:1", "web:1.2"),
    ("${REGISTRY}/web:1", "r.example.com:5000/web"),
    ("containerPort: 80", "{containerPort: 80, hostPort: 81}"),
    ("name: MODE", "name: API_TOKEN"),
    ("value: fast", "value: postgres://u:p@db/x"),
    ("automountServiceAccountToken: false", "hostNetwork: true\n      automountServiceAccountToken: false"),
    ("      containers:", "      volumes: [{name: v, hostPath: {path: /run}}]\n      containers:"),
    ("automountServiceAccountToken: false", "automountServiceAccountToken: true"),
    ("podSelector: {}", "podSelector: {matchLabels: {app: other}}"),
    ("policyTypes: [Ingress, Egress]", "ingress: []"),
    ("selector: {matchLabels: {app: web}}", "selector: {matchLabels: {app: other}}"),
    (
        "apiVersion: policy/v1",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n---\napiVersion: policy/v1",
    ),
];

#[test]
fn each_rule_finds_what_breaks_it() {
    let mut seen = BTreeSet::new();
    let mut lines = Vec::new();
    for (from, to) in TABLE {
        assert!(GOOD.contains(from), "{from}");
        let found = found(&GOOD.replacen(from, to, 1));
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        seen.extend(all().map(|rule| rule.name).filter(|name| found[0].contains(&format!(" {name}: "))));
        lines.extend(found);
    }
    let all: BTreeSet<&str> = all().map(|rule| rule.name).collect();
    assert_eq!(seen, all, "each rule has a case");
    expect_test::expect![[r#"
        m.yml:32:11 run-as-root: the container `web` of Deployment `web` may run as root
        m.yml:15:23 run-as-root: the container `web` of Deployment `web` may run as root
        m.yml:15:20 run-as-root: the container `web` of Deployment `web` runs as root
        m.yml:34:37 writable-root: the container `web` of Deployment `web` can write to its root file system
        m.yml:32:11 privilege-escalation: the container `web` of Deployment `web` can gain privileges
        m.yml:34:25 privileged: the container `web` of Deployment `web` is privileged
        m.yml:35:28 capabilities: the container `web` of Deployment `web` keeps capabilities
        m.yml:35:65 capabilities: the container `web` of Deployment `web` has the capability `SYS_ADMIN`
        m.yml:16:32 seccomp: the container `web` of Deployment `web` may make every system call
        m.yml:30:13 limits: the container `web` of Deployment `web` has no limit for `memory`
        m.yml:29:11 requests: the container `web` of Deployment `web` does not say how much it needs of `cpu` and `memory`
        m.yml:18:11 readiness-probe: the container `web` of Deployment `web` does not say when it can take requests
        m.yml:18:11 liveness-probe: the container `web` of Deployment `web` does not say when it hangs
        m.yml:18:11 startup-probe: the container `web` of Deployment `web` does not say when it has started
        m.yml:28:11 pre-stop: the container `web` of Deployment `web` stops while requests are still sent to it
        m.yml:19:18 moving-image: the image `web:1.2` of the container `web` of Deployment `web` is whatever the tag `1.2` names
        m.yml:19:18 moving-image: the image `r.example.com:5000/web` of the container `web` of Deployment `web` is whatever is the latest
        m.yml:21:45 host-port: the container `web` of Deployment `web` takes port 81 of its node
        m.yml:24:22 literal-secret: the variable `API_TOKEN` of the container `web` of Deployment `web` holds a secret
        m.yml:24:22 literal-secret: the variable `MODE` of the container `web` of Deployment `web` holds a secret
        m.yml:13:20 host-namespace: the pods of Deployment `web` share `hostNetwork` with their node
        m.yml:17:44 host-path: the pods of Deployment `web` mount `/run` of their node
        m.yml:13:37 service-account-token: the pods of Deployment `web` have a token of the service account `default`
        m.yml:4:9 network-policy: no NetworkPolicy selects the pods of Deployment `web`
        m.yml:4:9 network-policy: whatever can be reached may be spoken to by the pods of Deployment `web`
        m.yml:6:13 disruption-budget: no PodDisruptionBudget selects the pods of Deployment `web`
        m.yml:40:1 stated-secret: the Secret `s` is stated with its values"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn what_ends_needs_no_probes() {
    let job = GOOD.replacen("apps/v1\nkind: Deployment", "batch/v1\nkind: Job", 1);
    let bare: String = job
        .lines()
        .filter(|line| !line.contains("Probe") && !line.contains("preStop"))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert_eq!(found(&bare), [""; 0]);
}

#[test]
fn an_account_may_say_it_for_its_pods() {
    let account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\nautomountServiceAccountToken: false\n";
    let text = GOOD.replace("      automountServiceAccountToken: false\n", "");
    assert_eq!(found(&text).len(), 1);
    assert_eq!(found(&format!("{text}{account}")), [""; 0]);
}

/// What a slot b is made from is said once, and what is laid over it where that stands.
#[test]
fn both_slots_are_one() {
    let mut variables = Variables::new("given", [("REGISTRY", "r.example.com")]);
    let text = GOOD.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false");
    let text = text.replace("podSelector: {}", "podSelector: {matchLabels: {app: other}}");
    let manifests = manifest::read("m.yml", &text, Some(&mut variables)).unwrap();
    let over = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-b}\nspec:\n  replicas: 1\n  template:\n    spec:\n      \
                containers: [{name: web, securityContext: {privileged: true}}]\n";
    let overlays = manifest::read("o.yml", over, None).unwrap();
    let mut slot_b = manifests[0].object.clone();
    manifest::set(&mut slot_b, "/metadata/name", "web-b");
    let security = "/spec/template/spec/containers/0/securityContext/privileged";
    slot_b.pointer_mut("/spec/template/spec/containers/0/securityContext").unwrap()["privileged"] =
        true.into();
    assert!(slot_b.pointer(security).is_some());
    let objects: Vec<&Value> =
        manifests.iter().map(|manifest: &Manifest| &manifest.object).chain([&slot_b]).collect();
    let files = Files { manifests: &manifests, overlays: &overlays };
    let found: Vec<String> = look(&objects, &files).findings.iter().map(line).collect();
    assert_eq!(
        found,
        [
            "m.yml:4:9 network-policy: no NetworkPolicy selects the pods of Deployment `web`",
            "m.yml:34:37 writable-root: the container `web` of Deployment `web` can write to its root file system",
            "o.yml:8:62 privileged: the container `web` of Deployment `web` is privileged",
        ]
    );
}

#[test]
fn nothing_that_can_be_read_makes_it_fail() {
    for (at, _) in GOOD.match_indices('\n') {
        for cut in [&GOOD[..at], &GOOD[at..]] {
            let mut variables = Variables::new("given", [("REGISTRY", "r.example.com")]);
            if let Ok(manifests) = manifest::read("m.yml", cut, Some(&mut variables)) {
                let objects: Vec<&Value> = manifests.iter().map(|manifest| &manifest.object).collect();
                drop(look(&objects, &Files { manifests: &manifests, overlays: &[] }));
            }
        }
    }
}
