//! Gates: what a run wants of them, and how what they have looked at is reported.

use super::Cx;
use crate::core::finding::Finding;
use crate::core::gate::{Account, Gap, GapKind};
use crate::error::{Error, Result};
use crate::event::Body;

/// What a run wants of its gates.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wishes {
    /// Whether a gate that could not look fails its task; else that is only said.
    pub strict: bool,
    /// Whether nothing may be asked of the network.
    pub offline: bool,
    /// Whether what gates find becomes part of the baseline, and fails nothing.
    pub accepts: bool,
}

impl Cx {
    /// Whether nothing may be asked of the network in this run. Commands are told; who looks something up there says what
    /// becomes impossible.
    pub fn is_offline(&self) -> bool {
        self.shared.wishes.offline
    }

    /// Whether what gates find becomes part of the baseline in this run.
    pub fn accepts_findings(&self) -> bool {
        self.shared.wishes.accepts
    }

    /// Whether a gate that could not look fails its task in this run.
    pub fn is_strict(&self) -> bool {
        self.shared.wishes.strict
    }

    /// Reports what the tools of a gate say of their looks, and what they have found. Returns an error of kind
    /// [`Problems`](crate::ErrorKind::Problems) where a finding fails; of kind [`Missing`](crate::ErrorKind::Missing) where a tool broke, and
    /// in a strict run also where one could not look.
    pub fn looked(&self, accounts: Vec<Account>, findings: Vec<Finding>) -> Result<()> {
        let task = self.task_or_root();
        let mut gaps: Vec<(String, Gap)> = Vec::new();
        for mut account in accounts {
            for gap in &mut account.gaps {
                gap.why = self.mask().text(&gap.why);
                gap.hint = gap.hint.as_deref().map(|hint| self.mask().text(hint));
            }
            let counted = |gap: &&Gap| self.shared.wishes.strict || gap.kind == GapKind::ToolError;
            gaps.extend(account.gaps.iter().filter(counted).map(|gap| (account.tool.clone(), gap.clone())));
            self.emit(Body::Looked { task: task.clone(), account });
        }
        self.findings(findings)?;
        let Some((tool, gap)) = gaps.first() else { return Ok(()) };
        let did = match gap.kind {
            GapKind::CouldNotLook => "could not look",
            GapKind::ToolError => "broke",
        };
        let error = Error::missing(format!("`{tool}` {did}")).cause(&gap.why);
        let rest = gaps.iter().skip(1);
        let error = rest.fold(error, |error, (tool, gap)| error.cause(format!("`{tool}`: {}", gap.why)));
        Err(gaps.iter().filter_map(|(_, gap)| gap.hint.as_deref()).fold(error, Error::hint))
    }
}
