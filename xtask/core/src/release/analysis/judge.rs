//! The analysis itself: takes ticks, answers verdicts. Nothing here looks further than one tick and the state.

use std::time::Duration;

use super::excess::ln_mean;
use super::objective::{Kind, Objective, Settings, SettingsError, validate};
use super::state::{State, Step, Stream, Stretch};
use super::tick::{Sides, Sums, Tick};
use super::verdict::{Reason, Verdict};
use crate::release::metrics::{Counts, Unmeasured};

/// Ticks in a row that a ready pod may be unreadable; also the ticks that a rate far above the objective has to last.
pub(super) const TICKS: u32 = 3;

/// The share of the canary's requests that has to fail to roll back at once, in each of the ticks in which it does.
pub(super) const AT_ONCE: f64 = 0.5;

/// The share of the baseline's that must not.
const AT_ONCE_BASELINE: f64 = 0.05;

/// The least number of the canary's requests in those ticks; most often one tick has them.
const AT_ONCE_MIN: u64 = 20;

/// The least number of failures of which a rate is said to be too high without a comparison.
pub(super) const FAILURES_MIN: u64 = 20;

/// How far above its objective, or above what was before, a rate has to be to be wrong without a comparison.
pub(super) const FAR: f64 = 5.0;

/// How long canary and baseline together have to fail.
const HARM_LASTING: Duration = Duration::from_mins(1);

/// The analysis of one component of a release.
#[derive(Clone, Debug)]
pub struct Analysis {
    pub(super) settings: Settings,
    pub(super) objectives: Vec<Objective>,
    pub(super) state: State,
    /// Why a stream of the canary could not be read lately, for the words.
    pub(super) unmeasured: Vec<Option<Unmeasured>>,
}

impl Analysis {
    /// An analysis that has seen nothing; its first step, which is not the last, begins `at`.
    pub fn new(settings: Settings, objectives: Vec<Objective>, at: Duration) -> Result<Self, SettingsError> {
        validate(&settings, &objectives)?;
        let state = State::new(&settings, &objectives, at);
        let unmeasured = vec![None; objectives.len()];
        Ok(Self { settings, objectives, state, unmeasured })
    }

    /// Continues an analysis from its journalled state, with the evidence it had.
    pub fn resume(
        settings: Settings,
        objectives: Vec<Objective>,
        state: State,
    ) -> Result<Self, SettingsError> {
        validate(&settings, &objectives)?;
        state.check(&settings, &objectives)?;
        let unmeasured = vec![None; objectives.len()];
        Ok(Self { settings, objectives, state, unmeasured })
    }

    /// What has to be journalled.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The next step begins: another weight. E and S go on.
    pub fn begin_step(&mut self, at: Duration, is_last: bool) {
        self.state.step = Step { began: at, last_tick: at, is_last, ..Step::default() };
    }

    /// Takes one tick.
    ///
    /// A tick out of order, of no length, or longer than [`Settings::tick_max`] is left out: it may span a time in which
    /// nobody looked, and then the two sides were not counted over the same time. Facts about containers count in any tick.
    pub fn observe(&mut self, tick: &Tick) -> Verdict {
        if let Some(end) = &self.state.end {
            return end.clone();
        }
        let verdict = self.judge(tick);
        if verdict.is_final() {
            self.state.end = Some(verdict.clone());
        }
        verdict
    }

    fn judge(&mut self, tick: &Tick) -> Verdict {
        if let Some(reason) = tick.broken_container() {
            return Verdict::RollBack(reason);
        }
        let fits = !tick.length.is_zero() && tick.length <= self.settings.tick_max;
        if fits && tick.at > self.state.step.last_tick {
            let sums = tick.sums(&self.settings, &self.objectives);
            self.take(tick, &sums);
            if let Some(verdict) = self.verdict(tick, &sums) {
                return verdict;
            }
        } else {
            self.state.discarded += 1;
        }
        if tick.at.saturating_sub(self.state.step.began) >= self.settings.step_max {
            return self.conclude();
        }
        match self.clustered() {
            Some(reason) => Verdict::Hold(reason),
            None => Verdict::Continue,
        }
    }

