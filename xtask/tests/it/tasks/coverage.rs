//! Coverage: what tests have left is summed, compared with a change of a real history, judged, and sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use xtask::core::coverage::Coverage;
use xtask::tasks::coverage;

use super::*;

const CONFIG: &str = r#"
[project]
name = "x"
[components.backend]
kind = "python"
path = "backend"
package = "src"
requirements = []
[components.backend.coverage]
lines-min = "60 %"
changed-min = "60 %"
ignores = ["src/made"]
[components.backend-inner]
kind = "python"
path = "backend/inner"
package = "src"
requirements = []
"#;

/// Lines 1, 2 and 4 ran, 3 and 5 did not.
const LCOV: &str = "SF:src/a.py\nDA:1,1\nDA:2,1\nDA:3,0\nDA:4,1\nDA:5,0\nend_of_record\n\
                    SF:src/made/b.py\nDA:1,0\nend_of_record\nSF:inner/c.py\nDA:1,0\nend_of_record\n";

/// A repository with a base on `main`, whose last two lines are new in the checkout.
fn repository(config: &str, variables: &[(&str, &str)]) -> Repository {
    let parsed = Config::parse(Path::new("xtask.toml"), config).unwrap();
    let repository = Repository::with(&[], variables, |builder| builder.config(parsed));
    repository.write(".gitignore", "target/\nbin/\n");
    repository.write("backend/src/a.py", "1\n2\n3\n");
    for words in ["init --quiet --initial-branch main", "add .", "commit --quiet -m base"] {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"];
        let mut git = std::process::Command::new("git");
        git.args(identity).args(words.split(' ')).current_dir(repository.folder.path());
        assert!(git.status().unwrap().success(), "{words}");
    }
    repository.write("backend/src/a.py", "1\n2\n3\n4\n5\n");
    repository.write("target/xtask/coverage/backend/coverage.lcov", LCOV);
    repository
}

fn run(repository: &Repository) -> Result<(), Error> {
    let backend = repository.cx.config().component("backend").unwrap().clone();
    repository.task("coverage.backend", |cx| coverage::component(cx, &backend))
}

fn covered(events: &[Body]) -> Vec<Coverage> {
    let covered = |body: &Body| match body {
        Body::Covered { coverage, .. } => Some(Coverage::clone(coverage)),
        _ => None,
    };
    events.iter().filter_map(covered).collect()
}

