//! Sums over the series that a selector names, and histograms of them.

use std::collections::BTreeSet;

use super::exposition::{Exposition, Sample};
use super::selector::Selector;

/// Counts above this are no longer exact.
const COUNT_MAX: f64 = 9_007_199_254_740_992.0;

/// Why there is no count. Never the same as a count of zero.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unmeasured {
    /// The page does not know the metric.
    #[error("the pod exposes no `{metric}`")]
    Absent {
        /// The name that was looked for.
        metric: String,
    },
    /// A value that no counter can have: NaN, infinite, negative, beyond 2⁵³.
    #[error("`{metric}` has the value {value}, which is no count")]
    NoCount {
        /// The name of the sample.
        metric: String,
        /// Its value.
        value: f64,
    },
    /// Buckets that do not grow, or are not there, or that disagree with the count.
    #[error("the histogram `{metric}` is broken: {reason}")]
    Broken {
        /// The name of the histogram.
        metric: String,
        /// What is wrong.
        reason: String,
    },
    /// The histogram has no bucket with this bound.
    #[error("the histogram `{metric}` has no bucket `{wanted}`; it has {found}")]
    NoBucket {
        /// The name of the histogram.
        metric: String,
        /// The bound that was looked for, in the unit of the metric.
        wanted: f64,
        /// The bounds it has, in words.
        found: String,
    },
    /// The first reading of a pod: what it counted before is nobody's tick.
    #[error("the pod was read for the first time")]
    First,
    /// A counter became smaller while others of the pod did not: a series went away, nothing restarted.
    #[error("the counters of this tick do not fit together")]
    Inconsistent,
}

/// A histogram, summed over the series that were selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    metric: String,
    /// Upper bounds, growing, with how many observations were at most that; the last bound is infinite.
    buckets: Vec<(f64, f64)>,
    /// The sum of all observations, where the page has it.
    pub sum: Option<f64>,
}

impl Histogram {
    /// How many observations there are.
    pub fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |(_, count)| *count)
    }

    /// How many observations were at most `bound`, which must be the bound of a bucket: between two bounds nothing is known.
    pub fn at_most(&self, bound: f64) -> Result<f64, Unmeasured> {
        // Bounds are written in decimal by one side and in milliseconds by the other.
        let near = |le: f64| (le - bound).abs() <= 1e-9 * bound.abs();
        match self.buckets.iter().find(|(le, _)| near(*le)) {
            Some((_, count)) => Ok(*count),
            None => Err(Unmeasured::NoBucket {
                metric: self.metric.clone(),
                wanted: bound,
                found: self.buckets.iter().map(|(le, _)| format!("`{le}`")).collect::<Vec<_>>().join(", "),
            }),
        }
    }
}

impl<'a> Exposition<'a> {
    /// The sum of the counters that `selector` names. Zero where the metric is there and no series of it matches: programs
    /// create a series when its first event happens.
    pub fn total(&self, selector: &Selector) -> Result<f64, Unmeasured> {
        let mut sum = 0.0;
        for (sample, _) in self.selected(&selector.metric, selector) {
            sum += count(sample)?;
        }
        if sum > COUNT_MAX {
            return Err(Unmeasured::NoCount { metric: selector.metric.clone(), value: sum });
        }
        if self.declares(&selector.metric) { Ok(sum) } else { Err(absent(selector)) }
    }

    /// The histogram that `selector` names, summed over its series.
    pub fn histogram(&self, selector: &Selector) -> Result<Histogram, Unmeasured> {
        let metric = selector.metric.clone();
        let broken = |reason: &str| Unmeasured::Broken { metric: metric.clone(), reason: reason.to_owned() };
        let name = format!("{metric}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (sample, labels) in self.selected(&name, selector) {
            let le = labels.iter().find(|(label, _)| *label == "le");
            let bound = le.and_then(|(_, bound)| bound.parse::<f64>().ok()).filter(|bound| !bound.is_nan());
            let bound = bound.ok_or_else(|| broken("a bucket has no bound"))?;
            buckets.push((bound, count(sample)?));
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets.dedup_by(|next, kept| {
            let same = next.0.total_cmp(&kept.0).is_eq();
            if same {
                kept.1 += next.1;
            }
            same
        });
        if buckets.is_empty() {
            // A histogram with labels has no series before its first observation.
            if !self.declares(&name) {
                return Err(absent(selector));
            }
            buckets.push((f64::INFINITY, 0.0));
            return Ok(Histogram { metric, buckets, sum: None });
        }
        if !buckets.is_sorted_by(|a, b| a.1 <= b.1) {
            return Err(broken("a bucket holds fewer than a smaller one"));
        }
        if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            return Err(broken("the bucket `+Inf` is missing"));
        }
        let sums: Vec<f64> =
            self.selected(&format!("{metric}_sum"), selector).map(|(sample, _)| sample.value).collect();
        let sum = (!sums.is_empty()).then(|| sums.iter().sum());
        Ok(Histogram { metric, buckets, sum })
    }

