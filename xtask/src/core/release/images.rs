//! Images by digest: what is deployed is what was built, whatever happens to a tag.

mod record;

use std::fmt;

use serde_json::Value;

use super::manifest::Manifest;
use super::model::ComponentName;
use crate::core::diagnostic::Diagnostic;
use crate::core::suggest;

pub use record::{Built, FORMAT as RECORD_FORMAT, Record};

/// An image that was built: the name it was pushed under, and what is there.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Image {
    /// The component it was built from.
    pub component: ComponentName,
    /// `registry.example.com/owner/name:tag`.
    pub reference: String,
    /// `sha256:…`, with 64 digits.
    pub digest: String,
}

/// The parts of an image's name. The grammar is that of the reference package of github.com/distribution/reference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reference<'r> {
    /// The registry and the repository in it.
    pub repository: &'r str,
    /// What stands behind the `:`.
    pub tag: Option<&'r str>,
    /// What stands behind the `@`.
    pub digest: Option<&'r str>,
}

impl<'r> Reference<'r> {
    /// Takes a name apart. `None` where it is none.
    pub fn parse(text: &'r str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before a slash belongs to the port of the registry.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let path = |c: char| word(c) || matches!(c, '/' | ':');
        let well = !repository.is_empty()
            && repository.chars().all(path)
            && repository.split('/').all(|part| !part.is_empty())
            && tag.is_none_or(|tag| (1..=128).contains(&tag.len()) && tag.chars().all(word))
            && digest.is_none_or(is_digest);
        well.then_some(Self { repository, tag, digest })
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.repository)?;
        self.tag.map_or(Ok(()), |tag| write!(f, ":{tag}"))?;
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// Whether `text` is `sha256:` and 64 lowercase hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The lists of containers in a pod.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Where the pod template is in an object of each kind that runs pods.
pub fn pod_template(kind: &str) -> Option<&'static str> {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicaSet" => Some("/spec/template"),
        "CronJob" => Some("/spec/jobTemplate/spec/template"),
        "Pod" => Some(""),
        _ => None,
    }
}

/// The names of all images in a manifest that have no digest.
pub fn without_digest(manifest: &Manifest) -> Vec<&str> {
    let Some(template) = pod_template(manifest.kind()) else { return Vec::new() };
    let containers = LISTS.iter().flat_map(|list| {
        let list = format!("{template}/spec/{list}");
        manifest.object.pointer(&list).and_then(Value::as_array).into_iter().flatten()
    });
    let names = containers.filter_map(|container| container.get("image")?.as_str());
    names.filter(|name| Reference::parse(name).is_some_and(|name| name.digest.is_none())).collect()
}

/// Replaces each image of `manifest` that is among `images` by its digest: containers, init containers (sidecars among them)
/// and ephemeral ones. Returns a problem for each that has none then, so that nothing runs that nobody can name.
pub fn pin(manifest: &mut Manifest, images: &[Image]) -> Vec<Diagnostic> {
    pin_containers(manifest, images, true)
}

/// [`pin`] for what is laid over another manifest: a container without an image keeps the one it has there.
pub fn pin_overlay(manifest: &mut Manifest, images: &[Image]) -> Vec<Diagnostic> {
    pin_containers(manifest, images, false)
}

fn pin_containers(manifest: &mut Manifest, images: &[Image], complete: bool) -> Vec<Diagnostic> {
    let mut pinned = Vec::new();
    let mut problems = Vec::new();
    let Some(template) = pod_template(manifest.kind()) else { return problems };
    for list in LISTS {
        let list = format!("{template}/spec/{list}");
        let containers = manifest.object.pointer(&list).and_then(Value::as_array).into_iter().flatten();
        for (index, container) in containers.enumerate() {
            let pointer = format!("{list}/{index}/image");
            match container.get("image").and_then(Value::as_str) {
                None if !complete => {}
                None => {
                    let name = container.get("name").and_then(Value::as_str).unwrap_or("?");
                    let message = format!("the container `{name}` has no image");
                    problems.push(manifest.diagnostic(&pointer, message));
                }
                Some(text) => match digest_of(text, images) {
                    Ok(Some(reference)) => pinned.push((pointer, reference)),
                    Ok(None) => {}
                    Err((message, help)) => {
                        let problem = manifest.diagnostic(&pointer, message).label("a tag can move");
                        problems.push(problem.help(help));
                    }
                },
            }
        }
    }
    for (pointer, reference) in pinned {
        if let Some(image) = manifest.object.pointer_mut(&pointer) {
            *image = Value::String(reference);
        }
    }
    problems
}

