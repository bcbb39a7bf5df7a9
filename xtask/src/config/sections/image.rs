//! `[image]` and `[components.NAME.image]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::decode::{Table, Value};
use crate::config::image::{ComponentImage, ImageSettings, ImageSmoke};
use crate::config::values::{count, duration, list, path, size, text, url_path, variable, word};
use crate::core::image::build::CacheWish;

/// How long an image may take until it answers, where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(30);

const CACHES: [(&str, CacheWish); 3] =
    [("auto", CacheWish::Auto), ("registry", CacheWish::Registry), ("local", CacheWish::Local)];

/// `[image]`.
pub(super) fn image(table: &mut Table<'_, '_>) -> ImageSettings {
    let default = ImageSettings::default();
    ImageSettings {
        registry: table.optional("registry", text),
        owner: table.optional("owner", text),
        source: table.optional("source", text),
        licenses: table.optional("licenses", text),
        ca_bundle: table.optional("ca-bundle", text).map(PathBuf::from),
        cache: table.optional("cache", word(&CACHES)).unwrap_or(default.cache),
        context_max: table.optional("context-max", size).unwrap_or(default.context_max),
    }
}

/// `[components.NAME.image]`.
pub(super) fn component(table: &mut Table<'_, '_>) -> ComponentImage {
    let dockerfile = table.optional("dockerfile", path).unwrap_or_else(|| "Dockerfile".into());
    let arguments = table.optional("arguments", texts).unwrap_or_default();
    let size_max = table.optional("size-max", size);
    let ports = table.optional("ports", list(count::<u16>)).unwrap_or_default();
    let smoke = table.optional("smoke", |value| value.table(smoke));
    ComponentImage { dockerfile, arguments, size_max, ports, smoke }
}

fn smoke(table: &mut Table<'_, '_>) -> Option<ImageSmoke> {
    let path = table.optional("path", url_path).unwrap_or_else(|| "/health".to_owned());
    let port = table.required("port", count::<u16>);
    let port_variable = table.optional("port-variable", variable);
    let environment = table.optional("environment", texts).unwrap_or_default();
    let timeout = table.optional("timeout", duration).unwrap_or(TIMEOUT);
    Some(ImageSmoke { path, port: port?, port_variable, environment, timeout })
}

/// Texts by the names of variables.
pub(super) fn texts(value: &Value<'_, '_>) -> Option<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (key, value) in value.entries()? {
        if !key.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !key.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            key.wrong("is no name of a variable", "use letters, digits and `_`");
        }
        let text = value.text("a string")?;
        texts.insert(key.text.to_owned(), text.to_owned());
    }
    Some(texts)
}
