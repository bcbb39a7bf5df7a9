//! What a deployer has to be allowed: verbs on resources, as a role lists them. `k8s/rbac/deployer.yml` is the same list.

use std::collections::BTreeSet;

use super::plan::Identity;
use crate::kubectl::review::Need;

/// What every release needs, whatever its manifests state: the verbs on each resource.
///
/// The ledger and what is kept for rollbacks; the Lease; the two slots and their Service; what is behind these; quotas; metrics.
const ALWAYS: [(&str, &[&str]); 9] = [
    ("configmaps", &["get", "list", "create", "update", "patch", "delete"]),
    ("leases.coordination.k8s.io", &["get", "create", "update"]),
    ("deployments.apps", STATED),
    ("services", STATED),
    ("replicasets.apps", &["list"]),
    ("pods", &["list"]),
    ("endpointslices.discovery.k8s.io", &["list"]),
    ("resourcequotas", &["list"]),
    ("pods/proxy", &["get"]),
];

/// The verbs on each kind that a manifest states. A server-side apply of what is not there yet is a `patch` and a `create`.
const STATED: &[&str] = &["get", "list", "create", "patch"];

/// Everything that a release of these objects needs to be allowed, each once, in the order of a role.
///
/// Of kinds that are none of Kubernetes' own nothing is said: what their resources are called is for their server to know. Of
/// Secrets nothing is needed: they are referred to by name.
pub fn of_release(namespace: &str, stated: &[Identity]) -> Vec<Need> {
    let always = ALWAYS.iter().flat_map(|&(resource, verbs)| {
        verbs.iter().map(move |verb| Need::new(verb, resource, Some(namespace)))
    });
    let kinds = stated.iter().filter(|identity| identity.kind != "Secret").filter_map(|identity| {
        let place = identity.namespace.as_deref().unwrap_or(namespace);
        Some((place, resource(identity)?))
    });
    let kinds: BTreeSet<(&str, String)> = kinds.collect();
    let stated = kinds
        .iter()
        .flat_map(|(place, resource)| STATED.iter().map(move |verb| Need::new(verb, resource, Some(place))));
    let mut seen = BTreeSet::new();
    always.chain(stated).filter(|need| seen.insert(need.clone())).collect()
}

/// What is needed to say why pods fail: their events and their logs. A release goes without it, and says less.
pub fn of_explanation(namespace: &str) -> Vec<Need> {
    let needed = [("list", "events"), ("get", "pods"), ("get", "pods/log")];
    needed.into_iter().map(|(verb, resource)| Need::new(verb, resource, Some(namespace))).collect()
}

/// To look at what tells a cluster from every other one.
pub fn of_identity() -> Need {
    let name = Some("kube-system".to_owned());
    Need { name, ..Need::new("get", "namespaces", Some("kube-system")) }
}

/// The resource of a kind, with its group: `networkpolicies.networking.k8s.io`.
fn resource(identity: &Identity) -> Option<String> {
    let group = identity.api_version.split_once('/').map_or("", |(group, _)| group);
    if group.contains('.') && !group.ends_with(".k8s.io") {
        return None;
    }
    let kind = identity.kind.to_ascii_lowercase();
    let plural = match kind.as_str() {
        // Already one.
        "endpoints" => kind,
        _ => match (kind.strip_suffix('y'), kind.ends_with('s')) {
            (Some(stem), _) => format!("{stem}ies"),
            (None, true) => format!("{kind}es"),
            (None, false) => format!("{kind}s"),
        },
    };
    Some(if group.is_empty() { plural } else { format!("{plural}.{group}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(api_version: &str, kind: &str, namespace: Option<&str>) -> Identity {
        let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
        Identity { api_version, kind, namespace: namespace.map(str::to_owned), name: "x".to_owned() }
    }

    #[test]
    fn each_stated_kind_is_needed_once_in_each_namespace() {
        let stated = [
            identity("apps/v1", "Deployment", None),
            identity("networking.k8s.io/v1", "NetworkPolicy", None),
            identity("networking.k8s.io/v1", "NetworkPolicy", None),
            identity("networking.k8s.io/v1", "Ingress", Some("other")),
            identity("v1", "Secret", None),
            identity("monitoring.coreos.com/v1", "PodMonitor", None),
        ];
        let needs = of_release("v", &stated);
        let always = of_release("v", &[]).len();
        let more: Vec<String> = needs[always..]
            .iter()
            .map(|need| format!("{}: {need}", need.namespace.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(
            more,
            [
                "other: get ingresses.networking.k8s.io",
                "other: list ingresses.networking.k8s.io",
                "other: create ingresses.networking.k8s.io",
                "other: patch ingresses.networking.k8s.io",
                "v: get networkpolicies.networking.k8s.io",
                "v: list networkpolicies.networking.k8s.io",
                "v: create networkpolicies.networking.k8s.io",
                "v: patch networkpolicies.networking.k8s.io",
            ]
        );
        assert!(needs.iter().all(|need| need.resource != "secrets"));
    }
}
