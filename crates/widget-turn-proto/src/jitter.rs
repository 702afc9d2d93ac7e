//! Random waits, so that many who failed together do not try again together.

use std::time::Duration;

/// Random numbers from a seed: SplitMix64, whose whole state is one number.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Evenly spread over `0..=most`.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // The upper 32 bits as a fraction: a span of an hour is still cut finer than a microsecond.
        most.mul_f64((bits >> 32) as f64 / f64::from(u32::MAX))
    }

    /// Full jitter after `failures` earlier ones: `U(0, min(cap, 5 s · 2ⁿ))`.
    pub(crate) fn back_off(&mut self, failures: u32, cap: Duration) -> Duration {
        let grown = Duration::from_secs(5).saturating_mul(2_u32.saturating_pow(failures));
        self.up_to(grown.min(cap))
    }
}

#[cfg(test)]
mod tests {
    use super::Jitter;
    use std::time::Duration;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn c5_jitter_is_full_and_bounded_and_comes_from_the_seed() {
        for seed in 0..50 {
            let mut jitter = Jitter::new(seed);
            let drawn: Vec<_> = (0..200).map(|_| jitter.up_to(secs(10))).collect();
            assert!(drawn.iter().all(|wait| *wait <= secs(10)), "seed {seed}");
            assert!(drawn.iter().any(|wait| *wait < secs(1)), "seed {seed}");
            assert!(drawn.iter().any(|wait| *wait > secs(9)), "seed {seed}");
            for failures in [0, 3, 31, 32, u32::MAX] {
                assert!(
                    jitter.back_off(failures, secs(60)) <= secs(60),
                    "seed {seed}"
                );
            }
            assert!(jitter.back_off(1, secs(600)) <= secs(10), "seed {seed}");
        }
        assert_eq!(
            Jitter::new(7).up_to(secs(10)),
            Jitter::new(7).up_to(secs(10))
        );
    }
}
