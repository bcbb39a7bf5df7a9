//! What the repository of a shop has in it: its configuration, its manifests, and what some scenarios add to them.

use xtask::core::registry::Digest;

use super::shop::How;

/// Its settings come from a ConfigMap: a change of them alone is a release, too.
pub(crate) const MANIFESTS: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  LATENCY: ${LATENCY}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels: {app: app}
spec:
  replicas: 3
  minReadySeconds: 1
  progressDeadlineSeconds: 60
  selector:
    matchLabels: {app: app}
  template:
    metadata:
      labels: {app: app}
    spec:
      automountServiceAccountToken: false
      dnsPolicy: Default
      terminationGracePeriodSeconds: 15
      containers:
        - name: app
          image: ${IMAGE}
          env:
            - {name: VERSION, value: "${VERSION}"}
            - {name: "${FAULT}", value: "${VALUE}"}
          envFrom: [{configMapRef: {name: settings}}]
          ports: [{name: http, containerPort: 8000}]
          readinessProbe:
            httpGet: {path: /ready, port: http}
            periodSeconds: 1
          lifecycle:
            preStop: {sleep: {seconds: 3}}
          resources:
            requests: {cpu: 10m, memory: 16Mi}
            limits: {cpu: 200m, memory: 64Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: app
spec:
  selector: {app: app}
  ports: [{name: http, port: 80, targetPort: http}]
"#;

/// A Job that adds something to the database before the first new pod. Each version has one of its own.
pub(crate) const MIGRATION: &str = r#"---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  labels: {vitalyst.io/migration: expand}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {app: migrate}}
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      dnsPolicy: Default
      containers:
        - name: migrate
          image: ${IMAGE}
          args: [migrate]
          env:
            - {name: VERSION, value: "${VERSION}"}
            - {name: "${FAULT}", value: "${VALUE}"}
          resources: {requests: {cpu: 10m, memory: 16Mi}}
"#;

/// An autoscaler. Nobody measures pods for it, so it moves only where its floor does.
pub(crate) const AUTOSCALER: &str = r"---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  minReplicas: 3
  maxReplicas: 10
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
";

/// The configuration, with one environment `test`.
pub(crate) fn configuration(namespace: &str, context: &str, how: How, bake: &str, digest: &Digest) -> String {
    let strategy = match how {
        How::Flip => "strategy = \"flip\"",
        How::Canary => "strategy = \"canary\"\nsteps = [\"10 %\", \"50 %\"]",
    };
    format!(
        r#"[project]
name = "shop"

[release]
order = ["app"]
bake = "{bake}"

[release.components.app]
deployment = "app"
{strategy}
metrics = {{ port = 8000, path = "/metrics" }}
smoke = [{{ path = "/health" }}]

[release.components.app.objectives]
errors = {{ bad = 'http_requests_total{{status=~"5xx"}}', total = "http_requests_total", rate-max = "1 %" }}

[environments.test]
manifests = ["k8s/app.template.yml"]
namespace = "{namespace}"
context = "{context}"

[environments.test.variables]
IMAGE = {{ env = "IMAGE", default = "ghcr.io/shop/app@{digest}" }}
VERSION = {{ env = "VERSION", default = "one" }}
LATENCY = {{ env = "LATENCY", default = "1ms" }}
FAULT = {{ env = "FAULT", default = "NOTHING" }}
VALUE = {{ env = "VALUE", default = "wrong" }}
"#
    )
}
