//! What others are told of a release: a document for a webhook, and deployments as GitHub keeps them.
//!
//! The document is described in `docs/releases.md`; [`FORMAT`] is its version. What GitHub is asked for is its REST API for
//! deployments (version 2022-11-28): a deployment once, then statuses of it.

use serde::Serialize;
use serde_json::{Value, json};

use super::model::{Ending, ReleaseId};

/// The version of the document. Keys are added without a new one.
pub const FORMAT: u32 = 1;

/// The longest description of a status that GitHub takes, in characters.
const DESCRIPTION_MAX: usize = 140;

/// What has happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// The release has begun.
    Started,
    /// It stands, and asks a person.
    Waiting,
    /// It serves.
    Promoted,
    /// It was taken back for what was measured, or because its pods failed.
    RolledBack,
    /// It was taken back because somebody wanted that, or because its owner was gone.
    Aborted,
    /// It was taken back without a verdict: the evidence was not enough.
    Inconclusive,
    /// It was taken back because nothing could be measured.
    NoEvidence,
    /// A person has to look.
    Stuck,
    /// Somebody else has taken it over.
    Superseded,
    /// What runs was written down as a release.
    Adopted,
}

impl Occasion {
    /// What an end is told as; `None` where nothing was begun.
    pub const fn of(ending: Ending) -> Option<Self> {
        Some(match ending {
            Ending::Promoted => Self::Promoted,
            Ending::RolledBack => Self::RolledBack,
            Ending::Aborted => Self::Aborted,
            Ending::Inconclusive => Self::Inconclusive,
            Ending::NoEvidence => Self::NoEvidence,
            Ending::Stuck => Self::Stuck,
            Ending::Superseded => Self::Superseded,
            Ending::Adopted => Self::Adopted,
            Ending::Nothing | Ending::Refused => return None,
        })
    }

    /// The state of a deployment, as GitHub names it; `None` where it says nothing about one.
    const fn state(self) -> Option<&'static str> {
        Some(match self {
            Self::Started | Self::Waiting => "in_progress",
            Self::Promoted | Self::Adopted => "success",
            Self::RolledBack | Self::Inconclusive | Self::NoEvidence | Self::Stuck => "failure",
            Self::Aborted => "inactive",
            // Whoever has it now says how it ends.
            Self::Superseded => return None,
        })
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Started => "begun",
            Self::Waiting => "waits for a person",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::Inconclusive => "taken back, inconclusive",
            Self::NoEvidence => "taken back, without evidence",
            Self::Stuck => "stuck",
            Self::Superseded => "taken over by somebody else",
            Self::Adopted => "adopted",
        }
    }
}

/// What is told.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// The version of the document: [`FORMAT`].
    pub format: u32,
    /// What tells this one from every other one: a receiver that gets it twice has got it once.
    pub id: String,
    /// What has happened.
    pub event: Occasion,
    /// Where.
    pub environment: String,
    /// To which release.
    pub release: ReleaseId,
    /// The release that served when it began.
    pub previous: Option<ReleaseId>,
    /// The commit that is released.
    pub commit: Option<String>,
    /// Who has brought it about.
    pub who: String,
    /// When, as RFC 3339 has it.
    pub at: String,
    /// The images, each with its digest.
    pub images: Vec<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// What that rests on, a sentence each.
    pub evidence: Vec<String>,
    /// Where the log of the run is.
    pub run: Option<String>,
}

impl Notice {
    /// What GitHub is asked to keep as a deployment. Nothing is merged for it, and no check is waited for: what is released was
    /// decided.
    pub fn deployment(&self, reference: &str) -> Value {
        json!({
            "ref": reference,
            "task": "deploy",
            "auto_merge": false,
            "required_contexts": [],
            "environment": self.environment,
            "description": self.description(),
            "payload": { "release": self.release },
        })
    }

    /// Whether a deployment that GitHub keeps is that of this release.
    pub fn is_of(&self, deployment: &Value) -> bool {
        // GitHub keeps a payload as it came, and some of its versions as text.
        let payload = &deployment["payload"];
        let parsed = payload.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let release = parsed.as_ref().unwrap_or(payload)["release"].as_str();
        release == Some(self.release.to_string().as_str())
    }

