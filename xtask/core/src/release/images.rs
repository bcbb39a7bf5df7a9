//! Images by digest: what is deployed is what was built, whatever happens to a tag.

mod record;

use serde_json::Value;

use super::manifest::Manifest;
use super::model::ComponentName;
use crate::diagnostic::Diagnostic;
use crate::registry::{Digest, Invalid, Reference};
use crate::suggest;

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

impl Image {
    /// Its repository with its digest; `None` where either cannot be read.
    pub fn pinned(&self) -> Option<Reference> {
        Some(self.reference.parse::<Reference>().ok()?.with_digest(&self.digest.parse().ok()?))
    }
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
pub fn without_digest(manifest: &Manifest) -> Vec<Reference> {
    let Some(template) = pod_template(manifest.kind()) else { return Vec::new() };
    let containers = LISTS.iter().flat_map(|list| {
        let list = format!("{template}/spec/{list}");
        manifest.object.pointer(&list).and_then(Value::as_array).into_iter().flatten()
    });
    let names =
        containers.filter_map(|container| container.get("image")?.as_str()?.parse::<Reference>().ok());
    names.filter(|name| name.digest().is_none()).collect()
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

/// A problem for each image of `manifest` whose repository is among `chosen` and whose digest is none of those chosen: the manifest
/// states one itself, and that would be released instead of what was asked for. To be asked once images are pinned.
pub fn unlike_chosen(manifest: &Manifest, chosen: &[Reference]) -> Vec<Diagnostic> {
    let Some(template) = pod_template(manifest.kind()) else { return Vec::new() };
    let mut problems = Vec::new();
    for list in LISTS {
        let list = format!("{template}/spec/{list}");
        let containers = manifest.object.pointer(&list).and_then(Value::as_array).into_iter().flatten();
        for (index, container) in containers.enumerate() {
            let stated = container.get("image").and_then(Value::as_str);
            let Some(stated) = stated.and_then(|text| text.parse::<Reference>().ok()) else { continue };
            let mut wanted = chosen.iter().filter(|chosen| chosen.name() == stated.name()).peekable();
            let is_wanted = |chosen: &&Reference| chosen.digest() == stated.digest();
            if let Some(&first) = wanted.peek()
                && !wanted.any(|chosen| is_wanted(&chosen))
            {
                let message = format!("the image `{}` is stated with a digest of its own", stated.name());
                let problem = manifest.diagnostic(&format!("{list}/{index}/image"), message);
                let wanted = first.digest().map(ToString::to_string).unwrap_or_default();
                problems.push(problem.label(format!("asked for is `{wanted}`")).help(
                    "state a tag here, and the digest that is asked for takes its place; or ask for nothing, and this one is released",
                ));
            }
        }
    }
    problems
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
    let wrong =
        |invalid: Invalid, help: &str| (invalid.message, invalid.hint.unwrap_or_else(|| help.to_owned()));
    let reference: Reference =
        text.parse().map_err(|invalid| wrong(invalid, "write `repository@sha256:…`"))?;
    if reference.digest().is_some() {
        return Ok(None);
    }
    let wanted = (reference.name(), reference.identifier());
    let is_wanted = |image: &&Image| {
        let built = image.reference.parse::<Reference>();
        built.is_ok_and(|built| (built.name(), built.identifier()) == wanted)
    };
    if let Some(image) = images.iter().find(is_wanted) {
        let digest: Digest =
            image.digest.parse().map_err(|invalid| wrong(invalid, "build the images again"))?;
        return Ok(Some(reference.with_digest(&digest).to_string()));
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
    use crate::release::manifest;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

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
          - {name: upper, image: 'r.io/O/web:1'}
          - {name: hub, image: 'o/hub'}
          - {name: none}
";
        let mut manifests = manifest::read("k.yml", text, None).unwrap();
        let images = ["r.io/o/web:1", "docker.io/o/hub:latest"].map(|reference| Image {
            component: ComponentName("web".into()),
            reference: reference.to_owned(),
            digest: DIGEST.to_owned(),
        });
        let problems = pin(&mut manifests[0], &images);
        let said: Vec<String> = problems
            .iter()
            .map(|p| format!("{:?} {} ({})", p.position(), p.message, p.help.as_deref().unwrap_or_default()))
            .collect();
        expect_test::expect![[r#"
            (11, 33) the image `busybox` has no digest (write it with its digest, `repository@sha256:…`, or build it with the release)
            (15, 32) the image `r.io/o/web:0` has no digest (built was `r.io/o/web:1`)
            (16, 34) `r.io/O/web:1` is no name of an image (repositories are lowercase: `r.io/o/web:1`)
            (18, 14) the container `none` has no image ()"#]]
        .assert_eq(&said.join("\n"));
        let object = manifests[0].object.to_string();
        assert_eq!(object.matches(&format!("r.io/o/web@{DIGEST}")).count(), 2);
        assert!(object.contains(&format!("docker.io/o/hub@{DIGEST}")), "{object}");
    }

    #[test]
    fn a_digest_that_is_stated_is_one_of_those_that_are_asked_for() {
        let image = |name: &str, digit: &str| format!("r.io/o/{name}@sha256:{}", digit.repeat(64));
        let text = format!(
            "kind: Pod\napiVersion: v1\nmetadata: {{name: x}}\nspec:\n  initContainers:\n  - {{name: i, image: '{}'}}\n  \
             containers:\n  - {{name: c, image: '{}'}}\n  - {{name: d, image: '{}'}}\n",
            image("web", "1"),
            image("web", "2"),
            image("other", "3"),
        );
        let manifests = manifest::read("k.yml", &text, None).unwrap();
        for (chosen, lines) in [
            (vec![], vec![]),
            (vec![image("web", "1"), image("web", "2")], vec![]),
            (vec![image("web", "1")], vec![8]),
            (vec![image("web", "9"), image("more", "3")], vec![6, 8]),
            (vec![image("other", "4")], vec![9]),
        ] {
            let references: Vec<Reference> = chosen.iter().map(|text| text.parse().unwrap()).collect();
            let problems = unlike_chosen(&manifests[0], &references);
            let found: Vec<usize> = problems.iter().map(|problem| problem.position().0).collect();
            assert_eq!(found, lines, "{chosen:?}");
        }
    }
}
