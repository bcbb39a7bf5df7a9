//! What is left is kept, what the cluster knows is taken from there, and nothing else is claimed.

use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::release::ledger::{Payload, Wanted, decode, encode, target};
use crate::release::model::Revision;

const NOW: UnixSeconds = 1_760_009_999;

fn release(number: u32) -> ReleaseId {
    ReleaseId { environment: "production".into(), number }
}

fn line(text: &str) -> Line {
    Line::new(text, &Mask::default())
}

fn backend() -> ComponentName {
    ComponentName("backend".into())
}

fn revision(number: u32) -> Revision {
    Revision(format!("{number:016x}").into())
}

fn payload(name: &str, number: u32) -> PayloadName {
    Payload::new(name, &[&json!(number)]).unwrap().name
}

fn account(number: u32) -> Arc<Account> {
    Arc::new(Account {
        pieces: vec![Piece {
            component: backend(),
            revision: revision(number),
            payload: payload("vitalyst-backend", number),
        }],
        objects: Some(payload("vitalyst-objects", 0)),
        commit: Some(format!("{number:040x}").into()),
        who: line("anna"),
        why: line("faster answers, at last"),
        ..Account::default()
    })
}

fn journal(number: u32) -> Journal {
    Journal { floors: vec![Some(2)], ..Journal::new(release(number), Phase::Exposed(0), vec![3]) }
}

fn live(slot: Slot) -> Live {
    [(backend(), slot)].into()
}

/// Release 1 was verified in slot a, release 2 serves from slot b.
fn head() -> Head {
    let promoted = |head: Head, number: u32, slot: Slot| {
        let head = head.noting(journal(number), &account(number), 1_760_000_000 + i64::from(number) * 1000);
        head.closed(Ending::Promoted, live(slot), &line("good"), 1_760_000_500 + i64::from(number) * 1000)
    };
    promoted(promoted(Head::empty(), 1, Slot::A), 2, Slot::B)
}

fn stands(number: u32, replicas: u32) -> Stands {
    let commit = Some(format!("{number:040x}").into());
    Stands { revision: revision(number), stated: Some(release(number)), commit, replicas }
}

fn stored(number: u32, created: &str) -> Stored {
    let of = Some((backend(), revision(number)));
    Stored { name: payload("vitalyst-backend", number), of, created: created.to_owned() }
}

/// What the cluster shows when release 2 serves, through its bake.
fn evidence() -> Evidence {
    let objects = Stored { name: payload("vitalyst-objects", 0), of: None, created: "2026-01-01".to_owned() };
    let slots = [Some(stands(1, 0)), Some(stands(2, 3))];
    Evidence {
        components: vec![Component { name: backend(), slots, served: [false, true] }],
        payloads: vec![stored(1, "2026-01-01"), stored(2, "2026-01-02"), objects],
        contracts: false,
    }
}

/// What is made of `data`: it can be written, and is read as the same.
fn mend(data: &BTreeMap<String, String>, evidence: &Evidence) -> Repair {
    let repair = repair("production", data, evidence, NOW).unwrap();
    let written = encode(&repair.head).unwrap_or_else(|error| panic!("{error}: {repair:#?}"));
    assert_eq!(decode(&written).unwrap(), repair.head);
    repair
}

fn words(repair: &Repair) -> String {
    let head = &repair.head;
    let mut text =
        format!("{} serves from {:?}", ReleaseId::or_nothing(head.serving.as_ref()), head.live.values());
    if let Some(journal) = &head.under_way {
        write!(text, ", {} under way: {:?} {:?}", journal.release, journal.phase, journal.replicas).unwrap();
    }
    for entry in head.history.iter() {
        let kept = if entry.is_kept { "kept" } else { "gone" };
        write!(
            text,
            "\n  {}: {}, {kept}, {} of {}",
            entry.release,
            entry.state,
            entry.account.pieces.len(),
            entry.account.who
        )
        .unwrap();
    }
    let to = target(head, &Wanted::Previous).map(|target| target.origin.to_string());
    writeln!(text, "\n  a rollback: {}", to.unwrap_or_else(|no| no.to_string())).unwrap();
    for (mark, sentences) in [("+", &repair.known), ("-", &repair.lost)] {
        for sentence in sentences {
            writeln!(text, "  {mark} {sentence}").unwrap();
        }
    }
    text
}

#[test]
fn what_can_be_read_is_kept_as_it_is() {
    let data = encode(&head()).unwrap();
    let repair = mend(&data, &evidence());
    assert_eq!((repair.head, repair.known, repair.lost), (head(), vec![], vec![]));
    let open = head().noting(journal(3), &account(3), 1_760_004_000);
    assert_eq!(mend(&encode(&open).unwrap(), &evidence()).head, open);
}

