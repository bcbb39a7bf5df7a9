//! What GitHub says of why it runs: since when things have changed.
//!
//! The payloads are those of docs.github.com, "Webhook events and payloads": `pull_request` has `pull_request.base.sha`,
//! `push` has `before`, `ref` and `repository.default_branch`, `merge_group` has `merge_group.base_sha`.

use serde_json::Value;

/// Since when things have changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Since {
    /// Since the history left this commit.
    Commit(String),
    /// Since it left this branch of the server.
    Branch(String),
    /// Nobody says, and why.
    Unknown(String),
}

/// Since when, by the name of the event and by what it holds.
pub fn since(name: &str, event: &Value) -> Since {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let commit = |path: &str| match text(path).filter(|text| is_commit(text)) {
        Some(commit) => Since::Commit(commit.to_owned()),
        None => Since::Unknown(format!("the event `{name}` has no commit at `{path}`")),
    };
    match name {
        "pull_request" | "pull_request_target" => commit("/pull_request/base/sha"),
        "merge_group" => commit("/merge_group/base_sha"),
        // A branch that is new has been nowhere before.
        "push" if text("/before").is_some_and(|before| before.bytes().all(|byte| byte == b'0')) => {
            match (text("/repository/default_branch"), text("/ref")) {
                (Some(branch), Some(name)) if name != format!("refs/heads/{branch}") => {
                    Since::Branch(branch.to_owned())
                }
                (Some(branch), Some(_)) => {
                    Since::Unknown(format!("`{branch}`, the default branch, is pushed for the first time"))
                }
                _ => Since::Unknown("the event does not name the default branch".to_owned()),
            }
        }
        "push" => commit("/before"),
        _ => Since::Unknown(format!("the event `{name}` says of no commit what has changed since")),
    }
}

/// SHA-1 or SHA-256, in hexadecimal digits.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_event_says_since_when() {
        let sha = "1".repeat(40);
        let zeros = "0".repeat(40);
        let commit = || Since::Commit(sha.clone());
        let repository = json!({ "default_branch": "main" });
        let cases = [
            ("pull_request", json!({ "pull_request": { "base": { "sha": sha } } }), Some(commit())),
            ("merge_group", json!({ "merge_group": { "base_sha": sha } }), Some(commit())),
            ("push", json!({ "before": sha }), Some(commit())),
            (
                "push",
                json!({ "before": zeros, "ref": "refs/heads/topic", "repository": repository }),
                Some(Since::Branch("main".to_owned())),
            ),
            ("push", json!({ "before": zeros, "ref": "refs/heads/main", "repository": repository }), None),
            ("push", json!({ "before": zeros, "ref": "refs/tags/v1" }), None),
            ("push", json!({ "before": "--upload-pack=x" }), None),
            ("push", json!({}), None),
            ("pull_request", json!({ "pull_request": null }), None),
            ("schedule", json!({}), None),
            ("workflow_dispatch", Value::Null, None),
        ];
        for (name, event, expected) in cases {
            let found = since(name, &event);
            match expected {
                Some(expected) => assert_eq!(found, expected, "{name} {event}"),
                None => assert!(matches!(found, Since::Unknown(_)), "{name} {event}: {found:?}"),
            }
        }
    }
}
