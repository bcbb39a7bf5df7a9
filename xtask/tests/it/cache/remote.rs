//! Results on a server: what other machines have made is used, and nothing that nobody trusted has made.

mod nginx;
mod trouble;

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::repository::{Repository, Said};
use nginx::Nginx;

/// Machines that have a server in common, each with a clone of one repository. The task reads `in` and makes `out`.
pub(super) struct Machines {
    url: String,
    keys: tempfile::TempDir,
    public: String,
    private: String,
    /// Where the task says that it has run, whichever machine runs it.
    runs: tempfile::TempDir,
    seen: Cell<usize>,
}

const SCRIPT: &str = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out/deep\ncat in/* > out/result\n: > out/deep/empty\n\
                      ln -s result out/link\nchmod 700 out/result\necho \"made by ${0##*/}\"\n";

/// A pair of keys, made by the program.
fn key(folder: &Path, name: &str) -> (String, String) {
    let file = folder.join(name);
    let repository = Repository::new();
    repository.write("xtask.toml", "[project]\nname = \"x\"\n");
    let said = repository.xtask(&["cache", "key", "--out", file.to_str().unwrap()]).expect(0);
    let public = said.stdout.lines().find_map(|line| line.strip_prefix("public key: ")).unwrap();
    (public.to_owned(), fs::read_to_string(file).unwrap().trim().to_owned())
}

impl Machines {
    pub(super) fn new(url: String) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let (public, private) = key(keys.path(), "first");
        Self { url, keys, public, private, runs: tempfile::tempdir().unwrap(), seen: Cell::new(0) }
    }

    /// A clone on another machine, or at least at another path.
    pub(super) fn machine(&self) -> Repository {
        self.machine_with("")
    }

    /// With more lines at the end of its configuration.
    pub(super) fn machine_with(&self, more: &str) -> Repository {
        let repository = Repository::new();
        repository.write(
            "xtask.toml",
            &format!(
                "[project]\nname = \"shared\"\n[environment]\npass = [\"RUNS\"]\nsecrets = [\"HIDDEN\"]\n\
                 [tasks.\"make.thing\"]\ncommand = [\"sh\", \"make.sh\"]\nreads = [\"in\", \"make.sh\"]\nmakes = [\"out\"]\n\
                 env = [\"HIDDEN\"]\n[cache]\nurl = \"{}\"\npublic-keys = [\"{}\"]\n{more}",
                self.url, self.public
            ),
        );
        repository.write("make.sh", SCRIPT);
        repository.write("in/a", &one());
        repository.write("in/b", "two\n");
        repository
    }

    /// Runs the pipeline of a machine that may not upload; it must pass.
    #[track_caller]
    pub(super) fn reads(&self, machine: &Repository) -> Said {
        self.run(machine, &[])
    }

    /// Runs the pipeline of a machine with the key; it must pass.
    #[track_caller]
    pub(super) fn trusted(&self, machine: &Repository) -> Said {
        self.run(machine, &[("XTASK_CACHE_SIGNING_KEY", &self.private)])
    }

    #[track_caller]
    pub(super) fn run(&self, machine: &Repository, variables: &[(&str, &str)]) -> Said {
        let runs = self.runs.path().to_str().unwrap();
        let variables: Vec<(&str, &str)> =
            [("RUNS", runs)].into_iter().chain(variables.iter().copied()).collect();
        let said = machine.xtask_with(&["ci"], &variables).expect(0);
        assert_eq!(machine.read("out/result"), one() + "two\n");
        said
    }

    /// How often the task has run since this was last asked.
    pub(super) fn runs(&self) -> usize {
        let all = fs::read_to_string(self.runs.path().join("runs")).unwrap_or_default().lines().count();
        all - self.seen.replace(all)
    }
}

/// So much that what is made of it does not stand in the entry of a result.
fn one() -> String {
    "one\n".repeat(5_000)
}

