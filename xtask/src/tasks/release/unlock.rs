//! Takes the Lease of an environment away from its holder: for one who will never come back and cannot be waited for.

use serde_json::{Value, json};

use super::connect::Use;
use super::intervene::Options;
use super::prepare::{self, of_environment};
use super::{connect, consent};
use crate::core::kubectl::document::Seen;
use crate::core::release::ledger::Line;
use crate::core::release::manifest;
use crate::core::release::wire::{self, Manager};
use crate::cx::Cx;
use crate::driver::kubectl::Mode;
use crate::driver::platform;
use crate::error::{Error, Result};
use crate::event::Body;

/// Where it is recorded who took the Lease away, and why.
const UNLOCKED: &str = "vitalyst.io/unlocked";

/// Shows who holds the Lease, asks, and takes it away. Whoever held it notices at its next write, and stops: its fence stays
/// lower than that of the next owner.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where nobody holds it, or it has changed hands meanwhile.
pub fn unlock(cx: &Cx, options: &Options, reason: &str) -> Result<()> {
    let (_, environment) = of_environment(cx, options.environment.as_deref())?;
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let found = connect::lease(&kubectl, &environment.name)?;
    let holder = connect::holder(found.as_ref()).to_owned();
    let held = found.filter(|_| !holder.is_empty());
    let Some((seen, lease)) = held.and_then(|lease| Some((Seen::of(&lease)?, lease))) else {
        return Err(Error::refused(format!("nobody holds `{}`", environment.name)));
    };
    let text = |pointer: &str| lease.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let since = text("/spec/acquireTime");
    let renewed = text("/spec/renewTime");
    let words = format!("`{holder}` holds `{}` since {since}, and renewed it at {renewed}", environment.name);
    cx.emit(Body::Answer {
        text: format!("{words}\n"),
        data: json!({ "holder": holder, "since": since, "renewed": renewed }),
    });
    cx.warn(
        "a release that is under way is left as it is",
        "`cargo xtask rollback` takes a release over by itself, and so does `cargo xtask recover` once its owner gives no sign",
    );
    consent::confirm(cx, options.yes, "take the Lease away?")?;
    let why = Line::new(&format!("{} from {holder}: {reason}", prepare::who(cx)), cx.mask());
    let mut freed = wire::freed(&lease, platform::since_epoch());
    manifest::set(&mut freed, &manifest::join("/metadata/annotations", UNLOCKED), why.as_str());
    // As every other write of a Lease: the role may `update` one, and not `patch` it.
    kubectl.replace(Manager::Manifests.name(), &seen, freed, Mode::Really)?;
    cx.note(format!("nobody holds `{}` any more", environment.name));
    Ok(())
}
