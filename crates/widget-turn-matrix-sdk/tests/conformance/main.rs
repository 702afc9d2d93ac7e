//! The scripts of `conformance/`, played to `TurnWidgetDriver` and to the SDK's driver alone, in a room of a mock homeserver.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "../mock/account.rs"]
mod account;
mod drivers;
mod log;
#[path = "../../../../conformance/rust/pattern.rs"]
mod pattern;
mod place;
#[path = "../../../../conformance/rust/player.rs"]
mod player;
#[path = "../../../../conformance/rust/report.rs"]
mod report;
#[path = "../../../../conformance/rust/script.rs"]
mod script;

use drivers::Driver;
use place::{Place, Scene};
use player::play;
use report::{Outcome, failures, report};
use script::{Need, Script, scripts};

fn outcomes(
    start: impl Fn(&Place, &Script) -> Driver,
    missing: impl Fn(Need) -> Option<&'static str>,
) -> Vec<(String, Outcome)> {
    let place = Place::new();
    let outcome = |script: &Script| {
        let outcome = match script.needs.iter().find_map(|need| missing(*need)) {
            Some(why) => Outcome::Unseen(why),
            None => {
                let mut scene = Scene::new(&place, script, &start);
                Outcome::Played(play(script, &mut scene))
            }
        };
        (script.name.clone(), outcome)
    };
    scripts().iter().map(outcome).collect()
}

/// What it cannot pass, and why.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "h5-other-capability-later",
    "a renegotiation without TURN is the SDK's, which has no MSC2974 and does not advertise it",
)];

#[test]
fn the_driver_with_turn_passes_every_script_but_the_exceptions() {
    let mut outcomes = outcomes(Driver::ours, |need| match need {
        Need::Turn | Need::Poll | Need::Close | Need::Log => None,
        Need::Window => Some("text goes in: whoever brings it knows the window"),
    });
    report("TurnLayer over matrix-sdk", &outcomes);
    for (exception, why) in EXCEPTIONS {
        let failed = |(name, outcome): &(String, Outcome)| {
            name == exception && matches!(outcome, Outcome::Played(Err(_)))
        };
        assert!(
            outcomes.iter().any(failed),
            "no exception any more: {exception}, {why}"
        );
    }
    outcomes.retain(|(name, _)| EXCEPTIONS.iter().all(|(exception, _)| name != exception));
    let failures = failures(&outcomes);
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn what_the_sdks_driver_does_alone_is_reported() {
    let outcomes = outcomes(Driver::bare, |need| match need {
        Need::Turn | Need::Poll | Need::Close | Need::Log => Some("it has no MSC3846"),
        Need::Window => Some("text goes in: whoever brings it knows the window"),
    });
    report("matrix-sdk 0.18 alone", &outcomes);
    let passed = |(_, outcome): &(_, Outcome)| matches!(outcome, Outcome::Played(Ok(())));
    assert!(
        outcomes.iter().any(passed),
        "it can do some of the handshake"
    );
}
