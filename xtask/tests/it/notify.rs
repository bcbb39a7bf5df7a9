//! Those who are told of releases: what they get, in what order, and that nobody waits for them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::Value;
use xtask::Cx;
use xtask::config::Config;
use xtask::core::release::notice::Occasion;
use xtask::driver::environment::Environment;
use xtask::event::{Body, Event, Sink};
use xtask::tasks::release::notify::{About, Notifier};

use crate::registry::fake::{Fake, Reply, Seen};

const CONFIG: &str = r#"
project.name = "shop"
[release]
order = ["app"]
[release.components.app]
deployment = "app"
strategy = "flip"
metrics = { port = 8000 }
objectives.errors = { bad = "bad", total = "all" }
[environments.production]
manifests = ["k8s"]
namespace = "shop"
context = "shop"
[environments.production.notifications]
"#;

/// The warnings of a run.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Sink for Heard {
    fn event(&self, event: &Event) {
        if let Body::Note { message, hint, .. } = &event.body {
            self.0.lock().unwrap().push(format!("{message}: {}", hint.as_deref().unwrap_or_default()));
        }
    }
}

/// Tells these receivers what happens in a release that is promoted; how long that took before and after the end, and what was
/// warned of.
fn tell(keys: &str, variables: &[(&str, String)]) -> ([Duration; 2], Vec<String>) {
    let config = Config::parse("xtask.toml".as_ref(), &format!("{CONFIG}{keys}")).unwrap();
    let environment = config.environments[0].clone();
    let heard = Arc::new(Heard::default());
    let secret = [("PASSWORD", "hunter2hunter2".to_owned())];
    let variables = variables.iter().chain(&secret).map(|(name, value)| (*name, value.as_str()));
    let cx = Cx::builder("/repo")
        .config(config)
        .environment(Environment::new(variables))
        .sink(Arc::clone(&heard) as Arc<dyn Sink>)
        .build();
    let about = About {
        release: "production-42".parse().unwrap(),
        previous: Some("production-41".parse().unwrap()),
        commit: Some("4be1f0c".to_owned()),
        who: "ana".to_owned(),
        images: vec!["ghcr.io/shop/app@sha256:aa".to_owned()],
    };
    let began = Instant::now();
    let mut notifier = Notifier::new(&cx, &environment, about, 0x9f);
    notifier.tell(Occasion::Started, None, &[]);
    notifier.tell(Occasion::Waiting, Some("the evidence is there: may it go on?"), &[]);
    notifier.tell(
        Occasion::Promoted,
        Some("verified with hunter2hunter2"),
        &["app: 1 of 900 requests failed,\n\x1b[31mred".to_owned()],
    );
    let while_it_goes = began.elapsed();
    notifier.finish();
    let times = [while_it_goes, began.elapsed().saturating_sub(while_it_goes)];
    (times, heard.0.lock().unwrap().clone())
}

