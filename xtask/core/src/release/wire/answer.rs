//! What an answer of a server means to the machine.

use crate::release::effect::{Outcome, Refusal};

/// What a server has answered to one object of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It was done: 200, 201.
    Done,
    /// It has another version, or is another one: 409 `Conflict` without owners of fields, or with a failed precondition.
    Stale,
    /// Others own fields that it states; who and which, in words: 409 `Conflict` of a server-side apply.
    Owned(String),
    /// There is one already: 409 `AlreadyExists`.
    Exists,
    /// There is none: 404 `NotFound`.
    Absent,
    /// The role may not, the object is not valid, an admission refuses it, a quota is used up: 401, 403, 422, 400.
    Denied(String),
    /// Anything else: no connection, no answer in time, 429, 5xx. It may have been done, or be done later.
    Unclear,
}

/// What the answers to the objects of a request come to, in their order. Those that were not asked for have none.
///
/// What was done before the one that was refused stays done: the next look shows it.
pub fn outcome(answers: &[Answer]) -> Outcome {
    let refused = answers.iter().find(|answer| **answer != Answer::Done);
    if answers.contains(&Answer::Unclear) {
        return Outcome::Unknown;
    }
    match refused {
        None if answers.is_empty() => Outcome::Unknown,
        None | Some(Answer::Done) => Outcome::Done,
        Some(Answer::Stale) => Outcome::Refused(Refusal::Conflict),
        Some(Answer::Exists | Answer::Absent) => Outcome::Refused(Refusal::Existence),
        Some(Answer::Owned(words) | Answer::Denied(words)) => {
            Outcome::Refused(Refusal::Denied(words.clone()))
        }
        Some(Answer::Unclear) => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_means_one_thing() {
        let denied = |words: &str| Outcome::Refused(Refusal::Denied(words.into()));
        let table = [
            (vec![Answer::Done], Outcome::Done),
            (vec![Answer::Stale], Outcome::Refused(Refusal::Conflict)),
            (vec![Answer::Exists], Outcome::Refused(Refusal::Existence)),
            (vec![Answer::Absent], Outcome::Refused(Refusal::Existence)),
            (vec![Answer::Owned("`x` owns `.spec`".into())], denied("`x` owns `.spec`")),
            (vec![Answer::Denied("no".into())], denied("no")),
            (vec![Answer::Unclear], Outcome::Unknown),
            (vec![], Outcome::Unknown),
            (vec![Answer::Done, Answer::Done], Outcome::Done),
            (vec![Answer::Done, Answer::Stale], Outcome::Refused(Refusal::Conflict)),
            (vec![Answer::Done, Answer::Unclear], Outcome::Unknown),
            (vec![Answer::Stale, Answer::Unclear], Outcome::Unknown),
        ];
        for (answers, expected) in table {
            assert_eq!(outcome(&answers), expected, "{answers:?}");
        }
    }
}
