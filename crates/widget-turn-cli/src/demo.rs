//! `widget-turn demo`: a homeserver's TURN endpoint, a TURN server and a widget that tries them, in one process.

pub(crate) mod credentials;
pub(crate) mod homeserver;
pub(crate) mod turn_server;
pub(crate) mod widget_server;
