//! What a release says of itself while it runs.

use expect_test::{Expect, expect};

use super::*;

/// Runs a release to its end, with what was said on the way: each line once, when it is new.
fn told(cluster: &mut Cluster, mut course: Course, commands: &[(u64, Command)]) -> String {
    course.timing.hold = Duration::ZERO;
    let mut now = Duration::ZERO;
    let mut machine = Machine::new(course, Intent::Release, 1, now);
    let mut commands = commands.iter().peekable();
    let mut inputs = vec![Input::Wake];
    let (mut lines, mut last) = (Vec::new(), String::new());
    loop {
        if let Some((_, command)) = commands.next_if(|(at, _)| now >= Duration::from_secs(*at)) {
            inputs.push(Input::Command(*command));
        }
        let effects: Vec<Effect> = inputs.drain(..).flat_map(|input| machine.handle(input, now)).collect();
        let line = words(&machine.status(), now);
        if line != last {
            lines.push(format!("{} s: {line}\n", now.as_secs()));
            last = line;
        }
        if machine.end().is_some() {
            return lines.concat();
        }
        inputs.extend(effects.iter().map(|effect| cluster.act(effect, now)));
        if inputs.is_empty() {
            now = machine.deadline().unwrap().max(now + Duration::from_millis(1));
            inputs.push(Input::Wake);
        }
    }
}

/// A status in one line; figures that change with each look are left out.
fn words(status: &Status<'_>, now: Duration) -> String {
    assert!(status.since <= now && status.waits.as_ref().is_none_or(|wait| wait.until >= status.since));
    let waits = status.waits.as_ref().map_or("", |wait| wait.words.split(':').next().unwrap_or_default());
    let parts: Vec<String> = status.parts.iter().map(part).collect();
    let asks =
        status.asks.as_ref().map_or(String::new(), |asks| format!(" | {} {:?}", asks.words, asks.answers));
    let next = status.next.map_or(String::new(), |next| format!(" | then {next}"));
    format!("{} | {waits} | {}{asks}{next}", status.words, parts.join(", "))
}

fn part(part: &PartStatus<'_>) -> String {
    let pods = |pods: Pods| format!("{}:{}/{}/{}", pods.slot, pods.wanted, pods.available, pods.serving);
    let step = part.step.map_or(String::new(), |(step, of)| format!(" step {step}/{of}"));
    assert!(part.step.is_none() || part.report().is_some(), "what is on trial is compared");
    format!("{} {} {} {:.0} %{step}", part.name, pods(part.old), pods(part.new), part.weight * 100.0)
}

#[track_caller]
fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

