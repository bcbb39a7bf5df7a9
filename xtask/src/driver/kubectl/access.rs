//! Who is there, and who we are to them: contexts, the cluster's identity, versions, rights.

use serde_json::Value;

use super::session::Call;
use super::{Failure, Kubectl, Query};
use crate::core::kubectl::Fault;
use crate::core::kubectl::document::{self, Name};
use crate::core::kubectl::review::{self, Need, Verdict};
use crate::core::kubectl::skew::Versions;
use crate::core::suggest;

impl Kubectl {
    /// The contexts that kubectl's configuration has. No cluster is asked.
    pub fn contexts(&self) -> Result<Vec<String>, Failure> {
        let call = Call::new("list the contexts", &["config", "get-contexts", "--output=name"]);
        let answer = self.0.call(&call)?;
        Ok(answer.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// A failure where kubectl's configuration does not have the target's context. No cluster is asked.
    pub fn find_context(&self) -> Result<(), Failure> {
        let context = &self.0.target.context;
        let contexts = self.contexts()?;
        if contexts.contains(context) {
            return Ok(());
        }
        let call = Call::new("find the context", &[]);
        let nearest = suggest::nearest(context, contexts.iter().map(String::as_str));
        let cause = match nearest {
            Some(nearest) => format!("there is one called `{nearest}`"),
            None => format!("it knows {}", contexts.len()),
        };
        Err(self.0.failure(&call, Fault::NoSuchContext, cause))
    }

    /// What tells this cluster from every other one: the uid of its namespace `kube-system`, which is as old as itself.
    pub fn cluster_uid(&self) -> Result<String, Failure> {
        let kube_system = Name {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: "kube-system".to_owned(),
        };
        let found = self.get(&Query::objects(&[kube_system]))?;
        let uid = found.first().and_then(|object| object.pointer("/metadata/uid")).and_then(Value::as_str);
        uid.map(str::to_owned).ok_or_else(|| {
            let call = Call::new("read the namespace `kube-system`", &[]);
            self.0.failure(&call, Fault::Nonsense, "a cluster without a namespace `kube-system` is none")
        })
    }

    /// A failure of the fault [`WrongCluster`](Fault::WrongCluster) where the cluster has another uid than this.
    pub fn expect_cluster(&self, uid: &str) -> Result<(), Failure> {
        let found = self.cluster_uid()?;
        if found == uid {
            return Ok(());
        }
        let call = Call::new("tell the cluster", &[]);
        let cause = format!("the uid of its namespace `kube-system` is `{found}`, expected is `{uid}`");
        Err(self.0.failure(&call, Fault::WrongCluster, cause))
    }

    /// The versions of kubectl and of the cluster.
    pub fn version(&self) -> Result<Versions, Failure> {
        let call = Call::new("ask for the version", &["version", "--output=json"]);
        let answer = self.0.call(&call)?;
        let versions = serde_json::from_str(&answer).ok().and_then(|answer| Versions::of(&answer));
        versions.ok_or_else(|| self.0.failure(&call, Fault::Nonsense, "it names no version of the server"))
    }

    /// Whether we may do each of these, in their order. To ask that, nothing has to be allowed.
    pub fn may(&self, needs: &[Need]) -> Result<Vec<Verdict>, Failure> {
        if needs.is_empty() {
            return Ok(Vec::new());
        }
        let documents = review::documents(needs);
        // To check such a document kubectl would want to list what kinds other people have defined.
        let arguments = ["create", "--validate=ignore", "--filename=-", "--output=json"];
        let call =
            Call::new("ask what we may do", &arguments).documents(&documents.iter().collect::<Vec<_>>());
        let answer = self.0.call(&call)?;
        let verdicts = document::objects(&answer).and_then(|answers| review::verdicts(needs, &answers));
        verdicts.ok_or_else(|| {
            self.0.failure(&call, Fault::Nonsense, "its answers are not those to what was asked")
        })
    }
}
