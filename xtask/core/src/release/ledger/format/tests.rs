//! What is written is read again, and what cannot be read is named.

use serde_json::json;

use super::*;
use crate::mask::Mask;
use crate::release::ledger::{Live, Payload, Phase};
use crate::release::model::{Ending, Slot};
use crate::simulation::random::Random;

fn release(number: u32) -> ReleaseId {
    ReleaseId { environment: "production".into(), number }
}

fn line(text: &str) -> Line {
    Line::new(text, &Mask::default())
}

fn account(number: u32) -> Account {
    let piece = |name: &str| Piece {
        component: ComponentName(name.into()),
        revision: Revision(format!("{number:016x}").into()),
        payload: Payload::new(&format!("vitalyst-{name}"), &[&json!(number)]).unwrap().name,
    };
    Account {
        pieces: vec![piece("backend"), piece("frontend")],
        objects: Some(Payload::new("vitalyst-objects", &[&json!(number)]).unwrap().name),
        commit: Some(format!("{number:040x}").into()),
        who: line("Jane Doe <jane@example.org>"),
        why: line("answers faster where the graph is deep"),
        ..Account::default()
    }
}

fn journal(number: u32) -> Journal {
    let journal = Journal::new(release(number), Phase::Intended, vec![3, 3]);
    Journal { floors: vec![Some(2), None], by_hand: true, ..journal }
}

/// Both components serve from slot a.
fn live() -> Live {
    ["backend", "frontend"].map(|name| (ComponentName(name.into()), Slot::A)).into()
}

/// A first release that was adopted, a second that was rolled back, a third under way.
fn head() -> Head {
    let first = Entry::adopted(release(0), Arc::new(account(0)), 1_760_000_000);
    let first = first.become_state(State::Verified).unwrap();
    let head = Head::new(first, live()).noting(journal(1), &Arc::new(account(1)), 1_760_000_100);
    let basis = line("errors: canary 12 of 200 (6.00 %), baseline 0 of 1,800 (0.00 %); E 480 of 400");
    let head = head.closed(Ending::RolledBack, live(), &basis, 1_760_000_200);
    let third = Account {
        restores: Some(release(0)),
        contracts: true,
        unfrozen: Some(line("the shop is down")),
        ..account(0)
    };
    head.noting(journal(2), &Arc::new(third), 1_760_000_300)
}

