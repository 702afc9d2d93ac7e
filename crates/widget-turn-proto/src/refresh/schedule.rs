//! The arithmetic of rules C2 and C5: margins and caps.

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

#[cfg(test)]
mod tests {
    use super::{backoff_cap, margin};
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
}
