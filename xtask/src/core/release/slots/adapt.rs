//! Selectors of pods that now come in two slots: each is proven right for both, rewritten, or refused.

use serde_json::Value;

use crate::core::diagnostic::Diagnostic;
use crate::core::release::labels::{self, Becomes, Changed, Labels, Selector};
use crate::core::release::manifest::Manifest;
use crate::core::release::model::Slot;

/// A component with two slots, as selectors see it.
#[derive(Debug)]
pub(super) struct Pair {
    /// The component.
    pub(super) component: String,
    /// The namespace of its pods.
    pub(super) namespace: Option<String>,
    /// The labels of the pods of both slots.
    pub(super) labels: [Labels; 2],
    /// In which labels they differ.
    pub(super) changed: Vec<Changed>,
}

/// How a selector is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// The plain mapping of a Service.
    Plain,
    /// A `LabelSelector`.
    Expressions,
}

impl Form {
    /// The selector that is written so.
    pub(super) fn read(self, value: &Value, pointer: &str) -> Result<Selector, labels::Wrong> {
        match self {
            Self::Plain => Selector::plain(value, pointer),
            Self::Expressions => Selector::read(value, pointer),
        }
    }
}

/// Makes the selector `value`, which stands at `pointer` of `manifest`, select the pods of both slots of every component of
/// which it selects those of slot a. The pods of `own` component are selected by slot, which is how a Deployment and its
/// pods mean themselves.
pub(super) fn adapt(
    value: &mut Value,
    form: Form,
    place: (&Manifest, &str),
    pairs: &[Pair],
    own: Option<(&str, Slot)>,
) -> Vec<Diagnostic> {
    rewrite_and_prove(value, form, place, pairs, own).err().unwrap_or_default()
}

fn rewrite_and_prove(
    value: &mut Value,
    form: Form,
    (manifest, pointer): (&Manifest, &str),
    pairs: &[Pair],
    own: Option<(&str, Slot)>,
) -> Result<(), Vec<Diagnostic>> {
    let wrong = |(at, message): labels::Wrong| vec![manifest.diagnostic(&at, message)];
    let stated = form.read(value, pointer).map_err(wrong)?;
    let near =
        || pairs.iter().filter(|pair| pair.namespace.as_deref() == manifest.text("/metadata/namespace"));
    for pair in near() {
        let [a, b] = &pair.labels;
        if stated.matches(a) && !stated.matches(b) {
            let becomes = match own.filter(|(component, _)| *component == pair.component) {
                Some((_, Slot::A)) => continue,
                Some((_, Slot::B)) => Becomes::SlotB,
                None => Becomes::BothSlots(&pair.component),
            };
            labels::rewrite(value, form == Form::Plain, pointer, &pair.changed, becomes).map_err(wrong)?;
        }
    }
    let rewritten = form.read(value, pointer).map_err(wrong)?;
    for pair in near() {
        let [a, b] = &pair.labels;
        let wanted = stated.matches(a);
        let right = |labels| rewritten.matches(labels) == wanted;
        let proven = match own.filter(|(component, _)| *component == pair.component) {
            Some((_, Slot::A)) => right(a),
            Some((_, Slot::B)) => right(b),
            None => right(a) && right(b),
        };
        if !proven {
            let what = if wanted { "selects slot a" } else { "does not select slot a" };
            let message =
                format!("this {what} of `{}`, and cannot be proven to treat slot b alike", pair.component);
            let problem = manifest.diagnostic(pointer, message).label(format!("asks for {stated}"));
            return Err(vec![problem.help(format!("ask for `{}: {}`", labels::SERVES, pair.component))]);
        }
    }
    Ok(())
}
