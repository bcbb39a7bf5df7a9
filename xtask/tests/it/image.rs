//! `cargo xtask image` from outside: a real buildah, a real registry, images of one small static program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::registry::real::{Door, Real};
use crate::repository::{Repository, Said};

mod bad;
mod licenses;

/// What says that a machine must have buildah, so that a skip does not hide that nothing was tried.
const REQUIRED: &str = "XTASK_REQUIRE_BUILDAH";

/// The same of a builder of buildx, whose cache a test may empty.
const BUILDX_REQUIRED: &str = "XTASK_REQUIRE_BUILDX";

/// A server of 40 lines that needs nothing: it answers every request with 200, and ends on SIGTERM.
const SERVER: &str = r#"
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
int main(void) {
    signal(SIGTERM, end);
    int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in here = {.sin_family = AF_INET};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    here.sin_port = htons((unsigned short)atoi(getenv("PORT")));
    if (bind(server, (struct sockaddr *)&here, sizeof here) || listen(server, 8)) return 1;
    for (;;) {
        int client = accept(server, 0, 0);
        char request[4096];
        const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        if (read(client, request, sizeof request) > 0) (void)!write(client, answer, strlen(answer));
        close(client);
    }
}
"#;

/// A repository whose component `web` becomes an image, a storage of its own for buildah, and a registry.
struct House {
    repository: Repository,
    storage: TempDir,
    registry: Real,
}

impl House {
    /// `None`, said, where something is not installed and need not be.
    fn new() -> Option<Self> {
        for program in ["buildah", "cc"] {
            if which::which(program).is_err() {
                assert!(
                    std::env::var_os(REQUIRED).is_none(),
                    "{REQUIRED} is set, and `{program}` is not installed"
                );
                println!("skipped: `{program}` is not installed");
                return None;
            }
        }
        let registry = Real::start(&Door::Open)?;
        let house = Self { repository: Repository::new(), storage: tempfile::tempdir().unwrap(), registry };
        house.fill();
        Some(house)
    }

    /// One whose images buildx builds, on a machine whose cache of builds may be emptied. The builder has to reach this
    /// machine's own addresses, as one in a container does not.
    fn with_buildx() -> Option<Self> {
        if std::env::var_os(BUILDX_REQUIRED).is_none() {
            println!("skipped: {BUILDX_REQUIRED} is not set, and the cache of the builder would be emptied");
            return None;
        }
        Self::new()
    }

    fn fill(&self) {
        let repository = &self.repository;
        repository.write(
            "xtask.toml",
            "[project]\nname = \"Small\"\n[image]\nlicenses = \"MIT\"\ncontext-max = \"2MB\"\n\
             [components.web]\nkind = \"node\"\npath = \"web\"\ntest = \"test\"\n\
             [components.web.image]\nports = [3000]\nsize-max = \"2MB\"\n\
             [components.web.image.smoke]\nport = 3000\nport-variable = \"PORT\"\ntimeout = \"20s\"\n",
        );
        repository.write("web/package.json", "{\"name\": \"web\", \"version\": \"1.2.3\"}");
        repository.write("web/.dockerignore", "*\n!server\n!page.txt\n");
        repository.write("web/page.txt", "one\n");
        repository.write("web/notes.txt", "not part of it\n");
        repository.write(
            "web/Dockerfile",
            "FROM scratch\nCOPY server /server\nCOPY page.txt /page.txt\nUSER 1000:1000\nEXPOSE 3000\n\
             HEALTHCHECK CMD [\"/server\"]\nCMD [\"/server\"]\n",
        );
        self.compile(SERVER);
        repository.write(".gitignore", "target/\n.xtask/\n");
        self.git(&["init", "--quiet"]);
        self.commit();
    }

    fn compile(&self, source: &str) {
        let root = self.repository.root();
        self.repository.write("server.c", source);
        let (from, to) = (root.join("server.c"), root.join("web/server"));
        let status =
            Command::new("cc").args(["-static", "-O1", "-s", "-o"]).arg(to).arg(from).status().unwrap();
        assert!(status.success(), "a static program can be linked");
    }

    fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let git = Command::new("git").args(identity).args(args).current_dir(self.repository.root()).status();
        assert!(git.unwrap().success());
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
    }

    /// Runs `cargo xtask image`, in buildah's storage at `storage`.
    fn image_in(&self, storage: &Path, args: &[&str]) -> Said {
        std::fs::create_dir_all(storage).unwrap();
        let variables = [("CONTAINERS_STORAGE_CONF", storage_conf(storage).into_os_string())];
        self.repository.xtask_with(&Self::arguments(args), &variables)
    }

    /// The same with another `buildah`, which lies in a folder by itself.
    fn image_by(&self, program: &Path, args: &[&str]) -> Said {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [program.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).unwrap();
        let conf = storage_conf(&self.storage.path().join("one")).into_os_string();
        let variables = [("CONTAINERS_STORAGE_CONF", conf), ("PATH", path)];
        self.repository.xtask_with(&Self::arguments(args), &variables)
    }

    fn arguments<'a>(args: &[&'a str]) -> Vec<&'a str> {
        ["image", "--engine", "buildah", "--output", "plain"].iter().chain(args).copied().collect()
    }

    /// Runs `cargo xtask image --engine buildx --push` for a registry, or a folder of one.
    fn push_by_buildx(&self, registry: &str) -> Said {
        let variables = ["DOCKER_CONFIG", "BUILDX_CONFIG", "BUILDX_BUILDER", "DOCKER_HOST", "HOME"];
        let variables: Vec<_> =
            variables.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
        let args = ["image", "--engine", "buildx", "--output", "plain", "--push", "--registry", registry];
        self.repository.xtask_with(&args, &variables)
    }

    fn image(&self, args: &[&str]) -> Said {
        self.image_in(&self.storage.path().join("one"), args)
    }

    fn push(&self) -> Said {
        self.image(&["--push", "--registry", &self.registry.name()])
    }

    /// What the record says about the only image.
    fn built(&self) -> Value {
        let record: Value = serde_json::from_str(&self.repository.read("target/xtask/images.json")).unwrap();
        let problems = crate::schema::problems(&crate::schema::of("images"), &record, "images.json");
        assert!(problems.is_empty(), "{problems:#?}");
        assert_eq!(record["images"].as_array().unwrap().len(), 1);
        record["images"][0].clone()
    }
}

/// The file that says where buildah's storage at `storage` is.
fn storage_conf(storage: &Path) -> PathBuf {
    let conf = storage.join("storage.conf");
    let (root, run) = (storage.join("root"), storage.join("run"));
    let text = format!("[storage]\ndriver = \"vfs\"\ngraphroot = {root:?}\nrunroot = {run:?}\n");
    std::fs::write(&conf, text).unwrap();
    conf
}

impl Drop for House {
    /// What buildah has stored may be mounted or belong to somebody else: it removes it itself.
    fn drop(&mut self) {
        for name in ["one", "two"] {
            let conf = self.storage.path().join(name).join("storage.conf");
            if conf.exists() {
                drop(
                    Command::new("buildah")
                        .args(["rm", "--all"])
                        .env("CONTAINERS_STORAGE_CONF", &conf)
                        .output(),
                );
                drop(
                    Command::new("buildah")
                        .args(["rmi", "--all", "--force"])
                        .env("CONTAINERS_STORAGE_CONF", &conf)
                        .output(),
                );
            }
        }
    }
}

#[test]
fn an_image_is_built_judged_tried_pushed_and_then_found() {
    let Some(house) = House::new() else { return };
    let said = house.push().expect(0);
    assert!(said.all().contains("buildah builds: as asked for"), "{}", said.all());
    let built = house.built();
    let name = format!("{}/small-web", house.registry.name());
    assert!(built["reference"].as_str().unwrap().starts_with(&format!("{name}:")), "{built}");
    assert_eq!((&built["component"], &built["built_by"]), (&"web".into(), &"buildah".into()));
    assert_eq!(built["platforms"][0].as_str().unwrap().split('/').next(), Some("linux"));
    assert_eq!(built["labels"]["org.opencontainers.image.version"], "1.2.3");
    assert_eq!(built["labels"]["org.opencontainers.image.revision"].as_str().unwrap().len(), 40);
    assert!(built["size"].as_u64().unwrap() > 1000);
    // Whoever pulls it by its digest gets what the registry promises.
    let pulled = Command::new("buildah")
        .args(["pull", "--quiet", "--tls-verify=false"])
        .arg(format!("docker://{name}@{}", built["digest"].as_str().unwrap()))
        .env_remove("DOCKER_CONFIG")
        .env("CONTAINERS_STORAGE_CONF", house.storage.path().join("one/storage.conf"))
        .output()
        .unwrap();
    assert!(pulled.status.success(), "{}", String::from_utf8_lossy(&pulled.stderr));

    // What is not part of it changes nothing, in a commit neither: it is found, and gets the tag of the commit.
    house.repository.write("web/notes.txt", "still not part of it\n");
    house.commit();
    let said = house.push().expect(0);
    assert!(said.all().contains("is there already: nothing was built"), "{}", said.all());
    let found = house.built();
    assert_eq!(found["digest"], built["digest"]);
    assert_ne!(found["reference"], built["reference"]);
    assert_eq!(found["built_by"], "found in the registry by its fingerprint");

    // A file that is part of it makes another image, of which only the last layer is new.
    house.repository.write("web/page.txt", "two\n");
    let said = house.push().expect(0);
    assert!(said.all().contains("in 2 layers; 1 of 2 were looked at before"), "{}", said.all());
    let changed = house.built();
    assert_ne!(changed["digest"], built["digest"]);
    assert!(changed["labels"]["org.opencontainers.image.revision"].as_str().unwrap().ends_with("-dirty"));
    let layers = |built: &Value| house.layers(built["digest"].as_str().unwrap());
    let (before, after) = (layers(&built), layers(&changed));
    assert_eq!((before.len(), &before[..1]), (2, &after[..1]));
    assert_ne!(before[1], after[1]);
}

