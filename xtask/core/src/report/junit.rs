//! JUnit XML: the report format that every test runner writes and every CI system reads.
//!
//! There is no standard, only habits: one `<testsuite>` or several in `<testsuites>`, nested or not, with `<testcase>`s that
//! hold `<failure>`, `<error>` or `<skipped>`. Read here as pytest (`junit_family = "xunit1"`, which names files), vitest and
//! the Maven family write it; written so that the schemas of Jenkins and GitLab accept it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use roxmltree::{Document, Node};

use super::{FailedTry, TestCase, TestCounts, TestOutcome, TestReport};
use crate::calendar::timestamp;

/// The longest report that is read, in bytes.
pub const SIZE_MAX: usize = 64 << 20;

/// Endings of files that runners name as a case's class.
const SOURCES: &[&str] = &["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "py", "rs"];

/// Why a text is no JUnit report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is longer than [`SIZE_MAX`].
    #[error("the report is longer than {} MiB", SIZE_MAX >> 20)]
    TooLong,
    /// It is not XML, not whole, or uses what a report has no use for, such as a DTD.
    #[error("the report is not valid XML: {0}")]
    Xml(String),
    /// It is XML of another kind.
    #[error("the report begins with `<{0}>`, not with `<testsuites>` or `<testsuite>`")]
    OtherRoot(String),
}

/// Reads a report. `name` becomes its name; `folder` is the folder, relative to the repository, that its paths start from.
///
/// Raw control characters, which XML forbids and runners write all the same when a failing test printed some, are replaced.
pub fn read(name: &str, folder: &Path, xml: &str) -> Result<TestReport, ReadError> {
    with_root(xml, |root| TestReport { name: name.to_owned(), cases: cases(root, folder) })
}

/// The same with a report for each suite at the top, named as it is: what [`write()`] has written.
pub fn read_suites(folder: &Path, xml: &str) -> Result<Vec<TestReport>, ReadError> {
    with_root(xml, |root| {
        let suites = root.children().filter(|node| node.has_tag_name("testsuite"));
        let suite = |node: Node<'_, '_>| TestReport {
            name: node.attribute("name").unwrap_or_default().to_owned(),
            cases: cases(node, folder),
        };
        suites.map(suite).collect()
    })
}

/// What `make` makes of the root of a report.
fn with_root<T>(xml: &str, make: impl FnOnce(Node<'_, '_>) -> T) -> Result<T, ReadError> {
    if xml.len() > SIZE_MAX {
        return Err(ReadError::TooLong);
    }
    let xml = allowed(xml.trim_start_matches('\u{feff}'));
    let document = Document::parse(&xml).map_err(|error| ReadError::Xml(error.to_string()))?;
    let root = document.root_element();
    if !matches!(root.tag_name().name(), "testsuites" | "testsuite") {
        return Err(ReadError::OtherRoot(root.tag_name().name().to_owned()));
    }
    Ok(make(root))
}

fn cases(suite: Node<'_, '_>, folder: &Path) -> Vec<TestCase> {
    let nodes = suite.descendants().filter(|node| node.has_tag_name("testcase"));
    nodes.map(|node| case(node, folder)).collect()
}

fn case(node: Node<'_, '_>, folder: &Path) -> TestCase {
    let text = |name| node.attribute(name).unwrap_or_default().to_owned();
    let outcome = outcome(node);
    let file = file(node);
    let seen = match (&outcome, file) {
        (TestOutcome::Failed { detail, .. }, Some(file)) => mention(detail, file),
        _ => None,
    };
    TestCase {
        group: text("classname"),
        name: text("name"),
        path: file.map(|file| folder.join(file)),
        line: seen.or_else(|| declared_line(node)),
        duration: seconds(node.attribute("time").unwrap_or_default()),
        outcome,
        earlier: node.children().filter_map(failed_try).collect(),
    }
}

/// A try before the last one, as Surefire and nextest write it: `flakyFailure` in a case that passed, `rerunFailure` in one that
/// failed once more.
fn failed_try(node: Node<'_, '_>) -> Option<FailedTry> {
    const NAMES: [&str; 4] = ["flakyFailure", "flakyError", "rerunFailure", "rerunError"];
    if !NAMES.contains(&node.tag_name().name()) {
        return None;
    }
    let trace = node.children().find(|child| child.has_tag_name("stackTrace")).unwrap_or(node);
    Some(FailedTry {
        message: said(node),
        detail: trace.text().unwrap_or_default().trim().to_owned(),
        duration: seconds(node.attribute("time").unwrap_or_default()),
    })
}

