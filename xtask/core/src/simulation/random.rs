//! Chance from one seed: the same seed, the same night.
//!
//! The generator is `SplitMix64` (Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, 2014): one
//! multiplication chain a number, and any seed is a good one.

use std::time::Duration;

use crate::release::metrics::to_float;

/// A source of numbers that looks random and is not.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The source that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another source, which this one determines. What draws from it does not disturb what draws from here.
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number from 0 to less than 1.
    pub fn unit(&mut self) -> f64 {
        to_float(self.number() >> 11) / to_float(1 << 53)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number from 0 to less than `end`; 0 where that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The high half of the product: its bias is below 2⁻³² for every `end` that is used here.
        let product = u128::from(self.number()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// The same for small numbers.
    pub fn less_than(&mut self, end: u32) -> u32 {
        u32::try_from(self.below(u64::from(end))).unwrap_or_default()
    }

    /// A time between these two, to the microsecond.
    pub fn between(&mut self, (least, most): (Duration, Duration)) -> Duration {
        let spread = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX);
        least + Duration::from_micros(self.below(spread.saturating_add(1)))
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap_or_default();
        choices.get(index).copied()
    }

    /// A whole number whose mean is `mean`: the one below or the one above it.
    pub fn rounded(&mut self, mean: f64) -> u64 {
        whole(mean + self.unit())
    }

    /// How often something happens that happens `mean` times on average (Poisson).
    pub fn times(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            // Close to normal: the sum of twelve uniform numbers has a variance of one.
            let deviation: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
            return self.rounded((mean + deviation * mean.sqrt()).max(0.0));
        }
        let limit = (-mean).exp();
        let (mut product, mut count) = (self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the reference implementation for the seed 1234567.
    #[test]
    fn the_numbers_are_those_of_splitmix() {
        let mut random = Random::new(1_234_567);
        assert_eq!(
            [random.number(), random.number()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }

    #[test]
    fn means_are_kept() {
        let mut random = Random::new(1);
        for mean in [0.0, 0.2, 3.0, 29.0, 400.0] {
            let times: u64 = (0..4000).map(|_| random.times(mean)).sum();
            let rounded: u64 = (0..4000).map(|_| random.rounded(mean)).sum();
            assert!((to_float(times) / 4000.0 - mean).abs() < 0.1 + mean * 0.02, "{mean}: {times}");
            assert!((to_float(rounded) / 4000.0 - mean).abs() < 0.05, "{mean}: {rounded}");
        }
    }

    #[test]
    fn ranges_are_kept() {
        let mut random = Random::new(7);
        let range = (Duration::from_millis(10), Duration::from_millis(12));
        for _ in 0..1000 {
            assert!(random.below(3) < 3 && random.unit() < 1.0);
            assert!((range.0..=range.1).contains(&random.between(range)));
        }
        assert_eq!((random.below(0), random.pick::<u8>(&[])), (0, None));
        assert_eq!(random.between((range.0, range.0)), range.0);
    }
}
