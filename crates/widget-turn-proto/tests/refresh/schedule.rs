//! C2: when credentials are refreshed.

use std::time::Duration;

use crate::bench::{Bench, at, credentials, secs};
use crate::random::Random;

fn margin(ttl: Duration) -> Duration {
    (ttl / 5).clamp(secs(60), secs(3600)).min(ttl / 2)
}

#[test]
fn c2_a_refresh_is_due_between_a_margin_and_a_half_before_expiry() {
    for seed in 0..500 {
        let ttl = Random::new(seed).log_span(75.0, 30.0 * 86_400.0);
        let mut bench = Bench::ready(seed, ttl);
        let due = bench.run_to_request();
        let left = ttl - due;
        let margin = margin(ttl);
        assert!(left >= margin, "seed {seed}, ttl {ttl:?}: {left:?} left");
        assert!(
            left <= margin + margin / 2 || due == secs(30),
            "seed {seed}, ttl {ttl:?}: {left:?} left"
        );
    }
}

#[test]
fn c2_refreshes_are_spread_over_half_a_margin() {
    let due: Vec<_> = (0..500)
        .map(|seed| Bench::ready(seed, secs(3600)).run_to_request())
        .collect();
    assert!(due.iter().any(|due| *due < secs(42 * 60 + 30)));
    assert!(due.iter().any(|due| *due > secs(48 * 60 - 30)));
}

#[test]
fn c2_the_lifetime_counts_from_before_the_request_was_sent() {
    for latency in [0, 1, 10, 59, 299] {
        let mut bench = Bench::new(latency);
        bench.watch();
        bench.jump_to(at(latency));
        bench.answer(credentials(secs(300)));
        assert!(bench.is_ready(), "latency {latency}");
        // Four minutes at the latest, but not before the answer.
        bench.run_to_request();
        assert!(bench.now <= at(240.max(latency)), "latency {latency}");
        bench.jump_to(at(300));
        assert!(!bench.is_ready(), "latency {latency}");
    }
}

#[test]
fn c2_credentials_that_expired_on_the_way_are_fetched_again_at_once() {
    let mut bench = Bench::new(0);
    bench.watch();
    bench.jump_to(at(61));
    bench.answer(credentials(secs(60)));
    assert!(!bench.is_ready());
    assert_eq!(bench.requests, [at(0), at(61)]);
}

#[test]
fn c2_successful_fetches_are_30_s_apart_however_short_the_lifetime() {
    for ttl in [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_nanos(2),
        Duration::from_micros(1),
        secs(1),
        secs(29),
        secs(30),
        secs(45),
        secs(59),
    ] {
        let mut bench = Bench::new(1);
        bench.watch();
        while bench.now < at(3600) {
            bench.answer(credentials(ttl));
            bench.run_to_request();
        }
        let requests = bench.requests.len();
        assert!(requests <= 121, "ttl {ttl:?}: {requests} requests an hour");
    }
}

#[test]
fn c2_the_least_interval_can_be_lowered() {
    use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher};
    let mut refresher = Refresher::new(RefreshConfig {
        seed: 3,
        min_interval: secs(1),
    });
    refresher.handle_watch(at(0));
    let Some(RefreshOutput::Fetch(token)) = refresher.poll_output() else {
        panic!("somebody watches");
    };
    refresher.handle_fetched(at(0), &token, credentials(secs(10)));
    let due = refresher.poll_timeout().expect("somebody watches");
    assert!(due >= at(2) && due <= at(5), "{due:?}");
}

#[test]
fn c2_the_longest_lifetime_and_the_last_moment_of_the_clock_do_not_overflow() {
    let mut bench = Bench::ready(0, Duration::MAX);
    bench.run(secs(100 * 365 * 86_400));
    let mut bench = Bench::new(0);
    bench.jump_to(at(u64::MAX - 10));
    bench.watch();
    bench.answer(credentials(secs(5)));
    assert!(bench.is_ready());
}
