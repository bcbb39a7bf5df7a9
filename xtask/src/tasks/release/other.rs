//! What serves another environment: the images that were verified there.

use serde_json::Value;

use super::connect::Use;
use super::prepare::of_environment;
use super::{connect, under_way};
use crate::core::registry::Reference;
use crate::core::release::images::pod_template;
use crate::core::release::ledger::State;
use crate::core::release::model::ReleaseId;
use crate::cx::Cx;
use crate::error::{Error, Result};

/// A release that serves somewhere, as far as it can be brought elsewhere.
pub(super) struct Served {
    /// The release.
    pub(super) release: ReleaseId,
    /// The images of its containers, each with its digest.
    pub(super) images: Vec<Reference>,
    /// The commit that it was made from.
    pub(super) commit: Option<String>,
}

/// The release that serves an environment.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where it was not verified there.
pub(super) fn serving(cx: &Cx, environment: &str) -> Result<Served> {
    let (_, environment) = of_environment(cx, Some(environment))?;
    let kubectl = connect::identified(cx, environment, Use::Read)?;
    let head = connect::ledger(&kubectl, &environment.name)?;
    let entry = head.as_ref().and_then(|head| head.serves());
    let Some(entry) = entry.filter(|entry| entry.state == State::Verified) else {
        let words = match entry {
            Some(entry) => {
                format!("`{}` serves `{}`, and is {}", entry.release, environment.name, entry.state)
            }
            None => format!("nothing serves `{}`", environment.name),
        };
        return Err(Error::refused(words).hint("only what was verified there is brought elsewhere"));
    };
    let derived = under_way::restored(&kubectl, entry)?;
    let images = derived.stated().into_iter().flat_map(images).collect();
    let commit = entry.account.commit.as_deref().map(str::to_owned);
    Ok(Served { release: entry.release.clone(), images, commit })
}

/// The images of an object's containers that have a digest.
pub(super) fn images(object: &Value) -> Vec<Reference> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let Some(template) = pod_template(kind) else { return Vec::new() };
    let lists = ["initContainers", "containers"].into_iter();
    let containers = lists.flat_map(|list| {
        let list = object.pointer(&format!("{template}/spec/{list}"));
        list.and_then(Value::as_array).into_iter().flatten()
    });
    let images =
        containers.filter_map(|container| container.get("image")?.as_str()?.parse::<Reference>().ok());
    images.filter(|image| image.digest().is_some()).collect()
}
