//! The releases of an environment, oldest first.

use std::sync::Arc;

use super::entry::{Entry, State};
use crate::release::model::ReleaseId;

/// The releases of an environment, oldest first. Cheap to clone: it is looked at all the time and changes twice a release.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History(Arc<Vec<Arc<Entry>>>);

impl History {
    /// The entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> + ExactSizeIterator {
        self.0.iter()
    }

    /// The entry of a release.
    pub fn find(&self, release: &ReleaseId) -> Option<&Arc<Entry>> {
        let found = self.0.binary_search_by_key(&release.number, |entry| entry.release.number).ok()?;
        self.0.get(found).filter(|entry| entry.release == *release)
    }

    /// The release that began last.
    pub fn newest(&self) -> Option<&Arc<Entry>> {
        self.0.last()
    }

    /// How a release is written down that is not newer than all others; `None` where it may begin.
    pub fn refusal(&self, release: &ReleaseId) -> Option<String> {
        if let Some(entry) = self.find(release) {
            return Some(format!("{release} is {}: make a new release of it", entry.state));
        }
        let newest = self.newest().filter(|newest| newest.release.number >= release.number)?;
        Some(format!("{release} is not newer than {}: make a new release of it", newest.release))
    }

    /// The same with another entry behind it. One that is not newer than all others changes nothing.
    #[must_use]
    pub fn append(&self, entry: Entry) -> Self {
        if self.refusal(&entry.release).is_some() {
            return self.clone();
        }
        let mut entries = Vec::with_capacity(self.0.len() + 1);
        entries.extend(self.0.iter().cloned());
        entries.push(Arc::new(entry));
        Self(Arc::new(entries))
    }

    /// The same with a release that is under way ended.
    #[must_use]
    pub(super) fn end(&self, release: &ReleaseId, end: impl Fn(&Entry) -> Option<Entry>) -> Self {
        self.change(|entry| if entry.release == *release { end(entry) } else { None })
    }

    /// The same with everything withdrawn that has the content of `origin`.
    #[must_use]
    pub(super) fn withdraw(&self, origin: &ReleaseId) -> Self {
        self.change(
            |entry| {
                if entry.origin() == origin { entry.become_state(State::Withdrawn) } else { None }
            },
        )
    }

    /// The same with only some entries, and some of those changed.
    #[must_use]
    pub(super) fn retain(
        &self,
        stays: impl Fn(&Entry) -> bool,
        change: impl Fn(&Entry) -> Option<Entry>,
    ) -> Self {
        let mut kept = Vec::with_capacity(self.0.len());
        kept.extend(self.0.iter().filter(|entry| stays(entry)).cloned());
        Self(Arc::new(kept)).change(change)
    }

    fn change(&self, change: impl Fn(&Entry) -> Option<Entry>) -> Self {
        let entry = |entry: &Arc<Entry>| change(entry).map_or_else(|| entry.clone(), Arc::new);
        Self(Arc::new(self.0.iter().map(entry).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_once() {
        let release = |number| ReleaseId { environment: "production".into(), number };
        let entry = |number| Entry::adopted(release(number), Arc::default(), 1);
        let history =
            [3, 7].into_iter().fold(History::default(), |history, number| history.append(entry(number)));
        let refusals = [2, 3, 7].map(|number| {
            assert_eq!(history.append(entry(number)), history);
            history.refusal(&release(number)).unwrap()
        });
        expect_test::expect![[r#"
            production-2 is not newer than production-7: make a new release of it
            production-3 is not verified: make a new release of it
            production-7 is not verified: make a new release of it"#]]
        .assert_eq(&refusals.join("\n"));
        assert_eq!(history.refusal(&release(8)), None);
        assert_eq!(history.append(entry(8)).find(&release(8)).map(|entry| entry.release.number), Some(8));
        let elsewhere = ReleaseId { environment: "staging".into(), number: 7 };
        assert_eq!(history.find(&elsewhere), None);
    }
}