    /// The status of that deployment; `None` where this changes nothing about it. `url` is where users find what is released.
    pub fn status(&self, url: Option<&str>) -> Option<Value> {
        let mut status = json!({
            "state": self.event.state()?,
            "environment": self.environment,
            "description": self.description(),
        });
        for (key, value) in [("log_url", self.run.as_deref()), ("environment_url", url)] {
            if let Some(value) = value {
                status[key] = json!(value);
            }
        }
        Some(status)
    }

    fn description(&self) -> String {
        let why = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let words = format!("{} {}{why}", self.release, self.event.words());
        if words.chars().count() <= DESCRIPTION_MAX {
            return words;
        }
        words.chars().take(DESCRIPTION_MAX - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn notice(event: Occasion) -> Notice {
        Notice {
            format: FORMAT,
            id: "production-42.9f/3".to_owned(),
            event,
            environment: "production".to_owned(),
            release: "production-42".parse().unwrap(),
            previous: Some("production-41".parse().unwrap()),
            commit: Some("4be1f0c".to_owned()),
            who: "ana".to_owned(),
            at: "2026-11-28T20:00:00Z".to_owned(),
            images: vec!["ghcr.io/v/backend@sha256:aa".to_owned()],
            reason: Some("the smoke test of backend failed".to_owned()),
            evidence: vec!["backend: 3 of 40 requests failed".to_owned()],
            run: Some("https://github.com/v/v/actions/runs/7".to_owned()),
        }
    }

    #[test]
    fn the_document_is_the_one_that_is_described() {
        let text = serde_json::to_string_pretty(&notice(Occasion::RolledBack)).unwrap();
        expect![[r#"
            {
              "format": 1,
              "id": "production-42.9f/3",
              "event": "rolled-back",
              "environment": "production",
              "release": "production-42",
              "previous": "production-41",
              "commit": "4be1f0c",
              "who": "ana",
              "at": "2026-11-28T20:00:00Z",
              "images": [
                "ghcr.io/v/backend@sha256:aa"
              ],
              "reason": "the smoke test of backend failed",
              "evidence": [
                "backend: 3 of 40 requests failed"
              ],
              "run": "https://github.com/v/v/actions/runs/7"
            }"#]]
        .assert_eq(&text);
    }

    #[test]
    fn github_hears_of_a_deployment_and_its_statuses() {
        let started = notice(Occasion::Started);
        let deployment = started.deployment("4be1f0c");
        expect![[r#"{"auto_merge":false,"description":"production-42 begun: the smoke test of backend failed","environment":"production","payload":{"release":"production-42"},"ref":"4be1f0c","required_contexts":[],"task":"deploy"}"#]]
            .assert_eq(&deployment.to_string());
        assert!(started.is_of(&deployment));
        assert!(started.is_of(&json!({"payload": "{\"release\":\"production-42\"}"})), "as text");
        assert!(!started.is_of(&json!({"payload": {"release": "production-4"}})));
        assert!(!started.is_of(&json!({"payload": ""})));
        let status = started.status(Some("https://vitalyst.example")).unwrap();
        expect![[r#"{"description":"production-42 begun: the smoke test of backend failed","environment":"production","environment_url":"https://vitalyst.example","log_url":"https://github.com/v/v/actions/runs/7","state":"in_progress"}"#]]
            .assert_eq(&status.to_string());
        for (event, state) in [
            (Occasion::Waiting, Some("in_progress")),
            (Occasion::Promoted, Some("success")),
            (Occasion::RolledBack, Some("failure")),
            (Occasion::Stuck, Some("failure")),
            (Occasion::Aborted, Some("inactive")),
            (Occasion::Superseded, None),
        ] {
            let status = notice(event).status(None);
            assert_eq!(status.as_ref().and_then(|status| status["state"].as_str()), state, "{event:?}");
        }
    }

    #[test]
    fn a_description_is_as_long_as_github_takes() {
        let long = Notice { reason: Some("größer ".repeat(40)), ..notice(Occasion::Stuck) };
        let status = long.status(None).unwrap();
        let description = status["description"].as_str().unwrap();
        assert_eq!(description.chars().count(), DESCRIPTION_MAX);
        assert!(description.ends_with('…'));
    }

    #[test]
    fn every_end_of_something_that_began_is_told() {
        for ending in
            [Ending::Promoted, Ending::RolledBack, Ending::Aborted, Ending::Stuck, Ending::Inconclusive]
        {
            assert!(Occasion::of(ending).is_some(), "{ending:?}");
        }
        assert_eq!(Occasion::of(Ending::Refused), None);
        assert_eq!(Occasion::of(Ending::Nothing), None);
    }
}
