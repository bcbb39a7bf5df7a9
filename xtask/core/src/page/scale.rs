//! Time from left to right. What lasts long and shows little (the watch after a promotion) may be drawn shorter than it is.

use std::time::Duration;

/// The largest share of the width that a stretch gets which may be drawn shorter.
const QUIET_MAX: f64 = 0.3;

/// Distances between marks on the axis that people like, in milliseconds.
const STEPS: [u64; 18] = [
    20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_800_000, 3_600_000, 7_200_000,
];

/// Maps times to places: piece by piece linear, never backwards.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// Time and place of each knot, in seconds and in units of the drawing.
    knots: Vec<(f64, f64)>,
    /// Where time runs faster than elsewhere.
    quiet: Vec<(f64, f64)>,
}

impl Scale {
    /// `length` onto the places from `left` to `right`; `quiet` are the stretches that may be drawn shorter, in order.
    pub(crate) fn new(length: Duration, quiet: &[(Duration, Duration)], left: f64, right: f64) -> Self {
        let (length, width) = (length.as_secs_f64().max(1e-3), right - left);
        let quiet: Vec<(f64, f64)> = quiet
            .iter()
            .map(|(from, until)| (from.as_secs_f64(), until.as_secs_f64().min(length)))
            .filter(|(from, until)| until > from)
            .collect();
        let calm: f64 = quiet.iter().map(|(from, until)| until - from).sum();
        let busy = length - calm;
        let is_shortened = calm > QUIET_MAX * length && busy > 0.0;
        let (of_busy, of_quiet) = if is_shortened {
            ((1.0 - QUIET_MAX) * width / busy, QUIET_MAX * width / calm)
        } else {
            (width / length, width / length)
        };
        let mut knots = vec![(0.0, left)];
        let (mut time, mut place) = (0.0, left);
        for (from, until) in &quiet {
            place += (from - time) * of_busy;
            knots.push((*from, place));
            place += (until - from) * of_quiet;
            knots.push((*until, place));
            time = *until;
        }
        knots.push((length, right));
        Self { knots, quiet: if is_shortened { quiet } else { Vec::new() } }
    }

    /// Where a time is.
    pub(crate) fn place(&self, at: Duration) -> f64 {
        let at = at.as_secs_f64();
        let next = self.knots.partition_point(|(time, _)| *time <= at).clamp(1, self.knots.len() - 1);
        let ((from, left), (until, right)) = (self.knots[next - 1], self.knots[next]);
        if until <= from {
            return right;
        }
        (left + (at - from) / (until - from) * (right - left)).clamp(left, right)
    }

    /// The stretches that are drawn shorter, as places.
    pub(crate) fn shortened(&self) -> impl Iterator<Item = (f64, f64)> {
        let place = |time: f64| self.place(Duration::from_secs_f64(time));
        self.quiet.iter().map(move |(from, until)| (place(*from), place(*until)))
    }

    /// Round times for the axis, at least `apart` from each other.
    pub(crate) fn ticks(&self, apart: f64) -> Vec<Duration> {
        let mut ticks = Vec::new();
        for pair in self.knots.windows(2) {
            let ((from, left), (until, right)) = (pair[0], pair[1]);
            let per_second = (right - left) / (until - from).max(f64::MIN_POSITIVE);
            let step = STEPS.iter().find(|step| seconds(**step) * per_second >= apart);
            let step = seconds(step.copied().unwrap_or(4 * 3_600_000));
            let mut time = (from / step).ceil() * step;
            while time <= until {
                let tick = Duration::from_secs_f64(time);
                let place = self.place(tick);
                let is_free = |other: &Duration| (place - self.place(*other)).abs() >= apart * 0.7;
                if ticks.last().is_none_or(is_free) {
                    ticks.push(tick);
                }
                time += step;
            }
        }
        ticks
    }
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn time_never_runs_backwards_and_fills_the_width() {
        for quiet in [vec![], vec![(SECOND(100), SECOND(900))], vec![(SECOND(0), SECOND(1000))]] {
            let scale = Scale::new(SECOND(1000), &quiet, 50.0, 850.0);
            let places: Vec<f64> = (0..=1000).map(|second| scale.place(SECOND(second))).collect();
            assert!(places.is_sorted(), "{quiet:?}");
            assert!((places[0] - 50.0).abs() < 1e-9 && (places[1000] - 850.0).abs() < 1e-9, "{quiet:?}");
            assert!((scale.place(SECOND(5000)) - 850.0).abs() < 1e-9);
            let ticks = scale.ticks(60.0);
            assert!(ticks.len() > 3 && ticks.is_sorted(), "{ticks:?}");
            let apart = ticks.windows(2).map(|pair| scale.place(pair[1]) - scale.place(pair[0]));
            assert!(apart.fold(f64::MAX, f64::min) >= 40.0, "{ticks:?}");
        }
    }

    #[test]
    fn a_long_watch_is_drawn_shorter_and_a_short_one_is_not() {
        let places = |until| {
            let scale = Scale::new(SECOND(1000), &[(SECOND(100), SECOND(until))], 0.0, 1000.0);
            (scale.place(SECOND(100)), scale.place(SECOND(until)), scale.shortened().count())
        };
        assert_eq!(places(200), (100.0, 200.0, 0));
        let (from, until, shortened) = places(900);
        assert!((from - 350.0).abs() < 1e-9 && (until - 650.0).abs() < 1e-9);
        assert_eq!(shortened, 1);
    }
}
