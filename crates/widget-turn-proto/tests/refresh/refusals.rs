//! C6: accounts that get no TURN, and homeservers that have none.

use widget_turn_proto::{Fetched, Supply};

use crate::bench::{
    Bench, api_error, at, credentials, failed, forbidden, no_turn, secs, unauthorized,
};

fn after(seed: u64, answer: Fetched) -> Bench {
    let mut bench = Bench::new(seed);
    bench.watch();
    bench.answer(answer);
    bench
}

fn is_unavailable(bench: &Bench) -> bool {
    matches!(bench.supply(), Supply::Unavailable(_))
}

#[test]
fn c6_a_refused_account_is_not_asked_again_by_itself() {
    for answer in [forbidden(), unauthorized()] {
        let mut bench = after(0, answer);
        assert!(is_unavailable(&bench));
        assert_eq!(bench.poll_timeout(), None);
        bench.run(secs(30 * 86_400));
        assert_eq!(bench.requests.len(), 1);
    }
}

#[test]
fn c6_a_new_watcher_asks_again_after_a_minute() {
    for answer in [forbidden(), unauthorized()] {
        let mut bench = after(0, answer);
        bench.run_to(at(59));
        bench.watch();
        assert!(is_unavailable(&bench), "not more than once a minute");
        bench.run_to(at(60));
        bench.watch();
        assert_eq!(bench.requests, [at(0), at(60)]);
        assert_eq!(*bench.supply(), Supply::Pending, "the new watcher waits");
        bench.answer(credentials(secs(3600)));
        assert!(bench.is_ready());
    }
}

#[test]
fn c6_a_wake_asks_again_but_once_a_minute() {
    for answer in [forbidden(), unauthorized(), no_turn()] {
        let mut bench = after(0, answer.clone());
        while bench.now < at(3600) {
            bench.run(secs(1));
            bench.wake();
            if bench.in_flight.is_some() {
                bench.answer(answer.clone());
            }
        }
        assert_eq!(bench.requests.len(), 61, "{answer:?}");
    }
}

#[test]
fn c6_a_wake_within_the_minute_is_not_lost() {
    // A token that was refreshed seconds after its 401: the ones who watch get their credentials without a second wake.
    for answer in [unauthorized(), forbidden(), no_turn()] {
        let mut bench = after(0, answer.clone());
        bench.run_to(at(3));
        bench.wake();
        assert!(is_unavailable(&bench), "{answer:?}");
        bench.run_to_request();
        assert_eq!(bench.requests, [at(0), at(60)], "{answer:?}");
        bench.answer(credentials(secs(3600)));
        assert!(bench.is_ready(), "{answer:?}");
    }
}

#[test]
fn c6_a_wake_while_nobody_watches_counts_for_the_next_watcher() {
    let mut bench = after(0, no_turn());
    bench.unwatch();
    bench.run_to(at(100));
    bench.wake();
    bench.run_to(at(200));
    assert_eq!(bench.requests, [at(0)]);
    bench.watch();
    assert_eq!(bench.requests, [at(0), at(200)]);
}

#[test]
fn c6_a_homeserver_without_turn_is_asked_every_hour_give_or_take_a_fifth() {
    let waits: Vec<_> = (0..300)
        .map(|seed| after(seed, no_turn()).run_to_request())
        .collect();
    let hourly = secs(48 * 60)..=secs(72 * 60);
    assert!(waits.iter().all(|wait| hourly.contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait < secs(50 * 60)));
    assert!(waits.iter().any(|wait| *wait > secs(70 * 60)));
}

#[test]
fn c6_a_new_watcher_does_not_ask_a_homeserver_without_turn() {
    let mut bench = after(0, no_turn());
    for _ in 0..40 {
        bench.run(secs(70));
        bench.watch();
        assert!(is_unavailable(&bench));
    }
    assert_eq!(bench.requests.len(), 1);
}

#[test]
fn c6_a_refusal_leaves_valid_credentials_alone_until_they_expire() {
    for answer in [forbidden(), unauthorized(), no_turn()] {
        let mut bench = Bench::ready(0, secs(3600));
        bench.run_to_request();
        bench.answer(answer);
        assert!(bench.is_ready());
        bench.run_to(at(3599));
        assert!(bench.is_ready());
        bench.run_to(at(3600));
        assert!(is_unavailable(&bench));
    }
}

#[test]
fn c6_a_refused_account_whose_homeserver_then_fails_is_in_an_outage() {
    let mut bench = after(0, forbidden());
    bench.run_to(at(60));
    bench.watch();
    bench.answer(failed(None));
    assert_eq!(*bench.supply(), Supply::Outage);
    bench.run_to_request();
    bench.answer(credentials(secs(60)));
    assert!(bench.is_ready());
}

#[test]
fn c5_a_refusal_with_retry_after_is_obeyed() {
    for seconds in [0, 61, 600] {
        let error = api_error(403, Some(secs(seconds)));
        let mut bench = after(0, Fetched::Forbidden(error));
        bench.wake();
        bench.run_to_request();
        assert_eq!(bench.now, at(seconds.max(60)));
    }
}
