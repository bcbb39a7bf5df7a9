//! The images of a run, layer by layer: where their size comes from.

use std::fmt::{self, Write as _};

use super::{Material, Section, part};
use crate::image::policy::{Layer, megabytes};
use crate::page::escape;
use crate::text::count;

pub(super) const SECTION: Section = Section {
    id: "images",
    name: "Images",
    is_there: |material| material.any(|record| !record.images.is_empty()),
    write,
};

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for record in records.iter().filter(|record| !record.images.is_empty()) {
        part(html, records, record)?;
        for (component, layers) in &record.images {
            image(html, component, layers)?;
        }
    }
    Ok(())
}

fn image(html: &mut String, component: &str, layers: &[Layer]) -> fmt::Result {
    let size = |of_base: bool| -> u64 {
        layers.iter().filter(|layer| layer.is_base == of_base).map(|layer| layer.size).sum()
    };
    let largest = layers.iter().map(|layer| layer.size).max().unwrap_or(0).max(1);
    writeln!(
        html,
        "<h3>{} <small>{} upon a base of {}, in {}, uncompressed</small></h3>",
        escape(component),
        megabytes(size(false)),
        megabytes(size(true)),
        count(layers.len(), "layer")
    )?;
    writeln!(
        html,
        "<div class=\"wide\"><table class=\"shares\">\n<thead><tr><th class=\"number\">size</th><th></th><th>of</th><th>made by</th></tr></thead>\n<tbody>"
    )?;
    for layer in layers {
        let tenths = u128::from(layer.size) * 1000 / u128::from(largest);
        let (of, class) = if layer.is_base { ("base", "share base") } else { ("own", "share") };
        writeln!(
            html,
            "<tr><td class=\"number\">{}</td><td><svg class=\"{class}\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"M0 0H{tenths}V100H0z\"/></svg></td><td class=\"soft\">{of}</td><td><code>{}</code></td></tr>",
            megabytes(layer.size),
            escape(&layer.made_by)
        )?;
    }
    writeln!(html, "</tbody>\n</table></div>")
}