    /// The verdict when the time of the step is over: none if the release may go on, else the end of the experiment.
    ///
    /// [`Analysis::observe`] says it with the first tick after that time; a caller to whom no ticks come asks for it.
    pub fn conclude(&self) -> Verdict {
        if let Some(end) = &self.state.end {
            return end.clone();
        }
        let missing =
            if self.state.step.is_last { self.may_promote().err() } else { self.may_advance().err() };
        match missing {
            None => Verdict::Continue,
            Some(missing) if self.state.requests.total + self.state.checks.total == 0 => {
                let why = self.unmeasured.iter().flatten().next();
                let words = why.map_or_else(|| missing.to_string(), |why| format!("{why}; {missing}"));
                Verdict::NoEvidence(Reason::Missing(words))
            }
            Some(missing) => Verdict::Inconclusive(Reason::Missing(missing.to_string())),
        }
    }

    /// Adds a tick to the evidence.
    fn take(&mut self, tick: &Tick, sums: &Sums) {
        let tolerated = self.settings.ratio_tolerated;
        self.state.ticks += 1;
        self.state.step.last_tick = tick.at;
        self.unmeasured.clone_from(&sums.unmeasured);
        if sums.measured {
            self.state.step.measured += tick.length;
        }
        for (position, objective) in self.objectives.iter().enumerate() {
            let Sides { canary, baseline } = sums.streams[position];
            let halves = sums.halves[position];
            let stream = &mut self.state.streams[position];
            stream.canary += canary;
            stream.baseline += baseline;
            stream.excess.observe(tolerated, canary, baseline);
            let [one, other] = &mut stream.clustered;
            one.observe(tolerated, halves.canary, halves.baseline);
            other.observe(tolerated, halves.baseline, halves.canary);
            if objective.kind == Kind::Errors {
                self.state.requests += canary;
                self.state.step.requests += canary.total;
                self.state.step.both += canary.total + baseline.total;
                self.state.compliance.observe(objective.rate_max, canary);
                if self.state.step.checks {
                    self.state.checks += tick.checks.canary;
                    self.state.compliance.observe(objective.rate_max, tick.checks.canary);
                }
                let limit = harm_limit(&self.settings, objective.rate_max);
                self.state.harm.whole(sums.streams[position].both(), tick.length, limit);
            }
            if objective.kind == Kind::Latency {
                continue; // slow is judged by comparison alone
            }
            if baseline.rate().is_some_and(|rate| rate < AT_ONCE_BASELINE) {
                stream.failing.each(canary, tick.length, AT_ONCE);
            } else {
                stream.failing = Stretch::default();
            }
            if is_alone(objective, tick) {
                stream.far_above.each(canary, tick.length, FAR * objective.rate_max);
            }
        }
        let baseline_answers = tick.baseline.iter().any(|pod| pod.scrape.is_some());
        let silent = &mut self.state.silent;
        silent.retain(|name, _| tick.canary.iter().any(|pod| pod.name == *name));
        for pod in &tick.canary {
            if pod.scrape.is_some() || !pod.ready {
                silent.remove(&pod.name);
            } else if baseline_answers {
                *silent.entry(pod.name.clone()).or_default() += 1;
            }
        }
        self.state.step.checks |= self.is_sparse();
    }

