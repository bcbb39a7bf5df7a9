//! What a careless machine would get wrong on the same cluster.

use super::*;

/// Drives a machine by hand until `stop` says so of an effect that it asks for. Returns the answers to those before it, which
/// the machine has not heard yet, and that one with those after it, which are not done.
fn until(
    cluster: &mut Cluster,
    machine: &mut Machine,
    now: &mut Duration,
    stop: impl Fn(&Effect) -> bool,
) -> (Vec<Input>, Vec<Effect>) {
    let mut inputs = vec![Input::Wake];
    loop {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, *now)).collect();
        if let Some(first) = effects.iter().position(&stop) {
            let answers = effects[..first].iter().map(|effect| cluster.act(effect, *now)).collect();
            return (answers, effects[first..].to_vec());
        }
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, *now)));
        if inputs.is_empty() {
            *now = machine.deadline().expect("it has not ended").max(*now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    }
}

/// Drives it to its end.
fn to_the_end(
    cluster: &mut Cluster,
    machine: &mut Machine,
    now: &mut Duration,
    mut inputs: Vec<Input>,
) -> End {
    loop {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, *now)).collect();
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, *now)));
        if let Some(end) = machine.end() {
            return end.clone();
        }
        if inputs.is_empty() {
            *now = machine.deadline().expect("it waits for something").max(*now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    }
}

fn is_traffic(effect: &Effect, wanted: Traffic) -> bool {
    matches!(&effect.action, Action::Write { change: Change::Traffic(traffic), .. } if *traffic == wanted)
}

/// The worst write to arrive late: the one that gives the canary its requests, after the release has been taken back.
#[test]
fn a_write_in_flight_cannot_undo_the_way_back() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    let mut machine = Machine::new(course(), Intent::Release, 1, now);
    let (mut inputs, effects) =
        until(&mut cluster, &mut machine, &mut now, |effect| is_traffic(effect, Traffic::Both));
    let late = effects[0].clone();
    inputs.extend([Input::Wrote(late.id, Outcome::Unknown), Input::Command(Command::Abort)]);
    inputs.extend(effects[1..].iter().map(|effect| cluster.act(effect, now)));
    let end = to_the_end(&mut cluster, &mut machine, &mut now, inputs);
    assert_eq!(end.ending, Ending::Aborted);
    assert_eq!(cluster.write(&late.action), Outcome::Refused(Refusal::Conflict));
    cluster.at_rest(false);
}

#[test]
fn nothing_measured_is_not_read_as_good() {
    let mut cluster = Cluster::new(Mood::Good);
    cluster.is_blind = true;
    let end = cluster.run(Intent::Release, 1, &mut Duration::default(), usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::NoEvidence, "{}", end.reason);
    cluster.at_rest(false);
}

/// Drives a machine until it watches what it has promoted.
fn until_it_bakes(cluster: &mut Cluster, machine: &mut Machine, now: &mut Duration) -> Vec<Input> {
    let mut inputs = vec![Input::Wake];
    loop {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, *now)).collect();
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, *now)));
        if machine.phase() == Some(Phase::Baking) {
            return inputs;
        }
        if inputs.is_empty() {
            *now = machine.deadline().expect("it has not ended").max(*now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    }
}

/// Drives it for a while, in which the cluster answers or not.
fn pass(
    cluster: &mut Cluster,
    machine: &mut Machine,
    now: &mut Duration,
    mut inputs: Vec<Input>,
    (length, is_there): (Duration, bool),
) -> Vec<Input> {
    let end = *now + length;
    while *now < end {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, *now)).collect();
        inputs.extend(effects.iter().map(|effect| match effect.action {
            Action::Look if !is_there => Input::Looked(effect.id, None),
            Action::Measure { .. } if !is_there => Input::Measured(effect.id, None),
            _ => cluster.act(effect, *now),
        }));
        if inputs.is_empty() {
            let Some(next) = machine.deadline() else { break };
            *now = next.max(*now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    }
    inputs
}

#[test]
fn who_never_sees_anything_ends_all_the_same() {
    let mut cluster = Cluster::new(Mood::Good);
    let end_after = |machine: &mut Machine, cluster: &mut Cluster, inputs, mut now, length| {
        pass(cluster, machine, &mut now, inputs, (length, false));
        machine.end().map(|end| (end.ending, end.reason.clone()))
    };
    let ends = |ending, words: &str| Some((ending, words.to_owned()));
    let minutes = Duration::from_mins;
    // Nothing has begun.
    for intent in [Intent::Release, Intent::Abort, Intent::Recover] {
        let mut machine = Machine::new(course(), intent, 1, Duration::ZERO);
        let mut end = |from, length| end_after(&mut machine, &mut cluster, vec![Input::Wake], from, length);
        assert_eq!(end(minutes(0), minutes(1)), None);
        let words = "the cluster has not answered for 2 min 00 s";
        assert_eq!(end(minutes(1), minutes(2)), ends(Ending::Refused, words), "{intent:?}");
    }
    let mut now = Duration::ZERO;
    let mut machine = Machine::new(course(), Intent::Release, 1, now);
    let inputs = until_it_bakes(&mut cluster, &mut machine, &mut now);
    // A sleep says nothing of the cluster.
    now += minutes(300);
    let end = end_after(&mut machine, &mut cluster, inputs, now, minutes(50));
    assert_eq!(end, None);
    let end = end_after(&mut machine, &mut cluster, vec![Input::Wake], now + minutes(50), minutes(20));
    assert_eq!(end, ends(Ending::Stuck, "the cluster has not answered for 1 h 00 min"));
}

