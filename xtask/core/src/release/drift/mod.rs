//! Drift: how what is in a cluster differs from what was released to it.
//!
//! What was released is kept in the payloads of the release that serves. What its objects would say if they were written again is
//! asked of the server, by a dry run: it fills in defaults and normalises as ever, so what it alone states is no difference. What
//! somebody has put beside it, on fields that no release states, the managers of the fields tell.

mod fields;
mod strangers;

use serde_json::Value;

use self::fields::{Owner, Path};
pub use self::strangers::strangers;
use crate::finding::{Finding, Severity};
use crate::release::ledger::Head;
use crate::release::migration::{self, Migration};
use crate::release::model::Slot;
use crate::release::plan::Identity;
use crate::release::slots::{Derived, Slots};
use crate::release::view::Traffic;
use crate::release::wire::Manager;
use crate::release::{labels, manifest};
use crate::table;

/// One thing that is not as it was released.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Drift {
    /// What kind of difference it is.
    pub rule: Rule,
    /// How bad it is: what a controller or another program does beside us is worth knowing, and no more.
    pub severity: Severity,
    /// The object, in words.
    pub object: String,
    /// The field, as the server writes it in its conflicts: `.spec.replicas`. Empty where it is about the whole object.
    pub field: String,
    /// What is there; empty where nothing is.
    pub there: String,
    /// What was released; empty where nothing was.
    pub released: String,
    /// Who has written that, and when, as far as the managers of the fields say so. Who takes something away leaves no trace.
    pub by: String,
}

/// The kinds of differences.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A field says something else than what was released, or is gone.
    Changed,
    /// A field is there that no release states.
    Added,
    /// An object is gone.
    Missing,
    /// There is another number of pods than the release and the autoscaler have given.
    Scaled,
    /// A pod runs another image than what was released.
    Image,
    /// An object that no release knows has the labels of one.
    Stranger,
    /// The server would not take what was released.
    Refused,
}

impl Rule {
    /// Its name in findings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Missing => "missing",
            Self::Scaled => "scaled",
            Self::Image => "image",
            Self::Stranger => "stranger",
            Self::Refused => "refused",
        }
    }
}

impl Drift {
    fn new(rule: Rule, object: &Value) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            object: Identity::of(object).to_string(),
            field: String::new(),
            there: String::new(),
            released: String::new(),
            by: String::new(),
        }
    }

    /// The same as a finding of the tool `drift`.
    pub fn finding(&self) -> Finding {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let place = if self.field.is_empty() { String::new() } else { format!(": `{}`", self.field) };
        let by = if self.by.is_empty() { String::new() } else { format!(", by {}", self.by) };
        let message = format!(
            "{}{place}: there {}, released {}{by}",
            self.object,
            or(&self.there, "nothing"),
            or(&self.released, "nothing")
        );
        Finding {
            rule: self.rule.name().to_owned(),
            severity: self.severity,
            ..Finding::error("drift", message)
        }
    }
}

/// All of it in columns; empty where there is none.
pub fn table(drifts: &[Drift]) -> String {
    if drifts.is_empty() {
        return String::new();
    }
    let head = ["", "object", "field", "there", "released", "by"].map(str::to_owned);
    let or_dash = |text: &String| if text.is_empty() { "–".to_owned() } else { text.clone() };
    let row = |drift: &Drift| {
        let mark = if drift.severity == Severity::Error { drift.rule.name() } else { "(note)" };
        let [field, there, released, by] =
            [&drift.field, &drift.there, &drift.released, &drift.by].map(or_dash);
        [mark.to_owned(), drift.object.clone(), field, there, released, by]
    };
    table::aligned(&[head].into_iter().chain(drifts.iter().map(row)).collect::<Vec<_>>())
}

/// An object of the release that serves, as it should be.
#[derive(Clone, Debug)]
pub struct Released {
    /// What the release states of it.
    pub object: Value,
    /// Whether it came to be before there were slots, and was written down as it was: its pods lack the labels of one.
    is_adopted: bool,
    /// Who gives the number of its pods.
    scale: Scale,
}

/// Who gives a Deployment the number of its pods.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Scale {
    /// It is no Deployment of a component: what is stated holds.
    Stated,
    /// The release, which keeps as many as served before it.
    Release,
    /// An autoscaler.
    Autoscaler,
}

/// The objects that the release that serves has written, where nothing is under way. Secrets are left out: nobody reads them.
pub fn released(derived: &Derived, head: &Head) -> Vec<Released> {
    let pieces = head.serves().map(|entry| entry.account.pieces.clone()).unwrap_or_default();
    let mut all = Vec::new();
    for slots in &derived.slots {
        let live = head.live.get(&slots.component).copied().unwrap_or(Slot::A);
        let is_adopted =
            pieces.iter().any(|piece| piece.component == slots.component && piece.revision != slots.revision);
        all.extend(of_slots(slots, live, is_adopted));
    }
    let plain = |object: &Value, scale: Scale| Released { object: object.clone(), is_adopted: false, scale };
    all.extend(derived.rolling.iter().map(|rolling| plain(&rolling.deployment, Scale::Release)));
    let rest = derived.rest.iter().filter(|object| migration::of(object) == Migration::None);
    all.extend(rest.map(|object| plain(object, Scale::Stated)));
    all.retain(|released| released.object["kind"] != "Secret");
    all
}

fn of_slots(slots: &Slots, live: Slot, is_adopted: bool) -> Vec<Released> {
    let autoscaler = slots.autoscaler(live);
    let scale = if autoscaler.is_some() { Scale::Autoscaler } else { Scale::Release };
    let deployment = Released { object: slots.deployment(live).clone(), is_adopted, scale };
    let others = slots.services(Traffic::One(live)).into_iter().chain(autoscaler);
    let others = others.chain(slots.budgets(live).to_vec());
    let other = |object| Released { object, is_adopted, scale: Scale::Stated };
    [deployment].into_iter().chain(others.map(other)).collect()
}

