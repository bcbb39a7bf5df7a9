//! Whatever happens to what is stored, it is never believed to be what it was not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use xtask::driver::cache::Store;

use super::Workshop;

fn files(folder: &Path) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    all.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

fn change(path: &Path, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, change(bytes)).unwrap();
}

/// The same bytes with the first of these words replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|word| word == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// Loses the outputs, damages the store, and sees that the task runs, says why, and leaves a sound store.
#[track_caller]
fn survives(shop: &Workshop, damage: impl FnOnce()) {
    shop.settle();
    let text = shop.repository.read("out/result");
    damage();
    fs::remove_dir_all(shop.path("out")).unwrap();
    let said = shop.ci().expect(0);
    assert_eq!(shop.runs(), 1, "{}", said.all());
    assert_eq!(shop.repository.read("out/result"), text);
    assert!(!shop.ran(), "stored again");
    fs::remove_dir_all(shop.path("out")).unwrap();
    assert!(!shop.ran(), "and whole");
    assert_eq!(shop.repository.read("out/result"), text);
}

#[test]
fn one_flipped_bit_in_what_was_made() {
    let shop = Workshop::large();
    survives(&shop, || {
        for path in files(&shop.store().join("blobs")) {
            change(&path, |mut bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                bytes
            });
        }
    });
}

#[test]
fn one_flipped_bit_in_an_entry() {
    let shop = Workshop::new();
    survives(&shop, || {
        for path in files(&shop.store().join("entries")) {
            // In the name of what was made: everything else about the entry is as it was.
            change(&path, |bytes| replaced(&bytes, b"out/result", b"out/resulu"));
        }
    });
}

#[test]
fn one_flipped_bit_in_what_an_entry_brings_along() {
    let shop = Workshop::new();
    survives(&shop, || {
        assert!(files(&shop.store().join("blobs")).is_empty());
        for path in files(&shop.store().join("entries")) {
            change(&path, |bytes| replaced(&bytes, b"one\n", b"onf\n"));
        }
    });
}

#[test]
fn cut_short() {
    let shop = Workshop::large();
    survives(&shop, || {
        for path in files(&shop.store().join("blobs")) {
            change(&path, |bytes| bytes[..bytes.len() / 2].to_vec());
        }
    });
    let shop = Workshop::new();
    survives(&shop, || {
        for path in files(&shop.store().join("entries")) {
            change(&path, |_| Vec::new());
        }
    });
}

#[test]
fn of_another_version() {
    let shop = Workshop::new();
    survives(&shop, || {
        for path in files(&shop.store().join("entries")) {
            change(&path, |bytes| replaced(&bytes, b"xtask entry ", b"xtask entry 9"));
        }
    });
}

#[test]
fn an_entry_under_another_key() {
    let shop = Workshop::new();
    shop.settle();
    let first = files(&shop.store().join("entries"));
    shop.repository.write("in/a", "other\n");
    shop.makes_anew();
    let second: Vec<PathBuf> =
        files(&shop.store().join("entries")).into_iter().filter(|path| !first.contains(path)).collect();
    let (first, second) = (fs::read(&first[0]).unwrap(), second[0].clone());
    change(&second, |_| first);
    fs::remove_dir_all(shop.path("out")).unwrap();
    assert!(shop.ran());
    assert!(shop.repository.read("out/result").contains("other"));
}

#[test]
fn parts_of_it_gone() {
    let shop = Workshop::large();
    survives(&shop, || fs::remove_dir_all(shop.store().join("blobs")).unwrap());
    let shop = Workshop::new();
    survives(&shop, || fs::remove_dir_all(shop.store()).unwrap());
}

#[test]
fn a_store_that_cannot_be_written_makes_nothing_fail() {
    let shop = Workshop::new();
    fs::create_dir_all(shop.path(".xtask")).unwrap();
    fs::write(shop.store(), "a file stands where the store should be").unwrap();
    for _ in 0..2 {
        let said = shop.ci().expect(0);
        assert_eq!(shop.runs(), 1);
        assert!(said.all().contains("warning: "), "{}", said.all());
        assert!(shop.path("out/result").exists());
    }
}

#[test]
fn a_damaged_index_is_an_empty_one() {
    let shop = Workshop::new();
    shop.settle();
    fs::write(shop.path(".xtask/checkout.index"), "nonsense").unwrap();
    assert!(!shop.ran(), "found in the store");
    fs::remove_file(shop.path(".xtask/checkout.index")).unwrap();
    assert!(!shop.ran());
}

#[test]
fn what_was_put_back_half_way_is_taken_away_before_the_task_runs() {
    // A link that is there already makes this task fail.
    let script = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\nln -s a out/a\ncat in/a > out/z\n";
    let shop = Workshop::with(super::CONFIGURATION, script);
    let large = "one\n".repeat(5_000);
    shop.repository.write("in/a", &large);
    shop.settle();
    fs::remove_dir_all(shop.path("out")).unwrap();
    let digest = xtask::core::fingerprint::Digest::of(large.as_bytes());
    fs::remove_file(Store::new(shop.store()).blob(&digest)).unwrap();
    assert!(shop.ran());
    assert_eq!(super::names(&shop.path("out")), ["a", "z"]);
}
