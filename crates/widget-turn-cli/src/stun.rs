//! STUN and TURN on the wire, for both ends.

pub(crate) mod framing;
pub(crate) mod request;
pub(crate) mod transaction;
