//! Whether reports of parts are those of one run, and which of its parts are missing.

use super::shard::{Position, partition};
use crate::fingerprint::Digest;
use crate::graph::TaskId;

/// What the report of a part says about the part.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Where the report stands, as a reader knows it.
    pub place: String,
    /// Which part it is.
    pub shard: Position,
    /// The partition that it is a part of.
    pub partition: Digest,
    /// The commit that it ran on; `None` where there is none.
    pub commit: Option<String>,
    /// The tasks that it was asked for.
    pub dealt: Vec<TaskId>,
}

/// Why reports cannot be merged: together they say nothing about any run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Disagreement {
    /// There is none.
    #[error("there are no reports")]
    Nothing,
    /// Two tell of the same part.
    #[error("`{first}` and `{second}` are both reports of shard {shard}")]
    Twice {
        /// The part.
        shard: Position,
        /// A report.
        first: String,
        /// The other one.
        second: String,
    },
    /// Two tell of parts of different partitions.
    #[error("`{first}` and `{second}` are reports of shards that were not dealt out together")]
    Partitions {
        /// A report.
        first: String,
        /// The other one.
        second: String,
    },
    /// Two tell of runs on different commits.
    #[error("`{first}` is the report of a run on {first_commit}, and `{second}` on {second_commit}")]
    Commits {
        /// A report.
        first: String,
        /// Its commit, in words.
        first_commit: String,
        /// The other one.
        second: String,
        /// Its commit, in words.
        second_commit: String,
    },
    /// The checkout, which says what a run consists of, is on another commit than the reports.
    #[error("`{place}` is the report of a run on {commit}, and this checkout is on {checkout}")]
    Checkout {
        /// A report.
        place: String,
        /// Its commit, in words.
        commit: String,
        /// That of the checkout, in words.
        checkout: String,
    },
    /// All parts are there, and they are not those of the partition that they name.
    #[error("the reports do not tell of the tasks that were dealt out")]
    OtherTasks,
}

/// The parts of the run that no report tells of.
///
/// # Errors
///
/// Where the reports are not those of one run on the commit `checkout`.
pub fn missing(statements: &[Statement], checkout: Option<&str>) -> Result<Vec<Position>, Disagreement> {
    let first = statements.first().ok_or(Disagreement::Nothing)?;
    let total = first.shard.total();
    let mut parts: Vec<Option<&Statement>> = vec![None; total as usize];
    for statement in statements {
        let both = || (first.place.clone(), statement.place.clone());
        if statement.partition != first.partition || statement.shard.total() != total {
            let (first, second) = both();
            return Err(Disagreement::Partitions { first, second });
        }
        if statement.commit != first.commit {
            let (first_commit, second_commit) =
                (words(first.commit.as_deref()), words(statement.commit.as_deref()));
            let (first, second) = both();
            return Err(Disagreement::Commits { first, first_commit, second, second_commit });
        }
        let part = &mut parts[statement.shard.number() as usize - 1];
        if let Some(other) = part {
            let (first, second) = (other.place.clone(), statement.place.clone());
            return Err(Disagreement::Twice { shard: statement.shard, first, second });
        }
        *part = Some(statement);
    }
    if first.commit.as_deref() != checkout {
        return Err(Disagreement::Checkout {
            place: first.place.clone(),
            commit: words(first.commit.as_deref()),
            checkout: words(checkout),
        });
    }
    let missing: Vec<Position> = (1..)
        .zip(&parts)
        .filter(|(_, part)| part.is_none())
        .filter_map(|(number, _)| Position::new(number, total))
        .collect();
    let dealt = parts.iter().flatten().map(|statement| statement.dealt.as_slice());
    if missing.is_empty() && partition(dealt) != first.partition {
        return Err(Disagreement::OtherTasks);
    }
    Ok(missing)
}

