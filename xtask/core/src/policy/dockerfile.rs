//! Who a container runs as, by its Dockerfile.

use std::path::Path;

use crate::finding::weakness::{Confidence, Level};
use crate::finding::{Finding, Location, Weakness};
use crate::gate::{Coverage, GapKind, Look};
use crate::image::dockerfile::Dockerfile;

/// The tool's name in findings.
pub const TOOL: &str = "dockerfile";

/// Looks at the last stage, which is what runs, and at those that it is built upon.
pub fn look(path: &Path, text: &str) -> Look {
    let look = Look::at(TOOL, Coverage::new(1, "file"));
    match Dockerfile::parse(path, text) {
        Ok(dockerfile) => look.found(check(path, text, &dockerfile)),
        Err(problems) => {
            let why = problems.first().map_or_else(String::new, |problem| format!(": {}", problem.message));
            let why = format!("`{}` could not be understood{why}", path.display());
            Look::at(TOOL, Coverage::new(0, "file")).gap(GapKind::CouldNotLook, why, None)
        }
    }
}

fn check(path: &Path, text: &str, dockerfile: &Dockerfile) -> Option<Finding> {
    let instructions = dockerfile.own_instructions();
    let last = instructions.iter().rev().find(|instruction| instruction.keyword == "USER");
    let (line, message, level, confidence) = match last {
        None => {
            let message = "the image runs as whoever its base runs as, which mostly is root";
            (last_stage(text), message, Level::Medium, Confidence::Medium)
        }
        Some(instruction) => {
            let (_, words) = instruction.flags_and_words();
            let name = words.first().map(|(name, _)| name.trim_matches('"')).unwrap_or_default();
            if !matches!(name.split(':').next(), Some("root" | "0")) {
                return None;
            }
            let line = text.get(..instruction.span.start)?.matches('\n').count();
            (line, "the image runs as root", Level::High, Confidence::High)
        }
    };
    let line = u32::try_from(line).ok().and_then(|line| line.checked_add(1));
    Some(Finding {
        rule: "root".to_owned(),
        location: Some(Location::at(path, line, None)),
        help: Some("write `USER 10001:10001` in the last stage".to_owned()),
        weakness: Some(Box::new(Weakness { level, confidence: Some(confidence), ..Weakness::default() })),
        ..Finding::error(TOOL, message)
    })
}

/// The line of the last `FROM`, counted from 0.
fn last_stage(text: &str) -> usize {
    let is_from =
        |line: &str| line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("from"));
    text.lines().enumerate().filter(|(_, line)| is_from(line)).last().map_or(0, |(line, _)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_the_last_stage_counts() {
        for (text, place) in [
            ("FROM a\nUSER root\n", Some((2, Level::High))),
            ("FROM a\nUSER 10001:10001\n", None),
            ("FROM a\nUSER app\nUSER 0:0\n", Some((3, Level::High))),
            ("FROM a AS build\nUSER root\nFROM b\nUSER app\n", None),
            ("FROM a AS build\nUSER app\nFROM build\nRUN x\n", None),
            ("FROM a AS build\nUSER app\nfrom b\nRUN x\n", Some((3, Level::Medium))),
            ("FROM a AS build\nUSER root\nFROM build\n", Some((2, Level::High))),
        ] {
            let look = look(Path::new("Dockerfile"), text);
            let found = look.findings.first().map(|finding| {
                let line = finding.location.as_ref().and_then(|location| location.line);
                (
                    line.unwrap_or_default(),
                    finding.weakness.as_ref().map(|weakness| weakness.level).unwrap_or_default(),
                )
            });
            assert_eq!((found, look.gaps.len()), (place, 0), "{text}");
        }
        for text in ["", "RUN x\n", "FROM\n"] {
            assert_eq!(
                look(Path::new("Dockerfile"), text).outcome(),
                crate::gate::Outcome::CouldNotLook,
                "{text}"
            );
        }
    }
}
