//! What is planted is found at its line, by the real tools.

use std::path::Path;

use super::feed::feed;
use super::{Repository, skipped};
use expect_test::expect;
use xtask::core::gate::Outcome;
use xtask::error::ErrorKind;
use xtask::tasks::licenses;
use xtask::tasks::security::{Options, images, secrets, vulnerabilities, workflows};

/// A key that opens nothing, made here so that it stands in no file of this repository.
fn key() -> String {
    format!(
        "[default]\naws_access_key_id = {}{}\naws_secret_access_key = {}{}\n",
        "AKIA", "QYLPM2N5HFIQR7BX", "q7Zr1+Vd0nXf3Tb9Ks4m", "Wc6JhYp2Le8GaUo5RtDi"
    )
}

#[test]
fn a_key_in_an_old_commit_and_files_that_are_secrets() {
    let repository = Repository::new(&[("README.md", "Nothing.\n"), ("deploy/aws.ini", &key())]);
    if let Err(why) = repository.with_tools(&["kingfisher"]) {
        return skipped(&why);
    }
    repository.write(".gitignore", ".xtask\nignored/\ntarget\n");
    repository.write("ignored/aws.ini", &key());
    repository.commit();
    std::fs::remove_file(repository.root().join("deploy/aws.ini")).unwrap();
    repository.commit();
    let cx = repository.cx(&[], |builder| builder);
    let gate = |history| move |cx: &_| secrets::secrets(cx, Options { history });

    let said = repository.look(&cx, gate(false));
    assert_eq!(said.places(), "");
    assert!(said.result.is_ok(), "{:?}", said.result);
    assert_eq!(said.account("kingfisher").coverage.to_string(), "2 files");

    // What this program keeps in git's folder is in no commit.
    repository.write(".git/xtask-cache/x", &key());
    let said = repository.look(&cx, gate(true));
    assert_eq!(said.places(), "deploy/aws.ini:2 kingfisher[betterleaks.aws-access-token]\n");
    assert!(said.findings[0].message.contains("(in commit "), "{}", said.findings[0].message);
    assert_eq!(said.result.unwrap_err().kind(), ErrorKind::Problems);

    // From a worktree as well, whose `.git` is a file.
    let beside = tempfile::tempdir().unwrap();
    let worktree = Repository { folder: beside, ..Repository::new(&[]) };
    repository.git(&["worktree", "add", "-q", "--force", "--detach", worktree.root().to_str().unwrap()]);
    assert_eq!(worktree.with_tools(&["kingfisher"]), Ok(()));
    let said = worktree.look(&worktree.cx(&[], |builder| builder), gate(true));
    assert_eq!(said.places(), "deploy/aws.ini:2 kingfisher[betterleaks.aws-access-token]\n");

    // A file that git tracks although it would ignore it, one with a strange name, and those that are secrets by their names.
    repository.git(&["add", "--force", "ignored/aws.ini"]);
    repository.write("a:b\nc.ini", &key());
    repository.write("deploy/.netrc", "machine example.com\n");
    repository.write("deploy/.env.production", "A=1\n");
    repository.write("deploy/.env.example", "A=1\n");
    let said = repository.look(&cx, gate(false));
    expect![[r"
        a:b
        c.ini:2 kingfisher[betterleaks.aws-access-token]
        deploy/.env.production file-names[environment-file]
        deploy/.netrc file-names[password-file]
        ignored/aws.ini:2 kingfisher[betterleaks.aws-access-token]
    "]]
    .assert_eq(&said.places());
    // What was found is named nowhere.
    assert!(!format!("{:?}", said.findings).contains("QYLPM2N5HFIQR7BX"));
}

#[test]
fn a_folder_that_is_no_repository_has_no_history() {
    let repository = Repository::new(&[("README.md", "Nothing.\n")]);
    if let Err(why) = repository.with_tools(&["kingfisher"]) {
        return skipped(&why);
    }
    let cx = repository.cx(&[], |builder| builder.strict(true));
    let said = repository.look(&cx, |cx| secrets::secrets(cx, Options { history: true }));
    assert_eq!(said.outcome("file-names"), Outcome::CouldNotLook);
    assert_eq!(said.outcome("kingfisher"), Outcome::CouldNotLook);
    assert_eq!(said.result.unwrap_err().kind(), ErrorKind::Missing);
}

const PYTHON: &str = "\
[project]
name = \"planted\"
[components.service]
kind = \"python\"
path = \"service\"
package = \"src\"
requirements = [\"requirements.txt\"]
";

#[test]
fn a_vulnerable_package_of_python() {
    let requirements = "# Planted.\nidna==3.10\nsix==1.16.0\n";
    let repository = Repository::new(&[("xtask.toml", PYTHON), ("service/requirements.txt", requirements)]);
    if let Err(why) = repository.with_tools(&["pip-audit"]) {
        return skipped(&why);
    }
    let address = feed(|asked| {
        if !asked.contains("\"six\"") {
            return "{}".to_owned();
        }
        let range = r#"{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"99.0.0"}]}"#;
        let affected = format!(r#"{{"package":{{"ecosystem":"PyPI","name":"six"}},"ranges":[{range}]}}"#);
        format!(
            r#"{{"vulns":[{{"id":"PYSEC-2099-1","aliases":["CVE-2099-0002"],"details":"A made-up flaw.","affected":[{affected}]}}]}}"#
        )
    });
    let address = format!("{address}/v1/query");
    let with_feed = [("PIP_AUDIT_VULNERABILITY_SERVICE", "osv"), ("PIP_AUDIT_OSV_URL", address.as_str())];
    let gate = |cx: &xtask::Cx| vulnerabilities::component(cx, &cx.config().components[0]);
    let said = repository.look(&repository.cx(&with_feed, |builder| builder), gate);
    assert_eq!(said.places(), "service/requirements.txt:3 pip-audit[PYSEC-2099-1]\n");
    assert_eq!(said.account("pip-audit").coverage.to_string(), "2 packages");
    // The linter of the component's code is not installed, which is said.
    assert_eq!(said.outcome("ruff"), Outcome::CouldNotLook);
    assert_eq!(said.result.unwrap_err().kind(), ErrorKind::Problems);

    let refused =
        [("PIP_AUDIT_VULNERABILITY_SERVICE", "osv"), ("PIP_AUDIT_OSV_URL", "http://127.0.0.1:9/v1/query")];
    let said = repository.look(&repository.cx(&refused, |builder| builder), gate);
    assert_eq!(said.outcome("pip-audit"), Outcome::CouldNotLook);
    assert!(said.result.is_ok(), "it is only said: {:?}", said.result);
}

const LOCK: &str = r#"{
  "name": "planted",
  "version": "1.0.0",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": { "name": "planted", "version": "1.0.0", "dependencies": { "js-tokens": "4.0.0" } },
    "node_modules/js-tokens": {
      "version": "4.0.0"
    }
  }
}
"#;

#[test]
fn a_vulnerable_package_of_npm() {
    let config = "[project]\nname = \"planted\"\n[components.page]\nkind = \"node\"\npath = \"page\"\ntest = \"test\"\n";
    let manifest = r#"{ "name": "planted", "version": "1.0.0", "dependencies": { "js-tokens": "4.0.0" } }"#;
    let repository = Repository::new(&[
        ("xtask.toml", config),
        ("page/package.json", manifest),
        ("page/package-lock.json", LOCK),
    ]);
    let gate = |cx: &xtask::Cx| vulnerabilities::component(cx, &cx.config().components[0]);
    let address = feed(|_| {
        r#"{"js-tokens":[{"id":1,"url":"https://github.com/advisories/GHSA-xxxx-made-upup","title":"A made-up flaw","severity":"critical","vulnerable_versions":"<99.0.0","cwe":[],"cvss":{"score":9.8,"vectorString":""}}]}"#.to_owned()
    });
    // Somebody who works offline, and installs for production.
    let settings = [
        ("npm_config_registry", address.as_str()),
        ("npm_config_offline", "true"),
        ("npm_config_omit", "dev"),
    ];
    let said = repository.look(&repository.cx(&settings, |builder| builder), gate);
    assert_eq!(
        said.places(),
        "page/package-lock.json:8 npm-audit[GHSA-xxxx-made-upup]\n",
        "{:?}",
        said.accounts
    );
    assert_eq!(said.findings[0].message, "js-tokens 4.0.0: A made-up flaw");
    let said = repository
        .look(&repository.cx(&[("npm_config_registry", "http://127.0.0.1:9")], |builder| builder), gate);
    assert_eq!(said.outcome("npm-audit"), Outcome::CouldNotLook);
}

/// Takes a crate that this workspace has, whose sources are here already.
#[test]
fn a_vulnerable_crate() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let itoa = lock.split("[[package]]\n").find(|entry| entry.starts_with("name = \"itoa\"\n")).unwrap();
    let lock = format!(
        "version = 4\n\n[[package]]\n{}\n\n[[package]]\nname = \"planted\"\nversion = \"0.1.0\"\ndependencies = [\n \"itoa\",\n]\n",
        itoa.trim_end()
    );
    let manifest = "[package]\nname = \"planted\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nitoa = \"1\"\n[workspace]\n";
    let config = "[project]\nname = \"planted\"\n[components.planted]\nkind = \"rust\"\npath = \".\"\npackage = \"planted\"\n";
    let config = config.replace("path = \".\"", "path = \"planted\"");
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"planted\"]\n";
    let repository = Repository::new(&[
        ("xtask.toml", &config),
        ("Cargo.toml", workspace),
        ("Cargo.lock", &lock),
        ("planted/Cargo.toml", &manifest.replace("[workspace]\n", "")),
        ("planted/src/lib.rs", "//! Nothing.\n"),
    ]);
    if let Err(why) = repository.with_tools(&["cargo-deny"]) {
        return skipped(&why);
    }
    let advisory = "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"itoa\"\ndate = \"2026-01-01\"\n\
                    cvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H\"\n[versions]\npatched = [\">= 99.0.0\"]\n```\n\n\
                    # A made-up flaw\n\nIt is not so.\n";
    let database = Repository::new(&[("crates/itoa/RUSTSEC-2099-0001.md", advisory)]);
    database.commit();
    let home = Repository::new(&[(
        ".gitconfig",
        &format!(
            "[url \"file://{}\"]\n\tinsteadOf = https://github.com/RustSec/advisory-db\n",
            database.root().display()
        ),
    )]);
    repository
        .write("deny.toml", &format!("[advisories]\ndb-path = \"{}/databases\"\n", home.root().display()));
    let home = home.root();
    let cx = repository.cx(&[("HOME", home.to_str().unwrap())], |builder| builder);
    let gate = |cx: &xtask::Cx| vulnerabilities::component(cx, &cx.config().components[0]);
    let said = repository.look(&cx, gate);
    assert_eq!(said.places(), "Cargo.lock:4 cargo-deny[RUSTSEC-2099-0001]\n", "{:?}", said.accounts);

    let nowhere = Repository::new(&[(
        ".gitconfig",
        "[url \"file:///nowhere\"]\n\tinsteadOf = https://github.com/RustSec/advisory-db\n",
    )]);
    repository
        .write("deny.toml", &format!("[advisories]\ndb-path = \"{}/databases\"\n", nowhere.root().display()));
    let nowhere = nowhere.root();
    let said =
        repository.look(&repository.cx(&[("HOME", nowhere.to_str().unwrap())], |builder| builder), gate);
    assert_eq!(said.outcome("cargo-deny"), Outcome::CouldNotLook);
}

#[test]
fn a_workflow_that_others_can_make_do_what_they_want() {
    let workflow = "name: a\non: issues\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          \
                    echo hi\n          echo \"${{ github.event.issue.title }}\"\n";
    let repository = Repository::new(&[(".github/workflows/a.yml", workflow)]);
    if let Err(why) = repository.with_tools(&["zizmor"]) {
        return skipped(&why);
    }
    let cx = repository.cx(&[], |builder| builder);
    let said = repository.look(&cx, workflows::workflows);
    assert!(
        said.places().contains(".github/workflows/a.yml:10 zizmor[template-injection]\n"),
        "{}",
        said.places()
    );
    repository.write(".github/workflows/b.yml", "jobs: [\n");
    std::fs::remove_file(repository.root().join(".github/workflows/a.yml")).unwrap();
    let said = repository.look(&cx, workflows::workflows);
    assert_ne!(said.outcome("zizmor"), Outcome::Clean, "a workflow that is no YAML was not looked at");
}

#[test]
fn a_container_that_runs_as_root() {
    let config = format!("{PYTHON}[components.service.image]\ndockerfile = \"Dockerfile\"\n");
    let repository = Repository::new(&[
        ("xtask.toml", &config),
        ("service/Dockerfile", "FROM debian:12\nUSER 10001\n# Planted.\nUSER root\n"),
    ]);
    let cx = repository.cx(&[], |builder| builder);
    let said = repository.look(&cx, images::images);
    assert!(said.places().contains("service/Dockerfile:4 dockerfile[root]\n"), "{}", said.places());
    std::fs::remove_file(repository.root().join("service/Dockerfile")).unwrap();
    assert_eq!(repository.look(&cx, images::images).outcome("dockerfile"), Outcome::CouldNotLook);
}

/// As trivy answered, with the report of the image that it is asked for.
const TRIVY: &str = "#!/bin/sh
[ \"$1\" = --version ] && { echo 'Version: 0.59.1'; exit 0; }
for word; do [ \"$before\" = --output ] && report=$word; before=$word; done
echo \"$*\" >> asked
echo \"$TRIVY_CACHE_DIR $TRIVY_DB_REPOSITORY ${SNYK_TOKEN-none}\" > given
cat recorded.json > \"$report\"
exit 41
";

#[test]
fn an_image_that_was_pushed_is_looked_at_by_its_digest() {
    let config = format!("{PYTHON}[components.service.image]\ndockerfile = \"Dockerfile\"\n");
    let repository = Repository::new(&[("xtask.toml", &config), ("service/Dockerfile", "FROM debian:12\n")]);
    let recorded = include_str!("../../../testdata/gates/trivy-image/findings.txt");
    repository.write("recorded.json", recorded.split_once("--- report\n").unwrap().1);
    repository.write(".xtask/tools/bin/trivy", TRIVY);
    let trivy = repository.root().join(".xtask/tools/bin/trivy");
    std::fs::set_permissions(&trivy, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings = [
        ("TRIVY_CACHE_DIR", "/there"),
        ("TRIVY_DB_REPOSITORY", "r.example.com/db"),
        ("SNYK_TOKEN", "no business of its"),
    ];
    let cx = repository.cx(&settings, |builder| builder);

    let said = repository.look(&cx, images::built);
    assert_eq!(said.account("trivy").coverage.to_string(), "0 packages");
    assert!(!repository.root().join("asked").exists());

    let digest = format!("sha256:{}", "0".repeat(64));
    let record = format!(
        r#"{{"format":1,"images":[{{"component":"service","reference":"r.example.com/planted-service:1","digest":"{digest}"}}]}}"#
    );
    repository.write("target/xtask/images.json", &record);
    let said = repository.look(&cx, images::built);
    let asked = std::fs::read_to_string(repository.root().join("asked")).unwrap();
    assert!(asked.trim_end().ends_with(&format!(" r.example.com/planted-service@{digest}")), "{asked}");
    // It is given its own settings, and nobody else's.
    let given = std::fs::read_to_string(repository.root().join("given")).unwrap();
    assert_eq!(given, "/there r.example.com/db none\n");
    assert_eq!(
        said.places(),
        "service/Dockerfile trivy[CVE-2099-0002]\nservice/Dockerfile trivy[CVE-2099-0005]\nservice/Dockerfile trivy[CVE-2099-0006]\n"
    );
    assert_eq!(said.account("trivy").coverage.to_string(), "3 packages");
    assert_eq!(said.result.unwrap_err().kind(), ErrorKind::Problems);

    repository.write("target/xtask/images.json", "{}");
    let error = repository.look(&cx, images::built).result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

/// What says that a machine must reach a registry of packages, so that a skip does not hide that nothing was tried.
const NETWORK_REQUIRED: &str = "XTASK_REQUIRE_NETWORK";

/// A copy of what says what this repository is built upon, and what it allows.
fn copy() -> Repository {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let repository = Repository::new(&[]);
    for path in [
        "xtask.toml",
        "backend/pyproject.toml",
        "backend/requirements.txt",
        "backend/requirements-dev.txt",
        "frontend/package.json",
        "frontend/package-lock.json",
    ] {
        repository.write(path, &std::fs::read_to_string(own.join(path)).unwrap());
    }
    repository
}

/// Plants `text` in front of the line `before` of a file, at its end where that is empty. Returns the number of its first line.
fn plant(repository: &Repository, path: &str, before: &str, text: &str) -> usize {
    let file = std::fs::read_to_string(repository.root().join(path)).unwrap();
    let at = if before.is_empty() { file.len() } else { file.find(before).unwrap() };
    repository.write(path, &format!("{}{text}{}", &file[..at], &file[at..]));
    file[..at].lines().count() + 1
}

/// A package of Python, installed as it is published.
#[test]
fn a_package_of_python_under_the_gpl() {
    let repository = copy();
    let pin = "unidecode==1.4.0 \\\n    --hash=sha256:c3c7606c27503ad8d501270406e345ddb480a7b5f38827eafe4fa82a137f0021\n";
    repository.write("planted.txt", pin);
    let gate = |cx: &xtask::Cx| licenses::component(cx, cx.config().component("backend").unwrap());
    let packages = repository.root().join("backend/.venv/lib/python3.11/site-packages");
    std::fs::create_dir_all(&packages).unwrap();
    let before = repository.look(&repository.cx(&[], |builder| builder), gate);
    assert_eq!(
        (before.places().as_str(), before.outcome("licenses")),
        ("", Outcome::CouldNotLook),
        "nothing is installed"
    );

    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"];
    let mut pip = std::process::Command::new("python3")
        .args(pip)
        .current_dir(repository.root())
        .arg("--target")
        .arg(&packages)
        .args(["-r", "planted.txt"])
        .output()
        .map_err(|error| error.to_string());
    if let Ok(output) = &pip
        && !output.status.success()
    {
        pip = Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    if let Err(why) = pip {
        assert!(std::env::var_os(NETWORK_REQUIRED).is_none(), "{NETWORK_REQUIRED} is set: {why}");
        return skipped(&why);
    }
    let line =
        plant(&repository, "backend/requirements.txt", "", &format!("{pin}    # via -r requirements.in\n"));
    let said = repository.look(&repository.cx(&[], |builder| builder), gate);
    assert_eq!(said.places(), format!("backend/requirements.txt:{line} licenses[denied]\n"));
    // Its metadata says "GPL" and, more exactly, which.
    let expected = "`unidecode 1.4.0` of backend may not be used: `GPL-2.0-or-later` is denied";
    assert_eq!(said.findings[0].message, expected);
    assert_eq!(said.result.unwrap_err().kind(), ErrorKind::Problems);
}

/// A package of npm, in the words of the registry.
#[test]
fn a_package_of_npm_under_the_gpl() {
    let repository = copy();
    let gate = |cx: &xtask::Cx| licenses::component(cx, cx.config().component("frontend").unwrap());
    let before = repository.look(&repository.cx(&[], |builder| builder), gate);
    assert_eq!(before.places(), "");
    let planted = r#"    "node_modules/tinymce": {
      "version": "7.9.1",
      "integrity": "sha512-zaOHwmiP1EqTeLRXAvVriDb00JYnfEjWGPdKEuac7MiZJ5aiDMZ4Unc98Gmajn+PBljOmO1GKV6G0KwWn3+k8A==",
      "license": "GPL-2.0-or-later"
    },
"#;
    plant(
        &repository,
        "frontend/package-lock.json",
        "        \"react\": ",
        "        \"tinymce\": \"7.9.1\",\n",
    );
    let line = plant(&repository, "frontend/package-lock.json", "    \"node_modules/react\": {", planted);
    let said = repository.look(&repository.cx(&[], |builder| builder), gate);
    assert_eq!(said.places(), format!("frontend/package-lock.json:{line} licenses[denied]\n"));
    let expected = "`tinymce 7.9.1` of frontend may not be used: `GPL-2.0-or-later` is denied";
    assert_eq!(said.findings[0].message, expected);
    assert_eq!(said.result.unwrap_err().kind(), ErrorKind::Problems);
}
