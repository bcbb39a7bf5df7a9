//! The way to a cluster of EKS: who asks is of the account that is pinned, and kubectl gets a configuration of its own.

use std::path::PathBuf;
use std::thread;

use super::connect::placed;
use crate::config::release::{EksConfig, EnvironmentConfig};
use crate::core::aws::{Described, Fault, Identity};
use crate::cx::{Cx, files};
use crate::driver::aws::Failure;
use crate::error::{Error, Result};

/// How much of the hash of a configuration stands in its name, in characters.
const HASH: usize = 12;

/// How one gets to a cluster.
#[derive(Debug)]
pub(super) struct Access {
    /// Who asks.
    pub(super) identity: Identity,
    /// What Amazon says of the cluster.
    pub(super) described: Described,
    /// The file with the configuration of kubectl.
    pub(super) kubeconfig: PathBuf,
}

/// Finds the way to the cluster of an environment; `None` where it is not said that it is one of EKS.
///
/// The configuration is a file under `.xtask` that nobody else can read. It goes by its content: two runs share it, none changes it
/// under another, and one that is left behind is as good as a new one, for it holds no secret.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where whoever asks is of another account than the one that is pinned; of kind
/// [`Configuration`](crate::ErrorKind::Configuration) where there is no such cluster; of kind
/// [`Missing`](crate::ErrorKind::Missing) where nobody says who asks, or Amazon does not answer.
pub(super) fn access(cx: &Cx, environment: &EnvironmentConfig) -> Result<Option<Access>> {
    let Some(eks) = &environment.eks else { return Ok(None) };
    let aws = cx.aws(eks.cluster());
    // Either takes half a second, and both only read. Which account it is decides first.
    let (identity, described) = thread::scope(|scope| {
        let described = scope.spawn(|| aws.describe());
        (aws.identity(), described.join())
    });
    let identity = identity?;
    expect_account(environment, eks, &identity)?;
    let described = described
        .map_err(|_| Error::bug("the question about the cluster panicked"))?
        .map_err(|failure| unlike(environment, eks, failure))?;
    let config = described.kubeconfig(aws.cluster(), &environment.context.value).to_string();
    let hash = blake3::hash(config.as_bytes()).to_hex();
    let name = format!("{}-{}.json", environment.name, &hash.as_str()[..HASH]);
    let kubeconfig = cx.tools_folder().join("kubeconfig").join(name);
    files::write_private(&kubeconfig, config.as_bytes())?;
    Ok(Some(Access { identity, described, kubeconfig }))
}

fn expect_account(environment: &EnvironmentConfig, eks: &EksConfig, identity: &Identity) -> Result<()> {
    if identity.account == eks.account.value {
        return Ok(());
    }
    let error =
        Error::refused(format!("whoever asks is of another account than `{}` is of", environment.name))
            .cause(format!("`{}` is of `{}`", identity.arn, identity.account))
            .hint("nothing was asked of a cluster; `AWS_PROFILE` names who asks");
    Err(placed(environment, &eks.account.place, &error))
}

/// That there is no such cluster stands in a line of `xtask.toml`.
fn unlike(environment: &EnvironmentConfig, eks: &EksConfig, Failure { fault, error }: Failure) -> Error {
    if fault == Fault::NoSuchCluster { placed(environment, &eks.cluster.place, &error) } else { error }
}
