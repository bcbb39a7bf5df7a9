//! The words of an analysis: where it stands, what would change the verdict, and how long that would take.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::excess::{RATIOS, growth, share};
use super::judge::Analysis;
use super::promotion::Evidence;
use super::verdict::of;
use crate::release::metrics::{Counts, to_float};

/// A day: what takes longer than this at the present traffic is not worth a figure.
const LONGEST: Duration = Duration::from_hours(24);

/// Where an analysis stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// One entry for each stream.
    pub streams: Vec<StreamReport>,
    /// S.
    pub compliance: f64,
    /// What S must be.
    pub compliance_min: f64,
    /// What is missing for a promotion, in words; `None` where nothing is.
    pub missing: Option<String>,
    /// What earned a promotion, where nothing is missing.
    pub earned: Option<Evidence>,
    /// How long S needs at this traffic and without an error; `None` where there is no traffic.
    pub without_errors: Option<Duration>,
    /// How long it needs on the average at the canary's present rate of errors; `None` where it never gets there.
    pub at_this_rate: Option<Duration>,
    /// The canary's requests in a second.
    pub requests_per_second: f64,
    /// The part of α that is at stake.
    pub alpha_spent: f64,
}

/// Where one stream stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamReport {
    /// What it is called.
    pub name: String,
    /// The canary in the whole analysis.
    pub canary: Counts,
    /// The baseline in the whole analysis.
    pub baseline: Counts,
    /// The ratio of the rates; `None` where the baseline has no bad event.
    pub ratio: Option<f64>,
    /// E.
    pub e: f64,
    /// The value of E that rolls back.
    pub threshold: f64,
    /// How many bad events of the canary alone, one a tick, would roll back.
    pub errors_to_roll_back: Option<u64>,
    /// The least ratio that this traffic can prove within a step; `None` where it can prove none.
    pub provable_ratio: Option<f64>,
    /// How long a doubling would take to be proven at this traffic; `None` where it takes more than a day.
    pub doubling: Option<Duration>,
    /// Why the canary's stream could not be read lately.
    pub unmeasured: Option<String>,
}

impl Analysis {
    /// Where the analysis stands.
    pub fn report(&self) -> Report {
        let (errors, stream) = self.errors();
        let compliance = &self.state.compliance;
        let wanted = self.settings.compliance_min;
        let per_second = self.request_rate();
        let good = to_float(compliance.good_needed(errors.rate_max, wanted));
        let rate = stream.canary.rate().unwrap_or(0.0);
        let average = compliance.requests_needed(errors.rate_max, rate, wanted);
        let (earned, missing) = match self.may_promote() {
            Ok(evidence) => (Some(evidence), None),
            Err(missing) => (None, Some(missing.to_string())),
        };
        Report {
            streams: (0..self.objectives.len()).map(|position| self.stream_report(position)).collect(),
            compliance: compliance.value(),
            compliance_min: wanted,
            missing,
            earned,
            without_errors: duration(good / per_second),
            at_this_rate: average.and_then(|requests| duration(requests / per_second)),
            requests_per_second: per_second,
            alpha_spent: self.state.alpha_spent(),
        }
    }

    fn stream_report(&self, position: usize) -> StreamReport {
        let (settings, stream) = (&self.settings, &self.state.streams[position]);
        let threshold = settings.threshold();
        let share = share(stream.canary, stream.baseline);
        let tolerated = settings.ratio_tolerated;
        let compared = stream.canary.total > 0 && stream.baseline.total > 0;
        let enough = |more: &u64| stream.excess.ln_after(tolerated, share, *more) >= threshold.ln();
        let measured = self.state.step.measured.as_secs_f64();
        // Before the baseline has failed once, half an error is a cautious guess.
        let rate = to_float(stream.baseline.bad.max(1)) / to_float(stream.baseline.total.max(1));
        let rate = if stream.baseline.bad == 0 { rate / 2.0 } else { rate };
        let distance = (threshold * to_float(RATIOS.len() as u64)).ln();
        let proving = |ratio: f64| {
            let each = growth(ratio, tolerated, share, rate) * to_float(self.state.step.both) / measured;
            if compared { duration(distance / each) } else { None }
        };
        let ratios = (15..=1000).map(|tenths| f64::from(tenths) / 10.0);
        let provable = |ratio: &f64| proving(*ratio).is_some_and(|time| time <= settings.step_max);
        StreamReport {
            name: stream.name.clone(),
            canary: stream.canary,
            baseline: stream.baseline,
            ratio: ratio(stream.canary, stream.baseline),
            e: stream.excess.value(),
            threshold,
            errors_to_roll_back: if compared { (0..200).find(enough) } else { None },
            provable_ratio: ratios.into_iter().find(provable),
            doubling: proving(2.0),
            unmeasured: self.unmeasured.get(position).and_then(Option::as_ref).map(ToString::to_string),
        }
    }
}

