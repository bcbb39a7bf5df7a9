//! Images that break one rule each, and one that breaks none.

use super::*;
use crate::image::dockerfile::Dockerfile;

const GOOD: &str = r#"{
    "os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []},
    "config": {"User": "10001:10001", "ExposedPorts": {"8000/tcp": {}}, "Env": ["PATH=/bin"], "Cmd": ["a"],
               "Healthcheck": {"Test": ["CMD", "a"]}},
    "history": [
        {"created_by": "/bin/sh -c #(nop) ADD dir:1 in / "},
        {"created_by": "/bin/sh -c #(nop) CMD [\"/bin/bash\"]", "empty_layer": true},
        {"created_by": "/bin/sh -c useradd x"},
        {"created_by": "/bin/sh -c #(nop) ENV A=b", "empty_layer": true},
        {"created_by": "/bin/sh -c #(nop) COPY dir:2 in src "},
        {"created_by": "/bin/sh -c #(nop) CMD [\"a\"]", "empty_layer": true}
    ]
}"#;

fn dockerfile() -> Dockerfile {
    let text = "FROM base\nARG X\nRUN useradd x\nENV A=b\nCOPY src src\nCMD [\"a\"]\n";
    Dockerfile::parse(Path::new("Dockerfile"), text).unwrap()
}

fn judge() -> Judge<'static> {
    Judge::new(Policy { dockerfile: Path::new("web/Dockerfile"), ports: &[8000], size_max: Some(1_000_000) })
}

fn said(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.message)).collect()
}

fn file(name: &str, mode: u32, size: u64) -> Member {
    Member { name: name.to_owned(), mode, size, kind: Type::File, target: String::new() }
}

fn layer(made_by: &str, size: u64, is_base: bool) -> Layer {
    Layer { made_by: made_by.to_owned(), size, is_base }
}

#[test]
fn layers_are_told_from_the_base() {
    let config = ImageConfig::parse(GOOD.as_bytes()).unwrap();
    let file = dockerfile();
    let found = layers(&config, &[900, 5, 7], &file.own_instructions());
    assert_eq!(
        found,
        [
            layer("ADD dir:1 in /", 900, true),
            layer("RUN useradd x", 5, false),
            layer("COPY dir:2 in src", 7, false)
        ]
    );
    // As BuildKit writes it.
    let buildkit = GOOD
        .replace("/bin/sh -c #(nop) COPY dir:2 in src ", "COPY src src # buildkit")
        .replace("/bin/sh -c useradd x", "RUN /bin/sh -c useradd x # buildkit")
        .replace("/bin/sh -c #(nop) ENV A=b", "ENV A=b")
        .replace("/bin/sh -c #(nop) CMD [\\\"a\\\"]", "CMD [\\\"a\\\"]");
    let config = ImageConfig::parse(buildkit.as_bytes()).unwrap();
    let found = layers(&config, &[900, 5, 7], &file.own_instructions());
    assert_eq!(
        found,
        [
            layer("ADD dir:1 in /", 900, true),
            layer("RUN useradd x", 5, false),
            layer("COPY src src", 7, false)
        ]
    );
}

#[test]
fn a_good_image_has_no_findings() {
    let mut judge = judge();
    judge.config(&ImageConfig::parse(GOOD.as_bytes()).unwrap());
    let own = layer("COPY src src", 10, false);
    assert!(judge.member(&own, &file("app/src/main.py", 0o644, 100)));
    judge.content(
        &own,
        &file("app/src/main.py", 0o644, 100),
        b"PEM = '-----BEGIN PRIVATE KEY-----'\nghp_short\n",
    );
    assert_eq!(said(&judge.finish(&[own], None)), [""; 0]);
}