fn outcome(node: Node<'_, '_>) -> TestOutcome {
    let children = |name| node.children().filter(move |child| child.has_tag_name(name));
    let mut failures = children("failure").chain(children("error")).peekable();
    if let Some(first) = failures.peek() {
        let message = said(*first);
        let details: Vec<&str> = failures.filter_map(|failure| failure.text()).map(str::trim).collect();
        return TestOutcome::Failed { message, detail: details.join("\n\n") };
    }
    match children("skipped").next() {
        Some(skipped) => TestOutcome::Skipped { reason: said(skipped) },
        None => TestOutcome::Passed,
    }
}

/// The first line of what a failure or a skip says about itself.
fn said(node: Node<'_, '_>) -> String {
    let texts = [node.attribute("message"), node.text(), node.attribute("type")];
    let first = |text: &str| text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    texts.into_iter().flatten().find_map(first).unwrap_or_default()
}

/// The file of a case: its own, that of a suite around it, or a class name that is a file's.
fn file<'x>(node: Node<'x, '_>) -> Option<&'x str> {
    let own = |node: Node<'x, '_>| ["file", "filepath"].into_iter().find_map(|name| node.attribute(name));
    let is_file = |name: &&str| {
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| SOURCES.contains(&ending)) && !name.contains(char::is_whitespace)
    };
    node.ancestors().find_map(own).or_else(|| node.attribute("classname").filter(is_file))
}

fn declared_line(node: Node<'_, '_>) -> Option<u32> {
    let line: u32 = node.attribute("line")?.parse().ok()?;
    // pytest counts from 0.
    let pytest = node.ancestors().any(|suite| suite.attribute("name") == Some("pytest"));
    line.checked_add(u32::from(pytest))
}

/// The first line number with which `detail` names `file`.
fn mention(detail: &str, file: &str) -> Option<u32> {
    detail.match_indices(file).find_map(|(start, _)| {
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '/' | '\\' | '_' | '-' | '.');
        if detail[..start].ends_with(inside) {
            return None;
        }
        let rest = detail[start + file.len()..].strip_prefix(':')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    })
}

/// Seconds, as runners write them: `0.25`, and from some `1,234.5`.
fn seconds(text: &str) -> Duration {
    let seconds: f64 = text.trim().replace(',', "").parse().unwrap_or_default();
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Writes `reports` as one file, a suite for each. `unix_time` is when the run began, in seconds since 1970.
pub fn write(reports: &[TestReport], unix_time: u64) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for report in reports {
        let TestCounts { passed, failed, skipped } = report.counts();
        let time: Duration = report.cases.iter().map(|case| case.duration).sum();
        let mut suite = Element::new(&mut xml, "  <testsuite");
        suite.attribute("name", &report.name);
        suite.attribute("tests", &(passed + failed + skipped).to_string());
        suite.attribute("failures", &failed.to_string());
        suite.attribute("errors", "0");
        suite.attribute("skipped", &skipped.to_string());
        suite.attribute("time", &format!("{:.6}", time.as_secs_f64()));
        suite.attribute("timestamp", &timestamp(unix_time));
        xml.push_str(">\n");
        report.cases.iter().for_each(|case| write_case(&mut xml, case));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn write_case(xml: &mut String, case: &TestCase) {
    let mut element = Element::new(xml, "    <testcase");
    element.attribute("classname", &case.group);
    element.attribute("name", &case.name);
    if let Some(path) = &case.path {
        element.attribute("file", &path.to_string_lossy());
    }
    if let Some(line) = case.line {
        element.attribute("line", &line.to_string());
    }
    element.attribute("time", &format!("{:.6}", case.duration.as_secs_f64()));
    if case.outcome == TestOutcome::Passed && case.earlier.is_empty() {
        xml.push_str("/>\n");
        return;
    }
    xml.push_str(">\n");
    let mut earlier = "flakyFailure";
    match &case.outcome {
        TestOutcome::Passed => {}
        TestOutcome::Failed { message, detail } => {
            earlier = "rerunFailure";
            Element::new(xml, "      <failure").attribute("message", message);
            xml.push('>');
            xml.push_str(&escaped(detail, false));
            xml.push_str("</failure>\n");
        }
        TestOutcome::Skipped { reason } => {
            Element::new(xml, "      <skipped").attribute("message", reason);
            xml.push_str("/>\n");
        }
    }
    for FailedTry { message, detail, duration } in &case.earlier {
        let mut element = Element::new(xml, &format!("      <{earlier}"));
        element.attribute("message", message);
        // Surefire's schema demands a type.
        element.attribute("type", "failure");
        element.attribute("time", &format!("{:.6}", duration.as_secs_f64()));
        xml.push_str("><stackTrace>");
        xml.push_str(&escaped(detail, false));
        xml.push_str("</stackTrace></");
        xml.push_str(earlier);
        xml.push_str(">\n");
    }
    xml.push_str("    </testcase>\n");
}

/// An open tag that takes attributes.
struct Element<'x>(&'x mut String);

impl<'x> Element<'x> {
    fn new(xml: &'x mut String, open: &str) -> Self {
        xml.push_str(open);
        Self(xml)
    }

    fn attribute(&mut self, name: &str, value: &str) {
        // Writing into a String cannot fail.
        let _infallible = write!(self.0, " {name}=\"{}\"", escaped(value, true));
    }
}

/// `text` as XML. In an attribute, line ends and tabs are written as references: a reader would turn them into spaces.
fn escaped(text: &str, attribute: bool) -> Cow<'_, str> {
    // Names and groups mostly are: there are thousands in every report.
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut xml = String::with_capacity(text.len());
    for c in allowed(text).chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' if attribute => xml.push_str("&quot;"),
            '\n' if attribute => xml.push_str("&#10;"),
            '\t' if attribute => xml.push_str("&#9;"),
            '\r' => xml.push_str("&#13;"),
            c => xml.push(c),
        }
    }
    Cow::Owned(xml)
}

