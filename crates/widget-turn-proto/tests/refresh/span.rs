//! Random spans of time.

use std::time::Duration;

use crate::random::Random;

impl Random {
    fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly spread between the two, in seconds.
    pub(crate) fn span(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(least + (most - least) * self.fraction())
    }

    /// Spread between the two so that every order of magnitude comes up as often, in seconds.
    pub(crate) fn log_span(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(least * (most / least).powf(self.fraction()))
    }
}