impl Released {
    /// Whether `object` is this one.
    pub fn is(&self, object: &Value, home: &str) -> bool {
        Identity::of(&self.object).is(object, home)
    }

    /// What a dry run writes over what is there: the released object, with the number of pods that there is. That one is judged
    /// by who wrote it.
    pub fn written_over(&self, there: &Value) -> Value {
        let mut object = self.object.clone();
        if self.scale != Scale::Stated
            && let Some(replicas) = there.pointer("/spec/replicas")
        {
            manifest::set(&mut object, "/spec/replicas", replicas.clone());
        }
        object
    }

    /// That it is not there.
    pub fn missing(&self) -> Drift {
        Drift { released: "it is stated".to_owned(), ..Drift::new(Rule::Missing, &self.object) }
    }

    /// That the server would not take it, and why.
    pub fn refused(&self, cause: &str) -> Drift {
        Drift { there: cause.to_owned(), ..Drift::new(Rule::Refused, &self.object) }
    }

    /// How what is there, read with the managers of its fields, differs from `again`, what the server says it would be if it were
    /// written again.
    pub fn differences(&self, there: &Value, again: &Value) -> Vec<Drift> {
        let owners = fields::owners(there);
        let mut drifts = Vec::new();
        for difference in fields::differences(there, again) {
            let path = &difference.path;
            if self.is_ours_to_change(path) {
                continue;
            }
            let owner = owners.iter().filter(|owner| owner.owns(path) && !owner.is_ours());
            let by = owner.max_by(|a, b| a.time.cmp(&b.time)).map(Owner::to_string).unwrap_or_default();
            let text = |value: &Option<Value>| value.as_ref().map(shown).unwrap_or_default();
            drifts.push(Drift {
                field: path.to_string(),
                there: text(&difference.before),
                released: text(&difference.after),
                by,
                ..Drift::new(Rule::Changed, &self.object)
            });
        }
        drifts.extend(self.added(there, again, &owners));
        drifts.extend(self.scaled(there, &owners));
        drifts
    }

    /// Fields that somebody else owns and the release does not state.
    fn added(&self, there: &Value, again: &Value, owners: &[Owner]) -> Vec<Drift> {
        let mut drifts: Vec<Drift> = Vec::new();
        for owner in owners.iter().filter(|owner| owner.subresource.is_none() && !owner.is_ours()) {
            for path in owner.leaves() {
                let path = path.up_to_unknown_item(&self.object);
                // What the release takes back or states is compared by its value.
                let (Some(value), Some(_)) = (path.in_object(there), path.in_object(again)) else { continue };
                let is_stated = path.in_object(&self.object).is_some();
                let is_told = drifts.iter().any(|told| told.field == path.to_string());
                if is_stated || is_told || self.is_ours_to_change(&path) || owner.is_controller() {
                    continue;
                }
                let severity = if owner.is_person() { Severity::Error } else { Severity::Note };
                drifts.push(Drift {
                    severity,
                    field: path.to_string(),
                    there: shown(value),
                    by: owner.to_string(),
                    ..Drift::new(Rule::Added, &self.object)
                });
            }
        }
        drifts
    }

    /// The number of pods, where somebody else than the release and the autoscaler has written it.
    fn scaled(&self, there: &Value, owners: &[Owner]) -> Option<Drift> {
        if self.scale == Scale::Stated {
            return None;
        }
        let path = Path::of_keys(&["spec", "replicas"]);
        let owner = owners.iter().filter(|owner| owner.owns(&path)).max_by(|a, b| a.time.cmp(&b.time))?;
        if owner.is_ours() || owner.is_controller() || (self.is_adopted && owner.subresource.is_none()) {
            return None;
        }
        let (released, severity) = match self.scale {
            Scale::Autoscaler => ("as its autoscaler says", Severity::Note),
            Scale::Stated | Scale::Release => ("as many as served before", Severity::Error),
        };
        Some(Drift {
            severity,
            field: path.to_string(),
            there: path.in_object(there).map(shown).unwrap_or_default(),
            released: released.to_owned(),
            by: owner.to_string(),
            ..Drift::new(Rule::Scaled, &self.object)
        })
    }

    /// Fields that are written with each write, or judged otherwise.
    fn is_ours_to_change(&self, path: &Path) -> bool {
        let keys = path.keys();
        let ends = |label: &str| keys.last() == Some(&label);
        match keys.as_slice() {
            ["metadata", "annotations", annotation] => {
                labels::is_stamp(annotation) || [labels::COMMIT, labels::LAST_APPLIED].contains(annotation)
            }
            ["metadata", "labels" | "annotations", ..] => {
                self.is_adopted && [labels::SERVES, labels::SLOT].iter().any(|label| ends(label))
            }
            ["status" | "metadata", ..] => true,
            ["spec", "replicas"] => self.scale != Scale::Stated,
            ["spec", "template", "metadata", "labels", ..] | ["spec", "selector", ..] if self.is_adopted => {
                true
            }
            _ => false,
        }
    }
}

/// A value as a cell shows it: texts as they are, everything else as JSON, and not too long.
fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = crate::text::one_line(&text).into_owned();
    let text = if text.is_empty() { "\"\"".to_owned() } else { text };
    crate::text::truncate(&text, CELL).into_owned()
}

/// The most characters of a value in a cell: enough for an image with its digest.
const CELL: usize = 120;

/// Whether a manager of fields is one of those of a release.
fn is_ours(manager: &str) -> bool {
    Manager::ALL.iter().any(|own| own.name() == manager)
}

#[cfg(test)]
mod tests;