#[test]
fn the_same_tree_has_the_same_digest_wherever_it_is_built() {
    let Some(house) = House::new() else { return };
    house.push().expect(0);
    let first = house.built();
    let elsewhere = format!("{}/elsewhere", house.registry.name());
    let two = house.storage.path().join("two");
    house.image_in(&two, &["--push", "--registry", &elsewhere]).expect(0);
    let second = house.built();
    assert_eq!(first["digest"], second["digest"]);
    assert_eq!(second["built_by"], "buildah", "nobody had it there");
}

/// The one engine builds what the other builds: different bytes, for each writes layers in its own way, but twice the same.
#[test]
fn buildx_builds_the_same_bytes_twice_and_they_are_found_again() {
    let Some(house) = House::with_buildx() else { return };
    let one = format!("{}/one", house.registry.name());
    house.push_by_buildx(&one).expect(0);
    let first = house.built();
    assert_eq!(first["built_by"], "buildx");
    let said = house.push_by_buildx(&one).expect(0);
    assert!(said.all().contains("is there already: nothing was built"), "{}", said.all());
    // A file's times are not part of an image: the builder sees another tree, and writes the same one.
    house.repository.write("web/page.txt", "one\n");
    let pruned = Command::new("docker").args(["buildx", "prune", "--all", "--force"]).output().unwrap();
    assert!(pruned.status.success(), "{}", String::from_utf8_lossy(&pruned.stderr));
    house.push_by_buildx(&format!("{}/two", house.registry.name())).expect(0);
    let second = house.built();
    assert_eq!((&second["digest"], &second["built_by"]), (&first["digest"], &"buildx".into()));
    house.push().expect(0);
    let other = house.built();
    assert_ne!(other["digest"], first["digest"]);
    assert_eq!(other["labels"], first["labels"]);
}

#[test]
fn what_is_known_about_an_image_is_attached_to_it() {
    let Some(house) = House::new() else { return };
    house.push().expect(0);
    let digest = house.built()["digest"].as_str().unwrap().to_owned();
    // This registry keeps no lists of referrers: they stand under a tag.
    let list = house.get(&format!("manifests/{}", digest.replace(':', "-")));
    let types: Vec<&str> = list["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["artifactType"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["application/vnd.cyclonedx+json", "application/vnd.in-toto+json"]);
    let manifest = house.get(&format!("manifests/{}", list["manifests"][1]["digest"].as_str().unwrap()));
    assert_eq!(manifest["subject"]["digest"], digest.as_str());
    let statement = house.get(&format!("blobs/{}", manifest["layers"][0]["digest"].as_str().unwrap()));
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], digest.strip_prefix("sha256:").unwrap());
}

/// Somebody else has put a list under the tag: nobody here has looked at what is in it.
#[test]
fn a_list_of_images_is_not_taken_for_the_image() {
    let Some(house) = House::new() else { return };
    house.push().expect(0);
    let built = house.built();
    let digest = built["digest"].as_str().unwrap();
    let fingerprint = format!("fingerprint-{}", &built["fingerprint"].as_str().unwrap()[..32]);
    let image = house.get(&format!("manifests/{fingerprint}"));
    let list = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": image["mediaType"], "digest": digest, "size": image.to_string().len()}],
    });
    house.put(&format!("manifests/{fingerprint}"), &list);
    let said = house.push().expect(0);
    assert!(said.all().contains("is a list of images, which nobody here has looked at"), "{}", said.all());
    let again = house.built();
    assert_eq!((&again["digest"], &again["built_by"]), (&built["digest"], &"buildah".into()));
    assert_eq!(house.get(&format!("manifests/{fingerprint}")), image, "the tag has the image again");
}

#[test]
fn what_is_not_pushed_leaves_the_record_alone() {
    let Some(house) = House::new() else { return };
    house.repository.write("target/xtask/images.json", "{}");
    let said = house.image(&["--load"]).expect(0);
    assert!(said.all().contains("built and not pushed"), "{}", said.all());
    assert_eq!(house.repository.read("target/xtask/images.json"), "{}");
}

impl House {
    /// The digests of the layers of an image.
    fn layers(&self, digest: &str) -> Vec<String> {
        let manifest = self.get(&format!("manifests/{digest}"));
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// Puts a list of images into the image's repository.
    fn put(&self, path: &str, list: &Value) {
        let url = format!("http://{}/v2/small-web/{path}", self.registry.name());
        let content = format!("Content-Type: {}", list["mediaType"].as_str().unwrap());
        let text = list.to_string();
        let arguments =
            ["--silent", "--fail", "--request", "PUT", "--header", &content, "--data", &text, &url];
        assert!(Command::new("curl").args(arguments).status().unwrap().success(), "{url}");
    }

    /// A document of the image's repository, as the registry gives it to anybody.
    fn get(&self, path: &str) -> Value {
        let url = format!("http://{}/v2/small-web/{path}", self.registry.name());
        let accept =
            "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
        let output =
            Command::new("curl").args(["--silent", "--fail", "--header", accept, &url]).output().unwrap();
        assert!(output.status.success(), "{url}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
