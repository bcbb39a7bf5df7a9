//! `cargo xtask licenses images`: a real image with the packages of a Debian in it, as the machine of this test has them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::House;
use crate::repository::Said;

/// Packages of every Debian: one under a licence that a program can read, one under another, one whose file is for people, and one
/// whose folder is a link to that of a package with such a file.
const PACKAGES: [&str; 4] = ["hostname", "zlib1g", "base-files", "libgcc-s1"];

/// The folder of the documentation, in the image.
const DOC: &str = "usr/share/doc";

const POLICY: &str = "\n[licenses.images]\nallow = [\"Zlib\"]\ndeny = [\"GPL-2.0-only\"]\n";

/// Copies what dpkg leaves of these packages into a folder. `None` where this is no Debian, or lacks one of them.
fn packages(root: &Path) -> Option<()> {
    let status = fs::read_to_string("/var/lib/dpkg/status").ok()?;
    let mut stanzas = String::new();
    for name in PACKAGES {
        let start = format!("Package: {name}\n");
        stanzas.push_str(status.split("\n\n").find(|stanza| stanza.starts_with(&start))?);
        stanzas.push_str("\n\n");
        let (from, to) = (Path::new("/").join(DOC).join(name), root.join(DOC).join(name));
        fs::create_dir_all(root.join(DOC)).unwrap();
        // A folder that is a link stays one.
        let folder: PathBuf = match fs::read_link(&from) {
            Ok(target) => {
                symlink(&target, &to).unwrap();
                root.join(DOC).join(target)
            }
            Err(_) => to,
        };
        fs::create_dir_all(&folder).unwrap();
        fs::copy(from.join("copyright"), folder.join("copyright")).ok()?;
    }
    fs::create_dir_all(root.join("var/lib/dpkg")).unwrap();
    fs::write(root.join("var/lib/dpkg/status"), stanzas).unwrap();
    Some(())
}

/// A house whose image has these packages. `None`, said, where that cannot be.
fn house() -> Option<House> {
    let house = House::new()?;
    let repository = &house.repository;
    if packages(&repository.root().join("web/root")).is_none() {
        println!("skipped: this is no Debian with {PACKAGES:?}");
        return None;
    }
    repository.edit("web/.dockerignore", "!server", "!root\n!server");
    repository.edit("web/Dockerfile", "COPY server", "COPY root/ /\nCOPY server");
    repository.write(
        "web/package-lock.json",
        "{\"lockfileVersion\": 3, \"packages\": {\"\": {\"name\": \"web\"}}}",
    );
    let toml = repository.read("xtask.toml");
    repository.write("xtask.toml", &(toml + POLICY));
    house.commit();
    Some(house)
}

impl House {
    fn licenses(&self, args: &[&str], code: i32) -> Said {
        let args = ["licenses", "images", "--output", "plain"].iter().chain(args);
        self.repository.xtask(&args.copied().collect::<Vec<_>>()).expect(code)
    }
}

#[test]
fn what_an_operating_system_ships_is_judged_by_its_own_policy() {
    let Some(house) = house() else { return };
    // Before anything is built nobody knows, which is not called clean.
    let blind = house.licenses(&[], 0).all();
    assert!(blind.contains("could not look") && blind.contains("`cargo xtask image web`"), "{blind}");
    house.licenses(&["--strict"], 4);

    house.image(&["--no-smoke"]).expect(0);
    let found = house.licenses(&[], 1).all();
    for words in [
        "web/Dockerfile: error[licenses denied]: `hostname ",
        "of the image of web may not be used: `GPL-2.0-only` is denied",
        "error[licenses unknown]: `base-files ",
        "error[licenses unknown]: `libgcc-s1 ",
        "it says nothing of its licence that a program can read",
        "`/usr/share/doc/libgcc-s1/copyright` of the image",
        "[[licenses.images.exceptions]]",
    ] {
        assert!(found.contains(words), "no `{words}` in {found}");
    }
    assert!(!found.contains("`zlib1g "), "{found}");

    // What nobody can read is less than what is denied, where the repository says so; and what a person has read is decided.
    let repository = &house.repository;
    repository.edit(
        "xtask.toml",
        "allow = [\"Zlib\"]\ndeny = [\"GPL-2.0-only\"]",
        "allow = [\"Zlib\", \"GPL-2.0-only\"]\nunknown = \"low\"",
    );
    let warned = house.licenses(&[], 0).all();
    let named =
        "2 packages in the image of web have a licence that no program can read: `base-files`, `libgcc-s1`";
    assert!(warned.contains(named), "{warned}");
    let exception = "[[licenses.images.exceptions]]\npackages = [\"deb:base-files\", \"deb:libgcc-s1\"]\nstates = \"\"\nreason = \"read\"\n";
    let toml = repository.read("xtask.toml").replace("unknown = \"low\"\n", "");
    repository.write("xtask.toml", &(toml.clone() + exception));
    let clean = house.licenses(&["--strict"], 0).all();
    assert!(clean.contains("licenses looked at 4 packages"), "{clean}");
    repository.write("xtask.toml", &(toml + &exception.replace("base-files", "base-files\", \"deb:gone")));
    let unused = house.licenses(&[], 1).all();
    assert!(unused.contains("no image has `deb:gone` any more"), "{unused}");
}

#[test]
fn an_image_that_was_not_looked_at_whole_is_not_called_clean() {
    let Some(house) = house() else { return };
    house.repository.edit("xtask.toml", "deny = [\"GPL-2.0-only\"]", "unknown = \"low\"");
    house.image(&["--no-smoke"]).expect(0);
    // The next one is refused for what its last layer holds: those below it were looked at before, and are not all of it.
    house.repository.write("web/late/.npmrc", "x\n");
    house.repository.edit("web/.dockerignore", "!root", "!late\n!root");
    house.repository.edit("web/Dockerfile", "USER", "COPY late/ /late/\nUSER");
    house.image(&["--no-smoke"]).expect(1);
    let blind = house.licenses(&["--strict"], 4).all();
    assert!(blind.contains("none was built here that could be looked at whole"), "{blind}");
}

/// Only who has built images asks for it: the verb alone names everything else.
#[test]
fn it_is_run_by_its_own_name_alone() {
    let Some(house) = house() else { return };
    let listed = |args: &[&str]| house.repository.xtask(args).expect(0).all();
    let toml = house
        .repository
        .read("xtask.toml")
        .replace("[licenses.images]", "[licenses]\nallow = [\"MIT\"]\n[licenses.images]");
    house.repository.write("xtask.toml", &toml);
    for (args, is_there) in
        [(&["plan", "licenses"][..], false), (&["plan"], false), (&["plan", "licenses.images"], true)]
    {
        let said = listed(args);
        assert_eq!(said.contains("licenses.images"), is_there, "{args:?}: {said}");
        assert_eq!(said.contains("licenses.web"), !is_there, "{args:?}: {said}");
    }
}