#[test]
fn a_second_clone_takes_what_the_first_has_made() {
    let Some(server) = Nginx::start() else { return };
    let machines = Machines::new(server.url());
    let said = machines.trusted(&machines.machine());
    assert_eq!(machines.runs(), 1);
    assert!(said.all().contains("0 results fetched, 1 uploaded"), "{}", said.all());
    let second = machines.machine();
    let said = machines.reads(&second);
    assert_eq!(machines.runs(), 0, "{}", said.all());
    assert!(said.all().contains("1 result fetched, 0 uploaded"), "{}", said.all());
    assert_eq!(fs::read_link(second.root().join("out/link")).unwrap(), Path::new("result"));
    assert_eq!(second.read("out/deep/empty"), "");
    let mode = fs::metadata(second.root().join("out/result")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(second.read("target/xtask/logs/make.thing.log").contains("made by make.sh"));
    let asked = server.asked();
    machines.reads(&second);
    assert_eq!((machines.runs(), server.asked()), (0, asked), "what stands there is not asked for");
    fs::remove_dir_all(second.root().join("out")).unwrap();
    let asked = server.asked();
    machines.reads(&second);
    assert_eq!((machines.runs(), server.asked()), (0, asked), "what is in the store is not asked for");
}

#[test]
fn what_is_there_is_not_uploaded_again() {
    let Some(server) = Nginx::start() else { return };
    let machines = Machines::new(server.url());
    machines.trusted(&machines.machine());
    let (results, contents) = (server.files("ac").len(), server.files("cas"));
    assert_eq!((results, contents.len()), (1, 1), "what it made; nothing for what the result brings along");
    for content in &contents {
        let (bytes, name) = (fs::read(content).unwrap(), content.file_name().unwrap().to_str().unwrap());
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(hex, name, "servers look whether it is its SHA-256");
    }
    let puts = |asked: &str| asked.lines().filter(|line| line.starts_with("PUT /shared/cas")).count();
    let before = puts(&server.asked());
    let other = machines.machine();
    other.edit("make.sh", "set -eu", "set -e -u");
    machines.trusted(&other);
    assert_eq!((machines.runs(), server.files("ac").len()), (2, 2));
    assert_eq!(puts(&server.asked()), before, "{}", server.asked());
}

#[test]
fn a_job_without_the_key_uploads_nothing() {
    let Some(server) = Nginx::start() else { return };
    let machines = Machines::new(server.url());
    machines.reads(&machines.machine());
    machines.trusted(&machines.machine_with("upload = \"never\"\n"));
    let said = machines.run(&machines.machine(), &[("XTASK_CACHE_SIGNING_KEY", "bm8ga2V5")]);
    assert!(said.all().contains("`XTASK_CACHE_SIGNING_KEY` is no private key"), "{}", said.all());
    let (_, other) = key(machines.keys.path(), "second");
    let said = machines.run(&machines.machine(), &[("XTASK_CACHE_SIGNING_KEY", &other)]);
    assert!(said.all().contains("is not in `public-keys` of xtask.toml"), "{}", said.all());
    assert!(!said.all().contains(&other), "{}", said.all());
    assert_eq!(machines.runs(), 4);
    assert!(!server.asked().contains("PUT"), "{}", server.asked());
    assert!(server.asked().contains("GET /shared/ac/"), "{}", server.asked());
    let command = ["ci", "--no-cache"];
    let asked = server.asked();
    machines.machine().xtask_with(&command, &[("RUNS", machines.runs.path())]).expect(0);
    assert_eq!(server.asked(), asked, "without the cache it is not asked");
}

/// Changes what the server has, and sees that nobody believes it, that the task runs, and that a trusted job mends it.
#[track_caller]
fn poisoned(words: &str, poison: impl FnOnce(&Nginx, &Machines)) {
    let Some(server) = Nginx::start() else { return };
    let machines = Machines::new(server.url());
    machines.trusted(&machines.machine());
    poison(&server, &machines);
    machines.runs();
    let reader = machines.machine();
    let said = machines.reads(&reader);
    assert_eq!(machines.runs(), 1, "{}", said.all());
    let warned = |said: &Said| said.all().contains("warning: ") && said.all().contains(words);
    assert!(warned(&said), "{}", said.all());
    let said = machines.trusted(&machines.machine());
    assert_eq!(machines.runs(), 1);
    assert!(warned(&said) && said.all().contains("1 uploaded"), "{}", said.all());
    let said = machines.reads(&machines.machine());
    assert_eq!(machines.runs(), 0, "it was not mended: {}", said.all());
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// The file of the content that the task makes.
fn made(server: &Nginx) -> std::path::PathBuf {
    server
        .files("cas")
        .into_iter()
        .find(|path| fs::read(path).unwrap() == (one() + "two\n").as_bytes())
        .unwrap()
}

#[test]
fn a_result_with_a_flipped_bit_is_refused() {
    poisoned("its signature is wrong", |server, _| {
        change(&server.files("ac")[0], |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
    });
}

#[test]
fn a_result_that_nobody_signed_is_refused() {
    poisoned("it is not signed", |server, _| {
        change(&server.files("ac")[0], |bytes| drop(bytes.drain(..120)));
    });
}

#[test]
fn a_result_signed_with_another_key_is_refused() {
    poisoned("is not trusted", |server, machines| {
        // Somebody who can write to the server, and whose own configuration trusts him.
        let (public, private) = key(machines.keys.path(), "foreign");
        let foreign = machines.machine();
        foreign.edit("xtask.toml", &machines.public, &public);
        let sound = fs::read(&server.files("ac")[0]).unwrap();
        machines.run(&foreign, &[("XTASK_CACHE_SIGNING_KEY", &private)]);
        let [planted] = server.files("ac").try_into().unwrap();
        assert_ne!(fs::read(planted).unwrap(), sound, "it has taken the place of the sound one");
    });
}

#[test]
fn a_result_of_another_key_is_refused() {
    poisoned("its signature is wrong", |server, machines| {
        let place = server.files("ac")[0].clone();
        let other = machines.machine();
        other.edit("make.sh", "set -eu", "set -e -u");
        machines.trusted(&other);
        let other = server.files("ac").into_iter().find(|path| *path != place).unwrap();
        fs::copy(other, place).unwrap();
    });
}

#[test]
fn a_content_that_was_replaced_is_refused() {
    poisoned("is not what was signed", |server, _| change(&made(server), |bytes| bytes[0] = b'0'));
}

#[test]
fn a_content_that_grew_is_refused() {
    poisoned("is longer than what was signed", |server, _| {
        change(&made(server), |bytes| bytes.resize(9 << 20, 0));
    });
}

#[test]
fn a_result_whose_contents_are_gone_is_none() {
    let Some(server) = Nginx::start() else { return };
    let machines = Machines::new(server.url());
    machines.trusted(&machines.machine());
    fs::remove_file(made(&server)).unwrap();
    let said = machines.reads(&machines.machine());
    assert_eq!(machines.runs(), 2);
    assert!(!said.all().contains("warning"), "servers forget: {}", said.all());
}

#[test]
fn a_secret_is_in_no_upload() {
    const SECRET: &str = "hunter2-hunter2";
    let Some(server) = Nginx::start() else { return };
    let machines = Machines::new(server.url());
    let trusted = [("XTASK_CACHE_SIGNING_KEY", machines.private.as_str()), ("HIDDEN", SECRET)];
    let says = machines.machine();
    says.write("make.sh", &format!("{SCRIPT}echo it is $HIDDEN\n"));
    let said = machines.run(&says, &trusted);
    assert!(said.all().contains("1 uploaded"), "{}", said.all());
    let writes = machines.machine();
    writes.write("make.sh", &format!("{SCRIPT}echo $HIDDEN > out/leak\n"));
    let said = machines.run(&writes, &trusted);
    assert!(said.all().contains("holds a secret") && !said.all().contains("uploaded"), "{}", said.all());
    assert_eq!((machines.runs(), server.files("ac").len()), (2, 1));
    let files = server.files("");
    assert!(files.iter().any(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).contains("it is ***")));
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for secret in [SECRET, &machines.private] {
            assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "{}", file.display());
        }
    }
}

#[test]
fn the_private_key_is_nobody_elses_and_in_no_repository() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.key");
    let (public, private) = key(folder.path(), "cache.key");
    assert_eq!((public.len(), fs::metadata(&file).unwrap().permissions().mode() & 0o777), (44, 0o600));
    let repository = Repository::new();
    repository.write("xtask.toml", "[project]\nname = \"x\"\n");
    let make = |out: &str| repository.xtask(&["cache", "key", "--out", out]);
    let said = make(file.to_str().unwrap()).expect(4);
    assert!(said.stderr.contains("could not write the private key"), "{}", said.all());
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), private, "what was there is not replaced");
    for inside in ["cache.key", "./cache.key", repository.root().join("cache.key").to_str().unwrap()] {
        let said = make(inside).expect(5);
        assert!(said.stderr.contains("is in a repository"), "{}", said.all());
    }
    fs::create_dir(folder.path().join(".git")).unwrap();
    make(folder.path().join("other.key").to_str().unwrap()).expect(5);
    assert!(!repository.root().join("cache.key").exists());
}
