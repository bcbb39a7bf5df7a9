//! Whether a request is tried again, and when.
//!
//! A request that changes something is sent a second time only where the first can have changed nothing, or where doing it
//! twice is doing it once. Waits grow twofold, are drawn at random from their second half so that many clients do not come
//! back at once, and have a bound; what a server asks for with `Retry-After` is kept to, or nothing is tried at all.

use std::time::Duration;

use super::Fault;
use crate::timestamp::Timestamp;

/// How often and how patiently.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The most requests for one answer.
    pub attempts_max: u32,
    /// About how long the first wait is.
    pub wait_first: Duration,
    /// The longest single wait, also where a server asks for more.
    pub wait_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { attempts_max: 4, wait_first: Duration::from_millis(500), wait_max: Duration::from_secs(20) }
    }
}

/// How a request went that may have to be tried again.
#[derive(Clone, Copy, Debug)]
pub enum Attempt<'h> {
    /// It was answered.
    Answered {
        /// With this status.
        status: u16,
        /// And this `Retry-After`.
        retry_after: Option<&'h str>,
    },
    /// It was not.
    Failed(Fault),
}

/// What sending a request twice does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repetition {
    /// The same as sending it once.
    Harmless,
    /// It may do something twice.
    Harmful,
}

impl Policy {
    /// How long to wait before the next attempt; `None` where there is none.
    ///
    /// `attempt` counts from 1, `random` is from 0 to 1, `now` is the time on the wall.
    pub fn wait(
        &self,
        attempt: u32,
        outcome: Attempt<'_>,
        repetition: Repetition,
        now: Timestamp,
        random: f64,
    ) -> Option<Duration> {
        let repeat = match outcome {
            Attempt::Answered { status, .. } => is_transient(status, repetition),
            Attempt::Failed(Fault::NotReached) => true,
            Attempt::Failed(Fault::CutOff) => repetition == Repetition::Harmless,
            Attempt::Failed(_) => false,
        };
        if !repeat || attempt >= self.attempts_max {
            return None;
        }
        let full = self.wait_first.saturating_mul(1 << (attempt - 1).min(16)).min(self.wait_max);
        let backoff = full.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
        let asked = match outcome {
            Attempt::Answered { retry_after: Some(text), .. } => retry_after(text, now).unwrap_or_default(),
            _ => Duration::ZERO,
        };
        (asked <= self.wait_max).then_some(backoff.max(asked))
    }
}

/// Whether the same request may get another answer soon. Harmful ones only where the server says it did not act.
fn is_transient(status: u16, repetition: Repetition) -> bool {
    match status {
        429 | 503 => true,
        408 | 500 | 502 | 504 => repetition == Repetition::Harmless,
        _ => false,
    }
}

/// What a `Retry-After` asks for: seconds, or a time (RFC 9110, section 10.2.3). A time that is over is no wait.
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    date(text).map(|at| at.0.saturating_sub(now.0))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the one of three formats that servers must send (RFC 9110, section 5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let mut words = date.split(' ');
    let (day, month, year, clock) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let complete = words.next().is_none() && day.len() == 2 && year.len() == 4;
    complete.then(|| Timestamp::parse(&format!("{year}-{month:02}-{day}T{clock}Z"))).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::CertificateFault;
    use super::*;

    const NOW: Timestamp = Timestamp(Duration::from_secs(784_111_777));

    fn answered(status: u16, retry_after: Option<&str>) -> Attempt<'_> {
        Attempt::Answered { status, retry_after }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        let policy = Policy::default();
        let tried = |outcome, repetition| policy.wait(1, outcome, repetition, NOW, 0.5).is_some();
        for status in [200, 201, 202, 204, 301, 307, 400, 401, 403, 404, 405, 409, 413, 416, 501] {
            assert!(!tried(answered(status, None), Repetition::Harmless), "{status}");
        }
        for (status, harmful) in
            [(408, false), (429, true), (500, false), (502, false), (503, true), (504, false)]
        {
            assert!(tried(answered(status, None), Repetition::Harmless), "{status}");
            assert_eq!(tried(answered(status, None), Repetition::Harmful), harmful, "{status}");
        }
        for (fault, harmless, harmful) in [
            (Fault::NotReached, true, true),
            (Fault::CutOff, true, false),
            (Fault::Certificate(CertificateFault::Expired), false, false),
            (Fault::Refused, false, false),
            (Fault::TooLong, false, false),
            (Fault::Nonsense, false, false),
            (Fault::Interrupted, false, false),
        ] {
            assert_eq!(tried(Attempt::Failed(fault), Repetition::Harmless), harmless, "{fault:?}");
            assert_eq!(tried(Attempt::Failed(fault), Repetition::Harmful), harmful, "{fault:?}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let policy = Policy { attempts_max: 40, ..Policy::default() };
        let wait =
            |attempt, random| policy.wait(attempt, answered(503, None), Repetition::Harmless, NOW, random);
        let mut before = Duration::ZERO;
        for attempt in 1..40 {
            let (least, most) = (wait(attempt, 0.0).unwrap(), wait(attempt, 1.0).unwrap());
            assert!(least >= before && least * 2 == most && most <= policy.wait_max, "{attempt}");
            before = least;
        }
        assert_eq!(wait(1, 1.0), Some(policy.wait_first));
        assert_eq!((wait(40, 0.5), wait(u32::MAX, 0.5)), (None, None));
    }

    #[test]
    fn a_server_that_asks_for_a_pause_gets_it_or_is_left_alone() {
        let policy = Policy::default();
        let wait = |text| policy.wait(1, answered(429, Some(text)), Repetition::Harmless, NOW, 0.0);
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        // Shorter than our own wait, over, or without a meaning.
        for text in ["0", "Sun, 06 Nov 1994 08:00:00 GMT", "soon", "", "-1"] {
            assert_eq!(wait(text), Some(Duration::from_millis(250)), "{text}");
        }
        for text in ["21", "3600", "99999999999999999999999", "Mon, 07 Nov 1994 08:49:37 GMT"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(NOW));
        for text in [
            "Sun, 06 Nov 1994 08:49:37",
            "06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Now 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 GMT",
            "",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
