//! Our widget side in our host: a watcher, a layer over the bare handshake, and a refresher, wired back to back, with
//! messages under way in both directions while consumers come and go, pages reload, people decide and homeservers fail.

mod stage;
mod wire;

use stage::{Homeserver, Stage};

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Says which seed it was, if the walk ends in a panic.
pub(crate) struct Seed(pub(crate) u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

fn step(stage: &mut Stage, random: &mut Random) {
    match random.below(100) {
        0..16 => stage.join(),
        16..30 => stage.leave(random.below(8)),
        30..44 => stage.look(random.below(8)),
        44..60 => stage.deliver_to_widget(),
        60..76 => stage.deliver_to_host(),
        76..80 => stage.pass(random.below(50)),
        80..84 => stage.settle(random.below(100) * 1000),
        84..87 => stage.settle(random.below(3600) * 1000),
        87..90 => stage.decide(random.below(4) > 0),
        90..92 => stage.wish(),
        92..93 => stage.reload(random.below(2) == 0, random.below(2) == 0),
        93..98 => {
            stage.homeserver = match random.below(8) {
                0 => Homeserver::Fails(503),
                1 => Homeserver::Fails(429),
                2 => Homeserver::Fails(403),
                3 => Homeserver::HasNone,
                _ => Homeserver::Works,
            }
        }
        _ => stage.homeserver_answers(),
    }
}

fn walk(seed: u64, steps: usize) -> Vec<String> {
    let _told = Seed(seed);
    let mut random = Random::new(seed);
    let mut stage = Stage::new(random.below(u64::MAX));
    for _ in 0..steps {
        step(&mut stage, &mut random);
    }
    stage.homeserver = Homeserver::Works;
    stage.settle(4 * 3_600_000);
    stage.all_is_as_it_should_be();
    // Whatever was before, a new page that is granted TURN gets it.
    stage.reload(true, random.below(2) == 0);
    stage.decide_from_now_on(true);
    stage.join();
    stage.settle(4 * 3_600_000);
    stage.everybody_has_the_newest();
    stage.everybody_leaves();
    stage.settle(60_000);
    stage.all_is_as_it_should_be();
    stage.said()
}

#[test]
fn whatever_happens_in_whatever_order_both_sides_keep_the_rules() {
    for seed in 0..200 {
        walk(seed, 150);
    }
}

#[test]
fn the_same_facts_give_the_same_bytes_on_both_sides() {
    for seed in 0..20 {
        assert_eq!(walk(seed, 150), walk(seed, 150), "seed {seed}");
    }
}

#[test]
fn c3_a_day_of_refreshes_reaches_every_consumer_in_time() {
    let mut stage = Stage::new(7);
    stage.decide_from_now_on(true);
    stage.join();
    stage.join();
    for minute in 0..24 * 60 {
        stage.settle(60_000);
        stage.look(minute % 3);
        stage.holds_unexpired();
    }
    stage.everybody_has_the_newest();
    assert!(
        stage.fetches() > 24 && stage.fetches() < 40,
        "{} fetches",
        stage.fetches()
    );
    stage.everybody_leaves();
    stage.settle(1000);
    stage.all_is_as_it_should_be();
}