impl fmt::Display for Report {
    /// One line for each stream, one for the promotion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stream in &self.streams {
            writeln!(f, "{stream}")?;
        }
        match &self.missing {
            None => write!(
                f,
                "S {} of {}: may be promoted",
                rounded(self.compliance),
                rounded(self.compliance_min)
            )?,
            Some(missing) => write!(f, "not promoted yet: {missing}")?,
        }
        let Some(time) = self.without_errors.filter(|_| self.compliance < self.compliance_min) else {
            return Ok(());
        };
        write!(f, "; that is {} at {} requests/s", seconds(time), rounded(self.requests_per_second))?;
        match self.at_this_rate {
            Some(longer) if longer > time + Duration::from_secs(1) => {
                write!(f, ", about {} at the present rate of errors", seconds(longer))
            }
            Some(_) => Ok(()),
            None => f.write_str(", never at the present rate of errors"),
        }
    }
}

impl fmt::Display for StreamReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, canary, baseline, e, threshold, .. } = self;
        write!(
            f,
            "{name}: canary {} ({}), baseline {} ({}), {}; E {} of {}",
            of(*canary),
            percent(*canary),
            of(*baseline),
            percent(*baseline),
            ratio_words(*canary, *baseline),
            rounded(*e),
            rounded(*threshold)
        )?;
        match self.errors_to_roll_back {
            Some(0) | None => {}
            Some(1) => f.write_str(", 1 more bad event of the canary rolls back")?,
            Some(more) => write!(f, ", {more} more bad events of the canary in a row roll back")?,
        }
        if let Some(least) = self.provable_ratio {
            write!(f, "; a ratio of {} or more shows within a step", rounded(least))?;
            match self.doubling {
                Some(_) if least <= 2.0 => {}
                Some(time) => write!(f, ", a doubling takes {}", seconds(time))?,
                None => f.write_str(", a doubling takes more than a day")?,
            }
        }
        match &self.unmeasured {
            Some(why) => write!(f, "; not measured lately: {why}"),
            None => Ok(()),
        }
    }
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= LONGEST)
}

/// The canary's rate over the baseline's; `None` where one of them is unknown or the baseline has no bad event.
fn ratio(canary: Counts, baseline: Counts) -> Option<f64> {
    let ratio = canary.rate()? / baseline.rate()?;
    ratio.is_finite().then_some(ratio)
}

/// `ratio 2.0`, and for a ratio that cannot be told why.
pub(in crate::release) fn ratio_words(canary: Counts, baseline: Counts) -> String {
    match ratio(canary, baseline) {
        Some(ratio) => format!("ratio {}", rounded(ratio)),
        None if canary.bad == 0 && baseline.bad == 0 => "no ratio: neither failed".to_owned(),
        None => "no ratio: the baseline did not fail".to_owned(),
    }
}

/// `1,234,567`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.58 %`, or `–` where nothing happened.
pub(in crate::release) fn percent(counts: Counts) -> String {
    counts.rate().map_or_else(|| "–".to_owned(), |rate| format!("{:.2} %", rate * 100.0))
}

/// Two digits that count, no more than anybody reads: `0.014`, `3.1`, `57`, `12,345`, `more than a million`.
pub(in crate::release) fn rounded(number: f64) -> String {
    match number {
        n if n >= 1e6 => "more than a million".to_owned(),
        n if n >= 9.95 => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 9 and a million"
            )]
            let whole = n.round() as u64;
            grouped(whole)
        }
        n if n >= 0.995 => trimmed(&format!("{n:.1}")),
        n if n >= 0.001 => trimmed(&format!("{n:.3}")),
        n if n > 0.0 => "less than 0.001".to_owned(),
        _ => "0".to_owned(),
    }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `41 s`, `12 min`, `3 h 20 min`.
pub(in crate::release) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match (whole / 60, whole) {
        (0..=4, whole) => format!("{whole} s"),
        (minutes @ 5..=119, _) => format!("{minutes} min"),
        (minutes, _) if minutes % 60 == 0 => format!("{} h", minutes / 60),
        (minutes, _) => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_shortly() {
        let numbers = [0.0, 1e-9, 0.0139, 1.0, 3.12, 9.99, 57.4, 12_345.6, 1e9];
        let words =
            ["0", "less than 0.001", "0.014", "1", "3.1", "10", "57", "12,346", "more than a million"];
        assert_eq!(numbers.map(rounded), words);
        let times = [41, 299, 300, 7199, 7200, 12_000].map(Duration::from_secs).map(seconds);
        assert_eq!(times, ["41 s", "299 s", "5 min", "119 min", "2 h", "3 h 20 min"]);
        assert_eq!([7, 999, 1000, 1_234_567].map(grouped), ["7", "999", "1,000", "1,234,567"]);
    }
}
