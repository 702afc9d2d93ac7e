//! C4: machines that sleep, clocks that jump, and wake-ups.

use widget_turn_proto::Supply;

use crate::bench::{Bench, at, credentials, failed, secs};

#[test]
fn c4_a_machine_that_slept_past_the_expiry_refreshes_on_waking() {
    for wakes in [false, true] {
        let mut bench = Bench::ready(0, secs(3600));
        bench.now = at(100_000);
        if wakes {
            bench.wake();
        } else {
            bench.jump_to(bench.now);
        }
        assert_eq!(bench.requests, [at(0), at(100_000)]);
        assert!(!bench.is_ready());
        bench.answer(credentials(secs(3600)));
        assert!(bench.is_ready());
    }
}

#[test]
fn c4_an_answer_that_slept_is_counted_from_when_it_was_asked_for() {
    let mut bench = Bench::new(0);
    bench.watch();
    bench.now = at(100_000);
    bench.answer(credentials(secs(3600)));
    assert!(!bench.is_ready());
    assert_eq!(bench.requests, [at(0), at(100_000)]);
    assert!(
        bench
            .published
            .iter()
            .all(|supply| !matches!(supply, Supply::Ready { .. }))
    );
}

#[test]
fn c4_a_wake_that_is_needless_does_nothing() {
    let mut bench = Bench::ready(0, secs(3600));
    for _ in 0..2000 {
        bench.run(secs(1));
        bench.wake();
    }
    assert_eq!(bench.requests.len(), 1);
    let mut idle = Bench::new(0);
    idle.wake();
    assert_eq!(idle.requests.len(), 0);
}

/// After 30 failures: the next try may be ten minutes away.
fn failing_for_long(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.watch();
    for _ in 0..30 {
        bench.answer(failed(None));
        bench.run_to_request();
    }
    bench
}

#[test]
fn c4_a_wake_cuts_a_back_off_short() {
    for seed in 0..50 {
        let mut bench = failing_for_long(seed);
        bench.answer(failed(None));
        bench.wake();
        assert!(bench.run_to_request() <= secs(5), "seed {seed}");
    }
}

#[test]
fn c4_after_a_wake_the_waits_begin_anew() {
    // The machine is awake some seconds before its network is: the first try still fails.
    for seed in 0..50 {
        let mut bench = failing_for_long(seed);
        bench.answer(failed(None));
        bench.jump_to(bench.now + secs(1));
        bench.wake();
        bench.run_to_request();
        bench.answer(failed(None));
        assert!(bench.run_to_request() <= secs(6), "seed {seed}");
    }
}

#[test]
fn c4_a_wake_during_a_request_that_then_fails_is_not_lost() {
    for seed in 0..50 {
        let mut bench = failing_for_long(seed);
        bench.wake();
        bench.run(secs(2));
        bench.answer(failed(None));
        assert!(bench.run_to_request() <= secs(6), "seed {seed}");
    }
}

#[test]
fn c4_waking_again_and_again_is_no_hot_loop() {
    let mut bench = failing_for_long(0);
    let before = bench.requests.len();
    let end = bench.now + secs(3600);
    while bench.now < end {
        if bench.in_flight.is_some() {
            bench.answer(failed(None));
        }
        bench.run(std::time::Duration::from_millis(300));
        bench.wake();
    }
    // Each wake-up begins the waits anew, with one of 1 s to 6 s.
    let requests = bench.requests.len() - before;
    assert!(requests < 1800, "{requests} an hour");
}

#[test]
fn c5_a_wake_does_not_cut_retry_after_short() {
    let mut bench = Bench::new(0);
    bench.watch();
    bench.answer(failed(Some(secs(600))));
    bench.wake();
    bench.run_to_request();
    assert_eq!(bench.now, at(600));
}

#[test]
fn a_clock_that_goes_back_is_taken_to_stand_still() {
    let mut bench = Bench::ready(0, secs(3600));
    bench.run_to(at(1000));
    let due = bench.poll_timeout();
    for lag in [1000, 1, 500] {
        bench.lag = secs(lag);
        bench.watch();
        bench.wake();
        bench.unwatch();
        assert!(bench.is_ready());
        assert_eq!(bench.poll_timeout(), due);
    }
    bench.lag = secs(0);
    bench.run_to_request();
    bench.jump_to(at(3600));
    bench.lag = secs(3600);
    bench.watch();
    assert!(!bench.is_ready(), "what has expired does not come back");
    bench.answer(failed(None));
    assert!(bench.poll_timeout() >= Some(at(3601)), "c5");
}

#[test]
fn late_early_and_repeated_time_outs_are_safe() {
    let mut bench = Bench::ready(0, secs(3600));
    for _ in 0..3 {
        bench.jump_to(at(10));
    }
    bench.jump_to(at(3599));
    bench.jump_to(at(3599));
    assert_eq!(bench.requests, [at(0), at(3599)]);
    assert!(bench.is_ready());
}
