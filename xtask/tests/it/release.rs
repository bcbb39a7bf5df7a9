//! What comes before a release, through the real program and through the library: from the files of a repository to a plan.

use std::path::{Path, PathBuf};

use xtask::Cx;
use xtask::config::Config;
use xtask::core::release::machine;
use xtask::tasks::release::prepare::{Options, Source, prepare};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn a_rehearsal_needs_nothing_but_the_files_of_this_repository() {
    let text = std::fs::read_to_string(root().join("xtask.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(Path::new("xtask.toml"), &text).unwrap();
    let cx = Cx::builder(root()).output(folder.path()).config(config).build();
    for environment in ["staging", "production"] {
        let options = Options {
            environment: Some(environment.to_owned()),
            source: Source::Imagined,
            override_freeze: None,
            without_way_back: false,
        };
        let prepared = prepare(&cx, &options).unwrap();
        assert_eq!(prepared.plan.release.to_string(), format!("{environment}-2"));
        assert!(prepared.plan.parts.iter().all(|part| part.changes()));
        let [backend, frontend] = prepared.course.parts.as_slice() else { panic!("two components") };
        assert_eq!(backend.steps().len(), 2);
        assert_eq!(frontend.strategy, machine::Strategy::Flip);
        // One probability for the whole release: every component knows of the streams of all.
        assert_eq!((backend.settings.streams, frontend.settings.streams), (4, 4));
    }
}