    /// What the evidence says, the most certain first.
    fn verdict(&self, tick: &Tick, sums: &Sums) -> Option<Verdict> {
        let each = || self.objectives.iter().zip(&self.state.streams).zip(&sums.streams);
        let at_once = each().find(|((_, stream), _)| stream.failing.seen.total >= AT_ONCE_MIN);
        if let Some(((objective, stream), sides)) = at_once {
            let (stream, canary) = (objective.name.clone(), stream.failing.seen);
            return Some(Verdict::RollBack(Reason::AtOnce { stream, canary, baseline: sides.baseline }));
        }
        let threshold = self.settings.threshold();
        let worse = self.state.streams.iter().find(|stream| stream.excess.ln() >= threshold.ln());
        if let Some(stream) = worse {
            let reason = Reason::Worse {
                stream: stream.name.clone(),
                canary: stream.canary,
                baseline: stream.baseline,
                e: stream.excess.value(),
                threshold,
            };
            // Between clustered pods such evidence comes by itself; the canary still goes, without a verdict.
            return Some(self.clustered().map_or(Verdict::RollBack(reason), Verdict::Eject));
        }
        let far = each().find(|((objective, stream), _)| {
            is_alone(objective, tick)
                && stream.far_above.ticks >= TICKS
                && stream.far_above.seen.bad >= FAILURES_MIN
        });
        if let Some(((objective, stream), _)) = far {
            return Some(Verdict::RollBack(far_above(objective, stream.far_above)));
        }
        if let Some((pod, &ticks)) = self.state.silent.iter().find(|(_, ticks)| **ticks >= TICKS) {
            return Some(Verdict::Eject(Reason::Silent { pod: pod.clone(), ticks }));
        }
        let harm = self.state.harm;
        if harm.lasting >= HARM_LASTING && harm.seen.bad >= FAILURES_MIN {
            let rate_max = harm_limit(&self.settings, self.errors().0.rate_max);
            return Some(Verdict::Eject(Reason::SharedHarm {
                seen: harm.seen,
                lasting: harm.lasting,
                rate_max,
            }));
        }
        None
    }

    /// Whether the baseline's own pods differ as a canary must not.
    pub(super) fn clustered(&self) -> Option<Reason> {
        let threshold = self.settings.threshold_clustered();
        self.state.streams.iter().find_map(|stream| {
            let ln = ln_mean(&[stream.clustered[0].ln(), stream.clustered[1].ln()]);
            (ln >= threshold.ln()).then(|| Reason::Clustered {
                stream: stream.name.clone(),
                e: ln.exp(),
                threshold,
            })
        })
    }

    /// The objective of kind errors and its stream.
    pub(super) fn errors(&self) -> (&Objective, &Stream) {
        let position = self.objectives.iter().position(|objective| objective.kind == Kind::Errors);
        let position = position.unwrap_or_default(); // there is exactly one, by `validate`
        (&self.objectives[position], &self.state.streams[position])
    }
}

impl Tick {
    /// Layer 0: a container of the new release that was started again or ran out of memory.
    pub fn broken_container(&self) -> Option<Reason> {
        let out = self.canary.iter().find(|pod| pod.out_of_memory);
        if let Some(pod) = out {
            return Some(Reason::OutOfMemory { pod: pod.name.clone() });
        }
        let pod = self.canary.iter().find(|pod| pod.restarts > 0)?;
        Some(Reason::Restarted { pod: pod.name.clone(), restarts: pod.restarts })
    }
}

/// Whether a stream has nothing to be compared to: no release before, or checks of the canary alone. A baseline that cannot
/// be read is something else: then nothing is known, and nothing is said.
fn is_alone(objective: &Objective, tick: &Tick) -> bool {
    match objective.kind {
        Kind::Checks => tick.checks.baseline == Counts::default(),
        Kind::Errors | Kind::Latency | Kind::Counter => tick.baseline.is_empty(),
    }
}

pub(super) fn far_above(objective: &Objective, stretch: Stretch) -> Reason {
    Reason::FarAbove {
        stream: objective.name.clone(),
        seen: stretch.seen,
        ticks: stretch.ticks,
        rate_max: objective.rate_max,
    }
}

/// The rate of both sides that counts as harm: above the objective, and far above what was before. Where nobody knows what
/// was before, the objective stands for it.
fn harm_limit(settings: &Settings, rate_max: f64) -> f64 {
    (FAR * settings.rate_before.unwrap_or(rate_max)).max(rate_max)
}
