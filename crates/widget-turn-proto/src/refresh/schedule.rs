//! The arithmetic of rules C2 and C5: margins, caps and jitter.

use std::time::Duration;

/// How long before their expiry credentials are refreshed at the latest (rule C2).
pub(super) fn margin(ttl: Duration) -> Duration {
    (ttl / 5)
        .clamp(Duration::from_secs(60), Duration::from_secs(3600))
        .min(ttl / 2)
}

/// The longest jitter between two tries after failures, by the lifetime last seen (rule C5).
pub(super) fn backoff_cap(ttl: Option<Duration>) -> Duration {
    let longest = Duration::from_secs(600);
    ttl.map_or(longest, |ttl| {
        (ttl / 6).clamp(Duration::from_secs(60), longest)
    })
}

/// Random numbers from a seed: SplitMix64, whose whole state is one number.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Evenly spread over `0..=most`.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // The upper 32 bits as a fraction: a span of an hour is still cut finer than a microsecond.
        most.mul_f64((bits >> 32) as f64 / f64::from(u32::MAX))
    }

    /// Full jitter after `failures` earlier ones: `U(0, min(cap, 5 s · 2ⁿ))`.
    pub(super) fn back_off(&mut self, failures: u32, cap: Duration) -> Duration {
        let grown = Duration::from_secs(5).saturating_mul(2_u32.saturating_pow(failures));
        self.up_to(grown.min(cap))
    }
}

#[cfg(test)]
mod tests {
    use super::{Jitter, backoff_cap, margin};
    use std::time::Duration;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn c2_margins_for_the_lifetimes_that_homeservers_give() {
        for (ttl, expected) in [
            (86_400, 3600),
            (3600, 720),
            (300, 60),
            (60, 30),
            (10, 5),
            (0, 0),
        ] {
            assert_eq!(margin(secs(ttl)), secs(expected), "ttl {ttl}");
        }
    }

    #[test]
    fn c5_caps_follow_the_lifetime() {
        assert_eq!(backoff_cap(None), secs(600));
        assert_eq!(backoff_cap(Some(secs(86_400))), secs(600));
        assert_eq!(backoff_cap(Some(secs(1200))), secs(200));
        assert_eq!(backoff_cap(Some(secs(60))), secs(60));
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
