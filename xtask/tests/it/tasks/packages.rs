//! What components are built upon, planted: licences, imports, circles.

use xtask::core::image::archive::{Member, Type};
use xtask::core::image::memory::Memory;
use xtask::core::image::policy::Counts;
use xtask::core::image::sbom::Inventory;
use xtask::tasks::{dependencies, licenses, sbom};

use super::*;

const CONFIG: &str = r#"
[project]
name = "small"
[components.backend]
kind = "python"
path = "backend"
package = "src"
requirements = ["requirements.txt", "requirements-dev.txt"]
[licenses]
allow = ["MIT"]
deny = ["GPL-3.0-only"]
"#;

/// A Python that knows which modules belong to it, and packages as an installer leaves them.
const FILES: &[(&str, &str)] = &[
    ("backend/requirements.in", "web\n"),
    (
        "backend/requirements.txt",
        "web==1.0 --hash=sha256:aa\n    # via -r requirements.in\nhelper==2.0 --hash=sha256:aa\n    # via web\n",
    ),
    ("backend/requirements-dev.in", "-c requirements.txt\ncheck\n"),
    ("backend/requirements-dev.txt", "check==3.0 --hash=sha256:aa\n    # via -r requirements-dev.in\n"),
    ("backend/src/__init__.py", ""),
    ("backend/src/app.py", "import os\nimport web\nfrom src import words\n"),
    ("backend/src/words.py", "import web.deep\n"),
    ("backend/tests/test_app.py", "import check\nfrom src.app import x\n"),
    (
        "backend/.venv/lib/python3.11/site-packages/web-1.0.dist-info/METADATA",
        "Name: Web\nVersion: 1.0\nLicense-Expression: MIT\n",
    ),
    ("backend/.venv/lib/python3.11/site-packages/web-1.0.dist-info/RECORD", "web/__init__.py,,\n"),
    ("backend/.venv/lib/python3.11/site-packages/web-1.0.dist-info/LICENSE", "The MIT License\n"),
    (
        "backend/.venv/lib/python3.11/site-packages/helper-2.0.dist-info/METADATA",
        "Name: helper\nVersion: 2.0\nLicense: MIT\n",
    ),
    ("backend/.venv/lib/python3.11/site-packages/helper-2.0.dist-info/RECORD", "helper.py,,\n"),
    (
        "backend/.venv/lib/python3.11/site-packages/check-3.0.dist-info/METADATA",
        "Name: check\nVersion: 3.0\nLicense: MIT\n",
    ),
    ("backend/.venv/lib/python3.11/site-packages/check-3.0.dist-info/RECORD", "check/a.py,,\n"),
];