#[test]
fn changed_lines_that_no_test_runs_fail_at_their_places() {
    let repository = repository(CONFIG, &[]);
    assert_eq!(run(&repository).unwrap_err().message(), "2 problems found");
    let events = repository.events();
    expect![[r#"
        - coverage[changed-min] 50 % of the changed lines of `backend` ran in its tests (1 of 2), at least 60 % have to
        backend/src/a.py:5 coverage[changed] line 5 has changed, and no test runs it
    "#]]
    .assert_eq(&findings(&events));
    let measured = covered(&events);
    assert_eq!(measured[0].in_words(), "backend 60 % of lines, 50 % of what has changed");
    assert_eq!(measured[0].files.len(), 1, "neither what is ignored nor what is another component's");

    coverage::write(&repository.cx, &measured).unwrap();
    let read = |name: &str| std::fs::read_to_string(repository.path("target/xtask").join(name)).unwrap();
    assert_eq!(
        read("coverage.lcov"),
        "SF:backend/src/a.py\nDA:1,1\nDA:2,1\nDA:3,0\nDA:4,1\nDA:5,0\nLF:5\nLH:3\nend_of_record\n"
    );
    assert_eq!(serde_json::from_str::<Vec<Coverage>>(&read("coverage.json")).unwrap(), measured);
}

#[test]
fn what_is_not_known_is_said() {
    // Below the least of the lines, with less than is wanted of the change.
    let stricter = CONFIG.replace("lines-min = \"60 %\"", "lines-min = \"60.1 %\"");
    let repository = self::repository(&stricter, &[]);
    assert_eq!(run(&repository).unwrap_err().message(), "3 problems found");
    // Without a history nobody knows what has changed: the rest is judged.
    std::fs::remove_dir_all(repository.path(".git")).unwrap();
    repository.events();
    assert_eq!(run(&repository).unwrap_err().message(), "1 problem found");
    let gaps = |repository: &Repository| -> Vec<String> {
        let gaps = |body: &Body| match body {
            Body::Looked { account, .. } => account.gaps.iter().map(|gap| gap.why.clone()).collect(),
            _ => Vec::new(),
        };
        repository.events().iter().flat_map(gaps).collect()
    };
    assert_eq!(gaps(&repository), ["nobody knows which lines have changed: git knows no commit here"]);
    // What was not measured is no result at all.
    repository.write("target/xtask/coverage/backend/coverage.lcov", &LCOV[..LCOV.find("end_of").unwrap()]);
    assert_eq!(run(&repository).unwrap_err().kind(), ErrorKind::Missing);
    assert_eq!(gaps(&repository), ["the coverage of `backend` cannot be read: its last record does not end"]);
    std::fs::remove_file(repository.path("target/xtask/coverage/backend/coverage.lcov")).unwrap();
    assert_eq!(run(&repository).unwrap_err().kind(), ErrorKind::Missing);
    assert_eq!(gaps(&repository), ["the tests of `backend` have left no coverage"]);
}

#[test]
fn it_is_compared_with_an_earlier_run() {
    let repository = repository(CONFIG, &[]);
    let earlier = r#"{"began":1,"command":"c","exit_code":0,"took_ms":1,"coverage":[{"component":"backend","lines":{"covered":1,"total":2},"branches":{"covered":0,"total":0}}]}"#;
    repository.write("target/xtask/history.jsonl", &format!("{earlier}\n"));
    run(&repository).unwrap_err();
    let measured = covered(&repository.events());
    assert_eq!(measured[0].in_words(), "backend 60 % of lines (+10.0), 50 % of what has changed");
}

/// A stand-in for Codecov's program, which writes down how it was called.
const UPLOADER: &str = "#!/bin/sh\n{ echo \"$@\"; echo \"token: $CODECOV_TOKEN\"; echo \"sha: $GITHUB_SHA\"; } > \"$(dirname \"$0\")/called\"\nexit ${0##*-}\n";

#[test]
fn it_is_sent_by_jobs_that_may() {
    let config =
        CONFIG.replace("60 %", "1 %") + "[coverage]\nupload = \"codecov\"\nurl = \"http://127.0.0.1:9\"\n";
    let job = [("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", "abc")];
    let with = |more: &[(&'static str, &'static str)], code: &str| {
        let repository = self::repository(&config, &[job.as_slice(), more].concat());
        let program = repository.path("bin").join(format!("uploader-{code}"));
        repository.write(&format!("bin/uploader-{code}"), UPLOADER);
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::create_dir_all(repository.path(".xtask/tools/bin")).unwrap();
        let link = repository.path(".xtask/tools/bin/codecovcli");
        std::fs::write(&link, format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display())).unwrap();
        std::fs::set_permissions(&link, PermissionsExt::from_mode(0o755)).unwrap();
        run(&repository).unwrap();
        let called = std::fs::read_to_string(repository.path("bin/called")).ok();
        let events = repository.events();
        let said = format!("{events:?}");
        assert!(!said.contains("geheim"), "{said}");
        (called, warnings(&events))
    };
    let (called, warned) = with(&[("CODECOV_TOKEN", "geheim1")], "0");
    let called = called.unwrap();
    assert!(called.contains("--enterprise-url http://127.0.0.1:9"), "{called}");
    assert!(
        called.contains("--fail-on-error --git-service github --flag backend --name backend --file "),
        "{called}"
    );
    assert!(called.ends_with("target/xtask/coverage/backend.lcov\ntoken: geheim1\nsha: abc\n"), "{called}");
    assert_eq!(warned, Vec::<String>::new());
    // It fails nothing, and is said.
    let (_, warned) = with(&[("CODECOV_TOKEN", "geheim1")], "1");
    assert!(warned[0].starts_with("the coverage of `backend` is not sent to Codecov: "), "{warned:?}");
    // Without a token nobody is asked, except for a fork, which never has one.
    let (called, warned) = with(&[], "0");
    assert_eq!((called, warned.len()), (None, 1));
    assert!(warned[0].contains("`CODECOV_TOKEN` is not in the environment"), "{warned:?}");
    let event = tempfile::NamedTempFile::new().unwrap();
    let fork = r#"{"pull_request":{"base":{"sha":"1111111111111111111111111111111111111111"},"head":{"label":"a:patch","repo":{"fork":true,"full_name":"a/b"}}},"repository":{"full_name":"c/b"}}"#;
    std::fs::write(event.path(), fork).unwrap();
    let path: &'static str = Box::leak(event.path().display().to_string().into_boxed_str());
    let (called, warned) = with(&[("GITHUB_EVENT_PATH", path)], "0");
    let called = called.unwrap();
    assert!(called.contains("--branch=a:patch\ntoken: \n"), "{called}");
    assert_eq!(warned, Vec::<String>::new());
}

#[test]
fn nothing_is_sent_from_a_laptop() {
    let config = CONFIG.replace("60 %", "1 %") + "[coverage]\nupload = \"codecov\"\n";
    let repository = self::repository(&config, &[("CODECOV_TOKEN", "geheim1")]);
    run(&repository).unwrap();
    assert_eq!(warnings(&repository.events()), Vec::<String>::new());
}

/// What stands in for Codecov's service: its address, and the requests that reach it, headers and bodies.
fn codecov() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    let storage = format!(r#"{{"raw_upload_location":"{address}/storage","url":"x","external_id":"x"}}"#);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            drop(answer(&stream, &storage, &sender));
        }
    });
    (address, receiver)
}

