//! `[cache]`.

use expect_test::expect;
use xtask::config::Upload;

use super::{check, every_key_says_so, parse};

const COMPLETE: &str = r#"
project.name = "x"
[cache]
url = "https://cache.example.com/xtask/"
public-keys = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
upload = "never"
"#;

#[test]
fn everything_that_can_be_said_of_a_cache_arrives() {
    let remote = parse(COMPLETE).unwrap().cache.remote.unwrap();
    assert_eq!(remote.url.to_string(), "https://cache.example.com/xtask/");
    assert_eq!((remote.public_keys.len(), remote.upload), (1, Upload::Never));
    let usual = parse(&COMPLETE.replace("upload = \"never\"", "")).unwrap();
    assert_eq!(usual.cache.remote.unwrap().upload, Upload::Trusted);
    assert!(parse("project.name = \"x\"").unwrap().cache.remote.is_none());
    assert!(parse(&COMPLETE.replace("https://cache.example.com", "http://127.0.0.1:8080")).is_ok());
}

#[test]
fn every_key_of_a_cache_says_so_when_its_value_has_a_wrong_type() {
    every_key_says_so(&COMPLETE.replace("project.name = \"x\"", "project.name=\"x\""), 3, &[]);
}

#[test]
fn a_cache_that_could_not_be_used_is_refused() {
    check(
        "project.name = \"x\"\n[cache]\nurl = \"http://cache.example.com\"\npublic-keys = []\nupload = \"always\"\n",
        &expect![[r#"
            xtask.toml has 3 problems
            3:7: `cache.url` must be an address such as "https://cache.example.com/xtask" [in the clear only this machine is spoken to: use `https://`]
            4:15: `cache.public-keys` must not be empty [nothing that the server has would be believed]
            5:10: `cache.upload` must be `trusted` or `never` (there are `trusted`, `never`)
        "#]],
    );
    check(
        "project.name = \"x\"\n[cache]\nurl = \"https://me:pw@cache.example.com\"\npublic-keys = [\"AAAA\", \"?\"]\n",
        &expect![[r#"
            xtask.toml has 3 problems
            3:7: `cache.url` must be an address such as "https://cache.example.com/xtask" [an address must not hold a user or a password]
            4:16: `cache.public-keys[0]` must be an Ed25519 public key: the base64 of its 32 bytes [holds 3 bytes, not 32]
            4:24: `cache.public-keys[1]` must be an Ed25519 public key: the base64 of its 32 bytes [is no base64]
        "#]],
    );
    check(
        "project.name = \"x\"\n[cache]\nurl = \"https://c.example.com/?a=b\"\n",
        &expect![[r#"
        xtask.toml has 2 problems
        2:2: `public-keys` is missing in `cache`
        3:7: `cache.url` must be an address such as "https://cache.example.com/xtask" [has a query]
    "#]],
    );
    check(
        "project.name = \"x\"\n[cache]\nupload = \"never\"\n",
        &expect![[r#"
            xtask.toml has 1 problem
            3:10: `cache.upload` needs `url`, which says where the server is
        "#]],
    );
    assert!(parse("project.name = \"x\"\n[cache]\n").unwrap().cache.remote.is_none());
}