/// However much is missing of whichever key, the same release serves, and a rollback goes to the same one.
#[test]
fn a_text_that_was_cut_off_costs_words_and_no_way_back() {
    let data = encode(&head()).unwrap();
    let shapes = [
        "%%%",
        "",
        "[]",
        "{}",
        "null",
        "{\"is\":7,\"runs\":\"x\"}",
        "\u{fffd}",
        "production-9-",
        "{\"a\":{\"b\":[1]}}",
    ];
    let mut tried = 0;
    for key in data.keys() {
        let cuts = (0..data[key].len()).map(|end| data[key][..end].to_owned());
        for text in cuts.chain(shapes.map(str::to_owned)) {
            let damaged = data
                .iter()
                .map(|(other, own)| (other.clone(), if other == key { text.clone() } else { own.clone() }));
            let damaged: BTreeMap<String, String> = damaged.collect();
            if decode(&damaged).is_ok() || (key == FORMAT && text == "1") {
                continue;
            }
            tried += 1;
            let head = mend(&damaged, &evidence()).head;
            assert_eq!(head.serving, Some(release(2)), "{key}: {text}");
            assert_eq!(head.live, live(Slot::B), "{key}: {text}");
            let to = target(&head, &Wanted::Previous).unwrap_or_else(|no| panic!("{key}: {text}: {no}"));
            assert_eq!(to.entry.account.pieces, account(1).pieces, "{key}: {text}");
        }
    }
    assert!(tried > 400, "{tried}");
}

/// Something else than release 2 through its bake.
type Edit = fn(&mut Evidence);

fn said(data: &BTreeMap<String, String>, situations: &[(&str, Edit)]) -> String {
    let mut text = String::new();
    for (name, edit) in situations {
        let mut evidence = evidence();
        edit(&mut evidence);
        write!(text, "{name}\n{}", words(&mend(data, &evidence))).unwrap();
    }
    text
}

