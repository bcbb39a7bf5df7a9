//! Shows the site to whoever has built it: in the browser, or to a browser that comes and asks.

use std::path::Path;

use serde_json::json;

use super::{none, site_folder};
use crate::core::site::address::{asked_for, media_type};
use crate::cx::{Cx, files};
use crate::driver::server::{Answer, Server};
use crate::error::{Context as _, Error, Result};
use crate::event::Body;
use crate::tasks::report;

/// How the site is shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// In the browser of this desktop.
    pub open: bool,
    /// Over HTTP on this machine, until the run is asked to end.
    pub serve: bool,
}

/// Shows the site that was built, where that is asked for.
///
/// # Errors
///
/// Where there is none, no port is free, or the browser cannot be started.
pub fn show(cx: &Cx, options: Options) -> Result<()> {
    if options == Options::default() {
        return Ok(());
    }
    if cx.config().docs.is_none() {
        return Err(none());
    }
    let folder = site_folder(cx);
    let first = folder.join("index.html");
    if !first.is_file() {
        return Err(
            Error::missing(format!("there is no `{}`", first.display())).hint("`cargo xtask docs` builds it")
        );
    }
    if !options.serve {
        return report::open(cx, &first.display().to_string());
    }
    let server = Server::bind().context(|| "could not listen on a loopback address".to_owned())?;
    let url = format!("http://{}/", server.address());
    let data = json!({ "url": url });
    cx.emit(Body::Answer { text: format!("{url}\nCtrl-C ends it\n"), data });
    if options.open {
        report::open(cx, &url)?;
    }
    // A folder that is behind a link, too, is itself.
    let folder = folder.canonicalize().context(|| format!("could not read `{}`", folder.display()))?;
    server
        .serve(cx.cancel(), &|target| answer(&folder, target))
        .context(|| format!("could not serve `{}`", folder.display()))
}

/// A file of the site; none for what is not in it, wherever links of the file system lead.
fn answer(folder: &Path, target: &str) -> Option<Answer> {
    let file = folder.join(asked_for(target)?).canonicalize().ok()?;
    if !file.starts_with(folder) || !file.is_file() {
        return None;
    }
    Some(Answer { status: "200 OK", media_type: media_type(&file), content: files::read_bytes(&file).ok()? })
}
