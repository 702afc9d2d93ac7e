//! Runs each target over its corpus, and over what chance makes of it: for a bounded number of executions, on any compiler.

use std::panic::catch_unwind;
use std::path::Path;

use widget_turn_fuzz::TARGETS;

/// How often each target is run, by default.
const EXECUTIONS: u64 = 10_000;
/// No input grows beyond this, in bytes.
const LONGEST: usize = 4096;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("expected a number in {name}, got {text:?}")),
        Err(_) => default,
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % end as u64).expect("an index")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()))
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| std::fs::read(file).expect("a file that can be read"))
        .collect()
}

/// One of the corpus with some bytes changed, cut out, doubled, or taken from another.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(data.len() + 1);
        let until = (at + random.below(32)).min(data.len());
        match random.below(6) {
            0 if at < data.len() => data[at] ^= 1 << random.below(8),
            1 => data.insert(at, random.byte()),
            2 => drop(data.drain(at..until)),
            3 => {
                let copy = data[at..until].to_vec();
                data.splice(until..until, copy);
            }
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(200)).min(other.len());
                data.splice(at..until, other[from..to].iter().copied());
            }
            _ if at < data.len() => data[at] = random.byte(),
            _ => {}
        }
    }
    data.truncate(LONGEST);
    data
}

#[test]
fn the_corpus_and_what_chance_makes_of_it_hold() {
    let (seed, executions) = (
        setting("FUZZ_SEED", 0),
        setting("FUZZ_EXECUTIONS", EXECUTIONS),
    );
    let only = std::env::var("FUZZ_TARGET").ok();
    let chosen = |name: &str| only.as_deref().is_none_or(|only| only == name);
    assert!(TARGETS.iter().any(|(name, _)| chosen(name)), "{only:?}?");
    for (name, target) in TARGETS.into_iter().filter(|(name, _)| chosen(name)) {
        let seeds = corpus(name);
        assert!(!seeds.is_empty(), "corpus/{name} is empty");
        let mut random = Random(seed);
        let made = (0..executions).map(|_| mutated(&seeds, &mut random));
        for data in seeds.iter().cloned().chain(made) {
            if catch_unwind(|| target(&data)).is_err() {
                let artifact = std::env::temp_dir().join(format!("crash-{name}"));
                std::fs::write(&artifact, &data).expect("room for a crash");
                panic!(
                    "{name} does not hold, FUZZ_SEED={seed}: the input is in {}",
                    artifact.display()
                );
            }
        }
    }
}