#[test]
fn what_an_image_says_about_itself_is_judged() {
    for (from, to, expected) in [
        ("10001:10001", "", "user: the image runs as root"),
        ("10001:10001", "0:0", "user: the image runs as root"),
        ("10001:10001", "app", "user: the user `app` is a name: a cluster cannot see that it is not root"),
        ("8000/tcp", "8000/udp", "ports: the image exposes 8000/udp, which xtask.toml does not name"),
        (
            "\"Cmd\": [\"a\"]",
            "\"Cmd\": [\"/bin/sh\", \"-c\", \"a\"]",
            "signals: a shell stands between the signals and the program",
        ),
        (
            "PATH=/bin",
            "API_TOKEN=hunter2hunter2",
            "secrets: the variable `API_TOKEN` in the image looks like a secret",
        ),
        (
            "useradd x",
            "curl AKIAABCDEFGHIJKLMNOP",
            "secrets: a key of AWS stands in the history of the image",
        ),
    ] {
        let mut judge = judge();
        judge.config(&ImageConfig::parse(GOOD.replace(from, to).as_bytes()).unwrap());
        let found = said(&judge.finish(&[], None));
        assert_eq!(found.first().map(String::as_str), Some(expected), "{from} → {to}");
    }
}

#[test]
fn a_health_check_is_written_down() {
    let (with, without) = ("FROM a\nHEALTHCHECK CMD a", "FROM a AS b\nHEALTHCHECK CMD a\nFROM a");
    for (text, expected) in [(with, 0), (without, 1)] {
        let mut judge = judge();
        judge.instructions(&Dockerfile::parse(Path::new("Dockerfile"), text).unwrap().own_instructions());
        assert_eq!(judge.finish(&[], None).len(), expected, "{text}");
    }
}

#[test]
fn what_a_later_layer_takes_away_gives_nobody_rights() {
    let (base, own) = (layer("ADD", 1, true), layer("COPY . .", 1, false));
    for whiteout in ["usr/bin/.wh.su", ".wh.usr", "usr/bin/.wh..wh..opq", ".wh..wh..opq"] {
        let mut judge = judge();
        judge.member(&base, &file("usr/bin/su", 0o4755, 9));
        judge.member(&own, &file(whiteout, 0o644, 0));
        assert_eq!(said(&judge.finish(&[], None)), [""; 0], "{whiteout}");
    }
}

#[test]
fn what_lies_in_layers_is_judged() {
    let (base, own) = (layer("ADD", 1, true), layer("COPY . .", 1, false));
    let mut judge = judge();
    judge.member(&base, &file("usr/bin/su", 0o104_755, 9));
    judge.member(&base, &file("usr/bin/passwd", 0o4755, 9));
    judge.member(&base, &file("usr/bin/mount", 0o4755, 9));
    judge.member(&own, &file("usr/bin/mount", 0o755, 9));
    judge.member(&own, &file("usr/bin/.wh.passwd", 0o644, 0));
    judge.member(&own, &file("var/lib/apt/lists/x", 0o644, 2_500_000));
    judge.member(&base, &file("root/.cache/y", 0o644, 9));
    judge.member(&own, &file("app/.env", 0o644, 9));
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n", "A".repeat(70));
    let pem = file("app/key.pem", 0o644, 9);
    assert!(judge.member(&own, &pem));
    judge.content(&own, &pem, key.as_bytes());
    assert_eq!(
        said(&judge.finish(&[], None)),
        [
            "secrets: `/app/.env` is a file for secrets, in the layer of `COPY . .`",
            "secrets: a private key stands in `/app/key.pem`, in the layer of `COPY . .`",
            "setuid: `/usr/bin/su` run with the rights of their owner",
            "caches: the image carries 2.5 MB of a package manager's cache in `/var/lib/apt/lists/`",
        ]
    );
}

#[test]
fn the_layer_that_grew_is_named() {
    let now =
        [layer("ADD", 90_000_000, true), layer("RUN pip", 900_000, false), layer("COPY src", 300_000, false)];
    let message = |before: Option<&[Layer]>| said(&judge().finish(&now, before))[0].clone();
    assert!(message(None).ends_with("the largest is `RUN pip` with 0.9 MB"));
    let before = [layer("RUN pip", 899_000, false), layer("COPY src", 1_000, false)];
    assert!(
        message(Some(&before)).ends_with("`COPY src` grew from 0.0 MB to 0.3 MB"),
        "{}",
        message(Some(&before))
    );
    assert!(message(Some(&before[..1])).ends_with("`COPY src` with 0.3 MB is new"));
}