fn planted(changes: &[(&str, &str)]) -> (Repository, Component) {
    let config = Config::parse(Path::new("xtask.toml"), CONFIG).unwrap();
    let component = config.components[0].clone();
    let repository = Repository::with(FILES, &[], |builder| builder.config(config));
    repository.write("backend/.venv/bin/python", "#!/bin/sh\necho os sys typing\n");
    std::fs::set_permissions(
        repository.path("backend/.venv/bin/python"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    for (path, text) in changes {
        repository.write(path, text);
    }
    (repository, component)
}

/// What the checks of licences and dependencies find, and how they end.
fn look(changes: &[(&str, &str)]) -> String {
    let (repository, component) = planted(changes);
    let ends = [
        repository.task("licenses.backend", |cx| licenses::component(cx, &component)),
        repository.task("dependencies.backend", |cx| dependencies::component(cx, &component)),
    ];
    let ends: Vec<String> =
        ends.into_iter().filter_map(|end| Some(format!("{:?}\n", end.err()?.kind()))).collect();
    findings(&repository.events()) + &ends.concat()
}

#[test]
fn what_is_in_order_has_no_findings() {
    assert_eq!(look(&[]), "");
}

#[test]
fn what_is_planted_is_found_where_it_is() {
    let metadata = "backend/.venv/lib/python3.11/site-packages/helper-2.0.dist-info/METADATA";
    for (changes, expected) in [
        (
            &[(
                metadata,
                "Name: helper\nVersion: 2.0\nClassifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n",
            )][..],
            expect![[r"
                backend/requirements.txt:3 licenses[denied] `helper 2.0` of backend may not be used: `GPL-3.0-only` is denied
                Problems
            "]],
        ),
        (
            &[(metadata, "Name: helper\nVersion: 2.0\nLicense: BSD\n")],
            expect![[r"
                backend/requirements.txt:3 licenses[unknown] `helper 2.0` of backend may not be used: `BSD` names no licence, or more than one
                Problems
            "]],
        ),
        (
            &[("backend/src/words.py", "import web\nimport helper\nimport check\n\nfrom src.app import x\n")],
            expect![[r"
                backend/src/words.py:2 dependencies[undeclared] `helper` comes with `helper`, which `backend/requirements.in` does not ask for
                backend/src/words.py:3 dependencies[undeclared] `check` comes with `check`, which is there for development only
                backend/src/app.py:3 dependencies[circle] these files import each other in a circle: `backend/src/app.py`, `backend/src/words.py`
                Problems
            "]],
        ),
        (
            &[("backend/tests/test_app.py", "from src.app import x\n")],
            expect![[r"
                backend/requirements-dev.in:2 dependencies[unused] nothing imports `check`, and no configuration names it
                Problems
            "]],
        ),
        // Configuration that names it uses it.
        (&[("backend/tests/test_app.py", "\n"), ("backend/pyproject.toml", "[tool.check]\n")], expect![[""]]),
    ] {
        expected.assert_eq(&look(changes));
    }
}

#[test]
fn what_is_not_installed_is_not_called_clean() {
    let (repository, component) = planted(&[]);
    std::fs::remove_dir_all(repository.path("backend/.venv")).unwrap();
    repository.task("licenses.backend", |cx| licenses::component(cx, &component)).unwrap();
    repository.task("dependencies.backend", |cx| dependencies::component(cx, &component)).unwrap();
    let gaps: Vec<String> = repository
        .events()
        .iter()
        .filter_map(|body| {
            if let Body::Looked { account, .. } = body {
                Some(account.gaps.first()?.why.clone())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(
        gaps,
        [
            "no licence is known of what is not installed in the version that is pinned: `web`, `helper`, `check`",
            "imports were not compared with what is declared: nothing is installed",
        ]
    );
}

#[test]
fn a_notice_takes_over_the_texts_that_are_installed() {
    let (repository, _) = planted(&[]);
    repository.task("licenses.notice", licenses::notice).unwrap();
    let notice = std::fs::read_to_string(repository.path("target/xtask/NOTICE")).unwrap();
    assert!(notice.contains("  helper 2.0: MIT\n  web 1.0: MIT\n"), "{notice}");
    assert!(notice.contains("\nweb 1.0\n\nThe MIT License\n") && !notice.contains("check"), "{notice}");
}

#[test]
fn fossa_is_asked_where_there_is_a_key() {
    let fake = |script: &str, key: &str| {
        let repository = Repository::with(&[("bin/fossa", script)], &[], |builder| builder);
        let bin = repository.path("bin/fossa");
        std::fs::set_permissions(&bin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", repository.path("bin").display());
        let cx = Cx::builder(repository.path(""))
            .environment(Environment::new([("PATH", path.as_str()), ("FOSSA_API_KEY", key)]))
            .sink(Arc::clone(&repository.heard) as Arc<dyn Sink>)
            .build();
        let end = cx.step("licenses.fossa", licenses::fossa);
        (end.map_err(|error| error.kind()), findings(&repository.events()))
    };
    assert_eq!(fake("#!/bin/sh\nexit 9\n", ""), (Ok(()), String::new()), "without a key nobody is asked");
    assert_eq!(fake("#!/bin/sh\nexit 0\n", "key"), (Ok(()), String::new()));
    let issue = "#!/bin/sh\n[ \"$1\" = analyze ] && exit 0\necho '{\"issues\": [{\"type\": \"policy_conflict\", \"revisionId\": \"npm+x$1.0.0\"}]}'\nexit 1\n";
    assert_eq!(
        fake(issue, "key"),
        (Err(ErrorKind::Problems), "- fossa[policy_conflict] `x 1.0.0`: policy conflict\n".to_owned())
    );
    assert_eq!(
        fake("#!/bin/sh\n[ \"$1\" = analyze ] && exit 0\necho no\n", "key").0,
        Err(ErrorKind::Missing),
        "a broken tool"
    );
}

#[test]
fn what_an_image_brings_is_in_the_bill_of_materials_once_it_was_built() {
    let text = format!("{CONFIG}\n[components.backend.image]\ndockerfile = \"Dockerfile\"\n");
    let config = Config::parse(Path::new("xtask.toml"), &text).unwrap();
    let component = config.components[0].clone();
    let repository = Repository::with(FILES, &[("SOURCE_DATE_EPOCH", "0")], |builder| builder.config(config));
    let write = || {
        repository.task("sbom.backend", |cx| sbom::component(cx, &component)).unwrap();
        let gaps = repository
            .events()
            .iter()
            .any(|body| matches!(body, Body::Looked { account, .. } if !account.gaps.is_empty()));
        (std::fs::read_to_string(repository.path("target/xtask/sbom/backend.cdx.json")).unwrap(), gaps)
    };
    let (before, gaps) = write();
    assert!(gaps && !before.contains("pkg:deb"), "that no image was built is said");
    let mut inventory = Inventory::default();
    let status = "Package: libc6\nStatus: install ok installed\nVersion: 2.36\n";
    let member = Member {
        name: "var/lib/dpkg/status".to_owned(),
        mode: 0o644,
        size: 9,
        kind: Type::File,
        target: String::new(),
    };
    inventory.content(&member, status.as_bytes());
    let mut memory = Memory::default();
    memory.add("layer", 1, &Counts::default(), &inventory);
    memory.of_layers(1);
    repository.write("target/xtask/images/backend.look.json", &memory.render().unwrap());
    let (after, gaps) = write();
    assert!(
        !gaps && after.contains("pkg:deb/debian/libc6@2.36") && after.contains("pkg:pypi/web@1.0"),
        "{after}"
    );
}
