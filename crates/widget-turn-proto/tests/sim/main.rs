//! Widgets, layers, hosts, feeds and a homeserver on one clock, with seeded faults, for as long as one likes: years go by
//! in seconds. What must always hold is looked at after every step, and named after its rule.
//!
//! ```sh
//! SIM_WORLDS=100000 cargo test -p widget-turn-proto --test sim --release
//! ```
//!
//! runs more worlds, `SIM_SEED` begins with another one than 0. A failure says how to repeat it.

mod account;
#[path = "../refresh/bench.rs"]
#[allow(dead_code, reason = "the tests of the rules need more of it")]
mod bench;
mod clock;
mod event;
mod homeserver;
mod page;
mod premise;
#[path = "../refresh/random.rs"]
mod random;
#[path = "../refresh/span.rs"]
mod span;
mod tally;
mod watchman;
mod widget;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tally::Tally;
use widget_turn_proto::TurnLayer;
use world::World;

/// Counts bytes while a profiler is there, and nothing else.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// One test at a time, since the counter is the process's.
static TURN: Mutex<()> = Mutex::new(());

const WORLDS: u64 = 120;
const STEPS: usize = 1000;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("expected a number in {name}, got {text:?}")),
        Err(_) => default,
    }
}

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(seed: u64, closed: fn(TurnLayer)) -> (u64, Tally) {
    let case = AssertUnwindSafe(|| {
        let mut world = World::new(seed, closed);
        for _ in 0..STEPS {
            world.step();
        }
        world.end()
    });
    catch_unwind(case).unwrap_or_else(|panic| {
        eprintln!(
            "to repeat: SIM_SEED={seed} SIM_WORLDS=1 cargo test -p widget-turn-proto --test sim"
        );
        resume_unwind(panic)
    })
}

#[test]
fn whatever_happens_in_whatever_order_the_rules_hold() {
    let _turn = turn();
    let (first, worlds) = (setting("SIM_SEED", 0), setting("SIM_WORLDS", WORLDS));
    let mut tally = Tally::default();
    for seed in first..first + worlds {
        tally.add(&run(seed, drop).1);
    }
    for (what, count) in tally.all() {
        println!("{what}: {count}");
    }
    if worlds >= WORLDS {
        // Otherwise the worlds are too kind to say anything.
        for (what, least) in [
            ("answered too late", 100),
            ("clock set", 100),
            ("closed while watching", 100),
            ("refused", 100),
            ("refused watches", 100),
            ("reloads", 100),
            ("rescued", 100),
            ("slept", 100),
            ("updates", 1000),
            ("watches", 1000),
        ] {
            assert!(tally.of(what) >= least, "{what}: {}", tally.of(what));
        }
    }
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    let _turn = turn();
    for seed in 0..4 {
        assert_eq!(run(seed, drop).0, run(seed, drop).0, "seed {seed}");
    }
}

#[test]
fn c9_a_layer_holds_little_in_whatever_state_it_is_closed() {
    let _turn = turn();
    let _profiler = dhat::Profiler::builder().testing().build();
    for seed in 0..4 {
        run(seed, |layer| {
            let before = dhat::HeapStats::get().curr_bytes;
            drop(layer);
            let held = before - dhat::HeapStats::get().curr_bytes;
            // Some pages flood it with requests of 4 KiB, of which it keeps 16 of a kind.
            assert!(held <= 220 * 1024, "c9: {held} bytes");
        });
    }
}