#[test]
fn a_head_reads_like_this() {
    let data = encode(&head()).unwrap();
    let text: Vec<String> = data.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    expect_test::expect![[r#"
        format: 1
        live: {"backend":"a","frontend":"a"}
        production-0: {"is":"verified","runs":[["backend","0000000000000000","vitalyst-backend-fe90030dec"],["frontend","0000000000000000","vitalyst-frontend-fe90030dec"]],"also":"vitalyst-objects-fe90030dec","commit":"0000000000000000000000000000000000000000","by":"Jane Doe <jane@example.org>","why":"answers faster where the graph is deep","from":1760000000,"to":1760000000}
        production-1: {"is":"rolled-back","runs":[["backend","0000000000000001","vitalyst-backend-72be129906"],["frontend","0000000000000001","vitalyst-frontend-72be129906"]],"also":"vitalyst-objects-72be129906","commit":"0000000000000000000000000000000000000001","by":"Jane Doe <jane@example.org>","why":"answers faster where the graph is deep","from":1760000100,"to":1760000200,"on":"errors: canary 12 of 200 (6.00 %), baseline 0 of 1,800 (0.00 %); E 480 of 400","gone":true}
        production-2: {"is":"intended","of":"production-0","runs":[["backend","0000000000000000","vitalyst-backend-fe90030dec"],["frontend","0000000000000000","vitalyst-frontend-fe90030dec"]],"also":"vitalyst-objects-fe90030dec","commit":"0000000000000000000000000000000000000000","by":"Jane Doe <jane@example.org>","why":"answers faster where the grap…","from":1760000300,"contracts":true,"unfrozen":"the shop is down"}
        serving: production-0
        under-way: {"release":"production-2","phase":"intended","replicas":[3,3],"floors":[2,null],"evidence":[null,null],"abort":false,"by-hand":true,"back":null}"#]].assert_eq(&text.join("\n"));
    assert_eq!(decode(&data).unwrap(), head());
}

#[test]
fn an_environment_in_which_nothing_serves_yet_has_a_ledger() {
    let empty = Head::empty();
    assert_eq!(decode(&encode(&empty).unwrap()).unwrap(), empty);
    // After a first release that failed there is an entry, and still nothing serves.
    let failed = Head { serving: None, under_way: None, ..head() };
    let closed = failed.history.iter().all(|entry| entry.state != State::Intended);
    assert_eq!(encode(&failed).is_ok(), closed);
}

#[test]
fn whatever_is_damaged_is_named() {
    let good = encode(&head()).unwrap();
    let words = |key: &str, from: &str, to: &str| {
        let mut data = good.clone();
        let text = data.get_mut(key).unwrap();
        assert!(text.contains(from), "{key}: {text}");
        *text = text.replacen(from, to, 1);
        decode(&data).unwrap_err().to_string()
    };
    let table = [
        words("format", "1", "2"),
        words("serving", "production-0", "production"),
        words("serving", "production-0", "production-7"),
        words("live", "\"a\"", "\"c\""),
        words("under-way", "intended", "bored"),
        words("under-way", "production-2", "production-1"),
        words("production-0", "{", "{{"),
        words("production-0", "\"is\":\"verified\"", "\"is\":\"splendid\""),
        words("production-0", "\"is\":\"verified\",", ""),
        words("production-0", "\"is\":\"verified\"", "\"is\":\"intended\""),
        words("production-0", "\"from\":1760000000", "\"from\":\"today\""),
        words("production-0", "{", "{\"from\":1,"),
        words("production-0", "{", "{\"mood\":1,"),
        words("production-0", "vitalyst-backend-", "Vitalyst-"),
        words("production-0", "\"commit\":\"", "\"commit\":\"HEAD"),
        words("production-1", "deep", "d\\u001b[2Jeep"),
    ];
    expect_test::expect![[r#"
        it has the format `2`, this program reads `1`: use the version that wrote it, or a newer one
        `serving` is damaged: `production` is no release: one is an environment and a number, as in `production-42`
        `serving` is damaged: `production-7` has no entry
        `live` is damaged: unknown variant `c`, expected `a` or `b` at line 1 column 14
        `under-way` is damaged: unknown variant `bored`, expected one of `intended`, `stated`, `expanding`, `floored`, `staged`, `exposed`, `holding`, `promoting`, `flipping`, `verifying`, `baking`, `cleaning`, `contracting`, `reverting`, `restoring` at line 1 column 41
        `production-2` is damaged: `is` says that it is under way, and it is not
        `production-0` is damaged: key must be a string at line 1 column 2
        `production-0` is damaged: `is` cannot be read: unknown variant `splendid`, expected one of `intended`, `unverified`, `verified`, `withdrawn`, `rolled-back`, `aborted`, `inconclusive`, `no-evidence`
        `production-0` is damaged: `is` is missing
        `production-0` is damaged: `is` says that it is under way, and `to` says otherwise
        `production-0` is damaged: `from` cannot be read: invalid type: string "today", expected i64
        `production-0` is damaged: `from` is there twice at line 1 column 347
        `production-0` is damaged: `mood` is not known to this version
        `production-0` is damaged: `runs` has `Vitalyst-fe90030dec`, which is no name of a payload
        `production-0` is damaged: `commit` has `HEAD0000000000000000000000000000000000000000`, which is no commit
        `production-1` is damaged: `why` is too long or holds control characters"#]].assert_eq(&table.join("\n"));
    for key in [FORMAT, SERVING, LIVE] {
        let mut data = good.clone();
        data.remove(key);
        assert_eq!(decode(&data), Err(Unreadable::Missing(key)));
    }
    for key in ["staging-3", "notes"] {
        let mut data = good.clone();
        data.insert(key.to_owned(), good["production-0"].clone());
        assert!(decode(&data).unwrap_err().to_string().starts_with(&format!("`{key}` is damaged")));
    }
}

/// Any byte of it that is missing or another one is noticed, or makes a different but complete ledger; nothing panics.
#[test]
fn no_damage_is_read_as_less() {
    let good = encode(&head()).unwrap();
    let mut random = Random::new(5);
    for _ in 0..3_000 {
        let mut data = good.clone();
        let keys: Vec<&String> = good.keys().collect();
        let key = random.pick(&keys).unwrap();
        let mut bytes = good[key].clone().into_bytes();
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        match random.below(3) {
            0 => bytes.truncate(at),
            1 => drop(bytes.remove(at)),
            _ => bytes[at] = b' ' + u8::try_from(random.below(95)).unwrap(),
        }
        data.insert(key.clone(), String::from_utf8_lossy(&bytes).into_owned());
        if let Ok(read) = decode(&data) {
            assert_eq!(read.history.iter().len(), 3, "{key}: {}", data[key]);
        }
    }
}

/// Words as long and as strange as they come: an entry stays within its bounds, and its names stay whole.
#[test]
fn an_entry_is_cut_to_its_bounds_and_read_as_it_was_written() {
    let mut random = Random::new(11);
    let mut fullest = 0;
    for _ in 0..2_000 {
        let mut words = |most: u64| {
            let letters = ['a', ' ', '"', '\\', 'ä', '→', '🦀', '\n'];
            let length = random.below(most);
            line(&(0..length).filter_map(|_| random.pick(&letters)).collect::<String>())
        };
        let mut account = Account { who: words(80), why: words(300), ..account(7) };
        account.unfrozen = (!words(3).is_empty()).then(|| words(300));
        let basis = words(300);
        account.restores = random.chance(0.3).then(|| release(0));
        account.contracts = random.chance(0.3);
        let account = Arc::new(account);
        let first = Entry::adopted(release(4_294_967_290), Arc::default(), 1);
        let head = Head::new(first, live());
        let number = 4_294_967_295;
        let head = head.noting(journal(number), &account, 1_760_000_000);
        assert_eq!(decode(&encode(&head).unwrap()).as_ref(), Ok(&head));
        let head = head.closed(Ending::Inconclusive, head.live.clone(), &basis, 1_760_000_900);
        let entry = head.history.find(&release(number)).unwrap();
        assert_eq!(decode(&encode(&head).unwrap()).as_ref(), Ok(&head));
        fullest = fullest.max(size(entry));
        assert!(size(entry) <= ENTRY_BYTES, "{}", write(entry));
        assert_eq!(entry.account.pieces, account.pieces);
        assert_eq!((&entry.account.objects, &entry.account.commit), (&account.objects, &account.commit));
        assert_eq!(entry.account.unfrozen.is_some(), account.unfrozen.is_some());
    }
    assert!(fullest > ENTRY_BYTES - 20, "the room is used: {fullest}");
}

#[test]
fn names_are_never_cut() {
    let pieces = (0..40).flat_map(|number| account(number).pieces).collect();
    let many = Arc::new(Account { pieces, ..account(7) });
    let head = head().closed(Ending::Aborted, live(), &line("nothing"), 1_760_000_400);
    let head = head.noting(journal(3), &many, 1_760_000_500);
    let entry = head.history.newest().unwrap();
    assert_eq!(
        (entry.account.pieces.len(), entry.account.who.as_str(), entry.account.why.as_str()),
        (80, "", "")
    );
    assert_eq!(decode(&encode(&head).unwrap()), Ok(head.clone()));
    // What could not be read again is not written.
    let unreadable = Account { commit: Some("HEAD".into()), ..account(9) };
    let first = Entry::adopted(release(1), Arc::new(unreadable), 1);
    let refused = encode(&Head::new(first, BTreeMap::new())).unwrap_err().to_string();
    assert!(refused.contains("`commit` has `HEAD`"), "{refused}");
    let pieces = (0..8_000).flat_map(|number| account(number).pieces).collect();
    let first = Entry::adopted(release(1), Arc::new(Account { pieces, ..account(7) }), 1);
    assert!(matches!(encode(&Head::new(first, BTreeMap::new())), Err(Unwritable::Size(_))));
}