fn webhook(fake: &Fake) -> (String, Vec<(&'static str, String)>) {
    let address = format!("http://127.0.0.1:{}/hooks/s3cret-path", fake.port());
    ("webhook = { env = \"HOOK\" }".to_owned(), vec![("HOOK", address)])
}

fn bodies(fake: &Fake) -> Vec<Value> {
    fake.seen().iter().map(|seen| serde_json::from_slice(&seen.body).unwrap_or_default()).collect()
}

fn events(fake: &Fake) -> Vec<String> {
    bodies(fake).iter().map(|body| body["event"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Nothing took as long as a receiver may.
fn is_quick(times: [Duration; 2]) {
    assert!(times[0] < Duration::from_secs(1), "the release has waited: {times:?}");
    assert!(times[1] < Duration::from_secs(7), "the end has waited: {times:?}");
}

#[test]
fn a_webhook_gets_a_document_for_each_thing_in_order() {
    let fake = Fake::start(|_| Reply::new(204));
    let (keys, variables) = webhook(&fake);
    let (times, warnings) = tell(&keys, &variables);
    is_quick(times);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(events(&fake), ["started", "waiting", "promoted"]);
    assert_eq!(fake.lines(), ["POST /hooks/s3cret-path"; 3]);
    assert_eq!(fake.seen()[0].header("content-type"), "application/json");
    let mut last = bodies(&fake).remove(2);
    assert!(last["at"].take().as_str().unwrap().ends_with('Z'));
    expect![[r#"
        {
          "format": 1,
          "id": "production-42.9f/3",
          "event": "promoted",
          "environment": "production",
          "release": "production-42",
          "previous": "production-41",
          "commit": "4be1f0c",
          "who": "ana",
          "at": null,
          "images": [
            "ghcr.io/shop/app@sha256:aa"
          ],
          "reason": "verified with ***",
          "evidence": [
            "app: 1 of 900 requests failed, red"
          ],
          "run": null
        }"#]]
    .assert_eq(&sorted(&last));
}

/// A document with its keys in the order of the description.
fn sorted(document: &Value) -> String {
    const KEYS: [&str; 13] = [
        "format",
        "id",
        "event",
        "environment",
        "release",
        "previous",
        "commit",
        "who",
        "at",
        "images",
        "reason",
        "evidence",
        "run",
    ];
    assert_eq!(document.as_object().unwrap().len(), KEYS.len());
    let one = |key: &&str| {
        let text = serde_json::to_string_pretty(&document[*key]).unwrap();
        format!("  \"{key}\": {}", text.replace('\n', "\n  "))
    };
    format!("{{\n{}\n}}", KEYS.iter().map(one).collect::<Vec<_>>().join(",\n"))
}

#[test]
fn a_receiver_that_fails_once_is_asked_again_and_one_that_fails_is_left() {
    let count = Mutex::new(0);
    let fake = Fake::start(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        Reply::new(if *count == 1 { 500 } else { 200 })
    });
    let (keys, variables) = webhook(&fake);
    let (times, warnings) = tell(&keys, &variables);
    is_quick(times);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(events(&fake), ["started", "started", "waiting", "promoted"]);

    let fake = Fake::start(|_| Reply::new(500).body("s3cret-path hunter2hunter2"));
    let (keys, variables) = webhook(&fake);
    let (times, warnings) = tell(&keys, &variables);
    is_quick(times);
    let name = format!("127.0.0.1:{}", fake.port());
    assert_eq!(warnings, [format!("the webhook was not told: `{name}` answers 500; the release goes on")]);
    assert_eq!(events(&fake).len(), 6, "two attempts each");
}

#[test]
fn a_receiver_that_refuses_or_sends_us_elsewhere_is_not_asked_again() {
    let elsewhere = Fake::start(|_| Reply::new(200));
    for (status, location) in [(403, None), (307, Some(format!("http://127.0.0.1:{}/", elsewhere.port())))] {
        let fake = Fake::start(move |_| match &location {
            Some(location) => Reply::new(status).header("location", location.clone()),
            None => Reply::new(status),
        });
        let (keys, variables) = webhook(&fake);
        let (times, warnings) = tell(&keys, &variables);
        is_quick(times);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(events(&fake), ["started", "waiting", "promoted"], "{status}");
    }
    assert_eq!(elsewhere.lines(), [""; 0], "nothing was sent on");
}

#[test]
fn nobody_waits_for_a_receiver_that_hangs_or_is_dead() {
    let fake = Fake::start(|_| Reply { delay: Duration::from_mins(1), ..Reply::new(200) });
    let (keys, variables) = webhook(&fake);
    let (times, warnings) = tell(&keys, &variables);
    is_quick(times);
    assert!(
        warnings.iter().any(|words| words.starts_with("not everybody was told how it ended")),
        "{warnings:?}"
    );

    // Bound once and let go: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("http://127.0.0.1:{port}/hooks/s3cret-path");
    let (times, warnings) = tell("webhook = { env = \"HOOK\" }", &[("HOOK", address)]);
    is_quick(times);
    assert_eq!(warnings.len(), 1, "once, and not for each: {warnings:?}");
    assert!(!warnings[0].contains("s3cret"), "{warnings:?}");
}

#[test]
fn a_receiver_that_cannot_be_told_is_named_by_its_variable() {
    for (value, why) in [(None, "`HOOK` is not set"), (Some("s3cret"), "`HOOK` holds no `https://` address")]
    {
        let variables: Vec<_> = value.map(|value: &str| ("HOOK", value.to_owned())).into_iter().collect();
        let (_, warnings) = tell("webhook = { env = \"HOOK\" }", &variables);
        assert_eq!(warnings, [format!("the webhook is not told: {why}")]);
    }
    let set = |names: &[&'static str]| names.iter().map(|name| (*name, "x/y".to_owned())).collect::<Vec<_>>();
    for (variables, why) in [
        (set(&[]), "`GITHUB_TOKEN` is not set"),
        (set(&["GITHUB_TOKEN"]), "neither `GITHUB_REPOSITORY` nor `repository` names it"),
    ] {
        let (_, warnings) = tell("github-deployments = true", &variables);
        assert_eq!(warnings, [format!("GitHub is not told of this release: {why}")]);
    }
}

/// What GitHub was asked, a request a line.
fn asked(fake: &Fake) -> String {
    let line = |seen: &Seen| {
        assert_eq!(seen.header("authorization"), "Bearer gh-token");
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        format!("{} {} {body}\n", seen.method, seen.target)
    };
    fake.seen().iter().map(line).collect()
}

#[test]
fn github_keeps_a_deployment_and_its_statuses() {
    let known = Arc::new(Mutex::new(Vec::<Value>::new()));
    let kept = Arc::clone(&known);
    let fake = Fake::start(move |seen| match (seen.method.as_str(), seen.target.ends_with("/deployments")) {
        ("GET", _) => Reply::new(200).body(Value::from(kept.lock().unwrap().clone()).to_string()),
        (_, true) => {
            let mut deployment: Value = serde_json::from_slice(&seen.body).unwrap();
            deployment["id"] = 7.into();
            kept.lock().unwrap().push(deployment.clone());
            Reply::new(201).body(deployment.to_string())
        }
        _ => Reply::new(201).body("{}"),
    });
    let variables = [
        ("GITHUB_TOKEN", "gh-token".to_owned()),
        ("GITHUB_API_URL", format!("http://127.0.0.1:{}", fake.port())),
        ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
        ("GITHUB_REPOSITORY", "shop/shop".to_owned()),
        ("GITHUB_RUN_ID", "5".to_owned()),
    ];
    let keys =
        "github-deployments = true\nrepository = \"other/one\"\nenvironment-url = \"https://shop.example\"";
    let (times, warnings) = tell(keys, &variables);
    is_quick(times);
    assert_eq!(warnings, [""; 0]);
    expect![[r#"
        GET /repos/shop/shop/deployments?environment=production&task=deploy&per_page=30 null
        POST /repos/shop/shop/deployments {"auto_merge":false,"description":"production-42 begun","environment":"production","payload":{"release":"production-42"},"ref":"4be1f0c","required_contexts":[],"task":"deploy"}
        POST /repos/shop/shop/deployments/7/statuses {"description":"production-42 begun","environment":"production","environment_url":"https://shop.example","log_url":"https://github.com/shop/shop/actions/runs/5","state":"in_progress"}
        POST /repos/shop/shop/deployments/7/statuses {"description":"production-42 waits for a person: the evidence is there: may it go on?","environment":"production","environment_url":"https://shop.example","log_url":"https://github.com/shop/shop/actions/runs/5","state":"in_progress"}
        POST /repos/shop/shop/deployments/7/statuses {"description":"production-42 promoted: verified with ***","environment":"production","environment_url":"https://shop.example","log_url":"https://github.com/shop/shop/actions/runs/5","state":"success"}
    "#]].assert_eq(&asked(&fake));
    // Another process, as one that recovers, speaks of the same deployment.
    tell(keys, &variables);
    assert_eq!(known.lock().unwrap().len(), 1);
}
