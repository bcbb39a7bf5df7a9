//! What programs are told keeps to the schemas that are published for it.

use serde_json::Value;
use xtask::core::release::images::Record;

use crate::repository::Repository;
use crate::schema;

/// The lines of a run, and of commands with `--output json`.
fn check(seen: &mut Vec<String>, lines: &str) {
    let schema = schema::of("events");
    for line in lines.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let name = event["event"].as_str().unwrap().to_owned();
        // The event's own schema says more than that none of twenty fits.
        let own = &schema["$defs"][&name];
        assert!(own.is_object(), "the schema does not know `{name}`");
        let mut own = own.clone();
        own["$defs"] = schema["$defs"].clone();
        let problems = schema::problems(&own, &event, &name);
        assert!(problems.is_empty(), "{problems:#?}\n{line}");
        let problems = schema::problems(&schema, &event, "event");
        assert!(problems.is_empty(), "{problems:#?}\n{line}");
        seen.push(name);
    }
}

#[test]
fn events_are_what_the_schema_says() {
    let repository = Repository::rust();
    let tasks = "\n[docs]\nfolder = \"docs\"\n\n[tasks.\"make.flaky\"]\ncommand = [\"sh\", \"-c\", \"test -e once || { : > once; exit 7; }\"]\nretries = 1\n\n\
                 [tasks.\"make.late\"]\ncommand = [\"true\"]\nafter = [\"make.bad\"]\n\n[tasks.\"make.bad\"]\ncommand = [\"sh\", \"-c\", \"echo bad; exit 3\"]\n";
    let toml = repository.read("xtask.toml");
    repository.write("xtask.toml", &(toml + tasks));
    repository.write("docs/a.md", "[dead](b.md)\n");
    let mut seen = Vec::new();
    for args in [&["ci", "make", "test", "lint", "docs.links"][..], &["ci", "docs.links"]] {
        repository.xtask(args).expect(1);
        check(&mut seen, &repository.read("target/xtask/events.jsonl"));
    }
    repository.write("docs/a.md", "text\n");
    for _ in 0..2 {
        repository.xtask(&["ci", "docs.links"]).expect(0);
        check(&mut seen, &repository.read("target/xtask/events.jsonl"));
    }
    check(&mut seen, &repository.xtask(&["plan", "--output", "json"]).expect(0).stdout);
    check(&mut seen, &repository.xtask(&["test", "nothing", "--output", "json"]).expect(2).stdout);
    for name in [
        "run-started",
        "task-started",
        "missed",
        "step-started",
        "command-started",
        "output",
        "command-finished",
        "step-finished",
        "found",
        "looked",
        "tested",
        "task-retried",
        "task-finished",
        "answer",
        "failed",
        "run-finished",
    ] {
        assert!(seen.iter().any(|event| event == name), "no `{name}` among {seen:?}");
    }
}

#[test]
fn every_event_has_its_schema() {
    let source = include_str!("../../../src/event.rs");
    let body = source.split_once("pub enum Body {").unwrap().1.split_once("\n}\n").unwrap().0;
    let variants = body.lines().filter_map(|line| line.strip_prefix("    "));
    let variants = variants.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let mut names: Vec<String> = variants
        .map(|line| {
            let name = line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
            let words = name.chars().enumerate().map(|(at, c)| match (at, c.is_ascii_uppercase()) {
                (1.., true) => format!("-{}", c.to_ascii_lowercase()),
                _ => c.to_ascii_lowercase().to_string(),
            });
            words.collect()
        })
        .collect();
    let schema = schema::of("events");
    let listed = schema["oneOf"].as_array().unwrap().iter();
    let mut listed: Vec<String> = listed
        .map(|one| one["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap().to_owned())
        .collect();
    names.sort();
    listed.sort();
    assert_eq!(listed, names);
}

#[test]
fn the_record_of_images_is_what_the_schema_says() {
    let digest = "a".repeat(64);
    let image = |more: &str| {
        format!(
            "{{\"format\": 1, \"images\": [{{\"component\": \"c\", \"reference\": \"r.io/o/c:1\", \"digest\": \"sha256:{digest}\"{more}}}]}}"
        )
    };
    let schema = schema::of("images");
    for text in [
        image(""),
        image(
            ", \"platforms\": [\"linux/amd64\"], \"size\": 7, \"labels\": {\"a\": \"b\"}, \"fingerprint\": \"f\", \"built_by\": \"buildah\"",
        ),
    ] {
        let record = serde_json::to_value(Record::from_json(&text).unwrap()).unwrap();
        for value in [record, serde_json::from_str(&text).unwrap()] {
            assert_eq!(schema::problems(&schema, &value, "images.json"), [""; 0], "{value:#}");
        }
    }
    let wrong: Value = serde_json::from_str(&image("").replace("sha256:", "sha1:")).unwrap();
    assert!(!schema::problems(&schema, &wrong, "images.json").is_empty());
}
