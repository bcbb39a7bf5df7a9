//! Jobs that change the database: which there are, what they do to it, and that each content of one runs once.
//!
//! A Job says by the label or annotation `vitalyst.io/migration` what it is. `expand` adds what the new release needs and runs
//! before its first pod; `contract` takes away what the old release needs and runs when nobody goes back to it any more. The
//! template of a Job cannot be changed, so each is applied under a name that holds the hash of its content: one that has not
//! changed is there, and has run.

use serde_json::Value;

use super::labels;
use super::manifest::{self, Manifest};
use super::revision;
use crate::diagnostic::Diagnostic;
use crate::suggest;

/// The label or annotation that says what a Job does to the database.
pub const MARK: &str = "vitalyst.io/migration";

/// What a release does to the database.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Migration {
    /// Nothing.
    #[default]
    None,
    /// It adds what the new release needs; the old one does not mind.
    Expand,
    /// It takes away what the old release needs: after it there is no way back.
    Contract,
}

/// What an object does to the database; [`Migration::None`] where it does not say so.
pub fn of(object: &Value) -> Migration {
    let marked = places().into_iter().find_map(|place| labels::labels(object, place).remove(MARK));
    marked.and_then(|word| read(&word)).unwrap_or_default()
}

fn places() -> [&'static str; 2] {
    ["/metadata/labels", "/metadata/annotations"]
}

fn read(word: &str) -> Option<Migration> {
    match word {
        "expand" => Some(Migration::Expand),
        "contract" => Some(Migration::Contract),
        _ => None,
    }
}

/// Gives each Job that is a migration a name by its content.
///
/// # Errors
///
/// A problem for each mark that says nothing, or stands at what is no Job.
pub fn name_by_content(manifests: &mut [Manifest]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for manifest in manifests {
        for place in places() {
            let Some(word) = labels::labels(&manifest.object, place).remove(MARK) else { continue };
            let pointer = manifest::join(place, MARK);
            if manifest.kind() != "Job" {
                let problem =
                    manifest.diagnostic(&pointer, format!("{manifest} is no Job, and cannot migrate"));
                problems.push(problem.help("what pods do at their start is `migration` in `[release]`"));
            } else if read(&word).is_none() {
                let problem =
                    manifest.diagnostic(&pointer, format!("`{word}` says nothing about a migration"));
                problems.push(match suggest::nearest(&word, ["expand", "contract"]) {
                    Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
                    None => problem.help("it adds (`expand`) or takes away (`contract`)"),
                });
            }
        }
        if of(&manifest.object) != Migration::None && manifest.kind() == "Job" {
            let content = manifest.object.get("spec").cloned().unwrap_or_default();
            let name = format!("{}-{}", manifest.name(), revision::short_hash(&content));
            if name.len() > 63 {
                let message = "this name has no room for the hash of the content behind it";
                problems.push(
                    manifest.diagnostic("/metadata/name", message).label("63 characters are allowed with it"),
                );
            }
            manifest::set(&mut manifest.object, "/metadata/name", name);
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Result<Vec<String>, Vec<String>> {
        let mut manifests = manifest::read("k.yml", text, None).unwrap();
        let problems = name_by_content(&mut manifests);
        let said = |problem: &Diagnostic| {
            format!(
                "{:?} {} ({})",
                problem.position(),
                problem.message,
                problem.help.as_deref().unwrap_or_default()
            )
        };
        if problems.is_empty() {
            return Ok(manifests.iter().map(|manifest| manifest.name().to_owned()).collect());
        }
        Err(problems.iter().map(said).collect())
    }

    fn job(place: &str, word: &str, image: &str) -> String {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: m\n  {place}: {{vitalyst.io/migration: {word}}}\nspec:\n  \
             template: {{spec: {{containers: [{{name: c, image: {image}}}]}}}}\n"
        )
    }

    #[test]
    fn the_name_goes_with_the_content_and_with_nothing_else() {
        let one = named(&job("labels", "expand", "a")).unwrap();
        assert!(one[0].starts_with("m-") && one[0].len() == 12, "{one:?}");
        assert_eq!(named(&job("annotations", "contract", "a")).unwrap(), one);
        assert_ne!(named(&job("labels", "expand", "b")).unwrap(), one);
        assert_eq!(named(&job("labels", "x", "a").replace("vitalyst.io/migration", "other")).unwrap(), ["m"]);
    }

    #[test]
    fn a_mark_that_says_nothing_is_refused() {
        assert_eq!(
            named(&job("labels", "expnd", "a")).unwrap_err(),
            ["(5, 35) `expnd` says nothing about a migration (did you mean `expand`?)"]
        );
        let deployment = job("annotations", "expand", "a").replace("kind: Job", "kind: CronJob");
        assert_eq!(
            named(&deployment).unwrap_err(),
            [
                "(5, 40) CronJob `m` is no Job, and cannot migrate (what pods do at their start is `migration` in `[release]`)"
            ]
        );
    }
}
