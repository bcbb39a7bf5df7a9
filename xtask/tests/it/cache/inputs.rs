//! Whatever happens to what a task reads, it is seen.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, SystemTime};

use super::Workshop;

#[test]
fn edited_at_the_same_size_with_its_time_restored() {
    let shop = Workshop::new();
    shop.settle();
    let file = shop.path("in/a");
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "ONE\n").unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(before).unwrap();
    shop.makes_anew();
    assert!(shop.repository.read("out/result").contains("ONE"));
}

#[test]
fn edited_in_the_moment_after_it_was_read() {
    let shop = Workshop::new();
    for turn in 0..10 {
        // Right after the run that has read it, with the same size and the same time.
        let file = shop.path("in/a");
        let text = format!("{turn:03}\n");
        let before = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, &text).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(before).unwrap();
        shop.ci().expect(0);
        assert!(shop.repository.read("out/result").contains(&text), "turn {turn}");
    }
}

#[test]
fn a_time_alone_is_no_change() {
    let shop = Workshop::new();
    shop.settle();
    let file = fs::File::options().write(true).open(shop.path("in/a")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(1000)).unwrap();
    assert!(!shop.ran());
}

#[test]
fn a_new_file_that_git_does_not_track() {
    let shop = Workshop::new();
    shop.settle();
    shop.repository.write("in/deep/new", "three\n");
    shop.makes_anew();
}

#[test]
fn a_file_that_git_ignores() {
    let shop = Workshop::new();
    shop.repository.write(".gitignore", "*.secret\n");
    shop.settle();
    shop.repository.write("in/x.secret", "1\n");
    shop.makes_anew();
    shop.repository.write("in/x.secret", "2\n");
    shop.makes_anew();
}

#[test]
fn renamed_with_the_same_content() {
    let shop = Workshop::new();
    shop.settle();
    // To the end of the list, and to the same place in it.
    fs::rename(shop.path("in/a"), shop.path("in/c")).unwrap();
    shop.makes_anew();
    fs::rename(shop.path("in/b"), shop.path("in/bb")).unwrap();
    shop.makes_anew();
}

#[test]
fn two_contents_swapped() {
    let shop = Workshop::new();
    shop.settle();
    fs::rename(shop.path("in/a"), shop.path("t")).unwrap();
    fs::rename(shop.path("in/b"), shop.path("in/a")).unwrap();
    fs::rename(shop.path("t"), shop.path("in/b")).unwrap();
    shop.makes_anew();
}

#[test]
fn an_empty_file_deleted() {
    let shop = Workshop::new();
    shop.repository.write("in/empty", "");
    shop.settle();
    fs::remove_file(shop.path("in/empty")).unwrap();
    shop.makes_anew();
}

#[test]
fn a_link_that_leads_elsewhere() {
    let shop = Workshop::new();
    symlink("a", shop.path("in/link")).unwrap();
    shop.settle();
    fs::remove_file(shop.path("in/link")).unwrap();
    symlink("b", shop.path("in/link")).unwrap();
    shop.makes_anew();
    fs::remove_file(shop.path("in/link")).unwrap();
    fs::copy(shop.path("in/b"), shop.path("in/link")).unwrap();
    shop.makes_anew();
}

#[test]
fn the_permission_to_execute() {
    let shop = Workshop::new();
    shop.settle();
    fs::set_permissions(shop.path("in/a"), fs::Permissions::from_mode(0o755)).unwrap();
    shop.makes_anew();
}

#[test]
fn a_new_empty_folder() {
    let shop = Workshop::new();
    shop.settle();
    fs::create_dir(shop.path("in/empty")).unwrap();
    shop.makes_anew();
    fs::remove_dir(shop.path("in/empty")).unwrap();
    // What it was before is stored.
    assert!(!shop.ran());
}

#[test]
fn edited_while_the_task_runs_and_reverted_afterwards() {
    // The task reads its input while it has another content than before and afterwards.
    let script = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\ncp in/a \"$RUNS/kept\"\necho wrong > in/a\ncat in/a > out/result\ncp -p \"$RUNS/kept\" in/a\n";
    let shop = Workshop::with(&Workshop::configuration("pass", "pass"), script);
    let said = shop.ci().expect(0);
    assert_eq!(shop.runs(), 1);
    assert!(said.all().contains("`in/a` was written to while it ran"), "{}", said.all());
    shop.repository.write("make.sh", super::SCRIPT);
    assert!(shop.ran());
    shop.repository.write("make.sh", script);
    assert!(shop.ran(), "nothing of the first run was stored");
}

#[test]
fn what_cannot_be_read_makes_it_run() {
    if rustix::process::geteuid().is_root() {
        // Everything can be read by root: a folder that takes the place of a file is the nearest thing.
        return;
    }
    let shop = Workshop::new();
    shop.settle();
    fs::set_permissions(shop.path("in/a"), fs::Permissions::from_mode(0o000)).unwrap();
    let said = shop.ci();
    assert_eq!(shop.runs(), 1, "{}", said.all());
}