/// The bake of these releases takes 30 s.
#[test]
fn time_in_which_nothing_is_seen_is_not_time_in_which_it_was_good() {
    let minutes = Duration::from_mins;
    // For how long pods cannot be measured or, as a whole, the cluster does not answer; how it ends, and how much later at least.
    let table = [
        (minutes(0), true, Ending::Promoted, minutes(0)),
        (minutes(5), true, Ending::Promoted, minutes(5)),
        (minutes(11), true, Ending::NoEvidence, minutes(10)),
        (minutes(40), false, Ending::Promoted, minutes(40)),
    ];
    for (length, is_there, ending, later) in table {
        let mut cluster = Cluster::new(Mood::Good);
        let mut now = Duration::ZERO;
        let mut machine = Machine::new(course(), Intent::Release, 1, now);
        let inputs = until_it_bakes(&mut cluster, &mut machine, &mut now);
        let began = now;
        cluster.is_blind = is_there && !length.is_zero();
        let inputs = pass(&mut cluster, &mut machine, &mut now, inputs, (length, is_there));
        cluster.is_blind = false;
        let end = to_the_end(&mut cluster, &mut machine, &mut now, inputs);
        assert_eq!(end.ending, ending, "{length:?} {is_there}: {}", end.reason);
        let took = now.checked_sub(began).unwrap();
        assert!(took >= later && took < later + minutes(2), "{length:?} {is_there}: {took:?}");
        cluster.at_rest(ending == Ending::Promoted);
    }
}

/// Who has promoted it without evidence knows that there is none.
#[test]
fn what_was_promoted_by_hand_is_not_taken_back_for_want_of_evidence() {
    let mut cluster = Cluster::new(Mood::Good);
    cluster.is_blind = true;
    cluster.says = vec![(Duration::from_mins(1), Command::PromoteFully)];
    let mut now = Duration::ZERO;
    let end = cluster.run(Intent::Release, 1, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    assert!(now < Duration::from_mins(4), "{now:?}");
    cluster.at_rest(true);
}

/// So does whoever goes on where that process died.
#[test]
fn who_goes_on_knows_that_it_was_promoted_by_hand() {
    let mut went_on = 0;
    for effects in 1.. {
        let mut cluster = Cluster::new(Mood::Good);
        cluster.is_blind = true;
        cluster.says = vec![(Duration::from_mins(1), Command::PromoteFully)];
        let mut now = Duration::ZERO;
        if cluster.run(Intent::Release, 1, &mut now, effects).is_some() {
            break;
        }
        if cluster.under_way().is_some_and(|journal| journal.by_hand) {
            let end = cluster.run(Intent::Release, 2, &mut now, usize::MAX).unwrap();
            assert_eq!(end.ending, Ending::Promoted, "after {effects} effects: {}", end.reason);
            cluster.at_rest(true);
            went_on += 1;
        }
    }
    assert!(went_on > 10, "{went_on}");
}

#[test]
fn services_flip_in_the_order_of_the_plan_and_back_in_reverse() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    let mut machine = Machine::new(course(), Intent::Release, 1, now);
    let part = |effect: &Effect| match effect.action {
        Action::Write { object: Object::Service(part), .. } => part,
        _ => panic!("{effect:?}"),
    };
    let new = |effect: &Effect| is_traffic(effect, Traffic::One(Slot::B));
    let (mut inputs, first) = until(&mut cluster, &mut machine, &mut now, new);
    assert_eq!(first.iter().filter(|effect| new(effect)).map(part).collect::<Vec<_>>(), [0]);
    inputs.extend(first.iter().map(|effect| cluster.act(effect, now)));
    let mut flips = Vec::new();
    // Until the second one has flipped; then somebody wants it back.
    while flips.is_empty() {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, now)).collect();
        flips.extend(effects.iter().filter(|effect| new(effect)).map(part));
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, now)));
        if inputs.is_empty() {
            now += Duration::from_secs(1);
            inputs.push(Input::Wake);
        }
    }
    assert_eq!(flips, [1]);
    inputs.push(Input::Command(Command::Abort));
    let old = |effect: &Effect| is_traffic(effect, Traffic::One(Slot::A));
    let mut back = Vec::new();
    while machine.end().is_none() {
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, now)).collect();
        let round: Vec<usize> = effects.iter().filter(|effect| old(effect)).map(part).collect();
        assert!(round.len() < 2, "one after the other: {round:?}");
        back.extend(round);
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, now)));
        if inputs.is_empty() {
            now += Duration::from_secs(1);
            inputs.push(Input::Wake);
        }
    }
    assert_eq!(back, [1, 0]);
    cluster.at_rest(false);
}

