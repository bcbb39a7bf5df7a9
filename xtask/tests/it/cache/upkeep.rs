//! `cargo xtask cache`: how much there is, what is thrown away, what is damaged; and a run that keeps the store small by itself.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use expect_test::expect;
use serde_json::Value;

use super::Workshop;

impl Workshop {
    fn cache(&self, args: &[&str], code: i32) -> crate::repository::Said {
        self.repository.xtask(&[&["cache"], args].concat()).expect(code)
    }

    fn cache_data(&self, args: &[&str]) -> Value {
        let said = self.cache(&[args, &["--output", "json"]].concat(), 0).stdout;
        let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        last["data"].clone()
    }

    /// The paths of what is stored, but for what only counts.
    fn stored(&self) -> Vec<std::path::PathBuf> {
        let folders = ["entries", "blobs"].map(|kind| self.store().join(kind));
        let all = folders.iter().flat_map(walkdir::WalkDir::new).filter_map(Result::ok);
        all.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    }

    fn stored_bytes(&self) -> u64 {
        self.stored().iter().map(|path| fs::metadata(path).unwrap().size()).sum()
    }

    /// Makes results of so many different inputs, each with an output that stands in the store by itself.
    fn fill(&self, count: u32) {
        for number in 0..count {
            self.repository.write("in/a", &format!("{number:020000}"));
            self.ci().expect(0);
        }
    }
}

#[test]
fn how_much_there_is() {
    let shop = Workshop::new();
    let said = shop.cache(&["stats"], 0).stdout;
    assert!(said.ends_with("0 B of at most 9.3 GiB: 0 results, 0 contents of files\n"), "{said}");
    assert!(!shop.store().exists(), "who only asks makes nothing");
    shop.fill(3);
    let said = shop.cache(&["stats"], 0).stdout;
    let (folder, rest) = said.split_once('\n').unwrap();
    assert_eq!(folder, shop.store().display().to_string());
    assert!(
        rest.contains("3 results, 3 contents of files\n\ntask        results\nmake.thing  3\n"),
        "{said}"
    );
    let data = shop.cache_data(&["stats"]);
    assert_eq!(data["bytes"], shop.stored_bytes());
    assert_eq!((&data["entries"], &data["size_max"]), (&3.into(), &10_000_000_000_u64.into()));
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let shop = Workshop::new();
    shop.fill(4);
    // The first result is used again, and is the youngest now.
    shop.repository.write("in/a", &format!("{:020000}", 0));
    shop.runs();
    assert!(!shop.ran());
    let half = shop.stored_bytes() / 2;
    let data = shop.cache_data(&["prune", "--max-size", &format!("{half}B")]);
    assert!(data["entries"].as_u64().unwrap() >= 2 && data["left"].as_u64().unwrap() <= half, "{data}");
    assert_eq!(data["left"], shop.stored_bytes());
    let ran = |number: u32| {
        shop.repository.write("in/a", &format!("{number:020000}"));
        shop.ran()
    };
    assert_eq!((ran(0), ran(1)), (false, true));
    let said = shop.cache(&["prune"], 0).stdout;
    assert!(said.starts_with("0 results and 0 contents of files thrown away, 0 B; "), "{said}");
    for wrong in ["0B", "many", "5", "-1MB"] {
        shop.cache(&["prune", &format!("--max-size={wrong}")], 2);
    }
}

#[test]
fn what_is_damaged_is_thrown_away_and_said() {
    let shop = Workshop::new();
    shop.fill(2);
    expect![[r"
        2 results and 2 contents of files are what they say
    "]]
    .assert_eq(&shop.cache(&["verify"], 0).stdout);
    let result = fs::read(shop.path("out/result")).unwrap();
    let blob =
        xtask::driver::cache::Store::new(shop.store()).blob(&xtask::core::fingerprint::Digest::of(&result));
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&blob, "something else").unwrap();
    let said = shop.cache(&["verify"], 1);
    assert!(said.stdout.starts_with("1 result and 1 content of files are what they say\n"), "{}", said.all());
    assert!(
        said.stdout.contains("is damaged and was thrown away\na result of `make.thing` lacks "),
        "{}",
        said.all()
    );
    assert!(said.stderr.contains("2 faults found in the cache"), "{}", said.all());
    shop.cache(&["verify"], 0);
    fs::remove_dir_all(shop.path("out")).unwrap();
    shop.runs();
    assert!(shop.ran());
}

#[test]
fn a_run_that_has_stored_something_keeps_the_store_small() {
    const MAX: u64 = 60_000;
    let configuration = format!("{}\n[cache]\nsize-max = \"60KB\"\n", super::CONFIGURATION);
    let shop = Workshop::with(&configuration, super::SCRIPT);
    let mut pruned = 0;
    for number in 0..30 {
        shop.repository.write("in/a", &format!("{number:02048}"));
        let said = shop.ci().expect(0);
        pruned += u32::from(said.all().contains("the cache had grown past `size-max`: "));
        assert!(shop.stored_bytes() <= MAX, "{number}: {}", shop.stored_bytes());
        shop.runs();
        assert!(!shop.ran(), "the newest result stays");
    }
    assert!((2..10).contains(&pruned), "now and then, not {pruned} times");
    assert!(shop.stored_bytes() > MAX / 3);
}

#[test]
fn a_run_that_has_stored_nothing_does_not_look_at_the_store() {
    let configuration = format!("{}\n[cache]\nsize-max = \"1KB\"\n", super::CONFIGURATION);
    let shop = Workshop::new();
    shop.fill(3);
    shop.repository.write("xtask.toml", &configuration);
    let before = shop.stored();
    shop.runs();
    assert!(!shop.ran());
    assert_eq!(shop.stored(), before, "nothing was thrown away");
    // The next one that stores something does.
    shop.repository.write("in/a", "new\n");
    let said = shop.ci().expect(0);
    assert!(said.all().contains("the cache had grown past"), "{}", said.all());
    assert_eq!(shop.stored_bytes(), 0, "not even one result has room");
}

#[test]
fn the_size_is_known_without_a_look_at_every_file() {
    let shop = Workshop::new();
    shop.fill(3);
    let known = || -> u64 {
        shop.repository.read(".xtask/xtask-cache/size").lines().map(|line| line.parse::<u64>().unwrap()).sum()
    };
    assert_eq!(known(), shop.stored_bytes());
    // What nobody can read is begun anew.
    fs::remove_file(shop.store().join("size")).unwrap();
    shop.fill(4);
    assert_eq!(known(), shop.stored_bytes());
    shop.cache(&["prune", "--max-size", "60KB"], 0);
    assert_eq!(known(), shop.stored_bytes());
}
