//! Rehearsals through the real program: what a release manager would read. Virtual time makes it exact.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use expect_test::{Expect, expect};

use crate::repository::Repository;

/// A repository that releases a backend by steps and a frontend at once.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.write(
        "xtask.toml",
        r#"[project]
name = "small"

[release]
order = ["backend", "frontend"]

[release.components.backend]
deployment = "backend"
strategy = "canary"
steps = ["10 %", "50 %"]
metrics = { port = 8000, path = "/metrics" }
smoke = [{ path = "/health" }]

[release.components.backend.objectives]
errors = { bad = 'requests{status="5xx"}', total = "requests", rate-max = "1 %" }

[release.components.frontend]
deployment = "frontend"
strategy = "flip"
metrics = { port = 3000, path = "/metrics" }
smoke = [{ path = "/" }]

[release.components.frontend.objectives]
errors = { bad = 'requests{status="5xx"}', total = "requests", rate-max = "1 %" }

[environments.staging]
manifests = ["k8s.template.yml"]
namespace = "staging"
context = "staging"
registry = "registry.example"
owner = "small"

[environments.production]
manifests = ["k8s.template.yml"]
namespace = "production"
context = "production"
registry = "registry.example"
owner = "small"
"#,
    );
    let manifests = ["backend", "frontend"].map(|name| manifest(name, if name == "backend" { 3 } else { 2 }));
    repository.write("k8s.template.yml", &manifests.join("---\n"));
    repository
}

fn manifest(name: &str, pods: u32) -> String {
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{ app: {name}, vitalyst.io/serves: {name}, vitalyst.io/slot: a }}
spec:
  replicas: {pods}
  selector:
    matchLabels: {{ app: {name} }}
  template:
    metadata:
      labels: {{ app: {name}, vitalyst.io/serves: {name}, vitalyst.io/slot: a }}
    spec:
      containers:
        - name: {name}
          image: ${{REGISTRY}}/${{REPOSITORY_OWNER}}/{name}:1
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels: {{ vitalyst.io/serves: {name} }}
spec:
  selector: {{ vitalyst.io/serves: {name}, vitalyst.io/slot: a }}
  ports: [{{ port: 80 }}]
"#
    )
}

/// What a scenario says, but for the commands of the way back by hand, which a plan is tested with.
#[track_caller]
fn check(scenario: &str, expected: &Expect) {
    let repository = repository();
    let said = repository.xtask(&["rehearse", "--scenario", scenario]).expect(0);
    let (words, by_hand) = said.stdout.split_once("\nshould everything else fail").expect(&said.stdout);
    assert_eq!(by_hand.matches(" patch service ").count(), 2, "{by_hand}");
    expected.assert_eq(words);
    let page = repository.read(&format!("target/xtask/rehearse-production-{scenario}.html"));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
}