#[test]
fn whoever_goes_on_goes_on_with_the_evidence() {
    let mut cluster = Cluster::new(Mood::Good);
    let mut now = Duration::ZERO;
    let mut machine = Machine::new(course(), Intent::Release, 1, now);
    let is_second_step = |effect: &Effect| {
        let Action::Write { change: Change::Ledger(head), .. } = &effect.action else { return false };
        head.under_way.as_ref().is_some_and(|journal| journal.phase == Phase::Exposed(1))
    };
    until(&mut cluster, &mut machine, &mut now, is_second_step);
    let under_way = cluster.view.ledger.as_mut().unwrap().object.under_way.as_mut().unwrap();
    assert_eq!(under_way.phase, Phase::Exposed(0));
    // Evidence that cannot be read must not be taken for none: E would begin again at 1.
    assert!(under_way.evidence[0].is_some());
    under_way.evidence[0] = Some("damaged".into());
    now += Duration::from_mins(1);
    let end = cluster.run(Intent::Release, 2, &mut now, usize::MAX).unwrap();
    assert_eq!(end.ending, Ending::NoEvidence, "{}", end.reason);
    cluster.at_rest(false);
}

/// Looks of before, when the lease has not been renewed for long because this process slept.
#[test]
fn looks_of_before_with_a_sleep_between_them_do_not_make_an_owner_give_up() {
    let mut cluster = Cluster::new(Mood::Good);
    let before = cluster.view.clone();
    let mut now = Duration::ZERO;
    let mut machine = Machine::new(course(), Intent::Release, 1, now);
    until(&mut cluster, &mut machine, &mut now, |effect| is_traffic(effect, Traffic::Both));
    let mut inputs = vec![Input::Wake];
    for _ in 0..2 {
        now += Duration::from_mins(2);
        let mut looks = 0;
        while looks == 0 {
            let effects: Vec<Effect> =
                inputs.drain(..).flat_map(|input| machine.handle(input, now)).collect();
            for effect in effects.iter().filter(|effect| matches!(effect.action, Action::Look)) {
                let before = View { began: now, ..before.clone() };
                let said = machine.handle(Input::Looked(effect.id, Some(before)), now);
                assert_eq!(said, [], "what was before says nothing");
                looks += 1;
            }
        }
        inputs.push(Input::Wake);
    }
    let end = to_the_end(&mut cluster, &mut machine, &mut now, inputs);
    assert_eq!(end.ending, Ending::Promoted, "{}", end.reason);
    cluster.at_rest(true);
}

/// Once the old pods are about to go, or the new ones on the way back, somebody sends them requests again.
#[test]
fn pods_that_are_asked_again_do_not_go_before_their_requests_have_ended() {
    for (failing, phase, slot) in [(0, Phase::Cleaning, Slot::A), (20, Phase::Restoring, Slot::B)] {
        let mut cluster = Cluster::new(Mood::Good);
        cluster.failing = failing;
        let mut now = Duration::ZERO;
        let mut machine = Machine::new(course(), Intent::Release, 1, now);
        let goes = |effect: &Effect| {
            let none = |change: &Change| matches!(change, Change::Slot { replicas: 0, revision: None });
            matches!(&effect.action, Action::Write { object, change, .. }
                if *object == Object::Slot(0, slot) && none(change))
        };
        let (mut inputs, dropped) = until(&mut cluster, &mut machine, &mut now, goes);
        assert_eq!(machine.phase(), Some(phase));
        // What was asked for comes too late: somebody has written both objects.
        inputs.extend(dropped.iter().map(|effect| match effect.action {
            Action::Write { .. } => Input::Wrote(effect.id, Outcome::Refused(Refusal::Conflict)),
            _ => cluster.act(effect, now),
        }));
        let service = cluster.view.parts[0].service.as_mut().unwrap();
        (service.object, service.version.resource) = (Traffic::One(slot), 1_000_000);
        let mut asked_until = None;
        loop {
            let effects: Vec<Effect> =
                inputs.drain(..).flat_map(|input| machine.handle(input, now)).collect();
            let has_moved = effects.iter().any(|effect| is_traffic(effect, Traffic::One(slot.other())));
            asked_until = asked_until.or(has_moved.then_some(now));
            if effects.iter().any(goes) {
                break;
            }
            inputs.extend(effects.iter().map(|effect| cluster.act(effect, now)));
            if inputs.is_empty() {
                now = machine.deadline().unwrap().max(now + Duration::from_millis(1));
                inputs.push(Input::Wake);
            }
        }
        let waited = now.saturating_sub(asked_until.expect("the requests go elsewhere first"));
        assert!(waited >= Timing::default().drain, "{phase:?}: {waited:?}");
    }
}
