//! Where rollbacks go, in histories with a name and in drawn ones.

use super::super::entry::{Account, Piece};
use super::super::{History, Payload, PayloadName};
use super::*;
use crate::release::ledger::{Journal, Line, Phase};
use crate::release::model::{ComponentName, Ending, Revision};
use crate::simulation::random::Random;
use std::collections::BTreeMap;

pub(crate) fn release(number: u32) -> ReleaseId {
    ReleaseId { environment: "production".into(), number }
}

pub(crate) fn payload(content: u32) -> PayloadName {
    Payload::new("vitalyst-backend", &[&content.into()]).unwrap().name
}

/// A release of one component with this content.
pub(crate) fn account(content: u32) -> Account {
    let piece = Piece {
        component: ComponentName("backend".into()),
        revision: Revision(content.to_string().into()),
        payload: payload(content),
    };
    Account {
        pieces: vec![piece],
        commit: Some(format!("{content:04x}{}", "c".repeat(36)).into()),
        ..Account::default()
    }
}

/// A history in words: `43 verified of 41 serves`, `42 withdrawn contracts`, `40 verified gone`, `39 verified as 38`.
pub(crate) fn head(words: &str) -> Head {
    let mut serving = 0;
    let mut history = History::default();
    for words in words.split(", ") {
        let words: Vec<&str> = words.split(' ').collect();
        let has = |word: &str| words.contains(&word);
        let after = |word: &str| {
            let position = words.iter().position(|other| *other == word)?;
            Some(words[position + 1].parse::<u32>().unwrap())
        };
        let number = words[0].parse().unwrap();
        let restores = after("of");
        let account = Account {
            restores: restores.map(release),
            contracts: has("contracts"),
            ..account(after("as").or(restores).unwrap_or(number))
        };
        let entry = Entry {
            state: serde_json::from_value(words[1].into()).unwrap(),
            is_kept: !has("gone"),
            ..Entry::adopted(release(number), Arc::new(account), 1)
        };
        history = history.append(entry);
        if has("serves") {
            serving = number;
        }
    }
    Head { serving: Some(release(serving)), live: BTreeMap::new(), under_way: None, history }
}

fn words(result: &Result<Target, NoTarget>) -> String {
    match result {
        Ok(target) => {
            let warning = target.warning().map(|words| format!("; {words}")).unwrap_or_default();
            let skipped: Vec<String> = target.skipped.iter().map(|skipped| format!("; {skipped}")).collect();
            format!("{}{}{warning}", target.origin, skipped.concat())
        }
        Err(none) => format!("nowhere: {none}"),
    }
}

