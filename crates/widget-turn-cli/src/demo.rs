//! `widget-turn demo`: a widget that tries its TURN credentials, with all that it needs.

pub(crate) mod widget_server;
