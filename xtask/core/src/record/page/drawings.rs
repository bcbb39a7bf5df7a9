//! Who imports whom, component by component.

use std::fmt::{self, Write as _};

use super::{Material, Section};
use crate::page::escape;

pub(super) const SECTION: Section = Section {
    id: "imports",
    name: "Who imports whom",
    is_there: |material| material.any(|record| !record.drawings.is_empty()),
    write,
};

/// What an SVG document has to say of itself that stands in no page.
const NAMESPACE: &str = " xmlns=\"http://www.w3.org/2000/svg\"";

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for (component, svg) in records.iter().flat_map(|record| &record.drawings) {
        writeln!(
            html,
            "<details>\n<summary>{}</summary>\n<div class=\"drawing\">{}</div>\n</details>",
            escape(component),
            svg.replacen(NAMESPACE, "", 1)
        )?;
    }
    writeln!(
        html,
        "<p class=\"soft\">As the sources are now. Lines that others imply are left out; circles are red.</p>"
    )
}
