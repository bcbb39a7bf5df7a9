//! The evidence of a release: one analysis for each component on trial, and the watch after the promotion.

use std::time::Duration;

use crate::release::analysis::{Analysis, Bake, BakeVerdict, Tick, Verdict};
use crate::release::machine::course::{Course, PartCourse};
use crate::release::model::Ending;

/// What measuring has come to.
#[derive(Debug, PartialEq)]
pub(super) enum Finding {
    /// Nothing that changes the course.
    Nothing,
    /// The release has to go back.
    Back(Ending, String),
}

/// What is known of one component.
#[derive(Debug, Default)]
pub(super) struct Trial {
    analysis: Option<Analysis>,
    bake: Option<Bake>,
    /// As long as this is set, the weight stays and nothing is promoted.
    hold: Option<String>,
    /// How long the watch takes, once it has begun: that depends on what the promotion rested on.
    bake_length: Option<Duration>,
    over: bool,
    /// When the last look of the watch was.
    looked: Option<Duration>,
    /// For how long looks have been answered and nothing was measured, without a break.
    blind: Duration,
}

/// The longest that may lie between two looks of a watch that nothing keeps from looking. A cluster that answers nothing is away;
/// that says nothing about whether its pods can be measured.
const LOOK_MAX: Duration = Duration::from_secs(15);