/// Whether XML says the same with every character as it is, wherever it stands.
fn is_plain(text: &str) -> bool {
    // Not `all`: this is not optimized where people run it, and each adapter would be a call for every byte.
    for byte in text.as_bytes() {
        if !matches!(byte, b' '..=b'~') || matches!(byte, b'&' | b'<' | b'>' | b'"') {
            return false;
        }
    }
    true
}

/// `text` with the characters that XML 1.0 forbids (section 2.2) replaced by U+FFFD.
fn allowed(text: &str) -> Cow<'_, str> {
    let forbidden =
        |c: char| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) {
        Cow::Owned(text.replace(forbidden, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::expect;

    use super::super::tests::table;
    use super::*;

    #[test]
    fn recorded_reports_are_understood() {
        let pytest = include_str!("../../../testdata/reports/pytest.xml");
        let report = read("test.backend", Path::new("backend"), pytest).unwrap();
        expect![[r#"
            test.backend: 3 passed, 3 failed, 2 skipped
            passed  backend/tests/test_api.py:5 [tests.test_api.TestNodes] test_passes | 
            failed  backend/tests/test_api.py:10 [tests.test_api.TestNodes] test_fails | AssertionError: assert 'größe' == 'a & b <c> \x1b[31mred\x1b[0m'
            failed  backend/tests/test_api.py:25 [tests.test_api] test_values[raise] | ValueError: no such value
            passed  backend/tests/test_api.py:23 [tests.test_api] test_values[fine] | 
            passed  backend/tests/test_api.py:23 [tests.test_api] test_values[line\nbreak] | 
            failed  backend/tests/test_api.py:30 [tests.test_api] test_with_fixture | failed on setup with "RuntimeError: the fixture broke"
            skipped backend/tests/test_api.py:37 [tests.test_api] test_skipped | no database here
            skipped backend/tests/test_api.py:42 [tests.test_api] test_expected_failure | known
        "#]].assert_eq(&table(&report));
        let vitest = include_str!("../../../testdata/reports/vitest.xml");
        let report = read("test.frontend", Path::new("frontend"), vitest).unwrap();
        expect![[r#"
            test.frontend: 1 passed, 2 failed, 2 skipped
            passed  frontend/src/App.test.ts [src/App.test.ts] App > adds | 
            failed  frontend/src/App.test.ts:15 [src/App.test.ts] App > fails & <shows> | expected { a: 1 } to deeply equal { a: 2 }
            failed  frontend/src/App.test.ts:5 [src/App.test.ts] App > throws in a helper | too [31mlarge[0m
            skipped frontend/src/App.test.ts [src/App.test.ts] App > is skipped | 
            skipped frontend/src/App.test.ts [src/App.test.ts] App > is to be done | 
        "#]].assert_eq(&table(&report));
    }

    #[test]
    fn common_variants_are_understood() {
        let read = |xml: &str| table(&read("t", Path::new("app"), xml).unwrap());
        // A single suite as root, the file at the suite, text instead of a message, a time with a thousands separator.
        expect![[r#"
            t: 0 passed, 1 failed, 1 skipped
            failed  app/test/a.spec.js:7 [A] x | first line
            skipped app/test/a.spec.js [] y | not <today>
        "#]]
        .assert_eq(&read(
            r#"<testsuite name="s" file="test/a.spec.js">
                 <testcase classname="A" name="x" time="1,234.5"><failure>
                    first line
                    at test/a.spec.js:7:1
                 </failure></testcase>
                 <testcase name="y"><skipped><![CDATA[not <today>]]></skipped></testcase>
               </testsuite>"#,
        ));
        // Nested suites, a failure and an error in one case, properties and output around them.
        expect![[r#"
            t: 0 passed, 1 failed
            failed  app/c.rb:3 [C] both | Boom
        "#]]
        .assert_eq(&read(
            r#"<?xml version="1.0"?><testsuites><properties/><testsuite name="outer"><testsuite name="inner">
                 <testcase classname="C" name="both" line="3" file="c.rb"><system-out>noise</system-out>
                   <failure type="Boom"/><error message="and&#10;then">trace</error></testcase>
               </testsuite></testsuite></testsuites>"#,
        ));
        expect![[r#"
            t: 0 passed, 0 failed
        "#]]
        .assert_eq(&read("\u{feff}<testsuites/>"));
    }

    #[test]
    fn bad_input_is_an_error_in_words() {
        let whole = write(&[report()], 0);
        let mut inputs: Vec<String> = [
            "",
            "tests passed: 12",
            "<html></html>",
            "<testsuites>&undefined;</testsuites>",
            "<testsuites>\u{1b}[31m</testsuites>&#x1b;",
            "<!DOCTYPE t [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><testsuites>&b;</testsuites>",
            "<!DOCTYPE t SYSTEM \"file:///etc/passwd\"><testsuites/>",
        ]
        .map(str::to_owned)
        .into();
        inputs.extend(
            (0..whole.trim_end().len())
                .filter(|&end| whole.is_char_boundary(end))
                .map(|end| whole[..end].to_owned()),
        );
        inputs.push("<testsuite>".repeat(1 << 20));
        inputs.push("x".repeat(SIZE_MAX + 1));
        for input in inputs {
            let error = read("t", Path::new(""), &input).unwrap_err();
            assert!(error.to_string().starts_with("the report "), "{error}");
        }
    }

    #[test]
    fn deep_and_long_reports_are_read() {
        let depth = 200_000;
        let deep =
            format!("{}<testcase name=\"x\"/>{}", "<testsuite>".repeat(depth), "</testsuite>".repeat(depth));
        assert_eq!(read("t", Path::new(""), &deep).unwrap().counts().passed, 1);
        let case = format!("<testcase name=\"x\"><failure>{}</failure></testcase>", "x".repeat(1 << 20));
        let long = format!("<testsuite>{}</testsuite>", case.repeat(10));
        assert_eq!(read("t", Path::new(""), &long).unwrap().counts().failed, 10);
    }

    fn report() -> TestReport {
        let hostile = "a \"b\" <c> & 'd' ]]> %0A\n::error::\ttab\r größe 👍";
        let case = |name: &str, outcome| TestCase {
            group: "group <&>".to_owned(),
            name: name.to_owned(),
            path: Some(PathBuf::from("tests/a b.py")),
            line: Some(12),
            duration: Duration::from_millis(1250),
            outcome,
            earlier: Vec::new(),
        };
        TestReport {
            name: "test.backend".to_owned(),
            cases: vec![
                case(hostile, TestOutcome::Passed),
                case("b", TestOutcome::Failed { message: "said".to_owned(), detail: hostile.to_owned() }),
                case("c", TestOutcome::Skipped { reason: "no \"network\"".to_owned() }),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let xml = write(&[report()], 1_700_000_000);
        assert_eq!(read("test.backend", Path::new(""), &xml).unwrap(), report());
        // Each character alone: a name of which nothing else has to be escaped.
        for c in ('\0'..='\u{80}').chain(['ü', '\u{fffe}', '👍']) {
            let mut one = report();
            one.cases.truncate(1);
            one.cases[0].name = format!("a{c}b");
            let back = read("test.backend", Path::new(""), &write(std::slice::from_ref(&one), 0)).unwrap();
            one.cases[0].name = allowed(&one.cases[0].name).into_owned();
            assert_eq!(back, one, "{c:?}");
        }
    }

    /// As Surefire writes a case that passed in the end, and one that never did; and as it is written here.
    #[test]
    fn tries_before_the_last_one_are_kept_apart() {
        let surefire = r#"<testsuite><testcase name="a" classname="T" time="0.02">
                <flakyFailure message="expected 1" type="AssertionError"><stackTrace><![CDATA[at T.a(T.java:3)]]></stackTrace>
                <system-out>noise</system-out></flakyFailure></testcase>
              <testcase name="b" classname="T"><failure type="E">last</failure><rerunError type="Boom">again</rerunError></testcase>
            </testsuite>"#;
        let report = read("t", Path::new(""), surefire).unwrap();
        expect![[r#"
            t: 1 passed, 1 failed
            passed   [T] a | 
            failed   [T] b | last
        "#]]
        .assert_eq(&table(&report));
        let tries: Vec<_> = report.cases.iter().map(|case| (case.is_flaky(), case.earlier.clone())).collect();
        let failed = |message: &str, detail: &str| FailedTry {
            message: message.to_owned(),
            detail: detail.to_owned(),
            duration: Duration::ZERO,
        };
        assert_eq!(tries[0], (true, vec![failed("expected 1", "at T.a(T.java:3)")]));
        assert_eq!(tries[1], (false, vec![failed("again", "again")]));
        let xml = write(std::slice::from_ref(&report), 0);
        assert!(
            xml.contains(
                "<flakyFailure message=\"expected 1\" type=\"failure\" time=\"0.000000\"><stackTrace>at T"
            ),
            "{xml}"
        );
        assert!(xml.contains("<rerunFailure message=\"again\""), "{xml}");
        assert_eq!(read("t", Path::new(""), &xml).unwrap(), report);
    }

    #[test]
    fn several_reports_make_one_valid_file() {
        let mut bad = report();
        bad.cases.truncate(1);
        bad.cases[0].name = "\0\x1b[31m\u{fffe}\x08".to_owned();
        let xml = write(&[report(), bad], 1_700_000_000);
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites>
              <testsuite name="test.backend" tests="3" failures="1" errors="0" skipped="1" time="3.750000" timestamp="2023-11-14T22:13:20Z">
                <testcase classname="group &lt;&amp;&gt;" name="a &quot;b&quot; &lt;c&gt; &amp; 'd' ]]&gt; %0A&#10;::error::&#9;tab&#13; größe 👍" file="tests/a b.py" line="12" time="1.250000"/>
                <testcase classname="group &lt;&amp;&gt;" name="b" file="tests/a b.py" line="12" time="1.250000">
                  <failure message="said">a "b" &lt;c&gt; &amp; 'd' ]]&gt; %0A
            ::error::	tab&#13; größe 👍</failure>
                </testcase>
                <testcase classname="group &lt;&amp;&gt;" name="c" file="tests/a b.py" line="12" time="1.250000">
                  <skipped message="no &quot;network&quot;"/>
                </testcase>
              </testsuite>
              <testsuite name="test.backend" tests="1" failures="0" errors="0" skipped="0" time="1.250000" timestamp="2023-11-14T22:13:20Z">
                <testcase classname="group &lt;&amp;&gt;" name="��[31m��" file="tests/a b.py" line="12" time="1.250000"/>
              </testsuite>
            </testsuites>
        "#]].assert_eq(&xml);
        assert_eq!(read("t", Path::new(""), &xml).unwrap().cases.len(), 4);
        assert_eq!(read("t", Path::new(""), &write(&[], 0)).unwrap().cases, []);
    }
}
