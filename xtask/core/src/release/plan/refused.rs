//! Why there is no plan, or why one is not carried out.

use super::FORMAT;
use crate::release::capacity::Resources;
use crate::release::model::ComponentName;
use crate::release::weights::Unreachable;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// A step of a canary cannot have its share.
    #[error("step {step} of `{component}`: {source}", step = index + 1)]
    Unreachable {
        /// The component.
        component: ComponentName,
        /// The position of the step.
        index: usize,
        /// Why.
        source: Unreachable,
    },
    /// Quotas do not leave enough.
    #[error("at its peak the release needs {needed} more than now, and the quota leaves {room}")]
    NoRoom {
        /// What is needed.
        needed: Resources,
        /// What is left.
        room: Resources,
    },
    /// The migration would leave no way back.
    #[error(
        "a contract migration takes away what the release that serves needs: no rollback can bring it back, and a canary \
         would break the pods beside it"
    )]
    NoWayBack,
    /// A component has two slots and no strategy.
    #[error("`{0}` has two slots, and nothing says by which strategy it gets from one to the other")]
    NoStrategy(ComponentName),
    /// A strategy has no component.
    #[error("there is a strategy for `{0}`, which has no slots")]
    NoSlots(ComponentName),
    /// A component cannot be moved from slot to slot.
    #[error(
        "`{0}` has no Service, and its containers name no port that one could be made for: nothing can share its requests out"
    )]
    NoService(ComponentName),
    /// A saved plan was written by another version of this program.
    #[error("this plan has format {0}, and only {FORMAT} can be carried out")]
    Format(u32),
    /// A saved plan cannot be read.
    #[error("this is no plan: {0}")]
    Unreadable(String),
    /// The cluster has moved on.
    #[error("the cluster has moved on since the plan was made: {0}")]
    Moved(String),
}
