//! Who releases: the service account of `k8s/rbac/` with its role, in the namespace of a test.

use std::path::Path;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::harness::{Cluster, Namespace};

/// The manifests of the role, as they are applied once in each namespace.
pub(crate) const ROLE: &str = include_str!("../../../../k8s/rbac/deployer.yml");

/// The service account that the role is bound to.
const ACCOUNT: &str = "vitalyst-deployer";

/// A service account that may what the role says, for an hour.
pub(crate) struct Deployer<'c> {
    cluster: &'c Cluster,
    kubeconfig: NamedTempFile,
    /// The role that reaches beyond the namespace has a name of its own for each test, and is taken away by it.
    identity: String,
}

impl<'c> Deployer<'c> {
    /// One with the role as it is.
    pub(crate) fn new(cluster: &'c Cluster, namespace: &Namespace<'_>) -> Self {
        Self::changed(cluster, namespace, |_| {})
    }

    /// One with another role: `change` is what becomes of its rules.
    pub(crate) fn changed(
        cluster: &'c Cluster,
        namespace: &Namespace<'_>,
        change: impl Fn(&mut Vec<Value>),
    ) -> Self {
        let identity = format!("xtask-{}", namespace.name());
        let role = ROLE
            .replace("vitalyst-cluster-identity", &identity)
            .replace("namespace: vitalyst\n", &format!("namespace: {}\n", namespace.name()));
        namespace.apply(&role);
        let mut object = namespace.json(&["role", ACCOUNT]).unwrap();
        change(object["rules"].as_array_mut().unwrap());
        object["metadata"]["managedFields"].take();
        let arguments = ["--namespace", namespace.name(), "replace", "--filename=-"];
        cluster.kubectl_as(cluster.kubeconfig(), &arguments, &object.to_string()).ok();
        let kubeconfig = cluster.service_account_kubeconfig(namespace.name(), ACCOUNT);
        Self { cluster, kubeconfig, identity }
    }

    /// With it one is that service account, and nobody else.
    pub(crate) fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }
}

impl Drop for Deployer<'_> {
    fn drop(&mut self) {
        self.cluster.kubectl(&["delete", "clusterrole,clusterrolebinding", &self.identity, "--wait=false"]);
    }
}
