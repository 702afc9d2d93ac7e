//! STUN and TURN on the wire, for both ends.

pub(crate) mod framing;
#[cfg_attr(not(test), expect(dead_code, reason = "for the command `check`"))]
pub(crate) mod request;
#[cfg_attr(not(test), expect(dead_code, reason = "for the command `check`"))]
pub(crate) mod transaction;
