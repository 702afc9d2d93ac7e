//! The fuzz targets: what must hold of any bytes.

mod bytes;
mod operations;
#[path = "../../crates/widget-turn-proto/tests/sim/watchman.rs"]
#[allow(dead_code, reason = "the simulation asks it for more")]
mod watchman;

pub use bytes::{handshake, layer, turn_server, uri};
pub use operations::operations;

/// What eats bytes, and panics if something does not hold.
pub type Target = fn(&[u8]);

/// Each target, by the name of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("layer", layer),
    ("handshake", handshake),
    ("turn_server", turn_server),
    ("uri", uri),
    ("operations", operations),
];
