//! `[gates]` and `[[waivers]]`.

use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use xtask::core::calendar;
use xtask::core::finding::weakness::Level;
use xtask::core::judgement::Unfixed;

use super::{check, every_key_says_so, parse};

const COMPLETE: &str = r#"
project.name="x"
[gates]
level = "critical"
unfixed = "warn"
feed-age-max = "2d"
baseline = "gates.json"
[[waivers]]
gate = "security.backend"
rule = "CVE-2024-1"
path="backend/**/*.txt"
package = "requests"
fingerprint = "0123456789abcdef0123456789abcdef"
reason = "it is not reachable"
owner = "ana"
expires="2026-12-31"
"#;

#[test]
fn everything_that_can_be_said_of_gates_arrives() {
    let config = parse(COMPLETE).unwrap();
    let gates = &config.gates;
    assert_eq!((gates.level, gates.unfixed), (Level::Critical, Unfixed::Warn));
    assert_eq!(gates.feed_age_max, Duration::from_hours(48));
    assert_eq!(gates.baseline.as_deref(), Some(Path::new("gates.json")));
    let [waiver] = config.waivers.as_slice() else { panic!("one waiver") };
    assert_eq!((waiver.gate.as_str(), waiver.rule.as_str()), ("security.backend", "CVE-2024-1"));
    assert_eq!((waiver.reason.as_str(), waiver.owner.as_str()), ("it is not reachable", "ana"));
    assert_eq!(waiver.expires, calendar::days(2026, 12, 31));
    let place = waiver.place.diagnostic("").position();
    assert_eq!(place, (8, 1), "a waiver stands where its section begins");
    let unquoted = parse(&COMPLETE.replace("\"2026-12-31\"", "2026-12-31")).unwrap();
    assert_eq!(unquoted.waivers[0].expires, waiver.expires);
    let usual = parse("project.name = \"x\"").unwrap();
    assert_eq!((usual.gates.level, usual.gates.unfixed), (Level::High, Unfixed::Fail));
    assert_eq!(usual.gates.feed_age_max, Duration::from_hours(7 * 24));
    assert!(usual.gates.baseline.is_none() && usual.waivers.is_empty());
}

#[test]
fn every_key_of_gates_says_so_when_its_value_has_a_wrong_type() {
    every_key_says_so(COMPLETE, 10, &[]);
}

#[test]
fn a_waiver_without_a_reason_is_refused() {
    check(
        r#"
project.name = "x"
[gates]
level = "severe"
unfixed = "ignore"
feed-age-max = "0d"
[[waivers]]
gate = "Security"
rule = "CVE-2024-1"
reason = " "
owner = "ana"
expires = "2026-02-30"
[[waivers]]
gate = "security.backend"
rule = "S105"
path = "../x"
fingerprint = "0123"
expires = 10:00:00
"#,
        &expect![[r#"
            xtask.toml has 11 problems
            4:9: `gates.level` must be `low` or `medium` or `high` or `critical` (there are `low`, `medium`, `high`, `critical`)
            5:11: `gates.unfixed` must be `fail` or `warn` (there are `fail`, `warn`)
            6:16: `gates.feed-age-max` must be a duration such as "90s", "10m" or "1h 30m" [zero]
            8:8: `waivers[0].gate` must be the task of a gate such as "security.backend" [no task id]
            10:10: `waivers[0].reason` must not be empty
            12:11: `waivers[0].expires` must be a day such as "2026-12-31"
            13:1: `reason` is missing in `waivers[1]`
            13:1: `owner` is missing in `waivers[1]`
            16:8: `waivers[1].path` must be a path or a pattern such as "docs/**/*.md" [`../x` has a word `..`, which no path has]
            17:15: `waivers[1].fingerprint` must be the fingerprint of a finding [expected 32 hexadecimal digits]
            18:11: `waivers[1].expires` must be a day such as "2026-12-31"
        "#]],
    );
}