    /// The samples called `name` whose labels `selector` accepts. A series that stands there twice is taken once: the first,
    /// as Prometheus does.
    fn selected<'s>(
        &'s self,
        name: &'s str,
        selector: &'s Selector,
    ) -> impl Iterator<Item = (&'s Sample<'a>, Vec<(&'s str, &'s str)>)> {
        let mut seen = BTreeSet::new();
        self.samples().iter().filter(move |sample| sample.name == name).filter_map(move |sample| {
            let pairs = self.labels(sample).iter().map(|(label, value)| (*label, value.as_ref()));
            if !selector.accepts(&pairs) {
                return None;
            }
            let mut labels: Vec<(&str, &str)> = pairs.collect();
            labels.sort_unstable();
            seen.insert(labels.clone()).then_some((sample, labels))
        })
    }
}

fn absent(selector: &Selector) -> Unmeasured {
    Unmeasured::Absent { metric: selector.metric.clone() }
}

fn count(sample: &Sample<'_>) -> Result<f64, Unmeasured> {
    if (0.0..=COUNT_MAX).contains(&sample.value) {
        Ok(sample.value)
    } else {
        Err(Unmeasured::NoCount { metric: sample.name.to_owned(), value: sample.value })
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn total(page: &str, selector: &str) -> Result<f64, Unmeasured> {
        parse(page.as_bytes()).unwrap().total(&selector.parse().unwrap())
    }

    #[test]
    fn counters_are_summed_by_labels() {
        let page = "r{code=\"200\",m=\"GET\"} 10\nr{code=\"500\",m=\"GET\"} 2\nr{code=\"503\",m=\"PUT\"} 3\nother 7\n\
            r{m=\"GET\",code=\"500\"} 2\n";
        let table = [
            ("r", 15.0),
            ("r{code=~\"5xx\"}", 5.0),
            ("r{code=~\"5xx\",m=\"GET\"}", 2.0),
            ("r{x=\"y\"}", 0.0),
        ];
        for (selector, sum) in table {
            assert_eq!(total(page, selector), Ok(sum), "{selector}");
        }
    }

    #[test]
    fn nothing_unmeasured_is_zero() {
        assert_eq!(total("up 1\n", "r"), Err(Unmeasured::Absent { metric: "r".into() }));
        assert_eq!(total("# TYPE r counter\nup 1\n", "r{code=~\"5xx\"}"), Ok(0.0));
        assert_eq!(total("# TYPE r counter\n# EOF\n", "r_total"), Ok(0.0));
        for value in ["NaN", "-1", "+Inf", "1e17", "1e999"] {
            let page = format!("r{{a=\"b\"}} 1\nr {value}\n");
            assert!(matches!(total(&page, "r"), Err(Unmeasured::NoCount { .. })), "{value}");
        }
        assert!(matches!(total("r{a=\"1\"} 9e15\nr{a=\"2\"} 9e15\n", "r"), Err(Unmeasured::NoCount { .. })));
    }

    #[test]
    fn histograms_are_summed_and_checked() {
        let histogram =
            |page: &str| parse(page.as_bytes()).unwrap().histogram(&"h{m=\"GET\"}".parse().unwrap());
        let page = "h_bucket{m=\"GET\",p=\"a\",le=\"0.1\"} 1\nh_bucket{m=\"GET\",p=\"a\",le=\"+Inf\"} 3\n\
            h_bucket{m=\"GET\",p=\"b\",le=\"0.1\"} 2\nh_bucket{m=\"GET\",p=\"b\",le=\"+Inf\"} 2\n\
            h_bucket{m=\"PUT\",le=\"0.1\"} 100\nh_sum{m=\"GET\",p=\"a\"} 2.5\n";
        let summed = histogram(page).unwrap();
        assert_eq!((summed.at_most(0.1), summed.count(), summed.sum), (Ok(3.0), 5.0, Some(2.5)));
        let missing = summed.at_most(0.25).unwrap_err().to_string();
        assert_eq!(missing, "the histogram `h` has no bucket `0.25`; it has `0.1`, `inf`");
        let table = [
            ("h_bucket{m=\"GET\",le=\"1\"} 5\nh_bucket{m=\"GET\",le=\"+Inf\"} 4\n", "fewer"),
            ("h_bucket{m=\"GET\",le=\"1\"} 5\n", "+Inf"),
            ("h_bucket{m=\"GET\"} 5\n", "no bound"),
            ("h_bucket{m=\"GET\",le=\"NaN\"} 5\n", "no bound"),
            ("up 1\n", "exposes no `h`"),
        ];
        for (page, word) in table {
            let error = histogram(page).unwrap_err().to_string();
            assert!(error.contains(word), "{page}: {error}");
        }
        assert!(histogram("# TYPE h histogram\n# EOF\n").unwrap().count() < 1.0);
    }
}
