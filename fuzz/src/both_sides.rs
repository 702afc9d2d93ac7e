//! Lists of operations over both sides, the widget's and the host's, with messages under way between them: two bytes each,
//! what happens and how.

#[path = "../../crates/widget-turn-proto/tests/watcher/cross/stage.rs"]
#[allow(dead_code, reason = "the tests ask it for more")]
mod stage;
#[path = "../../crates/widget-turn-proto/tests/watcher/cross/wire.rs"]
mod wire;

use stage::{Homeserver, Stage};

/// More tell nothing new, and take long.
const MOST: usize = 150;

/// The first byte is the seed, the rest is what happens. In the end all works, and a new page gets the newest servers.
pub fn both_sides(data: &[u8]) {
    let Some((seed, rest)) = data.split_first() else {
        return;
    };
    let mut stage = Stage::new(u64::from(*seed));
    for operation in rest.chunks_exact(2).take(MOST) {
        happens(&mut stage, operation[0], u64::from(operation[1]));
    }
    stage.homeserver = Homeserver::Works;
    stage.settle(4 * 3_600_000);
    stage.all_is_as_it_should_be();
    stage.reload(true, seed & 1 == 0);
    stage.decide_from_now_on(true);
    stage.join();
    stage.settle(4 * 3_600_000);
    stage.everybody_has_the_newest();
    stage.holds_unexpired();
    stage.everybody_leaves();
    stage.settle(60_000);
    stage.all_is_as_it_should_be();
}

fn happens(stage: &mut Stage, what: u8, how: u64) {
    match what % 16 {
        0 | 1 => stage.join(),
        2 => stage.leave(how),
        3 => stage.look(how),
        4..=6 => stage.deliver_to_widget(),
        7..=9 => stage.deliver_to_host(),
        10 => stage.pass(how),
        11 => stage.settle(how.pow(3)),
        12 => stage.decide(how & 3 > 0),
        13 if how & 1 == 0 => stage.wish(),
        13 => stage.reload(how & 2 == 0, how & 4 == 0),
        14 => {
            stage.homeserver = match how % 8 {
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
