//! The fuzz targets: what must hold of any bytes.

mod both_sides;
mod bytes;
mod embedded;
mod framing;
mod operations;
mod redaction;
mod transaction;
mod watcher;

#[path = "../../crates/widget-turn-proto/tests/sim/watchman.rs"]
#[allow(dead_code, reason = "the simulation asks it for more")]
mod watchman;

#[path = "../../crates/widget-turn-proto/tests/watcher/harness.rs"]
#[allow(dead_code, reason = "the tests ask it for more")]
mod harness;

/// What the command reads from the network without any I/O. It is no library: its modules are taken by their files.
#[path = "../../crates/widget-turn-cli/src/credentials.rs"]
#[allow(dead_code, reason = "the command asks them for more")]
mod credentials;
#[path = "../../crates/widget-turn-cli/src/stun"]
#[allow(dead_code, reason = "the command asks them for more")]
mod stun {
    pub(crate) mod framing;
    pub(crate) mod request;
    pub(crate) mod transaction;
}

pub use both_sides::both_sides;
pub use bytes::{handshake, layer, turn_server, uri, watcher};
pub use embedded::embedded;
pub use framing::framing;
pub use operations::operations;
pub use redaction::redaction;
pub use transaction::transaction;
pub use watcher::watcher_operations;

/// What eats bytes, and panics if something does not hold.
pub type Target = fn(&[u8]);

/// Each target, by the name of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 12] = [
    ("layer", layer),
    ("handshake", handshake),
    ("turn_server", turn_server),
    ("uri", uri),
    ("operations", operations),
    ("watcher", watcher),
    ("watcher_operations", watcher_operations),
    ("both_sides", both_sides),
    ("framing", framing),
    ("transaction", transaction),
    ("embedded", embedded),
    ("redaction", redaction),
];
