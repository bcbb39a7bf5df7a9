//! Who may not do what: the words in which the API server refuses by its roles.

use std::fmt;

/// What a role lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// Who asked, as the cluster knows them.
    pub user: String,
    /// What they wanted to do: `list`, `patch`.
    pub verb: String,
    /// With what: `deployments`, `pods/proxy`.
    pub resource: String,
    /// Its group; empty for the core.
    pub group: String,
    /// Where; `None` for what belongs to no namespace.
    pub namespace: Option<String>,
}

impl Denial {
    /// Reads `… User "u" cannot list resource "pods" in API group "" in the namespace "v"`; `None` where it says something
    /// else (`responsibleForForbidden` in the API server's `endpoints/handlers/responsewriters`).
    pub fn find_in(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("User ")?;
        let (user, rest) = quoted(rest)?;
        let (verb, rest) = rest.strip_prefix(" cannot ")?.split_once(" resource ")?;
        let (resource, rest) = quoted(rest)?;
        let (group, rest) = quoted(rest.strip_prefix(" in API group ")?)?;
        let namespace = rest.strip_prefix(" in the namespace ").and_then(quoted).map(|(name, _)| name);
        let is_verb = !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_lowercase());
        is_verb.then(|| Self { user, verb: verb.to_owned(), resource, group, namespace })
    }

    /// The resource with its group, as `kubectl auth can-i` takes it: `deployments.apps`, `deployments.apps/scale`.
    pub fn resource(&self) -> String {
        match (self.group.as_str(), self.resource.split_once('/')) {
            ("", _) => self.resource.clone(),
            (group, None) => format!("{}.{group}", self.resource),
            (group, Some((resource, part))) => format!("{resource}.{group}/{part}"),
        }
    }
}

impl fmt::Display for Denial {
    /// ``may not `list` `deployments.apps` in the namespace `vitalyst` ``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "may not `{}` `{}`", self.verb, self.resource())?;
        match &self.namespace {
            Some(namespace) => write!(f, " in the namespace `{namespace}`"),
            None => Ok(()),
        }
    }
}

/// A text as Go's `%q` writes it, at the beginning of `text`, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut inside = String::new();
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((inside, &text[at + 2..])),
            '\\' => inside.push(characters.next()?.1),
            character => inside.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_role_lacks_is_read_from_the_words() {
        let table = [
            (
                r#"pods is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "v""#,
                "u may not `list` `pods` in the namespace `v`",
            ),
            (
                r#"deployments.apps "b" is forbidden: User "system:serviceaccount:v:d" cannot patch resource "deployments/scale" in API group "apps" in the namespace "v": RBAC: role.rbac.authorization.k8s.io "d" not found"#,
                "system:serviceaccount:v:d may not `patch` `deployments.apps/scale` in the namespace `v`",
            ),
            (
                r#"namespaces "kube-system" is forbidden: User "a \"b\"" cannot get resource "namespaces" in API group "" at the cluster scope"#,
                "a \"b\" may not `get` `namespaces`",
            ),
            (r#"pods "b-1" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2"#, "-"),
            (r#"forbidden: User "u" cannot get path "/metrics""#, "-"),
            (r#"User "u" cannot "#, "-"),
            (r#"User "u"#, "-"),
            ("", "-"),
        ];
        for (message, expected) in table {
            let said = Denial::find_in(message);
            let said = said.map_or_else(|| "-".to_owned(), |denial| format!("{} {denial}", denial.user));
            assert_eq!(said, expected);
        }
    }
}