#[test]
fn a_rollback_goes_to_the_newest_verified_release_that_is_older_and_not_withdrawn() {
    let table = [
        "40 verified, 41 verified, 42 verified serves",
        "40 verified, 41 rolled-back, 42 aborted, 43 inconclusive, 44 no-evidence, 45 verified serves",
        // After a rollback: further back, not to the bad one, and not to where it came from.
        "40 verified, 41 verified, 42 withdrawn, 43 verified of 41 serves",
        "39 verified, 40 withdrawn, 41 withdrawn, 42 withdrawn, 43 withdrawn of 41, 44 verified of 40 serves",
        // Where a content came from counts, not the number under which it was brought back.
        "40 verified, 41 verified, 42 withdrawn, 43 verified of 40, 44 verified serves",
        "40 verified, 41 verified, 42 withdrawn, 43 verified of 40 serves",
        "41 verified, 42 withdrawn, 43 verified of 41, 44 verified serves",
        // A rollback that was aborted changes nothing.
        "40 verified, 41 verified serves, 42 aborted of 40",
        "40 verified, 41 verified serves, 42 intended",
        // What ran before the first release is a target once it has been looked at.
        "0 unverified, 1 verified serves",
        "0 verified, 1 verified serves",
        "0 verified serves",
        // The same manifests under another number help nobody.
        "40 verified, 41 verified, 42 verified as 41 serves",
        "39 verified gone, 40 verified gone, 41 rolled-back, 42 verified serves",
        // Nothing goes past a contraction, its own release excepted.
        "40 verified, 41 verified contracts, 42 verified, 43 verified serves",
        "40 verified, 41 verified contracts, 42 verified serves",
        "40 verified, 41 verified contracts serves",
        "40 verified, 41 aborted contracts, 42 verified serves",
    ];
    let table =
        table.map(|history| format!("{history}\n    {}", words(&target(&head(history), &Wanted::Previous))));
    expect_test::expect![[r#"
        40 verified, 41 verified, 42 verified serves
            production-41
        40 verified, 41 rolled-back, 42 aborted, 43 inconclusive, 44 no-evidence, 45 verified serves
            production-40; production-44: without evidence; production-43: inconclusive; production-42: aborted; production-41: rolled back
        40 verified, 41 verified, 42 withdrawn, 43 verified of 41 serves
            production-40; production-42: withdrawn
        39 verified, 40 withdrawn, 41 withdrawn, 42 withdrawn, 43 withdrawn of 41, 44 verified of 40 serves
            production-39; production-42: withdrawn; production-43: withdrawn; production-41: withdrawn
        40 verified, 41 verified, 42 withdrawn, 43 verified of 40, 44 verified serves
            production-41; production-42: withdrawn
        40 verified, 41 verified, 42 withdrawn, 43 verified of 40 serves
            nowhere: no verified release is older than production-40 (production-42: withdrawn, production-41: newer than what serves)
        41 verified, 42 withdrawn, 43 verified of 41, 44 verified serves
            production-41; production-42: withdrawn
        40 verified, 41 verified serves, 42 aborted of 40
            production-40; production-42: aborted
        40 verified, 41 verified serves, 42 intended
            production-40; production-42: under way
        0 unverified, 1 verified serves
            nowhere: no verified release is older than production-1 (production-0: not verified)
        0 verified, 1 verified serves
            production-0
        0 verified serves
            nowhere: no verified release is older than production-0
        40 verified, 41 verified, 42 verified as 41 serves
            production-40; production-41: the same as what serves
        39 verified gone, 40 verified gone, 41 rolled-back, 42 verified serves
            nowhere: no verified release is older than production-42 (production-41: rolled back, production-40: its manifests are no longer kept, production-39: its manifests are no longer kept)
        40 verified, 41 verified contracts, 42 verified, 43 verified serves
            production-42
        40 verified, 41 verified contracts, 42 verified serves
            production-41
        40 verified, 41 verified contracts serves
            nowhere: production-41 has taken away what production-40 needs from the database: no rollback goes past it
        40 verified, 41 aborted contracts, 42 verified serves
            nowhere: production-41 has taken away what production-40 needs from the database: no rollback goes past it"#]].assert_eq(&table.join("\n"));
}

#[test]
fn a_named_release_is_gone_to_where_that_is_safe() {
    let history = "38 verified, 39 verified contracts, 40 verified gone, 41 verified, 42 withdrawn, 43 rolled-back, \
                   44 verified of 41, 45 unverified, 46 verified, 47 verified of 46 serves, 48 intended";
    let head = head(history);
    let table: Vec<String> = (37..=48)
        .map(|number| {
            let wanted = Wanted::Release(release(number));
            format!("{number}: {}", words(&target(&head, &wanted)))
        })
        .collect();
    expect_test::expect![[r#"
        37: nowhere: production-37 is not in the ledger
        38: nowhere: production-39 has taken away what production-38 needs from the database: no rollback goes past it
        39: production-39
        40: nowhere: production-40: its manifests are no longer kept
        41: production-41
        42: production-42; production-42 was withdrawn by a rollback: it is gone to because it was named
        43: nowhere: production-43: rolled back
        44: production-41
        45: nowhere: production-45: not verified
        46: nowhere: production-46 serves already
        47: nowhere: production-47 serves already
        48: nowhere: production-48: under way"#]].assert_eq(&table.join("\n"));
}

#[test]
fn a_commit_names_a_release_by_its_beginning() {
    let history = "40 withdrawn, 41 verified as 40, 42 rolled-back as 4097, 43 verified, 44 verified serves";
    let head = head(history);
    let mut table = Vec::new();
    for text in ["0028", "0028ccc", "1001", "002b", "002C", "00", "0000", "main", "002", "002bx"] {
        let wanted = Wanted::Commit(text.to_owned());
        table.push(format!("{text}: {}", words(&target(&head, &wanted))));
    }
    let twice = super::tests::head("40 verified as 65536, 41 verified as 65537, 42 verified serves");
    table.push(format!("1000: {}", words(&target(&twice, &Wanted::Commit("1000".into())))));
    expect_test::expect![[r#"
        0028: production-41
        0028ccc: production-41
        1001: nowhere: production-42: rolled back
        002b: production-43
        002C: nowhere: production-44 serves already
        00: nowhere: `00` is no beginning of a commit: 4 digits from 0 to f at least
        0000: nowhere: no release was made from a commit that begins with `0000`
        main: nowhere: `main` is no beginning of a commit: 4 digits from 0 to f at least
        002: nowhere: `002` is no beginning of a commit: 4 digits from 0 to f at least
        002bx: nowhere: `002bx` is no beginning of a commit: 4 digits from 0 to f at least
        1000: nowhere: `1000` is the beginning of several commits: 10001cccccccccccccccccccccccccccccccccccc (production-41), 10000cccccccccccccccccccccccccccccccccccc (production-40)"#]].assert_eq(&table.join("\n"));
}

/// Releases the content of `restores`, or a new one; the next number is its own.
pub(crate) fn begin(head: &Head, account: Account) -> Head {
    let number = head.history.newest().unwrap().release.number + 1;
    let journal = Journal::new(release(number), Phase::Intended, vec![3]);
    head.noting(journal, &Arc::new(account), i64::from(number))
}

pub(crate) fn end(head: &Head, ending: Ending) -> Head {
    head.closed(ending, BTreeMap::new(), &Line::default(), 7)
}

/// A drawn history: releases that end in any way, rollbacks among them, some of them aborted.
pub(crate) fn drawn(random: &mut Random, mut each: impl FnMut(&Head)) -> Head {
    let mut now = head("0 verified serves");
    for content in 1..=random.less_than(120) {
        let back = if random.chance(0.25) { target(&now, &Wanted::Previous).ok() } else { None };
        let account = match back {
            Some(target) => {
                Account { restores: Some(target.origin.clone()), ..Account::clone(&target.entry.account) }
            }
            None => Account { contracts: random.chance(0.01), ..account(content % 97) },
        };
        now = begin(&now, account);
        each(&now);
        let endings =
            [Ending::Promoted, Ending::Promoted, Ending::RolledBack, Ending::Aborted, Ending::NoEvidence];
        now = end(&now, random.pick(&endings).unwrap());
        each(&now);
    }
    now
}

/// After any history, one rollback after the other goes to an older content, and at last nowhere.
#[test]
fn one_rollback_after_the_other_walks_strictly_back() {
    let (mut steps, mut longest) = (0, 0);
    for seed in 0..100 {
        let mut now = drawn(&mut Random::new(seed), |_| {});
        let mut length = 0;
        loop {
            let serving = now.serves().unwrap().clone();
            let target = match target(&now, &Wanted::Previous) {
                Ok(target) => target,
                Err(NoTarget::None { .. } | NoTarget::Contracted { .. }) => break,
                Err(other) => panic!("seed {seed}: {other}"),
            };
            assert!(target.origin.number < serving.origin().number, "seed {seed}: {target:?}");
            assert!(target.entry.state == State::Verified && target.entry.is_kept, "seed {seed}: {target:?}");
            let account =
                Account { restores: Some(target.origin.clone()), ..Account::clone(&target.entry.account) };
            now = end(&begin(&now, account), Ending::Promoted);
            let left = now.history.find(&serving.release).unwrap();
            assert_eq!(left.state, State::Withdrawn, "seed {seed}");
            (steps, length) = (steps + 1, length + 1);
            assert!(length < 100, "seed {seed}: it ends");
        }
        longest = longest.max(length);
    }
    assert!(steps > 200 && longest >= 5, "{steps} steps, at most {longest} in a row");
}
