//! Selectors of pods that now come in two slots: each is proven right for both, rewritten, or refused.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::release::labels::{self, Becomes, Changed, Labels, Selector};
use crate::release::manifest::Manifest;
use crate::release::model::Slot;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::release::labels::{SERVES, SLOT};
    use crate::release::manifest;

    fn of(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// All selectors of up to two demands about these labels.
    fn selectors() -> Vec<Value> {
        let mut demands = Vec::new();
        let labels = [
            ("app", ["web", "web-b", "db"]),
            ("tier", ["x", "y", "z"]),
            (SLOT, ["a", "b", "c"]),
            (SERVES, ["web", "db", "c"]),
        ];
        for (key, values) in labels {
            for operator in ["In", "NotIn"] {
                for some in [&values[..1], &values[1..2], &values[2..], &[values[0], values[2]]] {
                    demands.push(json!({"key": key, "operator": operator, "values": some}));
                }
            }
            demands.push(json!({"key": key, "operator": "Exists"}));
            demands.push(json!({"key": key, "operator": "DoesNotExist"}));
            demands.push(json!({"label": key, "value": values[0]}));
        }
        let selector = |demands: &[&Value]| {
            let mut selector = json!({});
            let mut expressions = Vec::new();
            for demand in demands {
                match demand["label"].as_str() {
                    Some(key) => manifest::set(
                        &mut selector,
                        &manifest::join("/matchLabels", key),
                        demand["value"].clone(),
                    ),
                    None => expressions.push((*demand).clone()),
                }
            }
            selector["matchExpressions"] = json!(expressions);
            selector
        };
        let pairs = demands.iter().flat_map(|one| demands.iter().map(move |other| selector(&[one, other])));
        [json!({})]
            .into_iter()
            .chain(demands.iter().map(|one| selector(&[one])))
            .chain(pairs.clone())
            .collect()
    }

    #[test]
    fn whatever_is_not_refused_treats_both_slots_alike_and_all_others_as_before() {
        let (a, b) = (
            of(&[("app", "web"), ("tier", "x"), (SERVES, "web"), (SLOT, "a")]),
            of(&[("app", "web-b"), ("tier", "x"), (SERVES, "web"), (SLOT, "b")]),
        );
        let changed = [("app", "web", "web-b"), (SLOT, "a", "b")].map(|(key, before, after)| Changed {
            key: key.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        });
        let pair = Pair {
            component: "web".to_owned(),
            namespace: None,
            labels: [a.clone(), b.clone()],
            changed: changed.into(),
        };
        let others = [
            of(&[("app", "db"), ("tier", "y")]),
            of(&[("app", "db"), ("tier", "x"), (SERVES, "db"), (SLOT, "a")]),
            of(&[]),
        ];
        let before_slots = of(&[("app", "web"), ("tier", "x")]);
        let object = manifest::read("p.yml", "{apiVersion: v1, kind: Pod, metadata: {name: x}}", None)
            .unwrap()
            .remove(0);
        let (mut kept, mut rewritten, mut refused) = (0, 0, 0);
        for selector in selectors() {
            let stated = Selector::read(&selector, "").unwrap();
            let mut both = selector.clone();
            let problems =
                adapt(&mut both, Form::Expressions, (&object, "/spec"), std::slice::from_ref(&pair), None);
            if problems.is_empty() {
                if both == selector {
                    kept += 1;
                } else {
                    rewritten += 1;
                }
                let now = Selector::read(&both, "").unwrap();
                assert_eq!(
                    (now.matches(&a), now.matches(&b)),
                    (stated.matches(&a), stated.matches(&a)),
                    "{selector} → {both}"
                );
                for other in &others {
                    assert_eq!(now.matches(other), stated.matches(other), "{selector} → {both}");
                }
                if stated.matches(&before_slots) && stated.matches(&a) {
                    assert!(
                        now.matches(&before_slots),
                        "{selector} → {both}: pods from before there were slots"
                    );
                }
            } else {
                refused += 1;
            }
            let mut own = selector.clone();
            let own_slot = Some(("web", Slot::B));
            if adapt(&mut own, Form::Expressions, (&object, "/spec"), std::slice::from_ref(&pair), own_slot)
                .is_empty()
            {
                let now = Selector::read(&own, "").unwrap();
                assert_eq!(now.matches(&b), stated.matches(&a), "{selector} → {own}");
            }
        }
        assert!(kept > 100 && rewritten > 20 && refused > 20, "{kept} {rewritten} {refused}");
    }
}
