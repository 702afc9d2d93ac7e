//! C1 and C7: who pays for a request, and who may cause one.

use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher, Supply, Unavailable};

use crate::bench::{Bench, at, credentials, failed, forbidden, no_turn, secs, unauthorized};

#[test]
fn c1_ten_thousand_watchers_cost_one_request_a_lifetime() {
    let mut bench = Bench::new(0);
    for _ in 0..10_000 {
        bench.watch();
    }
    assert_eq!(bench.requests.len(), 1);
    while bench.now < at(86_400) {
        bench.answer(credentials(secs(3600)));
        bench.run_to_request();
    }
    // 86,400 s in steps of 42 to 48 minutes.
    assert!((30..=36).contains(&bench.requests.len()));
}

#[test]
fn c1_a_new_watcher_gets_the_cached_value_at_once_and_costs_nothing() {
    let mut bench = Bench::ready(0, secs(3600));
    bench.run(secs(600));
    bench.watch();
    assert!(bench.is_ready());
    bench.unwatch();
    bench.unwatch();
    bench.run(secs(600));
    bench.watch();
    assert!(bench.is_ready(), "c7: the cache outlives the last watcher");
    assert_eq!(bench.requests.len(), 1);
}

#[test]
fn c1_a_watcher_joins_the_request_in_flight() {
    let mut bench = Bench::new(0);
    bench.watch();
    bench.jump_to(at(5));
    bench.watch();
    bench.unwatch();
    bench.unwatch();
    bench.watch();
    assert_eq!(bench.requests.len(), 1);
    bench.answer(credentials(secs(60)));
    assert!(bench.is_ready());
}

#[test]
fn c7_nothing_is_fetched_while_nobody_watches() {
    for answer in [credentials(secs(60)), failed(None), no_turn(), forbidden()] {
        let mut bench = Bench::new(0);
        bench.run(secs(86_400));
        assert_eq!(bench.requests, []);
        bench.watch();
        bench.unwatch();
        bench.answer(answer.clone());
        for _ in 0..1000 {
            bench.run(secs(100));
            bench.wake();
        }
        assert_eq!(bench.requests.len(), 1, "{answer:?}");
    }
}

#[test]
fn c7_what_is_fetched_for_who_is_about_to_watch_is_fetched_once_and_there_at_the_watch() {
    let mut bench = Bench::new(0);
    for _ in 0..10 {
        bench.prefetch();
    }
    bench.answer(credentials(secs(3600)));
    bench.prefetch();
    bench.run(secs(600));
    bench.watch();
    assert!(bench.is_ready());
    bench.prefetch();
    assert_eq!(bench.requests, [at(0)]);

    bench.unwatch();
    bench.run(secs(86_400));
    assert_eq!(bench.requests, [at(0)], "it is not refreshed");
    bench.prefetch();
    assert_eq!(bench.requests, [at(0), at(87_000)], "it has expired");
}

#[test]
fn c6_who_is_about_to_watch_does_not_ask_again_where_the_account_was_refused() {
    for answer in [no_turn(), forbidden(), unauthorized(), failed(None)] {
        let mut bench = Bench::new(0);
        bench.prefetch();
        bench.answer(answer.clone());
        for _ in 0..10 {
            bench.prefetch();
        }
        assert_eq!(bench.requests.len(), 1, "{answer:?}");
        bench.watch();
        assert_ne!(
            *bench.supply(),
            Supply::Pending,
            "{answer:?}: known at once"
        );
    }
}

#[test]
fn c7_what_expired_while_nobody_watched_is_fetched_for_the_next_watcher() {
    let mut bench = Bench::ready(0, secs(3600));
    bench.unwatch();
    bench.jump_to(at(3600));
    assert_eq!(bench.poll_timeout(), None);
    bench.watch();
    assert!(!bench.is_ready());
    assert_eq!(bench.requests, [at(0), at(3600)]);
}

#[test]
fn c7_what_ran_into_its_margin_while_nobody_watched_is_handed_out_and_refreshed() {
    let mut bench = Bench::ready(0, secs(3600));
    bench.unwatch();
    bench.jump_to(at(3599));
    bench.watch();
    assert!(bench.is_ready());
    assert_eq!(bench.requests, [at(0), at(3599)]);
}

#[test]
fn c7_watching_and_unwatching_in_a_loop_asks_no_more_often_than_watching() {
    for (name, answer) in [
        ("ready", credentials(secs(3600))),
        ("short", credentials(secs(10))),
        ("failing", failed(None)),
        ("limited", failed(Some(secs(90)))),
        ("no TURN", no_turn()),
    ] {
        let steady = requests_in_a_day(&answer, false);
        let looping = requests_in_a_day(&answer, true);
        // A loop finds what is due up to a step of its own later.
        assert!(looping <= steady, "{name}: {looping} for {steady}");
    }
    for (name, answer) in [("403", forbidden()), ("401", unauthorized())] {
        assert_eq!(requests_in_a_day(&answer, false), 1, "{name}");
        let looping = requests_in_a_day(&answer, true);
        assert!(looping <= 24 * 60, "{name}: {looping} a day");
    }
}

