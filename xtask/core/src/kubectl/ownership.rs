//! Who else owns fields that a server-side apply would have changed.

use std::fmt;

use serde_json::Value;

/// A manager that owns fields, and which.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    /// The manager's name, as it stands in `managedFields`: `kubectl-client-side-apply`, `kube-controller-manager`.
    pub manager: String,
    /// The subresource it wrote through: `scale`, where somebody called `kubectl scale`.
    pub subresource: Option<String>,
    /// The fields: `.spec.replicas`.
    pub fields: Vec<String>,
}

/// Reads `Apply failed with 1 conflict: conflict with "first": .spec.replicas` (`NewConflictError` in the API server's
/// `managedfields/internal/conflict.go`); of several, each manager has a line, and below it a line for each field. Empty
/// where it says something else.
pub fn owners(message: &str) -> Vec<Owner> {
    let Some((_, rest)) = message.split_once("Apply failed with ") else { return Vec::new() };
    let Some((_, rest)) = rest.split_once(": ") else { return Vec::new() };
    let mut owners = Vec::new();
    for line in rest.lines().map(str::trim) {
        let begun = line.strip_prefix("conflict with ").or_else(|| line.strip_prefix("conflicts with "));
        if let Some((owner, field)) = begun.and_then(owner) {
            owners.push(Owner { fields: field.into_iter().collect(), ..owner });
        } else if let (Some(field), Some(owner)) = (line.strip_prefix("- "), owners.last_mut()) {
            owner.fields.push(field.to_owned());
        }
    }
    owners
}

/// `"kubectl" with subresource "scale" using apps/v1: .spec.replicas`
fn owner(text: &str) -> Option<(Owner, Option<String>)> {
    // A manager's name has at most 128 printable characters; a quote in it would stand behind a backslash.
    let (manager, rest) = text.strip_prefix('"')?.split_once('"')?;
    // A time among the qualities has colons, too, but no blank behind them.
    let (qualities, field) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
    let subresource = qualities.split_once(" with subresource \"").and_then(|(_, rest)| rest.split_once('"'));
    let owner = Owner {
        manager: manager.to_owned(),
        subresource: subresource.map(|(name, _)| name.to_owned()),
        fields: Vec::new(),
    };
    Some((owner, Some(field.trim().to_owned()).filter(|field| !field.is_empty())))
}

/// The managers whose fields kubectl gives to whoever next applies this object on the server's side, without asking: those
/// that have applied it in the older way and left `last-applied-configuration` behind. `object` is one that was read with its
/// managers.
pub fn taken_over(object: &Value) -> Vec<&str> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let has_applied = |entry: &&Value| {
        let annotations = entry.pointer("/fieldsV1/f:metadata/f:annotations");
        let left = annotations.and_then(|all| all.get("f:kubectl.kubernetes.io/last-applied-configuration"));
        left.is_some() && entry.get("operation").is_some_and(|operation| operation == "Update")
    };
    let managers = entries.into_iter().flatten().filter(has_applied);
    managers.filter_map(|entry| entry.get("manager")?.as_str()).collect()
}

impl fmt::Display for Owner {
    /// ``` `kubectl` (by `scale`): `.spec.replicas` ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.manager)?;
        if let Some(subresource) = &self.subresource {
            write!(f, " (by `{subresource}`)")?;
        }
        let fields: Vec<String> = self.fields.iter().map(|field| format!("`{field}`")).collect();
        write!(f, ": {}", fields.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_applied_in_the_older_way_is_taken_over() {
        let entry = |manager: &str, operation: &str, annotation: &str| {
            let mut annotations = serde_json::Map::new();
            annotations.insert(format!("f:{annotation}"), serde_json::json!({}));
            serde_json::json!({
                "manager": manager,
                "operation": operation,
                "fieldsV1": {"f:metadata": {"f:annotations": annotations}},
            })
        };
        let applied = "kubectl.kubernetes.io/last-applied-configuration";
        let object = serde_json::json!({"metadata": {"managedFields": [
            entry("kubectl-client-side-apply", "Update", applied),
            entry("xtask", "Apply", applied),
            entry("kube-controller-manager", "Update", "deployment.kubernetes.io/revision"),
            {"manager": "bare"},
        ]}});
        assert_eq!(taken_over(&object), ["kubectl-client-side-apply"]);
        assert!(taken_over(&serde_json::json!({"metadata": {}})).is_empty());
    }

    #[test]
    fn owners_are_named_with_their_fields() {
        let table = [
            (
                "error: Apply failed with 1 conflict: conflict with \"first\": .spec.replicas",
                "`first`: `.spec.replicas`",
            ),
            (
                "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas",
                "`kubectl` (by `scale`): `.spec.replicas`",
            ),
            (
                "error: Apply failed with 3 conflicts: conflicts with \"x\" using apps/v1:\n- .spec.replicas\n\
                 - .spec.template.spec.containers[name=\"a:b\"].image\nconflict with \"y\": .metadata.labels.z",
                "`x`: `.spec.replicas`, `.spec.template.spec.containers[name=\"a:b\"].image`; `y`: `.metadata.labels.z`",
            ),
            ("Operation cannot be fulfilled on deployments.apps \"x\"", ""),
            (
                "Apply failed with 1 conflict: conflicts with \"x\" using v1 at 2026-11-28T16:43:31Z:\n- .data.a",
                "`x`: `.data.a`",
            ),
            ("Apply failed with", ""),
            ("Apply failed with 1 conflict: conflict with \"", ""),
        ];
        for (message, expected) in table {
            let said: Vec<String> = owners(message).iter().map(Owner::to_string).collect();
            assert_eq!(said.join("; "), expected);
        }
    }
}
