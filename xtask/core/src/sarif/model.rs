//! The objects of a file that is written, named as the specification names them.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Log<'l> {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) runs: [Run<'l>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'l> {
    pub(super) tool: Tool<'l>,
    pub(super) automation_details: Id,
    pub(super) column_kind: &'static str,
    pub(super) original_uri_base_ids: BTreeMap<&'static str, Base>,
    pub(super) invocations: Vec<Invocation>,
    pub(super) results: Vec<Outcome<'l>>,
}

#[derive(Serialize)]
pub(super) struct Tool<'l> {
    pub(super) driver: Driver<'l>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Driver<'l> {
    pub(super) name: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'l str>,
    pub(super) rules: Vec<Rule<'l>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'l> {
    pub(super) id: &'l str,
    pub(super) short_description: Text,
    pub(super) help: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help_uri: Option<&'l str>,
    pub(super) default_configuration: Configuration,
    pub(super) properties: Properties,
}

#[derive(Serialize)]
pub(super) struct Configuration {
    pub(super) level: &'static str,
}

/// What GitHub reads of a rule beyond the specification.
#[derive(Serialize)]
pub(super) struct Properties {
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    pub(super) security_severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) precision: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Id {
    pub(super) id: String,
}

#[derive(Serialize)]
pub(super) struct Base {
    pub(super) description: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub(super) execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
pub(super) struct Notification {
    pub(super) level: &'static str,
    pub(super) message: Text,
}

#[derive(Serialize)]
pub(super) struct Text {
    pub(super) text: String,
}

/// A result; the word is taken.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'l> {
    pub(super) rule_id: &'l str,
    pub(super) rule_index: usize,
    pub(super) level: &'static str,
    pub(super) message: Text,
    pub(super) locations: [Location; 1],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) partial_fingerprints: BTreeMap<&'static str, &'l str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) suppressions: Vec<Suppression<'l>>,
    #[serde(skip_serializing_if = "Witnesses::is_empty")]
    pub(super) properties: Witnesses<'l>,
}

#[derive(Serialize)]
pub(super) struct Witnesses<'l> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) witnesses: Vec<&'l str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) aliases: Vec<&'l str>,
}

impl Witnesses<'_> {
    fn is_empty(&self) -> bool {
        self.witnesses.is_empty() && self.aliases.is_empty()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Suppression<'l> {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) justification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) properties: Option<Answerable<'l>>,
}

/// Who answers for a suppression, and for how long.
#[derive(Serialize)]
pub(super) struct Answerable<'l> {
    pub(super) owner: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<&'l str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub(super) artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLocation {
    pub(super) uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_column: Option<u32>,
}