fn answer(mut stream: &TcpStream, answer: &str, requests: &Sender<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") && reader.read_line(&mut text)? > 0 {}
    let lower = text.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    text.push_str(&String::from_utf8_lossy(&body));
    drop(requests.send(text));
    let length = answer.len();
    write!(stream, "HTTP/1.1 201 Created\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}")
}

#[test]
fn the_program_that_is_pinned_brings_it_there() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".xtask/tools/bin/codecovcli");
    if !own.is_file() {
        println!("skipped: `cargo xtask setup tools` brings `codecovcli`");
        return;
    }
    let (address, requests) = codecov();
    let config =
        format!("{}[coverage]\nupload = \"codecov\"\nurl = \"{address}\"\n", CONFIG.replace("60 %", "1 %"));
    let repository = self::repository(
        &config,
        &[
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_REPOSITORY", "us/it"),
            ("GITHUB_RUN_ID", "1"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_SHA", "abc"),
            ("GITHUB_WORKFLOW", "ci"),
            ("CODECOV_TOKEN", "geheim1"),
        ],
    );
    std::fs::create_dir_all(repository.path(".xtask/tools/bin")).unwrap();
    std::os::unix::fs::symlink(&own, repository.path(".xtask/tools/bin/codecovcli")).unwrap();
    run(&repository).unwrap();
    let events = repository.events();
    assert_eq!(warnings(&events), Vec::<String>::new());
    assert!(!format!("{events:?}").contains("geheim"), "{events:?}");
    let all: Vec<String> = requests.try_iter().collect();
    let first = |text: &String| text.lines().next().unwrap_or_default().to_owned();
    assert_eq!(
        all.iter().map(first).collect::<Vec<_>>(),
        [
            "POST /upload/github/us::::it/commits HTTP/1.1",
            "POST /upload/github/us::::it/commits/abc/reports HTTP/1.1",
            "POST /upload/github/us::::it/commits/abc/reports/default/uploads HTTP/1.1",
            "PUT /storage HTTP/1.1",
        ]
    );
    assert!(all[..3].iter().all(|request| request.contains("Authorization: token geheim1")), "{all:?}");
    assert!(all[2].contains(r#""flags": ["backend"]"#), "{}", all[2]);
    assert!(all[3].contains("target/xtask/coverage/backend.lcov"), "{}", all[3]);
    assert!(!all[3].contains("geheim"), "{}", all[3]);
}
