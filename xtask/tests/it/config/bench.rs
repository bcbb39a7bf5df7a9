//! `[bench]`.

use std::path::Path;

use expect_test::expect;

use super::{check, every_key_says_so, parse};

const COMPLETE: &str = r#"
project.name="x"
[bench]
document = "docs/speed.md"
plot = "docs/speed.svg"
history = "docs/speed.jsonl"
[bench.suites.cache]
title = "Runs"
command = ["cargo", "bench"]
whole = ["2", "2"]
quick = ["1"]
env = ["BENCH_*"]
"#;

#[test]
fn everything_that_can_be_said_of_benchmarks_arrives() {
    let bench = parse(COMPLETE).unwrap().bench.unwrap();
    assert_eq!(bench.document, Path::new("docs/speed.md"));
    assert_eq!(bench.plot, Path::new("docs/speed.svg"));
    assert_eq!(bench.history, Path::new("docs/speed.jsonl"));
    let [suite] = bench.suites.as_slice() else { panic!("one benchmark") };
    assert_eq!((suite.name.as_str(), suite.title.as_str()), ("cache", "Runs"));
    assert_eq!(suite.command, ["cargo", "bench"]);
    assert_eq!((suite.whole.as_slice(), suite.quick.len()), (&["2".to_owned(), "2".to_owned()][..], 1));
    assert_eq!(suite.env, ["BENCH_*"]);
    let short = COMPLETE.replace("whole = [\"2\", \"2\"]\nquick = [\"1\"]\nenv = [\"BENCH_*\"]\n", "");
    let suite = &parse(&short).unwrap().bench.unwrap().suites[0];
    assert!(suite.whole.is_empty() && suite.quick.is_empty() && suite.env.is_empty());
    assert!(parse("project.name = \"x\"").unwrap().bench.is_none());
}

#[test]
fn every_key_of_benchmarks_says_so_when_its_value_has_a_wrong_type() {
    every_key_says_so(COMPLETE, 8, &[]);
}

#[test]
fn what_is_wrong_with_benchmarks_is_said_at_its_place() {
    check(
        r#"
project.name = "x"
[bench]
document = "../x.md"
history = "h"
[bench.suites."a.b"]
title = ""
command = []
env = ["A B"]
"#,
        &expect![[r#"
            xtask.toml has 6 problems
            3:2: `plot` is missing in `bench`
            4:12: `bench.document` must not contain `..` [could leave the repository]
            6:15: `a.b` is no name for a benchmark (use lowercase letters, digits, `-` and `_`)
            7:9: `bench.suites."a.b".title` must not be empty
            8:11: `bench.suites."a.b".command` must be the words of a command [empty]
            9:8: `bench.suites."a.b".env[0]` must be the name of a variable [expected letters, digits and `_`, at the end perhaps a `*` for any ending]
        "#]],
    );
    check(
        "project.name = \"x\"\n[bench]\ndocument = \"d\"\nplot = \"p\"\nhistory = \"h\"\nsuites = {}\n",
        &expect![[r#"
            xtask.toml has 1 problem
            6:10: `bench.suites` must name at least one benchmark
        "#]],
    );
}
