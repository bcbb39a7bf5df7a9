//! The memory of one deployer for one component: from what its pods say of themselves to ticks of the analysis.

use std::time::Duration;

use super::analysis::{Objective, PodTick, Sides, Tick, probes};
use super::metrics::{self, Series};
use super::wire::SeenPod;

/// How many pods of the release before are read, at most: more of them say little more, and each costs a request.
const BASELINE_MAX: usize = 10;

/// Counts from one tick to the next.
///
/// Not to be kept across a restart of the deployer: what was counted meanwhile belongs to no tick.
#[derive(Clone, Debug)]
pub struct Monitor {
    series: Series,
    at: Option<Duration>,
}

impl Monitor {
    /// Somebody who has read nothing yet.
    pub fn new(objectives: &[Objective]) -> Self {
        Self { series: Series::new(probes(objectives)), at: None }
    }

    /// The pods whose pages a tick needs: all of the new release, some of the one before.
    pub fn wanted(pods: &[SeenPod]) -> Vec<&SeenPod> {
        let before = pods.iter().filter(|pod| !pod.is_new).take(BASELINE_MAX);
        pods.iter().filter(|pod| pod.is_new).chain(before).collect()
    }

    /// The tick that ends `at`. `read` are the [wanted](Self::wanted) pods, each with its page, where it gave one; `checks`
    /// what came of synthetic checks since the last tick.
    ///
    /// `None` where nobody could be asked at all: that no pod answers is something that was measured.
    pub fn tick(
        &mut self,
        at: Duration,
        read: &[(&SeenPod, Option<Vec<u8>>)],
        checks: Sides,
        is_blind: bool,
    ) -> Option<Tick> {
        if is_blind {
            self.series.retain(|_| false);
            self.at = None;
            return None;
        }
        self.series.retain(|name| read.iter().any(|(pod, _)| pod.name == name));
        let length = at.saturating_sub(self.at.replace(at).unwrap_or(at));
        let mut tick = Tick { at, length, checks, ..Tick::default() };
        for (pod, page) in read {
            let page = page.as_deref().and_then(|page| metrics::parse(page).ok());
            let scrape = page.map(|page| self.series.scraped(&pod.name, &page));
            if scrape.is_none() {
                self.series.missed(&pod.name);
            }
            let side = if pod.is_new { &mut tick.canary } else { &mut tick.baseline };
            side.push(PodTick {
                name: pod.name.clone(),
                ready: pod.ready,
                age: pod.age,
                restarts: pod.restarts,
                out_of_memory: pod.out_of_memory,
                scrape,
            });
        }
        Some(tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::metrics::{Counts, Unmeasured};
    use crate::release::model::Slot;

    fn pod(name: &str, is_new: bool) -> SeenPod {
        SeenPod {
            name: name.to_owned(),
            slot: if is_new { Slot::B } else { Slot::A },
            is_new,
            ready: true,
            age: Duration::from_mins(5),
            restarts: 0,
            out_of_memory: false,
        }
    }

    fn page(total: u32, bad: u32) -> Vec<u8> {
        format!("r{{s=\"500\"}} {bad}\nr{{s=\"200\"}} {}\n", total - bad).into_bytes()
    }

    fn monitor() -> Monitor {
        let (bad, total) = ("r{s=\"500\"}".parse().unwrap(), "r".parse().unwrap());
        Monitor::new(&[Objective::errors(bad, total, 0.01)])
    }

    fn streams(pods: &[PodTick]) -> Vec<Option<Result<Counts, Unmeasured>>> {
        pods.iter().map(|pod| Some(pod.scrape.as_ref()?.streams[0].clone())).collect()
    }

    #[test]
    fn counts_are_those_since_the_last_tick() {
        let (old, new) = (pod("old", false), pod("new", true));
        let mut monitor = monitor();
        let second = Duration::from_secs(1);
        let first = monitor.tick(
            second,
            &[(&old, Some(page(100, 1))), (&new, Some(page(7, 0)))],
            Sides::default(),
            false,
        );
        let first = first.unwrap();
        assert_eq!(streams(&first.canary), [Some(Err(Unmeasured::First))], "there is no tick to count from");
        let read = [(&old, Some(page(150, 1))), (&new, Some(page(27, 2)))];
        let next = monitor.tick(second * 6, &read, Sides::default(), false).unwrap();
        assert_eq!(next.length, second * 5);
        assert_eq!(streams(&next.canary), [Some(Ok(Counts::new(2, 20)))]);
        assert_eq!(streams(&next.baseline), [Some(Ok(Counts::new(0, 50)))]);
    }

    #[test]
    fn what_was_missed_is_nobodys_tick() {
        let new = pod("new", true);
        let mut monitor = monitor();
        let mut tick = |at: u64, page: Option<Vec<u8>>, is_blind: bool| {
            let read = [(&new, page)];
            let tick = monitor.tick(Duration::from_secs(at), &read, Sides::default(), is_blind);
            tick.map(|tick| streams(&tick.canary))
        };
        assert_eq!(tick(0, Some(page(10, 0)), false), Some(vec![Some(Err(Unmeasured::First))]));
        assert_eq!(tick(5, None, false), Some(vec![None]), "it did not answer");
        assert_eq!(tick(10, Some(page(99, 9)), false), Some(vec![Some(Err(Unmeasured::First))]));
        assert_eq!(tick(15, None, true), None, "nobody could be asked");
        assert_eq!(tick(20, Some(page(200, 9)), false), Some(vec![Some(Err(Unmeasured::First))]));
        assert_eq!(tick(25, Some(b"not a page {".to_vec()), false), Some(vec![None]));
    }

    #[test]
    fn all_new_pods_are_read_and_some_of_the_others() {
        let pods: Vec<SeenPod> = (0..40).map(|index| pod(&format!("p{index:02}"), index % 2 == 0)).collect();
        let wanted = Monitor::wanted(&pods);
        assert_eq!((wanted.len(), wanted.iter().filter(|pod| pod.is_new).count()), (30, 20));
    }
}
