//! The base score of a CVSS 3 vector, which advisories give instead of a level.
//!
//! The formula and its weights are those of the specification of CVSS 3.1, section 7.1 and 7.4.

use crate::finding::weakness::Level;

/// The level of a vector; [`Level::Unknown`] where it is no vector of version 3, or a metric is missing.
pub(super) fn level(vector: &str) -> Level {
    score(vector).map_or(Level::Unknown, Level::of_score)
}

fn score(vector: &str) -> Option<f64> {
    let metrics = vector.strip_prefix("CVSS:3.0/").or_else(|| vector.strip_prefix("CVSS:3.1/"))?;
    let value = |name: &str| {
        metrics
            .split('/')
            .find_map(|metric| metric.split_once(':').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    let pick = |name: &str, weights: &[(&str, f64)]| {
        let value = value(name)?;
        weights.iter().find(|(key, _)| *key == value).map(|(_, weight)| *weight)
    };
    let is_changed = match value("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let privileges: &[(&str, f64)] = if is_changed {
        &[("N", 0.85), ("L", 0.68), ("H", 0.5)]
    } else {
        &[("N", 0.85), ("L", 0.62), ("H", 0.27)]
    };
    let harm = &[("H", 0.56), ("L", 0.22), ("N", 0.0)];
    let kept = (1.0 - pick("C", harm)?) * (1.0 - pick("I", harm)?) * (1.0 - pick("A", harm)?);
    let sub_score = 1.0 - kept;
    let impact = if is_changed {
        7.52 * (sub_score - 0.029) - 3.25 * (sub_score - 0.02).powi(15)
    } else {
        6.42 * sub_score
    };
    let exploitability = 8.22
        * pick("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?
        * pick("AC", &[("L", 0.77), ("H", 0.44)])?
        * pick("PR", privileges)?
        * pick("UI", &[("N", 0.85), ("R", 0.62)])?;
    if impact <= 0.0 {
        return Some(0.0);
    }
    let factor = if is_changed { 1.08 } else { 1.0 };
    Some(round_up((factor * (impact + exploitability)).min(10.0)))
}

/// Up to one digit behind the point, as appendix A of the specification does it: 4.02 becomes 4.1, 4.000002 stays 4.0.
fn round_up(value: f64) -> f64 {
    let scaled = (value * 100_000.0).round();
    if scaled % 10_000.0 == 0.0 { scaled / 100_000.0 } else { ((scaled / 10_000.0).floor() + 1.0) / 10.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_published_advisories() {
        for (vector, expected) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some(10.0)),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Some(7.5)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(6.1)),
            ("CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N", Some(2.5)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some(0.0)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N", None),
            ("CVSS:3.1/AV:Z/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", None),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
            ("", None),
        ] {
            let found = score(vector);
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(same, "{vector}: {found:?}");
        }
        assert_eq!(level("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), Level::Critical);
    }
}
