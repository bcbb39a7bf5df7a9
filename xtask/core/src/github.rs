//! What GitHub Actions says of a job, and the form of what a job says to it by files.
//!
//! docs.github.com, "Workflow commands": a value goes into the file of outputs as `NAME<<DELIMITER`, its lines, `DELIMITER`.

use serde_json::Value;

/// The fork that a pull request comes from, by the payload of its event; `None` for what comes from the repository itself.
///
/// A job for a fork gets no secrets and a token that may only read (docs.github.com, "Events that trigger workflows").
pub fn fork(event: &Value) -> Option<String> {
    let request = event.get("pull_request").filter(|request| request.is_object())?;
    let name = |side: &str| request.pointer(&format!("/{side}/repo/full_name")).and_then(Value::as_str);
    match (name("head"), name("base")) {
        (Some(head), Some(base)) if head == base => None,
        (Some(head), _) => Some(head.to_owned()),
        // The repository it came from is gone, or was never said.
        (None, _) => Some("a repository that is gone".to_owned()),
    }
}

/// An output of a step. `None` where it could become another one: a name that GitHub would read otherwise, a value that holds
/// the delimiter. The delimiter has to be a word that nobody can guess.
pub fn output(name: &str, value: &str, delimiter: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_sound = !name.is_empty() && name.chars().all(is_name) && !value.contains(delimiter);
    is_sound.then(|| format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fork_is_told_from_the_repository() {
        let request = |head: Value, base: Value| json!({ "pull_request": { "head": { "repo": head }, "base": { "repo": base } } });
        let named = |name: &str| json!({ "full_name": name });
        assert_eq!(fork(&request(named("us/it"), named("us/it"))), None);
        assert_eq!(fork(&request(named("them/it"), named("us/it"))), Some("them/it".to_owned()));
        assert_eq!(fork(&request(Value::Null, named("us/it"))), Some("a repository that is gone".to_owned()));
        for other in [json!({}), json!({ "pull_request": null }), json!({ "before": "0" }), Value::Null] {
            assert_eq!(fork(&other), None, "{other}");
        }
    }

    #[test]
    fn an_output_becomes_no_other_one() {
        assert_eq!(output("matrix", "{\"a\": 1}\nb", "WORD").unwrap(), "matrix<<WORD\n{\"a\": 1}\nb\nWORD\n");
        for (name, value) in
            [("a=b", "x"), ("", "x"), ("a\nb", "x"), ("a<<b", "x"), ("a", "x\nWORD\nb<<WORD")]
        {
            assert_eq!(output(name, value, "WORD"), None, "{name:?} {value:?}");
        }
    }
}
