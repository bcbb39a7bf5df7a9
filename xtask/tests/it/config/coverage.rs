//! `[coverage]` and `[components.NAME.coverage]`.

use expect_test::expect;
use xtask::config::coverage::Service;

use super::{check, parse};

const COMPONENT: &str =
    "[project]\nname = \"x\"\n[components.a]\nkind = \"rust\"\npath = \"a\"\npackage = \"a\"\n";

#[test]
fn what_is_said_arrives() {
    let text = "[components.a.coverage]\nlines-min = \"90 %\"\nbranches-min = \"85.5%\"\nchanged-min = \"100 %\"\n\
                ignores = [\"**/tests\"]\n[coverage]\nupload = \"codecov\"\nurl = \"https://codecov.example.com\"\n";
    let config = parse(&format!("{COMPONENT}{text}")).unwrap();
    let coverage = config.components[0].coverage.as_ref().unwrap();
    let minimum = [coverage.minimum.lines, coverage.minimum.branches, coverage.minimum.changed];
    assert_eq!(minimum.map(|minimum| minimum.unwrap().to_string()), ["90 %", "85.5 %", "100 %"]);
    assert_eq!(coverage.ignores, ["**/tests"]);
    assert_eq!(config.coverage.upload, Some(Service::Codecov));
    assert_eq!(config.coverage.url.unwrap().to_string(), "https://codecov.example.com/");
    let config = parse(COMPONENT).unwrap();
    assert!(config.components[0].coverage.is_none() && config.coverage.upload.is_none());
}

#[test]
fn every_mistake_has_its_place() {
    check(
        &format!(
            "{COMPONENT}[components.a.coverage]\nlines-min = 90\nbranches-min = \"0 %\"\nchanged-min = \"80.25 %\"\nline-min = \"1 %\"\n\
             ignores = [\"../x\"]\n[coverage]\nupload = \"coveralls\"\nurl = \"http://codecov.example.com\"\n"
        ),
        &expect![[r#"
            xtask.toml has 7 problems
            8:13: `components.a.coverage.lines-min` must be a share from 0.1 to 100 percent such as "80 %", not an integer [expected a share from 0.1 to 100 percent such as "80 %"]
            9:16: `components.a.coverage.branches-min` must be a share from 0.1 to 100 percent such as "80 %" [at most one digit behind the point]
            10:15: `components.a.coverage.changed-min` must be a share from 0.1 to 100 percent such as "80 %" [at most one digit behind the point]
            11:1: unknown key `line-min` in `components.a.coverage` (did you mean `lines-min`?)
            12:12: `components.a.coverage.ignores[0]` must be a path or a pattern such as "docs/**/*.md" [`../x` has a word `..`, which no path has]
            14:10: `coverage.upload` must be `codecov` (there are `codecov`)
            15:7: `coverage.url` must be an address such as "https://cache.example.com/xtask" [in the clear only this machine is spoken to: use `https://`]
        "#]],
    );
}