#[test]
fn without_any_of_it_the_slots_say_what_serves_and_what_did() {
    let situations: [(&str, Edit); 5] = [
        ("through its bake", |_| {}),
        ("what serves was brought back by a rollback", |evidence| {
            evidence.payloads[1].created = "2025-12-31".to_owned();
        }),
        ("the slot that stands by still has pods", |evidence| {
            evidence.components[0].slots[0] = Some(stands(1, 3));
        }),
        ("there is a Job that takes something away", |evidence| evidence.contracts = true),
        ("a component that has not changed since", |evidence| {
            let name = ComponentName("worker".into());
            evidence
                .payloads
                .push(Stored { of: Some((name.clone(), revision(1))), ..stored(7, "2026-01-01") });
            let slots = [Some(stands(1, 1)), None];
            evidence.components.push(Component { name, slots, served: [true, false] });
        }),
    ];
    expect_test::expect![[r#"
        through its bake
        production-2 serves from [B]
          production-1: verified, kept, 1 of 
          production-2: verified, kept, 1 of 
          a rollback: production-1
          + `production-2` serves, by what the slots with requests run
          + the slots that serve are backend: b
          + `production-2` is verified, and what it was made of is kept
          + `production-1` is verified, and what it was made of is kept
          - `production-2`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
          - `production-1`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
        what serves was brought back by a rollback
        production-2 serves from [B]
          production-1: withdrawn, kept, 1 of 
          production-2: verified, kept, 1 of 
          a rollback: no verified release is older than production-2 (production-1: withdrawn)
          + `production-2` serves, by what the slots with requests run
          + the slots that serve are backend: b
          + `production-2` is verified, and what it was made of is kept
          + `production-1` is withdrawn, and what it was made of is kept
          - `production-2`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
          - `production-1`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
        the slot that stands by still has pods
        production-2 serves from [B]
          production-1: verified, kept, 1 of 
          production-2: not verified, kept, 1 of 
          a rollback: production-1
          + `production-2` serves, by what the slots with requests run
          + the slots that serve are backend: b
          + `production-2` is not verified, and what it was made of is kept
          + `production-1` is verified, and what it was made of is kept
          - `production-2`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
          - `production-1`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
        there is a Job that takes something away
        production-2 serves from [B]
          production-1: verified, kept, 1 of 
          production-2: verified, kept, 1 of 
          a rollback: production-2 has taken away what production-1 needs from the database: no rollback goes past it
          + `production-2` serves, by what the slots with requests run
          + the slots that serve are backend: b
          + `production-2` is verified, and what it was made of is kept
          + `production-1` is verified, and what it was made of is kept
          - `production-2`: who wanted it, why, when it began, whether it brought an older one back
          - `production-1`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
        a component that has not changed since
        production-2 serves from [B, A]
          production-1: verified, kept, 2 of 
          production-2: verified, kept, 2 of 
          a rollback: production-1
          + `production-2` serves, by what the slots with requests run
          + the slots that serve are backend: b, worker: a
          + `production-2` is verified, and what it was made of is kept
          + `production-1` is verified, and what it was made of is kept
          - `production-2`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
          - `production-1`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
    "#]].assert_eq(&said(&BTreeMap::new(), &situations));
}

#[test]
fn what_is_not_known_is_said_and_not_claimed() {
    let situations: [(&str, Edit); 3] = [
        ("a newer release has failed", |evidence| {
            evidence.components[0].slots[0] = Some(stands(3, 0));
            evidence.payloads.push(stored(3, "2026-01-03"));
        }),
        ("its payload is gone", |evidence| drop(evidence.payloads.remove(1))),
        ("what runs was never released", |evidence| {
            let strange = Stands { stated: None, ..stands(1, 3) };
            evidence.components[0].slots = [Some(strange), Some(stands(2, 0))];
            evidence.components[0].served = [true, false];
        }),
    ];
    expect_test::expect![[r#"
        a newer release has failed
        production-2 serves from [B]
          production-2: verified, kept, 1 of 
          production-3: aborted, kept, 1 of 
          a rollback: no verified release is older than production-2 (production-3: aborted)
          + `production-2` serves, by what the slots with requests run
          + the slots that serve are backend: b
          + `production-2` is verified, and what it was made of is kept
          - `production-2`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
          - `production-3`: everything but its number, which is not used again; no rollback goes to it
          - 1 payload of no known release: deleted by the next one
        its payload is gone
        production-2 serves from [B]
          production-1: withdrawn, kept, 1 of 
          production-2: not verified, gone, 1 of 
          a rollback: no verified release is older than production-2 (production-1: withdrawn)
          + `production-2` serves, by what the slots with requests run
          + the slots that serve are backend: b
          + `production-1` is withdrawn, and what it was made of is kept
          - `production-2`: everything but its number, which is not used again; no rollback goes to it
          - `production-1`: who wanted it, why, when it began, whether it brought an older one back, whether it has taken something away from the database
        what runs was never released
        nothing serves from []
          production-2: aborted, kept, 1 of 
          a rollback: nothing serves: there is nothing to take back
          + nothing serves: no slot with requests is of a release; `cargo xtask adopt` writes down what runs
          - `production-2`: everything but its number, which is not used again; no rollback goes to it
          - 1 payload of no known release: deleted by the next one
    "#]].assert_eq(&said(&BTreeMap::new(), &situations));
}

#[test]
fn a_release_of_which_nobody_knows_how_far_it_was_goes_back() {
    let mut data = encode(&head().noting(journal(3), &account(3), 1_760_004_000)).unwrap();
    data.insert("under-way".to_owned(), "{\"release\":\"production-3\",\"phase\":\"sta".to_owned());
    data.insert("live".to_owned(), "{\"backend\":".to_owned());
    data.insert("notes".to_owned(), "mine".to_owned());
    let canary: (&str, Edit) = ("a canary", |evidence| {
        evidence.components[0].slots[0] = Some(stands(3, 1));
        evidence.components[0].served = [true, true];
    });
    expect_test::expect![[r#"
        a canary
        production-2 serves from [B], production-3 under way: Reverting [3]
          production-1: verified, kept, 1 of anna
          production-2: verified, kept, 1 of anna
          production-3: under way, kept, 1 of anna
          a rollback: production-1
          + the slots that serve are backend: b
          + `production-3` is under way, and will be taken back
          - `production-3`: how far it was, what was measured, and the floors of autoscalers before it
          - `notes`, which is no key of a ledger
    "#]]
    .assert_eq(&said(&data, &[canary]));
}

#[test]
fn what_would_be_guessed_is_refused() {
    let said = |data: &[(&str, &str)], evidence: &Evidence| {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        repair("production", &data, evidence, NOW).unwrap_err().to_string()
    };
    let mut both = evidence();
    both.components[0].served = [true, true];
    both.components[0].slots = [Some(stands(2, 3)), Some(stands(2, 3))];
    let lines = [
        said(&[("format", "2")], &evidence()),
        said(&[], &Evidence::default()),
        said(&[("serving", "staging-2"), ("live", "7")], &both),
    ];
    expect_test::expect![[r#"
        it has the format `2`: it is not damaged, and only a program that knows the format may write it
        neither the ledger nor the cluster says that anything was ever released
        both slots of `backend` get requests, and nothing says which of them served"#]]
    .assert_eq(&lines.join("\n"));
}
