//! What it means that a container has ended like this, or could not be started: in a sentence for who has to mend it.

use std::borrow::Cow;

/// What an exit code says. `reason` is the word of the kubelet beside it: `Error`, `OOMKilled`, `StartError`, `Completed`.
///
/// Codes above 128 are a signal and 128, as shells write it and container runtimes do.
pub(super) fn explain(code: i32, reason: &str) -> Cow<'static, str> {
    if reason == "OOMKilled" {
        return "it used more memory than its limit, and the kernel has killed it".into();
    }
    if matches!(reason, "StartError" | "ContainerCannotRun") {
        return "the container could not be started: its command is wrong, or its image lacks it".into();
    }
    match code {
        0 => "it has ended by itself, and what serves has to go on".into(),
        126 => "its command was found and cannot be executed: a file mode, or another architecture".into(),
        127 => "its command was not found in the image".into(),
        132 => "an illegal instruction (SIGILL): often an image for another processor".into(),
        134 => "it has ended itself by an abort (SIGABRT)".into(),
        137 => {
            "it was killed (SIGKILL): out of memory, or it did not end in time when a probe or somebody ended it"
                .into()
        }
        139 => "a segmentation fault (SIGSEGV): it reached for memory that is not its own".into(),
        143 => "it was told to end (SIGTERM), and did: a failed liveness probe, or somebody".into(),
        129..=192 => format!("signal {} has ended it", code - 128).into(),
        1 => "the application's own: its log says why".into(),
        _ => "a code of the application's own: its log says why".into(),
    }
}

/// What a container lacks that waits with this message, as the kubelet words it: `secret "x" not found`, `couldn't find key
/// KEY in Secret namespace/name`. `None` where it says something else.
pub(super) fn lacking(message: &str) -> Option<String> {
    if let Some((_, rest)) = message.split_once("couldn't find key ") {
        let (key, rest) = rest.split_once(" in ")?;
        let (kind, name) = rest.split_once(' ')?;
        let name = name.split_whitespace().next()?;
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        return Some(format!("the {kind} `{name}` has no key `{key}`"));
    }
    for (word, kind) in [("secret \"", "Secret"), ("configmap \"", "ConfigMap")] {
        let found = message.split_once(word).and_then(|(_, rest)| rest.split_once("\" not found"));
        if let Some((name, _)) = found {
            return Some(format!("the {kind} `{name}` is not there"));
        }
    }
    None
}

/// Why an image could not be pulled, from what the container runtime says; `None` where it says something else.
pub(super) fn unpulled(message: &str) -> Option<&'static str> {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["denied", "unauthorized", "authorization failed", "403 forbidden"]) {
        Some("the registry does not let the cluster in: see the pull secret of its service account")
    } else if says(&["no such host", "connection refused", "i/o timeout", "tls handshake timeout"]) {
        Some("the node does not reach the registry")
    } else if says(&["not found", "manifest unknown"]) {
        Some("the registry has no such image: was it pushed, and by this digest?")
    } else if says(&["no match for platform"]) {
        Some("the image is for another processor than the node has")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_have_a_meaning() {
        for (code, reason, words) in [
            (0, "Completed", "has to go on"),
            (1, "Error", "the application's own"),
            (3, "Error", "of the application's own"),
            (126, "Error", "cannot be executed"),
            (127, "Error", "not found"),
            (128, "StartError", "could not be started"),
            (132, "Error", "SIGILL"),
            (134, "Error", "SIGABRT"),
            (136, "Error", "signal 8"),
            (137, "OOMKilled", "more memory than its limit"),
            (137, "Error", "SIGKILL"),
            (139, "Error", "SIGSEGV"),
            (143, "Error", "SIGTERM"),
            (255, "Error", "of the application's own"),
            (-1, "Error", "of the application's own"),
        ] {
            let said = explain(code, reason);
            assert!(said.contains(words), "{code} {reason}: {said}");
        }
    }

    #[test]
    fn what_is_lacking_is_named() {
        for (message, words) in [
            ("secret \"absent\" not found", Some("the Secret `absent` is not there")),
            ("configmap \"absent\" not found", Some("the ConfigMap `absent` is not there")),
            (
                "couldn't find key DATABASE_URL in Secret vitalyst/vitalyst-secrets",
                Some("the Secret `vitalyst-secrets` has no key `DATABASE_URL`"),
            ),
            (
                "couldn't find key A in ConfigMap v/settings (extra)",
                Some("the ConfigMap `settings` has no key `A`"),
            ),
            (
                "MountVolume.SetUp failed for volume \"v\" : configmap \"x\" not found",
                Some("the ConfigMap `x` is not there"),
            ),
            ("couldn't find key A", None),
            ("container has runAsNonRoot and image will run as root", None),
        ] {
            assert_eq!(lacking(message).as_deref(), words, "{message}");
        }
    }

    #[test]
    fn why_an_image_is_not_there_is_told() {
        for (message, words) in [
            ("failed to resolve reference \"r/x:1\": r/x:1: not found", Some("no such image")),
            ("pull access denied, repository does not exist", Some("does not let the cluster in")),
            (
                "failed to do request: dial tcp 1.2.3.4:443: connect: connection refused",
                Some("does not reach"),
            ),
            ("no match for platform in manifest", Some("another processor")),
            ("something else", None),
        ] {
            let said = unpulled(message);
            assert!(said.is_some() == words.is_some() && said.unwrap_or("").contains(words.unwrap_or("")));
        }
    }
}
