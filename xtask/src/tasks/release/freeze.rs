//! Whether an environment is frozen now.

use std::path::Path;

use super::prepare::who;
use crate::config::release::{EnvironmentConfig, Placed};
use crate::core::release::freeze::{Freeze, Frozen, Override, UnixSeconds, Zone};
use crate::cx::Cx;
use crate::error::{Error, Result};

/// Where systems keep the time zone database.
const ZONES: &str = "/usr/share/zoneinfo";

/// Until when nothing is released `now`, in words; or that `reason` outweighs it.
pub(super) fn check(
    cx: &Cx,
    environment: &EnvironmentConfig,
    reason: Option<&str>,
    now: UnixSeconds,
) -> Result<(Option<String>, Option<Override>)> {
    let Some(freeze) = &environment.freeze else { return Ok((None, None)) };
    let freeze = Freeze { zone: zone(freeze.zone.as_ref())?, windows: freeze.windows.clone() };
    match freeze.check(now, reason.map(|reason| (who(cx), reason))) {
        Ok(overridden) => Ok((None, overridden)),
        Err(frozen @ Frozen::Closed { .. }) => Ok((Some(frozen.to_string()), None)),
        Err(frozen @ Frozen::NoReason) => Err(Error::usage(frozen.to_string())),
    }
}

fn zone(named: Option<&Placed<String>>) -> Result<Zone> {
    let Some(Placed { value: name, place }) = named.filter(|zone| zone.value != "UTC") else {
        return Ok(Zone::utc());
    };
    let wrong = |what: String, help: &str| {
        let problem = place.diagnostic(what).help(help);
        Error::configuration("it cannot be told whether there is a freeze").places([problem])
    };
    let Ok(bytes) = std::fs::read(Path::new(ZONES).join(name)) else {
        let help = format!("zones are the files below `{ZONES}`, of the package tzdata: `Europe/Berlin`");
        return Err(wrong(format!("this machine has no time zone `{name}`"), &help));
    };
    Zone::from_tzif(name, &bytes).map_err(|error| wrong(error.to_string(), "name a zone of the database"))
}
