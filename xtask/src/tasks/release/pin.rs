//! Writes down which cluster an environment means.

use std::path::Path;

use super::connect;
use super::prepare::of_environment;
use crate::config::Config;
use crate::core::release::pin;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::event::Body;

/// Which environment, and whether another cluster that is pinned gives way.
#[derive(Clone, Debug)]
pub struct Options {
    /// The environment; may be left out where there is only one.
    pub environment: Option<String>,
    /// Whether the cluster that the context leads to now takes the place of another that is pinned.
    pub force: bool,
}

/// Says which cluster the context of an environment leads to, and writes that into `xtask.toml`; everything else in the file
/// stays as it is.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where another cluster is pinned, unless `force`.
pub fn pin(cx: &Cx, options: &Options) -> Result<()> {
    let (_, environment) = of_environment(cx, options.environment.as_deref())?;
    let kubectl = connect::kubectl(cx, environment)?;
    let found = || kubectl.find_context().and_then(|()| kubectl.cluster_uid());
    let uid = found().map_err(|failure| connect::unlike(environment, failure))?;
    let name = &environment.name;
    let context = &environment.context;
    let said = match &environment.cluster {
        Some(pinned) if pinned.value == uid => "is pinned already",
        Some(pinned) if !options.force => {
            let words = format!("`{}` leads to another cluster than the one that is pinned", context.value);
            let problem = pinned.place.diagnostic(words).label(format!("found is `{uid}`"));
            return Err(Error::refused(format!("`{name}` is pinned to another cluster"))
                .places([problem])
                .hint("`--force` pins the one that was found: whoever releases goes there from then on"));
        }
        Some(pinned) => {
            write(
                cx,
                name,
                pinned.place.text(),
                &pin::replace(pinned.place.text(), pinned.place.span(), &uid),
                &uid,
            )?;
            "is pinned from now on, in place of another"
        }
        None => {
            write(
                cx,
                name,
                context.place.text(),
                &pin::insert(context.place.text(), context.place.span(), &uid),
                &uid,
            )?;
            "is pinned from now on, in `xtask.toml`"
        }
    };
    let text =
        format!("{uid}\n  the cluster of `{name}`, to which the context `{}` leads, {said}\n", context.value);
    let data = serde_json::json!({ "environment": name, "context": context.value, "cluster": uid });
    cx.emit(Body::Answer { text, data });
    Ok(())
}

/// Writes the new text over the one that was read, once it is sure to say what it should.
fn write(cx: &Cx, environment: &str, before: &str, after: &str, uid: &str) -> Result<()> {
    let path = cx.root().join(Config::FILE);
    let by_hand = |error: Error| {
        error.hint(format!("write it by hand: `cluster = \"{uid}\"` in `[environments.{environment}]`"))
    };
    let config = Config::parse(Path::new(Config::FILE), after).map_err(|error| {
        by_hand(
            Error::configuration("`xtask.toml` is written in a way that leaves no room for it").source(error),
        )
    })?;
    let is_pinned = config.environments.iter().any(|other| {
        other.name == environment && other.cluster.as_ref().is_some_and(|cluster| cluster.value == uid)
    });
    if !is_pinned || files::read(&path)? != before {
        return Err(by_hand(Error::refused("`xtask.toml` was changed meanwhile, and is left as it is")));
    }
    files::write(&path, after.as_bytes())
}
