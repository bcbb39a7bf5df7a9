//! Which kubectl goes with which cluster: one minor version older or newer (<https://kubernetes.io/releases/version-skew-policy/>).

use crate::version::Version;

/// What kubectl and the cluster say they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Versions {
    /// kubectl.
    pub kubectl: Version,
    /// The API server.
    pub server: Version,
}

/// The furthest that two may be apart, in minor versions.
pub const MINORS_MAX: u32 = 1;

impl Versions {
    /// Reads what `kubectl version --output=json` answers; `None` where it lacks either.
    pub fn of(answer: &serde_json::Value) -> Option<Self> {
        let version = |whose: &str| Version::find_in(answer.get(whose)?.get("gitVersion")?.as_str()?);
        Some(Self { kubectl: version("clientVersion")?, server: version("serverVersion")? })
    }

    /// What is wrong with the two together, as a sentence without a full stop, and what to do; `None` where nothing is.
    pub fn warning(&self) -> Option<(String, String)> {
        let Self { kubectl, server } = self;
        let apart = kubectl.minor().abs_diff(server.minor());
        if kubectl.major() == server.major() && apart <= MINORS_MAX {
            return None;
        }
        let message = format!(
            "kubectl {kubectl} is not made for a cluster of version {server}: they are more than one minor version apart"
        );
        let hint = format!("install kubectl {}.{}", server.major(), server.minor());
        Some((message, hint))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_minor_version_apart_is_fine_and_two_are_not() {
        let table = [
            ("v1.32.4-dispatcher", "v1.34.4", false),
            ("v1.33.0", "v1.34.4", true),
            ("v1.34.1", "v1.33.2-gke.1240000", true),
            ("v1.34.1", "v1.32.11-eks-3025e55", false),
            ("v1.32.0", "v1.32.99+k3s1", true),
            ("v2.0.0", "v1.0.0", false),
        ];
        for (kubectl, server, fits) in table {
            let answer =
                json!({"clientVersion": {"gitVersion": kubectl}, "serverVersion": {"gitVersion": server}});
            let versions = Versions::of(&answer).unwrap();
            assert_eq!(versions.warning().is_none(), fits, "{kubectl} {server}");
        }
    }

    #[test]
    fn the_warning_says_what_to_install() {
        let versions = Versions { kubectl: Version::new(1, 32, 4), server: Version::new(1, 34, 4) };
        let (message, hint) = versions.warning().unwrap();
        assert_eq!(
            message,
            "kubectl 1.32.4 is not made for a cluster of version 1.34.4: they are more than one minor version apart"
        );
        assert_eq!(hint, "install kubectl 1.34");
    }

    #[test]
    fn without_a_server_there_are_no_versions() {
        for answer in [
            json!({"clientVersion": {"gitVersion": "v1.32.4"}}),
            json!({"clientVersion": {"gitVersion": "v1.32.4"}, "serverVersion": {"gitVersion": "main"}}),
            json!(null),
        ] {
            assert_eq!(Versions::of(&answer), None);
        }
    }
}
