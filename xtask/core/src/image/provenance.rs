//! Where an image comes from: a statement of in-toto (<https://in-toto.io/Statement/v1>) with a predicate of SLSA 1.0
//! (<https://slsa.dev/spec/v1.0/provenance>).
//!
//! It says nothing about when: the same build says the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The media type of the document.
pub const MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// What the parameters below mean.
const BUILD_TYPE: &str = "urn:xtask:image:1";

/// What is said about a build.
#[derive(Clone, Debug)]
pub struct Provenance<'p> {
    /// The name of the image, without a tag.
    pub repository: &'p str,
    /// Its digest.
    pub digest: &'p str,
    /// The component.
    pub component: &'p str,
    /// The path of the Dockerfile in the repository.
    pub dockerfile: &'p str,
    /// The build arguments.
    pub arguments: &'p BTreeMap<String, String>,
    /// Who built it.
    pub engine: &'p str,
    /// What it was made from, as one hash.
    pub fingerprint: &'p str,
    /// Where the sources are, where that is known.
    pub source: Option<&'p str>,
    /// The commit.
    pub revision: &'p str,
    /// The bases, with their digests where they have some.
    pub bases: &'p [String],
    /// On whose machine: the workflow of GitHub that runs; without one, `urn:xtask:local`.
    pub builder: Option<&'p str>,
    /// Which run of it.
    pub invocation: Option<&'p str>,
}

/// The statement.
pub fn statement(provenance: &Provenance<'_>) -> Value {
    let mut dependencies = vec![json!({
        "uri": format!("git+{}", provenance.source.unwrap_or("file:.")),
        "digest": { "gitCommit": provenance.revision },
    })];
    dependencies.extend(provenance.bases.iter().map(|base| match base.split_once('@') {
        Some((name, digest)) => json!({ "uri": format!("docker://{name}"), "digest": by_algorithm(digest) }),
        None => json!({ "uri": format!("docker://{base}") }),
    }));
    let mut metadata = json!({});
    if let Some(invocation) = provenance.invocation {
        metadata["invocationId"] = invocation.into();
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": provenance.repository, "digest": by_algorithm(provenance.digest) }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "component": provenance.component,
                    "dockerfile": provenance.dockerfile,
                    "arguments": provenance.arguments,
                },
                "internalParameters": { "engine": provenance.engine, "fingerprint": provenance.fingerprint },
                "resolvedDependencies": dependencies,
            },
            "runDetails": { "builder": { "id": provenance.builder.unwrap_or("urn:xtask:local") }, "metadata": metadata },
        },
    })
}

/// `sha256:…` as in-toto writes it.
fn by_algorithm(digest: &str) -> Value {
    let (algorithm, digits) = digest.split_once(':').unwrap_or(("sha256", digest));
    json!({ algorithm: digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_what_went_in_and_what_came_out() {
        let arguments = BTreeMap::from([("BASE".to_owned(), "b@sha256:1".to_owned())]);
        let bases = ["b@sha256:1".to_owned(), "c:2".to_owned()];
        let statement = statement(&Provenance {
            repository: "r.io/o/web",
            digest: "sha256:0",
            component: "web",
            dockerfile: "web/Dockerfile",
            arguments: &arguments,
            engine: "buildah",
            fingerprint: "f",
            source: Some("https://example.com/o/r"),
            revision: "c0ffee",
            bases: &bases,
            builder: None,
            invocation: Some("7"),
        });
        assert_eq!(statement["subject"][0]["digest"]["sha256"], "0");
        let definition = &statement["predicate"]["buildDefinition"];
        assert_eq!(definition["resolvedDependencies"][0]["digest"]["gitCommit"], "c0ffee");
        assert_eq!(
            definition["resolvedDependencies"][1],
            json!({ "uri": "docker://b", "digest": { "sha256": "1" } })
        );
        assert_eq!(definition["resolvedDependencies"][2], json!({ "uri": "docker://c:2" }));
        assert_eq!(statement["predicate"]["runDetails"]["metadata"]["invocationId"], "7");
    }
}
