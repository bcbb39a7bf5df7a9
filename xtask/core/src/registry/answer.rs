//! What an answer of a registry means, and the words for it.
//!
//! Only 404 means that something is not there. A registry that does not let us look, has no time, or is broken, says nothing
//! about what it has.

use serde::Deserialize;

use crate::http::status_words;

/// What a request was for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// To look or to fetch.
    Pull,
    /// To write.
    Push,
}

impl Access {
    /// The actions of a token's scope.
    pub fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// An answer that is not the expected one, in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// One sentence, lowercase, without a full stop.
    pub message: String,
    /// What the registry itself said, where it said something.
    pub cause: Option<String>,
    /// The next step.
    pub hint: String,
}

/// An answer, as far as it is explained.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The registry that gave it.
    pub registry: &'a str,
    /// The repository that was asked for.
    pub repository: &'a str,
    /// What it was asked for.
    pub access: Access,
    /// Whether the request carried a name and a password, or a token got with them.
    pub authenticated: bool,
    /// Its status.
    pub status: u16,
    /// Its `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The words for it.
    pub fn explain(&self) -> Explanation {
        let Self { registry, repository, status, .. } = *self;
        let words = status_words(status);
        let message = format!("`{registry}` answered {status} ({words}) for `{repository}`");
        let hint = match (status, self.access) {
            (401, _) if self.authenticated => {
                format!(
                    "the name or the password for `{registry}` is wrong or has expired: `docker login {registry}`"
                )
            }
            (401 | 403, _) if !self.authenticated => {
                format!(
                    "no credentials for `{registry}` were found: `docker login {registry}`{}",
                    of_github(registry)
                )
            }
            (401 | 403, Access::Pull) => {
                format!("whoever is logged in to `{registry}` may not read `{repository}`")
            }
            (401 | 403, Access::Push) => {
                format!(
                    "whoever is logged in to `{registry}` may not write to `{repository}`{}",
                    of_packages(registry)
                )
            }
            (404, Access::Pull) => "check the name and the tag".to_owned(),
            (404, Access::Push) => {
                format!(
                    "some registries want a repository to be made first: check that `{repository}` is there"
                )
            }
            (405, _) => format!("`{registry}` is read-only, or is no registry"),
            (413, _) => format!("`{registry}`, or a proxy before it, does not take so much at once"),
            (429, _) => match self.retry_after {
                Some(wait) => {
                    let unit = if wait.bytes().all(|byte| byte.is_ascii_digit()) { " s" } else { "" };
                    format!(
                        "`{registry}` asks to wait ({wait}{unit}): try again later, or log in for a higher limit"
                    )
                }
                None => "try again later, or log in for a higher limit".to_owned(),
            },
            (500..=599, _) => format!("`{registry}` has a problem of its own: try again later"),
            (300..=399, _) => format!("`{registry}` sends us somewhere else: check its name"),
            _ => format!("check that `{registry}` is a registry of container images"),
        };
        Explanation { message, cause: said(self.body), hint }
    }
}

fn of_github(registry: &str) -> &'static str {
    if registry == "ghcr.io" { ", or GITHUB_TOKEN" } else { "" }
}

fn of_packages(registry: &str) -> &'static str {
    if registry == "ghcr.io" { ": in a workflow it takes `permissions: packages: write`" } else { "" }
}

/// The longest text of a registry that is shown, in characters.
const SAID_MAX: usize = 300;

/// The codes and messages of an error's body (distribution specification, "Error Codes"). A body of another kind, such as a
/// proxy's page, is left out.
fn said(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let entries = body.errors.into_iter().map(|entry| {
        let texts = [entry.code, entry.message].into_iter().flatten().filter(|text| !text.is_empty());
        texts.collect::<Vec<_>>().join(": ")
    });
    let text = entries.filter(|entry| !entry.is_empty()).collect::<Vec<_>>().join("; ");
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_MAX).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_words_and_a_next_step() {
        let denied = r#"{"errors":[{"code":"DENIED","message":"requested\naccess is denied","detail":{}}]}"#;
        let table = [
            ("r.io", Access::Pull, false, 401, None, ""),
            ("ghcr.io", Access::Push, false, 403, None, denied),
            ("r.io", Access::Pull, true, 401, None, "{}"),
            ("r.io", Access::Pull, true, 403, None, "<html>"),
            ("ghcr.io", Access::Push, true, 403, None, denied),
            ("r.io", Access::Pull, true, 404, None, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#),
            ("r.io", Access::Push, true, 404, None, ""),
            ("r.io", Access::Push, true, 413, None, ""),
            ("r.io", Access::Pull, true, 429, Some("3600"), ""),
            ("r.io", Access::Pull, true, 503, None, r#"{"errors":[]}"#),
            ("r.io", Access::Pull, true, 302, None, ""),
            ("r.io", Access::Pull, true, 418, None, ""),
        ];
        let said = table.map(|(registry, access, authenticated, status, retry_after, body)| {
            let answer = Answer {
                registry,
                repository: "o/n",
                access,
                authenticated,
                status,
                retry_after,
                body: body.as_bytes(),
            };
            let Explanation { message, cause, hint } = answer.explain();
            format!("{message}\n    {}\n    {hint}", cause.as_deref().unwrap_or("-"))
        });
        expect_test::expect![[r#"
            `r.io` answered 401 (not authenticated) for `o/n`
                -
                no credentials for `r.io` were found: `docker login r.io`
            `ghcr.io` answered 403 (not allowed) for `o/n`
                DENIED: requested access is denied
                no credentials for `ghcr.io` were found: `docker login ghcr.io`, or GITHUB_TOKEN
            `r.io` answered 401 (not authenticated) for `o/n`
                -
                the name or the password for `r.io` is wrong or has expired: `docker login r.io`
            `r.io` answered 403 (not allowed) for `o/n`
                -
                whoever is logged in to `r.io` may not read `o/n`
            `ghcr.io` answered 403 (not allowed) for `o/n`
                DENIED: requested access is denied
                whoever is logged in to `ghcr.io` may not write to `o/n`: in a workflow it takes `permissions: packages: write`
            `r.io` answered 404 (not found) for `o/n`
                NAME_UNKNOWN
                check the name and the tag
            `r.io` answered 404 (not found) for `o/n`
                -
                some registries want a repository to be made first: check that `o/n` is there
            `r.io` answered 413 (too large) for `o/n`
                -
                `r.io`, or a proxy before it, does not take so much at once
            `r.io` answered 429 (too many requests) for `o/n`
                -
                `r.io` asks to wait (3600 s): try again later, or log in for a higher limit
            `r.io` answered 503 (not available) for `o/n`
                -
                `r.io` has a problem of its own: try again later
            `r.io` answered 302 (unexpected) for `o/n`
                -
                `r.io` sends us somewhere else: check its name
            `r.io` answered 418 (unexpected) for `o/n`
                -
                check that `r.io` is a registry of container images"#]].assert_eq(&said.join("\n"));
    }

    #[test]
    fn a_long_text_is_cut() {
        let body = serde_json::json!({"errors": [{"code": "é".repeat(1000), "message": null}]}).to_string();
        assert_eq!(said(body.as_bytes()).unwrap().chars().count(), SAID_MAX);
    }
}
