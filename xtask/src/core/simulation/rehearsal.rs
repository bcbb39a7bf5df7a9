//! Nights laid over what a repository really releases.

use super::scenario::{Scenario, Setup};

impl Scenario {
    /// The same with so many requests a second to each component, but for those that the scenario is about.
    #[must_use]
    pub fn at_rate(mut self, rate: f64) -> Self {
        let usual = Setup::default().rate;
        for setup in self.setups.iter_mut().filter(|setup| setup.rate.to_bits() == usual.to_bits()) {
            setup.rate = rate;
        }
        self
    }
}
