//! The watch over a release that serves alone.

use super::*;

fn fresh() -> Bake {
    Bake::new(settings(), objectives(), Duration::ZERO, Duration::from_mins(15)).unwrap()
}

#[test]
fn the_bake_flips_back_far_above_the_objective_and_alerts_below() {
    let end = |bad: u64, total: u64| {
        let mut bake = fresh();
        let mut alerts = 0;
        for number in 1.. {
            let tick = Tick {
                at: TICK * number,
                length: TICK,
                canary: vec![pod("c", bad, total, total)],
                ..Tick::default()
            };
            match bake.observe(&tick) {
                BakeVerdict::Continue => {}
                BakeVerdict::Alert(_) => alerts += 1,
                end => return (end == BakeVerdict::Over, alerts, number),
            }
        }
        unreachable!("a bake has an end")
    };
    assert_eq!(end(13, 250), (false, 0, 3), "5.2 %, 39 failures");
    assert_eq!(end(2, 20), (false, 7, 10), "10 %, until there are 20 failures");
    assert_eq!(end(125, 250), (false, 0, 2), "half of all, in a second tick");
    assert_eq!(end(124, 250), (false, 0, 3), "not quite half of all");
    assert_eq!(end(4, 4), (false, 2, 5), "all, until there are 20 failures");
    assert_eq!(end(10, 250), (true, 177, 180), "4 % is an alert");
    assert_eq!(end(2, 250), (true, 0, 180), "0.8 % is within the objective, however slow");
}

/// Pods with their restarts.
type Pods = &'static [(&'static str, u32)];

/// Each tick has the pods with their restarts; what each says, in words.
#[test]
fn a_second_restart_flips_back_and_a_single_one_alerts() {
    let say = |ticks: &[Pods], length: Duration| {
        let mut bake = fresh();
        let mut said = String::new();
        for (number, pods) in ticks.iter().enumerate() {
            let canary =
                pods.iter().map(|(name, restarts)| PodTick { restarts: *restarts, ..pod(name, 0, 50, 50) });
            let at = TICK * u32::try_from(number + 1).unwrap();
            let tick = Tick { at, length, canary: canary.collect(), ..Tick::default() };
            said += match bake.observe(&tick) {
                BakeVerdict::Continue => ".",
                BakeVerdict::Alert(_) => "!",
                BakeVerdict::FlipBack(_) => return said + "back",
                BakeVerdict::Over => "over",
            };
        }
        said
    };
    let table: [(&str, &[Pods]); 8] = [
        ("....", &[&[("a", 0), ("b", 0)], &[("a", 0)], &[("b", 0), ("c", 0)], &[]]),
        // What restarted before the watch began is known.
        ("...", &[&[("a", 3)], &[("a", 3)], &[("a", 3)]]),
        (".!..", &[&[("a", 0), ("b", 0)], &[("a", 1), ("b", 0)], &[("a", 1), ("b", 0)], &[("b", 0)]]),
        (".!.back", &[&[("a", 0)], &[("a", 1)], &[("a", 1)], &[("a", 2)]]),
        (".back", &[&[("a", 0)], &[("a", 2)]]),
        (".!back", &[&[("a", 0), ("b", 0)], &[("a", 1), ("b", 0)], &[("a", 1), ("b", 1)]]),
        // A pod that came later, and one whose restart is remembered when it is gone.
        (".!.back", &[&[("a", 0)], &[("a", 1)], &[("b", 0)], &[("b", 1)]]),
        ("..!", &[&[], &[("a", 1)], &[("a", 2)]]),
    ];
    for (said, ticks) in table {
        assert_eq!(say(ticks, TICK), said, "{ticks:?}");
        // Nobody looked for a long time: the counts of requests are left out, restarts are not.
        assert_eq!(say(ticks, Duration::from_hours(1)), said, "{ticks:?}");
    }
}

#[test]
fn what_runs_out_of_memory_flips_back() {
    let full = PodTick { out_of_memory: true, restarts: 1, ..pod("c", 0, 50, 50) };
    let tick = Tick { at: TICK, length: TICK, canary: vec![full], ..Tick::default() };
    let BakeVerdict::FlipBack(reason) = fresh().observe(&tick) else { panic!("it goes back") };
    assert_eq!(reason.to_string(), "a container of new pod `c` ran out of memory");
    let again = Reason::RestartedAgain { restarts: 2 };
    assert_eq!(again.to_string(), "containers of the new pods restarted 2 times since they serve alone");
}

/// A component that has flipped is watched while others are not as far; that is not forgotten once all are.
#[test]
fn what_was_seen_before_all_had_flipped_counts() {
    let tick = |number: u32| Tick {
        at: TICK * number,
        length: TICK,
        canary: vec![pod("c", 50, 50, 50)],
        ..Tick::default()
    };
    let mut early = fresh();
    assert_eq!(early.observe(&tick(1)), BakeVerdict::Continue);
    let mut bake = early.prolonged(TICK * 2, Duration::from_hours(1));
    assert!(matches!(bake.clone().observe(&tick(3)), BakeVerdict::FlipBack(_)));
    let quiet = |number: u32| Tick {
        at: TICK * number,
        length: TICK,
        canary: vec![pod("c", 0, 50, 50)],
        ..Tick::default()
    };
    assert_eq!(bake.observe(&quiet(180)), BakeVerdict::Continue, "it is later over, too");
    let hour = u32::try_from(Duration::from_hours(1).as_secs() / TICK.as_secs()).unwrap();
    assert!((181..179 + hour).all(|number| bake.observe(&quiet(number)) == BakeVerdict::Continue));
    assert_eq!(bake.observe(&quiet(179 + hour)), BakeVerdict::Over);
}

/// However seen, blind and missed ticks follow each other: it is over with the one that makes the time seen long enough, and
/// with no other.
#[test]
fn only_what_was_seen_counts() {
    let mut random = 1_u64;
    let mut draw = |below: u64| {
        // Knuth's multiplier: enough to mix ticks.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..200 {
        let wanted = Duration::from_secs(60 + draw(600));
        let start = Duration::from_secs(draw(100));
        let mut bake = Bake::new(settings(), objectives(), start, wanted).unwrap();
        // The first one began before the watch did.
        let (mut at, mut seen) = (start + Duration::from_secs(2), Duration::ZERO);
        let mut ends = start + wanted;
        loop {
            let length = Duration::from_secs(if draw(5) == 0 { 16 + draw(900) } else { 3 + draw(8) });
            let canary = match draw(4) {
                0 => Vec::new(),
                1 => vec![PodTick { scrape: None, ..pod("c", 0, 50, 50) }],
                2 => vec![PodTick { scrape: None, ..pod("c", 0, 50, 50) }, pod("d", 0, 50, 50)],
                _ => vec![pod("c", 0, 50, 50)],
            };
            let counts = length <= settings().tick_max && canary.iter().any(|pod| pod.scrape.is_some());
            let tick = Tick { at, length, canary, ..Tick::default() };
            let part = length.min(at.checked_sub(start).unwrap());
            seen += if counts { part } else { Duration::ZERO };
            let verdict = bake.observe(&tick);
            assert_eq!(verdict == BakeVerdict::Over, seen >= wanted, "{seen:?} of {wanted:?}");
            if verdict == BakeVerdict::Over {
                break;
            }
            assert_eq!(bake.ends(), at + wanted.checked_sub(seen).unwrap());
            assert!(bake.ends() >= ends, "it is never over sooner than was said");
            ends = bake.ends();
            at += 3 * TICK;
        }
    }
}
