//! Which pages of pods are read while a release is carried out.

use crate::core::kubectl::scrape::Window;
use crate::core::release::plan::{Part, Plan, Smoke};

/// What of a component's pods is read.
pub(super) struct PartWindows {
    pub(super) metrics: Window,
    pub(super) check: Window,
    pub(super) smoke: Vec<(Window, Smoke)>,
}

impl PartWindows {
    pub(super) fn all(&self) -> impl Iterator<Item = Window> {
        let smoke = self.smoke.iter().map(|(window, _)| window);
        [&self.metrics, &self.check].into_iter().chain(smoke).cloned()
    }
}

pub(super) fn windows(plan: &Plan, namespace: &str) -> Vec<Option<PartWindows>> {
    let of_part = |part: &Part| {
        let scrape = part.measures.scrape.as_ref()?;
        let window =
            |page: &str| Window { namespace: namespace.to_owned(), port: scrape.port, page: page.to_owned() };
        let smoke: Vec<(Window, Smoke)> =
            part.measures.smoke.iter().map(|smoke| (window(&smoke.path), smoke.clone())).collect();
        let check = smoke.first().map_or_else(|| window("/"), |(window, _)| window.clone());
        Some(PartWindows { metrics: window(&scrape.path), check, smoke })
    };
    plan.parts.iter().map(of_part).collect()
}
