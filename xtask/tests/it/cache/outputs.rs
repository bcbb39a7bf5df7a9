//! Whatever happens to what a task makes, it stands there afterwards, all of it and nothing else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::Workshop;

/// Makes files of all kinds.
const ALL_KINDS: &str = r#"
set -eu
echo run >> "$RUNS/runs"
mkdir -p out/empty out/deep
cat in/a > out/deep/plain
cat in/b > out/tool
chmod 751 out/tool
ln -s deep/plain out/link
ln -s nowhere out/broken
chmod 700 out/empty
"#;

#[track_caller]
fn all_is_there(shop: &Workshop) {
    assert_eq!(shop.repository.read("out/deep/plain"), "one\n");
    assert_eq!(fs::metadata(shop.path("out/tool")).unwrap().permissions().mode() & 0o777, 0o751);
    assert_eq!(fs::read_link(shop.path("out/link")).unwrap().to_str(), Some("deep/plain"));
    assert_eq!(fs::read_link(shop.path("out/broken")).unwrap().to_str(), Some("nowhere"));
    assert_eq!(fs::metadata(shop.path("out/empty")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_folder_deleted() {
    let shop = Workshop::with(super::CONFIGURATION, ALL_KINDS);
    shop.settle();
    fs::remove_dir_all(shop.path("out")).unwrap();
    assert!(!shop.ran());
    all_is_there(&shop);
}

#[test]
fn one_of_two_deleted() {
    let shop = Workshop::with(super::CONFIGURATION, ALL_KINDS);
    shop.settle();
    fs::remove_file(shop.path("out/deep/plain")).unwrap();
    assert!(!shop.ran());
    all_is_there(&shop);
}

#[test]
fn edited_by_hand() {
    let shop = Workshop::with(super::CONFIGURATION, ALL_KINDS);
    shop.settle();
    let time = fs::metadata(shop.path("out/tool")).unwrap().modified().unwrap();
    fs::write(shop.path("out/tool"), "TWO\n").unwrap();
    fs::File::options().write(true).open(shop.path("out/tool")).unwrap().set_modified(time).unwrap();
    assert!(!shop.ran());
    assert_eq!(shop.repository.read("out/tool"), "two\n");
    all_is_there(&shop);
}

#[test]
fn modes_links_and_empty_folders_are_put_back() {
    let shop = Workshop::with(super::CONFIGURATION, ALL_KINDS);
    shop.settle();
    fs::set_permissions(shop.path("out/tool"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(shop.path("out/link")).unwrap();
    symlink("tool", shop.path("out/link")).unwrap();
    fs::remove_file(shop.path("out/broken")).unwrap();
    fs::remove_dir(shop.path("out/empty")).unwrap();
    assert!(!shop.ran());
    all_is_there(&shop);
}

#[test]
fn a_leftover_of_an_earlier_run_is_not_stored() {
    let shop = Workshop::new();
    shop.repository.write("out/leftover", "old\n");
    assert!(shop.ran());
    assert!(!shop.path("out/leftover").exists(), "taken away before it ran");
    fs::remove_dir_all(shop.path("out")).unwrap();
    assert!(!shop.ran());
    assert!(!shop.path("out/leftover").exists());
}

#[test]
fn a_file_of_another_state_does_not_survive_a_hit() {
    let script = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\ncat in/a > \"out/$(cat in/b)\"\n";
    let shop = Workshop::with(super::CONFIGURATION, script);
    assert!(shop.ran());
    shop.repository.write("in/b", "other\n");
    assert!(shop.ran());
    shop.repository.write("in/b", "two\n");
    assert!(!shop.ran(), "both are stored");
    let names = crate::cache::names(&shop.path("out"));
    assert_eq!(names, ["two"]);
}

#[test]
fn what_stands_in_the_tree_is_no_hard_link_into_the_store() {
    let shop = Workshop::new();
    shop.settle();
    fs::remove_dir_all(shop.path("out")).unwrap();
    assert!(!shop.ran());
    assert_eq!(fs::metadata(shop.path("out/result")).unwrap().nlink(), 1);
    // Whoever writes into the file in place changes nothing that is stored.
    let text = shop.repository.read("out/result");
    fs::write(shop.path("out/result"), "vandalized").unwrap();
    assert!(!shop.ran());
    assert_eq!(shop.repository.read("out/result"), text);
}

#[test]
fn what_is_read_and_made_at_once_is_refused() {
    let configuration =
        Workshop::configuration("reads = [\"in\", \"make.sh\"]", "reads = [\"in\", \"make.sh\", \"out\"]");
    let shop = Workshop::with(&configuration, super::SCRIPT);
    shop.repository.write("out/precious", "mine\n");
    let said = shop.ci().expect(0);
    assert!(said.all().contains("is among what `make.thing` reads and what it makes"), "{}", said.all());
    assert_eq!(shop.repository.read("out/precious"), "mine\n", "nothing was taken away");
}

#[test]
fn a_hit_says_what_the_task_said() {
    let shop = Workshop::new();
    shop.settle();
    let log = shop.path("target/xtask/logs/make.thing.log");
    assert!(fs::read_to_string(&log).unwrap().contains("made from 2 files"));
    fs::remove_file(&log).unwrap();
    assert!(!shop.ran());
    assert!(fs::read_to_string(&log).unwrap().contains("made from 2 files"));
}
