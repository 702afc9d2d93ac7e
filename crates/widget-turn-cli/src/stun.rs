//! STUN and TURN on the wire, for both ends.

pub(crate) mod framing;