impl Trial {
    /// A step begins; the first one begins the analysis, or goes on with what was written down of it.
    pub(super) fn begin_step(
        &mut self,
        part: &PartCourse,
        step: usize,
        evidence: Option<&str>,
        now: Duration,
    ) -> Result<(), String> {
        let is_last = step + 1 >= part.steps().len();
        if let Some(analysis) = &mut self.analysis {
            analysis.begin_step(now, is_last);
            return Ok(());
        }
        let (settings, objectives) = (part.settings.clone(), part.objectives.clone());
        let analysis = match evidence {
            Some(text) => {
                let state = serde_json::from_str(text).map_err(|error| error.to_string())?;
                Analysis::resume(settings, objectives, state)
            }
            None => Analysis::new(settings, objectives, now),
        };
        // What was written down may be of the step before: E and S go on, the time of this step begins.
        let analysis = analysis.map(|mut analysis| {
            analysis.begin_step(now, is_last);
            analysis
        });
        self.analysis = Some(analysis.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// What has to be written down, so that whoever goes on does not begin again.
    pub(super) fn evidence(&self) -> Option<String> {
        self.analysis.as_ref().and_then(|analysis| serde_json::to_string(analysis.state()).ok())
    }

    /// Takes what was measured of a component on trial.
    pub(super) fn observe(&mut self, tick: &Tick) -> Finding {
        let Some(analysis) = &mut self.analysis else { return Finding::Nothing };
        let verdict = analysis.observe(tick);
        self.judge(verdict)
    }

    /// The verdict without a new tick: for a step whose time is over while nothing could be measured.
    pub(super) fn conclude(&mut self) -> Finding {
        match &self.analysis {
            Some(analysis) => {
                let verdict = analysis.conclude();
                self.judge(verdict)
            }
            None => Finding::Nothing,
        }
    }

    fn judge(&mut self, verdict: Verdict) -> Finding {
        self.hold = None;
        match verdict {
            Verdict::Continue => Finding::Nothing,
            Verdict::Hold(reason) => {
                self.hold = Some(reason.to_string());
                Finding::Nothing
            }
            Verdict::RollBack(reason) => Finding::Back(Ending::RolledBack, reason.to_string()),
            Verdict::Eject(reason) | Verdict::Inconclusive(reason) => {
                Finding::Back(Ending::Inconclusive, reason.to_string())
            }
            Verdict::NoEvidence(reason) => Finding::Back(Ending::NoEvidence, reason.to_string()),
        }
    }

    /// Whether the evidence allows the next step, or after the last one the promotion; else what is missing.
    pub(super) fn may_go_on(&self, is_last: bool) -> Result<(), String> {
        if let Some(reason) = &self.hold {
            return Err(reason.clone());
        }
        let Some(analysis) = &self.analysis else { return Ok(()) };
        let allowed = if is_last { analysis.may_promote().map(drop) } else { analysis.may_advance() };
        allowed.map_err(|missing| missing.to_string())
    }

    /// The watch after the promotion begins.
    pub(super) fn begin_bake(&mut self, part: &PartCourse, now: Duration) -> Result<(), String> {
        let evidence = self.analysis.as_ref().and_then(|analysis| analysis.may_promote().ok());
        let length = evidence.map_or(part.settings.bake, |evidence| evidence.bake);
        self.bake_length = Some(length);
        self.over = false;
        (self.looked, self.blind) = (Some(now), Duration::ZERO);
        self.bake = match self.bake.take() {
            // It was watched while others were not as far.
            Some(bake) => Some(bake.prolonged(now, length)),
            // Of what has no objectives, nothing is known but whether its containers live.
            None if part.objectives.is_empty() => None,
            None => {
                let bake = Bake::new(part.settings.clone(), part.objectives.clone(), now, length);
                Some(bake.map_err(|error| error.to_string())?)
            }
        };
        Ok(())
    }

    /// The same of one whose watch has not begun, because others are not as far yet.
    pub(super) fn watch_early(&mut self, part: &PartCourse, tick: &Tick, now: Duration) -> Finding {
        // What cannot be watched is said when the watch begins.
        if self.bake.is_none() && self.begin_bake(part, now).is_err() {
            return Finding::Nothing;
        }
        self.watch(tick)
    }

    /// Takes what was measured of a component that serves alone.
    pub(super) fn watch(&mut self, tick: &Tick) -> Finding {
        if self.bake.is_none()
            && let Some(reason) = tick.broken_container()
        {
            return Finding::Back(Ending::RolledBack, reason.to_string());
        }
        let left = self.bake.as_ref().map(Bake::left);
        let verdict = self.bake.as_mut().map(|bake| bake.observe(tick));
        if self.bake.as_ref().map(Bake::left) != left {
            self.blind = Duration::ZERO;
        }
        match verdict {
            Some(BakeVerdict::FlipBack(reason)) => Finding::Back(Ending::RolledBack, reason.to_string()),
            Some(BakeVerdict::Over) => {
                self.over = true;
                Finding::Nothing
            }
            Some(BakeVerdict::Continue | BakeVerdict::Alert(_)) | None => Finding::Nothing,
        }
    }

    /// How many checks are to be sent to each side within a tick, so that all of them are made in time.
    pub(super) fn checks_due(&self, part: &PartCourse, tick: Duration) -> u64 {
        let wanted = self.analysis.as_ref().and_then(Analysis::checks_wanted);
        wanted.map_or(0, |wanted| {
            let ticks = wanted.within.as_millis().div_ceil(tick.as_millis().max(1)).max(1);
            let each = u128::from(part.settings.checks).div_ceil(ticks);
            wanted.count.min(u64::try_from(each).unwrap_or(u64::MAX))
        })
    }

    /// What earned the promotion, in words; `None` where nothing was compared, or a person has decided.
    pub(super) fn earned(&self) -> Option<String> {
        Some(self.analysis.as_ref()?.may_promote().ok()?.to_string())
    }

    /// What is compared, once it is.
    pub(super) fn analysis(&self) -> Option<&Analysis> {
        self.analysis.as_ref()
    }

    /// A look was answered while the watch goes on. Returns for how long nothing was measured, without a break.
    pub(super) fn looked(&mut self, now: Duration) -> Duration {
        let since = self.looked.replace(now).unwrap_or(now);
        if self.bake.is_some() && !self.over {
            self.blind += now.saturating_sub(since).min(LOOK_MAX);
        }
        self.blind
    }

    /// When the watch that began then is over, if nothing keeps anybody from looking.
    pub(super) fn watched_until(&self, began: Duration) -> Duration {
        self.bake.as_ref().map_or_else(|| self.passed(began), Bake::ends)
    }

    /// Whether the watch is over. Of what has no objectives nothing is measured, and of what is promoted by hand nothing need be:
    /// there its time passes by itself.
    pub(super) fn is_over(&self, began: Duration, now: Duration, is_by_hand: bool) -> bool {
        self.over || ((self.bake.is_none() || is_by_hand) && now >= self.passed(began))
    }

    fn passed(&self, began: Duration) -> Duration {
        began + self.bake_length.unwrap_or_default()
    }
}

/// A trial for each component.
pub(super) fn of(course: &Course) -> Vec<Trial> {
    course.parts.iter().map(|_| Trial::default()).collect()
}
