//! `[coverage]` and `[components.NAME.coverage]`.

use crate::config::coverage::{ComponentCoverage, CoverageSettings, Service};
use crate::config::decode::{Table, Value};
use crate::config::values::{list, parsed, pattern, word};
use crate::core::coverage::{Minimum, Threshold};

const SERVICES: &[(&str, Service)] = &[("codecov", Service::Codecov)];

/// `[components.NAME.coverage]`.
pub(super) fn component(table: &mut Table<'_, '_>) -> ComponentCoverage {
    ComponentCoverage {
        minimum: Minimum {
            lines: table.optional("lines-min", threshold),
            branches: table.optional("branches-min", threshold),
            changed: table.optional("changed-min", threshold),
        },
        ignores: table.optional("ignores", list(pattern)).unwrap_or_default(),
    }
}

fn threshold(value: &Value<'_, '_>) -> Option<Threshold> {
    parsed("a share from 0.1 to 100 percent such as \"80 %\"", |text| {
        Threshold::parse(text).ok_or_else(|| "at most one digit behind the point".to_owned())
    })(value)
}

/// `[coverage]`.
pub(super) fn coverage(table: &mut Table<'_, '_>) -> CoverageSettings {
    CoverageSettings {
        upload: table.optional("upload", word(SERVICES)),
        url: table.optional("url", super::cache::url),
    }
}
