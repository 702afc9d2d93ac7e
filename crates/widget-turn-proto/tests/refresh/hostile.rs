//! Callers, homeservers and clocks that do anything at any time: what [`Bench`] checks after every step holds.

use std::time::Duration;

use widget_turn_proto::Fetched;

use crate::bench::{Bench, api_error, credentials, failed, forbidden, no_turn, secs, unauthorized};
use crate::random::Random;

fn any_span(random: &mut Random) -> Duration {
    match random.below(5) {
        0 => Duration::ZERO,
        1 => Duration::from_nanos(random.below(3)),
        2 => random.span(0.0, 5.0),
        _ => random.log_span(0.001, 200_000.0),
    }
}

fn any_answer(random: &mut Random) -> Fetched {
    match random.below(12) {
        0..=3 => credentials(any_span(random)),
        4 => no_turn(),
        5 => forbidden(),
        6 => unauthorized(),
        7 => Fetched::Unauthorized(api_error(401, Some(any_span(random)))),
        8 => failed(Some(any_span(random))),
        9 => failed(Some(Duration::MAX)),
        _ => failed(None),
    }
}

#[test]
fn whatever_comes_in_whatever_order_the_rules_hold() {
    for seed in 0..1200 {
        let mut random = Random::new(seed);
        let mut bench = Bench::new(seed);
        let mut stale = None;
        let case = std::panic::AssertUnwindSafe(|| {
            for _ in 0..150 {
                match random.below(17) {
                    0..=2 => bench.watch(),
                    3..=4 => bench.unwatch(),
                    5 => bench.wake(),
                    6 => bench.jump_to(bench.now + any_span(&mut random)),
                    7 => {
                        bench.jump_to(bench.now);
                        bench.lag = any_span(&mut random);
                    }
                    8..=9 => {
                        let span = any_span(&mut random).min(secs(7200));
                        bench.run(span);
                    }
                    10 => {
                        if let Some(token) = &stale {
                            bench.stale_answer(token, any_answer(&mut random));
                        }
                    }
                    11 if random.below(40) == 0 => bench.sign_out(),
                    12 => bench.prefetch(),
                    _ => {
                        if let Some(token) = bench.in_flight.clone() {
                            bench.jump_to(bench.now + random.span(0.0, 10.0));
                            bench.answer(any_answer(&mut random));
                            stale = Some(token);
                        }
                    }
                }
            }
        });
        if let Err(panic) = std::panic::catch_unwind(case) {
            println!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
