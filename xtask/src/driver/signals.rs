//! Signals from outside become a wish that the run ends.

use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::driver::cancel::Cancel;
use crate::driver::platform;
use crate::error::{Context as _, Error, Result};

/// Signals that follow the first one within this time are the same request: `timeout` signals its child and then the whole
/// group, and a wrapper may pass on what the terminal has sent to everybody already.
const ECHO: Duration = Duration::from_millis(200);

/// Lets SIGINT, SIGTERM and SIGHUP cancel the run, and a later one of them end it at once. To be called once, by a binary,
/// before it starts anything.
///
/// - SIGHUP that was ignored at the start stays ignored, also in children: that is what `nohup` asks for.
/// - SIGINT that was ignored at the start is how a shell without job control starts a background job: Ctrl-C is meant for
///   the foreground. While our process group has a terminal's foreground, SIGINT stays ignored; otherwise somebody sent it
///   to us on purpose, and it counts. Children get the default action back.
/// - Processes that lose their parent become children of this one where the system offers that, so that an interrupted run
///   finds the daemons that its commands left behind.
pub fn install(cancel: &Cancel) -> Result<()> {
    let failed = || "could not listen to signals".to_owned();
    let patient = platform::is_ignored(SIGINT);
    let mut wanted = vec![SIGINT, SIGTERM];
    if !platform::is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    platform::adopt_orphans();
    let mut signals = Signals::new(wanted).context(failed)?;
    let cancel = cancel.clone();
    let listen = move || {
        let mut requests = Requests::default();
        for signal in signals.forever() {
            if signal == SIGINT && patient && platform::is_in_foreground() {
                continue;
            }
            match requests.take(Instant::now()) {
                Wish::Soon => cancel.cancel(),
                Wish::Same => {}
                Wish::Now => cancel.cancel_now(),
            }
        }
    };
    match std::thread::Builder::new().name("signals".to_owned()).spawn(listen) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io(failed(), error)),
    }
}

/// What the next signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wish {
    /// That the run ends.
    Soon,
    /// What was asked for already.
    Same,
    /// That it ends at once.
    Now,
}

/// Tells the first request from its echo and from a second one.
#[derive(Debug, Default)]
struct Requests {
    first: Option<Instant>,
}

impl Requests {
    fn take(&mut self, now: Instant) -> Wish {
        match self.first {
            None => {
                self.first = Some(now);
                Wish::Soon
            }
            Some(first) if now.saturating_duration_since(first) < ECHO => Wish::Same,
            Some(_) => Wish::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_no_second_request() {
        let start = Instant::now();
        let mut requests = Requests::default();
        let wishes = [0, 1, 199, 200, 900].map(|ms| requests.take(start + Duration::from_millis(ms)));
        assert_eq!(wishes, [Wish::Soon, Wish::Same, Wish::Same, Wish::Now, Wish::Now]);
    }
}
