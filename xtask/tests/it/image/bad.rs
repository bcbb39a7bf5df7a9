//! What cannot be built, pushed or passed, each with its outcome.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::House;
use crate::repository::Repository;

/// A repository with an image that nothing has to be installed for.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.write(
        "xtask.toml",
        "[project]\nname = \"small\"\n[image]\ncontext-max = \"1MB\"\n[components.web]\nkind = \"node\"\npath = \"web\"\n\
         test = \"test\"\n[components.web.image]\n",
    );
    repository.write(
        "web/Dockerfile",
        "ARG BASE=localhost/base:1\nFROM ${BASE}\nRUN --mount=type=secret,id=x true\n",
    );
    repository
}

#[test]
fn what_is_asked_for_wrongly_is_refused_before_anything_is_done() {
    let repository = repository();
    for (args, code, words) in [
        (&["image", "--push"][..], 2, "nobody says where the images are to be pushed"),
        (&["image", "--push", "--registry", "https://r.io"], 2, "`https://r.io` is a URL"),
        (&["image", "--build-arg", "BSAE=x"], 2, "did you mean `BASE`?"),
        (&["image", "--build-arg", "x"], 2, "expected NAME=VALUE"),
        (&["image", "--platform", "linux/amd64", "--platform", "linux/arm64"], 2, "one platform at a time"),
        (&["image", "--platform", "linux/amd64,linux/arm64"], 2, "one platform at a time"),
        (&["image", "webb"], 2, "did you mean `web`?"),
        (&["image", "--update-bases", "webb"], 2, "did you mean `web`?"),
        (&["image", "--locked"], 5, "`localhost/base:1` has no digest"),
    ] {
        let said = repository.xtask(args).expect(code);
        assert!(said.all().contains(words), "{args:?}: {}", said.all());
    }
}

#[test]
fn a_context_is_refused_for_what_is_in_it() {
    let repository = repository();
    repository.write("web/data/dump", &"x".repeat(3_000_000));
    let said = repository.xtask(&["image"]).expect(5).all();
    for words in ["at most 1 MB may", "`web/data/dump`: 3 MB", "`web/.dockerignore`"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    repository.write("web/.dockerignore", "data\n");
    symlink("../../elsewhere", repository.root().join("web/link")).unwrap();
    let said = repository.xtask(&["image"]).expect(5).all();
    assert!(said.contains("`web/link` is a link that leads out of the build context"), "{said}");
    repository.write("web/.dockerignore", "data\nlink\n[x\n");
    let said = repository.xtask(&["image"]).expect(3).all();
    assert!(said.contains("web/.dockerignore:3:1"), "{said}");
}

#[test]
fn a_dockerfile_that_is_none_is_shown_at_its_place() {
    let repository = repository();
    repository.write("web/Dockerfile", "FROM scratch\nCOPPY a b\n");
    let said = repository.xtask(&["image"]).expect(3).all();
    assert!(said.contains("web/Dockerfile:2:1") && said.contains("`COPPY` is no instruction"), "{said}");
}

#[test]
fn without_an_engine_it_is_said_what_each_lacks() {
    let repository = repository();
    let bin = repository.root().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    symlink(which::which("git").unwrap(), bin.join("git")).unwrap();
    let docker = "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n";
    std::fs::write(bin.join("docker"), docker).unwrap();
    std::fs::set_permissions(bin.join("docker"), PermissionsExt::from_mode(0o755)).unwrap();
    let said = repository.xtask_with(&["image"], &[("PATH", &bin)]).expect(4).all();
    for words in
        ["nothing here can build images", "buildx: Cannot connect", "buildah: `buildah` is not installed"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let said = repository.xtask_with(&["image", "--engine", "podman"], &[("PATH", &bin)]).expect(4).all();
    assert!(said.contains("podman: `podman` is not installed"), "{said}");
}

#[test]
fn what_the_policy_forbids_is_never_pushed() {
    let Some(house) = House::new() else { return };
    house.repository.edit("web/Dockerfile", "USER 1000:1000\n", "");
    house.repository.edit("web/Dockerfile", "EXPOSE 3000", "EXPOSE 3001");
    house.repository.edit("web/.dockerignore", "!page.txt", "!page.txt\n!.env");
    house.repository.edit("web/Dockerfile", "COPY page.txt", "COPY .env /.env\nCOPY page.txt");
    house.repository.write("web/.env", "A=1\n");
    house.repository.edit("web/Dockerfile", "COPY server", "COPY --chmod=4755 server");
    // What was looked at once is remembered, and refused again.
    for _ in 0..2 {
        let said = house.push().expect(1).all();
        for words in [
            "the image runs as root",
            "the image exposes 3001/tcp",
            "the image does not expose 3000/tcp",
            "`/.env` is a file for secrets",
            "`/server` run with the rights of their owner",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    assert!(!house.repository.root().join("target/xtask/images.json").exists());
}

/// What buildah pushes is another image than the one that was built and looked at.
#[test]
fn what_was_not_looked_at_gets_no_tag_by_which_it_would_be_found() {
    let Some(house) = House::new() else { return };
    let local = |said: &str| {
        let name = said.split("--tag ").nth(1).unwrap();
        name.split_whitespace().next().unwrap().to_owned()
    };
    house.repository.write("web/page.txt", "other\n");
    let registry = house.registry.name();
    let arguments = ["--no-smoke", "--registry", &registry];
    house.image(&arguments).expect(0);
    let other = local(&house.repository.read("target/xtask/logs/image.web.log"));
    house.repository.write("web/page.txt", "one\n");
    let buildah = which::which("buildah").unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$1 $2\" = 'push --digestfile' ]; then for last; do :; done;\
         set -- push --digestfile \"$3\" --tls-verify=false {other} \"$last\"; fi\nexec {real} \"$@\"\n",
        real = buildah.display()
    );
    house.repository.write("bin/buildah", &script);
    let program = house.repository.root().join("bin/buildah");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = house.image_by(&program, &["--push", "--no-smoke", "--registry", &registry]);
    let said = said.expect(5).all();
    assert!(said.contains("is not what was looked at"), "{said}");
    assert!(!house.repository.root().join("target/xtask/images.json").exists());
    // So the next run builds, and does not find it.
    let said = house.push().expect(0).all();
    assert!(!said.contains("is there already"), "{said}");
}

#[test]
fn what_does_not_answer_or_does_not_end_is_never_pushed() {
    let Some(house) = House::new() else { return };
    let program =
        |body: &str| format!("#include <stdio.h>\n#include <unistd.h>\nint main(void) {{ {body} }}\n");
    house.compile(&program("puts(\"no database\"); return 3;"));
    let said = house.push().expect(1).all();
    assert!(said.contains("the image ended by itself: exit 3") && said.contains("no database"), "{said}");
    // The try can be left out; then it is what it is.
    house.image(&["--no-smoke"]).expect(0);
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let Some(house) = House::new() else { return };
    // The port of a service that is long gone. One that was free a moment ago may be taken by whoever runs beside this.
    let said = house.image(&["--push", "--no-smoke", "--registry", "127.0.0.1:1"]).expect(4).all();
    assert!(said.contains("it is not known whether the image is there: it is built"), "{said}");
    assert!(
        said.contains("could not be pushed") && said.contains("the registry cannot be reached"),
        "{said}"
    );
    assert!(!house.repository.root().join("target/xtask/images.json").exists());
}