/// With a watcher that stays, or one that comes and goes every 1.7 s.
fn requests_in_a_day(answer: &widget_turn_proto::Fetched, looping: bool) -> usize {
    let mut bench = Bench::new(11);
    bench.watch();
    while bench.now < at(86_400) {
        if bench.in_flight.is_some() {
            bench.answer(answer.clone());
        }
        if looping {
            bench.unwatch();
            bench.run(std::time::Duration::from_millis(1700));
            bench.watch();
        } else {
            let next = bench.poll_timeout().unwrap_or_else(|| at(86_400));
            bench.run_to(next);
        }
    }
    bench.requests.len()
}

#[test]
fn c7_one_unwatch_too_many_does_no_harm() {
    let mut bench = Bench::new(0);
    bench.unwatch();
    bench.unwatch();
    bench.watch();
    assert_eq!(bench.requests.len(), 1);
}

/// A bench in each state that there is.
fn in_every_state() -> Vec<(&'static str, Bench)> {
    let after = |answer| {
        let mut bench = Bench::new(0);
        bench.watch();
        bench.answer(answer);
        bench
    };
    let new = Bench::new(0);
    let mut fetching = Bench::new(0);
    fetching.watch();
    let mut refreshing = Bench::ready(0, secs(3600));
    refreshing.run_to_request();
    let mut unwatched = Bench::ready(0, secs(3600));
    unwatched.unwatch();
    vec![
        ("new", new),
        ("fetching", fetching),
        ("refreshing", refreshing),
        ("unwatched", unwatched),
        ("ready", after(credentials(secs(3600)))),
        ("failing", after(failed(None))),
        ("no TURN", after(no_turn())),
        ("403", after(forbidden())),
        ("401", after(unauthorized())),
    ]
}

#[test]
fn c7_a_sign_out_wipes_the_cache_in_every_state_and_ends_the_polling() {
    let over = Supply::Unavailable(Unavailable::SignedOut);
    for (state, mut bench) in in_every_state() {
        let requests = bench.requests.len();
        let in_flight = bench.in_flight.clone();
        bench.sign_out();
        assert_eq!(bench.published.last(), Some(&over), "{state}");
        if let Some(token) = in_flight {
            bench.stale_answer(&token, credentials(secs(3600)));
        }
        for _ in 0..100 {
            bench.run(secs(3600));
            bench.watch();
            bench.wake();
            bench.unwatch();
            bench.sign_out();
        }
        assert_eq!(*bench.supply(), over, "{state}");
        assert_eq!(bench.requests.len(), requests, "{state}");
        let said = bench.published.iter().filter(|supply| **supply == over);
        assert_eq!(said.count(), 1, "{state}");
    }
}

#[test]
fn c7_a_sign_out_that_comes_twice_is_told_all_the_same() {
    let mut refresher = Refresher::new(RefreshConfig::default());
    refresher.handle_watch(at(0));
    refresher.handle_sign_out(at(0));
    refresher.handle_sign_out(at(0));
    let over = Supply::Unavailable(Unavailable::SignedOut);
    assert_eq!(refresher.poll_output(), Some(RefreshOutput::Publish(over)));
    assert_eq!(refresher.poll_output(), None);
}

#[test]
fn c7_a_sign_out_takes_back_what_is_queued() {
    let mut refresher = Refresher::new(RefreshConfig::default());
    refresher.handle_watch(at(0));
    let Some(RefreshOutput::Fetch(token)) = refresher.poll_output() else {
        panic!("somebody watches");
    };
    refresher.handle_fetched(at(0), &token, credentials(secs(3600)));
    // The credentials are in the queue, and a refresh behind them.
    refresher.handle_timeout(at(3000));
    refresher.handle_sign_out(at(3000));
    let over = Supply::Unavailable(Unavailable::SignedOut);
    assert_eq!(refresher.poll_output(), Some(RefreshOutput::Publish(over)));
    assert_eq!(refresher.poll_output(), None);
    assert!(
        !format!("{refresher:?}").contains("turn:a"),
        "nothing is kept"
    );
}

#[test]
fn c9_what_is_never_taken_out_of_the_queue_does_not_pile_up() {
    let mut refresher = Refresher::new(RefreshConfig::default());
    for now in 0..10_000 {
        refresher.handle_watch(at(now));
        refresher.handle_wake(at(now));
        refresher.handle_unwatch(at(now));
        refresher.handle_timeout(at(now));
    }
    let outputs = std::iter::from_fn(|| refresher.poll_output()).count();
    assert_eq!(outputs, 1, "the one request");
}
