//! What is believed, and what is not.

use std::sync::Arc;

use ring::rand::SystemRandom;

use super::*;
use crate::fingerprint::contents::Contents;
use crate::fingerprint::entry::{Origin, Said};
use crate::fingerprint::{FORMAT, Fingerprint, Manifest};

fn signer() -> Signer {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Signer::parse(&STANDARD.encode(document.as_ref())).unwrap()
}

fn fingerprint() -> Fingerprint {
    Fingerprint::new(Vec::new(), Arc::default())
}

fn entry(paths: &[&str]) -> Entry {
    let file = |path: &&str| Item {
        path: path.into(),
        content: Content::File { mode: 0o644, digest: Digest::of(b"made"), size: 4 },
    };
    Entry {
        format: FORMAT,
        task: "make.thing".to_owned(),
        outputs: Manifest::new(paths.iter().map(file).collect()),
        said: Said { log: Some(Digest::of(b"log")), ..Said::default() },
        stored: 1,
        took: 2,
        contents: Contents::default(),
        origin: Origin::new(&fingerprint()),
    }
}

fn blob(bytes: &[u8]) -> Blob {
    Blob { digest: Digest::of(bytes), name: Name::of(bytes), size: bytes.len() as u64 }
}

fn blobs() -> Vec<Blob> {
    vec![blob(b"made"), blob(b"log")]
}

#[test]
fn what_a_trusted_job_signed_is_read_as_it_was_written() {
    let (signer, other, entry) = (signer(), signer(), entry(&["out/a", "out/b"]));
    let key = fingerprint().key();
    let bytes = signer.sign(&key, &entry, &blobs());
    let trusted = [other.public(), signer.public()];
    let read = Signed::decode(&bytes, &key, &trusted).unwrap();
    assert_eq!((read.size(), &read.blobs), (7, &blobs()));
    assert_eq!(read.entry, entry);
}

#[test]
fn what_a_result_brings_along_is_not_listed() {
    let (signer, mut entry) = (signer(), entry(&["out/a"]));
    entry.contents.add(b"made".to_vec());
    let key = fingerprint().key();
    let decode = |entry: &Entry, blobs: &[Blob]| {
        Signed::decode(&signer.sign(&key, entry, blobs), &key, &[signer.public()])
    };
    let read = decode(&entry, &[blob(b"log")]).unwrap();
    assert_eq!((read.size(), read.entry), (3, entry.clone()));
    assert_eq!(decode(&entry, &blobs()), Err(Refusal::OtherContents), "one too many");
    let longer = Content::File { mode: 0o644, digest: Digest::of(b"made"), size: 5 };
    entry.outputs = Manifest::new(vec![Item { path: "out/a".into(), content: longer }]);
    assert_eq!(decode(&entry, &[blob(b"log")]), Err(Refusal::OtherContents), "of another size");
}

#[test]
fn no_byte_of_it_can_be_another() {
    let (signer, entry) = (signer(), entry(&["out/a"]));
    let key = fingerprint().key();
    let bytes = signer.sign(&key, &entry, &blobs());
    let decode = |bytes: &[u8]| Signed::decode(bytes, &key, &[signer.public()]);
    for position in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        let refusal = decode(&flipped).unwrap_err();
        let head = MAGIC.len();
        let expected = match position {
            _ if position < head => matches!(refusal, Refusal::Unsigned),
            _ if position < head + 32 => matches!(refusal, Refusal::UnknownKey(_)),
            _ => refusal == Refusal::WrongSignature,
        };
        assert!(expected, "byte {position}: {refusal}");
    }
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length} bytes of it");
    }
    assert_eq!(decode(&[&bytes[..], b"x"].concat()), Err(Refusal::WrongSignature));
}

#[test]
fn another_key_another_signer_and_no_signature_are_refused() {
    let (signer, other, entry) = (signer(), signer(), entry(&["out/a"]));
    let key = fingerprint().key();
    let trusted = [signer.public()];
    let bytes = signer.sign(&key, &entry, &blobs());
    let elsewhere = Digest::of(b"another key");
    assert_eq!(Signed::decode(&bytes, &elsewhere, &trusted), Err(Refusal::WrongSignature));
    let foreign = other.sign(&key, &entry, &blobs());
    assert_eq!(Signed::decode(&foreign, &key, &trusted), Err(Refusal::UnknownKey(other.public())));
    // Under the name of the trusted key.
    let mut posing = foreign;
    posing[MAGIC.len()..MAGIC.len() + 32].copy_from_slice(&signer.public().0);
    assert_eq!(Signed::decode(&posing, &key, &trusted), Err(Refusal::WrongSignature));
    assert_eq!(Signed::decode(&entry.encode(&key), &key, &trusted), Err(Refusal::Unsigned));
    assert_eq!(Signed::decode(&bytes, &key, &[]), Err(Refusal::UnknownKey(signer.public())));
}

#[test]
fn what_was_signed_has_to_make_sense_all_the_same() {
    let signer = signer();
    let inside = entry(&["out/a"]);
    let key = fingerprint().key();
    let decode = |entry: &Entry, key: &Digest, blobs: &[Blob]| {
        Signed::decode(&signer.sign(key, entry, blobs), key, &[signer.public()]).map(drop)
    };
    for outside in ["/etc/passwd", "../x", "out/../../x"] {
        let refused = decode(&entry(&[outside]), &key, &blobs());
        assert_eq!(refused, Err(EntryError::Outside.into()), "{outside}");
    }
    let elsewhere = Digest::of(b"another key");
    assert_eq!(decode(&inside, &elsewhere, &blobs()), Err(EntryError::OtherKey.into()));
    let twice = [blobs(), vec![blob(b"log")]].concat();
    let more = [blobs(), vec![blob(b"more")]].concat();
    let longer = vec![Blob { size: 1 << 40, ..blob(b"made") }, blob(b"log")];
    for (name, blobs) in
        [("too few", vec![blob(b"made")]), ("twice", twice), ("too many", more), ("another size", longer)]
    {
        assert_eq!(decode(&inside, &key, &blobs), Err(Refusal::OtherContents), "{name}");
    }
}

#[test]
fn keys_are_written_as_they_are_read_and_the_private_one_is_not_shown() {
    let signer = signer();
    let text = signer.public().to_string();
    assert_eq!(PublicKey::parse(&text), Ok(signer.public()));
    assert_eq!(format!("{signer:?}"), format!("Signer({text})"));
    assert_eq!(PublicKey::parse("AAAA").unwrap_err(), "holds 3 bytes, not 32");
    assert_eq!(PublicKey::parse("no key").unwrap_err(), "is no base64");
    assert!(Signer::parse("").is_none() && Signer::parse(&text).is_none());
    // `openssl genpkey -algorithm ed25519 -outform DER | base64`, the seed all ones.
    let openssl = STANDARD.encode(
        [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &[1; 32]].concat(),
    );
    assert!(Signer::parse(&format!("{openssl}\n")).is_some());
}
