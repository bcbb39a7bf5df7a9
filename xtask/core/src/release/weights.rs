//! How many canary pods make a share of the traffic, and which share they really make.

/// A share of the traffic in percent that a canary is to get: 1 to 50.
///
/// Serving pods stay while a canary is tried, and a standby is as large as what serves. So half is what a canary can have
/// without more pods than the release has at its peak; what is left to do then is to flip.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Weight(u32);

impl Weight {
    /// A tenth: what a canary begins with by default.
    pub const TENTH: Self = Self(10);

    /// The largest weight.
    pub const HALF: Self = Self(50);

    /// A weight of `percent`; `None` for nothing, and for more than half.
    pub fn new(percent: u32) -> Option<Self> {
        (1..=Self::HALF.0).contains(&percent).then_some(Self(percent))
    }

    /// The weight in percent.
    pub fn percent(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Weight {
    type Error = String;

    fn try_from(percent: u32) -> Result<Self, String> {
        Self::new(percent)
            .ok_or_else(|| format!("`{percent}` is no weight: a canary gets 1 to 50 percent of the traffic"))
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

/// One step of a canary.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Step {
    /// The wanted share.
    pub weight: Weight,
    /// Whether a person has to say that it may go on.
    pub gate: bool,
}

/// Pods of both kinds while a canary is tried. Traffic is shared evenly among them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Split {
    /// Pods of the release that serves now. A canary never takes one away.
    pub stable: u32,
    /// Pods of the release on trial.
    pub canary: u32,
}

impl Split {
    /// The share of the canary, in percent.
    pub fn reached(self) -> f64 {
        f64::from(self.canary) * 100.0 / (f64::from(self.stable) + f64::from(self.canary))
    }

    /// Whether the share of the canary is above `weight`; exact.
    fn exceeds(self, weight: Weight) -> bool {
        let (stable, canary) = (u64::from(self.stable), u64::from(self.canary));
        canary * 100 > u64::from(weight.0) * (stable + canary)
    }
}

/// Why a weight cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Unreachable {
    /// Nothing serves, so there is nothing to share with.
    #[error("a canary shares traffic with what serves already, and there are no pods of it")]
    NoStable,
    /// More is wanted than is allowed.
    #[error("the weight of {wanted} % is above `weight-max` = {max} %")]
    Forbidden {
        /// The weight wanted, in percent.
        wanted: u32,
        /// The weight allowed, in percent.
        max: u32,
    },
    /// The nearest share is larger than allowed.
    #[error(
        "the share nearest to {wanted} % is {canary} of {} pods: {reached:.1} %, above `weight-max` = {max} %; with \
         {stable_needed} serving pods it can be had",
        stable + canary
    )]
    Overshoot {
        /// The weight wanted, in percent.
        wanted: u32,
        /// The weight allowed, in percent.
        max: u32,
        /// Pods that serve.
        stable: u32,
        /// Pods of the canary that come nearest.
        canary: u32,
        /// The share they would get, in percent.
        reached: f64,
        /// The fewest pods with which the weight can be had.
        stable_needed: u32,
    },
}

/// The number of canary pods beside `stable` ones whose share is nearest to `wanted`; of two equally near the smaller, and
/// never 0.
///
/// # Errors
///
/// When the share would be above `weight_max`, or nothing serves.
pub fn split(stable: u32, wanted: Weight, weight_max: Weight) -> Result<Split, Unreachable> {
    if stable == 0 {
        return Err(Unreachable::NoStable);
    }
    if wanted > weight_max {
        return Err(Unreachable::Forbidden { wanted: wanted.0, max: weight_max.0 });
    }
    let split = nearest(stable, wanted);
    if !split.exceeds(weight_max) {
        return Ok(split);
    }
    // A multiple of (100 − wanted) pods can be shared exactly, and there is one among any hundred numbers.
    let mut more = stable..=stable.saturating_add(100);
    let needed = more.find(|&stable| !nearest(stable, wanted).exceeds(weight_max));
    Err(Unreachable::Overshoot {
        wanted: wanted.0,
        max: weight_max.0,
        stable,
        canary: split.canary,
        reached: split.reached(),
        stable_needed: needed.unwrap_or(stable),
    })
}