#[test]
fn a_good_release_says_where_it_stands() {
    let told = told(&mut Cluster::new(Mood::Good), course(), &[(15, Command::Pause), (18, Command::Resume)]);
    check(
        &told,
        &expect![[r#"
            0 s: waiting for the environment | the environment to be free | backend a:0/0/0 b:0/0/0 0 %, frontend a:0/0/0 b:0/0/0 0 % | then read everything again
            0 s: waiting for the environment | the environment to be free | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then read everything again
            0 s: fencing off whoever owned it before |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then look what serves
            0 s: writing down that the release begins |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then write what both releases can live with
            0 s: keeping autoscalers from taking a serving pod away |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then start new pods, without traffic
            0 s: starting new pods, without traffic |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then try the new release on users
            0 s: starting new pods, without traffic |  | backend a:3/3/3 b:1/1/0 0 %, frontend a:3/3/3 b:1/1/0 0 % | then try the new release on users
            0 s: trying the new release on users, step 1 of 2 | evidence for backend | backend a:3/3/3 b:1/1/0 0 % step 1/2, frontend a:3/3/3 b:1/1/0 0 % | then raise the weight
            0 s: trying the new release on users, step 1 of 2 | evidence for backend | backend a:3/3/3 b:1/1/1 25 % step 1/2, frontend a:3/3/3 b:1/1/0 0 % | then raise the weight
            15 s: trying the new release on users, step 1 of 2 | evidence for backend | backend a:3/3/3 b:1/1/1 25 % step 1/2, frontend a:3/3/3 b:1/1/0 0 % | paused: go on, or take it back? [Resume, Abort] | then raise the weight
            20 s: trying the new release on users, step 1 of 2 | evidence for backend | backend a:3/3/3 b:1/1/1 25 % step 1/2, frontend a:3/3/3 b:1/1/0 0 % | then raise the weight
            20 s: trying the new release on users, step 1 of 2 |  | backend a:3/3/3 b:1/1/1 25 % step 1/2, frontend a:3/3/3 b:1/1/0 0 % | then raise the weight
            20 s: trying the new release on users, step 2 of 2 | evidence for backend | backend a:3/3/3 b:1/1/1 25 % step 2/2, frontend a:3/3/3 b:1/1/0 0 % | then fill the new slots up to what serves
            20 s: trying the new release on users, step 2 of 2 | evidence for backend | backend a:3/3/3 b:3/3/3 50 % step 2/2, frontend a:3/3/3 b:1/1/0 0 % | then fill the new slots up to what serves
            40 s: trying the new release on users, step 2 of 2 |  | backend a:3/3/3 b:3/3/3 50 % step 2/2, frontend a:3/3/3 b:1/1/0 0 % | then fill the new slots up to what serves
            40 s: filling the new slots up to what serves |  | backend a:3/3/3 b:3/3/3 50 %, frontend a:3/3/3 b:1/1/0 0 % | then send all requests to the new pods
            40 s: sending all requests to the new pods |  | backend a:3/3/3 b:3/3/3 50 %, frontend a:3/3/3 b:3/3/0 0 % | then look whether the new release serves
            40 s: sending all requests to the new pods |  | backend a:3/3/0 b:3/3/3 100 %, frontend a:3/3/3 b:3/3/0 0 % | then look whether the new release serves
            40 s: looking whether the new release serves |  | backend a:3/3/0 b:3/3/3 100 %, frontend a:3/3/0 b:3/3/3 100 % | then watch the new release
            40 s: watching the new release, the old pods stand by | the watch to be over | backend a:3/3/0 b:3/3/3 100 %, frontend a:3/3/0 b:3/3/3 100 % | then take the old pods away
            70 s: taking the old pods away |  | backend a:3/3/0 b:3/3/3 100 %, frontend a:3/3/0 b:3/3/3 100 % | then end, promoted
            70 s: writing down the end: the new release serves, verified; backend: promoted on traffic, 0 of 800 requests failed; no ratio: neither failed; S 1,438, E 1 for errors; watched for 30 s |  | backend a:0/0/0 b:3/3/3 100 %, frontend a:0/0/0 b:3/3/3 100 % | then end
            70 s: the new release serves, verified; backend: promoted on traffic, 0 of 800 requests failed; no ratio: neither failed; S 1,438, E 1 for errors; watched for 30 s |  | backend a:0/0/0 b:3/3/3 100 %, frontend a:0/0/0 b:3/3/3 100 %
        "#]],
    );
}

#[test]
fn a_bad_release_says_why_it_goes_back() {
    let mut cluster = Cluster::new(Mood::Good);
    cluster.failing = 20;
    let told = told(&mut cluster, course(), &[]);
    check(
        &told,
        &expect![[r#"
            0 s: waiting for the environment | the environment to be free | backend a:0/0/0 b:0/0/0 0 %, frontend a:0/0/0 b:0/0/0 0 % | then read everything again
            0 s: waiting for the environment | the environment to be free | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then read everything again
            0 s: fencing off whoever owned it before |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then look what serves
            0 s: writing down that the release begins |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then write what both releases can live with
            0 s: keeping autoscalers from taking a serving pod away |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then start new pods, without traffic
            0 s: starting new pods, without traffic |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then try the new release on users
            0 s: starting new pods, without traffic |  | backend a:3/3/3 b:1/1/0 0 %, frontend a:3/3/3 b:1/1/0 0 % | then try the new release on users
            0 s: trying the new release on users, step 1 of 2 | evidence for backend | backend a:3/3/3 b:1/1/0 0 % step 1/2, frontend a:3/3/3 b:1/1/0 0 % | then raise the weight
            0 s: trying the new release on users, step 1 of 2 | evidence for backend | backend a:3/3/3 b:1/1/1 25 % step 1/2, frontend a:3/3/3 b:1/1/0 0 % | then raise the weight
            10 s: giving the requests back to the old pods: errors: canary 40 of 200 (20.00 %), baseline 0 of 200 (0.00 %); E 400 of 100 |  | backend a:3/3/3 b:1/1/1 25 %, frontend a:3/3/3 b:1/1/0 0 % | then take the new pods away
            10 s: giving the requests back to the old pods: errors: canary 40 of 200 (20.00 %), baseline 0 of 200 (0.00 %); E 400 of 100 |  | backend a:3/3/3 b:1/1/0 0 %, frontend a:3/3/3 b:1/1/0 0 % | then take the new pods away
            15 s: taking the new pods away: errors: canary 40 of 200 (20.00 %), baseline 0 of 200 (0.00 %); E 400 of 100 |  | backend a:3/3/3 b:1/1/0 0 %, frontend a:3/3/3 b:1/1/0 0 % | then end, with the old release serving
            15 s: writing down the end: errors: canary 40 of 200 (20.00 %), baseline 0 of 200 (0.00 %); E 400 of 100 |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 % | then end
            15 s: errors: canary 40 of 200 (20.00 %), baseline 0 of 200 (0.00 %); E 400 of 100 |  | backend a:3/3/3 b:0/0/0 0 %, frontend a:3/3/3 b:0/0/0 0 %
        "#]],
    );
}
