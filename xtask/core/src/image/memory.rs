//! What looks at earlier images have shown, so that a layer is looked at once.
//!
//! A look goes from the lowest layer up, and what it knows behind a layer follows from that layer and those below it. So it is
//! kept under a name that holds the digests of all of them, and the next look goes on behind the highest layer that is known.

use serde::{Deserialize, Serialize};

use super::policy::{Counts, Layer};
use super::sbom::Inventory;
use crate::registry::Digest;

/// What decides what a look shows: after a change in one of them nothing is known any more.
const RULES: [&str; 9] = [
    include_str!("archive.rs"),
    include_str!("copyright.rs"),
    include_str!("memory.rs"),
    include_str!("policy.rs"),
    include_str!("sbom.rs"),
    include_str!("../inventory/npm.rs"),
    include_str!("../inventory/purl.rs"),
    include_str!("../inventory/python.rs"),
    include_str!("../license/debian.rs"),
];

/// What a look has shown of the layers of one image.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// How many layers the image has.
    layers: usize,
    /// What was known behind each layer, the lowest first.
    known: Vec<Known>,
}

/// What is known behind a layer.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    name: String,
    /// The bytes of that layer, uncompressed.
    pub size: u64,
    /// What was counted up to it.
    pub counts: Counts,
    /// The software up to it.
    pub inventory: Inventory,
}

/// The names of what can be known behind each layer. `diff_ids` are the digests of the uncompressed layers.
pub fn names(diff_ids: &[Digest], layers: &[Layer]) -> Vec<String> {
    let mut below = String::new();
    let name = |(diff_id, layer): (&Digest, &Layer)| {
        // A layer of the base is not searched for secrets, so it is not the same look.
        let own = if layer.is_base { "base" } else { "own" };
        below = blake3::hash(format!("{below} {diff_id} {own}").as_bytes()).to_hex().to_string();
        below.clone()
    };
    diff_ids.iter().zip(layers).map(name).collect()
}

impl Memory {
    /// Reads what [`Memory::render`] wrote. What is damaged, or was found by other rules, is not known.
    pub fn parse(text: &str) -> Self {
        let kept = text.split_once('\n').filter(|(sum, rest)| *sum == self::sum(rest));
        kept.and_then(|(_, rest)| serde_json::from_str(rest).ok()).unwrap_or_default()
    }

    /// As it is kept in a file.
    ///
    /// # Errors
    ///
    /// Never: there is nothing in it that is no JSON.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        let rest = serde_json::to_string(self)?;
        Ok(format!("{}\n{rest}", sum(&rest)))
    }

    /// How many of the layers of these names are known, from the lowest up.
    pub fn count(&self, names: &[String]) -> usize {
        self.known.iter().zip(names).take_while(|(known, name)| known.name == **name).count()
    }

    /// What is known behind the first `count` layers, one of them after the other.
    pub fn take(&mut self, count: usize) -> &[Known] {
        self.known.truncate(count);
        &self.known
    }

    /// Says how many layers the image has, whether something is known of them or not.
    pub fn of_layers(&mut self, layers: usize) {
        self.layers = layers;
    }

    /// What is known of the whole image; `None` where that is nothing, or ends before its last layer.
    pub fn whole(&self) -> Option<&Known> {
        self.known.last().filter(|_| self.known.len() == self.layers)
    }

    /// Keeps what is known behind the next layer. What has findings is not kept: they have to be said again.
    pub fn add(&mut self, name: &str, size: u64, counts: &Counts, inventory: &Inventory) {
        if counts.is_clean() {
            let (counts, inventory) = (counts.clone(), inventory.clone());
            self.known.push(Known { name: name.to_owned(), size, counts, inventory });
        }
    }
}

fn sum(text: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for rules in RULES {
        hasher.update(rules.as_bytes());
    }
    hasher.update(text.as_bytes()).finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::image::archive::{Member, Type};
    use crate::image::policy::{Judge, Policy};

    fn layer(is_base: bool) -> Layer {
        Layer { made_by: "COPY x".to_owned(), size: 0, is_base }
    }

    fn digests(count: u8) -> Vec<Digest> {
        (0..count).map(|one| Digest::of(&[one])).collect()
    }

    #[test]
    fn a_layer_is_known_only_upon_the_same_ones() {
        let layers = [layer(true), layer(false), layer(false)];
        let before = names(&digests(3), &layers);
        let mut memory = Memory::default();
        for name in &before {
            memory.add(name, 1, &Counts::default(), &Inventory::default());
        }
        assert_eq!(memory.count(&before), 3);
        let mut changed = digests(3);
        changed[1] = Digest::of(b"other");
        assert_eq!(memory.count(&names(&changed, &layers)), 1, "nor what lies upon another one");
        changed.swap(0, 2);
        assert_eq!(memory.count(&names(&changed, &layers)), 0);
        let own = [layer(true), layer(true), layer(false)];
        assert_eq!(memory.count(&names(&digests(3), &own)), 1, "of a base less was looked at");
        assert_eq!(memory.count(&before[..2]), 2, "an image may end earlier");
        assert_eq!(memory.take(2).len(), 2);
        for (layers, is_whole) in [(0, false), (2, true), (3, false)] {
            memory.of_layers(layers);
            assert_eq!(memory.whole().is_some(), is_whole, "{layers}");
        }
    }

    #[test]
    fn what_is_damaged_is_not_known() {
        let names = names(&digests(1), &[layer(false)]);
        let mut memory = Memory::default();
        memory.add(&names[0], 7, &Counts::default(), &Inventory::default());
        let text = memory.render().unwrap();
        assert_eq!(Memory::parse(&text), memory);
        for damaged in [
            text.replace("\"size\":7", "\"size\":8"),
            text[1..].to_owned(),
            String::new(),
            "[]".to_owned(),
            format!("{}\n[{{}}]", sum("[{}]")),
        ] {
            assert_eq!(Memory::parse(&damaged).count(&names), 0, "{damaged}");
        }
    }

    #[test]
    fn what_has_findings_is_looked_at_again() {
        let policy = Policy { dockerfile: Path::new("Dockerfile"), ports: &[], size_max: None };
        let mut judge = Judge::new(policy);
        let mut file = Member {
            name: "app/run".to_owned(),
            mode: 0o4755,
            size: 1,
            kind: Type::File,
            target: String::new(),
        };
        judge.member(&layer(false), &file);
        let mut memory = Memory::default();
        memory.add("a", 1, judge.counts(), &Inventory::default());
        assert_eq!(memory.count(&["a".to_owned()]), 1, "a later layer may take it away");
        file.name = "app/.npmrc".to_owned();
        judge.member(&layer(false), &file);
        memory.add("b", 1, judge.counts(), &Inventory::default());
        assert_eq!(memory.count(&["a".to_owned(), "b".to_owned()]), 1);
        // Whoever goes on there still sees what the first layer has.
        let mut next = Judge::new(Policy { dockerfile: Path::new("Dockerfile"), ports: &[], size_max: None });
        next.resume(memory.take(1)[0].counts.clone());
        let found = next.finish(&[layer(false)], None);
        assert_eq!(found.iter().map(|one| one.rule.as_str()).collect::<Vec<_>>(), ["setuid"]);
    }
}