fn words(commit: Option<&str>) -> String {
    commit.map_or_else(|| "no commit".to_owned(), |commit| format!("commit `{commit}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> TaskId {
        TaskId::new(name).unwrap()
    }

    const DEALT: [&[&str]; 3] = [&["test.a", "lint.b"], &["test.b"], &["docs.a"]];

    fn statements() -> Vec<Statement> {
        let parts = DEALT.map(|tasks| tasks.iter().map(|name| id(name)).collect::<Vec<_>>());
        let partition = partition(parts.iter().map(Vec::as_slice));
        let statement = |(number, dealt): (u32, &Vec<TaskId>)| Statement {
            place: format!("reports/{number}"),
            shard: Position::new(number, 3).unwrap(),
            partition,
            commit: Some("c0ffee".to_owned()),
            dealt: dealt.clone(),
        };
        (1..).zip(&parts).map(statement).collect()
    }

    fn told(statements: &[Statement]) -> String {
        match missing(statements, Some("c0ffee")) {
            Ok(missing) => missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn reports_in_any_order_are_those_of_one_run() {
        let mut all = statements();
        assert_eq!(told(&all), "");
        all.reverse();
        all[0].dealt.reverse();
        assert_eq!(told(&all), "");
        all.remove(1);
        assert_eq!(told(&all), "2/3");
        all.remove(0);
        assert_eq!(told(&all), "2/3 3/3");
    }

    #[test]
    fn what_is_not_of_one_run_is_refused() {
        type Change = fn(&mut Vec<Statement>);
        let cases: &[(Change, &str)] = &[
            (|all| all.clear(), "there are no reports"),
            (|all| all[2].shard = all[1].shard, "`reports/2` and `reports/3` are both reports of shard 2/3"),
            (
                |all| all[1].partition = Digest::of(b"other"),
                "`reports/1` and `reports/2` are reports of shards that were not dealt out together",
            ),
            (
                |all| all[2].shard = Position::new(3, 4).unwrap(),
                "`reports/1` and `reports/3` are reports of shards that were not dealt out together",
            ),
            (
                |all| all[2].commit = Some("facade".to_owned()),
                "`reports/1` is the report of a run on commit `c0ffee`, and `reports/3` on commit `facade`",
            ),
            (
                |all| all[0].commit = None,
                "`reports/1` is the report of a run on no commit, and `reports/2` on commit `c0ffee`",
            ),
            (
                |all| all.iter_mut().for_each(|one| one.commit = Some("facade".to_owned())),
                "`reports/1` is the report of a run on commit `facade`, and this checkout is on commit `c0ffee`",
            ),
            (
                |all| all[2].dealt = vec![id("docs.b")],
                "the reports do not tell of the tasks that were dealt out",
            ),
        ];
        for (change, words) in cases {
            let mut all = statements();
            change(&mut all);
            assert_eq!(told(&all), *words);
        }
    }

    #[test]
    fn a_partition_is_told_apart_from_every_other() {
        let of = |parts: &[&[&str]]| {
            let parts: Vec<Vec<TaskId>> =
                parts.iter().map(|part| part.iter().map(|name| id(name)).collect()).collect();
            partition(parts.iter().map(Vec::as_slice))
        };
        let all = [
            of(&[]),
            of(&[&[]]),
            of(&[&["a", "b"]]),
            of(&[&["a"], &["b"]]),
            of(&[&["b"], &["a"]]),
            of(&[&["a", "b"], &[]]),
            of(&[&["a.b"]]),
        ];
        for (number, one) in all.iter().enumerate() {
            assert!(!all[..number].contains(one), "{number}");
        }
        assert_eq!(of(&[&["b", "a"]]), of(&[&["a", "b"]]));
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        for text in ["1/1", "2/3", "256/256"] {
            assert_eq!(Position::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["", "/", "1", "0/3", "4/3", "1/257", "-1/3", "+1/3", " 1/3", "1/3/4", "99999999999/99999999999"]
        {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