/// The name with a digest; `None` where it has one already. Or what is wrong, and what to do.
fn digest_of(text: &str, images: &[Image]) -> Result<Option<String>, (String, String)> {
    let Some(reference) = Reference::parse(text) else {
        return Err((format!("`{text}` is no name of an image"), "write `repository@sha256:…`".to_owned()));
    };
    if reference.digest.is_some() {
        return Ok(None);
    }
    let wanted = (reference.repository, reference.tag.unwrap_or("latest"));
    for image in images {
        let Some(built) = Reference::parse(&image.reference) else { continue };
        if (built.repository, built.tag.unwrap_or("latest")) == wanted {
            let pinned = Reference { tag: None, digest: Some(&image.digest), ..reference };
            if !is_digest(&image.digest) {
                let message = format!("`{}` is no digest of `{text}`", image.digest);
                return Err((
                    message,
                    "build the images again: a digest is `sha256:` and 64 digits".to_owned(),
                ));
            }
            return Ok(Some(pinned.to_string()));
        }
    }
    let known = images.iter().map(|image| image.reference.as_str());
    let help = match suggest::nearest(text, known) {
        Some(nearest) => format!("built was `{nearest}`"),
        None => "write it with its digest, `repository@sha256:…`, or build it with the release".to_owned(),
    };
    Err((format!("the image `{text}` has no digest"), help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::release::manifest;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_taken_apart() {
        let pinned = format!("a/b:1@{DIGEST}");
        for (text, repository, tag) in [
            ("nginx", "nginx", None),
            ("nginx:1.2_x-3", "nginx", Some("1.2_x-3")),
            ("localhost:5000/a/b", "localhost:5000/a/b", None),
            ("localhost:5000/a/b:v1", "localhost:5000/a/b", Some("v1")),
            (&pinned, "a/b", Some("1")),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!((reference.repository, reference.tag), (repository, tag));
            assert_eq!(reference.to_string(), text);
        }
        for text in ["", ":1", "a b", "a:", "a//b", "a@sha256:12", "a@", "${X}", "/a", "a:x/y:", "größe"] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_container_is_pinned_or_refused() {
        let text = "\
kind: CronJob
apiVersion: batch/v1
metadata: {name: x}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers:
          - {name: sidecar, restartPolicy: Always, image: 'r.io/o/web:1'}
          - {name: wait, image: busybox}
          containers:
          - {name: web, image: 'r.io/o/web:1'}
          - {name: done, image: 'r.io/o/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}
          - {name: old, image: 'r.io/o/web:0'}
          - {name: none}
";
        let mut manifests = manifest::read("k.yml", text, None).unwrap();
        let image = Image {
            component: ComponentName("web".into()),
            reference: "r.io/o/web:1".to_owned(),
            digest: DIGEST.to_owned(),
        };
        let problems = pin(&mut manifests[0], &[image]);
        let said: Vec<String> = problems
            .iter()
            .map(|p| format!("{:?} {} ({})", p.position(), p.message, p.help.as_deref().unwrap_or_default()))
            .collect();
        expect_test::expect![[r#"
            (11, 33) the image `busybox` has no digest (write it with its digest, `repository@sha256:…`, or build it with the release)
            (15, 32) the image `r.io/o/web:0` has no digest (built was `r.io/o/web:1`)
            (16, 14) the container `none` has no image ()"#]]
        .assert_eq(&said.join("\n"));
        let object = manifests[0].object.to_string();
        assert_eq!(object.matches(&format!("r.io/o/web@{DIGEST}")).count(), 2);
    }
}
