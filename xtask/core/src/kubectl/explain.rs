//! The words for what kubectl could not do, with a next step.

use crate::aws;
use crate::aws::answer::Asker;

use super::answer::{Answer, Fault};

/// The words for a failure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// One sentence, lowercase, without a full stop.
    pub message: String,
    /// What kubectl itself said.
    pub cause: String,
    /// The next step.
    pub hint: String,
}

/// What kubectl was asked, as far as a reader has to know.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The cluster as the reader calls it: `production`.
    pub cluster: &'a str,
    /// The context that leads to it.
    pub context: &'a str,
    /// How a person calls kubectl for it: `kubectl --context=production`.
    pub kubectl: &'a str,
    /// The namespace that was asked.
    pub namespace: &'a str,
    /// What was to be done, as it follows "could not": ``write Deployment `x` ``.
    pub doing: &'a str,
    /// Who asks Amazon, where a program of theirs gets the credentials.
    pub asker: &'a Asker,
}

impl Answer {
    /// The words for it.
    pub fn explain(&self, asked: Asked<'_>) -> Explanation {
        let (message, hint) =
            of_the_object(&self.fault, asked).unwrap_or_else(|| of_the_way(&self.fault, asked));
        // What the aws CLI says to whoever asks for a token is better known than what other plugins do.
        let remedy =
            (self.fault == Fault::PluginFailed).then(|| aws::Fault::of(&self.said).remedy(asked.asker));
        let hint = remedy.flatten().unwrap_or(hint);
        Explanation { message, cause: self.said.clone(), hint }
    }
}

/// What is wrong with what was asked for; `None` where it did not come to that.
fn of_the_object(fault: &Fault, asked: Asked<'_>) -> Option<(String, String)> {
    let Asked { cluster, namespace, doing, .. } = asked;
    let not_done = format!("could not {doing} in the cluster of `{cluster}`");
    let words = match fault {
        Fault::NotFound => (
            not_done,
            format!("something that is needed is not there: does the namespace `{namespace}` exist?"),
        ),
        Fault::AlreadyExists => {
            (not_done, "somebody else made one of this name: look at it first".to_owned())
        }
        Fault::Conflict => (
            not_done,
            "somebody else has written it since it was read: run the same command again".to_owned(),
        ),
        Fault::Owned(owners) => {
            let managers: Vec<&str> = owners.iter().map(|owner| owner.manager.as_str()).collect();
            let managers = if managers.is_empty() {
                "somebody else".to_owned()
            } else {
                format!("`{}`", managers.join("`, `"))
            };
            (
                format!("{managers} owns fields that would change in the cluster of `{cluster}`"),
                "take the fields out of the manifest, or have them taken over on purpose".to_owned(),
            )
        }
        Fault::Forbidden(denial) => (
            format!("`{}` {denial}", denial.user),
            format!(
                "ask whoever runs the cluster of `{cluster}` for a {} with the verb `{}` on `{}`",
                if denial.namespace.is_some() { "Role" } else { "ClusterRole" },
                denial.verb,
                denial.resource(),
            ),
        ),
        Fault::Denied => (
            format!("the cluster of `{cluster}` does not allow to {doing}"),
            "a quota or a rule of the cluster forbids it: its own words say which".to_owned(),
        ),
        Fault::Invalid => (
            format!("the cluster of `{cluster}` refuses to {doing}"),
            "correct the manifest: its own words name the field".to_owned(),
        ),
        Fault::TooLarge => (
            format!("the cluster of `{cluster}` refuses to {doing}: it is too large"),
            "an object may have 1 MiB, a request 3 MiB: split it".to_owned(),
        ),
        Fault::NoSuchKind => (
            format!("the cluster of `{cluster}` lacks a kind of the manifests"),
            "it may be too old or too new for the `apiVersion` that is stated".to_owned(),
        ),
        _ => return None,
    };
    Some(words)
}

/// Why nothing can be asked, or nothing is known.
fn of_the_way(fault: &Fault, asked: Asked<'_>) -> (String, String) {
    let Asked { cluster, context, kubectl, namespace, doing, .. } = asked;
    let login = format!("log in again: `{kubectl} auth whoami` says who you are");
    match fault {
        Fault::Unauthorized => (format!("the cluster of `{cluster}` does not know who asks"), login),
        Fault::NoPlugin(program) => (
            format!("`{program}` is not there, which gets the credentials for the cluster of `{cluster}`"),
            format!("the context `{context}` names it in kubectl's configuration: install it"),
        ),
        Fault::PluginFailed => (
            format!("there are no credentials for the cluster of `{cluster}`"),
            format!("a program gets them; {login}"),
        ),
        Fault::NoSuchContext => (
            format!("kubectl knows no context `{context}`"),
            "`kubectl config get-contexts` lists them; `KUBECONFIG` names the file".to_owned(),
        ),
        Fault::Misconfigured => (
            "kubectl's configuration makes no sense".to_owned(),
            format!("`{kubectl} config view --minify` should show it; `KUBECONFIG` names the file"),
        ),
        Fault::Certificate(certificate) => (
            format!("the certificate of the cluster of `{cluster}` {certificate}"),
            format!(
                "nothing was sent there; the context `{context}` states which authority is believed, and whoever runs the cluster knows the right one"
            ),
        ),
        Fault::WrongCluster => (
            format!("the context `{context}` does not lead to the cluster of `{cluster}`"),
            "nothing was done there; somebody may have changed what the context stands for".to_owned(),
        ),
        Fault::Unreachable => (
            format!("the cluster of `{cluster}` does not answer"),
            format!("`{kubectl} version` should answer; is a VPN or a proxy missing?"),
        ),
        Fault::TimedOut => (
            format!("the cluster of `{cluster}` did not answer in time"),
            format!("`{kubectl} version` should answer at once; is it busy?"),
        ),
        Fault::Unavailable => (
            format!("the cluster of `{cluster}` has trouble of its own"),
            "try again in a minute; its own words say what it lacks".to_owned(),
        ),
        Fault::TooLong => (
            format!("the cluster of `{cluster}` answered with more than is read"),
            format!("is the namespace `{namespace}` shared with something very large?"),
        ),
        Fault::Nonsense => (
            format!("kubectl answered for `{cluster}` with something that is no object"),
            format!("`{kubectl} get --namespace={namespace} services --output=json` shows what it answers"),
        ),
        Fault::Interrupted => ("interrupted".to_owned(), "run the same command again".to_owned()),
        _ => (
            format!("could not {doing} in the cluster of `{cluster}`"),
            format!("the same by hand, with `{kubectl} --namespace={namespace}`, may say more"),
        ),
    }
}