#[test]
fn a_bad_canary_is_found_within_seconds() {
    check(
        "bad-canary",
        &expect![[r#"
            rehearsed in virtual time; no cluster is asked
            backend   3 pods, 50 requests/s assumed, canary by 10 %, 50 %
            frontend  2 pods, 50 requests/s assumed, all at once after a smoke test
                  0s  release   production-2 begins
                  0s  backend   3 pods serve from slot a; slot b is next
                  0s  frontend  2 pods serve from slot a; slot b is next
                  0s  release   starting new pods, without traffic
                 13s  backend   1 new pod ready in slot b
                 15s  frontend  1 new pod ready in slot b
                 16s  release   the smoke test passed: users see the new release
                 16s  backend   step 1 of 2: 1 new pod serves beside 3 old: 25 % of the requests
                 26s  release   BACK to the old release
                                errors: canary 16 of 118 (13.56 %), baseline 1 of 379 (0.26 %); E 355 of 200
                 26s  backend   3 old pods serve alone
                 32s  release   the new pods go
                 33s  release   ROLLED BACK: production-1 serves, after 33s, exit code 6
                                errors: canary 16 of 118 (13.56 %), baseline 1 of 379 (0.26 %); E 355 of 200
                 33s  release   next: mend what is said above and make a new release; nobody goes back to this one

            it took                     33s
            found                       10s after its first failed request
            users had it for            10s
            failed because of it        20 of 3,758 requests
            both releases served        10s
            the deploy would exit with  6 (rolled back)
            picture                     target/xtask/rehearse-production-bad-canary.html
        "#]],
    );
}

#[test]
fn an_image_that_is_not_there_never_meets_a_user() {
    check(
        "registry-down",
        &expect![[r#"
            rehearsed in virtual time; no cluster is asked
            backend   3 pods, 50 requests/s assumed, canary by 10 %, 50 %
            frontend  2 pods, 50 requests/s assumed, all at once after a smoke test
                  0s  release   production-2 begins
                  0s  backend   3 pods serve from slot a; slot b is next
                  0s  frontend  2 pods serve from slot a; slot b is next
                  0s  release   starting new pods, without traffic
                  4s  release   BACK: users keep the old release
                                the new pods of backend will never be ready: ErrImagePull: not found
                  9s  release   the new pods go; no user has seen them
                 11s  release   ROLLED BACK: production-1 serves, after 11s, exit code 6
                                the new pods of backend will never be ready: ErrImagePull: not found
                 11s  release   next: mend what is said above and make a new release; nobody goes back to this one

            it took                     11s
            found                       after 4s, before users saw it
            failed because of it        0 of 1,483 requests
            both releases served        0s
            the deploy would exit with  6 (rolled back)
            picture                     target/xtask/rehearse-production-registry-down.html
        "#]],
    );
}

#[test]
fn a_slow_leak_shows_while_the_old_pods_stand_by() {
    check(
        "slow-leak",
        &expect![[r#"
            rehearsed in virtual time; no cluster is asked
            backend   3 pods, 50 requests/s assumed, canary by 10 %, 50 %
            frontend  2 pods, 50 requests/s assumed, all at once after a smoke test
                  0s  release   production-2 begins
                  0s  backend   3 pods serve from slot a; slot b is next
                  0s  frontend  2 pods serve from slot a; slot b is next
                  0s  release   starting new pods, without traffic
                 13s  backend   1 new pod ready in slot b
                 15s  frontend  1 new pod ready in slot b
                 16s  release   the smoke test passed: users see the new release
                 16s  backend   step 1 of 2: 1 new pod serves beside 3 old: 25 % of the requests
                 46s  backend   errors 0 of 308 (0.00 %), old release 1 of 950 (0.11 %); E 0.431 of 200
                                8 more errors in a row would roll back
              2m 24s  backend   errors 1 of 1,561 (0.06 %), old release 4 of 4,575 (0.09 %), ratio 0.733; E 0.223 of 200
              2m 24s  release   enough evidence for the next step
              2m 35s  backend   step 2 of 2: 3 new pods serve beside 3 old: 50 % of the requests
              2m 55s  backend   errors 1 of 2,145 (0.05 %), old release 6 of 5,465 (0.11 %), ratio 0.425; E 0.11 of 200
                                14 more errors in a row would roll back; to promote: measured for 29 s of 120 s
              4m 27s  backend   errors 3 of 4,518 (0.07 %), old release 9 of 7,837 (0.11 %), ratio 0.578; E 0.056 of 200
              4m 27s  release   the last step is over: new pods are started until they are as many as serve
              4m 36s  release   all new pods are ready: requests go to them alone
              4m 36s  backend   3 new pods serve alone
              4m 36s  frontend  2 new pods serve alone
              4m 38s  release   the new release serves, and its smoke test passed; watched for 15 min, old pods stand by
              7m 36s  release   BACK to the old release
                                a container of new pod `5` ran out of memory
              7m 36s  backend   2 of 3 new pods serve
              7m 36s  frontend  2 old pods serve alone
              7m 37s  backend   3 old pods serve alone
              7m 42s  release   the new pods go
              7m 44s  release   ROLLED BACK: production-1 serves, after 7m 44s, exit code 6
                                a container of new pod `5` ran out of memory
              7m 44s  release   next: mend what is said above and make a new release; nobody goes back to this one

            it took                     7m 44s
            found                       5m 35s after its first failed request
            users had it for            7m 20s
            failed because of it        15 of 46,773 requests
            both releases served        4m 20s
            the deploy would exit with  6 (rolled back)
            picture                     target/xtask/rehearse-production-slow-leak.html
        "#]],
    );
}

#[test]
fn a_killed_deployer_leaves_nothing_behind() {
    check(
        "killed-deployer",
        &expect![[r#"
            rehearsed in virtual time; no cluster is asked
            backend   3 pods, 50 requests/s assumed, canary by 10 %, 50 %
            frontend  2 pods, 50 requests/s assumed, all at once after a smoke test
                  0s  release   production-2 begins
                  0s  backend   3 pods serve from slot a; slot b is next
                  0s  frontend  2 pods serve from slot a; slot b is next
                  0s  release   starting new pods, without traffic
                 13s  backend   1 new pod ready in slot b
                 15s  frontend  1 new pod ready in slot b
                 16s  release   the smoke test passed: users see the new release
                 16s  backend   step 1 of 2: 1 new pod serves beside 3 old: 25 % of the requests
                 46s  backend   errors 0 of 308 (0.00 %), old release 1 of 950 (0.11 %); E 0.431 of 200
                                8 more errors in a row would roll back
              2m 00s  event     the deployer is killed
              5m 00s  event     somebody looks after releases without an owner
              5m 20s  recover   waits for the environment to be free; 1m 40s left
              5m 31s  recover   takes production-2 up where it was left
              5m 31s  recover   BACK to the old release
                                its owner was gone
              5m 31s  backend   3 old pods serve alone
              5m 36s  recover   the new pods go
              5m 38s  recover   ABORTED: production-1 serves, after 5m 38s, exit code 6
                                its owner was gone
              5m 38s  recover   next: nothing; make a new release when it is wanted

            it took                     5m 38s
            turned back                 5m 15s after users saw it
            users had it for            5m 15s
            failed because of it        0 of 34,245 requests
            both releases served        5m 15s
            the deploy would exit with  nothing: it was killed
            picture                     target/xtask/rehearse-production-killed-deployer.html
        "#]],
    );
}

#[test]
fn a_quiet_night_is_decided_by_checks() {
    check(
        "quiet-night",
        &expect![[r#"
            rehearsed in virtual time; no cluster is asked
            backend   3 pods, 0.2 requests/s assumed, canary by 10 %, 50 %
            frontend  2 pods, 0.2 requests/s assumed, all at once after a smoke test
                  0s  release   production-2 begins
                  0s  backend   3 pods serve from slot a; slot b is next
                  0s  frontend  2 pods serve from slot a; slot b is next
                  0s  release   starting new pods, without traffic
                 13s  backend   1 new pod ready in slot b
                 15s  frontend  1 new pod ready in slot b
                 16s  release   the smoke test passed: users see the new release
                 16s  backend   step 1 of 2: 1 new pod serves beside 3 old: 25 % of the requests
                 46s  backend   errors 0 of 0, old release 0 of 2 (0.00 %); E 1 of 200
              2m 24s  backend   errors 0 of 2 (0.00 %), old release 0 of 15 (0.00 %); E 1 of 200
              2m 24s  release   enough evidence for the next step
              2m 35s  backend   step 2 of 2: 3 new pods serve beside 3 old: 50 % of the requests
              2m 55s  backend   errors 0 of 3 (0.00 %), old release 0 of 17 (0.00 %); E 1 of 200
                                4 more errors in a row would roll back; 2 h 50 min without an error at 0.034 requests/s would do to promote, about 3 h 22 min at this rate of errors
              4m 56s  backend   errors 0 of 22 (0.00 %), old release 0 of 33 (0.00 %); E 1 of 200
                                9 more errors in a row would roll back; 57 min without an error at 0.133 requests/s would do to promote, about 64 min at this rate of errors
             12m 26s  release   BACK to the old release
                                S 7.1 of 20: 144 more requests without an error
             12m 28s  backend   3 old pods serve alone
             12m 33s  release   the new pods go
             12m 35s  release   INCONCLUSIVE: production-1 serves, after 12m 35s, exit code 6
                                S 7.1 of 20: 144 more requests without an error
             12m 35s  release   next: this says nothing against the release; release it when there is more traffic

            it took                     12m 35s
            turned back                 12m 10s after users saw it
            users had it for            12m 10s
            failed because of it        0 of 313 requests
            both releases served        12m 10s
            the deploy would exit with  6 (inconclusive)
            picture                     target/xtask/rehearse-production-quiet-night.html
        "#]],
    );
}

#[test]
fn the_scenarios_are_named_with_what_they_show() {
    let said = repository().xtask(&["rehearse", "--list"]).expect(0);
    assert!(said.stdout.lines().count() >= 15, "{}", said.all());
    for line in said.stdout.lines() {
        let (name, shows) = line.split_once("  ").unwrap();
        assert!(!name.is_empty() && !shows.trim().is_empty(), "{line}");
    }
    let said = repository().xtask(&["rehearse", "--list", "--output", "json"]).expect(0);
    let event: serde_json::Value = serde_json::from_str(said.stdout.trim()).unwrap();
    assert_eq!(event["data"][0]["scenario"], "good", "{}", said.all());
}

#[test]
fn many_nights_are_one_line_and_one_of_them_can_be_replayed() {
    let repository = repository();
    let said = repository.xtask(&["rehearse", "--seeds", "50"]).expect(0);
    let last = said.stdout.lines().last().unwrap();
    assert!(last.starts_with("50 releases: ") && last.ends_with(", 0 invariants broken"), "{last}");
    let counts = last.strip_prefix("50 releases: ").unwrap().split(", ");
    let sum: u32 = counts.clone().map(|count| count.split(' ').next().unwrap().parse::<u32>().unwrap()).sum();
    assert_eq!(sum, 50, "{last}");
    let again = repository.xtask(&["rehearse", "--seeds", "50"]).expect(0);
    assert_eq!(again.stdout.lines().last(), Some(last), "whoever plays which night makes no difference");
    let said = repository.xtask(&["rehearse", "--seed", "3"]).expect(0);
    assert!(said.stdout.starts_with("seed 3, "), "{}", said.all());
    for words in ["\nwhat happened\n", "deployer 0 starts", "production-2 begins", "rehearse-seed-3.html"] {
        assert!(said.stdout.contains(words), "`{words}` is not in {}", said.all());
    }
}

#[test]
fn a_program_gets_figures() {
    let repository = repository();
    let arguments = ["rehearse", "--scenario", "bad-canary", "--environment", "staging", "--output", "json"];
    let said =
        repository.xtask(&[&arguments[..], &["--out", "page.html", "--rate", "200"]].concat()).expect(0);
    let events: Vec<serde_json::Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answers: Vec<_> =
        events.iter().filter(|event| event["event"] == "answer").map(|event| &event["data"]).collect();
    assert_eq!(answers[0]["environment"], "staging");
    assert_eq!(answers[0]["assumed"][0]["requests_per_second"], 200.0);
    let end = answers[1];
    assert_eq!((&end["outcome"], &end["exit_code"]), (&"rolled-back".into(), &6.into()), "{end}");
    assert!(end["figures"]["suffered"].as_u64().unwrap() > 10, "{end}");
    assert!(end["figures"]["found"].as_f64() > end["figures"]["first_failure"].as_f64(), "{end}");
    assert!(events.iter().any(|event| event["event"] == "narrated" && event["line"]["kind"] == "back"));
    assert!(repository.read("page.html").contains("staging-2"));
}

#[test]
fn what_makes_no_sense_is_said() {
    let repository = repository();
    let bad = |arguments: &[&str], code, words: &str| {
        let said = repository.xtask(&[&["rehearse"], arguments].concat()).expect(code);
        assert!(said.stderr.contains(words), "`{words}` is not in {}", said.all());
    };
    bad(&["--scenario", "bad-canry"], 2, "did you mean `bad-canary`?");
    bad(&["--scenario", "x"], 2, "there are good, ");
    bad(&["--environment", "prod"], 2, "did you mean `production`?");
    bad(&["--seeds", "0"], 2, "0 is not in");
    bad(&["--rate", "no"], 2, "a number of requests a second");
    bad(&["--rate", "-3"], 2, "");
    bad(&["--rate", "NaN"], 2, "between 0.01 and 10000");
    bad(&["--seed", "1", "--seeds", "2"], 2, "cannot be used with");
    bad(&["--out", "xtask.toml/page.html"], 4, "xtask.toml/page.html");
    let nothing = Repository::new();
    nothing.write("xtask.toml", "[project]\nname = \"small\"\n");
    let said = nothing.xtask(&["rehearse"]).expect(3);
    assert!(said.stderr.contains("does not say what is released"), "{}", said.all());
}

#[test]
fn many_nights_can_be_interrupted() {
    let repository = repository();
    let mut command = repository.command(&["rehearse", "--seeds", "100000000", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().contains("task-started"));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let rest: Vec<String> = said.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("releases")), "{rest:?}");
}
