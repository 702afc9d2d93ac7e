//! What `widget-turn demo` starts in one process: a homeserver's TURN endpoint, a TURN server, and the secret they share.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the command that starts these is not written yet")
)]

pub(crate) mod credentials;
pub(crate) mod homeserver;
pub(crate) mod turn_server;
