//! C5: how long a failure makes us wait.

use std::time::Duration;

use widget_turn_proto::Supply;

use crate::bench::{Bench, at, credentials, failed, secs};

fn failing(seed: u64, failures: u32) -> Bench {
    let mut bench = Bench::new(seed);
    bench.watch();
    for _ in 1..failures {
        bench.answer(failed(None));
        bench.run_to_request();
    }
    bench.answer(failed(None));
    bench
}

#[test]
fn c5_waits_grow_to_ten_minutes_and_are_jittered_in_full() {
    for failures in [1, 2, 5, 9, 40] {
        let most = secs(1) + secs(5 * 2_u64.pow(failures - 1).min(120));
        let waits: Vec<_> = (0..300)
            .map(|seed| failing(seed, failures).run_to_request())
            .collect();
        assert!(waits.iter().all(|wait| (secs(1)..=most).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < most / 4), "{failures}");
        assert!(waits.iter().any(|wait| *wait > most * 3 / 4), "{failures}");
    }
}

#[test]
fn c5_retry_after_is_waited_for_and_jittered_beyond() {
    for seconds in [0, 1, 7, 600, 3600] {
        let waits: Vec<_> = (0..100)
            .map(|seed| {
                let mut bench = Bench::new(seed);
                bench.watch();
                bench.answer(failed(Some(secs(seconds))));
                bench.run_to_request()
            })
            .collect();
        let least = secs(seconds.max(1));
        let fits = |wait: &Duration| (least..=least + secs(5)).contains(wait);
        assert!(waits.iter().all(fits), "{seconds}: {waits:?}");
        assert!(
            waits.iter().any(|wait| *wait > least + secs(1)),
            "{seconds}"
        );
    }
}

#[test]
fn c5_an_endless_retry_after_is_an_hour() {
    for endless in [secs(3601), secs(u64::MAX), Duration::MAX] {
        let mut bench = Bench::new(0);
        bench.watch();
        bench.answer(failed(Some(endless)));
        let wait = bench.run_to_request();
        assert!((secs(3600)..=secs(3605)).contains(&wait), "{wait:?}");
    }
}

#[test]
fn c5_the_cap_follows_the_lifetime_last_seen_even_after_it_ended() {
    for seed in 0..50 {
        let mut bench = Bench::ready(seed, secs(300));
        bench.run_to_request();
        while bench.now < at(86_400) {
            bench.answer(failed(None));
            let wait = bench.run_to_request();
            assert!(wait <= secs(61), "seed {seed}: {wait:?}");
        }
    }
}

#[test]
fn c5_a_success_resets_the_waits() {
    for seed in 0..100 {
        let mut bench = failing(seed, 20);
        bench.run_to_request();
        bench.answer(credentials(secs(3600)));
        bench.run_to_request();
        bench.answer(failed(None));
        assert!(bench.run_to_request() <= secs(6), "seed {seed}");
    }
}

#[test]
fn c5_a_failure_leaves_valid_credentials_alone_until_they_expire() {
    let mut bench = Bench::ready(0, secs(3600));
    bench.run_to_request();
    while bench.now < at(3600) {
        assert!(bench.is_ready(), "{:?}", bench.now);
        bench.answer(failed(None));
        let next = bench.poll_timeout().expect("somebody watches");
        bench.jump_to(next);
        if bench.in_flight.is_none() {
            break;
        }
    }
    assert_eq!(bench.now, at(3600));
    assert_eq!(*bench.supply(), Supply::Outage);
    // Trying again does not change what is said.
    bench.run_to_request();
    assert_eq!(*bench.supply(), Supply::Outage);
}

#[test]
fn c3_while_credentials_are_valid_half_of_what_is_left_is_the_longest_wait() {
    for seed in 0..100 {
        let mut bench = Bench::ready(seed, secs(3600));
        bench.run_to_request();
        while bench.now < at(3600) {
            let left = at(3600) - bench.now;
            bench.answer(failed(None));
            let wait = bench.run_to_request();
            assert!(wait <= (left / 2).max(secs(1)), "seed {seed}: {wait:?}");
        }
    }
}

#[test]
fn c5_clients_whose_credentials_have_just_expired_do_not_come_back_together() {
    let waits: Vec<_> = (0..50)
        .map(|seed| {
            let mut bench = Bench::ready(seed, secs(3600));
            bench.run_to_request();
            // The failure is heard of before the time.
            bench.now = at(3600);
            bench.answer(failed(None));
            bench.run_to_request()
        })
        .collect();
    assert!(waits.iter().any(|wait| *wait > secs(4)), "{waits:?}");
}

#[test]
fn c5_an_outage_of_an_hour_costs_a_few_dozen_requests() {
    for seed in 0..50 {
        let mut bench = Bench::ready(seed, secs(3600));
        bench.run_to_request();
        let end = bench.now + secs(3600);
        while bench.now < end {
            bench.answer(failed(None));
            bench.run_to_request();
        }
        let requests = bench.requests.len();
        assert!(requests < 60, "seed {seed}: {requests}");
    }
}
