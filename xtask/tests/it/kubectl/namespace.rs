//! A namespace of a real cluster for a test, and accounts in it.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use xtask::core::kubectl::document::Name;
use xtask::core::kubectl::review::Need;
use xtask::driver::kubectl::{Failure, Kubectl, Mode};

use super::{Home, said};

/// A namespace of a real cluster that is ours alone.
pub(super) struct Real {
    pub(super) home: Home,
    pub(super) admin: Kubectl,
}

impl Real {
    /// `None`, said, where there is no cluster.
    pub(super) fn new() -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let Some(config) = std::env::var_os("XTASK_TEST_KUBECONFIG") else {
            println!("skipped: `XTASK_TEST_KUBECONFIG` names no cluster");
            return None;
        };
        let mut home = Home::empty();
        home.set("KUBECONFIG", config.to_str().unwrap());
        let context = home.by_hand(&["config", "current-context"]);
        let name = format!("xtask-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = home.at(context.trim(), &name);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        all(admin.create("test", &[namespace], Mode::Really));
        Some(Self { home, admin })
    }

    pub(super) fn namespace(&self) -> &str {
        &self.admin.target().namespace
    }

    /// How the context leads to the cluster.
    pub(super) fn cluster(&self) -> Value {
        let context = format!("--context={}", self.admin.target().context);
        let arguments = ["config", "view", "--minify", "--raw", "--flatten", "--output=json"];
        let view = self.home.by_hand(&[&[context.as_str()], arguments.as_slice()].concat());
        let mut view: Value = serde_json::from_str(&view).unwrap();
        view["clusters"][0]["cluster"].take()
    }

    /// An address of this machine that the API server may reach: the one that it sees us at, or, where it is here too, the
    /// one that others see us at.
    pub(super) fn own_address(&self) -> Option<IpAddr> {
        let cluster = self.cluster();
        let server = cluster["server"].as_str().unwrap().trim_start_matches("https://");
        let address = |server: &str| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
            // Nothing is sent.
            socket.connect(server).ok()?;
            socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
        };
        address(server).or_else(|| address("192.0.2.1:9"))
    }

    /// The same cluster as a service account with these rights in the namespace: a verb and a resource each.
    pub(super) fn as_account(&self, rights: &[(&str, &str)]) -> (Home, Kubectl) {
        let rules = rights.iter().map(|(verb, resource)| {
            let need = Need::new(verb, resource, None);
            let part = need.subresource.map(|part| format!("/{part}")).unwrap_or_default();
            json!({"apiGroups": [need.group], "resources": [need.resource + &part], "verbs": [verb]})
        });
        let role = |kind: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "limited"}});
        let with = |mut document: Value, field: &str, value: Value| {
            document[field] = value;
            document
        };
        let subject = json!([{"kind": "ServiceAccount", "name": "limited", "namespace": self.namespace()}]);
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"});
        let documents = [
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "limited"}}),
            with(role("Role"), "rules", rules.collect()),
            with(with(role("RoleBinding"), "subjects", subject), "roleRef", reference),
        ];
        all(self.admin.create("test", &documents, Mode::Really));
        let context = format!("--context={}", self.admin.target().context);
        let namespace = format!("--namespace={}", self.namespace());
        let token = self.home.by_hand(&[&context, &namespace, "create", "token", "limited"]);
        let home = Home::new(&self.cluster(), &json!({"token": token.trim()}));
        let kubectl = home.at("there", self.namespace());
        (home, kubectl)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let name = Name {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: self.namespace().to_owned(),
        };
        // The namespace of a namespace is none.
        let path = name.path(None);
        let context = format!("--context={}", self.admin.target().context);
        self.home.by_hand(&[&context, "delete", "--raw", &path]);
    }
}

impl Home {
    /// What kubectl writes when it is called as a person would.
    pub(super) fn by_hand(&self, arguments: &[&str]) -> String {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let output = Command::new("kubectl").args(arguments).env_clear().envs(variables).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The objects that were all written.
pub(super) fn all(results: Vec<Result<Value, Failure>>) -> Vec<Value> {
    results.into_iter().map(|result| result.unwrap_or_else(|failure| panic!("{}", said(&failure)))).collect()
}
