//! Where what a release writes is stated: from an object back to the line of a file.

use serde_json::Value;

use super::text;
use crate::finding::Location;
use crate::release::manifest::{self, Manifest};
use crate::release::model::Slot;
use crate::rules;

/// The files that the objects of an environment are made from.
#[derive(Clone, Copy, Debug)]
pub struct Files<'m> {
    /// What the files state.
    pub manifests: &'m [Manifest],
    /// What is laid over a slot b.
    pub overlays: &'m [Manifest],
}

/// What items of lists are called by; a list without such items is the same in both files.
const NAME: &str = "name";

impl<'m> Files<'m> {
    /// Where the value at a JSON pointer of `object` stands; where nothing is there, where it should be. `None` for an object that
    /// no file states.
    pub fn place(&self, object: &Value, pointer: &str) -> Option<Location> {
        let (manifest, own) = self.stated(object, pointer)?;
        Some(rules::location(&manifest.diagnostic(&own, "")))
    }

    /// The manifest that states the value at a JSON pointer of `object`, and its pointer there.
    pub(super) fn stated(&self, object: &Value, pointer: &str) -> Option<(&'m Manifest, String)> {
        let mut last = None;
        for manifest in self.of(object) {
            let own = translate(object, &manifest.object, pointer);
            if manifest.object.pointer(&own).is_some() {
                return Some((manifest, own));
            }
            last = Some((manifest, own));
        }
        last
    }

    /// The manifest that `object` is in the files: for one of slot b, that of slot a.
    pub(super) fn base(&self, object: &Value) -> Option<&'m Manifest> {
        self.of(object).last()
    }

    /// What says something about the object: first what is laid over it, last what it is made from.
    fn of(&self, object: &Value) -> impl Iterator<Item = &'m Manifest> {
        let (kind, name) = (text(object, "kind").unwrap_or_default().to_owned(), name(object).to_owned());
        let namespace = namespace(object).map(str::to_owned);
        let is = move |manifest: &&'m Manifest, name: &str| {
            manifest.kind() == kind
                && manifest.name() == name
                && (manifest.text("/metadata/namespace").is_none()
                    || manifest.text("/metadata/namespace") == namespace.as_deref())
        };
        let over = self.overlays.iter().find(|manifest| is(manifest, &name));
        let own = self.manifests.iter().find(|manifest| is(manifest, &name));
        let slot_a = name.strip_suffix(Slot::B.suffix());
        let below = slot_a.and_then(|name| self.manifests.iter().find(|manifest| is(manifest, name)));
        // An object of its own comes before one whose slot b it might be.
        over.into_iter().chain(own.or(below))
    }
}

/// The name of an object.
pub(super) fn name(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

/// The namespace that an object names.
pub(super) fn namespace(object: &Value) -> Option<&str> {
    object.pointer("/metadata/namespace").and_then(Value::as_str)
}

/// The pointer into `other` of what `pointer` leads to in `object`: items of lists that have a name are found by it.
fn translate(object: &Value, other: &Value, pointer: &str) -> String {
    let (mut here, mut there) = (Some(object), Some(other));
    let mut translated = String::new();
    for step in pointer.split('/').skip(1) {
        let key = step.replace("~1", "/").replace("~0", "~");
        let index = step.parse::<usize>().ok().filter(|_| here.is_some_and(Value::is_array));
        let Some(index) = index else {
            here = here.and_then(|value| value.get(&key));
            there = there.and_then(|value| value.get(&key));
            translated = manifest::join(&translated, &key);
            continue;
        };
        here = here.and_then(|value| value.get(index));
        let wanted = here.and_then(|item| text(item, NAME));
        let by_name = wanted.and_then(|wanted| {
            let list = there.and_then(Value::as_array)?;
            list.iter().position(|item| text(item, NAME) == Some(wanted))
        });
        // One that is not there by its name is no other item either.
        let found = if wanted.is_some() { by_name } else { Some(index) };
        there = found.and_then(|index| there?.get(index));
        translated = match found {
            Some(index) => format!("{translated}/{index}"),
            None => manifest::join(&translated, "-"),
        };
    }
    translated
}
