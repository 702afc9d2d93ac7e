//! The scripts of `conformance/`, played to `TurnLayer` over `HandshakeHost`.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

mod faulty;
mod layer;
#[path = "../../../../conformance/rust/pattern.rs"]
mod pattern;
#[path = "../../../../conformance/rust/player.rs"]
mod player;
#[path = "../../../../conformance/rust/report.rs"]
mod report;
#[path = "../../../../conformance/rust/script.rs"]
mod script;

use layer::Layer;
use player::play;
use report::{Outcome, failures, report};
use script::{Need, Script, scripts};

#[test]
fn every_script_passes() {
    let outcome = |script: &Script| {
        let outcome = match script.needs.iter().find_map(|need| missing(*need)) {
            Some(why) => Outcome::Unseen(why),
            // Jitter comes from the seed: what holds, holds for each.
            None => {
                Outcome::Played((0..20).try_for_each(|seed| play(script, &mut Layer::new(seed))))
            }
        };
        (script.name.clone(), outcome)
    };
    let outcomes: Vec<_> = scripts().iter().map(outcome).collect();
    report("TurnLayer over HandshakeHost", &outcomes);
    let failures = failures(&outcomes);
    assert!(failures.is_empty(), "\n{failures}");
}

/// Why a script cannot be played to the layer.
fn missing(need: Need) -> Option<&'static str> {
    match need {
        Need::Turn | Need::Poll | Need::Log => None,
        Need::Close => Some("a machine without I/O has no end: what drives it drops it"),
        Need::Window => Some("text goes in: whoever brings it knows the window"),
    }
}
