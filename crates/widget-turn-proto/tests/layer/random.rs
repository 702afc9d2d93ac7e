//! A seeded walk through all that can happen, in any order, under the eyes of [`Watchman`](watchman::Watchman).

mod facts;
mod watchman;

use facts::Walk;

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).expect("an index")]
    }
}

/// Says which seed it was, if the walk ends in a panic.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

fn walk(seed: u64, steps: usize) -> Vec<String> {
    let _told = Seed(seed);
    let mut walk = Walk::new(Random(seed));
    for _ in 0..steps {
        walk.step();
    }
    walk.end()
}

#[test]
fn whatever_happens_in_whatever_order_the_rules_hold() {
    for seed in 0..800 {
        walk(seed, 120);
    }
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    for seed in 0..20 {
        assert_eq!(walk(seed, 200), walk(seed, 200), "seed {seed}");
    }
}