/// The pods of a canary beside `stable` that serve whose share comes nearest to the wanted one: never none, and the smaller of
/// two that are equally near.
pub(super) fn nearest(stable: u32, wanted: Weight) -> Split {
    let (n, w) = (u64::from(stable), u64::from(wanted.0));
    // The share c / (n + c) rises with c; it is w percent at c = n·w / (100 − w), so the nearest is one of two neighbours.
    let below = (n * w / (100 - w)).max(1);
    let above = below + 1;
    // |c/(n+c) − w/100| with both sides on the common denominator 100 (n+b) (n+a).
    let distance = |c: u64, other: u64| (c * 100).abs_diff(w * (n + c)) * (n + other);
    let canary = if distance(above, below) < distance(below, above) { above } else { below };
    Split { stable, canary: u32::try_from(canary).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn weight(percent: u32) -> Weight {
        Weight::new(percent).unwrap()
    }

    #[test]
    fn the_count_is_the_nearest_for_all_replicas_and_weights() {
        for stable in 1..=50 {
            for wanted in 1..=99 {
                let Some(wanted_weight) = Weight::new(wanted) else {
                    assert!(wanted > 50);
                    continue;
                };
                let split = split(stable, wanted_weight, Weight::HALF).unwrap();
                assert_eq!(split.stable, stable, "a canary takes no serving pod away");
                assert!((1..=stable).contains(&split.canary), "a canary is at most as large as what serves");
                let off = |canary: u32| (Split { stable, canary }.reached() - f64::from(wanted)).abs();
                for other in 1..=2 * stable {
                    let worse = off(other) - off(split.canary);
                    assert!(worse > -1e-9, "{stable} at {wanted} %: {other} is nearer than {}", split.canary);
                    let tie = worse.abs() < 1e-9 && other < split.canary;
                    assert!(!tie, "{stable} at {wanted} %: {other} is as near and smaller");
                }
            }
        }
    }

    #[test]
    fn what_overshoots_is_refused_and_what_is_enough_is_true() {
        let mut refused = 0;
        for stable in 1..=50 {
            for max in 1..=50 {
                for wanted in 1..=max {
                    match split(stable, weight(wanted), weight(max)) {
                        Ok(split) => assert!(split.reached() <= f64::from(max) + 1e-9),
                        Err(Unreachable::Overshoot { stable_needed, reached, .. }) => {
                            refused += 1;
                            assert!(reached > f64::from(max));
                            assert!(stable_needed > stable);
                            assert!(split(stable_needed, weight(wanted), weight(max)).is_ok());
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
        assert!(refused > 0);
    }

    #[test]
    fn refusals_say_what_would_do() {
        let error = |stable, wanted, max| split(stable, weight(wanted), weight(max)).unwrap_err().to_string();
        assert_eq!(
            error(1, 10, 30),
            "the share nearest to 10 % is 1 of 2 pods: 50.0 %, above `weight-max` = 30 %; with 3 serving pods it can be had"
        );
        assert_eq!(error(3, 40, 30), "the weight of 40 % is above `weight-max` = 30 %");
        assert_eq!(
            error(0, 10, 50),
            "a canary shares traffic with what serves already, and there are no pods of it"
        );
        for percent in [0, 51, 100] {
            assert_eq!(Weight::new(percent), None);
        }
    }

    #[derive(serde::Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        replicas: u32,
        weight: u32,
        max_surge: u32,
        canary: u32,
        stable: u32,
    }

    /// Argo Rollouts keeps the sum of both near `replicas` and may take serving pods away. Where it differs from what is
    /// wanted here, the reason stands beside the case.
    #[test]
    fn argo_rollouts_agrees_but_where_it_takes_serving_pods_away() {
        let vectors: Vectors =
            serde_json::from_str(include_str!("../../../testdata/release/argo_weight_to_replicas.json"))
                .unwrap();
        let mut differences = String::new();
        let mut agree = 0;
        for Case { replicas, weight, max_surge, canary, stable } in vectors.cases {
            let ours = Weight::new(weight).map(|weight| split(replicas, weight, Weight::HALF));
            let reason = match ours {
                _ if replicas == 0 => "nothing serves: a first release, no canary".to_owned(),
                None => "no canary yet, or more than half: a flip".to_owned(),
                Some(Ok(ours)) if ours == (Split { stable, canary }) => {
                    agree += 1;
                    continue;
                }
                Some(Ok(ours)) if canary == 0 => {
                    format!("no canary at all; ours {}+{}", ours.canary, ours.stable)
                }
                Some(Ok(ours)) if stable < replicas => {
                    format!("takes serving pods away; ours {}+{}", ours.canary, ours.stable)
                }
                other => panic!("no reason known for {replicas} at {weight} %: {other:?}"),
            };
            writeln!(differences, "{replicas} at {weight} % surge {max_surge}: {canary}+{stable} ({reason})")
                .unwrap();
        }
        assert_eq!(agree, 7);
        let documented = include_str!("../../../../docs/releases.md");
        let block = format!("```text\n{differences}```\n");
        assert!(documented.contains(&block), "`docs/releases.md` lists others than these:\n{differences}");
    }
}
